//! The definition, spelled out, and finite differences.

use half::{bf16, f16};
use ndarray::{Array, Array4, Axis, s};

use super::{channels_last, ramp, six, tensor};
use crate::group_norm::{GroupNorm, Wanted};
use crate::tensor::{DType, Element, Tensor};

/// Wu and He, equations 1 to 5, index by index; `dy` may be anything.
fn textbook(
    x: &Array4<f64>,
    dy: &Array4<f64>,
    groups: usize,
    epsilon: f64,
) -> (Array4<f64>, Array4<f64>, [Vec<f64>; 2]) {
    let size = 6 / groups;
    let (mut y, mut dx, mut parameters) = (x.clone(), x.clone(), [vec![0.0; 6], vec![0.0; 6]]);
    for (n, c, h, w) in ndarray::indices(x.raw_dim()) {
        let first = c / size * size;
        let (x_group, dy_group) =
            (x.slice(s![n, first..first + size, .., ..]), dy.slice(s![n, first..first + size, .., ..]));
        let mean = x_group.mean().unwrap();
        let deviation = (x_group.mapv(|v| (v - mean).powi(2)).mean().unwrap() + epsilon).sqrt();
        let hat = (x[[n, c, h, w]] - mean) / deviation;
        y[[n, c, h, w]] = (c as f64 + 1.0) * hat + c as f64 - 2.0;
        let scale = Array::from_shape_fn(size, |i| (first + i) as f64 + 1.0);
        let g = &dy_group * &scale.insert_axis(Axis(1)).insert_axis(Axis(2));
        let g_hat = (&g * &x_group.mapv(|v| (v - mean) / deviation)).mean().unwrap();
        dx[[n, c, h, w]] = (g[[c - first, h, w]] - g.mean().unwrap() - hat * g_hat) / deviation;
        parameters[0][c] += dy[[n, c, h, w]] * hat;
        parameters[1][c] += dy[[n, c, h, w]];
    }
    (y, dx, parameters)
}

#[test]
fn six_channels_as_the_textbook_says() {
    fn agree<T: Element>(tolerance: f64) {
        let (x, dy) = (ramp::<T>([2, 6, 5, 3], 1), ramp::<T>([2, 6, 5, 3], 2));
        for groups in [2, 3] {
            let (y, dx, [dgamma, dbeta]) = textbook(&x.mapv(Element::to_f64), &dy.mapv(Element::to_f64), groups, 1e-5);
            let near = |ours: Vec<f64>, theirs: Vec<f64>, unit: f64| {
                for (ours, theirs) in ours.into_iter().zip(theirs) {
                    let error = (ours - theirs).abs();
                    assert!(error <= tolerance * unit, "{:?}: {ours:?} is not {theirs}", T::DTYPE);
                }
            };
            let norm = six(groups as i64);
            near(norm.forward(x.view()).unwrap().mapv(T::to_f64).into_iter().collect(), y.into_iter().collect(), 16.0);
            let ours = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap();
            near(ours.dx.unwrap().mapv(T::to_f64).into_iter().collect(), dx.into_iter().collect(), 64.0);
            near(ours.dgamma.unwrap().to_f64(), dgamma, 512.0);
            near(ours.dbeta.unwrap().to_f64(), dbeta, 512.0);
        }
    }
    agree::<f16>(f64::from(f16::EPSILON));
    agree::<bf16>(f64::from(bf16::EPSILON));
    agree::<f32>(f64::from(f32::EPSILON));
    agree::<f64>(16.0 * f64::EPSILON); // what the textbook loses in f64
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-5;
    let (x, dy) = (ramp::<f64>([2, 6, 2, 2], 3), ramp::<f64>([2, 6, 2, 2], 4));
    let norm = six(2);
    let loss = |norm: &GroupNorm, x: &Array4<f64>| (&norm.forward(x.view()).unwrap() * &dy).sum();
    let slope = |at: &dyn Fn(f64) -> f64| (at(STEP) - at(-STEP)) / (2.0 * STEP);
    let gradients = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap();
    for (index, dx) in gradients.dx.unwrap().indexed_iter() {
        let expected = slope(&|step| {
            let mut x = x.clone();
            x[index] += step;
            loss(&norm, &x)
        });
        assert!((dx - expected).abs() < 1e-5, "dx at {index:?}: {dx}, {expected}");
    }
    let moved = |parameter: &Tensor, c: usize, step: f64| {
        let mut values = parameter.to_f64();
        values[c] += step;
        tensor(&values)
    };
    for (c, (dgamma, dbeta)) in
        gradients.dgamma.unwrap().to_f64().iter().zip(gradients.dbeta.unwrap().to_f64()).enumerate()
    {
        let expected = slope(&|step| loss(&GroupNorm { gamma: moved(norm.gamma(), c, step), ..norm.clone() }, &x));
        assert!((dgamma - expected).abs() < 1e-5, "dgamma of {c}: {dgamma}, {expected}");
        let expected = slope(&|step| loss(&GroupNorm { beta: moved(norm.beta(), c, step), ..norm.clone() }, &x));
        assert!((dbeta - expected).abs() < 1e-5, "dbeta of {c}: {dbeta}, {expected}");
    }
}

