//! Each refusal, its class and its message.

use std::fmt::Debug;

use ndarray::{Array3, ArrayD};

use super::tensor;
use crate::group_norm::{Error, GroupNorm, Wanted};
use crate::python::Exception::{self, RuntimeError, TypeError, ValueError};
use crate::python::Value;
use crate::tensor::{DType, Tensor};

fn text(value: &str) -> Value {
    Value::Str(value.to_owned())
}

fn refused<T: Debug>(result: Result<T, Error>, class: Exception, message: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), (class, format!("GroupNorm: {message}").as_str()));
}

/// `num_groups=3, num_channels=6`, with some of it replaced.
fn from_keywords(keywords: &[(&str, Value)]) -> Result<GroupNorm, Error> {
    let defaults = [("num_groups", Value::Int(3)), ("num_channels", Value::Int(6))];
    let defaults = defaults.into_iter().filter(|(name, _)| keywords.iter().all(|(given, _)| given != name));
    GroupNorm::from_keywords(defaults.chain(keywords.iter().cloned()).collect::<Vec<_>>())
}

#[test]
fn keywords_that_are_refused() {
    use Value::{Bool, Float, Int, List, None as Nothing};
    const INIT: &str = "must be of type 'Tensor', 'number' or 'str', but got type";
    const NAMES: &str = r#"["ones", "one", "zeros", "zero", "normal", "uniform"]"#;
    let cases: &[(&str, Value, Exception, &str)] = &[
        (
            "num_groups",
            Int(4),
            ValueError,
            "'num_channels' must be divisible by 'num_groups', but got 'num_channels': 6, 'num_groups': 4",
        ),
        ("num_groups", Int(0), ValueError, "'num_groups' must be an 'int' greater than 0, but got '0'"),
        ("num_channels", Int(-6), ValueError, "'num_channels' must be an 'int' greater than 0, but got '-6'"),
        (
            "num_groups",
            Bool(true),
            TypeError,
            "'num_groups' must be an 'int' greater than 0, but got 'True' of type 'bool'",
        ),
        ("num_groups", Float(3.0), TypeError, "'num_groups' must be of type 'int', but got type 'float'"),
        ("num_channels", text("6"), TypeError, "'num_channels' must be of type 'int', but got type 'str'"),
        ("num_groups", Nothing, TypeError, "'num_groups' must be of type 'int', but got type 'NoneType'"),
        ("eps", Int(1), TypeError, "'eps' must be of type 'float', but got type 'int'"),
        ("eps", Bool(true), TypeError, "'eps' must be of type 'float', but got type 'bool'"),
        ("eps", Nothing, TypeError, "'eps' must be of type 'float', but got type 'NoneType'"),
        ("affine", Int(1), TypeError, "'affine' must be of type 'bool', but got type 'int'"),
        ("gamma_init", Nothing, TypeError, &format!("'gamma_init' {INIT} 'NoneType'")),
        ("beta_init", List(vec![Int(1)]), TypeError, &format!("'beta_init' {INIT} 'list'")),
        (
            "gamma_init",
            text("bogus"),
            ValueError,
            &format!("'gamma_init' must be a Tensor, a number or one of {NAMES}, but there is no initializer 'bogus'"),
        ),
        (
            "beta_init",
            text("He_Uniform"),
            ValueError,
            &format!(
                "'beta_init' cannot be 'He_Uniform': its 'fan_in' and 'fan_out' need 2 dimensions or more, and the parameter has 1; use a Tensor, a number or one of {NAMES}"
            ),
        ),
        (
            "gamma_init",
            Value::Tensor(tensor(&[1.0; 5])),
            ValueError,
            "the shape of gamma_init must be [6], but got [5]",
        ),
        ("dtype", text("float32"), TypeError, "'dtype' must be of type 'mindspore.dtype', but got type 'str'"),
        (
            "dtype",
            Nothing,
            ValueError,
            "'dtype' must be a dtype where a parameter is made from a number or a name, but got None",
        ),
        ("bias", Bool(true), TypeError, "got an unexpected keyword argument 'bias'"),
    ];
    for (name, value, class, message) in cases {
        refused(from_keywords(&[(name, value.clone())]), *class, message);
    }
    refused(GroupNorm::from_keywords([("num_groups", Int(3))]), TypeError, "missing required argument 'num_channels'");
    refused(GroupNorm::from_keywords::<&str>([]), TypeError, "missing required argument 'num_groups'");
    let twice = [("eps", Float(1.0)), ("eps", Float(1.0))];
    refused(from_keywords(&twice), TypeError, "got multiple values for argument 'eps'");
    for shape in [&[1, 6][..], &[2, 3], &[], &[1]] {
        let init = Tensor::from_f64(DType::F32, shape, &vec![1.0; shape.iter().product()]).unwrap();
        let error = GroupNorm::builder(3, 6).beta_init(&init).build().unwrap_err();
        assert_eq!(error, Error::Shape { name: "beta_init", expected: vec![6], given: shape.to_vec() });
    }
    assert_eq!(GroupNorm::builder(1, i64::MAX).build().unwrap_err().class(), RuntimeError);
}

