//! A call as a user writes it, for reading and for pasting.

use std::fmt::Write;

use crate::call::Call;
use crate::mapping::Side;
use crate::python::Value;
use crate::tensor::Tensor;

/// A tensor of more elements is given by its dtype and shape.
const MOST_WRITTEN: usize = 32;

/// Constructor, what is filled, forward and backward call, one statement a line.
pub(super) fn code(api: &str, side: Side, call: &Call, layout: &str) -> String {
    let mut code = String::new();
    let arguments: Vec<String> =
        call.arguments.iter().map(|(name, value)| format!("{name}={}", written(value, side))).collect();
    let _ = writeln!(code, "net = {api}({})", arguments.join(", "));
    let dtype = call.input.1.dtype();
    if side == Side::Torch && call.argument("dtype").is_none() && dtype.framework_name() != "float32" {
        let _ = writeln!(code, "net.to(torch.{})", dtype.framework_name());
    }
    for (name, value) in &call.fill {
        let _ = match value {
            Value::Tensor(_) => writeln!(code, "net.{name}.data = {}", written(value, side)),
            _ => writeln!(code, "torch.nn.init.constant_(net.{name}, {})", written(value, side)),
        };
    }
    let (name, x) = &call.input;
    let _ = write!(code, "y = net({name})  # {name}: {dtype} {:?}, {}", x.shape(), layout.replace('_', " "));
    if let Some(backward) = &call.backward {
        let wanted = backward.wanted;
        let names: Vec<&str> = [(wanted.x, "dx"), (wanted.gamma, "dgamma"), (wanted.beta, "dbeta")]
            .into_iter()
            .filter_map(|(wanted, name)| wanted.then_some(name))
            .collect();
        let _ = match side {
            Side::Torch => write!(code, "\ny.backward(dy)  # for {}", names.join(", ")),
            Side::Mindspore => write!(code, "\n# and the gradients {} for dy", names.join(", ")),
        };
    }
    code
}

fn written(value: &Value, side: Side) -> String {
    match value {
        Value::Tensor(tensor) => constructed(tensor, side),
        Value::DType(dtype) => format!("{}.{}", side.key(), dtype.framework_name()),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(|value| written(value, side)).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

fn constructed(tensor: &Tensor, side: Side) -> String {
    if tensor.len() > MOST_WRITTEN {
        return Value::Tensor(tensor.clone()).to_string();
    }
    let values: Vec<String> = tensor.to_f64().into_iter().map(|value| Value::Float(value).to_string()).collect();
    let (list, dtype) = (values.join(", "), tensor.dtype().framework_name());
    let vector = match side {
        Side::Torch => format!("torch.tensor([{list}], dtype=torch.{dtype})"),
        Side::Mindspore => format!("mindspore.Tensor([{list}], mindspore.{dtype})"),
    };
    match tensor.shape() {
        [_] => vector,
        shape => format!("{vector}.reshape({})", format!("{shape:?}").trim_matches(['[', ']'])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Backward, Wanted};
    use crate::tensor::DType;

    #[test]
    fn a_call_reads_as_a_user_writes_it() {
        let tensor = |dtype, shape: &[usize], values: &[f64]| Tensor::from_f64(dtype, shape, values).unwrap();
        let x = tensor(DType::F16, &[1, 2], &[1.0, 2.0]);
        let wanted = Wanted { x: true, gamma: false, beta: true };
        let call = Call {
            arguments: vec![("num_groups".to_owned(), Value::Int(2)), ("eps".to_owned(), Value::Float(1e-5))],
            fill: vec![
                ("weight".to_owned(), Value::Tensor(tensor(DType::F32, &[2, 1], &[0.5, f64::NAN]))),
                ("bias".to_owned(), Value::Float(3.0)),
            ],
            input: ("input".to_owned(), x.clone()),
            backward: Some(Backward { dy: x, wanted }),
        };
        assert_eq!(
            code("torch.nn.GroupNorm", Side::Torch, &call, "channels_last"),
            "net = torch.nn.GroupNorm(num_groups=2, eps=1e-5)\n\
             net.to(torch.float16)\n\
             net.weight.data = torch.tensor([0.5, float('nan')], dtype=torch.float32).reshape(2, 1)\n\
             torch.nn.init.constant_(net.bias, 3.0)\n\
             y = net(input)  # input: f16 [1, 2], channels last\n\
             y.backward(dy)  # for dx, dbeta"
        );
    }
}
