//! A value in a call, as it is written in YAML; the types are kept, since an API tells `1` from `1.0`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::layout::Layout;
use super::recipe::{MOST_ELEMENTS, Set, Unrealizable, Values};
use crate::python::Value;
use crate::tensor::DType;

/// A value in a call: a scalar, a list, `{ tensor: … }`, `{ dtype: … }` or `{ python: … }`.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// `~`
    None,
    /// `true`, `false`
    Bool(bool),
    /// `3`
    Int(i64),
    /// `3.0`, `1e-5`, `.nan`
    Float(f64),
    /// `ones`
    Str(String),
    /// `[1, 2]`: a Python list
    List(Vec<Argument>),
    /// `{ tensor: [1, 2] }`, `{ tensor: ramp }`, `{ tensor: { values: …, shape: …, dtype: …, layout: … } }`
    Tensor(TensorRecipe),
    /// `{ dtype: f16 }`
    DType(DType),
    /// `{ python: Shuffle.GLOBAL }`: what is written in Python, and has no value here.
    Python(String),
}

/// A tensor in a call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TensorRecipe {
    /// The shape; (num_channels,) where it is not stated, or as many as there are values in a list.
    pub shape: Option<Vec<usize>>,
    /// Where the values come from.
    #[serde(default)]
    pub values: Values,
    /// Single elements that are set after that.
    #[serde(default)]
    pub set: Vec<Set>,
    /// The dtype; f32 where it is not stated.
    pub dtype: Option<DType>,
    /// How it lies in memory.
    #[serde(default)]
    pub layout: Layout,
}

impl Argument {
    /// The value of a scalar; `None` for a list or a tensor.
    pub fn scalar(&self) -> Option<Value> {
        Some(match self {
            Argument::None => Value::None,
            Argument::Bool(v) => Value::Bool(*v),
            Argument::Int(v) => Value::Int(*v),
            Argument::Float(v) => Value::Float(*v),
            Argument::Str(v) => Value::Str(v.clone()),
            Argument::DType(v) => Value::DType(*v),
            Argument::List(_) | Argument::Tensor(_) | Argument::Python(_) => return None,
        })
    }

    /// The value of the argument `name`, for a call with `channels` channels.
    pub(super) fn value(&self, name: &str, channels: usize) -> Result<Value, Unrealizable> {
        if let Some(scalar) = self.scalar() {
            return Ok(scalar);
        }
        Ok(match self {
            Argument::List(v) => Value::List(v.iter().map(|v| v.value(name, channels)).collect::<Result<_, _>>()?),
            Argument::Tensor(recipe) => {
                let shape = recipe.shape_for(channels);
                let dtype = recipe.dtype.unwrap_or(DType::F32);
                Value::Tensor(recipe.values.realize(name, &shape, &recipe.set, dtype, recipe.layout)?)
            }
            Argument::Python(text) => return Err(Unrealizable(format!("`{text}` is Python, which is not run here"))),
            _ => Value::None,
        })
    }
}

impl Argument {
    /// Whether Python would call two values equal; a bool is no number here, as APIs tell them apart.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Argument::Int(a), Argument::Float(b)) | (Argument::Float(b), Argument::Int(a)) => *a as f64 == *b,
            (Argument::List(a), Argument::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            // Of objects, their own name counts: `Inter.NEAREST` is as good as `InterpolationMode.NEAREST`.
            (Argument::Python(a), Argument::Python(b) | Argument::Str(b)) | (Argument::Str(b), Argument::Python(a)) => {
                let own = |text: &str| text.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
                self == other || !a.contains(['(', ' ']) && own(a) == own(b)
            }
            _ => self == other,
        }
    }

    /// Whether [`value`](Self::value) can be made, found out without drawing; how many elements its tensors have.
    pub(super) fn fits(&self, channels: usize) -> Result<usize, Unrealizable> {
        match self {
            Argument::List(items) => items.iter().try_fold(0usize, |sum, item| {
                let sum = sum.saturating_add(item.fits(channels)?);
                let text = || format!("the tensors of this list have more than {MOST_ELEMENTS} elements in all");
                if sum > MOST_ELEMENTS { Err(Unrealizable(text())) } else { Ok(sum) }
            }),
            Argument::Tensor(recipe) => recipe.values.fits(&recipe.shape_for(channels), &recipe.set, recipe.layout),
            _ => Ok(0),
        }
    }
}

