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
use crate::group_norm::shape::Extents;
use crate::group_norm::tests::care_taken;
use crate::group_norm::wide::Wide;
use crate::random::Generator;
use crate::tensor::{DType, Element};

/// Samples, groups, channels of a group, spatial size.
const SHAPES: [[usize; 4]; 15] = [
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
    // More channels in a group than a vector has lanes.
    [1, 2, 19, 17],
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

pub(super) fn drawn<T: Element>(count: usize, seed: u64, offset: f64) -> Vec<T> {
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

/// Holds what the passes give for an input to the careful computation, in twice the precision of f64; how often the
/// passes took more care.
fn held<T: Element>(order: Order, [samples, groups, channels, spatial]: [usize; 4], x: &[T]) -> usize {
    fn largest(values: &[f64]) -> f64 {
        values.iter().fold(0.0, |largest, v| v.abs().max(largest))
    }
    let near = |ours: &[f64], exact: &[f64], [units, size]: [f64; 2], dtype: DType, name: &str| {
        for (ours, exact) in ours.iter().zip(exact) {
            let is_near = (ours - exact).abs() <= units * dtype.ulp(size);
            assert!(
                is_near,
                "{name}, {:?}, {order:?}, {samples} {groups} {channels} {spatial}: {ours:e}, {exact:e}",
                T::DTYPE
            );
        }
    };
    let norm = norm(groups, channels);
    let extents = norm.extents(&[samples, groups * channels, spatial]).unwrap();
    let task = Task::new(&norm, extents, order);
    let (dy, mut y, mut dx) = (drawn::<T>(x.len(), 2, 0.5), x.to_vec(), x.to_vec());
    care_taken();
    forward_by(task, x, places(&mut y));
    let ours = backward_by(task, [x, &dy], Some(places(&mut dx)));
    let care = care_taken();

    let [gamma, beta] = [&norm.gamma, &norm.beta].map(|parameter| parameter.to_f64());
    let (mut exact, mut terms) = ([vec![0.0; gamma.len()], vec![0.0; gamma.len()]], 0.0);
    for index in 0..samples * groups {
        let first = index % groups * channels;
        let of_group = |values: &[T]| -> Vec<f64> {
            let places = (first..first + channels).flat_map(|c| (0..spatial).map(move |s| (c, s)));
            let at = |(c, s)| order.at(index / groups, c, s, [groups * channels, spatial]);
            places.map(|place| values[at(place)].to_f64()).collect()
        };
        let [x, dy, y, dx] = [x, &dy, &y, &dx].map(of_group);
        let careful = norm.normalised_carefully(index, extents, [&gamma, &beta], &x);
        near(&y, &careful, [1.5, largest(&careful)], T::DTYPE, "y");
        let [mut hats, mut dys] = [vec![0.0; channels], vec![0.0; channels]];
        let careful = norm.differentiated_carefully(index, extents, &gamma, [&x, &dy], [&mut hats, &mut dys]);
        // Of the terms that gradients are sums of.
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let distances: Vec<f64> = x.iter().map(|v| v - mean).collect();
        let deviation = (distances.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt() + 1e-5;
        let x_hat = (largest(&distances) / deviation).max(1.0);
        let size = largest(&dy) * largest(&gamma[first..first + channels]) / deviation * x_hat;
        near(&dx, &careful, [2.0, size], T::DTYPE, "dx");
        terms += largest(&dy) * x_hat * spatial as f64;
        for (total, of_group) in exact.iter_mut().zip([hats, dys]) {
            total[first..].iter_mut().zip(of_group).for_each(|(total, share)| *total += share);
        }
    }
    let dtype = if T::DTYPE == DType::F64 { DType::F64 } else { DType::F32 };
    ours.iter()
        .zip(&exact)
        .for_each(|(ours, exact)| near(ours, exact, [1.0, terms], dtype, "a gradient of a parameter"));
    care
}

#[test]
fn passes_give_what_more_care_gives() {
    fn check<T: Element>() {
        for shape in SHAPES.into_iter().chain([[2, 2, 21, 1], [1, 2, 30, 3]]) {
            for order in ORDERS {
                let x = drawn::<T>(shape.iter().product(), 1, 2.0);
                assert_eq!(held(order, shape, &x), 0, "{order:?} {shape:?}");
                // The deviation of a constant is none, beside epsilon.
                let x = vec![T::rounded(2.0); x.len()];
                assert_eq!(held(order, shape, &x), 0, "{order:?} {shape:?}");
            }
        }
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
    // More than one unit.
    let shape = [1, 3, 2, 22_001];
    held(Order::Interleaved, shape, &drawn::<f32>(shape.iter().product(), 1, 2.0));
    // More terms of one size than a sum in f32 has digits for.
    let (shape, x) = ([1, 1, 1 << 18, 1], (0..1 << 18).map(|at| bf16::from_f32(if at % 2 == 0 { 1.1 } else { -1.1 })));
    held(Order::Grouped, shape, &x.collect::<Vec<_>>());
}

/// Beside a gamma of the usual size, and none; y is of the usual size by its beta.
#[test]
fn a_gamma_that_is_all_but_0_leaves_dx_all_its_digits() {
    let cases = [3, 40].into_iter().flat_map(|spatial| [0.0, 5.0].map(|last| (spatial, last)));
    for (order, (spatial, last)) in ORDERS.into_iter().flat_map(|order| cases.clone().map(move |case| (order, case))) {
        let gamma = [1e-40, -2e-40, 3e-40, 1.0, -2.0, 3.0, last, last, last];
        let of_gamma = crate::tensor::Tensor::from_f64(DType::F32, &[9], &gamma).unwrap();
        let gamma = of_gamma.to_f64();
        let norm = GroupNorm::builder(3, 9).gamma_init(&of_gamma).beta_init(1.0).build().unwrap();
        let extents = norm.extents(&[1, 9, spatial]).unwrap();
        let x = drawn::<f32>(9 * spatial, 1, 2.0);
        let dy: Vec<f32> = drawn::<f32>(9 * spatial, 2, 0.5).into_iter().map(|v| v * 1e20).collect();
        let mut dx = x.clone();
        care_taken();
        backward_by(Task::new(&norm, extents, order), [&x, &dy], Some(places(&mut dx)));
        assert_eq!(care_taken(), 1, "{order:?}, {spatial}, {last}: of the first group alone");
        for group in 0..3 {
            let places = (3 * group..3 * group + 3).flat_map(|c| (0..spatial).map(move |s| (c, s)));
            let places: Vec<usize> = places.map(|(c, s)| order.at(0, c, s, [9, spatial])).collect();
            let [x, dy, dx] =
                [&x, &dy, &dx].map(|values| places.iter().map(|&at| f64::from(values[at])).collect::<Vec<_>>());
            let [mut hats, mut dys] = [[0.0; 3]; 2];
            let exact = norm.differentiated_carefully(group, extents, &gamma, [&x, &dy], [&mut hats, &mut dys]);
            let size = exact.iter().fold(0.0, |largest: f64, v| v.abs().max(largest));
            for (ours, exact) in dx.iter().zip(&exact) {
                let is_near = (ours - exact).abs() <= 2.0 * DType::F32.ulp(size);
                assert!(is_near, "{order:?}, {spatial}, {last}, group {group}: {ours:e}, {exact:e}");
            }
        }
    }
}

/// A mean that is guessed from a few elements, all of which are far above the others or below.
#[test]
fn a_guess_that_is_far_off_is_mended_once() {
    // In batches, piece by piece, channels of few elements, and interleaved; at such distances so many elements are far off.
    let cases = [
        (Order::Grouped, [1, 1, 2, 200], 128, 16),
        (Order::Grouped, [1, 1, 2, 4000], 2661, 16),
        (Order::Grouped, [1, 1, 70, 6], 134, 16),
        (Order::Interleaved, [1, 1, 2, 4000], 532, 2),
    ];
    fn check<T: Element>(order: Order, shape: [usize; 4], distance: usize, count: usize) {
        for far in [1e4, -1e4].map(T::rounded) {
            let mut x = drawn::<T>(shape.iter().product(), 1, 0.0);
            for start in (0..=x.len() - count).step_by(distance) {
                x[start..start + count].fill(far);
            }
            // Forward and backward.
            assert_eq!(held(order, shape, &x), 2, "{order:?} {shape:?}");
        }
    }
    for (order, shape, distance, count) in cases {
        check::<f16>(order, shape, distance, count);
        check::<bf16>(order, shape, distance, count);
        check::<f32>(order, shape, distance, count);
        check::<f64>(order, shape, distance, count);
    }
}

/// Rounded before it is multiplied by gamma, some would be two off.
#[test]
fn where_channels_are_small_y_is_within_an_ulp_of_the_largest() {
    let (norm, extents) = (norm(2, 6), Extents { spatial: 3, group: 18 });
    let x = drawn::<f32>(36_000, 1, 2.0);
    let mut y = x.clone();
    forward_by(Task::new(&norm, extents, Order::Grouped), &x, places(&mut y));
    let [gamma, beta] = [&norm.gamma, &norm.beta].map(|parameter| parameter.to_f64());
    for (index, (x, y)) in x.chunks(18).zip(y.chunks(18)).enumerate() {
        let x: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
        let exact = norm.normalised_carefully(index, extents, [&gamma, &beta], &x);
        let ulp = DType::F32.ulp(exact.iter().fold(0.0, |largest, v| v.abs().max(largest)));
        assert!(y.iter().zip(&exact).all(|(y, exact)| (y.to_f64() - exact).abs() <= ulp), "{y:?}, {exact:?}");
    }
}

/// Where terms are few, every last digit of f64 shows.
#[test]
fn gradients_of_parameters_over_few_elements_have_all_digits() {
    let (norm, extents) = (GroupNorm::builder(3, 9).eps(0.5).build().unwrap(), Extents { spatial: 1, group: 3 });
    let mut worst = 0.0f64;
    for seed in 0..3000 {
        let (x, dy) = (drawn::<f64>(9, 2 * seed, 0.0), drawn::<f64>(9, 2 * seed + 1, 0.0));
        let ours = backward_by(Task::new(&norm, extents, Order::Grouped), [&x, &dy], None);
        for index in 0..3 {
            let range = 3 * index..3 * index + 3;
            let [mut hats, mut dys] = [[0.0; 3]; 2];
            let inputs = [&x[range.clone()], &dy[range.clone()]];
            norm.differentiated_carefully(index, extents, &[1.0; 9], inputs, [&mut hats, &mut dys]);
            for (ours, exact) in ours[0][range].iter().zip(hats) {
                worst = worst.max((ours - exact).abs() / DType::F64.ulp(exact));
            }
        }
    }
    assert!(worst <= 3.0, "{worst}");
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
