//! What each API makes of calls, where a framework cannot be asked, or the specs have no reason to.

use super::*;
use crate::call::{Backward, Wanted};
use crate::tensor::Strided;

/// x of zeros; the gradients of these parameters are wanted.
fn call(arguments: &[(&str, Value)], x: (DType, &[usize]), wanted: &[Output]) -> Call {
    let x = Tensor::from_f64(x.0, x.1, &vec![0.0; x.1.iter().product()]).unwrap();
    let is = |output| wanted.contains(&output);
    let wanted = Wanted { x: is(Output::Dx), gamma: is(Output::Dgamma), beta: is(Output::Dbeta) };
    Call {
        arguments: arguments.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        fill: Vec::new(),
        input: (String::new(), x.clone()),
        backward: wanted.any().then_some(Backward { dy: x, wanted }),
    }
}

/// The keywords of so many groups and channels, and more.
fn sizes(groups: i64, channels: i64, more: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let sizes = [("num_groups", Value::Int(groups)), ("num_channels", Value::Int(channels))];
    sizes.into_iter().chain(more.iter().cloned()).collect()
}

fn effective(binding: &dyn Binding, mut call: Call) -> Result<Effective, Refusal> {
    let input = if binding.side() == Side::Torch { "input" } else { "x" };
    call.input.0 = input.to_owned();
    binding.effective(&call, None)
}

/// What comes of a call in one word.
fn told(effective: &Result<Effective, Refusal>) -> String {
    match effective {
        Ok(_) => "accepted".to_owned(),
        Err(Refusal::Rejected(rejection)) => rejection.class.to_string(),
        Err(Refusal::Inexpressible(_)) => "inexpressible".to_owned(),
    }
}

/// The same of keywords alone.
fn of_keywords(binding: &dyn Binding, arguments: &[(&str, Value)], shape: &[usize]) -> String {
    told(&effective(binding, call(arguments, (DType::F32, shape), &[])))
}

const SHAPE: [usize; 3] = [2, 6, 5];
const X: (DType, &[usize]) = (DType::F32, &SHAPE);

#[test]
fn a_version_is_read_as_the_last_measured_one_before_it() {
    let knows = |engine: &str, keyword: (&'static str, Value)| {
        of_keywords(of(engine), &sizes(3, 6, &[keyword]), &SHAPE) == "accepted"
    };
    let (device, dtype) = (("device", Value::Str("cpu".to_owned())), ("dtype", Value::DType(DType::F32)));
    for (engine, is_current) in [("torch-1.8.1", false), ("torch-2.12.9", false), ("torch-2.13", true)] {
        assert_eq!(knows(engine, device.clone()), is_current, "{engine}");
    }
    for (engine, is_current) in [("mindspore-2.0.0", false), ("mindspore-2.6.9", false), ("mindspore-2.7", true)] {
        assert_eq!(knows(engine, dtype.clone()), is_current, "{engine}");
    }
    for side in Side::BOTH {
        assert_eq!(newest(side).side(), side);
        assert!(of_keywords(newest(side), &sizes(3, 6, std::slice::from_ref(&dtype)), &SHAPE) == "accepted");
    }
    for other in ["libtorch", "other-1.0"] {
        assert_eq!(of_keywords(of(other), &sizes(3, 6, std::slice::from_ref(&device)), &SHAPE), "inexpressible");
    }
}

#[test]
fn calls_of_other_apis_are_unknown() {
    assert!(is_known("torch.nn.GroupNorm", "mindspore.nn.GroupNorm"));
    assert!(!is_known("torch.nn.LayerNorm", "mindspore.nn.GroupNorm"));
    assert!(!is_known("torch.nn.GroupNorm", "mindspore.nn.LayerNorm"));
}

