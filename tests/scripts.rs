//! The scripts of a report make the very tensors of the calls: Python runs them, and keeps what the frameworks are handed.
//! Where it has no NumPy they say so and are left out; MAPCHECK_PYTHON names a Python that must have it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::common::mine::{self, Defect};
use mapcheck::call::Call;
use mapcheck::check::Suite;
use mapcheck::mapping::Side;
use mapcheck::python::Value;
use mapcheck::report::{self, Script};
use mapcheck::tensor::{DType, Tensor};

/// Every call of every case that a side can write, with its script.
fn scripts(suite: &Suite) -> Vec<(String, Side, Call, Script)> {
    let of_side = |side| {
        suite.checks().into_iter().filter_map(move |check| {
            let (case, call) = (suite.case(&check)?, suite.question(&check, side)?);
            let script = report::python(suite.mapping(), case, &call, side);
            Some((check.name, side, call, script))
        })
    };
    Side::BOTH.into_iter().flat_map(of_side).collect()
}

/// The tensors of a call in the order in which a script hands them over, each in the dtype that it then has.
fn tensors(call: &Call) -> Vec<(&Tensor, DType)> {
    let x = &call.input.1;
    fn tensor(value: &Value) -> Option<&Tensor> {
        match value {
            Value::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
    let arguments = call.arguments.iter().filter_map(|(_, value)| tensor(value)).map(|of| (of, of.dtype()));
    // A parameter of PyTorch is in the dtype of its module, which is that of x.
    let fill = call.fill.iter().filter_map(|(_, value)| tensor(value)).map(|of| (of, x.dtype()));
    let values = arguments.chain(fill);
    let given = std::iter::once(x).chain(call.backward.iter().map(|backward| &backward.dy));
    values.chain(given.map(|tensor| (tensor, tensor.dtype()))).collect()
}

/// The values of a tensor in a dtype, last dimension fastest; every NaN is the same one.
fn bytes(tensor: &Tensor, dtype: DType) -> Vec<u8> {
    let values = tensor.cast(dtype).to_f64();
    let of = |value: f64| if value.is_nan() { f64::NAN } else { value };
    let bytes = |value: &f64| match (dtype, of(*value)) {
        (DType::F16, value) => half::f16::from_f64(value).to_le_bytes().to_vec(),
        (DType::BF16, value) => half::bf16::from_f64(value).to_le_bytes().to_vec(),
        (DType::F32, value) => (value as f32).to_le_bytes().to_vec(),
        (DType::F64, value) => value.to_le_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

/// Whether a tensor that lies so was told to: of a dimension of one element the stride says nothing.
fn lies_as(line: &str, tensor: &Tensor) -> bool {
    let Some((_, strides)) = line.rsplit_once(" [") else { return false };
    let strides: Vec<usize> = strides.trim_end_matches(']').split(", ").filter_map(|s| s.parse().ok()).collect();
    let expected = tensor.shape().iter().zip(tensor.strides());
    tensor.is_empty() || strides.iter().zip(expected).all(|(is, (size, stride))| *size < 2 || is == stride)
}

#[test]
fn scripts_make_the_tensors_of_the_calls_to_the_last_bit() {
    let named = std::env::var_os("MAPCHECK_PYTHON");
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|output| output.status.success()) {
        assert!(named.is_none(), "MAPCHECK_PYTHON names no Python with NumPy: {python:?}");
        // Not by a macro, which is heard only where a test fails.
        let _ = writeln!(std::io::stderr(), "skipped: there is no python3 with NumPy; MAPCHECK_PYTHON names another");
        return;
    }
    let suite = mine::suite(Defect::None);
    let scripts = scripts(&suite);
    assert!(scripts.len() > 400, "{}", scripts.len());
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (at, (.., script)) in scripts.iter().enumerate() {
        fs::write(folder.path().join(format!("{at}.py")), script.to_string()).expect("it can be written");
    }
    let frameworks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/frameworks.py");
    let output = Command::new(&python).arg(frameworks).arg(folder.path()).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (at, (name, side, call, script)) in scripts.iter().enumerate() {
        let left = |kind| fs::read(folder.path().join(format!("{at}.{kind}"))).expect("the script left it");
        let lines = String::from_utf8(left("txt")).expect("a text");
        let expected = tensors(call);
        assert_eq!(lines.lines().count(), expected.len(), "{name}\n{script}\n{lines}");
        for (line, (tensor, dtype)) in lines.lines().zip(&expected) {
            let head = format!("{} {:?}", dtype.framework_name(), tensor.shape());
            assert!(line.starts_with(&head), "{name}: {line}, not {head}\n{script}");
            let is_laid = *side == Side::Torch && tensor.dtype() == *dtype;
            assert!(!is_laid || lies_as(line, tensor), "{name}: {line}, not {:?}\n{script}", tensor.strides());
        }
        let expected: Vec<u8> = expected.iter().flat_map(|(tensor, dtype)| bytes(tensor, *dtype)).collect();
        assert!(left("bin") == expected, "{name}: other bits than in the call\n{lines}\n{script}");
    }
}

#[test]
fn a_script_defines_what_it_uses_and_nothing_else() {
    let suite = mine::suite(Defect::None);
    for (name, _, _, Script { setup, call }) in scripts(&suite) {
        for function in ["size", "uniform", "bell", "ramp", "steps", "with_elements", "bfloat16", "laid"] {
            let (head, called) = (format!("def {function}("), format!("{function}("));
            let is_defined = setup.contains(&head);
            let text = format!("{setup}{call}").replace(&head, "");
            let mut uses = text.match_indices(&called);
            let is_used = uses.any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._".contains(c)));
            assert_eq!(is_defined, is_used, "{name}: {function}\n{setup}{call}");
        }
        assert_eq!(setup.contains("import numpy\n"), format!("{setup}{call}").contains("numpy."), "{name}\n{setup}");
    }
}
