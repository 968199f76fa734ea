//! Invariants, special values and accuracy.

use half::{bf16, f16};
use ndarray::{Array3, Array4, Axis, Ix4, s};

use super::{bits, care_taken, ramp, six, tensor};
use crate::group_norm::{GroupNorm, Wanted};
use crate::random::Generator;
use crate::tensor::{DType, Element};

#[test]
fn a_batch_is_its_samples_one_by_one() {
    let (norm, x) = (six(3), ramp::<f32>([3, 6, 5, 3], 1));
    let y = norm.forward(x.view()).unwrap();
    for (x, y) in x.axis_chunks_iter(Axis(0), 1).zip(y.axis_chunks_iter(Axis(0), 1)) {
        assert_eq!(norm.forward(x).unwrap(), y);
    }
}

#[test]
fn dx_is_orthogonal_to_ones_and_to_x() {
    let (norm, x, dy) = (six(2), ramp::<f64>([2, 6, 5, 3], 1), ramp::<f64>([2, 6, 5, 3], 2));
    let hat = GroupNorm::builder(2, 6).eps(0.0).build().unwrap();
    let hat = hat.forward(x.view()).unwrap();
    let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    for (dx, hat) in dx.exact_chunks((1, 3, 5, 3)).into_iter().zip(hat.exact_chunks((1, 3, 5, 3))) {
        assert!(dx.sum().abs() < 1e-13);
        // Not quite zero: the deviation has epsilon in it.
        assert!((&dx * &hat).sum().abs() < 1e-3);
    }
}

#[test]
fn a_nan_or_infinity_stays_in_its_group() {
    fn check<T: Element>() {
        let (norm, x, dy) = (six(3), ramp::<T>([2, 6, 3, 2], 1), ramp::<T>([2, 6, 3, 2], 2));
        let answers = |x: &Array4<T>| {
            let gradients = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap();
            [norm.forward(x.view()).unwrap(), gradients.dx.unwrap()]
        };
        let clean = answers(&x);
        for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut x = x.clone();
            x[[1, 3, 2, 0]] = T::rounded(special);
            for (mut dirty, clean) in answers(&x).into_iter().zip(&clean) {
                assert!(dirty.slice(s![1, 2..4, .., ..]).iter().all(|v| v.to_f64().is_nan()));
                dirty.slice_mut(s![1, 2..4, .., ..]).assign(&clean.slice(s![1, 2..4, .., ..]));
                assert_eq!(bits(&dirty), bits(clean));
            }
            let dgamma = norm.backward(x.view(), dy.view(), Wanted::ALL).unwrap().dgamma.unwrap();
            let nan: Vec<bool> = dgamma.to_f64().into_iter().map(f64::is_nan).collect();
            assert_eq!(nan, [false, false, true, true, false, false]);
        }
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
}

#[test]
fn no_samples() {
    // Of many channels, and of the few that are left of them, the sums are taken another way.
    for channels in [6, 70] {
        let norm = GroupNorm::builder(2, channels as i64).build().unwrap();
        let x = Array3::<f32>::zeros((0, channels, 4));
        assert_eq!(norm.forward(x.view()).unwrap().shape(), [0, channels, 4]);
        let gradients = norm.backward(x.view(), x.view(), Wanted::ALL).unwrap();
        assert_eq!(gradients.dx.unwrap().shape(), [0, channels, 4]);
        let nothing = vec![0.0; channels];
        assert_eq!([gradients.dgamma.unwrap().to_f64(), gradients.dbeta.unwrap().to_f64()], [nothing.clone(), nothing]);
    }
}

#[test]
fn a_constant_group_gives_beta() {
    fn check<T: Element>(constants: &[f64]) {
        let build =
            |groups, eps| GroupNorm::builder(groups, 6).gamma_init(3).beta_init(-0.25).eps(eps).build().unwrap();
        for &constant in constants {
            // Groups of one element, and of 98, whose sum is rounded in f64.
            for (groups, shape) in [(6, (2, 6, 1, 1)), (3, (1, 6, 7, 7))] {
                let (x, dy) =
                    (Array4::from_elem(shape, T::rounded(constant)), Array4::from_elem(shape, T::rounded(2.0)));
                for eps in [1e-5, f64::INFINITY, f64::MIN_POSITIVE] {
                    let y = build(groups, eps).forward(x.view()).unwrap();
                    assert!(y.iter().all(|v| v.to_f64() == -0.25), "{constant} of {:?}, eps {eps}", T::DTYPE);
                    let dx = build(groups, eps).backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
                    assert!(dx.iter().all(|v| v.to_f64() == 0.0), "{constant} of {:?}", T::DTYPE);
                }
                for eps in [0.0, -1.0, f64::NAN] {
                    let y = build(groups, eps).forward(x.view()).unwrap();
                    assert!(y.iter().all(|v| v.to_f64().is_nan()), "{constant} of {:?}, eps {eps}", T::DTYPE);
                }
            }
        }
    }
    check::<f16>(&[0.0, 0.1, 65504.0]);
    check::<bf16>(&[0.1, -3e38]);
    check::<f32>(&[0.1, 4096.1, -3.4e38, 1e-45]);
    check::<f64>(&[0.1, 4096.1, 1.7e308, -1e-310]);
}