#[test]
fn initializers_of_more_dimensions_are_refused_by_each_of_their_names() {
    for name in ["xavier_uniform", "he_normal", "XavierUniform", "XavierNormal", "HeUniform", "HeNormal"] {
        let error = GroupNorm::builder(1, 1).gamma_init(name).build().unwrap_err();
        assert!(matches!(&error, Error::NoFan { given, .. } if given == name), "{error}");
    }
}

#[test]
fn of_two_mistakes_the_first_in_order_counts() {
    use Value::{Float, Int};
    let bad_groups = ("num_groups", Int(0));
    assert_eq!(from_keywords(&[("num_channels", Float(6.0)), bad_groups]).unwrap_err().class(), ValueError);
    let undivided = ("num_groups", Int(4));
    assert_eq!(from_keywords(&[("eps", Int(1)), undivided]).unwrap_err().class(), ValueError);
    let dtype = ("dtype", text("float32"));
    assert_eq!(from_keywords(&[("gamma_init", text("bogus")), dtype.clone()]).unwrap_err().class(), ValueError);
    assert_eq!(from_keywords(&[("beta_init", text("bogus")), dtype.clone()]).unwrap_err().class(), TypeError);
    // `dtype` is looked at only where a parameter has to be made.
    let [gamma, beta] = ["gamma_init", "beta_init"].map(|name| (name, Value::Tensor(tensor(&[1.0; 6]))));
    assert!(from_keywords(&[gamma, beta, dtype]).is_ok());
}

#[test]
fn inputs_that_are_refused() {
    let norm = GroupNorm::builder(3, 6).affine(false).build().unwrap();
    let forward = |shape: &[usize]| norm.forward(ArrayD::<f32>::zeros(shape).view());
    for rank in [0, 1, 9] {
        let shape = &[6, 6, 1, 1, 1, 1, 1, 1, 1][..rank];
        refused(forward(shape), RuntimeError, &format!("x must have 2 to 8 dimensions, but got {rank}"));
    }
    assert!(forward(&[2, 6]).is_ok() && forward(&[2, 6, 1, 2, 1, 2, 1, 2]).is_ok());
    for channels in [0, 3, 12] {
        let message = format!("dimension 1 of x must be 'num_channels': 6, but got {channels}");
        refused(forward(&[2, channels, 5]), ValueError, &message);
    }
    let message = "x must have no dimension of length 0 beside the first, but its shape is [2, 6, 5, 0]";
    refused(forward(&[2, 6, 5, 0]), RuntimeError, message);

    let x = Array3::<f32>::zeros((2, 6, 5));
    let mut other = Array3::<f32>::ones((2, 6, 4));
    refused(
        norm.forward_into(x.view(), other.view_mut()),
        ValueError,
        "the shape of y must be [2, 6, 5], but got [2, 6, 4]",
    );
    assert_eq!(other, Array3::<f32>::ones((2, 6, 4)));
    let backward = norm.backward(x.view(), other.view(), Wanted::X);
    refused(backward, ValueError, "the shape of dy must be [2, 6, 5], but got [2, 6, 4]");
    let message = "with affine=False gamma and beta are frozen, so only the gradient of x can be asked for";
    assert!(!norm.affine());
    let [gamma, beta] = [Wanted { gamma: true, ..Wanted::NONE }, Wanted { beta: true, ..Wanted::NONE }];
    for wanted in [Wanted::ALL, Wanted::PARAMETERS, gamma, beta] {
        assert!(wanted.any());
        refused(norm.backward(x.view(), x.view(), wanted), RuntimeError, message);
    }
    assert!(!Wanted::NONE.any());
    let gradients = norm.backward(x.view(), x.view(), Wanted::X).unwrap();
    assert!(gradients.dx.is_some() && gradients.dgamma.is_none() && gradients.dbeta.is_none());
}
