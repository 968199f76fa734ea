//! One case of a row: a call, and what is expected of it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Side;
use super::argument::Arguments;
use super::layout::Layout;
use super::recipe::{RecipeName, Set, Values};
use crate::call::{Output, Wanted};
use crate::compare::{Precision, Tolerance};
use crate::python::Exception;
use crate::tensor::DType;

/// One concrete call under a row.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case is for, in lower case and underscores; unique in its row.
    #[schemars(extend("pattern" = "^[a-z0-9_]+$"))]
    pub name: String,
    /// Why the case is there, where its name does not say it all.
    pub why: Option<String>,
    /// The constructor's call by keyword, as it is written for MindSpore.
    pub call: Arguments,
    /// The input.
    #[serde(default)]
    pub x: Input,
    /// Gradient of the output; a bell of deviation 1 where it is not stated.
    #[serde(default)]
    pub dy: OutputGradient,
    /// The dtypes at which the case is asked.
    #[serde(default = "f32_only")]
    pub dtypes: Vec<DType>,
    /// The layouts of x in which the case is asked.
    #[serde(default = "contiguous_only")]
    pub layouts: Vec<Layout>,
    /// Which gradients are asked for: true for all.
    #[serde(default)]
    pub gradients: Gradients,
    /// Who refuses the call, and with which class: by side, or by engine.
    #[serde(default)]
    pub rejected: BTreeMap<String, Exception>,
    /// How the two sides differ on this call; the case fails when they no longer do.
    pub differs: Option<Differs>,
    /// Engines that are off on this call, each with how much.
    #[serde(default)]
    pub off: Vec<Off>,
    /// Engines that are held to another tolerance on this call.
    #[serde(default)]
    pub tolerance: Vec<Loosened>,
    /// What is claimed of parameters drawn at random.
    pub built: Option<Built>,
    /// What `print` of the output shows, on every engine.
    pub prints: Option<String>,
    /// The code of the page from which the case was made.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "enum": ["torch", "mindspore"] }))]
    pub code: BTreeMap<Side, Code>,
}

/// A program of a page.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// What is run.
    pub text: String,
    /// What each `print` shows, as far as the page tells it.
    #[serde(default)]
    pub prints: Vec<String>,
}

impl Case {
    /// The first of its dtypes: the one, where it stands alone.
    pub fn dtype(&self) -> DType {
        self.dtypes.first().copied().unwrap_or(DType::F32)
    }

    /// The first of its layouts.
    pub fn layout(&self) -> Layout {
        self.layouts.first().copied().unwrap_or_default()
    }

    /// The call at one dtype and layout, with nothing claimed of anybody but tolerances.
    #[must_use]
    pub fn alone(&self, dtype: DType, layout: Layout) -> Self {
        Self {
            why: None,
            dtypes: vec![dtype],
            layouts: vec![layout],
            rejected: BTreeMap::new(),
            differs: None,
            off: Vec::new(),
            built: None,
            prints: None,
            ..self.clone()
        }
    }
}

fn f32_only() -> Vec<DType> {
    vec![DType::F32]
}

fn contiguous_only() -> Vec<Layout> {
    vec![Layout::Contiguous]
}

/// What is given to the forward call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The shape; (2, num_channels, 5, 3) where it is not stated.
    pub shape: Option<Vec<usize>>,
    /// Where the values come from.
    #[serde(default)]
    pub values: Values,
    /// Single elements that are set after that.
    #[serde(default)]
    pub set: Vec<Set>,
}

impl Input {
    /// The shape in a call with so many channels.
    pub(super) fn shape_for(&self, channels: usize) -> Vec<usize> {
        self.shape.clone().unwrap_or_else(|| vec![2, channels, 5, 3])
    }
}

/// What is given to the backward call: a tensor of the shape of x.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputGradient {
    /// Where the values come from.
    pub values: Values,
    /// Single elements that are set after that.
    pub set: Vec<Set>,
    /// How the tensor lies in memory; that of x is in `layouts` of the case.
    pub layout: Layout,
}

impl Default for OutputGradient {
    fn default() -> Self {
        Self { values: Values::Named(RecipeName::Normal), set: Vec::new(), layout: Layout::Contiguous }
    }
}

/// Which gradients a case asks for: `true`, `false`, or a list of `x`, `gamma`, `beta`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum Gradients {
    /// All, or none.
    All(bool),
    /// Some.
    Of(Vec<Variable>),
}

/// In what a gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Variable {
    /// The input.
    X,
    /// The scale.
    Gamma,
    /// The shift.
    Beta,
}

