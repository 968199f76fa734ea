//! The same bits by every path, on any number of threads, and nothing written beside the output.

use half::{bf16, f16};

use super::path::Path;
use super::{backward_by, forward_by, forward_within_by, places};
use crate::group_norm::GroupNorm;
use crate::group_norm::layout::Order;
use crate::group_norm::tests::care_taken;
use crate::random::Generator;
use crate::tensor::Element;

/// Samples, groups, channels of a group, spatial size.
const SHAPES: [[usize; 4]; 14] = [
    [1, 2, 1, 16],
    [2, 3, 2, 35],
    [3, 1, 64, 1],
    [2, 4, 3, 7],
    [2, 2, 3, 17],
    [2, 5, 3, 81],
    [1, 1, 2, 513],
    [3, 2, 2, 1025],
    [2, 8, 4, 900],
    [1, 3, 5, 4099],
    // More groups than a batch; channels that no whole vectors hold, of few places.
    [5, 7, 2, 3],
    [2, 8, 5, 19],
    [3, 3, 11, 10],
    [2, 17, 1, 9],
];

const ORDERS: [Order; 2] = [Order::Grouped, Order::Interleaved];

/// What is left of a buffer around the output.
const CANARY: f64 = 77.0;
const MARGIN: usize = 64;

fn drawn<T: Element>(count: usize, seed: u64, offset: f64) -> Vec<T> {
    let mut generator = Generator::new(seed);
    (0..count).map(|_| T::rounded(offset + generator.normal())).collect()
}

fn norm(groups: usize, channels: usize) -> GroupNorm {
    let gamma: Vec<f64> = (0..groups * channels).map(|c| 1.5 - 0.25 * c as f64).collect();
    let gamma = crate::tensor::Tensor::from_f64(crate::tensor::DType::F32, &[gamma.len()], &gamma).unwrap();
    GroupNorm::builder(groups as i64, (groups * channels) as i64).gamma_init(&gamma).beta_init(-0.75).build().unwrap()
}

/// Every bit of y, dx, dgamma and dbeta; the margins of the outputs are as they were.
fn bits<T: Element>(
    path: Path,
    order: Order,
    [samples, groups, channels, spatial]: [usize; 4],
    offset: f64,
) -> Vec<u64> {
    let norm = norm(groups, channels);
    let extents = norm.extents(&[samples, groups * channels, spatial]).unwrap();
    let count = samples * groups * channels * spatial;
    let (x, dy) = (drawn::<T>(count, 1, offset), drawn::<T>(count, 2, 0.0));
    let mut outputs = [(); 2].map(|()| vec![T::rounded(CANARY); count + 2 * MARGIN]);
    let [y, dx] = &mut outputs;
    forward_by(path, &norm, extents, order, &x, places(&mut y[MARGIN..][..count]));
    let gradients = backward_by(path, &norm, extents, order, [&x, &dy], Some(places(&mut dx[MARGIN..][..count])));
    for output in &outputs {
        let (before, rest) = output.split_at(MARGIN);
        assert!(before.iter().chain(&rest[count..]).all(|v| v.to_f64() == CANARY), "beside the output");
    }
    let mut within = vec![T::rounded(CANARY); count + 2 * MARGIN];
    within[MARGIN..][..count].copy_from_slice(&x);
    forward_within_by(path, &norm, extents, order, &mut within[MARGIN..][..count]);
    assert!(within.iter().zip(&outputs[0]).all(|(a, b)| a.bits() == b.bits()), "in place");
    let alone = backward_by(path, &norm, extents, order, [&x, &dy], None);
    assert_eq!(alone, gradients, "dgamma and dbeta do not depend on dx");
    let of_elements = outputs.iter().flatten().map(|v| v.bits());
    of_elements.chain(gradients.iter().flatten().map(|v| v.to_bits())).collect()
}

fn best() -> Path {
    Path::all().pop().unwrap()
}