/// y and dx of an input of two samples, two channels and 25 * 37 elements.
fn answers<T: Element>(norm: &GroupNorm, x: &Array4<f64>) -> [Array4<T>; 2] {
    let (x, dy) = (x.mapv(T::rounded), ramp::<T>([2, 2, 25, 37], 2));
    let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    [norm.forward(x.view()).unwrap(), dx]
}

#[test]
fn a_large_mean_costs_nothing() {
    fn check<T: Element>(mean: f64, step: f64) {
        let norm = GroupNorm::builder(1, 2).gamma_init(1.7).beta_init(-3.4).build().unwrap();
        let mut generator = Generator::new(1);
        let x = Array4::from_shape_simple_fn(Ix4(2, 2, 25, 37), || step * (100.0 * generator.normal()).round());
        for (far, near) in answers::<T>(&norm, &(&x + mean)).iter().zip(&answers::<T>(&norm, &x)) {
            let largest = near.iter().fold(3.4, |largest: f64, v| v.to_f64().abs().max(largest));
            for (far, near) in far.iter().zip(near) {
                // Each may be off by four.
                let error = (far.to_f64() - near.to_f64()).abs();
                assert!(error <= 8.0 * T::DTYPE.ulp(largest), "{:?}: {far:?}, {near:?}", T::DTYPE);
            }
        }
    }
    check::<f64>(1e6, 2f64.powi(-15)); // deviation 3e-3
    check::<f64>(1e9, 2f64.powi(-15));
    check::<f32>(1e6, 2f64.powi(-4));
    check::<f32>(1e3, 2f64.powi(-13));
    check::<f16>(1500.0, 1.0);
}

#[test]
fn of_two_elements_each_is_one_deviation_away() {
    fn check<T: Element>() {
        let norm = GroupNorm::builder(1, 1).eps(0.0).gamma_init(1.7).beta_init(-1.7).build().unwrap();
        let gamma = T::rounded(f64::from(1.7f32)).to_f64();
        let mut generator = Generator::new(1);
        for _ in 0..1000 {
            let mut x = [0.0; 2].map(|_: f64| T::rounded(3.0 + generator.normal()));
            if x[0] == x[1] {
                continue;
            }
            x.sort_by(|a, b| a.to_f64().total_cmp(&b.to_f64()));
            let y = norm.forward(Array3::from_shape_vec((1, 1, 2), x.to_vec()).unwrap().view()).unwrap();
            let errors = y.iter().zip([-2.0 * gamma, 0.0]).map(|(y, expected)| (y.to_f64() - expected).abs());
            assert!(errors.fold(0.0, f64::max) <= 2.0 * T::DTYPE.ulp(gamma), "{x:?}: {y:?}");
        }
    }
    check::<f16>();
    check::<f64>();
}

#[test]
fn epsilon_is_not_narrowed_and_stands_under_the_root() {
    let x = Array3::from_shape_vec((1, 1, 2), vec![1e-3f64, -1e-3]).unwrap();
    let y = GroupNorm::builder(1, 1).build().unwrap().forward(x.view()).unwrap();
    assert!((y[[0, 0, 0]] - 1e-3 / (1e-6f64 + 1e-5).sqrt()).abs() < 1e-15);
}

#[test]
fn elements_far_below_epsilon_are_not_lost() {
    let x = Array3::from_shape_vec((1, 1, 2), vec![1e-200f64, -1e-200]).unwrap();
    for gamma in [1.0, 1e300] {
        let norm = GroupNorm::builder(1, 1).gamma_init(tensor(&[gamma])).build().unwrap();
        let (y, expected) = (norm.forward(x.view()).unwrap(), gamma * (1e-200 / 1e-5f64.sqrt()));
        assert!((y[[0, 0, 0]] / expected - 1.0).abs() < 1e-14 && y[[0, 0, 1]] == -y[[0, 0, 0]], "{y}");
    }
}

