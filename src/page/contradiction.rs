//! Where a page contradicts itself: the table and the signatures, the words of a row and its names and defaults,
//! the numbers of rows, the title and the headings.

use std::collections::{BTreeSet, HashMap};

use super::api::{Api, full_names};
use super::expression::Expression;
use super::markdown::Text;
use super::note::Notes;
use super::row::{Row, parameter};
use super::table::Line;
use super::words::{self, Clause};
use crate::mapping::{Category, Side, Sides, quoted};

/// What the title compares has a section, or is one of the pairs to which the page applies.
pub(super) fn title(title: Option<&Text>, apis: &[Api], pairs: &[(String, String)], notes: &mut Notes<'_>) {
    let Some(title) = title else { return };
    for (side, name, _) in full_names(&title.text) {
        let is_paired = pairs.iter().any(|(torch, mindspore)| torch == name || mindspore == name);
        let mut of_side = apis.iter().filter(|api| api.side == side).peekable();
        if is_paired || of_side.peek().is_none() || of_side.clone().any(|api| api.name == name) {
            continue;
        }
        let page = &notes.source.text;
        let found = page.get(title.span.clone()).and_then(|text| text.find(name));
        let place = found.map_or(title.span.clone(), |at| title.span.start + at..title.span.start + at + name.len());
        let label = format!("the page is of {}", quoted(of_side.map(|api| api.name.as_str())));
        notes.warn(&place, format!("the title names `{name}`"), label);
    }
}

/// Every API has a signature, and no bracket has a name twice.
pub(super) fn signatures(apis: &Sides<Vec<Api>>, notes: &mut Notes<'_>) {
    for api in apis.torch.iter().chain(&apis.mindspore) {
        if api.signatures.is_empty() {
            let label = "expected a block of code with its signature; parameters are taken from the table";
            notes.warn(&api.span, format!("no signature of `{}`", api.name), label);
        }
        for group in api.signatures.iter().flat_map(|signature| &signature.groups) {
            let mut seen = BTreeSet::new();
            for parameter in group.iter().filter(|parameter| !seen.insert(&parameter.name)) {
                let title = format!("two parameters `{}` in one signature", parameter.name);
                notes.warn(&parameter.span, title, "it is there already");
            }
        }
    }
}

/// The rows of each category are numbered from 1 on, or go on from those before, each once and without a hole.
pub(super) fn numbers(lines: &[Line], notes: &mut Notes<'_>) {
    for category in [Category::Parameter, Category::Input, Category::Output] {
        let own: Vec<(usize, &Line)> = lines.iter().enumerate().filter(|(_, line)| line.category == category).collect();
        let mut seen = BTreeSet::new();
        for (_, line) in &own {
            if let Some(number) = line.number.filter(|number| !seen.insert(*number)) {
                notes.warn(&line.label, format!("two rows with the number {number}"), "expected a number of its own");
            }
        }
        let before = own.first().map_or(0, |(at, _)| *at as u32);
        let first = if seen.first() == Some(&(before + 1)) { before + 1 } else { 1 };
        let mut expected = first;
        for &number in &seen {
            if number > expected
                && let Some((_, line)) = own.iter().find(|(_, line)| line.number == Some(number))
            {
                let missing = if number == expected + 1 {
                    format!("number {expected}")
                } else {
                    format!("numbers {expected} to {}", number - 1)
                };
                notes.warn(&line.label, format!("no row has the {missing}"), "expected the rows without a hole");
            }
            expected = number.saturating_add(1);
        }
    }
}

/// A name stands in one row, unless it is several on the other side, and none of these is called like it.
pub(super) fn repeated(lines: &[Line], notes: &mut Notes<'_>) {
    for side in Side::BOTH {
        let other = if side == Side::Torch { Side::Mindspore } else { Side::Torch };
        let names = lines
            .iter()
            .enumerate()
            .flat_map(|(at, line)| line.names.of(side).names.iter().map(move |name| (at, name)));
        let names = names.filter(|(at, _)| lines[*at].category != Category::Output);
        let mut firsts: HashMap<&String, usize> = HashMap::new();
        for (at, name) in names {
            let first = *firsts.entry(name).or_insert(at);
            if first == at {
                continue;
            }
            let [here, there] = [at, first].map(|at| &lines[at].names.of(other).names);
            let is_itself = here.contains(name) || there.contains(name);
            if here.is_empty() || there.is_empty() || here == there || is_itself {
                let title = format!("two rows for `{name}` of {}", side.framework());
                notes.warn(&lines[at].names.of(side).span, title, "another row has it already");
            }
        }
    }
}

