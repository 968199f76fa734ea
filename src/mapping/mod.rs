//! What a table says: the two APIs, the rows between them, and the cases that put each row to the test.
//!
//! A mapping is a folder: `mapping.yaml` names the two APIs, and every other `.yaml` file is one
//! row. [`read()`] makes a [`Mapping`] of it or says everything that is wrong with it.

mod argument;
mod case;
mod diagnostic;
mod document;
mod layout;
mod limit;
mod located;
mod mistake;
mod node;
mod read;
mod reason;
mod recipe;
mod row;
pub(crate) mod schema;
mod source;
mod stand_in;
mod translate;
mod typed;
mod validate;
mod validate_case;
mod validate_mapping;
mod validate_reasons;
mod validate_row;
mod words;
mod yaml;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use argument::{Argument, Arguments, TensorRecipe};
pub use case::{Built, Case, Code, Differs, Gradients, How, Input, Loosened, Moments, Off, OutputGradient, Variable};
pub use diagnostic::{Diagnostic, Place};
pub(crate) use diagnostic::{Severity, quoted};
pub use layout::Layout;
pub use limit::{Limit, When};
pub use read::read;
pub use reason::Reason;
pub use recipe::{Normal, Ramp, Recipe, RecipeName, Set, Steps, Uniform, Unrealizable, Values};
pub use row::{Announced, Category, Claim, InTorch, Meaning, Row, RowFile, Text};
pub(crate) use schema::schema_text;
pub use schema::{mapping_schema, row_schema};
pub(crate) use source::Source;
pub use translate::{DefaultCalls, Untranslatable};

/// The two frameworks between which a table maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The source: PyTorch.
    Torch,
    /// The target: MindSpore.
    Mindspore,
}

impl Side {
    /// The source, and the target.
    pub const BOTH: [Side; 2] = [Side::Torch, Side::Mindspore];

    /// The name used as a key in specs.
    pub fn key(self) -> &'static str {
        match self {
            Side::Torch => "torch",
            Side::Mindspore => "mindspore",
        }
    }

    /// The framework's name in prose.
    pub fn framework(self) -> &'static str {
        match self {
            Side::Torch => "PyTorch",
            Side::Mindspore => "MindSpore",
        }
    }
}

/// Something that each side has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sides<T> {
    /// PyTorch's.
    pub torch: T,
    /// MindSpore's.
    pub mindspore: T,
}

impl<T> Sides<T> {
    /// The one of a side.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Torch => &self.torch,
            Side::Mindspore => &self.mindspore,
        }
    }
}

/// One API, as `mapping.yaml` names it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The full name: `torch.nn.GroupNorm`.
    pub name: String,
    /// The version for which the page is written.
    pub documented: String,
    /// Parameters of the constructor or of the function, in their order.
    pub constructor: Vec<String>,
    /// Parameters of the forward call.
    pub forward: Vec<String>,
    /// The signatures as a page writes them, one for each form of call.
    #[serde(default)]
    pub signatures: Vec<String>,
}

/// `mapping.yaml`: what holds for all rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mapcheck mapping")]
pub struct MappingFile {
    /// Whether the mapping was read off a page and is not finished: a row may be without a case, a parameter in two
    /// rows, and there may be several inputs.
    #[serde(default)]
    pub draft: bool,
    /// The two APIs.
    pub apis: Sides<Api>,
    /// What the page says of the difference as a whole.
    pub difference: Option<Text>,
    /// The plainest call that the target accepts: every keyword without a default. Defaults are tested on it.
    pub plain: Arguments,
    /// The recorded versions, oldest first: what every check is asked of. A missing answer leaves a row unchecked.
    pub golden: Vec<String>,
    /// What versions cannot do, or do otherwise, wherever a call shows it. Each has to be shown by a check.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// The Chinese of every `why` of this file and of the rows; a mapping that has none shows them in English.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// A whole table: two APIs and the rows between them.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The folder's name, which is the operator's: `group_norm`.
    pub name: String,
    /// Where it was read.
    pub folder: PathBuf,
    /// What holds for all rows.
    pub file: MappingFile,
    /// The rows, in the order of the page.
    pub rows: Vec<Row>,
}

impl Mapping {
    /// The API of a side.
    pub fn api(&self, side: Side) -> &Api {
        self.file.apis.of(side)
    }

    /// The row that carries `parameter` on a side.
    pub fn row_of(&self, side: Side, parameter: &str) -> Option<&Row> {
        let takes = |row: &&Row| row.file.category != Category::Output;
        self.rows.iter().filter(takes).find(|row| row.file.all_names(side).any(|name| name == parameter))
    }
}
