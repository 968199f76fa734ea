//! What the textbook makes of a call before it computes: nothing, or what a flaw takes for something else.

use mapcheck::call::{Backward, Call};
use mapcheck::dtype::DType;
use mapcheck::python::Value;
use mapcheck::tensor::Tensor;

use crate::Flaw;

/// A call as it is read.
pub(super) struct Reading {
    /// The call that is computed.
    pub call: Call,
    /// Channels of a group, where that is not what the call says.
    pub group_channels: Option<usize>,
    /// The shape of y, where x was read in another one.
    pub shape: Option<Vec<usize>>,
}

impl Reading {
    /// Whether gamma and beta are trained.
    pub fn affine(&self) -> bool {
        !matches!(self.call.argument("affine"), Some(Value::Bool(false)))
    }
}

const INITIALISERS: [&str; 2] = ["gamma_init", "beta_init"];

/// The reading of a call.
pub(super) fn of(flaw: Option<Flaw>, call: &Call) -> Reading {
    let mut reading = Reading { call: call.clone(), group_channels: None, shape: None };
    let Some(flaw) = flaw else { return reading };
    counts(flaw, &mut reading);
    eps(flaw, &mut reading.call);
    initialisers(flaw, &mut reading.call);
    dtype(flaw, &mut reading.call);
    if flaw == Flaw::AffineTruthy
        && let Some(affine) = reading.call.argument("affine")
    {
        let truth = !matches!(affine, Value::None | Value::Bool(false) | Value::Int(0));
        set(&mut reading.call, "affine", Value::Bool(truth));
    }
    input(flaw, &mut reading);
    reading
}

/// num_groups and num_channels.
fn counts(flaw: Flaw, reading: &mut Reading) {
    let call = &mut reading.call;
    let of_x = call.input.1.shape().get(1).map(|&channels| Value::Int(channels as i64));
    let (groups, channels) = (call.argument("num_groups").cloned(), call.argument("num_channels").cloned());
    let converted = |value: &Value| match value {
        Value::Float(v) => Some(Value::Int(*v as i64)),
        Value::Str(v) => v.parse().ok().map(Value::Int),
        _ => None,
    };
    let is_none = |value: &Option<Value>| matches!(value, None | Some(Value::None));
    let new_groups = match (flaw, &groups, &channels) {
        (Flaw::NegativeGroups, Some(Value::Int(v)), _) => Some(Value::Int(v.abs())),
        (Flaw::ZeroGroups, Some(Value::Int(0)), _) => Some(Value::Int(1)),
        (Flaw::MinOfGroupsAndChannels, Some(Value::Int(g)), Some(Value::Int(c))) => Some(Value::Int(*g.min(c))),
        (Flaw::GroupsConverted, Some(value), _) => converted(value),
        (Flaw::BoolIsInt, Some(Value::Bool(v)), _) => Some(Value::Int((*v).into())),
        (Flaw::GroupsFromTensor, Some(Value::Tensor(v)), _) => v.to_f64().first().map(|&v| Value::Int(v as i64)),
        (Flaw::GroupsNone, value, _) if is_none(value) => Some(Value::Int(1)),
        _ => None,
    };
    let new_channels = match (flaw, &channels) {
        (Flaw::NegativeChannels, Some(Value::Int(v))) => Some(Value::Int(v.abs())),
        (Flaw::ZeroChannels, Some(Value::Int(0))) => of_x,
        (Flaw::ChannelsConverted, Some(value)) => converted(value),
        (Flaw::BoolIsInt, Some(Value::Bool(v))) => Some(Value::Int((*v).into())),
        (Flaw::ChannelsNone, value) if is_none(value) => of_x,
        (Flaw::ChannelsOfInput, Some(Value::Int(_))) => of_x,
        _ => None,
    };
    if let (Some(Value::Int(g)), Some(Value::Int(c))) = (&groups, &channels)
        && (1..=*c).contains(g)
        && c % g != 0
        && matches!(flaw, Flaw::RaggedLastGroup | Flaw::FlooredGroupSize)
    {
        let (g, c) = (*g as usize, *c as usize);
        reading.group_channels = Some(if flaw == Flaw::RaggedLastGroup { c.div_ceil(g) } else { c / g });
        set(call, "num_groups", Value::Int(1));
    }
    if let Some(groups) = new_groups {
        set(call, "num_groups", groups);
    }
    if let Some(channels) = new_channels {
        set(call, "num_channels", channels);
    }
}

