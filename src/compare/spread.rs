//! How errors are spread over the elements of an array: what pictures are drawn from.

/// How many elements have an error of so many ULP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(Vec<usize>);

impl Histogram {
    /// Bins: 0 exactly, up to half a ULP, up to 1, 2, 4 and so on, above 2^40, and no number at all.
    pub const BINS: usize = 45;

    /// The upper end of each bin.
    const UPPER: [f64; Self::BINS] = {
        let mut upper = [f64::INFINITY; Self::BINS];
        // Half a ULP is what rounding once costs at the most.
        (upper[0], upper[1]) = (0.0, 0.5);
        let mut bin = 2;
        while bin < Self::BINS - 2 {
            upper[bin] = 2.0 * upper[bin - 1];
            bin += 1;
        }
        upper
    };

    /// The upper end of a bin, in ULP; infinite for the last two.
    pub fn upper(bin: usize) -> f64 {
        Self::UPPER.get(bin).copied().unwrap_or(f64::INFINITY)
    }

    /// Counts an element.
    pub(super) fn add(&mut self, ulp: f64) {
        let bin = match ulp.is_finite() {
            true => Self::UPPER.iter().take_while(|&&upper| ulp > upper).count(),
            false => Self::BINS - 1,
        };
        if self.0.len() <= bin {
            self.0.resize(bin + 1, 0);
        }
        self.0[bin] += 1;
    }

    /// The bins that are not empty, each with its count.
    pub fn bins(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }
}

/// The shares of the tolerance that elements use, laid out by sample, group, channel of the group, and place
/// in the channel.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// How many cells there are of each.
    pub cells: [usize; 4],
    /// How many of each lie in one cell.
    pub covers: [usize; 4],
    /// The largest share within each cell, the last of the four fastest; NaN where no element is known.
    pub shares: Vec<f64>,
}

impl HeatMap {
    /// No map has more cells.
    pub const MOST_CELLS: usize = 4096;

    /// The map of an array of shape (N, C, *), or (C,) as gamma's gradient is. `elements` are flat indices,
    /// the last dimension fastest, each with the share of the tolerance that the element uses.
    pub fn of(shape: &[usize], groups: usize, elements: impl IntoIterator<Item = (usize, f64)>) -> Self {
        let (samples, channels, inner) = match shape {
            [] => (1, 1, 1),
            [channels] => (1, *channels, 1),
            [samples, channels, inner @ ..] => (*samples, *channels, inner.iter().product()),
        };
        let groups = if groups > 0 && channels % groups == 0 { groups } else { 1 };
        let sizes = [samples, groups, channels / groups, inner];
        let mut covers = [1; 4];
        let cells_of = |covers: &[usize; 4]| std::array::from_fn(|i| sizes[i].div_ceil(covers[i]));
        let mut cells: [usize; 4] = cells_of(&covers);
        while cells.iter().try_fold(1usize, |a, &n| a.checked_mul(n)).is_none_or(|n| n > Self::MOST_CELLS) {
            // The finest goes first; of equals the innermost, so that samples and groups stay apart.
            let (widest, _) = cells.iter().enumerate().max_by_key(|(_, n)| **n).unwrap_or((3, &1));
            covers[widest] *= 2;
            cells = cells_of(&covers);
        }
        let mut shares = vec![f64::NAN; cells.iter().product()];
        for (index, share) in elements {
            let (channel, place) = (index / inner.max(1), index % inner.max(1));
            let of_sample = channel % channels.max(1);
            let at = [channel / channels.max(1), of_sample / sizes[2].max(1), of_sample % sizes[2].max(1), place];
            let cell = (0..4).fold(0, |cell, i| cell * cells[i] + at[i] / covers[i]);
            if let Some(known) = shares.get_mut(cell) {
                *known = known.max(share);
            }
        }
        Self { cells, covers, shares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_end_at_powers_of_two() {
        let mut histogram = Histogram::default();
        for ulp in [0.0, 0.1, 0.5, 0.6, 1.0, 1.5, 3.0, 1e13, f64::INFINITY, f64::NAN] {
            histogram.add(ulp);
        }
        let bins: Vec<_> = histogram.bins().collect();
        assert_eq!(bins, [(0, 1), (1, 2), (2, 2), (3, 1), (4, 1), (43, 1), (44, 2)]);
        assert_eq!([1, 2, 3, 4].map(Histogram::upper), [0.5, 1.0, 2.0, 4.0]);
        assert_eq!((Histogram::upper(42), Histogram::upper(43)), (2f64.powi(40), f64::INFINITY));
    }

    #[test]
    fn a_small_array_has_a_cell_for_each_element() {
        let map = HeatMap::of(&[2, 6, 5, 3], 3, (0..180).map(|i| (i, i as f64)));
        assert_eq!((map.cells, map.covers), ([2, 3, 2, 15], [1; 4]));
        assert!(map.shares.iter().enumerate().all(|(i, share)| *share == i as f64));
        let of_gamma = HeatMap::of(&[6], 3, [(4, 7.0)]);
        assert_eq!(of_gamma.cells, [1, 3, 2, 1]);
        assert_eq!(of_gamma.shares[4], 7.0);
        assert!(of_gamma.shares[0].is_nan());
    }

    #[test]
    fn an_array_is_one_group_where_it_cannot_be_of_so_many() {
        assert_eq!(HeatMap::of(&[2, 6, 5], 0, []).cells, [2, 1, 6, 5]);
        assert_eq!(HeatMap::of(&[2, 6, 5], 4, []).cells, [2, 1, 6, 5]);
    }

    #[test]
    fn as_many_cells_as_there_may_be_are_not_joined() {
        assert_eq!(HeatMap::of(&[2, 2, 1024], 2, []).cells, [2, 2, 1, 1024]);
        assert_eq!(HeatMap::of(&[2, 2, 1025], 2, []).cells, [2, 2, 1, 513]);
    }

    #[test]
    fn a_cell_of_a_large_array_is_the_largest_of_what_it_covers() {
        let map = HeatMap::of(&[2, 8, 100, 100], 4, (0..160_000).map(|i| (i, (i % 10_000) as f64)));
        assert!(map.shares.len() <= HeatMap::MOST_CELLS);
        assert_eq!((map.cells, map.covers), ([2, 4, 2, 157], [1, 1, 1, 64]));
        assert_eq!((map.shares[0], map.shares[156]), (63.0, 9999.0));
        assert!(HeatMap::of(&[0, 6, 2], 3, []).shares.is_empty());
        assert!(HeatMap::of(&[5000, 5000], 5000, []).shares.len() <= HeatMap::MOST_CELLS);
    }
}