impl TensorRecipe {
    fn shape_for(&self, channels: usize) -> Vec<usize> {
        match (&self.shape, &self.values) {
            (Some(shape), _) => shape.clone(),
            (None, Values::List(values)) => vec![values.len()],
            (None, _) => vec![channels],
        }
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Argument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a name, `true`, `false`, `~`, a list, `{ tensor: … }`, `{ dtype: … }` or `{ python: … }`")
            }
            fn visit_unit<E>(self) -> Result<Argument, E> {
                Ok(Argument::None)
            }
            fn visit_bool<E>(self, v: bool) -> Result<Argument, E> {
                Ok(Argument::Bool(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Argument, E> {
                Ok(Argument::Int(v))
            }
            fn visit_u64<E: Error>(self, v: u64) -> Result<Argument, E> {
                i64::try_from(v).map(Argument::Int).map_err(|_| E::custom(format!("the integer {v} is beyond 64 bits")))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Argument, E> {
                Ok(Argument::Float(v))
            }
            fn visit_str<E>(self, v: &str) -> Result<Argument, E> {
                Ok(Argument::Str(v.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Argument, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Argument::List)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Argument, A::Error> {
                #[derive(Deserialize)]
                #[serde(rename_all = "lowercase")]
                enum Tagged {
                    Tensor(TensorForm),
                    DType(DType),
                    Python(String),
                }
                Ok(match Tagged::deserialize(MapAccessDeserializer::new(map))? {
                    Tagged::Tensor(TensorForm(recipe)) => Argument::Tensor(recipe),
                    Tagged::DType(dtype) => Argument::DType(dtype),
                    Tagged::Python(text) => Argument::Python(text),
                })
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What may follow `tensor:`: a list, the name of a recipe, or a full description.
struct TensorForm(TensorRecipe);

impl<'de> Deserialize<'de> for TensorForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = TensorForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a list of numbers, the name of a recipe, or `{ values: …, shape: …, dtype: …, layout: … }`",
                )
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<TensorForm, E> {
                Ok(TensorForm(TensorRecipe { values: Values::named(name)?, ..TensorRecipe::default() }))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<TensorForm, A::Error> {
                let values = Values::List(Vec::deserialize(SeqAccessDeserializer::new(seq))?);
                Ok(TensorForm(TensorRecipe { values, ..TensorRecipe::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TensorForm, A::Error> {
                TensorRecipe::deserialize(MapAccessDeserializer::new(map)).map(TensorForm)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Argument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Argument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<Values>();
        let recipe = generator.subschema_for::<TensorRecipe>();
        let dtype = generator.subschema_for::<DType>();
        json_schema!({
            "description": "A scalar, a Python list, a tensor, a dtype, or an expression of Python. Types are kept: 1 is an int, 1.0 a float.",
            "anyOf": [
                { "type": ["null", "boolean", "number", "string"] },
                { "type": "array", "items": { "$ref": "#/$defs/Argument" } },
                {
                    "type": "object",
                    "properties": { "tensor": { "anyOf": [values, recipe] } },
                    "required": ["tensor"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": { "dtype": dtype },
                    "required": ["dtype"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": { "python": { "type": "string" } },
                    "required": ["python"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// Keywords and their values, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(pub Vec<(String, Argument)>);

impl Arguments {
    /// The value of a keyword.
    pub fn get(&self, name: &str) -> Option<&Argument> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Arguments;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keywords with their values, `{ num_groups: 3, num_channels: 6 }`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arguments, A::Error> {
                let mut arguments = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    arguments.push(entry);
                }
                Ok(Arguments(arguments))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl JsonSchema for Arguments {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arguments".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let argument = generator.subschema_for::<Argument>();
        json_schema!({
            "description": "Keywords of the constructor, as they are written for MindSpore.",
            "type": "object",
            "additionalProperties": argument
        })
    }
}
