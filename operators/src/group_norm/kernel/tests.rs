//! The same bits by every path, on any number of threads, of whatever size an input is taken to be, and nothing written
//! beside the output.

use half::{bf16, f16};

use super::lanes::Compute;
use super::path::Path;
use super::portable::Portable;
use super::sizes::{Sizes, USUAL};
use super::vector::{Arithmetic, Isa};
use super::{Task, backward_by, forward_by, forward_within_by, places};
use crate::group_norm::GroupNorm;
use crate::group_norm::layout::Order;
use crate::group_norm::tests::care_taken;
use crate::group_norm::wide::Wide;
use crate::random::Generator;
use crate::tensor::{DType, Element};

/// Samples, groups, channels of a group, spatial size.
const SHAPES: [[usize; 4]; 14] = [
    [1, 2, 1, 16],
    [2, 3, 2, 35],
    [3, 1, 64, 1],
    [2, 4, 3, 7],
    [2, 2, 3, 17],
    [2, 5, 3, 81],
    [1, 1, 2, 513],
    [2, 1, 2, 1025],
    [1, 2, 4, 900],
    [1, 1, 3, 2051],
    // More groups than a batch; channels that no whole vectors hold, of few places.
    [5, 7, 2, 3],
    [2, 8, 5, 19],
    [3, 3, 11, 10],
    [2, 17, 1, 9],
];

const ORDERS: [Order; 2] = [Order::Grouped, Order::Interleaved];

impl Order {
    /// The element of a sample, channel and place.
    fn at(self, n: usize, c: usize, s: usize, [channels, spatial]: [usize; 2]) -> usize {
        match self {
            Order::Grouped => (n * channels + c) * spatial + s,
            Order::Interleaved => (n * spatial + s) * channels + c,
        }
    }
}

/// What is left of a buffer around the output.
const CANARY: f64 = 77.0;
const MARGIN: usize = 64;

fn drawn<T: Element>(count: usize, seed: u64, offset: f64) -> Vec<T> {
    let mut generator = Generator::new(seed);
    (0..count).map(|_| T::rounded(offset + generator.normal())).collect()
}

fn norm(groups: usize, channels: usize) -> GroupNorm {
    let gamma: Vec<f64> = (0..groups * channels).map(|c| 1.5 - 0.25 * c as f64).collect();
    let gamma = crate::tensor::Tensor::from_f64(DType::F32, &[gamma.len()], &gamma).unwrap();
    GroupNorm::builder(groups as i64, (groups * channels) as i64).gamma_init(&gamma).beta_init(-0.75).build().unwrap()
}

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

