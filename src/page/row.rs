//! The rows of a mapping: those of the table, with their defaults from the signatures, and those that the table
//! lacks.

use super::api::Api;
use super::contradiction;
use super::expression::Expression;
use super::note::Notes;
use super::signature::Parameter;
use super::{Tabled, words};
use crate::mapping::{Category, Side, Sides};

/// A row as it goes into a spec.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub category: Category,
    /// The names on each side; several where one parameter is several on the other side.
    pub names: Sides<Vec<String>>,
    /// The default on each side, where the signature has one; of several names all of theirs, as a tuple.
    pub default: Sides<Option<Expression>>,
    /// What the page says of the difference.
    pub difference: Option<String>,
    /// Whether the page says that they mean different things.
    pub meaning_differs: bool,
    /// Whether the page has the row.
    pub on_page: bool,
}

/// The rows of the tables of a mapping, and those that they lack. What contradicts itself is noted.
pub(super) fn rows(apis: &Sides<Vec<Api>>, tables: Vec<Tabled>, notes: &mut Notes<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let has_table = !tables.is_empty();
    for table in &tables {
        if table.lines.is_empty() {
            notes.warn(&table.span, "a table without rows", "expected a row for each parameter");
        }
        contradiction::numbers(&table.lines, notes);
        contradiction::repeated(&table.lines, notes);
        for line in &table.lines {
            let names = Sides { torch: line.names.torch.names.clone(), mindspore: line.names.mindspore.names.clone() };
            let is_shared = !names.torch.is_empty() && !names.mindspore.is_empty();
            let row = Row {
                category: line.category,
                default: Sides {
                    torch: default(&apis.torch, line.category, &names.torch),
                    mindspore: default(&apis.mindspore, line.category, &names.mindspore),
                },
                names,
                difference: Some(line.difference.text.clone()).filter(|text| !words::is_nothing(text)),
                meaning_differs: is_shared && words::says_meaning_differs(&line.difference.text),
                on_page: true,
            };
            contradiction::names(line, apis, notes);
            contradiction::words(line, &row, apis, notes);
            rows.push(row);
        }
    }
    let lacking = lacking(apis, &rows);
    let has_inputs = rows.iter().any(|row| row.category == Category::Input);
    let mut is_told = !has_table;
    for (row, parameters) in lacking {
        let is_of_inputs = row.category == Category::Input && !has_inputs;
        if is_of_inputs && let [(_, parameter), ..] = parameters.as_slice() {
            if !is_told {
                let label = "the signatures have inputs; a row for each is added as what the page lacks";
                notes.warn(&parameter.span, "the table has no rows of the inputs", label);
            }
            is_told = true;
        }
        for (side, parameter) in parameters.iter().filter(|_| has_table && !is_of_inputs) {
            let title = format!("`{}` of {} is in no row", parameter.name, side.framework());
            notes.warn(&parameter.span, title, "expected a row for it; one is added as what the page lacks");
        }
        rows.push(row);
    }
    rows
}

/// The default of the names of a row on one side.
fn default(apis: &[Api], category: Category, names: &[String]) -> Option<Expression> {
    if category == Category::Output {
        return None;
    }
    let of = |name: &String| parameter(apis, name)?.default.clone();
    match names {
        [name] => of(name),
        names => {
            names.iter().map(of).collect::<Option<Vec<_>>>().filter(|values| !values.is_empty()).map(Expression::Tuple)
        }
    }
}

/// The parameter of a name on one side.
pub(super) fn parameter<'a>(apis: &'a [Api], name: &str) -> Option<&'a Parameter> {
    apis.iter().find_map(|api| api.parameter(name))
}

/// Rows for the parameters that no row has; what both sides call by one name is one row.
fn lacking<'a>(apis: &'a Sides<Vec<Api>>, rows: &[Row]) -> Vec<(Row, Vec<(Side, &'a Parameter)>)> {
    let mut lacking: Vec<(Row, Vec<(Side, &Parameter)>)> = Vec::new();
    for side in Side::BOTH {
        let of_rows = |name: &str| {
            rows.iter()
                .any(|row| row.category != Category::Output && row.names.of(side).iter().any(|known| known == name))
        };
        let named = || rows.iter().filter(|row| row.category == Category::Parameter).flat_map(|row| row.names.of(side));
        // `**kwargs` are what the table calls by their names.
        let are_spelt_out = named().any(|name| parameter(apis.of(side), name).is_none());
        for api in apis.of(side) {
            let constructor = api.constructor().into_iter().map(|parameter| (Category::Parameter, parameter));
            let forward = api.forward().into_iter().map(|parameter| (Category::Input, parameter));
            for (category, parameter) in constructor.chain(forward) {
                let name = &parameter.name;
                if of_rows(name) || name == "self" || parameter.is_variadic() && are_spelt_out {
                    continue;
                }
                let same = lacking
                    .iter_mut()
                    .find(|(row, _)| row.names.torch.contains(name) || row.names.mindspore.contains(name));
                let row = match same {
                    Some(same) => same,
                    None => {
                        lacking.push((Row::lacking(category), Vec::new()));
                        let at = lacking.len() - 1;
                        &mut lacking[at]
                    }
                };
                let default = parameter.default.clone();
                let (names, defaults) = match side {
                    Side::Torch => (&mut row.0.names.torch, &mut row.0.default.torch),
                    Side::Mindspore => (&mut row.0.names.mindspore, &mut row.0.default.mindspore),
                };
                if names.is_empty() {
                    names.push(name.clone());
                    *defaults = default;
                    row.1.push((side, parameter));
                }
            }
        }
    }
    lacking
}

impl Row {
    fn lacking(category: Category) -> Self {
        let (names, default) = (Sides::default(), Sides { torch: None, mindspore: None });
        Self { category, names, default, difference: None, meaning_differs: false, on_page: false }
    }
}
