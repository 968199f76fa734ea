//! Where the values of a tensor come from.
//!
//! The same recipe gives the same bits on every platform: a fixed generator, sums and products,
//! one rounding to the dtype, no transcendental function.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::layout::Layout;
use crate::random::Generator;
use crate::tensor::{DType, Element, Strided, Tensor, contiguous_strides, with_type};

/// More elements than this are taken for a slip of the hand.
pub(super) const MOST_ELEMENTS: usize = 1 << 24;

/// As many dimensions as numpy has.
const MOST_DIMENSIONS: usize = 32;

/// One element that is set by hand.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Its index.
    pub at: Vec<usize>,
    /// Its value; `.nan` and `.inf` are YAML's words for those.
    pub to: f64,
}

impl Set {
    /// Whether there is such an element.
    pub(super) fn is_inside(&self, shape: &[usize]) -> bool {
        self.at.len() == shape.len() && self.at.iter().zip(shape).all(|(i, n)| i < n)
    }
}

/// Where the values of a tensor come from: a recipe, or a list.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Values {
    /// The values themselves, last dimension fastest.
    List(Vec<f64>),
    /// A recipe with its own defaults.
    Named(RecipeName),
    /// A recipe.
    Recipe(Recipe),
}

/// The recipes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecipeName {
    /// See [`Ramp`].
    Ramp,
    /// See [`Normal`].
    Normal,
    /// See [`Uniform`].
    Uniform,
    /// See [`Steps`].
    Steps,
}

impl RecipeName {
    /// The recipe with its defaults.
    fn recipe(self) -> Recipe {
        match self {
            RecipeName::Ramp => Recipe::Ramp(Ramp::default()),
            RecipeName::Normal => Recipe::Normal(Normal::default()),
            RecipeName::Uniform => Recipe::Uniform(Uniform::default()),
            RecipeName::Steps => Recipe::Steps(Steps::default()),
        }
    }
}

/// A recipe with its numbers.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// Each channel and each sample with an offset and a scale of its own.
    Ramp(Ramp),
    /// A bell around a mean.
    Normal(Normal),
    /// Uniform between two bounds.
    Uniform(Uniform),
    /// An arithmetic progression.
    Steps(Steps),
    /// The same everywhere.
    Constant(f64),
}

/// The value at sample n and channel c: `mean + std*(1 + channel_scale*c)*z + channel_offset*c + sample_offset*n`,
/// z a bell of deviation 1. Shows most defects at once: no two channels, groups or samples are alike.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ramp {
    /// Added to every value.
    pub mean: f64,
    /// Deviation of channel 0.
    pub std: f64,
    /// Added for each channel.
    pub channel_offset: f64,
    /// Added to the scale for each channel.
    pub channel_scale: f64,
    /// Added for each sample.
    pub sample_offset: f64,
    /// Another seed gives other values.
    pub seed: u64,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { mean: 0.0, std: 1.0, channel_offset: 2.0, channel_scale: 0.3, sample_offset: -3.0, seed: 0 }
    }
}

/// A sum of twelve uniforms, scaled: nothing is further from the mean than six deviations.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Normal {
    /// The mean.
    pub mean: f64,
    /// The deviation.
    pub std: f64,
    /// Another seed gives other values.
    pub seed: u64,
}

impl Default for Normal {
    fn default() -> Self {
        Self { mean: 0.0, std: 1.0, seed: 0 }
    }
}

/// Uniform in [low, high).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Uniform {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// Another seed gives other values.
    pub seed: u64,
}

impl Default for Uniform {
    fn default() -> Self {
        Self { low: 0.0, high: 1.0, seed: 0 }
    }
}

/// from, from + by, from + 2*by, … in index order.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Steps {
    /// The first value.
    pub from: f64,
    /// The step.
    pub by: f64,
}

impl Default for Steps {
    fn default() -> Self {
        Self { from: 1.0, by: 1.0 }
    }
}

/// A recipe that does not fit its shape; what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unrealizable(pub(super) String);

