//! The table is the program: a case is written once, as a call to the target, and the rows make the
//! source's call of it. A wrong name or meaning in a row makes an answer come out wrong.

use super::argument::{Argument, Arguments};
use super::case::{Case, Input, OutputGradient};
use super::layout::Layout;
use super::recipe::Unrealizable;
use super::row::{Category, Row};
use super::{Mapping, Side};
use crate::call::{Answer, Backward, Call, Output, Wanted};
use crate::python::Value;
use crate::tensor::DType;

/// Why a call has no translation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Untranslatable(String);

/// The two calls of a default check.
#[derive(Clone, Debug)]
pub struct DefaultCalls {
    /// The call that leaves the parameter out.
    pub left_out: Call,
    /// The call that states the row's default.
    pub stated: Call,
}

impl Mapping {
    /// The case as it is called on the target.
    pub fn target_call(&self, case: &Case, dtype: DType, layout: Layout) -> Result<Call, Unrealizable> {
        self.call(&case.call, &case.x, &case.dy, case.gradients.wanted(), dtype, layout)
    }

    /// The target's call as the rows translate it for the source. `built` is the target's answer, from
    /// which parameters that are drawn at random are taken.
    pub fn source_call(&self, target: &Call, built: Option<&Answer>) -> Result<Call, Untranslatable> {
        let mut source = Call {
            arguments: Vec::new(),
            fill: Vec::new(),
            input: (self.input_name(Side::Torch), target.input.1.clone()),
            backward: target.backward.clone(),
        };
        for (name, value) in &target.arguments {
            let Some(row) = self.row_of(Side::Mindspore, name) else {
                // What PyTorch alone has goes to both under its name: MindSpore says that it does not know it.
                let row = self.row_of(Side::Torch, name).filter(|row| row.file.name(Side::Mindspore).is_none());
                row.ok_or_else(|| Untranslatable(format!("no row has `{name}`")))?;
                source.arguments.push((name.clone(), value.clone()));
                continue;
            };
            if row.file.is_of_several() {
                return Err(Untranslatable(format!("row `{}` is of several parameters", row.name)));
            }
            match (row.file.name(Side::Torch), &row.file.in_torch) {
                (Some(name), _) => source.arguments.push((name.to_owned(), value.clone())),
                (None, Some(instead)) => {
                    source.fill.push((instead.fill.clone(), filling(&instead.fill, value, built)?));
                }
                (None, None) => {
                    return Err(Untranslatable(format!("row `{}` does not say what is written in PyTorch", row.name)));
                }
            }
        }
        Ok(source)
    }

    /// The two calls by which a side's default of a row is tested; `None` where the row states none for it.
    pub fn default_calls(&self, row: &Row, side: Side) -> Option<Result<DefaultCalls, Untranslatable>> {
        let plain = self.call(
            &self.file.plain,
            &Input::default(),
            &OutputGradient::default(),
            Some(Wanted::ALL),
            DType::F32,
            Layout::Contiguous,
        );
        let plain = match plain {
            Ok(plain) => plain,
            Err(error) => return Some(Err(Untranslatable(error.to_string()))),
        };
        // What PyTorch lacks has its default there by what is written instead.
        let only_in_target = row.file.name(Side::Torch).is_none();
        let stated_for = if only_in_target { Side::Mindspore } else { side };
        let default = row.file.default.get(&stated_for).filter(|_| !row.file.is_of_several())?;
        let value = match default.value(row.file.name(stated_for)?, channels(&self.file.plain)) {
            Ok(value) => value,
            Err(error) => return Some(Err(Untranslatable(error.to_string()))),
        };
        let mut stated = plain.clone();
        Some(if side == Side::Mindspore || only_in_target {
            stated.arguments.push((row.file.name(Side::Mindspore)?.to_owned(), value));
            match side {
                Side::Mindspore => Ok(DefaultCalls { left_out: plain, stated }),
                Side::Torch => self
                    .source_call(&plain, None)
                    .and_then(|left_out| Ok(DefaultCalls { left_out, stated: self.source_call(&stated, None)? })),
            }
        } else {
            self.source_call(&plain, None).map(|left_out| {
                let mut stated = left_out.clone();
                stated.arguments.push((row.file.name(Side::Torch).expect("not only in target").to_owned(), value));
                DefaultCalls { left_out, stated }
            })
        })
    }

    /// The forward call's keyword on a side, as the input's row has it.
    fn input_name(&self, side: Side) -> String {
        let row = self.rows.iter().find(|row| row.file.category == Category::Input);
        let name = row.and_then(|row| row.file.name(side)).or(self.api(side).forward.first().map(String::as_str));
        name.unwrap_or_default().to_owned()
    }

    fn call(
        &self,
        arguments: &Arguments,
        x: &Input,
        dy: &OutputGradient,
        wanted: Option<Wanted>,
        dtype: DType,
        layout: Layout,
    ) -> Result<Call, Unrealizable> {
        let channels = channels(arguments);
        let shape = x.shape_for(channels);
        let named = |(name, argument): &(String, Argument)| Ok((name.clone(), argument.value(name, channels)?));
        Ok(Call {
            arguments: arguments.0.iter().map(named).collect::<Result<_, Unrealizable>>()?,
            fill: Vec::new(),
            input: (self.input_name(Side::Mindspore), x.values.realize("x", &shape, &x.set, dtype, layout)?),
            backward: match wanted {
                Some(wanted) => {
                    Some(Backward { dy: dy.values.realize("dy", &shape, &dy.set, dtype, dy.layout)?, wanted })
                }
                None => None,
            },
        })
    }
}

/// The number of channels that a call means, for what takes its shape from it.
pub(super) fn channels(arguments: &Arguments) -> usize {
    match arguments.get("num_channels") {
        Some(Argument::Int(n)) if (1..1 << 24).contains(n) => *n as usize,
        _ => 6,
    }
}

/// What a user writes into `attribute` in place of one of MindSpore's initialisers.
fn filling(attribute: &str, initialiser: &Value, built: Option<&Answer>) -> Result<Value, Untranslatable> {
    let name = match initialiser {
        Value::Bool(v) => return Ok(Value::Float(f64::from(u8::from(*v)))),
        Value::Int(v) => return Ok(Value::Float(*v as f64)),
        Value::Float(_) | Value::Tensor(_) => return Ok(initialiser.clone()),
        Value::Str(name) => name.to_ascii_lowercase(),
        Value::None | Value::List(_) | Value::DType(_) => {
            return Err(Untranslatable(format!("`{initialiser}` is no initialiser: nothing can be filled with it")));
        }
    };
    match name.as_str() {
        "one" | "ones" => Ok(Value::Float(1.0)),
        "zero" | "zeros" => Ok(Value::Float(0.0)),
        "normal" | "uniform" => {
            let output = if attribute == "bias" { Output::Beta } else { Output::Gamma };
            let array = built.and_then(|answer| answer.get(output)).filter(|array| array.kept.is_none());
            let array = array.ok_or_else(|| Untranslatable(format!("the {name} {output} as built is not known")))?;
            Ok(Value::Tensor(array.values.clone()))
        }
        _ => Err(Untranslatable(format!("`{name}` is no initialiser: nothing can be filled with it"))),
    }
}
