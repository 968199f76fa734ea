//! The numbers of a call that can be smaller, and what has to be smaller with them.

use crate::mapping::{Argument, Case, Input, Set, TensorRecipe, Values};

/// A number that says how large a call is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// The first dimension.
    Samples,
    /// A dimension of x, whatever the parameters.
    Space(usize),
    /// The number of groups; each stays as large as it is.
    Groups,
    /// Channels of each group.
    ChannelsOfAGroup,
    /// The number of groups, whatever the channels.
    GroupsAlone,
    /// The number of channels, whatever the groups.
    ChannelsAlone,
}

impl Size {
    /// How large it is; `None` where the call has no such number.
    pub fn of(self, case: &Case) -> Option<usize> {
        let shape = shape(case);
        let (groups, channels) = (count(case, "num_groups"), count(case, "num_channels"));
        match self {
            Size::Samples => shape.first().copied(),
            Size::Space(d) => shape.get(d).copied(),
            Size::Groups => groups.filter(|groups| channels.is_some_and(|channels| channels.is_multiple_of(*groups))),
            Size::ChannelsOfAGroup => {
                channels.zip(groups).filter(|(c, g)| c.is_multiple_of(*g)).map(|(channels, groups)| channels / groups)
            }
            Size::GroupsAlone => groups,
            Size::ChannelsAlone => channels,
        }
    }

    /// The call with another number; `None` where there is none like that.
    pub fn set(self, case: &Case, to: usize) -> Option<Case> {
        let mut case = case.clone();
        let old = shape(&case);
        let mut new = old.clone();
        match self {
            Size::Samples => *new.first_mut()? = to,
            Size::Space(d) => *new.get_mut(d)? = to,
            Size::Groups => {
                let each = Size::ChannelsOfAGroup.of(&case)?;
                set_count(&mut case, "num_groups", to)?;
                set_channels(&mut case, &mut new, to * each)?;
            }
            Size::ChannelsOfAGroup => {
                let groups = count(&case, "num_groups")?;
                set_channels(&mut case, &mut new, to * groups)?;
            }
            Size::GroupsAlone => set_count(&mut case, "num_groups", to)?,
            Size::ChannelsAlone => set_channels(&mut case, &mut new, to)?,
        }
        reshape(&mut case, &old, new);
        Some(case)
    }
}

/// The shape of x.
pub(super) fn shape(case: &Case) -> Vec<usize> {
    let channels = count(case, "num_channels").unwrap_or(6);
    case.x.shape.clone().unwrap_or_else(|| vec![2, channels, 5, 3])
}

/// Gives x another shape, of the same or another rank: of values in a list, and of single elements, those stay that
/// lie inside.
pub(super) fn reshape(case: &mut Case, old: &[usize], new: Vec<usize>) {
    if old == new {
        return;
    }
    let Case { x: Input { shape, values, set }, dy, .. } = case;
    for (values, set) in [(values, set), (&mut dy.values, &mut dy.set)] {
        if let Values::List(list) = values {
            *list = inside(list, old, &new);
        }
        let lies_inside = |Set { at, .. }: &Set| at.len() == new.len() && at.iter().zip(&new).all(|(i, n)| i < n);
        set.retain(lies_inside);
    }
    *shape = Some(new);
}

/// Of an array's values those of the same indices in a smaller one; where the rank is another, the first ones.
fn inside(values: &[f64], old: &[usize], new: &[usize]) -> Vec<f64> {
    let count = new.iter().product();
    if values.is_empty() {
        return vec![0.0; count];
    }
    if old.len() != new.len() {
        return values.iter().copied().cycle().take(count).collect();
    }
    let strides = crate::tensor::contiguous_strides(old);
    let mut index = vec![0; new.len()];
    let mut kept = Vec::with_capacity(count);
    for _ in 0..count {
        let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        kept.push(values.get(at).copied().unwrap_or(0.0));
        for d in (0..new.len()).rev() {
            index[d] += 1;
            if index[d] < new[d] {
                break;
            }
            index[d] = 0;
        }
    }
    kept
}

fn count(case: &Case, name: &str) -> Option<usize> {
    match case.call.get(name) {
        Some(Argument::Int(n)) => usize::try_from(*n).ok().filter(|n| *n > 0),
        _ => None,
    }
}

fn set_count(case: &mut Case, name: &str, to: usize) -> Option<()> {
    let (_, argument) = case.call.0.iter_mut().find(|(known, _)| known == name)?;
    *argument = Argument::Int(i64::try_from(to).ok()?);
    Some(())
}

/// Another number of channels, in x and in the lists of parameters as well where these have as many now.
fn set_channels(case: &mut Case, shape: &mut [usize], to: usize) -> Option<()> {
    let old = count(case, "num_channels")?;
    set_count(case, "num_channels", to)?;
    if let Some(channels) = shape.get_mut(1).filter(|channels| **channels == old) {
        *channels = to;
    }
    for (_, argument) in &mut case.call.0 {
        let Argument::Tensor(TensorRecipe { shape, values, set, .. }) = argument else { continue };
        if let Values::List(list) = values
            && list.len() == old
        {
            list.truncate(to);
        }
        set.retain(|set| set.at.iter().all(|&at| at < to));
        if shape.as_deref() == Some(&[old]) {
            *shape = Some(vec![to]);
        }
    }
    Some(())
}
