//! A case as it is written in a spec: what is read of it again is the case.

use std::fmt::Write;

use super::argument::{Argument, Arguments, TensorRecipe};
use super::case::{Case, Differs, Gradients, Input, OutputGradient, Variable};
use super::layout::Layout;
use super::recipe::{Normal, Ramp, Recipe, RecipeName, Set, Steps, Uniform, Values};
use crate::python::Exception;
use crate::tensor::DType;

impl Case {
    /// The case as an item of `cases`, each key on a line of its own and everything that has its default left out.
    ///
    /// `off`, `tolerance`, `built`, `prints` and `code`, which people write, are not in it.
    pub fn to_yaml(&self) -> String {
        let mut lines = vec![("name", self.name.clone())];
        lines.extend(self.why.iter().map(|why| ("why", quoted(why))));
        lines.push(("call", self.call.to_yaml()));
        if self.x != Input::default() {
            let Input { shape, values, set } = &self.x;
            let shape = shape.as_ref().map(|shape| ("shape", format!("{shape:?}")));
            lines.push(("x", map(shape.into_iter().chain(values_and_set(values, &Values::default(), set)))));
        }
        // Without a gradient it is not given to anybody.
        if self.dy != OutputGradient::default() && self.gradients.wanted().is_some() {
            let OutputGradient { values, set, layout } = &self.dy;
            let layout = (*layout != Layout::Contiguous).then(|| ("layout", layout.name().to_owned()));
            let values = values_and_set(values, &OutputGradient::default().values, set);
            lines.push(("dy", map(values.chain(layout))));
        }
        if self.dtypes != [DType::F32] {
            lines.push(("dtypes", list(self.dtypes.iter().map(|dtype| dtype.name().to_owned()))));
        }
        if self.layouts != [Layout::Contiguous] {
            lines.push(("layouts", list(self.layouts.iter().map(|layout| layout.name().to_owned()))));
        }
        match &self.gradients {
            Gradients::All(false) => {}
            Gradients::All(true) => lines.push(("gradients", "true".to_owned())),
            Gradients::Of(some) => lines.push(("gradients", list(some.iter().map(|v| v.name().to_owned())))),
        }
        if !self.rejected.is_empty() {
            let pairs = self.rejected.iter().map(|(who, class): (_, &Exception)| (who.as_str(), class.to_string()));
            lines.push(("rejected", map(pairs)));
        }
        if let Some(Differs { how, versions, why }) = &self.differs {
            let versions = (!versions.is_empty()).then(|| ("versions", list(versions.iter().cloned())));
            let how = std::iter::once(("how", how.word().to_owned()));
            lines.push(("differs", map(how.chain(versions).chain([("why", quoted(why))]))));
        }
        let mut text = String::new();
        for (at, (key, value)) in lines.into_iter().enumerate() {
            let _ = writeln!(text, "{}{key}: {value}", if at == 0 { "  - " } else { "    " });
        }
        text
    }
}

impl Arguments {
    /// `{ num_groups: 3, num_channels: 6 }`
    pub fn to_yaml(&self) -> String {
        map(self.0.iter().map(|(name, argument)| (name.as_str(), argument.to_yaml())))
    }
}

impl Argument {
    /// As it is written in YAML.
    pub fn to_yaml(&self) -> String {
        match self {
            Argument::None => "~".to_owned(),
            Argument::Bool(v) => v.to_string(),
            Argument::Int(v) => v.to_string(),
            Argument::Float(v) => float(*v),
            Argument::Str(v) => quoted(v),
            Argument::List(items) => list(items.iter().map(Argument::to_yaml)),
            Argument::Tensor(recipe) => format!("{{ tensor: {} }}", recipe.to_yaml()),
            Argument::DType(v) => format!("{{ dtype: {v} }}"),
            Argument::Python(text) => format!("{{ python: {} }}", quoted(text)),
        }
    }
}

impl TensorRecipe {
    fn to_yaml(&self) -> String {
        let TensorRecipe { shape, values, set, dtype, layout } = self;
        let is_plain = shape.is_none() && set.is_empty() && dtype.is_none() && *layout == Layout::Contiguous;
        if is_plain && matches!(values, Values::List(_) | Values::Named(_)) {
            return values.to_yaml();
        }
        let pairs = values_and_set(values, &Values::default(), set);
        let pairs = pairs.chain(shape.as_ref().map(|shape| ("shape", format!("{shape:?}"))));
        let pairs = pairs.chain(dtype.map(|dtype| ("dtype", dtype.name().to_owned())));
        map(pairs.chain((*layout != Layout::Contiguous).then(|| ("layout", layout.name().to_owned()))))
    }
}