#[test]
fn a_refusal_says_why() {
    let why = |arguments: &[_]| effective(&TorchCore, call(arguments, X, &[])).unwrap_err().to_string();
    assert!(why(&sizes(4, 6, &[])).starts_with("RuntimeError: 6 channels are not divisible by num_groups 4"));
    assert!(why(&sizes(3, 6, &[("affine", Value::Int(1))])).contains("takes a bool for affine, not 1"));
    let fans = sizes(3, 6, &[("gamma_init", Value::Str("he_normal".to_owned()))]);
    let fans = effective(&Mindspore::CURRENT, call(&fans, X, &[])).unwrap_err();
    assert!(fans.to_string().starts_with("ValueError: fan_in and fan_out"), "{fans}");
}

#[test]
fn counts() {
    assert!(affordable(1 << 24).is_ok());
    assert!(matches!(affordable((1 << 24) + 1), Err(Refusal::Inexpressible(_))));
    let bindings: [&dyn Binding; 4] = [&Mindspore::CURRENT, &Torch::CURRENT, &Torch::FIRST, &TorchCore];
    for (groups, channels, shape, expected) in [
        (3, 6, &SHAPE[..], ["accepted"; 4]),
        (6, 6, &[2, 6], ["accepted"; 4]),
        (1, 1, &[1, 1, 2], ["accepted"; 4]),
        (4, 6, &SHAPE, ["ValueError", "ValueError", "RuntimeError", "RuntimeError"]),
        (0, 6, &SHAPE, ["ValueError", "ZeroDivisionError", "ZeroDivisionError", "RuntimeError"]),
        (-3, 6, &SHAPE, ["ValueError", "RuntimeError", "RuntimeError", "RuntimeError"]),
        (3, -6, &SHAPE, ["ValueError", "RuntimeError", "RuntimeError", "RuntimeError"]),
        (3, 9, &SHAPE, ["ValueError", "RuntimeError", "RuntimeError", "RuntimeError"]),
        (1, 0, &[2, 0], ["ValueError", "accepted", "accepted", "accepted"]),
        (0, 0, &[2, 0], ["ValueError", "ZeroDivisionError", "ZeroDivisionError", "RuntimeError"]),
        (1, 1 << 25, &SHAPE, ["inexpressible"; 4]),
        (1 << 25, 6, &SHAPE, ["ValueError", "ValueError", "RuntimeError", "RuntimeError"]),
        (1, 6, &[6], ["RuntimeError", "RuntimeError", "IndexError", "RuntimeError"]),
        (1, 1, &[1; 9], ["RuntimeError", "ValueError", "ValueError", "accepted"]),
        (6, 6, &[1, 6], ["accepted", "ValueError", "ValueError", "accepted"]),
        (6, 6, &[1, 6, 1], ["accepted", "ValueError", "ValueError", "accepted"]),
        (6, 6, &[2, 6, 2], ["accepted"; 4]),
        (2, 6, &[2, 6, 0], ["RuntimeError", "accepted", "accepted", "accepted"]),
    ] {
        let found = bindings.map(|binding| of_keywords(binding, &sizes(groups, channels, &[]), shape));
        assert_eq!(found, expected, "{groups} of {channels}, {shape:?}");
    }
}

#[test]
fn kinds_of_arguments() {
    let bindings: [&dyn Binding; 3] = [&Mindspore::CURRENT, &Torch::CURRENT, &TorchCore];
    let (float, text) = (Value::Float(3.0), Value::Str("cpu".to_owned()));
    for (keywords, expected) in [
        (vec![("num_channels", Value::Int(6))], ["TypeError", "TypeError", "inexpressible"]),
        (vec![("num_groups", Value::Int(3))], ["TypeError", "TypeError", "inexpressible"]),
        (
            vec![("num_groups", float.clone()), ("num_channels", Value::Int(6))],
            ["TypeError", "TypeError", "inexpressible"],
        ),
        (sizes(3, 6, &[("eps", Value::Int(1))]), ["TypeError", "accepted", "accepted"]),
        (sizes(3, 6, &[("eps", Value::Bool(true))]), ["TypeError", "accepted", "inexpressible"]),
        (sizes(3, 6, &[("eps", text.clone())]), ["TypeError", "TypeError", "inexpressible"]),
        (sizes(3, 6, &[("affine", Value::Int(1))]), ["TypeError", "accepted", "inexpressible"]),
        (sizes(3, 6, &[("dtype", Value::None)]), ["ValueError", "accepted", "inexpressible"]),
        (sizes(3, 6, &[("dtype", float)]), ["TypeError", "TypeError", "inexpressible"]),
        (sizes(3, 6, &[("device", text)]), ["TypeError", "accepted", "inexpressible"]),
        (sizes(3, 6, &[("device", Value::Str("cuda".to_owned()))]), ["TypeError", "inexpressible", "inexpressible"]),
        (sizes(3, 6, &[("other", Value::None)]), ["TypeError", "TypeError", "inexpressible"]),
    ] {
        assert_eq!(bindings.map(|binding| of_keywords(binding, &keywords, &SHAPE)), expected, "{keywords:?}");
    }
    let mut elsewhere = call(&sizes(3, 6, &[]), X, &[]);
    elsewhere.input.0 = "input".to_owned();
    assert_eq!(told(&Mindspore::CURRENT.effective(&elsewhere, None)), "TypeError");
}