type Bits = dyn Fn(Path, Order, [usize; 4], f64) -> Vec<u64> + Sync;

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
                    let portable = bits(Path::Portable, order, shape, offset);
                    for path in Path::all() {
                        assert_eq!(
                            bits(path, order, shape, offset),
                            portable,
                            "{path:?}, {order:?}, {shape:?}, {offset}"
                        );
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
                bits(Path::Portable, order, shape, 100.0);
                assert_eq!(care_taken(), 0, "{order:?}, {shape:?}");
            }
        }
    });
}

#[test]
fn the_number_of_threads_does_not_show() {
    // Large enough to be shared out, sample by sample and within a sample.
    let shapes = [[6, 7, 2, 3001], [1, 7, 2, 18_001]];
    of_every_dtype(|bits| {
        for order in ORDERS {
            let on = |threads, shape| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| bits(best(), order, shape, 3.0))
            };
            for shape in shapes {
                let one = on(1, shape);
                for threads in [2, 3, 8] {
                    assert_eq!(on(threads, shape), one, "{threads}, {order:?}, {shape:?}");
                }
            }
        }
    });
}

/// y of an input so large that it is written past the caches, at every alignment.
#[test]
fn what_is_streamed_is_what_is_stored() {
    let spatial = 2_300_003;
    let norm = norm(2, 2);
    let (extents, count) = (norm.extents(&[1, 4, spatial]).unwrap(), 4 * spatial);
    let x = drawn::<f32>(count, 5, 1.0);
    let mut streamed = vec![0.0f32; count + 8];
    for ahead in [0, 3] {
        forward_by(best(), &norm, extents, Order::Grouped, &x, places(&mut streamed[ahead..][..count]));
        for (group, x) in x.chunks_exact(extents.group).enumerate() {
            // A group alone is small enough to be stored.
            let mut stored = vec![0.0f32; extents.group];
            let alone = GroupNorm {
                gamma: part(&norm.gamma, group),
                beta: part(&norm.beta, group),
                num_groups: 1,
                num_channels: 2,
                ..norm.clone()
            };
            forward_by(best(), &alone, extents, Order::Grouped, x, places(&mut stored));
            let of_group = &streamed[ahead + group * extents.group..][..extents.group];
            assert!(of_group.iter().zip(&stored).all(|(a, b)| a.to_bits() == b.to_bits()), "{ahead}, {group}");
        }
    }
}

/// The parameter of the two channels of a group.
fn part(parameter: &crate::tensor::Tensor, group: usize) -> crate::tensor::Tensor {
    let values = &parameter.to_f64()[2 * group..][..2];
    crate::tensor::Tensor::from_f64(parameter.dtype(), &[2], values).unwrap()
}

#[test]
fn nan_bits_of_16_bit_dtypes_are_quiet_on_every_path() {
    for path in Path::all() {
        let mut x = drawn::<bf16>(64, 3, 0.0);
        x[5] = bf16::from_bits(0x7f81);
        let norm = norm(1, 2);
        let mut y = vec![bf16::ZERO; 64];
        forward_by(path, &norm, norm.extents(&[1, 2, 32]).unwrap(), Order::Grouped, &x, places(&mut y));
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
            // The element of a sample, channel and place.
            let at = |n: usize, c: usize, s: usize| match order {
                Order::Grouped => (n * channels + c) * spatial + s,
                Order::Interleaved => (n * spatial + s) * channels + c,
            };
            let x = drawn::<T>(samples * channels * spatial, 4, 1.0);
            let mut odd = x.clone();
            odd[at(1, 2, 7)] = T::rounded(f64::INFINITY);
            for path in Path::all() {
                let answers = [&x, &odd].map(|x| {
                    let mut y = vec![T::rounded(CANARY); x.len()];
                    forward_by(path, &norm, extents, order, x, places(&mut y));
                    let mut within = x.clone();
                    forward_within_by(path, &norm, extents, order, &mut within);
                    assert!(y.iter().zip(&within).all(|(a, b)| a.bits() == b.bits()), "in place");
                    let mut dx = vec![T::rounded(CANARY); x.len()];
                    backward_by(path, &norm, extents, order, [x, x], Some(places(&mut dx)));
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
