//! Which elements are normalised together.

use super::answer::Work;
use crate::Flaw;

/// The elements of one group of one sample, by their flat indices.
pub(super) struct Group {
    /// What is normalised.
    pub members: Vec<usize>,
    /// What is summed for mean and variance, where that is something else.
    pub counted: Option<Vec<usize>>,
    /// What is summed in the backward pass, where that is something else.
    pub summed: Option<Vec<usize>>,
    /// What the forward sums are divided by.
    pub count: usize,
    /// Zeros that count in the variance.
    pub zeros: usize,
}

/// The groups, sample by sample.
pub(super) fn of(work: &Work<'_>) -> Vec<Group> {
    let &Work { flaw, samples, channels, inner, .. } = work;
    let has = |of: Flaw| flaw == Some(of);
    let size = match flaw {
        Some(Flaw::ReduceOverGroupAxis) => channels,
        Some(Flaw::OneGroupIsInstanceNorm) if work.group_channels == channels => 1,
        Some(Flaw::InstanceIsOneGroup) if work.group_channels == 1 => channels,
        Some(Flaw::StatisticsOfEachChannel) => 1,
        Some(Flaw::OneElementIsItsOwnMean) if inner == 1 => 1,
        Some(Flaw::GroupsSizeSwap) => channels / work.group_channels,
        _ => work.group_channels,
    };
    let count = channels.div_ceil(size);
    let index = |n: usize, c: usize, i: usize| (n * channels + c) * inner + i;
    let elements = |n: usize, from: usize, to: usize| -> Vec<usize> { (index(n, from, 0)..index(n, to, 0)).collect() };
    let is_layer_norm = has(Flaw::OneGroupIsLayerNorm) && work.group_channels == channels;
    if has(Flaw::StatisticsOfEachPosition) || is_layer_norm {
        let at = |n: usize, group: usize, i: usize| (group * size..(group + 1) * size).map(move |c| index(n, c, i));
        let groups = (0..samples).flat_map(|n| (0..count).map(move |group| (n, group)));
        return groups.flat_map(|(n, group)| (0..inner).map(move |i| Group::of(at(n, group, i).collect()))).collect();
    }
    if let Some(slice) = work.slice.filter(|_| has(Flaw::StatisticsOfEachSlice)) {
        let at = |n: usize, group: usize, from: usize| {
            (group * size..(group + 1) * size).flat_map(move |c| (from..from + slice).map(move |i| index(n, c, i)))
        };
        let groups = (0..samples).flat_map(|n| (0..count).map(move |group| (n, group)));
        let slices = || (0..inner).step_by(slice.max(1));
        return groups.flat_map(|(n, group)| slices().map(move |i| Group::of(at(n, group, i).collect()))).collect();
    }
    let mut groups = Vec::with_capacity(samples * count);
    for n in 0..samples {
        for group in 0..count {
            let (from, to) = (group * size, ((group + 1) * size).min(channels));
            let members: Vec<usize> = if has(Flaw::InterleavedGroups) {
                let of_group = (0..channels).filter(|c| c % count == group);
                of_group.flat_map(|c| (0..inner).map(move |i| index(n, c, i))).collect()
            } else {
                elements(n, from, to)
            };
            let padded = || Some(elements(n, from, (from + size.next_power_of_two()).min(channels)));
            let kept = |of: usize| {
                let length = members.len();
                (length > of).then(|| members[..length - length % of].to_vec())
            };
            let counted = match flaw {
                Some(Flaw::GroupSizePow2Pad) => padded(),
                Some(Flaw::TailBeyond4Lost) => kept(4),
                Some(Flaw::TailBeyond8Lost) => kept(8),
                Some(Flaw::TailBeyond16Lost) => kept(16),
                Some(Flaw::TailBeyond32Lost) => kept(32),
                Some(Flaw::TailBeyond64Lost) => kept(64),
                Some(Flaw::TailBeyond512Lost) => kept(512),
                Some(Flaw::TailBeyond1024Lost) => kept(1024),
                Some(Flaw::GroupBeyond65536Lost) => Some(members.iter().copied().take(65_536).collect()),
                Some(Flaw::ShiftedGroups) if to < channels => Some(elements(n, from + 1, to + 1)),
                Some(Flaw::LastGroupShort) if size > 1 => Some(elements(n, from, to - 1)),
                Some(Flaw::StatisticsOfTheFirstSample) => Some(elements(0, from, to)),
                Some(Flaw::StatisticsOfTheFirstGroup) => Some(elements(n, 0, size)),
                Some(Flaw::StatisticsOfTheBatch) => {
                    Some((0..samples).flat_map(|n| index(n, from, 0)..index(n, to, 0)).collect())
                }
                _ => None,
            };
            let space = if has(Flaw::SpacePaddedTo32) { inner.next_multiple_of(32) } else { inner };
            let zeros = (to - from) * (space - inner);
            let of_many = matches!(
                flaw,
                Some(Flaw::StatisticsOfTheBatch | Flaw::StatisticsOfTheFirstGroup | Flaw::LastGroupShort)
            );
            let divisor = counted.as_ref().filter(|_| of_many).map_or(members.len(), Vec::len);
            groups.push(Group {
                summed: if has(Flaw::GroupSizePow2PadDx) { padded() } else { None },
                count: divisor + zeros,
                counted,
                zeros,
                members,
            });
        }
    }
    groups
}

impl Group {
    fn of(members: Vec<usize>) -> Self {
        Self { count: members.len(), counted: None, summed: None, zeros: 0, members }
    }

    /// The indices that are summed in the backward pass.
    pub fn summed(&self) -> &[usize] {
        self.summed.as_ref().unwrap_or(&self.members)
    }
}
