//! Signatures as pages write them: a class or a function, with the parameters of its constructor, those of its
//! call, their defaults and what it returns.

use std::ops::Range;

use super::expression::{Expression, Kind as Word, Token, tokens, written};
use super::markdown::Code;
use super::note::Notes;
use crate::signature::Kind;

/// No API has tuples in tuples beyond this.
const DEEPEST: usize = 20;

/// No API has so many parameters.
const MOST_PARAMETERS: usize = 1000;

/// A signature.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// The full name: `torch.nn.GroupNorm`.
    pub name: String,
    /// Parameters in brackets: of the constructor and of the call of what it makes, or of the function; none where
    /// there are no brackets.
    pub groups: Vec<Vec<Parameter>>,
    /// The whole, on one line.
    pub text: String,
    /// Where the name stands on the page.
    pub span: Range<usize>,
}

/// A parameter of a signature.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub name: String,
    pub kind: Kind,
    pub default: Option<Expression>,
    /// Where the name stands on the page.
    pub span: Range<usize>,
}

impl Signature {
    /// The parameter of a name, in any of the brackets.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.groups.iter().flatten().find(|parameter| parameter.name == name)
    }
}

impl Parameter {
    /// Whether it stands for any number of others.
    pub fn is_variadic(&self) -> bool {
        matches!(self.kind, Kind::VarPositional | Kind::VarKeyword)
    }
}

/// Whether code begins as a signature does, of something that is called by one of these names or by a full name
/// in one of the frameworks, and is no program.
pub(super) fn is_signature(code: &Code, names: &[&str]) -> bool {
    let tokens = tokens(&code.text);
    let mut reader = Reader { code, tokens: &tokens, at: 0, depth: 0 };
    while reader.takes_word("class") {}
    let Some((name, _)) = reader.dotted_name() else { return false };
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let is_named =
        names.contains(&name.as_str()) || !name.contains('.') && names.iter().any(|known| last(known) == name);
    let is_full = name.contains('.') && super::api::framework(&name).is_some();
    if !(is_named || is_full) {
        return false;
    }
    // A program has more than one statement, or does something with what is called.
    let is_end = |reader: &Reader<'_>| reader.peek().is_none_or(|token| token.begins_line);
    match reader.peek() {
        Some(token) if token.is('(') => {
            let mut depth = 0usize;
            while let Some(token) = reader.peek() {
                depth = match token.kind {
                    Word::Mark('(' | '[') => depth + 1,
                    Word::Mark(')' | ']') => depth.saturating_sub(1),
                    _ => depth,
                };
                reader.at += 1;
                if depth == 0 && !reader.peek().is_some_and(|token| token.is('(')) {
                    break;
                }
            }
            is_end(&reader) || reader.peek().is_some_and(|token| token.kind == Word::Arrow || !token.is('.'))
        }
        _ => is_end(&reader),
    }
}

/// The signatures in a block of code. What cannot be read is noted, and the rest is kept.
pub(super) fn read(code: &Code, notes: &mut Notes<'_>) -> Vec<Signature> {
    let tokens = tokens(&code.text);
    let mut reader = Reader { code, tokens: &tokens, at: 0, depth: 0 };
    let mut signatures = Vec::new();
    while reader.peek().is_some() {
        signatures.extend(reader.signature(notes));
        reader.rest_of_line(notes);
    }
    signatures
}

