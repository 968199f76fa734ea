//! What gamma and beta start from, and what becomes of them.

use half::{bf16, f16};
use ndarray::Array2;

use super::{bits, ramp, tensor};
use crate::group_norm::{GroupNorm, Initializer, Wanted};
use crate::tensor::{DType, Element, Tensor};

#[test]
fn initializers() {
    let gamma =
        |init: Initializer, dtype| GroupNorm::builder(3, 6).gamma_init(init).dtype(dtype).build().unwrap().gamma;
    let names: [(Initializer, f64); 4] =
        [("ones", 1.0), ("ONE", 1.0), ("Zeros", 0.0), ("zero", 0.0)].map(|(name, value)| (name.into(), value));
    let numbers = [(0.3.into(), 0.3), (2.into(), 2.0), ((-1i64).into(), -1.0), (true.into(), 1.0)];
    for (init, value) in names.into_iter().chain(numbers) {
        for dtype in DType::ALL {
            let built = gamma(init.clone(), dtype);
            assert_eq!((built.dtype(), built.to_f64()), (dtype, vec![dtype.round(value); 6]));
        }
    }
    assert!(gamma(f64::NAN.into(), DType::F32).to_f64().iter().all(|v| v.is_nan()));
    // A tensor keeps its dtype.
    let given = tensor(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    assert!(gamma((&given).into(), DType::F16).same_bits(&given));
    let default = GroupNorm::builder(3, 6).build().unwrap();
    assert_eq!((default.gamma().to_f64(), default.beta().to_f64()), (vec![1.0; 6], vec![0.0; 6]));
    assert_eq!((default.num_groups(), default.num_channels(), default.eps(), default.affine()), (3, 6, 1e-5, true));
}

#[test]
fn random_initializers_follow_the_seed() {
    const CHANNELS: usize = 8192;
    let build = |name: &str, seed| {
        GroupNorm::builder(1, CHANNELS as i64).gamma_init(name).beta_init(name).seed(seed).build().unwrap()
    };
    for (name, deviation, bound) in [("normal", 0.01, 0.1), ("Uniform", 0.07 / 3f64.sqrt(), 0.07 + 1e-8)] {
        let norm = build(name, 5);
        assert!(norm.gamma().same_bits(build(name, 5).gamma()) && norm.beta().same_bits(build(name, 5).beta()));
        assert!(!norm.gamma().same_bits(build(name, 6).gamma()) && !norm.gamma().same_bits(norm.beta()));
        for values in [norm.gamma().to_f64(), norm.beta().to_f64()] {
            let mean = values.iter().sum::<f64>() / CHANNELS as f64;
            let squares = values.iter().map(|v| v * v).sum::<f64>() / CHANNELS as f64;
            assert!(mean.abs() < 0.05 * deviation, "{name}: mean {mean}");
            assert!((squares.sqrt() / deviation - 1.0).abs() < 0.05, "{name}: deviation {}", squares.sqrt());
            assert!(values.iter().all(|v| v.abs() <= bound), "{name}");
        }
    }
    let default = GroupNorm::builder(1, 8).gamma_init("normal");
    assert!(default.clone().build().unwrap().gamma().same_bits(default.seed(0).build().unwrap().gamma()));
}

#[test]
fn parameters_are_applied_without_affine_and_rounded_to_the_dtype_of_x() {
    let norm = GroupNorm::builder(3, 6).affine(false).gamma_init(2).beta_init(3).build().unwrap();
    assert_eq!(norm.forward(Array2::<f32>::ones((2, 6)).view()).unwrap(), Array2::from_elem((2, 6), 3.0));
    let norm = GroupNorm::builder(3, 6).beta_init(tensor(&[0.1; 6])).build().unwrap();
    assert_eq!(norm.forward(Array2::<f16>::default((1, 6)).view()).unwrap()[[0, 0]], f16::rounded(0.1));
    assert_eq!(norm.forward(Array2::<bf16>::default((1, 6)).view()).unwrap()[[0, 0]], bf16::rounded(0.1));
    assert_eq!(norm.forward(Array2::<f64>::zeros((1, 6)).view()).unwrap()[[0, 0]], 0.1);
}

#[test]
fn parameters_of_the_dtype_of_x_are_those_of_f64() {
    fn check<T: Element>() {
        let x = ramp::<T>([2, 6, 5, 7], 1);
        let values = [1.0, -0.5, 2.0, 0.25, -3.0, 0.125];
        let of = |dtype| {
            let parameter = Tensor::from_f64(dtype, &[6], &values).unwrap();
            let norm = GroupNorm::builder(3, 6).gamma_init(&parameter).beta_init(&parameter).build().unwrap();
            let dx = norm.backward(x.view(), x.view(), Wanted::X).unwrap().dx.unwrap();
            [bits(&norm.forward(x.view()).unwrap()), bits(&dx)]
        };
        let same = of(T::DTYPE);
        assert_eq!(of(DType::F32)[0], same[0]);
        assert_eq!(of(DType::F64)[0], same[0]);
    }
    check::<f16>();
    check::<bf16>();
    check::<f32>();
    check::<f64>();
}