impl Default for Values {
    fn default() -> Self {
        Values::Named(RecipeName::Ramp)
    }
}

impl Values {
    const NAMES: &'static [&'static str] = &["ramp", "normal", "uniform", "steps"];

    /// The recipe of a name.
    pub(super) fn named<E: Error>(name: &str) -> Result<Self, E> {
        Ok(Values::Named(match name {
            "ramp" => RecipeName::Ramp,
            "normal" => RecipeName::Normal,
            "uniform" => RecipeName::Uniform,
            "steps" => RecipeName::Steps,
            "constant" => return Err(E::custom("`constant` needs its number: `{ constant: 1.0 }`")),
            _ => return Err(E::unknown_variant(name, Self::NAMES)),
        }))
    }

    /// The tensor. `role` keeps the random values of x, dy and each parameter apart.
    pub(crate) fn realize(
        &self,
        role: &str,
        shape: &[usize],
        set: &[Set],
        dtype: DType,
        layout: Layout,
    ) -> Result<Tensor, Unrealizable> {
        let count = self.fits(shape, set, layout)?;
        let mut values = self.draw(role, shape, count);
        for Set { at, to } in set {
            let flat = at.iter().zip(contiguous_strides(shape)).map(|(i, s)| i * s).sum::<usize>();
            values[flat] = *to;
        }
        Ok(with_type!(dtype, T => place::<T>(&values, shape, layout)))
    }

    /// Whether [`realize`](Self::realize) can make a tensor of it, found out without drawing; how many elements that has.
    pub(super) fn fits(&self, shape: &[usize], set: &[Set], layout: Layout) -> Result<usize, Unrealizable> {
        if shape.len() > MOST_DIMENSIONS {
            let text = format!(
                "a shape of {} dimensions: numpy, which the frameworks are asked with, has at most {MOST_DIMENSIONS}",
                shape.len()
            );
            return Err(Unrealizable(text));
        }
        // An empty tensor has strides too.
        let span = shape.iter().try_fold(1usize, |span, &size| span.checked_mul(size.max(1)));
        if span.is_none_or(|span| span > MOST_ELEMENTS) {
            let but = if shape.contains(&0) { ", the sizes of 0 left out" } else { "" };
            return Err(Unrealizable(format!("the shape {shape:?} has more than {MOST_ELEMENTS} elements{but}")));
        }
        let count = shape.iter().product();
        if let Values::List(values) = self
            && values.len() != count
        {
            let text = format!("{} values are given for the shape {shape:?}, which has {count}", values.len());
            return Err(Unrealizable(text));
        }
        if layout == Layout::Expanded && !set.is_empty() {
            return Err(Unrealizable("an expanded tensor stores one sample: single elements cannot be set".to_owned()));
        }
        match set.iter().find(|set| !set.is_inside(shape)) {
            Some(Set { at, .. }) => Err(Unrealizable(format!("there is no element {at:?} in the shape {shape:?}"))),
            None => Ok(count),
        }
    }

    /// The recipe with its numbers; `None` of a list.
    pub(crate) fn recipe(&self) -> Option<Recipe> {
        match self {
            Values::List(_) => None,
            Values::Named(name) => Some(name.recipe()),
            Values::Recipe(recipe) => Some(recipe.clone()),
        }
    }

    /// Where the generator starts from for a seed of a recipe.
    pub(crate) fn seed(role: &str, seed: u64) -> u64 {
        // FNV-1a of the role, so that x and dy of one seed differ.
        let salt = role.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        salt ^ seed.wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    fn draw(&self, role: &str, shape: &[usize], count: usize) -> Vec<f64> {
        let generator = |seed: u64| Generator::new(Self::seed(role, seed));
        let recipe = match self {
            Values::List(values) => return values.clone(),
            Values::Named(name) => &name.recipe(),
            Values::Recipe(recipe) => recipe,
        };
        match recipe {
            Recipe::Ramp(r) => {
                let mut generator = generator(r.seed);
                let channels = shape.get(1).copied().unwrap_or(1).max(1);
                let inner = shape.iter().skip(2).product::<usize>().max(1);
                let value = |i: usize| {
                    let (c, n) = ((i / inner % channels) as f64, (i / inner / channels) as f64);
                    let scale = r.std * (1.0 + r.channel_scale * c);
                    r.mean + (scale * generator.bell() + (r.channel_offset * c + r.sample_offset * n))
                };
                (0..count).map(value).collect()
            }
            Recipe::Normal(r) => {
                let mut generator = generator(r.seed);
                (0..count).map(|_| r.mean + r.std * generator.bell()).collect()
            }
            Recipe::Uniform(r) => {
                let mut generator = generator(r.seed);
                (0..count).map(|_| r.low + (r.high - r.low) * generator.uniform()).collect()
            }
            Recipe::Steps(r) => (0..count).map(|i| r.from + r.by * i as f64).collect(),
            Recipe::Constant(value) => vec![*value; count],
        }
    }
}