#[test]
fn what_python_takes_for_true() {
    for (value, is_true) in [
        (Value::None, false),
        (Value::Bool(false), false),
        (Value::Bool(true), true),
        (Value::Int(0), false),
        (Value::Int(-1), true),
        (Value::Float(0.0), false),
        (Value::Float(0.5), true),
        (Value::Str(String::new()), false),
        (Value::Str("False".to_owned()), true),
        (Value::List(Vec::new()), false),
        (Value::List(vec![Value::None]), true),
        (Value::DType(DType::F16), true),
    ] {
        let mut filled = call(&sizes(3, 6, &[("affine", value.clone())]), X, &[]);
        filled.fill = vec![("weight".to_owned(), Value::Float(2.0))];
        let effective = effective(&Torch::CURRENT, filled).unwrap();
        let expected = if is_true { 2.0 } else { 1.0 };
        assert_eq!((&effective.gamma[..], &effective.beta[..]), (&[expected; 6][..], &[0.0; 6][..]), "{value}");
    }
}

#[test]
fn a_gradient_is_asked_of_a_parameter_that_there_is() {
    let without = [("affine", Value::Bool(false))];
    let without_bias = [("bias", Value::Bool(false))];
    let bindings: [&dyn Binding; 3] = [&Mindspore::CURRENT, &Torch::CURRENT, &TorchCore];
    for wanted in [&[Output::Dx][..], &[Output::Dgamma], &[Output::Dbeta]] {
        let is_of_x = wanted == [Output::Dx];
        for binding in bindings {
            let asked = |more: &[_]| told(&effective(binding, call(&sizes(3, 6, more), X, wanted)));
            assert_eq!(asked(&[]), "accepted");
            assert_eq!(asked(&without), if is_of_x { "accepted" } else { "inexpressible" });
        }
        let asked = told(&effective(&Torch::CURRENT, call(&sizes(3, 6, &without_bias), X, wanted)));
        assert_eq!(asked, if wanted == [Output::Dbeta] { "inexpressible" } else { "accepted" });
    }
}

#[test]
fn half_precision_goes_with_parameters_in_f32() {
    for (x, parameters, expected) in [
        (DType::F16, DType::F32, "accepted"),
        (DType::BF16, DType::F32, "accepted"),
        (DType::F16, DType::F16, "accepted"),
        (DType::F16, DType::F64, "RuntimeError"),
        (DType::F16, DType::BF16, "RuntimeError"),
        (DType::F32, DType::F16, "RuntimeError"),
        (DType::F64, DType::F32, "RuntimeError"),
    ] {
        let keywords = sizes(3, 6, &[("dtype", Value::DType(parameters))]);
        let found = effective(&Torch::CURRENT, call(&keywords, (x, &SHAPE), &[]));
        assert_eq!(told(&found), expected, "{parameters} beside {x}");
        if let Ok(found) = found {
            assert_eq!(found.dtypes, crate::call::DTypes { y: x, gamma: parameters, beta: parameters });
        }
    }
}

