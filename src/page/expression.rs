//! The tokens of Python, and the values that can be read off them without running anything.
//!
//! A parser of the whole language would refuse what pages write: defaults before what has none, `<built-in …>`,
//! a comma that was forgotten. So this reads literals, names and calls, and keeps the rest as it is written.

use std::fmt;
use std::ops::Range;

use crate::dtype::DType;
use crate::python::{Value, float};

/// More brackets are open in no page.
const DEEPEST: usize = 50;

/// A word of Python.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
    /// Whether it is the first on its line.
    pub begins_line: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Number(String),
    Str(String),
    /// Anything else, in ASCII where it is full-width.
    Mark(char),
    /// `->`
    Arrow,
}

impl Token {
    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The tokens of a text; comments and white space are none.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut at, mut begins_line) = (0, true);
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let length = |is: &dyn Fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (kind, taken) = match c {
            '\n' => {
                begins_line = true;
                at += 1;
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            c if c.is_whitespace() || c == '\u{feff}' || c == '\\' => {
                at += c.len_utf8();
                continue;
            }
            c if c.is_alphabetic() || c == '_' => {
                let taken = length(&|c| c.is_alphanumeric() || c == '_');
                match string(&rest[taken..]).filter(|_| is_prefix(&rest[..taken])) {
                    Some((text, more)) => (Kind::Str(text), taken + more),
                    None => (Kind::Name(rest[..taken].to_owned()), taken),
                }
            }
            c if c.is_ascii_digit() || c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let taken = number(rest);
                (Kind::Number(rest[..taken].replace('_', "")), taken)
            }
            '-' if rest.starts_with("->") => (Kind::Arrow, 2),
            _ => match string(rest) {
                Some((text, taken)) => (Kind::Str(text), taken),
                None => (Kind::Mark(ascii(c)), c.len_utf8()),
            },
        };
        at += taken;
        tokens.push(Token { kind, span: start..at, begins_line });
        begins_line = false;
    }
    tokens
}

fn is_prefix(word: &str) -> bool {
    word.len() <= 2 && word.chars().all(|c| "rRbBfFuU".contains(c))
}

/// How long the number is with which a text begins.
fn number(text: &str) -> usize {
    let mut before = ' ';
    let end = text.find(|c: char| {
        let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !text.starts_with("0x");
        before = c;
        !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_sign)
    });
    end.unwrap_or(text.len())
}

/// The string with which a text begins, and how much it takes; one that is not closed ends with its line.
fn string(text: &str) -> Option<(String, usize)> {
    let quote = text.chars().next()?;
    let closing = match quote {
        '\'' | '"' => quote,
        '‘' | '’' => '’',
        '“' | '”' => '”',
        _ => return None,
    };
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    if text.starts_with(&triple) {
        let end = text[triple.len()..].find(&triple).map_or(text.len(), |end| triple.len() + end);
        return Some((text[triple.len()..end].to_owned(), (end + triple.len()).min(text.len())));
    }
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == closing => return Some((value, at + c.len_utf8())),
            '\n' => return Some((value, at)),
            '\\' => value.extend(chars.next().map(|(_, c)| match c {
                'n' => '\n',
                't' => '\t',
                c => c,
            })),
            c => value.push(c),
        }
    }
    Some((value, text.len()))
}