fn eps(flaw: Flaw, call: &mut Call) {
    let dtype = call.input.1.dtype();
    let new = match (flaw, call.argument("eps")) {
        (Flaw::EpsDefault1e3, None) => Some(1e-3),
        (Flaw::EpsDefault1e6, None) => Some(1e-6),
        (Flaw::EpsHardcoded, None | Some(Value::Float(_))) => Some(1e-6),
        (Flaw::EpsIgnored, Some(Value::Float(_))) => Some(1e-5),
        (Flaw::EpsDropped, None | Some(Value::Float(_))) => Some(0.0),
        (Flaw::EpsTwice, eps @ (None | Some(Value::Float(_)))) => Some(2.0 * float(eps)),
        (Flaw::EpsSquared, eps @ (None | Some(Value::Float(_)))) => Some(float(eps) * float(eps)),
        (Flaw::EpsInF32, eps @ (None | Some(Value::Float(_)))) => Some(DType::F32.round(float(eps))),
        (Flaw::EpsInDTypeOfX, eps @ (None | Some(Value::Float(_)))) => Some(dtype.round(float(eps))),
        (Flaw::EpsAtLeast, Some(Value::Float(v))) if *v < 1e-7 => Some(1e-7),
        (Flaw::EpsZeroIsDefault, Some(Value::Float(0.0))) => Some(1e-5),
        (Flaw::EpsAbsolute, Some(Value::Float(v))) => Some(v.abs()),
        (Flaw::EpsIntAccepted, Some(Value::Int(v))) => Some(*v as f64),
        (Flaw::EpsBoolAccepted, Some(Value::Bool(v))) => Some(f64::from(u8::from(*v))),
        (Flaw::EpsConverted, Some(Value::Str(v))) => v.parse().ok(),
        (Flaw::EpsFromTensor, Some(Value::Tensor(v))) => v.to_f64().first().copied(),
        (Flaw::EpsNone, Some(Value::None)) => Some(1e-5),
        _ => None,
    };
    if let Some(eps) = new {
        set(call, "eps", Value::Float(eps));
    }
}

/// The eps of a call that states a float or none.
fn float(eps: Option<&Value>) -> f64 {
    match eps {
        Some(Value::Float(eps)) => *eps,
        _ => 1e-5,
    }
}

fn initialisers(flaw: Flaw, call: &mut Call) {
    match flaw {
        Flaw::InitSwapped => {
            for (name, _) in &mut call.arguments {
                *name = match name.as_str() {
                    "gamma_init" => "beta_init".to_owned(),
                    "beta_init" => "gamma_init".to_owned(),
                    _ => continue,
                };
            }
            for (name, default) in [("gamma_init", "ones"), ("beta_init", "zeros")] {
                if call.argument(name).is_none() {
                    set(call, name, Value::Str(default.to_owned()));
                }
            }
        }
        Flaw::GammaInitIgnored => unset(call, "gamma_init"),
        Flaw::BetaInitIgnored => unset(call, "beta_init"),
        Flaw::GammaDefaultZero if call.argument("gamma_init").is_none() => set(call, "gamma_init", Value::Float(0.0)),
        Flaw::BetaDefaultOne if call.argument("beta_init").is_none() => set(call, "beta_init", Value::Float(1.0)),
        Flaw::FrozenShapeUnchecked if matches!(call.argument("affine"), Some(Value::Bool(false))) => {
            let channels = channels(call);
            for name in INITIALISERS {
                if matches!(call.argument(name), Some(Value::Tensor(tensor)) if tensor.shape() != [channels]) {
                    unset(call, name);
                }
            }
        }
        _ => {}
    }
    let (channels, groups) = (channels(call), whole(call, "num_groups"));
    for name in INITIALISERS {
        let Some(value) = call.argument(name) else { continue };
        match initialiser(flaw, value, channels, groups) {
            Initialiser::AsItIs => {}
            Initialiser::LeftOut => unset(call, name),
            Initialiser::Taken(value) => set(call, name, value),
        }
    }
}

/// What a flaw takes an initialiser for.
enum Initialiser {
    AsItIs,
    LeftOut,
    Taken(Value),
}

fn initialiser(flaw: Flaw, value: &Value, channels: usize, groups: usize) -> Initialiser {
    let name = |value: &str| Initialiser::Taken(Value::Str(value.to_owned()));
    match (flaw, value) {
        (Flaw::ZeroInitIsDefault, Value::Bool(false) | Value::Int(0) | Value::Float(0.0)) => Initialiser::LeftOut,
        (Flaw::InitNoneIsDefault, Value::None) => Initialiser::LeftOut,
        (Flaw::NumberTruncated, Value::Float(v)) if v.is_finite() => Initialiser::Taken(Value::Float(v.trunc())),
        (Flaw::ListAccepted, Value::List(values)) => {
            let number = |value: &Value| match value {
                Value::Int(v) => Some(*v as f64),
                Value::Float(v) => Some(*v),
                _ => None,
            };
            let values: Option<Vec<f64>> = values.iter().map(number).collect();
            tensor(DType::F32, values.unwrap_or_default())
        }
        (_, Value::Str(given)) => {
            let lower = given.to_ascii_lowercase();
            let is_random = ["normal", "uniform"].contains(&lower.as_str());
            let is_fan = ["xavier", "he_"].iter().any(|start| lower.starts_with(start));
            let is_constant = ["one", "ones", "zero", "zeros"].contains(&lower.as_str());
            match flaw {
                Flaw::OnesAndZerosSwapped if lower.starts_with("one") => name("zeros"),
                Flaw::OnesAndZerosSwapped if lower.starts_with("zero") => name("ones"),
                Flaw::RandomIsDefault if is_random => Initialiser::LeftOut,
                Flaw::FanNameIsDefault if is_fan => Initialiser::LeftOut,
                Flaw::UnknownNameIsDefault if !is_random && !is_fan && !is_constant => Initialiser::LeftOut,
                _ => Initialiser::AsItIs,
            }
        }
        (_, Value::Tensor(given)) => {
            let values = given.to_f64();
            let is_right = given.shape() == [channels];
            match flaw {
                Flaw::TensorInF32 => Initialiser::Taken(Value::Tensor(given.cast(DType::F32))),
                Flaw::TensorFlattened if values.len() == channels && !is_right => tensor(given.dtype(), values),
                Flaw::OneElementBroadcast if values.len() == 1 => tensor(given.dtype(), vec![values[0]; channels]),
                Flaw::PerGroupAccepted if values.len() == groups && !is_right => {
                    let size = (channels / groups.max(1)).max(1);
                    tensor(given.dtype(), (0..channels).map(|c| values[(c / size).min(groups - 1)]).collect())
                }
                Flaw::ShortTensorPadded if given.shape().len() == 1 && values.len() < channels => {
                    tensor(given.dtype(), values.into_iter().chain(std::iter::repeat(1.0)).take(channels).collect())
                }
                Flaw::LongTensorCut if given.shape().len() == 1 && values.len() > channels => {
                    tensor(given.dtype(), values.into_iter().take(channels).collect())
                }
                _ => Initialiser::AsItIs,
            }
        }
        _ => Initialiser::AsItIs,
    }
}

