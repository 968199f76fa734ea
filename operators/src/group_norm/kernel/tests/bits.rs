//! The same bits by every path, on any number of threads, of whatever size an input is taken to be, and nothing written
//! beside the output.

use half::{bf16, f16};

use super::super::path::Path;
use super::super::sizes::{Sizes, USUAL};
use super::super::{Task, backward_by, forward_by, forward_within_by, places};
use super::{CANARY, MARGIN, ORDERS, SHAPES, drawn, norm};
use crate::group_norm::layout::Order;
use crate::group_norm::tests::care_taken;
use crate::tensor::Element;

/// How a pass is done.
#[derive(Clone, Copy, Debug)]
struct Way {
    path: Path,
    sizes: Sizes,
    /// So many elements are left before the output begins.
    start: usize,
}

impl Way {
    fn of(path: Path) -> Self {
        Self { path, sizes: USUAL, start: MARGIN }
    }
}

/// Every bit of y, dx, dgamma and dbeta; the margins of the outputs are as they were.
fn bits<T: Element>(way: Way, order: Order, [samples, groups, channels, spatial]: [usize; 4], offset: f64) -> Vec<u64> {
    let norm = norm(groups, channels);
    let extents = norm.extents(&[samples, groups * channels, spatial]).unwrap();
    let task = Task { path: way.path, sizes: way.sizes, ..Task::new(&norm, extents, order) };
    let count = samples * groups * channels * spatial;
    let (x, dy) = (drawn::<T>(count, 1, offset), drawn::<T>(count, 2, 0.0));
    let mut outputs = [(); 2].map(|()| vec![T::rounded(CANARY); count + 2 * MARGIN]);
    let [y, dx] = &mut outputs;
    forward_by(task, &x, places(&mut y[way.start..][..count]));
    let gradients = backward_by(task, [&x, &dy], Some(places(&mut dx[way.start..][..count])));
    let mut within = vec![T::rounded(CANARY); count + 2 * MARGIN];
    within[way.start..][..count].copy_from_slice(&x);
    forward_within_by(task, &mut within[way.start..][..count]);
    let is_alike = within.iter().zip(&outputs[0]).all(|(a, b)| a.bits() == b.bits());
    assert!(is_alike, "in place, {way:?}, {order:?}, {samples} {groups} {channels} {spatial}");
    let alone = backward_by(task, [&x, &dy], None);
    assert_eq!(alone, gradients, "dgamma and dbeta do not depend on dx");
    let mut bits = Vec::new();
    for output in &outputs {
        let (before, rest) = output.split_at(way.start);
        let (output, after) = rest.split_at(count);
        assert!(before.iter().chain(after).all(|v| v.to_f64() == CANARY), "beside the output");
        bits.extend(output.iter().map(|v| v.bits()));
    }
    bits.extend(gradients.iter().flatten().map(|v| v.to_bits()));
    bits
}

fn best() -> Path {
    Path::all().pop().unwrap()
}

type Bits = dyn Fn(Way, Order, [usize; 4], f64) -> Vec<u64> + Sync;

fn of_every_dtype(check: impl Fn(&Bits)) {
    check(&bits::<f16>);
    check(&bits::<bf16>);
    check(&bits::<f32>);
    check(&bits::<f64>);
}

#[test]
fn every_path_gives_the_same_bits() {
    of_every_dtype(|bits| {
        for shape in SHAPES {
            for offset in [0.0, 100.0] {
                for order in ORDERS {
                    let portable = bits(Way::of(Path::Portable), order, shape, offset);
                    for path in Path::all().into_iter().skip(1) {
                        let of_path = bits(Way::of(path), order, shape, offset);
                        assert_eq!(of_path, portable, "{path:?}, {order:?}, {shape:?}, {offset}");
                    }
                }
            }
        }
    });
}