/// Pages write full-width marks where Python has others.
fn ascii(c: char) -> char {
    match c {
        '。' => '.',
        '、' => ',',
        '【' => '[',
        '】' => ']',
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// The arguments of a call, each with its keyword where it has one.
pub(super) type Arguments = [(Option<String>, Expression)];

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Tuple(Vec<Expression>),
    List(Vec<Expression>),
    /// `mstype.float32`, `torch.float16`
    DType(DType),
    /// `torch.strided`
    Name(String),
    /// `net(x).shape`: what an object other than a name has.
    Member(Box<Expression>, String),
    /// `np.ones([1, 2])`: the function, and its arguments with their keywords.
    Call(Box<Expression>, Vec<(Option<String>, Expression)>),
    /// What is none of these, as it is written.
    Other(String),
}

impl Expression {
    /// The expression that some tokens of a text are.
    pub fn read(text: &str, tokens: &[Token]) -> Self {
        let mut reader = Reader { tokens, at: 0 };
        match reader.expression(0) {
            Some(value) if reader.at == tokens.len() => value,
            _ => Expression::Other(written(text, tokens)),
        }
    }

    /// The calls in it, from outside to inside: each function with its arguments.
    pub fn calls(&self) -> Vec<(&Expression, &Arguments)> {
        let mut calls = Vec::new();
        let mut rest = vec![self];
        while let Some(next) = rest.pop() {
            match next {
                Self::Call(function, arguments) => {
                    calls.push((&**function, arguments.as_slice()));
                    rest.extend(arguments.iter().rev().map(|(_, value)| value));
                    rest.push(function);
                }
                Self::Member(object, _) => rest.push(object),
                Self::Tuple(items) | Self::List(items) => rest.extend(items.iter().rev()),
                _ => {}
            }
        }
        calls
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is an object of a framework, or of a class that only Python knows.
    pub fn is_object(&self) -> bool {
        match self {
            Self::Name(_) | Self::Member(..) | Self::Call(..) | Self::Other(_) => true,
            Self::Tuple(items) | Self::List(items) => items.iter().any(Self::is_object),
            _ => false,
        }
    }

    /// Whether Python would say that both are equal; a bool is no number here, as APIs tell them apart.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            (Self::Tuple(a), Self::Tuple(b)) | (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Expression {
    /// As it is written in Python.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |items: &[Expression]| items.iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(value) => Value::Bool(*value).fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => f.write_str(&float(*value)),
            Self::Str(value) => {
                write!(f, "'{}'", value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
            }
            Self::Tuple(items) if items.len() == 1 => write!(f, "({},)", items[0]),
            Self::Tuple(items) => write!(f, "({})", row(items)),
            Self::List(items) => write!(f, "[{}]", row(items)),
            Self::DType(dtype) => f.write_str(dtype.framework_name()),
            Self::Name(name) | Self::Other(name) => f.write_str(name),
            Self::Member(object, name) => write!(f, "{object}.{name}"),
            Self::Call(function, arguments) => {
                write!(f, "{function}(")?;
                for (at, (keyword, value)) in arguments.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    let keyword = keyword.as_ref().map(|keyword| format!("{keyword}=")).unwrap_or_default();
                    write!(f, "{comma}{keyword}{value}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Tokens as they are written, on one line.
pub(super) fn written(text: &str, tokens: &[Token]) -> String {
    let mut written = String::new();
    let mut before: Option<&Token> = None;
    for token in tokens {
        let is_apart =
            before.is_some_and(|before| before.is(',') || before.span.end < token.span.start && !before.is('('));
        if is_apart && !token.is(')') {
            written.push(' ');
        }
        match &token.kind {
            Kind::Mark(mark) => written.push(*mark),
            _ => written.push_str(text.get(token.span.clone()).unwrap_or_default()),
        }
        before = Some(token);
    }
    written
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Kind> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(&token.kind)
    }

    fn takes(&mut self, mark: char) -> bool {
        let is_it = self.tokens.get(self.at).is_some_and(|token| token.is(mark));
        self.at += usize::from(is_it);
        is_it
    }

    /// A value, or numbers that are divided or multiplied: `4. / 3.`
    fn expression(&mut self, depth: usize) -> Option<Expression> {
        let mut value = self.value(depth)?;
        while let Some(Kind::Mark(sign @ ('/' | '*'))) = self.tokens.get(self.at).map(|token| &token.kind) {
            self.at += 1;
            let (left, right) = (value.as_number()?, self.value(depth)?.as_number()?);
            let result = if *sign == '/' { left / right } else { left * right };
            value = result.is_finite().then_some(Expression::Float(result))?;
        }
        Some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Expression> {
        if depth > DEEPEST {
            return None;
        }
        match self.next()?.clone() {
            Kind::Str(text) => Some(Expression::Str(text)),
            Kind::Number(text) => number_of(&text),
            Kind::Name(name) => self.named(name, depth),
            Kind::Mark('-') => match self.value(depth + 1)? {
                Expression::Int(value) => value.checked_neg().map(Expression::Int),
                Expression::Float(value) => Some(Expression::Float(-value)),
                _ => None,
            },
            Kind::Mark('[') => self.items(']', depth).map(|(items, _)| Expression::List(items)),
            Kind::Mark('(') => {
                let (mut items, is_tuple) = self.items(')', depth)?;
                if is_tuple || items.is_empty() { Some(Expression::Tuple(items)) } else { items.pop() }
            }
            Kind::Mark(_) | Kind::Arrow => None,
        }
    }

    /// Expressions up to a mark, and whether there is a comma.
    fn items(&mut self, end: char, depth: usize) -> Option<(Vec<Expression>, bool)> {
        let (mut items, mut commas) = (Vec::new(), 0);
        while !self.takes(end) {
            if items.len() != commas {
                return None;
            }
            items.push(self.expression(depth + 1)?);
            commas += usize::from(self.takes(','));
        }
        Some((items, commas > 0))
    }

    fn named(&mut self, mut name: String, depth: usize) -> Option<Expression> {
        match name.as_str() {
            "None" => return Some(Expression::None),
            "True" => return Some(Expression::Bool(true)),
            "False" => return Some(Expression::Bool(false)),
            "lambda" | "not" | "await" => return None,
            _ => {}
        }
        while self.takes('.') {
            let Kind::Name(member) = self.next()? else { return None };
            name = format!("{name}.{member}");
        }
        let mut value = dtype(&name).map_or(Expression::Name(name), Expression::DType);
        let mut length = 0;
        loop {
            value = if self.takes('(') {
                Expression::Call(Box::new(value), self.arguments(depth)?)
            } else if self.takes('.') {
                let Kind::Name(member) = self.next()?.clone() else { return None };
                Expression::Member(Box::new(value), member)
            } else {
                return Some(value);
            };
            length += 1;
            if length > DEEPEST {
                return None;
            }
        }
    }

    /// The arguments up to the closing bracket.
    fn arguments(&mut self, depth: usize) -> Option<Vec<(Option<String>, Expression)>> {
        let mut arguments = Vec::new();
        while !self.takes(')') {
            let keyword = match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
                (Some(word), Some(equals)) if equals.is('=') => word.name().map(str::to_owned),
                _ => None,
            };
            self.at += if keyword.is_some() { 2 } else { 0 };
            arguments.push((keyword, self.expression(depth + 1)?));
            if !self.takes(',') && !self.tokens.get(self.at).is_some_and(|token| token.is(')')) {
                return None;
            }
        }
        Some(arguments)
    }
}

fn number_of(text: &str) -> Option<Expression> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(Expression::Int);
    }
    let float = || text.parse().ok().filter(|value: &f64| value.is_finite()).map(Expression::Float);
    if text.contains(['.', 'e', 'E']) { float() } else { text.parse().ok().map(Expression::Int) }
}

/// The dtype that a framework calls so: `mstype.float32`, `torch.half`.
fn dtype(name: &str) -> Option<DType> {
    let (framework, name) = name.rsplit_once('.')?;
    if !matches!(framework, "torch" | "mindspore" | "ms" | "mstype" | "mindspore.dtype" | "mindspore.common.dtype") {
        return None;
    }
    Some(match name {
        "float16" | "half" => DType::F16,
        "bfloat16" => DType::BF16,
        "float32" | "float" => DType::F32,
        "float64" | "double" => DType::F64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Expression {
        Expression::read(text, &tokens(text))
    }

    #[test]
    fn literals_are_read_as_python_reads_them() {
        for (text, printed) in [
            ("1e-5", "1e-05"),
            ("0.0001", "0.0001"),
            ("1_000", "1000"),
            ("-1", "-1"),
            ("\"zeros\"", "'zeros'"),
            ("“zeros”", "'zeros'"),
            ("( 0.9,0.999 )", "(0.9, 0.999)"),
            ("(1,)", "(1,)"),
            ("()", "()"),
            ("(1)", "1"),
            ("[1, 'a']", "[1, 'a']"),
            ("torch.strided", "torch.strided"),
            ("mstype.float32", "float32"),
            ("datetime.timedelta(0, 1800)", "datetime.timedelta(0, 1800)"),
            ("(3. / 4., 4. / 3.)", "(0.75, 1.3333333333333333)"),
            ("1 / 0", "1 / 0"),
            ("a / 2", "a / 2"),
            ("<built-in method hann of type object>", "<built-in method hann of type object>"),
            ("99999999999999999999", "99999999999999999999"),
            ("f(a=1, *b)", "f(a=1, *b)"),
            ("nn.Norm(2)(x).detach().numpy()", "nn.Norm(2)(x).detach().numpy()"),
            ("(1 2)", "(1 2)"),
            ("", ""),
        ] {
            assert_eq!(read(text).to_string(), printed, "{text}");
        }
        assert!(read("0").equals(&read("0.0")));
        assert!(read("(1, 2)").equals(&read("(1.0, 2)")));
        assert!(!read("(1, 2)").equals(&read("[1, 2]")));
        assert!(!read("True").equals(&read("1")));
    }

    #[test]
    fn what_is_not_closed_ends_somewhere() {
        for text in ["'a", "\"\"\"a", "[", "f(", "f(a=", "-", "(((((", ".", "\\", "'\\", "“", "é", "r'"] {
            let _ = read(text).to_string();
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep), Expression::Other(_)));
    }
}
