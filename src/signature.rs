//! What a running framework says of an API: its parameters, and what its documentation announces.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::python::Value;

/// A module's parameters, and what its documentation announces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Parameters of the constructor, in order.
    pub constructor: Vec<Parameter>,
    /// Parameters of the forward call, in order.
    pub forward: Vec<Parameter>,
    /// Warnings and deprecations of the documentation, a paragraph each.
    pub announcements: Vec<String>,
}

/// A parameter of a signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The keyword.
    pub name: String,
    /// How it can be given.
    pub kind: Kind,
    /// What it is where it is not given; where this is `None`, it has to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Stated>,
}

/// How a parameter can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// By position alone.
    PositionalOnly,
    /// By position or by keyword.
    PositionalOrKeyword,
    /// `*args`.
    VarPositional,
    /// By keyword alone.
    KeywordOnly,
    /// `**kwargs`.
    VarKeyword,
}

/// A default as a signature states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stated {
    /// `None`.
    None(()),
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// A `float`, in the shortest form that gives it back.
    Float(String),
    /// A `str`.
    Str(String),
    /// A dtype of the framework.
    #[serde(rename = "dtype")]
    DType(DType),
    /// An object of another class, as Python writes it.
    Other(String),
}

impl Signature {
    /// The parameter of a name, in the constructor or in the forward call, with its place there.
    pub fn parameter(&self, name: &str) -> Option<(usize, &Parameter)> {
        let of = |parameters: &'_ [Parameter]| parameters.iter().position(|parameter| parameter.name == name);
        let constructor = of(&self.constructor).map(|at| (at, &self.constructor[at]));
        constructor.or_else(|| of(&self.forward).map(|at| (at, &self.forward[at])))
    }

    /// The first announcement that names a parameter.
    ///
    /// What stands in double backquotes is code, as a rule the signature to come, which names what stays.
    pub fn announcement(&self, name: &str) -> Option<&str> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let prose = |text: &str| text.split("``").step_by(2).collect::<Vec<_>>().join(" ");
        let names = |text: &&String| prose(text).split(|c| !is_word(c)).any(|word| word == name);
        self.announcements.iter().find(names).map(String::as_str)
    }
}

impl Stated {
    /// The value; `None` where a call has no such values.
    pub fn value(&self) -> Option<Value> {
        Some(match self {
            Stated::None(()) => Value::None,
            Stated::Bool(v) => Value::Bool(*v),
            Stated::Int(v) => Value::Int(*v),
            Stated::Float(v) => Value::Float(v.parse().ok()?),
            Stated::Str(v) => Value::Str(v.clone()),
            Stated::DType(v) => Value::DType(*v),
            Stated::Other(_) => return None,
        })
    }
}

impl fmt::Display for Stated {
    /// As it is written in Python.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.value()) {
            (Stated::Float(text) | Stated::Other(text), _) => f.write_str(text),
            (_, value) => value.unwrap_or(Value::None).fmt(f),
        }
    }
}

impl fmt::Display for Parameter {
    /// As it is written in a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::VarPositional => "*",
            Kind::VarKeyword => "**",
            Kind::PositionalOnly | Kind::PositionalOrKeyword | Kind::KeywordOnly => "",
        })?;
        f.write_str(&self.name)?;
        self.default.as_ref().map_or(Ok(()), |default| write!(f, "={default}"))
    }
}

impl fmt::Display for Signature {
    /// `(num_groups, num_channels, eps=1e-05, *, bias=True)(input)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for parameters in [&self.constructor, &self.forward] {
            let first_by_keyword = parameters.iter().position(|parameter| parameter.kind == Kind::KeywordOnly);
            f.write_str("(")?;
            for (at, parameter) in parameters.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let star = if first_by_keyword == Some(at) { "*, " } else { "" };
                write!(f, "{comma}{star}{parameter}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, kind: Kind, default: Option<Stated>) -> Parameter {
        Parameter { name: name.to_owned(), kind, default }
    }

    fn signature(announcement: &str) -> Signature {
        Signature {
            constructor: vec![
                parameter("num_groups", Kind::PositionalOrKeyword, None),
                parameter("eps", Kind::PositionalOrKeyword, Some(Stated::Float("1e-05".to_owned()))),
                parameter("dtype", Kind::KeywordOnly, Some(Stated::DType(DType::F32))),
                parameter("bias", Kind::KeywordOnly, Some(Stated::Bool(true))),
            ],
            forward: vec![parameter("x", Kind::PositionalOrKeyword, None)],
            announcements: vec![announcement.to_owned()],
        }
    }

    #[test]
    fn it_reads_as_python_writes_it() {
        assert_eq!(signature("").to_string(), "(num_groups, eps=1e-05, *, dtype=float32, bias=True)(x)");
    }

    #[test]
    fn an_announcement_is_of_what_it_names_and_not_of_what_stays() {
        let announced = signature("The signature will be ``Norm(eps, dtype=None)``, and `gamma_init` will be removed.");
        assert!(announced.announcement("gamma_init").is_some());
        assert!(announced.announcement("eps").is_none());
        assert!(signature("eps is deprecated.").announcement("eps").is_some());
        assert!(signature("eps is deprecated.").announcement("ep").is_none());
    }

    #[test]
    fn a_signature_reads_back() {
        let text = serde_json::to_string(&signature("a")).unwrap();
        assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature("a"));
    }
}