/// Every name is in a signature.
pub(super) fn names(line: &Line, apis: &Sides<Vec<Api>>, notes: &mut Notes<'_>) {
    for side in Side::BOTH {
        let (cell, of_side) = (line.names.of(side), apis.of(side));
        for name in cell.names.iter().filter(|name| !of_side.iter().any(|api| knows(api, line.category, name))) {
            let parameters: Vec<&str> = of_side
                .iter()
                .flat_map(|api| api.constructor().into_iter().chain(api.forward()))
                .map(|parameter| parameter.name.as_str())
                .collect();
            let label = match parameters.as_slice() {
                [] => "the signature has no parameters".to_owned(),
                names => format!("expected one of {}", quoted(names.iter().copied())),
            };
            let title = format!("`{name}` is in no signature of {}", side.framework());
            let diagnostic = notes.at(&cell.span, title, label).meant(name, parameters);
            notes.push(diagnostic);
        }
    }
}

/// Whether an API may have a parameter, as far as its signatures say.
fn knows(api: &Api, category: Category, name: &str) -> bool {
    let has_brackets = api.signatures.iter().any(|signature| !signature.groups.is_empty());
    let is_open = match category {
        Category::Output | Category::Example => true,
        Category::Parameter => api.is_open(),
        // How an object is called, a page may leave out; a method is called on its input.
        Category::Input => {
            api.is_open() && !api.has_forward() || api.is_class() && !api.has_forward() || api.is_method()
        }
    };
    !has_brackets || is_open || api.parameter(name).is_some()
}

/// What a row says in words is so of its names and defaults.
pub(super) fn words(line: &Line, row: &Row, apis: &Sides<Vec<Api>>, notes: &mut Notes<'_>) {
    let text = &line.difference.text;
    let clauses = words::clauses(text);
    let place = if text.is_empty() { &line.label } else { &line.difference.span };
    for side in Side::BOTH {
        if let [first, ..] = row.names.of(side).as_slice()
            && row.category != Category::Output
            && clauses.contains(&Clause::Absent(side))
        {
            let title = format!("the row says that {} has no such parameter", side.framework());
            notes.warn(place, title, format!("and names `{first}` of {}", side.framework()));
        }
    }
    let ([torch], [mindspore]) = (row.names.torch.as_slice(), row.names.mindspore.as_slice()) else { return };
    if row.category == Category::Output {
        return;
    }
    if clauses.contains(&Clause::NameDiffers) && torch == mindspore {
        notes.warn(place, "the row says that the names differ", format!("both are `{torch}`"));
    }
    if clauses.contains(&Clause::NameSame) && torch != mindspore {
        notes.warn(place, "the row says that the names are the same", format!("they are `{torch}` and `{mindspore}`"));
    }
    // Defaults are held to each other where both are known to be there or not.
    if parameter(&apis.torch, torch).is_none() || parameter(&apis.mindspore, mindspore).is_none() {
        return;
    }
    let defaults = (&row.default.torch, &row.default.mindspore);
    // What an object of a framework is to the other framework, no page can tell.
    if [defaults.0, defaults.1].into_iter().flatten().any(Expression::is_object) {
        return;
    }
    let are_equal = match defaults {
        (Some(torch), Some(mindspore)) => torch.equals(mindspore),
        (torch, mindspore) => torch.is_none() && mindspore.is_none(),
    };
    let shown = |default: &Option<Expression>| match default {
        Some(default) => format!("has `{default}`"),
        None => "has none and asks for it".to_owned(),
    };
    let label = format!("PyTorch {}, MindSpore {}", shown(defaults.0), shown(defaults.1));
    if !are_equal && words::says_no_difference(text) {
        let name = if torch == mindspore { format!("`{torch}`") } else { format!("`{torch}` and `{mindspore}`") };
        notes.warn(place, format!("the defaults of {name} differ, and the row does not say so"), label);
    } else if are_equal && words::says_defaults_differ(text) {
        notes.warn(place, "the row says that the defaults differ", label);
    }
}