impl Default for Gradients {
    fn default() -> Self {
        Gradients::All(false)
    }
}

impl Gradients {
    /// The gradients that are wanted; `None` where there are none.
    pub fn wanted(&self) -> Option<Wanted> {
        let of = |variable| match self {
            Gradients::All(all) => *all,
            Gradients::Of(some) => some.contains(&variable),
        };
        let wanted = Wanted { x: of(Variable::X), gamma: of(Variable::Gamma), beta: of(Variable::Beta) };
        (wanted.x || wanted.gamma || wanted.beta).then_some(wanted)
    }
}

impl<'de> Deserialize<'de> for Gradients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Gradients;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false`, or a list of `x`, `gamma`, `beta`")
            }
            fn visit_bool<E>(self, all: bool) -> Result<Gradients, E> {
                Ok(Gradients::All(all))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Gradients, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Gradients::Of)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// In what the two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// In numbers, beyond the tolerance.
    Values,
    /// In the dtype of an array.
    #[serde(rename = "dtype")]
    #[schemars(rename = "dtype")]
    DType,
    /// One refuses what the other accepts.
    Rejection,
}

impl How {
    /// The word in specs.
    pub fn word(self) -> &'static str {
        match self {
            How::Values => "values",
            How::DType => "dtype",
            How::Rejection => "rejection",
        }
    }
}

/// A difference between the two sides: an assertion that fails when the difference is gone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Differs {
    /// In what they differ.
    pub how: How,
    /// The recorded versions that differ so from all of the other side; every version where it is not stated.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Why they differ, for who ports a model.
    pub why: String,
}

/// An engine that is off on a call, beyond its tolerance: its largest absolute error against
/// `exact` is above a tenth of the bound, and not above the bound. An infinite bound is of an error
/// that is infinite: a NaN or an infinity in place of a number, or the other way about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Off {
    /// Which engine: its name, or the part of it before a version.
    pub engine: String,
    /// The array that is off.
    #[serde(default = "y")]
    pub array: Output,
    /// The dtypes at which it is off; all of the case where it is not stated.
    #[serde(default)]
    pub dtypes: Vec<DType>,
    /// The largest absolute error allowed.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub bound: f64,
    /// Why the engine is off.
    pub why: String,
}

impl Off {
    /// Whether an error is as large as it is stated to be.
    pub fn is_of(&self, error: f64) -> bool {
        if self.bound.is_infinite() { error.is_infinite() } else { self.bound / 10.0 < error && error <= self.bound }
    }
}

fn y() -> Output {
    Output::Y
}

/// Another tolerance for an engine on a call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loosened {
    /// Which engine: its name, or the part of it before a version; `sides` for the two sides held to each other.
    pub engine: String,
    /// The array that is held to it.
    #[serde(default = "y")]
    pub array: Output,
    /// Relative tolerance.
    pub rtol: Option<f64>,
    /// Absolute tolerance.
    pub atol: Option<f64>,
    /// ULP, in the unit of the array.
    pub ulp: Option<f64>,
    /// Why; needed where the tolerance is wider than the default.
    pub why: Option<String>,
}

impl Loosened {
    /// The default than which this is wider, at any of these dtypes, in words.
    pub fn wider_than(&self, dtypes: &[DType]) -> Option<String> {
        let wider = |given: Option<f64>, default: f64| given.is_some_and(|given| given > default);
        let defaults = dtypes.iter().flat_map(|&dtype| {
            [Precision::AssertClose, Precision::Ulp]
                .map(|precision| (dtype, Tolerance::of(precision, dtype, self.array)))
        });
        defaults.into_iter().find_map(|(dtype, default)| match default {
            Tolerance::Relative { rtol, .. } if wider(self.rtol, rtol) => Some(format!("rtol {rtol:e} of {dtype}")),
            Tolerance::Relative { atol, .. } if wider(self.atol, atol) => Some(format!("atol {atol:e} of {dtype}")),
            Tolerance::Ulp(ulp) if wider(self.ulp, ulp) => Some(format!("{ulp} ULP")),
            Tolerance::Relative { .. } | Tolerance::Ulp(_) => None,
        })
    }
}

/// What is claimed of parameters that are drawn at random.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// Of gamma.
    pub gamma: Option<Moments>,
    /// Of beta.
    pub beta: Option<Moments>,
}

/// Ranges, both ends included, of at least 4,096 values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Of the mean.
    pub mean: [f64; 2],
    /// Of the standard deviation.
    pub std: [f64; 2],
    /// Of every value.
    pub values: [f64; 2],
}
