//! Code examples: what of them is PyTorch's and what is MindSpore's, and what they print.

use std::collections::HashMap;

use super::expression::{Kind, tokens};
use super::markdown::Code;
use crate::mapping::{Side, Sides};

/// A code example of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Example {
    /// The heading under which it stands.
    pub heading: String,
    /// What is said of it before the code.
    pub note: Option<String>,
    /// What each side runs; `None` where a side has no code.
    pub code: Sides<Option<Program>>,
}

/// A program, and what it prints.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Program {
    /// Without the comments that tell what is printed.
    pub text: String,
    /// What each `print` shows, as far as it is told.
    pub prints: Vec<String>,
}

impl Example {
    pub fn is_empty(&self) -> bool {
        Side::BOTH.iter().all(|side| self.code.of(*side).is_none())
    }
}

/// The programs in a block of code, and what is said there of a side that has none.
pub(super) fn programs(code: &Code) -> (Sides<Option<Program>>, Option<String>) {
    let lines: Vec<&str> = code.text.lines().collect();
    let sides = sides(&lines);
    let of = |side: Side| {
        let own = lines.iter().zip(&sides).filter(|(_, of)| of.is_none_or(|of| of == side));
        let own: Vec<&str> = own.map(|(line, _)| *line).collect();
        // What belongs to no side alone makes no program.
        sides.contains(&Some(side)).then(|| program(&own)).filter(|program| !program.text.is_empty())
    };
    let programs = Sides { torch: of(Side::Torch), mindspore: of(Side::Mindspore) };
    let without = Side::BOTH.into_iter().find(|side| programs.of(*side).is_none());
    let remarks =
        lines.iter().zip(&sides).filter(|(line, side)| **side == without && is_comment(line) && !is_bare(line));
    let remarks: Vec<&str> = remarks.map(|(line, _)| line.trim_start_matches(['#', ' ', '\t']).trim_end()).collect();
    (programs, (without.is_some() && !remarks.is_empty()).then(|| remarks.join("\n")))
}

/// The side of each line; none where a line belongs to both.
fn sides(lines: &[&str]) -> Vec<Option<Side>> {
    let mut sides = Vec::with_capacity(lines.len());
    let mut current = None;
    let mut is_marked = false;
    let (mut modules, mut variables) = (HashMap::new(), HashMap::new());
    let marked: Vec<Side> = lines.iter().enumerate().filter_map(|(at, line)| marker(line, before(lines, at))).collect();
    for ((at, line), is_open) in lines.iter().enumerate().zip(open_before(lines)) {
        let is_inside = line.starts_with([' ', '\t', ')', ']', '}']) || is_open;
        if let Some(side) = marker(line, before(lines, at)) {
            (current, is_marked) = (Some(side), true);
            variables.clear();
            sides.push(Some(side));
            continue;
        }
        let import = import(line);
        if !is_inside && !line.starts_with('#') && !line.trim().is_empty() {
            // What is not marked is told by the names that it uses: modules first, then what was made with them.
            let used =
                |names: &HashMap<String, Side>, text: &str| words(text).find_map(|word| names.get(word).copied());
            let value = line.split_once('=').map_or(*line, |(_, value)| value);
            let side = import
                .or_else(|| used(&modules, line))
                .or_else(|| used(&variables, value))
                .or_else(|| used(&variables, line));
            if let Some(side) = side {
                let names = if import.is_some() { &mut modules } else { &mut variables };
                names.extend(bound(line, import.is_some()).into_iter().map(|name| (name, side)));
            }
            current = match side {
                Some(side) if !is_marked => Some(side),
                Some(side) if import.is_some() && !marked.contains(&side) => Some(side),
                _ => current,
            };
        }
        // An import is of its own framework, wherever it stands.
        sides.push(import.or(current));
    }
    shared_beginning(lines, &mut sides);
    sides
}

/// The line before, where it is no empty one.
fn before<'a>(lines: &[&'a str], at: usize) -> &'a str {
    at.checked_sub(1).map_or("", |before| lines[before])
}