/// The values, laid out; what no element reaches is NaN, so that an engine that ignores strides is seen.
fn place<T: Element>(values: &[f64], shape: &[usize], layout: Layout) -> Tensor {
    let (length, strides, offset) = layout.place(shape);
    let mut storage = vec![T::rounded(f64::NAN); length];
    let mut index = vec![0; shape.len()];
    for value in values {
        let at = offset + index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>();
        // Of a repeated sample, the first is the one that is stored.
        if layout != Layout::Expanded || index.first().is_none_or(|&n| n == 0) {
            storage[at] = T::rounded(*value);
        }
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    T::tensor(Strided::new(storage, shape, &strides, offset).expect("Layout::place gives what lies inside the storage"))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or one of the recipes `ramp`, `normal`, `uniform`, `steps`, `constant`")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Values, E> {
                Values::named(name)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Values, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Values::List)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
                Recipe::deserialize(MapAccessDeserializer::new(map)).map(Values::Recipe)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realize(shape: &[usize], layout: Layout) -> Tensor {
        Values::Named(RecipeName::Steps).realize("x", shape, &[], DType::F32, layout).unwrap()
    }

    #[test]
    fn every_layout_holds_the_same_values() {
        let contiguous = realize(&[2, 3, 2, 2], Layout::Contiguous);
        for layout in [Layout::ChannelsLast, Layout::Transposed, Layout::Stepped] {
            let tensor = realize(&[2, 3, 2, 2], layout);
            assert!(tensor.same_bits(&contiguous), "{layout:?}");
            assert_ne!(tensor.strides(), contiguous.strides(), "{layout:?}");
        }
        let expanded = realize(&[3, 2], Layout::Expanded);
        assert_eq!(expanded.to_f64(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        assert_eq!(realize(&[4], Layout::Transposed).strides(), [3]);
        assert_eq!(realize(&[0, 4], Layout::Expanded).len(), 0);
    }

    #[test]
    fn roles_and_seeds_keep_random_values_apart() {
        let draw = |role, seed| {
            let values = Values::Recipe(Recipe::Normal(Normal { seed, ..Normal::default() }));
            values.realize(role, &[64], &[], DType::F64, Layout::Contiguous).unwrap().to_f64()
        };
        assert_eq!(draw("x", 0), draw("x", 0));
        assert_ne!(draw("x", 0), draw("dy", 0));
        assert_ne!(draw("x", 0), draw("x", 1));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let list = Values::List(vec![1.0; 5]);
        let text = list.realize("x", &[2, 3], &[], DType::F32, Layout::Contiguous).unwrap_err().to_string();
        assert_eq!(text, "5 values are given for the shape [2, 3], which has 6");
        let set = [Set { at: vec![2, 0], to: 0.0 }];
        assert!(Values::default().realize("x", &[2, 3], &set, DType::F32, Layout::Contiguous).is_err());
        assert!(Values::default().realize("x", &[1 << 40, 1 << 40], &[], DType::F32, Layout::Contiguous).is_err());
    }
}
