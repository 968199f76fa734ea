//! From which sizes on an input is taken another way.

use std::sync::OnceLock;

/// Sizes in bytes. No bit of a result depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Below so many bytes of what is computed with (f32 for f16 and bf16) one thread does it all.
    pub shared: usize,
    /// Groups of so many together are a batch: what is read of one is held in the first cache until it is written.
    pub batched: usize,
    /// A group that comes from memory is written at once where so many are read of it, or less; otherwise piece by piece.
    pub held: usize,
    /// From so many on, an output is not in the cache any more when it is read.
    pub streamed: usize,
    /// From so many on, an input comes from memory: it is fetched ahead, and so are the pages that it and the output lie on.
    pub fetched: usize,
}

/// What was fastest on two cores with caches of 32 or 48 KiB, 1 MiB and 32 MiB.
pub(super) const USUAL: Sizes =
    Sizes { shared: 96 << 10, batched: 16 << 10, held: 128 << 10, streamed: 8 << 20, fetched: 8 << 20 };

/// From which sizes on an input is taken another way, by name and in bytes: what `cargo xtask bench thresholds` measures.
/// No bit of a result depends on them.
pub fn thresholds() -> [(&'static str, usize); 5] {
    let Sizes { shared, batched, held, streamed, fetched } = USUAL;
    [("shared", shared), ("batched", batched), ("held", held), ("streamed", streamed), ("fetched", fetched)]
}

/// The variable that sets some of them otherwise, to measure what they come to:
/// `MAPCHECK_KERNEL_SIZES=held=0,streamed=16777216`. What is not one of them counts for nothing.
const VARIABLE: &str = "MAPCHECK_KERNEL_SIZES";

/// The usual ones, but for those that are asked for.
pub(super) fn choice() -> Sizes {
    static CHOICE: OnceLock<Sizes> = OnceLock::new();
    *CHOICE.get_or_init(|| chosen(&std::env::var(VARIABLE).unwrap_or_default()))
}

fn chosen(asked: &str) -> Sizes {
    let mut sizes = USUAL;
    for (name, value) in asked.split(',').filter_map(|one| one.split_once('=')) {
        let size = match name.trim() {
            "shared" => &mut sizes.shared,
            "batched" => &mut sizes.batched,
            "held" => &mut sizes.held,
            "streamed" => &mut sizes.streamed,
            "fetched" => &mut sizes.fetched,
            _ => continue,
        };
        *size = value.trim().parse().unwrap_or(*size);
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::{Sizes, USUAL, chosen};

    #[test]
    fn each_size_is_usual_unless_another_is_asked_for() {
        assert_eq!([chosen(""), chosen("height=1,held,streamed=many,=")], [USUAL; 2]);
        let asked = "shared=1, batched=2,held=3,streamed = 4,fetched=5";
        assert_eq!(chosen(asked), Sizes { shared: 1, batched: 2, held: 3, streamed: 4, fetched: 5 });
        assert_eq!(chosen("held=0,held=7"), Sizes { held: 7, ..USUAL });
    }
}