/// As if whatever is taken another way from a size on were larger, or smaller, than it is.
#[test]
fn no_size_shows() {
    let (never, always) = (usize::MAX, 0);
    let streamed = Sizes { streamed: always, ..USUAL };
    let each = [
        Sizes { batched: always, ..USUAL },
        Sizes { batched: never, ..USUAL },
        Sizes { fetched: always, ..USUAL },
        Sizes { fetched: always, held: always, ..USUAL },
        streamed,
        Sizes { batched: always, ..streamed },
        Sizes { fetched: always, ..streamed },
        Sizes { fetched: always, held: always, ..streamed },
    ];
    // Rows that meet within a vector and within a pair of them, more of them than a vector has lanes, too. The last:
    // groups of several pieces, whose ends lie within a row.
    let shapes = [
        [2, 3, 2, 35],
        [3, 2, 64, 1],
        [2, 4, 3, 7],
        [1, 2, 2, 600],
        [5, 7, 2, 3],
        [2, 8, 5, 19],
        [1, 2, 3, 16],
        [2, 2, 19, 17],
        [1, 3, 5, 49],
        [1, 3, 9, 323],
        [2, 2, 2, 2047],
        [2, 2, 2, 2050],
        [2, 2, 2, 4099],
    ];
    of_every_dtype(|bits| {
        for shape in shapes {
            for order in ORDERS {
                let usual = bits(Way::of(best()), order, shape, 2.0);
                for path in Path::all() {
                    for (sizes, start) in each.iter().flat_map(|sizes| [0, 27].map(|more| (*sizes, MARGIN + more))) {
                        let way = Way { path, sizes, start };
                        assert_eq!(bits(way, order, shape, 2.0), usual, "{way:?}, {order:?}, {shape:?}");
                    }
                }
            }
        }
    });
}

/// A group is written while the next one is summed: also where one of the two is no number, or is summed twice.
#[test]
fn groups_that_need_more_care_do_not_show_beside_others() {
    let (groups, channels, spatial) = (5, 2, 2050);
    let norm = norm(groups, channels);
    let extents = norm.extents(&[1, groups * channels, spatial]).unwrap();
    let group = channels * spatial;
    let (mut x, dy) = (drawn::<f32>(groups * group, 1, 2.0), drawn::<f32>(groups * group, 2, 0.0));
    x[group + 7] = f32::INFINITY;
    for far in [3, 4] {
        // All but the sample by which its mean is guessed.
        let of_group = &mut x[far * group..][..group];
        let sampled = |at: usize| (0..4).any(|k| (k * ((group - 16) / 3)..).take(16).any(|place| place == at));
        (0..group).filter(|&at| !sampled(at)).for_each(|at| of_group[at] += 1000.0);
    }
    let bits = |path, sizes| {
        let task = Task { path, sizes, ..Task::new(&norm, extents, Order::Grouped) };
        let mut outputs = [(); 2].map(|()| vec![CANARY as f32; x.len()]);
        forward_by(task, &x, places(&mut outputs[0]));
        let gradients = backward_by(task, [&x, &dy], Some(places(&mut outputs[1])));
        let outputs = outputs.iter().flatten().map(|v| u64::from(v.to_bits()));
        outputs.chain(gradients.iter().flatten().map(|v| v.to_bits())).collect::<Vec<_>>()
    };
    care_taken();
    let usual = bits(best(), USUAL);
    assert_eq!(care_taken(), 6, "of two groups the guess is far and one has an infinity, forward and backward");
    let in_pieces = Sizes { fetched: 0, held: 0, ..USUAL };
    for path in Path::all() {
        for sizes in [in_pieces, Sizes { streamed: 0, ..in_pieces }] {
            assert!(bits(path, sizes) == usual, "{path:?}, {sizes:?}");
        }
    }
}

/// y and dx, from arrays that begin so many elements after where an array begins, into ones that come so many bytes after
/// x in the lower twelve bits of the addresses.
fn bits_at<T: Element>(path: Path, order: Order, shape: [usize; 4], [start, ahead]: [usize; 2]) -> Vec<u64> {
    let [samples, groups, channels, spatial] = shape;
    let norm = norm(groups, channels);
    let extents = norm.extents(&[samples, groups * channels, spatial]).unwrap();
    let task = Task { path, ..Task::new(&norm, extents, order) };
    let count = samples * groups * channels * spatial;
    let [x, dy] = [1, 2].map(|seed| [vec![T::rounded(CANARY); start], drawn::<T>(count, seed, 2.0)].concat());
    let inputs = [&x[start..], &dy[start..]];
    let mut bits = Vec::new();
    for is_forward in [true, false] {
        let mut output = vec![T::rounded(CANARY); count + 4096 / size_of::<T>() + 2 * MARGIN];
        let from = (inputs[0].as_ptr().addr() + ahead).wrapping_sub(output[MARGIN..].as_ptr().addr()) % 4096;
        let range = MARGIN + from / size_of::<T>()..MARGIN + from / size_of::<T>() + count;
        let room = places(&mut output[range.clone()]);
        if is_forward {
            forward_by(task, inputs[0], room);
        } else {
            backward_by(task, inputs, Some(room));
        }
        bits.extend(output[range.clone()].iter().map(|v| v.bits()));
        output[range].fill(T::rounded(CANARY));
        assert!(output.iter().all(|v| v.to_f64() == CANARY), "beside the output");
    }
    bits
}