/// Imports at the beginning that belong to both sides, and what is made there for both of them.
fn shared_beginning(lines: &[&str], sides: &mut [Option<Side>]) {
    let is_import = |line: &&str| line.starts_with("import ") || line.starts_with("from ");
    let beginning = lines.iter().take_while(|line| is_import(line) || line.trim().is_empty()).count();
    let imported: Vec<Side> = lines[..beginning].iter().filter_map(|line| import(line)).collect();
    for at in 0..beginning {
        sides[at] = import(lines[at]);
    }
    if imported.contains(&Side::Torch) && imported.contains(&Side::Mindspore) {
        // Up to the first line that uses one of the two frameworks, nothing is of one side.
        let modules: Vec<String> = lines[..beginning]
            .iter()
            .filter(|line| import(line).is_some())
            .flat_map(|line| bound(line, true))
            .collect();
        let uses = |line: &str| words(line).any(|word| modules.iter().any(|name| name == word));
        for at in beginning..lines.len() {
            if uses(lines[at]) || marker(lines[at], before(lines, at)).is_some() {
                break;
            }
            sides[at] = None;
        }
    }
}

/// Of each line, whether a bracket is open before it. An empty line closes whatever was left open.
fn open_before(lines: &[&str]) -> Vec<bool> {
    let mut depth = 0i32;
    let after = |line: &&str| {
        let is_open = depth > 0;
        for token in tokens(line) {
            match token.kind {
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
        }
        if line.trim().is_empty() {
            depth = 0;
        }
        is_open
    };
    lines.iter().map(after).collect()
}

/// The side whose code a comment begins: `# PyTorch`, `# In MindSpore:`, `# torch.max(input, dim)`.
fn marker(line: &str, before: &str) -> Option<Side> {
    let comment = line.strip_prefix('#')?.trim_start_matches(['#', ' ', '\t', '-', '=']).trim();
    let lower = comment.to_lowercase();
    let said = lower.strip_prefix("in ").or_else(|| lower.strip_prefix("在"));
    let is_said = said.is_some();
    let lower = said.unwrap_or(&lower);
    let begins = |word: &str| lower.starts_with(word).then(|| &lower[word.len()..]);
    let named = [("pytorch", Side::Torch), ("torch", Side::Torch), ("mindspore", Side::Mindspore)];
    let found = named.into_iter().find_map(|(word, side)| Some((begins(word)?, side)));
    let Some((rest, side)) = found else {
        // `# The following implements Adam with MindSpore.`
        let last = lower.trim_end_matches(['.', ':', '。', '：']).rsplit([' ', '用']).next().unwrap_or_default();
        let is_told = lower.contains("implement") || lower.contains("实现");
        return named.into_iter().find(|(word, _)| is_told && last == *word).map(|(_, side)| side);
    };
    let is_word = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_bare = rest.trim_matches(|c: char| !c.is_alphanumeric()).is_empty();
    // After a print, a comment tells what is printed: `# torch.Size([2, 2])`.
    let is_output = before.trim_start().starts_with('#')
        || before.contains("print(")
        || rest.starts_with(".size(")
        || is_dtype(rest);
    (is_word && (is_bare || is_said || !is_output)).then_some(side)
}

fn is_dtype(rest: &str) -> bool {
    let name = rest.trim_start_matches('.');
    let kinds = ["float", "int", "uint", "bool", "bfloat", "complex"];
    rest.starts_with('.')
        && kinds.iter().any(|kind| name.strip_prefix(kind).is_some_and(|bits| bits.chars().all(|c| c.is_ascii_digit())))
}

/// The side that a line imports.
fn import(line: &str) -> Option<Side> {
    let mut words = line.split_whitespace();
    let is_import = matches!(words.next(), Some("import" | "from"));
    words.next().filter(|_| is_import).and_then(|name| super::api::framework(name.trim_end_matches(',')))
}

/// The names that a line binds: by an import, or by an assignment.
fn bound(line: &str, is_import: bool) -> Vec<String> {
    if !is_import {
        let targets = line.split_once('=').map_or("", |(targets, _)| targets);
        return words(targets).filter(|_| !targets.contains(['(', '[', '.'])).map(str::to_owned).collect();
    }
    let line = line.split('#').next().unwrap_or_default();
    let list = line.split_once(" import ").map_or_else(|| line.trim_start_matches("import "), |(_, list)| list);
    let name = |item: &str| {
        let name = item.split_once(" as ").map_or(item.split('.').next().unwrap_or(item), |(_, alias)| alias);
        words(name).next().map(str::to_owned)
    };
    list.split(',').filter_map(name).collect()
}

/// The names in a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// A program without the comments that tell what it prints, and those.
fn program(lines: &[&str]) -> Program {
    let mut program = Program::default();
    let mut text: Vec<String> = Vec::new();
    let mut at = 0;
    let mut is_printing = false;
    let open = open_before(lines);
    while at < lines.len() {
        let line = lines[at];
        let stripped = line
            .strip_prefix(">>> ")
            .or_else(|| line.strip_prefix("... "))
            .or_else(|| line.strip_prefix(">>>"))
            .unwrap_or(line);
        let is_session = stripped.len() != line.len();
        let is_blank = line.trim().is_empty();
        if is_printing && is_comment(line) {
            let end = at
                + lines[at..]
                    .iter()
                    .take_while(|line| is_comment(line) && marker(line, "").is_none_or(|_| !is_bare(line)))
                    .count();
            if end > at {
                let end = end + continued(&lines[at..end], &lines[end..]);
                program.prints.extend(output(&lines[at..end]));
                (at, is_printing) = (end, false);
                continue;
            }
        }
        if is_blank
            && is_printing
            && lines[at + 1..].iter().find(|line| !line.trim().is_empty()).is_some_and(|line| begins_output(line))
        {
            at += 1;
            continue;
        }
        if is_printing && !is_session && !is_blank && at > 0 && is_session_line(lines[at - 1]) {
            // In a session, what is printed follows without a mark.
            let end =
                at + lines[at..].iter().take_while(|line| !line.trim().is_empty() && !is_session_line(line)).count();
            program.prints.push(lines[at..end].join("\n"));
            (at, is_printing) = (end, false);
            continue;
        }
        let is_print = prints(stripped);
        if is_comment(line) && marker(line, "").is_some() && is_bare(line) {
            at += 1;
            continue;
        }
        if let Some((code, comment)) =
            stripped.split_once("#").filter(|(code, _)| is_print && code.trim_end().ends_with(')'))
        {
            program.prints.extend(output(&[&format!("#{comment}")]));
            text.push(code.trim_end().to_owned());
            is_printing = false;
        } else {
            text.push(stripped.trim_end().to_owned());
            is_printing = is_print || is_printing && (line.starts_with([' ', '\t', ')']) || open[at]);
        }
        at += 1;
    }
    let is_blank = |line: &String| line.trim().is_empty();
    let first = text.iter().position(|line| !is_blank(line)).unwrap_or(text.len());
    let last = text.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    program.text = text[first..last].join("\n");
    // Comments alone are no program.
    if text.iter().all(|line| is_blank(line) || is_comment(line)) {
        program.text.clear();
    }
    program
}

/// How many more lines belong to what is printed: while a bracket is open in it, an empty line does not end it.
fn continued(printed: &[&str], rest: &[&str]) -> usize {
    let balance =
        |line: &&str| line.chars().map(|c| i32::from("[(".contains(c)) - i32::from("])".contains(c))).sum::<i32>();
    let mut open: i32 = printed.iter().map(balance).sum();
    let (mut count, mut kept) = (0, 0);
    for line in rest {
        if open <= 0 || !(line.trim().is_empty() || is_comment(line)) {
            break;
        }
        open += balance(line);
        count += 1;
        kept = if is_comment(line) { count } else { kept };
    }
    // What is never closed is left as it was.
    if open == 0 { kept } else { 0 }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_session_line(line: &str) -> bool {
    line.starts_with(">>>") || line.starts_with("...")
}

/// Whether a line is the name of a framework and nothing else.
fn is_bare(line: &str) -> bool {
    let word = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    matches!(word.strip_prefix("in ").unwrap_or(&word), "pytorch" | "torch" | "mindspore")
}

fn prints(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with('#') && (line.starts_with("print(") || line.contains(" print(") || line.starts_with("print ("))
}

/// Whether a comment says that what follows is printed.
fn begins_output(line: &str) -> bool {
    is_comment(line) && label(line.trim_start().trim_start_matches('#').trim()).is_some()
}

/// What follows the word for what is printed: `Out:`, `输出：`.
fn label(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    let word = ["outputs", "output", "out", "输出结果", "输出", "运行结果", "结果", "result"]
        .into_iter()
        .find(|word| lower.starts_with(word))?;
    let rest = text.get(word.len()..)?;
    let rest = rest.trim_start();
    rest.strip_prefix([':', '：']).or_else(|| rest.is_empty().then_some("")).map(str::trim)
}

/// What some comments say that is printed; none where they say nothing.
fn output(comments: &[&str]) -> Option<String> {
    let bare: Vec<&str> =
        comments.iter().map(|line| line.trim_start()).map(|line| line.strip_prefix('#').unwrap_or(line)).collect();
    // One blank after each `#` belongs to the comment.
    let is_spaced = bare.iter().all(|line| line.is_empty() || line.starts_with([' ', '\t']));
    let mut lines: Vec<String> = bare
        .iter()
        .map(|line| if is_spaced { line.get(1..).unwrap_or_default() } else { line }.trim_end().to_owned())
        .collect();
    if let Some(rest) = lines.first().and_then(|line| label(line.trim()).map(str::to_owned)) {
        if rest.is_empty() { drop(lines.remove(0)) } else { lines[0] = rest }
    }
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::markdown::{Block, blocks};
    use super::*;

    fn read(text: &str) -> Sides<Option<Program>> {
        let page = format!("```python\n{text}\n```\n");
        let code = blocks(&page).into_iter().find_map(|block| match block {
            Block::Code(code) => Some(code),
            _ => None,
        });
        programs(&code.unwrap()).0
    }

    fn text(program: &Option<Program>) -> (&str, Vec<&str>) {
        program.as_ref().map_or(("", Vec::new()), |p| (&p.text, p.prints.iter().map(String::as_str).collect()))
    }

    #[test]
    fn comments_tell_whose_code_follows_and_what_is_printed() {
        let read = read(
            "# PyTorch\nimport torch\nx = torch.ones(2)\nprint(x)\n# tensor([1.,\n#         1.])\nprint(x.shape)\n#torch.Size([2])\n\n# MindSpore\nimport mindspore as ms\nprint(ms.ops.ones(2)) # [1. 1.]\n\n# Out:\n# not read twice",
        );
        assert_eq!(
            text(&read.torch),
            (
                "import torch\nx = torch.ones(2)\nprint(x)\nprint(x.shape)",
                vec!["tensor([1.,\n        1.])", "torch.Size([2])"]
            )
        );
        assert_eq!(text(&read.mindspore).1, ["[1. 1.]"]);
    }

    #[test]
    fn what_is_not_marked_is_told_by_its_imports() {
        let read = read(
            "import torch\nimport mindspore as ms\nimport numpy as np\n\na = np.ones(2)\n\nx = ms.Tensor(a)\nprint(x)\n# Out：\n# [1. 1.]\n\ny = torch.tensor(a)\nprint(y)\n# tensor([1., 1.])",
        );
        assert_eq!(
            text(&read.torch),
            (
                "import torch\nimport numpy as np\n\na = np.ones(2)\n\ny = torch.tensor(a)\nprint(y)",
                vec!["tensor([1., 1.])"]
            )
        );
        assert_eq!(
            text(&read.mindspore),
            (
                "import mindspore as ms\nimport numpy as np\n\na = np.ones(2)\n\nx = ms.Tensor(a)\nprint(x)",
                vec!["[1. 1.]"]
            )
        );
    }

    #[test]
    fn code_of_no_framework_is_no_example() {
        let read = read("data/\n  train/");
        assert_eq!((read.torch, read.mindspore), (None, None));
    }
}
