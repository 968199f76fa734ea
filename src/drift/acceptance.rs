//! What is accepted: by properties of x, and call by call.

use std::collections::BTreeSet;
use std::fmt;

use super::{Asked, Came};
use crate::call::Rejection;
use crate::tensor::{DType, Tensor};

/// A property of x on which it may hang whether a call is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// The number of dimensions.
    Rank(usize),
    /// The dtype.
    DType(DType),
    /// It has no elements.
    Empty(Emptiness),
}

/// For want of what x has no elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emptiness {
    /// N = 0.
    Samples,
    /// C = 0.
    Channels,
    /// A later dimension of size 0.
    Space,
}

impl Property {
    /// All that is so of x.
    pub(super) fn all(x: &Tensor) -> Vec<Self> {
        let shape = x.shape();
        let empty = shape.iter().position(|&size| size == 0).map(|at| match at {
            0 => Emptiness::Samples,
            1 => Emptiness::Channels,
            _ => Emptiness::Space,
        });
        let of_all = [Property::Rank(shape.len()), Property::DType(x.dtype())];
        of_all.into_iter().chain(empty.map(Property::Empty)).collect()
    }

    /// Whether two are values of the same thing.
    fn is_of_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Property::Rank(rank) => write!(f, "{rank}"),
            Property::DType(dtype) => write!(f, "{dtype}"),
            Property::Empty(Emptiness::Samples) => f.write_str("N = 0"),
            Property::Empty(Emptiness::Channels) => f.write_str("C = 0"),
            Property::Empty(Emptiness::Space) => f.write_str("no space"),
        }
    }
}

/// Ranks, dtypes or kinds of emptiness of which any call is accepted: they are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What was accepted.
    pub before: Vec<Property>,
    /// What is accepted now.
    pub after: Vec<Property>,
    /// How many calls this explains.
    pub calls: usize,
}

impl Reach {
    /// One of the properties, which tells of what they are.
    pub fn kind(&self) -> Option<Property> {
        self.before.iter().chain(&self.after).next().copied()
    }

    /// Whether it explains that a call with this property is accepted by one version alone.
    fn explains(&self, property: Property, is_accepted_now: bool) -> bool {
        let (with, without) = if is_accepted_now { (&self.after, &self.before) } else { (&self.before, &self.after) };
        with.contains(&property) && !without.contains(&property)
    }
}

/// How a call is refused; `None` where it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// By the one version.
    pub before: Option<Rejection>,
    /// By the other.
    pub after: Option<Rejection>,
}

impl Refusals {
    /// Whether only one version accepts the call.
    pub fn is_turn(&self) -> bool {
        self.before.is_some() != self.after.is_some()
    }

    /// Whether both reject the call, with another class.
    pub fn is_of_another_class(&self) -> bool {
        matches!((&self.before, &self.after), (Some(before), Some(after)) if before.class != after.class)
    }

    /// Whether both reject the call with the same class, and say another first line.
    pub fn is_reworded(&self) -> bool {
        let both = self.before.as_ref().zip(self.after.as_ref());
        both.is_some_and(|(before, after)| before.class == after.class && before.message != after.message)
    }

    /// Whether they say the same, but for numbers in the messages.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let alike = |one: &Option<Rejection>, other: &Option<Rejection>| match (one, other) {
            (Some(one), Some(other)) => one.class == other.class && masked(&one.message) == masked(&other.message),
            (one, other) => one.is_none() && other.is_none(),
        };
        alike(&self.before, &other.before) && alike(&self.after, &other.after)
    }
}

/// A message with its numbers taken out.
fn masked(message: &str) -> String {
    let mut masked = String::new();
    for c in message.chars() {
        match c.is_ascii_digit() {
            true if masked.ends_with('#') => {}
            true => masked.push('#'),
            false => masked.push(c),
        }
    }
    masked
}

/// What is accepted of each kind of property, where that is not the same.
pub(super) fn reach(asked: &[Asked]) -> Vec<Reach> {
    let mut accepted: [BTreeSet<Property>; 2] = Default::default();
    for Asked { properties, came, .. } in asked {
        let by_each = match came {
            Came::Nothing(_) => [false; 2],
            Came::Answers(_) => [true; 2],
            Came::Refused(Refusals { before, after }) => [before.is_none(), after.is_none()],
        };
        for (accepted, _) in accepted.iter_mut().zip(by_each).filter(|(_, is_accepted)| *is_accepted) {
            accepted.extend(properties.iter().copied());
        }
    }
    let kinds = [Property::Rank(0), Property::DType(DType::F32), Property::Empty(Emptiness::Samples)];
    let reach = kinds.into_iter().map(|kind| {
        let of_kind = |set: &BTreeSet<Property>| set.iter().filter(|p| p.is_of_kind(&kind)).copied().collect();
        let [before, after] = accepted.each_ref().map(of_kind);
        Reach { before, after, calls: 0 }
    });
    let mut reach: Vec<Reach> = reach.filter(|reach| reach.before != reach.after).collect();
    for reach in &mut reach {
        reach.calls = asked.iter().filter(|asked| is_explained(asked, std::slice::from_ref(reach))).count();
    }
    reach
}

/// Whether a call is accepted by one version alone, for a property of its x.
pub(super) fn is_explained(asked: &Asked, reach: &[Reach]) -> bool {
    let Came::Refused(refusals) = &asked.came else { return false };
    let explains = |property: &Property| reach.iter().any(|r| r.explains(*property, refusals.after.is_none()));
    refusals.is_turn() && asked.properties.iter().any(explains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::Exception;

    #[test]
    fn messages_are_alike_whatever_their_numbers() {
        let refused = |message: &str| Refusals {
            before: Some(Rejection::new(Exception::ValueError, message)),
            after: Some(Rejection::new(Exception::TypeError, "no")),
        };
        assert!(refused("got 3 of 12").is_like(&refused("got 40 of 7")));
        assert!(!refused("got 3").is_like(&refused("has 3")));
        let accepted = Refusals { after: None, ..refused("got 3") };
        assert!(!accepted.is_like(&refused("got 3")) && accepted.is_turn() && !accepted.is_of_another_class());
    }

    #[test]
    fn what_is_so_of_an_input() {
        let of = |shape: &[usize]| Property::all(&Tensor::from_f64(DType::F16, shape, &[]).unwrap());
        let text = |shape: &[usize]| of(shape).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        assert_eq!(text(&[0, 6]), "2, f16, N = 0");
        assert_eq!(text(&[2, 0, 5]), "3, f16, C = 0");
        assert_eq!(text(&[2, 6, 5, 0]), "4, f16, no space");
    }
}