/// What is long is begun where a line begins, and a row is written from its end where it would seem to read what it
/// writes.
#[test]
fn it_does_not_show_where_arrays_lie() {
    fn check<T: Element>() {
        let cases = ORDERS
            .into_iter()
            .flat_map(|order| [[2, 2, 3, 200], [1, 2, 4, 1100], [1, 2, 18, 19]].map(|shape| (order, shape)));
        for (order, shape) in cases {
            let usual = bits_at::<T>(Path::Portable, order, shape, [0, 2048]);
            let places = [0, 1, 5].into_iter().flat_map(|start| [0, 8, 64, 72, 512, 576].map(|ahead| [start, ahead]));
            for (path, place) in places.flat_map(|place| Path::all().into_iter().map(move |path| (path, place))) {
                assert_eq!(bits_at::<T>(path, order, shape, place), usual, "{path:?}, {order:?}, {shape:?}, {place:?}");
            }
        }
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
}

#[test]
fn the_number_of_threads_does_not_show() {
    // The last: more samples than one thread differentiates at once.
    let shapes = [[6, 7, 2, 31], [9, 2, 3, 20], [1, 5, 3, 70], [150, 2, 2, 3]];
    // Shared out within the sample, unit by unit.
    let large = [1, 3, 2, 22_001];
    let pools = [1, 2, 3, 8].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    of_every_dtype(|bits| {
        for order in ORDERS {
            let larger = (order == Order::Interleaved).then_some(large);
            for shape in shapes.into_iter().chain(larger) {
                let way = Way { sizes: Sizes { shared: 0, ..USUAL }, ..Way::of(best()) };
                let on = |pool: &rayon::ThreadPool| pool.install(|| bits(way, order, shape, 3.0));
                let one = on(&pools[0]);
                for pool in &pools[1..] {
                    assert_eq!(on(pool), one, "{}, {order:?}, {shape:?}", pool.current_num_threads());
                }
            }
        }
    });
}

/// Groups that need more care are found, computed and put back in either order, and touch no other.
#[test]
fn an_infinity_makes_its_own_group_nan_in_every_order() {
    fn check<T: Element>() {
        let (norm, [samples, channels, spatial]) = (norm(3, 2), [2, 6, 35]);
        let extents = norm.extents(&[samples, channels, spatial]).unwrap();
        for order in ORDERS {
            let at = |n, c, s| order.at(n, c, s, [channels, spatial]);
            let x = drawn::<T>(samples * channels * spatial, 4, 1.0);
            let mut odd = x.clone();
            odd[at(1, 2, 7)] = T::rounded(f64::INFINITY);
            for path in Path::all() {
                let task = Task { path, ..Task::new(&norm, extents, order) };
                let answers = [&x, &odd].map(|x| {
                    let mut y = vec![T::rounded(CANARY); x.len()];
                    forward_by(task, x, places(&mut y));
                    let mut within = x.clone();
                    forward_within_by(task, &mut within);
                    assert!(y.iter().zip(&within).all(|(a, b)| a.bits() == b.bits()), "in place");
                    let mut dx = vec![T::rounded(CANARY); x.len()];
                    backward_by(task, [x, x], Some(places(&mut dx)));
                    [y, dx]
                });
                for (n, c, s) in (0..samples * channels * spatial).map(|i| (i / 210, i / 35 % 6, i % 35)) {
                    for (usual, odd) in answers[0].iter().zip(&answers[1]) {
                        let (usual, odd) = (usual[at(n, c, s)], odd[at(n, c, s)]);
                        let is_of_group = n == 1 && c / 2 == 1;
                        assert!(
                            if is_of_group { odd.to_f64().is_nan() } else { odd.bits() == usual.bits() },
                            "{order:?} {n} {c} {s}"
                        );
                    }
                }
            }
        }
    }
    care_taken();
    check::<f16>();
    check::<f32>();
    check::<f64>();
    assert!(care_taken() > 0);
}