#[test]
fn no_square_overflows_or_underflows() {
    /// Within what two answers may differ by where each may be off by four ULP of the largest.
    fn near<T: Element>(one: &Array4<T>, other: &Array4<T>, power: i32) {
        let largest = other.iter().fold(0.0, |largest, v| v.to_f64().abs().max(largest));
        for (one, other) in one.iter().zip(other) {
            let error = (one.to_f64() - other.to_f64()).abs();
            assert!(error <= 8.0 * T::DTYPE.ulp(largest), "2^{power}: {one:?}, {other:?}");
        }
    }
    let x = ramp::<f64>([2, 2, 25, 37], 1);
    let build = |eps| GroupNorm::builder(1, 2).eps(eps).build().unwrap();
    let [y, dx] = answers::<f64>(&build(0.0), &x);
    for power in [-1000, -600, -300, 300, 600, 900] {
        let [far_y, far_dx] = answers::<f64>(&build(0.0), &x.mapv(|v| libm::ldexp(v, power)));
        near(&far_y, &y, power);
        near(&far_dx.mapv(|v| libm::ldexp(v, power)), &dx, power);
    }
    // Epsilon has the unit of the variance.
    let [y, _] = answers::<f64>(&build(3.0), &x);
    for power in [-500, 500] {
        let eps = 3.0 * libm::ldexp(1.0, 2 * power);
        near(&answers::<f64>(&build(eps), &x.mapv(|v| libm::ldexp(v, power)))[0], &y, power);
    }
    let [y, dx] = answers::<f64>(&build(3.0), &x.mapv(|v| libm::ldexp(v, 600)));
    assert_eq!([y, dx], answers::<f64>(&build(0.0), &x.mapv(|v| libm::ldexp(v, 600))));

    let x = x.mapv(|v| f64::from(v as f32));
    let [y, _] = answers::<f32>(&build(0.0), &x);
    for power in [-100, 120] {
        near(&answers::<f32>(&build(0.0), &x.mapv(|v| libm::ldexp(v, power)))[0], &y, power);
    }
}

#[test]
fn the_magnitude_of_gamma_costs_nothing() {
    fn check<T: Element>(powers: &[i32]) {
        // Deviations of 1e4: what an element is multiplied by is far below gamma.
        let (x, dy) = (ramp::<T>([2, 6, 5, 7], 1).mapv(|v| T::rounded(1e4 * v.to_f64())), ramp::<T>([2, 6, 5, 7], 2));
        let of = |power: i32| {
            let scaled = |first: f64| tensor(&std::array::from_fn::<_, 6, _>(|c| libm::ldexp(first + c as f64, power)));
            let norm = GroupNorm::builder(3, 6).gamma_init(scaled(1.0)).beta_init(scaled(-2.0)).build().unwrap();
            let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
            [norm.forward(x.view()).unwrap(), dx].map(|array| array.mapv(T::to_f64))
        };
        let usual = of(0);
        for &power in powers {
            for (far, usual) in of(power).iter().zip(&usual) {
                let largest = libm::ldexp(usual.iter().fold(0.0, |largest, v| v.abs().max(largest)), power);
                for (far, usual) in far.iter().zip(usual) {
                    let error = (far - libm::ldexp(*usual, power)).abs();
                    assert!(error <= 8.0 * T::DTYPE.ulp(largest), "2^{power}: {far:e}, {usual:e}");
                }
            }
        }
    }
    check::<f32>(&[-126, -100, 60, 120]);
    check::<f64>(&[-1020, -900, 900, 1000]);
}