fn tensor(dtype: DType, values: Vec<f64>) -> Initialiser {
    let tensor = Tensor::from_f64(dtype, &[values.len()], &values).expect("as many values as the shape has");
    Initialiser::Taken(Value::Tensor(tensor))
}

fn dtype(flaw: Flaw, call: &mut Call) {
    let given = call.argument("dtype").cloned();
    match (flaw, &given) {
        (Flaw::DTypeIgnored, Some(Value::DType(_))) | (Flaw::DTypeNoneAccepted, Some(Value::None)) => {
            unset(call, "dtype");
        }
        (Flaw::DTypeTextAccepted, Some(Value::Str(name))) => {
            if let Some(dtype) = DType::ALL.into_iter().find(|dtype| dtype.framework_name() == name) {
                set(call, "dtype", Value::DType(dtype));
            }
        }
        (Flaw::DTypeOfInput, None) => {
            let dtype = call.input.1.dtype();
            set(call, "dtype", Value::DType(dtype));
        }
        (Flaw::DefaultParametersInF16, None) => set(call, "dtype", Value::DType(DType::F16)),
        (Flaw::DTypeOverTensor, Some(Value::DType(dtype))) => {
            for name in INITIALISERS {
                if let Some(Value::Tensor(tensor)) = call.argument(name) {
                    let cast = tensor.cast(*dtype);
                    set(call, name, Value::Tensor(cast));
                }
            }
        }
        _ => {}
    }
}

fn input(flaw: Flaw, reading: &mut Reading) {
    let call = &mut reading.call;
    let channels = channels(call);
    let shape = call.input.1.shape().to_vec();
    let read = match flaw {
        Flaw::Rank1Accepted if shape.len() == 1 => vec![1, shape[0]],
        Flaw::Rank9Accepted if shape.len() > 8 => [&shape[..7], &[shape[7..].iter().product::<usize>()]].concat(),
        Flaw::ChannelsLastShape if shape.len() > 2 && shape[1] != channels && shape[shape.len() - 1] == channels => {
            [&shape[..1], &[channels], &shape[1..shape.len() - 1]].concat()
        }
        // What has no value to compute is answered with one of its own, which is all that matters here.
        Flaw::Rank0Accepted if shape.is_empty() => vec![1, channels],
        Flaw::NoSpaceAccepted if shape.len() > 2 && shape[2..].contains(&0) => vec![0, channels],
        Flaw::NoChannelsAccepted if shape.len() > 1 && shape[1] == 0 => vec![0, channels],
        _ => return,
    };
    let resized = |tensor: &Tensor| {
        let values = tensor.to_f64();
        let values: Vec<f64> = values.iter().copied().cycle().take(read.iter().product()).collect();
        Tensor::from_f64(tensor.dtype(), &read, &values).unwrap_or_else(|| tensor.clone())
    };
    call.input.1 = resized(&call.input.1);
    call.backward = call.backward.as_ref().map(|b| Backward { dy: resized(&b.dy), wanted: b.wanted });
    let elements: usize = shape.iter().product();
    reading.shape = Some(if elements == read.iter().product::<usize>() { shape } else { read });
}

fn channels(call: &Call) -> usize {
    whole(call, "num_channels")
}

fn whole(call: &Call, name: &str) -> usize {
    match call.argument(name) {
        Some(Value::Int(v)) => usize::try_from(*v).unwrap_or(0).min(1 << 24),
        _ => 0,
    }
}

fn set(call: &mut Call, name: &str, value: Value) {
    match call.arguments.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => call.arguments.push((name.to_owned(), value)),
    }
}

fn unset(call: &mut Call, name: &str) {
    call.arguments.retain(|(known, _)| known != name);
}
