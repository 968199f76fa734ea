//! The code example of the page, as it is written in each framework.

use std::fmt::Write;

use super::{Writer, python};
use crate::call::Call;
use crate::check::{Check, Kind};
use crate::mapping::{Case, Recipe, Side, Values};
use crate::python::float;
use crate::tensor::DType;

impl Writer<'_> {
    /// The first case that prints, as it is written in each framework.
    pub(super) fn example(&self, out: &mut String) -> Result<(), String> {
        let mut printing = self.suite.checks().into_iter().filter_map(|check| {
            let case = self.suite.case(&check)?;
            let prints = case.prints.as_deref()?;
            Some((check.clone(), case, prints))
        });
        let Some((check, case, prints)) = printing.next() else { return Ok(()) };
        let _ = writeln!(out, "## {}\n\n```python", self.say("Code Example", "代码示例"));
        for side in Side::BOTH {
            if side == Side::Mindspore {
                out.push('\n');
            }
            out.push_str(&self.program(&check, case, side)?);
            for line in prints.trim_end().lines() {
                let _ = writeln!(out, "{}", format!("# {line}").trim_end());
            }
        }
        out.push_str("```\n");
        Ok(())
    }

    fn program(&self, check: &Check, case: &Case, side: Side) -> Result<String, String> {
        let row = &self.suite.mapping().rows[check.row];
        let unwritten =
            |why: &str| format!("{}: the code of `{}` cannot be written: {why}", row.path.display(), case.name);
        let call: Call = self.suite.question(check, side).ok_or_else(|| unwritten("it has no call"))?;
        if !call.fill.is_empty() || !matches!(check.kind, Kind::Case { dtype: DType::F32, .. }) {
            return Err(unwritten("expected a call in f32 without filled parameters"));
        }
        let x = array(case, call.input.1.shape())
            .ok_or_else(|| unwritten("expected `values` that are constant or a list"))?;
        let arguments: Vec<String> =
            call.arguments.iter().map(|(name, value)| format!("{name}={}", python(value))).collect();
        let name = self.api(side).name.rsplit('.').next().unwrap_or_default();
        let (imports, tensor, output) = match side {
            Side::Torch => (
                "import numpy as np\nimport torch\nfrom torch import nn",
                format!("torch.tensor({x})"),
                "output.detach().numpy()",
            ),
            Side::Mindspore => {
                ("import numpy as np\nfrom mindspore import Tensor, nn", format!("Tensor({x})"), "output")
            }
        };
        Ok(format!(
            "# {}\n{imports}\n\nx = {tensor}\nnet = nn.{name}({})\noutput = net(x)\nprint({output})\n",
            side.framework(),
            arguments.join(", ")
        ))
    }
}

/// What numpy is told to make x.
fn array(case: &Case, shape: &[usize]) -> Option<String> {
    let shape = format!("[{}]", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "));
    match &case.x.values {
        _ if !case.x.set.is_empty() => None,
        Values::Recipe(Recipe::Constant(value)) if *value == 1.0 => Some(format!("np.ones({shape}, np.float32)")),
        Values::Recipe(Recipe::Constant(value)) => Some(format!("np.full({shape}, {}, np.float32)", float(*value))),
        Values::List(values) => {
            let values: Vec<String> = values.iter().map(|value| float(*value)).collect();
            Some(format!("np.array([{}], np.float32).reshape({shape})", values.join(", ")))
        }
        _ => None,
    }
}