#[test]
fn products_of_dy_and_x_do_not_leave_the_range_of_f32() {
    let norm = GroupNorm::builder(1, 2).eps(0.0).build().unwrap();
    let (x, dy) = (ramp::<f32>([2, 2, 5, 7], 3), ramp::<f32>([2, 2, 5, 7], 4));
    // The gradient of x has the unit of dy over x; those of gamma and beta have that of dy.
    let of = |[x_power, dy_power]: [i32; 2]| {
        let scaled = |values: &Array4<f32>, power| values.mapv(|v| libm::ldexp(f64::from(v), power) as f32);
        let (x, dy) = (scaled(&x, x_power), scaled(&dy, dy_power));
        let gradients = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap();
        let unscaled =
            |values: Vec<f64>, power: i32| values.into_iter().map(|v| libm::ldexp(v, -power)).collect::<Vec<_>>();
        let dx = gradients.dx.unwrap().mapv(f64::from).into_iter().collect();
        let [dgamma, dbeta] = [gradients.dgamma, gradients.dbeta].map(|gradient| gradient.unwrap().to_f64());
        [unscaled(dx, dy_power - x_power), unscaled(dgamma, dy_power), unscaled(dbeta, dy_power)]
    };
    let usual = of([0, 0]);
    for powers in [[40, 100], [-30, -100]] {
        for (far, usual) in of(powers).into_iter().flatten().zip(usual.iter().flatten()) {
            assert!((far - usual).abs() <= 1e-5 * usual.abs().max(1.0), "{powers:?}: {far}, {usual}");
        }
    }
}

#[test]
fn parameters_in_f64_have_their_digits() {
    let (x, dy) = (ramp::<f32>([3, 6, 5, 4], 5), ramp::<f32>([3, 6, 5, 4], 6));
    let norm = |gamma| {
        let builder = GroupNorm::builder(3, 6).gamma_init(tensor(&[gamma; 6])).beta_init(tensor(&[0.0; 6]));
        builder.eps(1e-3).build().unwrap()
    };
    let [wide_x, wide_dy] = [&x, &dy].map(|values| values.mapv(f64::from));
    let wide = norm(1e300).backward(wide_x.view(), wide_dy.view(), Wanted::PARAMETERS).unwrap().dgamma.unwrap();
    // Usual, and so large that the dtype of the input cannot hold what the passes make of it. dgamma does not depend on it.
    for gamma in [1.0, 3e38] {
        for (x, dy) in [(&x, &dy), (&channels_last(&x), &channels_last(&dy))] {
            let narrow = norm(gamma).backward(x.view(), dy.view(), Wanted::PARAMETERS).unwrap().dgamma.unwrap();
            assert_eq!(narrow.to_f64(), wide.to_f64(), "{gamma}");
        }
    }
}

/// Where channels are short, their terms are held over many of them.
#[test]
fn sums_over_many_short_channels_lose_nothing() {
    let shape = [1, 2000, 17, 1];
    // Of one sign for half of the channels: what a short sum holds would grow, and its last digits go.
    let mut x = ramp::<f32>(shape, 8).mapv(|v| v.fract());
    x.slice_mut(s![.., 1000.., .., ..]).mapv_inplace(|v| v + 5.0);
    let dy = ramp::<f32>(shape, 9).mapv(|v| v.fract());
    let norm = GroupNorm::builder(1, 2000).build().unwrap();
    let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    let [x, dy] = [&x, &dy].map(|values| values.mapv(f64::from));
    let exact = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    let largest = exact.iter().fold(0.0, |largest: f64, dx| largest.max(dx.abs()));
    for (dx, exact) in dx.iter().zip(&exact) {
        assert!((f64::from(*dx) - exact).abs() <= 4.0 * DType::F32.ulp(largest), "{dx}, {exact}");
    }
}

#[test]
fn the_gradient_of_one_element_is_nothing() {
    fn check<T: Element>() {
        let gamma = tensor(&[0.3, -1.7, 2.9, 1e4, 0.1, 7.7]);
        let norm = GroupNorm::builder(6, 6).gamma_init(gamma).build().unwrap();
        let (x, dy) = (ramp::<T>([5, 6, 1, 1], 5), ramp::<T>([5, 6, 1, 1], 6));
        let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
        assert!(dx.iter().all(|dx| dx.to_f64() == 0.0), "{dx:?}");
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
}

#[test]
fn the_gradient_of_each_of_many_channels_is_a_sum_over_samples() {
    let norm = GroupNorm::builder(1, 19).build().unwrap();
    let dy = Array::from_shape_fn((3, 19, 2), |(n, c, s)| (100 * n + 2 * c + s) as f32);
    let x = ramp::<f32>([3, 19, 2, 1], 7).remove_axis(Axis(3));
    let dbeta = norm.backward(x.view(), dy.view(), Wanted::PARAMETERS).unwrap().dbeta.unwrap();
    assert_eq!(dbeta.to_f64(), (0..19).map(|c| (600 + 12 * c + 3) as f64).collect::<Vec<_>>());
}

#[test]
fn what_samples_add_in_f64_is_rounded_once() {
    let norm = GroupNorm::builder(1, 1).dtype(DType::F64).build().unwrap();
    let half = f64::EPSILON / 2.0;
    let dy = Array::from_shape_vec((4, 1, 1), vec![1.0, half, half, half]).unwrap();
    let dbeta = norm.backward(dy.view(), dy.view(), Wanted::PARAMETERS).unwrap().dbeta.unwrap();
    assert_eq!(dbeta.to_f64(), [1.0 + 2.0 * f64::EPSILON]);
}