impl Values {
    /// As it is written in YAML.
    pub fn to_yaml(&self) -> String {
        let recipe = match self {
            Values::List(values) => return list(values.iter().map(|&v| number(v))),
            Values::Named(RecipeName::Ramp) => return "ramp".to_owned(),
            Values::Named(RecipeName::Normal) => return "normal".to_owned(),
            Values::Named(RecipeName::Uniform) => return "uniform".to_owned(),
            Values::Named(RecipeName::Steps) => return "steps".to_owned(),
            Values::Recipe(recipe) => recipe,
        };
        let stated = |pairs: &[(&'static str, f64, f64)], seed: u64| {
            let stated = pairs.iter().filter(|(_, value, default)| value.to_bits() != default.to_bits());
            let seed = (seed != 0).then(|| ("seed", seed.to_string()));
            map(stated.map(|(key, value, _)| (*key, number(*value))).chain(seed))
        };
        let (name, numbers) = match recipe {
            Recipe::Ramp(Ramp { mean, std, channel_offset, channel_scale, sample_offset, seed }) => {
                let d = Ramp::default();
                let numbers = [
                    ("mean", *mean, d.mean),
                    ("std", *std, d.std),
                    ("channel_offset", *channel_offset, d.channel_offset),
                    ("channel_scale", *channel_scale, d.channel_scale),
                    ("sample_offset", *sample_offset, d.sample_offset),
                ];
                ("ramp", stated(&numbers, *seed))
            }
            Recipe::Normal(Normal { mean, std, seed }) => {
                let d = Normal::default();
                ("normal", stated(&[("mean", *mean, d.mean), ("std", *std, d.std)], *seed))
            }
            Recipe::Uniform(Uniform { low, high, seed }) => {
                let d = Uniform::default();
                ("uniform", stated(&[("low", *low, d.low), ("high", *high, d.high)], *seed))
            }
            Recipe::Steps(Steps { from, by }) => {
                let d = Steps::default();
                ("steps", stated(&[("from", *from, d.from), ("by", *by, d.by)], 0))
            }
            Recipe::Constant(value) => ("constant", number(*value)),
        };
        format!("{{ {name}: {numbers} }}")
    }
}

impl Variable {
    /// The word in specs.
    pub fn name(self) -> &'static str {
        match self {
            Variable::X => "x",
            Variable::Gamma => "gamma",
            Variable::Beta => "beta",
        }
    }
}

fn values_and_set<'a>(
    values: &Values,
    default: &Values,
    set: &[Set],
) -> impl Iterator<Item = (&'a str, String)> + use<'a> {
    let values = (values != default).then(|| ("values", values.to_yaml()));
    let item = |Set { at, to }: &Set| format!("{{ at: {at:?}, to: {} }}", number(*to));
    let set = (!set.is_empty()).then(|| ("set", list(set.iter().map(item))));
    values.into_iter().chain(set)
}

fn map<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}: {value}")).collect();
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A float that is read as one again, in as few digits as say it.
fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    format!("{value:?}")
}

/// A number where a float is expected anyway: 1 for 1.0.
fn number(value: f64) -> String {
    let text = float(value);
    // The sign of a 0 is lost in an integer.
    if text == "-0.0" { text } else { text.strip_suffix(".0").map_or(text.clone(), str::to_owned) }
}

/// A text that is read as a text again.
fn quoted(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_ ".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(is_word)
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        return format!("{text:?}").replace("\\'", "'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    /// The call and the expectations of a case that was written and read again.
    fn again(case: &Case) -> Case {
        let text = format!("cases:\n{}", case.to_yaml());
        #[derive(serde::Deserialize)]
        struct Cases {
            cases: Vec<Case>,
        }
        let mut read: Cases = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        read.cases.remove(0)
    }

    #[test]
    fn every_case_of_the_specs_reads_as_it_was_written() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/group_norm");
        let mapping = crate::mapping::read(&folder).expect("the specs have no mistakes");
        for case in mapping.rows.iter().flat_map(|row| &row.file.cases) {
            let again = again(case);
            assert_eq!(again.to_yaml(), case.to_yaml());
            assert_eq!(again.rejected, case.rejected, "{}", case.name);
            for &dtype in &case.dtypes {
                for &layout in &case.layouts {
                    let hash = |case| mapping.target_call(case, dtype, layout).expect("it can be made").hash();
                    assert_eq!(hash(&again), hash(case), "{}", case.to_yaml());
                }
            }
        }
    }

    #[test]
    fn numbers_and_texts_keep_their_type() {
        let values = [0.0, -0.0, 1.0, -1.5, 1e-300, 1e20, 1.7976931348623157e308, 5e-324, 0.1, f64::INFINITY];
        let texts = ["ones", "true", "1e-5", "3", "", "it's", "a: b", "~", "- x", "NaN", "0x1F", ".inf", "a\nb", "é"];
        let mut call: Vec<(String, Argument)> = values.iter().map(|&v| ("f".to_owned(), Argument::Float(v))).collect();
        call.extend(texts.iter().map(|text| ("s".to_owned(), Argument::Str((*text).to_owned()))));
        for (name, argument) in call {
            let text = format!("- {name}: {}", argument.to_yaml());
            let read: Vec<Arguments> = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(read[0].0[0].1, argument, "{text}");
        }
        let list = Values::List(values.to_vec());
        let read: Values = serde_yaml::from_str(&list.to_yaml()).expect("it is a list");
        let bits = |values: &Values| values.realize("x", &[10], &[], DType::F64, Layout::Contiguous).expect("ten");
        assert!(Tensor::same_bits(&bits(&read), &bits(&list)), "{}", list.to_yaml());
    }
}