/// Far from the ends of the range of f32, and no sooner.
#[test]
fn what_the_passes_may_not_hold_takes_more_care() {
    let x = ramp::<f64>([1, 2, 5, 7], 1);
    // Whether it is, forward and backward.
    let is_taken = |[deviation, gamma, beta, dy]: [f64; 4]| {
        let norm = GroupNorm::builder(1, 2).gamma_init(gamma).beta_init(beta).eps(0.0).build().unwrap();
        let (x, dy) = (x.mapv(|v| (deviation * v) as f32), ramp::<f64>([1, 2, 5, 7], 2).mapv(|v| (dy * v) as f32));
        care_taken();
        norm.forward(x.view()).unwrap();
        let forward = care_taken() > 0;
        norm.backward(x.view(), dy.view(), Wanted::X).unwrap();
        [forward, care_taken() > 0]
    };
    for usual in [
        [1.0, 1.0, 0.0, 1.0],
        [1e-10, 1e14, 0.0, 1.0],
        [1e10, 1e-14, 0.0, 1.0],
        [1e-10, 1e-20, 0.0, 1.0],
        [1e10, 1e20, 0.0, 1.0],
        [1e10, 1.0, 0.0, 1e10],
        [1e-10, 1.0, 0.0, 1e-10],
    ] {
        assert_eq!(is_taken(usual), [false, false], "{usual:?}");
    }
    for scaled in [[1e-10, 1e20, 0.0, 1.0], [1e10, 1e-20, 0.0, 1.0]] {
        assert_eq!(is_taken(scaled), [true, true], "{scaled:?}");
    }
    for of_gradients in [
        // Gamma is next to nothing beside beta.
        [1e10, 1e-20, 1.0, 1.0],
        // Sums of dy, of its products with the distances, and what dx rises by from element to element.
        [1.0, 1.0, 0.0, 1e-30],
        [1.0, 1.0, 0.0, 1e29],
        [1e-10, 1.0, 0.0, 1e-20],
        [1e10, 1.0, 0.0, 1e20],
        [1e-10, 1.0, 0.0, 1e20],
    ] {
        assert_eq!(is_taken(of_gradients), [false, true], "{of_gradients:?}");
    }
}

#[test]
fn more_care_is_of_twice_the_precision() {
    // In rising order all terms of a sum are of one sign for long, and each is rounded.
    let mut generator = Generator::new(1);
    let mut x: Vec<f64> = (0..1 << 14).map(|_| generator.normal()).collect();
    x.sort_by(f64::total_cmp);
    let x = Array3::from_shape_vec((1, 1, x.len()), x).unwrap();
    let of = |power| {
        let gamma = libm::ldexp(1.0, power);
        let norm = GroupNorm::builder(1, 1).gamma_init(gamma).dtype(DType::F64).eps(0.0).build().unwrap();
        norm.forward(x.view()).unwrap().mapv(|y| libm::ldexp(y, -power))
    };
    for (careful, usual) in of(1000).iter().zip(&of(0)) {
        assert!((careful - usual).abs() <= 4.0 * f64::EPSILON * usual.abs().max(1.0), "{careful}, {usual}");
    }
    // A negative epsilon takes nearly all of the variance: f64 alone has four digits left.
    let x = x.slice(s![.., .., ..;256]).mapv(|v| f64::from(v as f32));
    let mean = x.mean().unwrap();
    let variance = x.mapv(|v| (v - mean) * (v - mean)).mean().unwrap();
    let norm = GroupNorm::builder(1, 1).eps(-variance * (1.0 - 1e-12)).build().unwrap();
    let (narrow, wide) = (norm.forward(x.mapv(|v| v as f32).view()).unwrap(), norm.forward(x.view()).unwrap());
    for (narrow, wide) in narrow.iter().zip(&wide) {
        assert!((f64::from(*narrow) - wide).abs() <= f64::from(f32::EPSILON) * wide.abs(), "{narrow}, {wide}");
    }
}

/// 2^27 elements lose nothing: `cargo test --lib -- --ignored`.
#[test]
#[ignore = "takes a GiB"]
fn a_group_of_2_to_27_elements_is_as_exact_as_a_small_one() {
    let values = [1001.0f32, 999.0, 1000.5, 999.5];
    let x = ndarray::Array3::from_shape_fn((1, 1, 1 << 27), |(_, _, at)| values[at % 4]);
    let norm = GroupNorm::builder(1, 1).build().unwrap();
    let y = norm.forward(x.view()).unwrap();
    // The mean is 1000, the variance 0.625.
    let expected = values.map(|value| ((f64::from(value) - 1000.0) / (0.625f64 + 1e-5).sqrt()) as f32);
    assert!(
        y.iter()
            .zip(expected.iter().cycle())
            .all(|(y, expected)| (y - expected).abs() <= expected.abs() * f32::EPSILON)
    );
    let dy = ndarray::Array3::from_elem(x.raw_dim(), 1.0f32);
    let gradients = norm.backward(x.view(), dy.view(), Wanted::PARAMETERS).unwrap();
    assert_eq!(gradients.dbeta.unwrap().to_f64(), [f64::from(1 << 27)]);
}
