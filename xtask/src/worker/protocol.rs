//! What goes to a worker and comes back: lines of JSON. `xtask/workers/protocol.py` is the other end.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use half::{bf16, f16};
use mapcheck::call::{Answer, Call, Outcome, Output, Rejection, Wanted};
use mapcheck::python::{Exception, Value};
use mapcheck::signature::Signature;
use mapcheck::tensor::{DType, Element, Strided, Tensor};
use serde::{Deserialize, Serialize};

/// Who answers: the first line of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// `torch` or `mindspore`.
    pub framework: String,
    /// As the framework itself gives it: `1.8.1+cu102`.
    pub version: String,
    /// Version of CPython.
    pub python: String,
    /// Version of numpy.
    pub numpy: String,
    /// Architecture and operating system, as Python names them: `x86_64-linux`.
    pub platform: String,
}

/// The request for a signature.
pub const SIGNATURE: &str = "{\"signature\": true}\n";

/// The line that asks a call, and perhaps what `print` of its output shows.
pub fn request(id: &str, call: &Call, print: bool) -> Result<String> {
    let pairs = |pairs: &[(String, Value)]| pairs.iter().map(|(name, value)| (name.clone(), sent(value))).collect();
    let request = Request {
        id,
        arguments: pairs(&call.arguments),
        fill: pairs(&call.fill),
        input: (&call.input.0, sent_tensor(&call.input.1)),
        backward: call.backward.as_ref().map(|b| SentBackward { dy: sent_tensor(&b.dy), wanted: wanted(b.wanted) }),
        print,
    };
    Ok(serde_json::to_string(&request)? + "\n")
}

/// What a worker's line answers to the check `id`.
pub fn outcome(id: &str, line: &str) -> Result<Outcome> {
    let reply: Reply = serde_json::from_str(line).context("the worker's answer cannot be read")?;
    ensure!(reply.id.as_deref() == Some(id), "the worker answered {:?} instead", reply.id);
    match reply.answer {
        Answered::Arrays { arrays, printed } => {
            let mut answer = Answer { printed, ..Answer::default() };
            for (output, array) in arrays {
                let tensor = received(&array).with_context(|| format!("{output} of the answer cannot be read"))?;
                answer.arrays.insert(output, tensor.into());
            }
            Ok(Outcome::Answered(answer))
        }
        Answered::Rejected { rejected, message } => {
            let class: Result<Exception, _> = serde_json::from_value(rejected.clone().into());
            let class = class.map_err(|_| {
                anyhow::anyhow!("the framework raised {rejected}, a class that no claim can name: {message}")
            })?;
            Ok(Outcome::Rejected(Rejection::new(class, message)))
        }
        Answered::Failed { failed } => bail!("the worker itself failed:\n{}", failed.trim_end()),
    }
}

/// The signature that a worker's line gives.
pub fn signature(line: &str) -> Result<Signature> {
    #[derive(Deserialize)]
    struct Reply {
        signature: Signature,
    }
    let reply: Reply = serde_json::from_str(line).with_context(|| format!("no signature can be read from: {line}"))?;
    Ok(reply.signature)
}

#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    arguments: Vec<(String, Sent)>,
    fill: Vec<(String, Sent)>,
    input: (&'a str, SentTensor),
    backward: Option<SentBackward>,
    print: bool,
}

#[derive(Serialize)]
struct SentBackward {
    dy: SentTensor,
    wanted: Vec<&'static str>,
}

/// A value with its Python type.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Sent {
    None(()),
    Bool(bool),
    Int(i64),
    Float(String),
    Str(String),
    List(Vec<Sent>),
    Tensor(SentTensor),
    #[serde(rename = "dtype")]
    DType(DType),
}

#[derive(Serialize)]
struct SentTensor {
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    /// Little-endian, in base64.
    storage: String,
}

#[derive(Deserialize)]
struct Reply {
    id: Option<String>,
    #[serde(flatten)]
    answer: Answered,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answered {
    Arrays { arrays: BTreeMap<Output, Received>, printed: Option<String> },
    Rejected { rejected: String, message: String },
    Failed { failed: String },
}

/// A contiguous tensor.
#[derive(Deserialize)]
struct Received {
    dtype: DType,
    shape: Vec<usize>,
    storage: String,
}

fn wanted(wanted: Wanted) -> Vec<&'static str> {
    let names = [("x", wanted.x), ("gamma", wanted.gamma), ("beta", wanted.beta)];
    names.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect()
}

fn sent(value: &Value) -> Sent {
    match value {
        Value::None => Sent::None(()),
        Value::Bool(v) => Sent::Bool(*v),
        Value::Int(v) => Sent::Int(*v),
        // The shortest decimal that gives the same f64 back; Python reads `inf` and `NaN` too.
        Value::Float(v) => Sent::Float(format!("{v:?}")),
        Value::Str(v) => Sent::Str(v.clone()),
        Value::List(v) => Sent::List(v.iter().map(sent).collect()),
        Value::Tensor(v) => Sent::Tensor(sent_tensor(v)),
        Value::DType(v) => Sent::DType(*v),
    }
}

fn sent_tensor(tensor: &Tensor) -> SentTensor {
    fn bytes<T: Element, const N: usize>(s: &Strided<T>, bytes: impl Fn(&T) -> [u8; N]) -> (Vec<u8>, usize) {
        (s.storage().iter().flat_map(bytes).collect(), s.offset())
    }
    let (storage, offset) = match tensor {
        Tensor::F16(s) => bytes(s, |v| v.to_le_bytes()),
        Tensor::BF16(s) => bytes(s, |v| v.to_le_bytes()),
        Tensor::F32(s) => bytes(s, |v| v.to_le_bytes()),
        Tensor::F64(s) => bytes(s, |v| v.to_le_bytes()),
    };
    SentTensor {
        dtype: tensor.dtype(),
        shape: tensor.shape().to_vec(),
        strides: tensor.strides().to_vec(),
        offset,
        storage: BASE64_STANDARD.encode(storage),
    }
}