struct Reader<'a> {
    code: &'a Code,
    tokens: &'a [Token],
    at: usize,
    /// How many tuples are open.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, mark: char) -> bool {
        let is_it = self.peek().is_some_and(|token| token.is(mark));
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = self.peek().and_then(Token::name).is_some_and(|name| name.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    fn place(&self, span: &Range<usize>) -> Range<usize> {
        self.code.place(span)
    }

    /// The place of the next token, or the end.
    fn here(&self) -> Range<usize> {
        let last = self.tokens.last().map_or(0..0, |token| token.span.clone());
        self.place(&self.peek().map_or(last, |token| token.span.clone()))
    }

    fn dotted_name(&mut self) -> Option<(String, Range<usize>)> {
        let first = self.peek()?;
        let mut name = first.name()?.to_owned();
        let mut span = first.span.clone();
        self.at += 1;
        while let [dot, member, ..] = &self.tokens[self.at..] {
            let Some(member_name) = member.name().filter(|_| dot.is('.') && !member.begins_line) else { break };
            name = format!("{name}.{member_name}");
            span.end = member.span.end;
            self.at += 2;
        }
        Some((name, span))
    }

    fn signature(&mut self, notes: &mut Notes<'_>) -> Option<Signature> {
        let start = self.at;
        let is_class = self.takes_word("class");
        if !is_class {
            self.takes_word("def");
        }
        while is_class && self.peek().and_then(Token::name) == Some("class") {
            notes.warn(&self.here(), "`class` twice", "expected the name of the class");
            self.at += 1;
        }
        let Some((name, span)) = self.dotted_name() else {
            let token = self.peek()?;
            let shown = written(&self.code.text, std::slice::from_ref(token));
            notes.warn(
                &self.here(),
                format!("a signature cannot begin with `{shown}`"),
                "expected a full name, as `torch.nn.GroupNorm`",
            );
            self.at += 1;
            return None;
        };
        let mut groups = Vec::new();
        while self.takes('(') {
            groups.push(self.parameters(notes));
        }
        if self.peek().is_some_and(|token| token.kind == Word::Arrow) {
            let mut depth = 0usize;
            self.at += 1;
            while let Some(token) = self.peek().filter(|token| depth > 0 || !token.begins_line) {
                depth = match token.kind {
                    Word::Mark('(' | '[') => depth + 1,
                    Word::Mark(')' | ']') => depth.saturating_sub(1),
                    _ => depth,
                };
                self.at += 1;
            }
        }
        let text = written(&self.code.text, &self.tokens[start..self.at]);
        Some(Signature { name, groups, text, span: self.place(&span) })
    }

    /// What follows on the line of a signature.
    fn rest_of_line(&mut self, notes: &mut Notes<'_>) {
        let start = self.at;
        while self.peek().is_some_and(|token| !token.begins_line) {
            self.at += 1;
        }
        let rest = &self.tokens[start..self.at];
        // Of two signatures, the first may end with a mark.
        if let [first, .., last] | [first @ last] = rest
            && !matches!(rest, [mark] if mark.is(';') || mark.is(',') || mark.is(':'))
        {
            let place = self.place(&(first.span.start..last.span.end));
            notes.note(&place, "this is left out", "expected the end of the signature");
        }
    }

    /// The parameters up to the closing bracket.
    fn parameters(&mut self, notes: &mut Notes<'_>) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut kind = Kind::PositionalOrKeyword;
        let opening = self.tokens[self.at - 1].span.clone();
        loop {
            if parameters.len() > MOST_PARAMETERS {
                let label = format!("more than {MOST_PARAMETERS} parameters; what follows is left out");
                notes.warn(&self.here(), "a signature that is too long", label);
                self.at = self.tokens.len();
                return parameters;
            }
            let Some(token) = self.peek() else {
                notes.warn(
                    &self.place(&opening),
                    "a bracket that is not closed",
                    "expected `)` before the end of the block",
                );
                return parameters;
            };
            match &token.kind {
                Word::Mark(')') => {
                    self.at += 1;
                    return parameters;
                }
                Word::Mark(',') => self.at += 1,
                Word::Mark('/') => {
                    self.at += 1;
                    parameters.iter_mut().for_each(|parameter| parameter.kind = Kind::PositionalOnly);
                }
                Word::Mark('*') => {
                    self.at += 1;
                    let is_double = self.takes('*');
                    let is_named = self.peek().is_some_and(|token| token.name().is_some());
                    match (is_named, is_double) {
                        (true, true) => parameters.extend(self.parameter(Kind::VarKeyword, notes)),
                        (true, false) => {
                            parameters.extend(self.parameter(Kind::VarPositional, notes));
                            kind = Kind::KeywordOnly;
                        }
                        (false, _) => kind = Kind::KeywordOnly,
                    }
                }
                Word::Mark('(') => {
                    // `(h_0, c_0)`: a tuple that is given as one argument.
                    self.at += 1;
                    self.depth += 1;
                    let inner = if self.depth < DEEPEST { self.parameters(notes) } else { Vec::new() };
                    self.depth -= 1;
                    parameters.extend(inner.into_iter().map(|parameter| Parameter { kind, ..parameter }));
                }
                Word::Mark('.' | '…') => self.at += 1,
                Word::Name(_) => parameters.extend(self.parameter(kind, notes)),
                // In place of a parameter, what a call would be given.
                _ => {
                    let shown = written(&self.code.text, std::slice::from_ref(token));
                    notes.warn(&self.here(), format!("`{shown}` is no parameter"), "expected a name; it is left out");
                    self.skip_value(false);
                }
            }
        }
    }

    fn parameter(&mut self, kind: Kind, notes: &mut Notes<'_>) -> Option<Parameter> {
        let token = self.peek()?;
        let name = token.name()?.to_owned();
        let span = self.place(&token.span);
        self.at += 1;
        let mut parameter = Parameter { name, kind, default: None, span };
        // `dim: int, optional`, `int dim`: types that stand elsewhere than Python has them.
        if self.peek().is_some_and(|token| token.name().is_some() && !token.begins_line) {
            let label = "expected `,`, `:` or `=` after the name of a parameter";
            notes.warn(&self.here(), format!("two words in the place of the parameter `{}`", parameter.name), label);
        }
        if self.takes(':') {
            self.skip_value(true);
        }
        if self.takes('=') {
            let place = self.here();
            let value = self.skip_value(true);
            if value.is_empty() {
                notes.warn(&place, format!("`{}` has no default after `=`", parameter.name), "expected a value");
            } else {
                parameter.default = Some(Expression::read(&self.code.text, value));
            }
        }
        if self.peek().is_some_and(|token| token.is('=')) {
            let title = format!("`{}` has two defaults", parameter.name);
            notes.warn(&self.here(), title, "expected `,` or `)`; the first default counts");
            self.skip_value(true);
        }
        let follows = self.peek().filter(|token| !token.is(',') && !token.is(')'));
        if let Some(next) = follows {
            if next.begins_line && next.name().is_some() {
                let shown = next.name().unwrap_or_default();
                notes.warn(
                    &self.here(),
                    format!("no comma before `{shown}`"),
                    "expected `,` at the end of the line before",
                );
            } else {
                self.skip_value(true);
            }
        }
        Some(parameter)
    }

    /// The tokens up to what ends an annotation or a default: a comma, the closing bracket, a `=`, or a line that
    /// begins another parameter.
    fn skip_value(&mut self, is_value: bool) -> &'a [Token] {
        let start = self.at;
        let mut depth = 0usize;
        while let Some(token) = self.peek() {
            let is_first = self.at == start;
            match token.kind {
                Word::Mark(',' | ')') if depth == 0 => break,
                Word::Mark('=') if depth == 0 && !is_first => break,
                Word::Mark('(' | '[' | '{' | '<') => depth += 1,
                Word::Mark(')' | ']' | '}' | '>') => depth = depth.saturating_sub(1),
                Word::Name(_)
                    if depth == 0 && is_value && token.begins_line && !is_first && self.begins_parameter() =>
                {
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        &self.tokens[start..self.at]
    }

    /// Whether a name is followed by what follows the name of a parameter.
    fn begins_parameter(&self) -> bool {
        let next = self.tokens.get(self.at + 1);
        next.is_none_or(|token| [',', ')', '=', ':'].iter().any(|mark| token.is(*mark)))
    }
}