#[test]
fn usual_groups_are_read_once() {
    of_every_dtype(|bits| {
        for shape in SHAPES {
            for order in ORDERS {
                care_taken();
                bits(Way::of(Path::Portable), order, shape, 100.0);
                assert_eq!(care_taken(), 0, "{order:?}, {shape:?}");
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
        Sizes { memory: always, ..USUAL },
        Sizes { fetched: always, ..USUAL },
        Sizes { fetched: always, held: always, ..USUAL },
        streamed,
        Sizes { batched: always, ..streamed },
        Sizes { fetched: always, ..streamed },
        Sizes { fetched: always, held: always, ..streamed },
    ];
    let shapes = [[2, 3, 2, 35], [3, 2, 64, 1], [2, 4, 3, 7], [1, 2, 2, 600], [5, 7, 2, 3], [2, 8, 5, 19]];
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

#[test]
fn the_number_of_threads_does_not_show() {
    let shapes = [[6, 7, 2, 31], [9, 2, 3, 20], [1, 5, 3, 70]];
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

/// Every dtype, shape and order, against the careful computation in twice the precision of f64.
#[test]
fn passes_give_what_more_care_gives() {
    /// Within so many ULP of a size.
    fn near(ours: &[f64], exact: &[f64], [units, size]: [f64; 2], dtype: DType, what: &str) {
        for (ours, exact) in ours.iter().zip(exact) {
            assert!((ours - exact).abs() <= units * dtype.ulp(size), "{what}: {ours:e}, {exact:e}");
        }
    }
    fn largest(values: &[f64]) -> f64 {
        values.iter().fold(0.0, |largest, v| v.abs().max(largest))
    }
    fn check<T: Element>() {
        let shapes = SHAPES.into_iter().chain([[2, 2, 21, 1], [1, 2, 30, 3]]);
        for ([samples, groups, channels, spatial], order) in shapes.flat_map(|shape| ORDERS.map(|order| (shape, order)))
        {
            let what = format!("{:?}, {order:?}, {samples} {groups} {channels} {spatial}", T::DTYPE);
            let (norm, count) = (norm(groups, channels), samples * groups * channels * spatial);
            let extents = norm.extents(&[samples, groups * channels, spatial]).unwrap();
            let task = Task::new(&norm, extents, order);
            let (x, dy) = (drawn::<T>(count, 1, 2.0), drawn::<T>(count, 2, 0.5));
            let (mut y, mut dx) = (x.clone(), x.clone());
            forward_by(task, &x, places(&mut y));
            let ours = backward_by(task, [&x, &dy], Some(places(&mut dx)));

            let [gamma, beta] = [&norm.gamma, &norm.beta].map(|parameter| parameter.to_f64());
            let mut exact = [vec![0.0; gamma.len()], vec![0.0; gamma.len()]];
            for index in 0..samples * groups {
                let first = index % groups * channels;
                let of_group = |values: &[T]| -> Vec<f64> {
                    let places = (first..first + channels).flat_map(|c| (0..spatial).map(move |s| (c, s)));
                    places
                        .map(|(c, s)| values[order.at(index / groups, c, s, [groups * channels, spatial])].to_f64())
                        .collect()
                };
                let [x, dy, y, dx] = [&x, &dy, &y, &dx].map(|values| of_group(values));
                let careful = norm.normalised_carefully(index, extents, [&gamma, &beta], &x);
                near(&y, &careful, [1.5, largest(&careful)], T::DTYPE, &format!("y, {what}"));
                let [mut hats, mut dys] = [vec![0.0; channels], vec![0.0; channels]];
                let careful = norm.differentiated_carefully(index, extents, &gamma, [&x, &dy], [&mut hats, &mut dys]);
                // Of the terms that dx is the sum of.
                let mean = x.iter().sum::<f64>() / x.len() as f64;
                let deviation = (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / x.len() as f64).sqrt();
                let size = largest(&dy) * largest(&gamma[first..first + channels]) / deviation;
                near(&dx, &careful, [4.0, size], T::DTYPE, &format!("dx, {what}"));
                for (total, of_group) in exact.iter_mut().zip([hats, dys]) {
                    total[first..].iter_mut().zip(of_group).for_each(|(total, share)| *total += share);
                }
            }
            // Sums of so many terms of a few.
            let terms = (samples * spatial) as f64;
            for (ours, exact) in ours.iter().zip(&exact) {
                let dtype = if T::DTYPE == DType::F64 { DType::F64 } else { DType::F32 };
                near(ours, exact, [2.0, 4.0 * terms], dtype, &format!("a parameter, {what}"));
            }
        }
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
}

#[test]
fn what_a_sum_of_f64_leaves_out_is_not_lost() {
    let mut total = <f64 as Compute<8>>::nothing::<Portable>();
    for term in [1.0, 1e-30] {
        total = <f64 as Compute<8>>::emptied::<Portable>(total, <Portable as Isa>::F64::splat(term));
    }
    assert_eq!(<f64 as Compute<8>>::settled::<Portable>(total).parts(), [8.0, 8e-30]);
    assert_eq!(<f64 as Compute<8>>::each_settled::<Portable>(total).map(|lane| lane.parts()), [[1.0, 1e-30]; 8]);
}

#[test]
fn nan_bits_of_16_bit_dtypes_are_quiet_on_every_path() {
    for path in Path::all() {
        let mut x = drawn::<bf16>(64, 3, 0.0);
        x[5] = bf16::from_bits(0x7f81);
        let norm = norm(1, 2);
        let mut y = vec![bf16::ZERO; 64];
        let extents = norm.extents(&[1, 2, 32]).unwrap();
        forward_by(Task { path, ..Task::new(&norm, extents, Order::Grouped) }, &x, places(&mut y));
        assert!(y.iter().all(|v| v.is_nan()));
    }
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