fn received(array: &Received) -> Result<Tensor> {
    fn tensor<T: Element, const N: usize>(bytes: &[u8], shape: &[usize], value: fn([u8; N]) -> T) -> Option<Tensor> {
        let (chunks, rest) = bytes.as_chunks();
        let values: Vec<T> = chunks.iter().copied().map(value).collect();
        rest.is_empty().then(|| Strided::contiguous(values, shape).map(T::tensor))?
    }
    let bytes = BASE64_STANDARD.decode(&array.storage)?;
    let tensor = match array.dtype {
        DType::F16 => tensor(&bytes, &array.shape, f16::from_le_bytes),
        DType::BF16 => tensor(&bytes, &array.shape, bf16::from_le_bytes),
        DType::F32 => tensor(&bytes, &array.shape, f32::from_le_bytes),
        DType::F64 => tensor(&bytes, &array.shape, f64::from_le_bytes),
    };
    tensor.with_context(|| format!("{} bytes are no {}{:?}", bytes.len(), array.dtype, array.shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapcheck::call::Backward;

    #[test]
    fn a_call_keeps_its_types_and_layouts() {
        let storage: Vec<f32> = (0..4).map(|v| v as f32).collect();
        let x = f32::tensor(Strided::new(storage, &[1, 2], &[2, 2], 1).unwrap());
        let dy = Tensor::from_f64(DType::BF16, &[1, 2], &[1.0, -2.0]).unwrap();
        let call = Call {
            arguments: vec![
                ("num_groups".to_owned(), Value::Int(1)),
                ("eps".to_owned(), Value::Float(1e-5)),
                ("affine".to_owned(), Value::Bool(true)),
                ("gamma_init".to_owned(), Value::List(vec![Value::None, Value::Float(f64::NAN)])),
            ],
            fill: vec![("weight".to_owned(), Value::Str("ones".to_owned()))],
            input: ("x".to_owned(), x),
            backward: Some(Backward { dy, wanted: Wanted { x: true, gamma: false, beta: true } }),
        };
        let line = request("eps/a/f32", &call, true).unwrap();
        assert!(line.ends_with('\n') && line.lines().count() == 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "id": "eps/a/f32",
            "arguments": [
                ["num_groups", { "int": 1 }],
                ["eps", { "float": "1e-5" }],
                ["affine", { "bool": true }],
                ["gamma_init", { "list": [{ "none": null }, { "float": "NaN" }] }],
            ],
            "fill": [["weight", { "str": "ones" }]],
            "input": ["x", {
                "dtype": "f32", "shape": [1, 2], "strides": [2, 2], "offset": 1,
                "storage": "AAAAAAAAgD8AAABAAABAQA==",
            }],
            "backward": {
                "dy": { "dtype": "bf16", "shape": [1, 2], "strides": [2, 1], "offset": 0, "storage": "gD8AwA==" },
                "wanted": ["x", "beta"],
            },
            "print": true,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn answers_are_read_and_nonsense_is_told() {
        let line = r#"{"id":"a","arrays":{"y":{"dtype":"f16","shape":[2,0,3],"storage":""},
            "dgamma":{"dtype":"f64","shape":[1],"storage":"AAAAAAAA+D8="}}}"#;
        let Outcome::Answered(answer) = outcome("a", line).unwrap() else { panic!("an answer") };
        assert_eq!(answer.get(Output::Y).unwrap().shape, [2, 0, 3]);
        assert_eq!(answer.get(Output::Dgamma).unwrap().values.to_f64(), [1.5]);

        let line = r#"{"id":"a","rejected":"ValueError","message":"no"}"#;
        let Outcome::Rejected(rejection) = outcome("a", line).unwrap() else { panic!("a rejection") };
        assert_eq!(rejection.to_string(), "ValueError: no");

        for (line, said) in [
            ("Traceback", "cannot be read"),
            (r#"{"id":"b","arrays":{}}"#, "instead"),
            (r#"{"id":"a","rejected":"KeyError","message":"'k'"}"#, "KeyError"),
            (r#"{"id":"a","failed":"Traceback\n  line\n"}"#, "Traceback\n  line"),
            (r#"{"id":"a","arrays":{"y":{"dtype":"f32","shape":[2],"storage":"AAAA"}}}"#, "y of the answer"),
        ] {
            let error = format!("{:#}", outcome("a", line).unwrap_err());
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn a_signature_is_read() {
        let line = r#"{"signature":{"forward":[],"announcements":["a"],"constructor":[
            {"name":"n","kind":"positional_or_keyword"},
            {"name":"eps","kind":"keyword_only","default":{"float":"1e-05"}},
            {"name":"init","kind":"keyword_only","default":{"str":"ones"}},
            {"name":"device","kind":"keyword_only","default":{"none":null}},
            {"name":"dtype","kind":"keyword_only","default":{"dtype":"f32"}},
            {"name":"mode","kind":"keyword_only","default":{"other":"<Mode.A: 1>"}}]}}"#;
        let told = signature(line).unwrap().to_string();
        assert_eq!(told, "(n, *, eps=1e-05, init='ones', device=None, dtype=float32, mode=<Mode.A: 1>)()");
        assert!(signature("{}").is_err());
    }
}
