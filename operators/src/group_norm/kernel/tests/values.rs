//! What the passes give is what the careful computation gives.

use half::{bf16, f16};

use super::super::lanes::Compute;
use super::super::portable::Portable;
use super::super::vector::{Arithmetic, Isa};
use super::super::{Task, backward_by, forward_by, places};
use super::{ORDERS, SHAPES, drawn, norm};
use crate::group_norm::GroupNorm;
use crate::group_norm::layout::Order;
use crate::group_norm::shape::Extents;
use crate::group_norm::tests::care_taken;
use crate::group_norm::wide::Wide;
use crate::tensor::{DType, Element};

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
