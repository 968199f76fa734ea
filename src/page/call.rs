//! What a code example calls: the keywords of the API, by its signature, and the input as a recipe.

use super::api::Api;
use super::example::Program;
use super::expression::{Expression, Token, tokens};
use crate::signature::Kind;

/// A call of an API in a program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Called {
    /// The arguments by keyword, in the order of the program.
    pub arguments: Vec<(String, Expression)>,
    /// What the object is called with, where its values can be read.
    pub input: Option<Input>,
}

/// A tensor whose values are written in the program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub shape: Vec<usize>,
    pub values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Constant(f64),
    List(Vec<f64>),
}

/// The first call of an API in a program; `None` where there is none, or one that its signature does not allow.
pub(super) fn called(api: &Api, program: &Program) -> Option<Called> {
    let statements = statements(&program.text);
    let is_api = |function: &Expression| match function {
        Expression::Name(name) => *name == api.name || name.rsplit('.').next() == Some(api.short_name()),
        _ => false,
    };
    let (at, target, (function, arguments)) = statements.iter().enumerate().find_map(|(at, (target, value))| {
        let call = value.calls().into_iter().find(|(function, _)| is_api(function))?;
        Some((at, target, call))
    })?;
    let positional: Vec<&str> = api
        .constructor()
        .iter()
        .take_while(|parameter| matches!(parameter.kind, Kind::PositionalOnly | Kind::PositionalOrKeyword))
        .map(|parameter| parameter.name.as_str())
        .collect();
    let mut keywords: Vec<(String, Expression)> = Vec::new();
    for (place, (keyword, value)) in arguments.iter().enumerate() {
        let name = keyword.as_deref().or_else(|| positional.get(place).copied())?;
        if keywords.iter().any(|(known, _)| known == name) {
            return None;
        }
        keywords.push((name.to_owned(), value.clone()));
    }
    // The object is called at once, or by the name that it was given.
    let is_object = |called: &Expression| match called {
        Expression::Call(made, _) => **made == *function,
        Expression::Name(name) => Some(name) == target.as_ref(),
        _ => false,
    };
    let given = statements[at..].iter().find_map(|(_, value)| {
        value.calls().into_iter().find(|(function, _)| is_object(function)).map(|(_, arguments)| arguments)
    });
    let value_of = |value: &Expression| match value {
        Expression::Name(name) => {
            let assigned = statements.iter().rev().find(|(target, _)| target.as_deref() == Some(name));
            assigned.map(|(_, value)| value.clone())
        }
        value => Some(value.clone()),
    };
    let input = given.and_then(|arguments| match arguments {
        [(_, only)] => input(&value_of(only)?),
        _ => None,
    });
    Some(Called { arguments: keywords, input })
}

/// Assignments and expressions at the left margin of a program: the name that is assigned, and the value.
fn statements(text: &str) -> Vec<(Option<String>, Expression)> {
    let all = tokens(text);
    let mut statements = Vec::new();
    let (mut start, mut depth) = (0, 0i32);
    for at in 0..=all.len() {
        let is_end = all.get(at).is_none_or(|token| token.begins_line && depth <= 0 && at > start);
        if is_end && start < at {
            statements.extend(statement(text, &all[start..at]));
            (start, depth) = (at, 0);
        }
        if let Some(token) = all.get(at) {
            depth += i32::from(token.is('(') || token.is('[')) - i32::from(token.is(')') || token.is(']'));
        }
    }
    statements
}

fn statement(text: &str, tokens: &[Token]) -> Option<(Option<String>, Expression)> {
    let first = tokens.first()?;
    let is_at_margin = first.span.start == 0 || text.as_bytes().get(first.span.start - 1) == Some(&b'\n');
    if !is_at_margin {
        return None;
    }
    // `output, index = …`: of several names, none is the object.
    let equals = tokens.iter().take_while(|token| token.name().is_some() || token.is(',')).count();
    Some(match tokens.split_at(equals) {
        (names, [sign, value @ ..]) if sign.is('=') && !names.is_empty() => {
            let target = if let [name] = names { name.name().map(str::to_owned) } else { None };
            (target, Expression::read(text, value))
        }
        _ => (None, Expression::read(text, tokens)),
    })
}

/// The tensor that an expression makes: `Tensor(np.ones([1, 2]), …)`, `torch.tensor([[1.0, 2.0]])`.
fn input(value: &Expression) -> Option<Input> {
    match value {
        Expression::Call(function, arguments) => {
            let first = arguments.iter().find(|(keyword, _)| keyword.is_none()).map(|(_, value)| value);
            let Expression::Name(function) = &**function else { return None };
            match function.rsplit('.').next()? {
                "Tensor" | "tensor" | "array" => input(first?),
                "ones" => constant(first?, 1.0),
                "zeros" => constant(first?, 0.0),
                "full" => match arguments.get(1)?.1 {
                    Expression::Int(value) => constant(first?, value as f64),
                    Expression::Float(value) => constant(first?, value),
                    _ => None,
                },
                _ => None,
            }
        }
        Expression::List(_) => {
            let (mut shape, mut values) = (Vec::new(), Vec::new());
            flatten(value, 0, &mut shape, &mut values)?;
            (values.len() == shape.iter().product::<usize>()).then_some(Input { shape, values: Values::List(values) })
        }
        _ => None,
    }
}

fn constant(shape: &Expression, value: f64) -> Option<Input> {
    let (Expression::List(items) | Expression::Tuple(items)) = shape else { return None };
    let length = |item: &Expression| match item {
        Expression::Int(length) => usize::try_from(*length).ok(),
        _ => None,
    };
    Some(Input { shape: items.iter().map(length).collect::<Option<_>>()?, values: Values::Constant(value) })
}

/// The numbers of a list of lists, and its shape.
fn flatten(value: &Expression, depth: usize, shape: &mut Vec<usize>, values: &mut Vec<f64>) -> Option<()> {
    match value {
        Expression::List(items) => {
            match shape.get(depth) {
                None => shape.push(items.len()),
                Some(length) if *length != items.len() => return None,
                Some(_) => {}
            }
            items.iter().try_for_each(|item| flatten(item, depth + 1, shape, values))
        }
        Expression::Int(number) => (depth == shape.len()).then(|| values.push(*number as f64)),
        Expression::Float(number) => (depth == shape.len()).then(|| values.push(*number)),
        _ => None,
    }
}