#[test]
fn a_filling_is_of_one_parameter_and_keeps_its_layout() {
    let stepped = Strided::new(vec![1.0f32, 0.0, 2.0, 0.0, 3.0, 0.0], &[3], &[2], 0).unwrap();
    let mut filled = call(&sizes(3, 3, &[]), (DType::F32, &[2, 3, 5]), &[]);
    filled.fill = vec![("bias".to_owned(), Value::Tensor(Tensor::F32(stepped)))];
    let found = effective(&Torch::CURRENT, filled.clone()).unwrap();
    assert_eq!((found.gamma, found.beta), (vec![1.0; 3], vec![1.0, 2.0, 3.0]));
    filled.input.0 = "input".to_owned();
    let bias = TorchCore::typed(&filled).ok().unwrap().parameters.bias.unwrap();
    assert_eq!(bias.strides(), [2]);
    // One of another dtype is converted, and one of another shape refused.
    filled.fill[0].1 = Value::Tensor(Tensor::from_f64(DType::F64, &[3], &[0.1, 2.0, 3.0]).unwrap());
    let found = effective(&Torch::CURRENT, filled.clone()).unwrap();
    assert_eq!(found.beta, [f64::from(0.1f32), 2.0, 3.0]);
    filled.fill[0].1 = Value::Tensor(Tensor::from_f64(DType::F32, &[2], &[1.0, 2.0]).unwrap());
    assert_eq!(told(&effective(&Torch::CURRENT, filled)), "RuntimeError");
}

#[test]
fn mindspore_holds_parameters_in_their_own_dtypes() {
    let tensor = |dtype, values: &[f64]| Value::Tensor(Tensor::from_f64(dtype, &[values.len()], values).unwrap());
    let gamma = ("gamma_init", tensor(DType::F64, &[0.1; 6]));
    let keywords = sizes(3, 6, &[gamma, ("beta_init", Value::Str("Ones".to_owned())), ("eps", Value::Float(0.1))]);
    let of = |binding: Mindspore| effective(&binding, call(&keywords, (DType::F16, &SHAPE), &[])).unwrap();
    let (current, first) = (of(Mindspore::CURRENT), of(Mindspore::FIRST));
    assert_eq!((current.gamma[0], current.beta[0]), (DType::F16.round(0.1), 1.0));
    assert_eq!((first.gamma[0], first.dtypes.y), (0.1, DType::F64));
    assert_eq!((current.dtypes.y, current.dtypes.gamma, current.dtypes.beta), (DType::F16, DType::F64, DType::F32));
    assert_eq!((current.eps, of(Mindspore::OPERATOR).eps), (f64::from(0.1f32), 0.1));
    let short = sizes(3, 6, &[("gamma_init", tensor(DType::F32, &[1.0; 5]))]);
    assert_eq!(of_keywords(&Mindspore::CURRENT, &short, &SHAPE), "ValueError");
    let zeros = sizes(3, 6, &[("gamma_init", Value::Str("zero".to_owned()))]);
    assert_eq!(effective(&Mindspore::CURRENT, call(&zeros, X, &[])).unwrap().gamma, [0.0; 6]);
    let mut filled = call(&sizes(3, 6, &[]), X, &[]);
    filled.fill = vec![("gamma".to_owned(), Value::Float(1.0))];
    assert_eq!(told(&effective(&Mindspore::CURRENT, filled)), "inexpressible");
}

#[test]
fn what_is_drawn_at_random_is_taken_as_built_where_all_of_it_is_known() {
    let mut random = call(&sizes(3, 6, &[("gamma_init", Value::Str("Normal".to_owned()))]), X, &[]);
    random.input.0 = "x".to_owned();
    let gamma = Tensor::from_f64(DType::F32, &[6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let mut built = Answer::default().with(Output::Gamma, gamma);
    let of = |built: Option<&Answer>| Mindspore::CURRENT.effective(&random, built);
    assert_eq!(of(Some(&built)).unwrap().gamma, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(told(&of(None)), "inexpressible");
    built.arrays.get_mut(&Output::Gamma).unwrap().kept = Some(vec![0]);
    assert_eq!(told(&of(Some(&built))), "inexpressible");
}
