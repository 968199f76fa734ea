//! What the words of a page say, in Chinese and in English.

use crate::mapping::{Category, Side};

/// What a part of a sentence in the column of differences says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// Both do the same.
    Same,
    /// The names differ.
    NameDiffers,
    /// The names are the same.
    NameSame,
    /// Something about defaults.
    Default,
    /// A side does not have the parameter.
    Absent(Side),
    /// What every API of the framework has or lacks, or what is of no account.
    General,
    /// Something else.
    Other,
}

/// Whether a cell says that there is nothing: it is empty, or a dash.
pub(super) fn is_nothing(text: &str) -> bool {
    let text = text.trim();
    text.chars().all(|c| "-‐‑‒–—―－_/\\".contains(c) || c.is_whitespace())
        || matches!(text.to_lowercase().as_str(), "none" | "n/a" | "na" | "无" | "空" | "nan")
}

/// Whether a cell for a name says in words that there is none.
pub(super) fn says_absent(text: &str) -> bool {
    let text = text.to_lowercase();
    ["无此参数", "没有此参数", "不支持", "not supported", "no such", "does not have", "unsupported"]
        .iter()
        .any(|words| text.contains(words))
}

/// Whether a text could be the name of a parameter.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// The category that a cell names.
pub(super) fn category(text: &str) -> Option<Category> {
    let text = text.trim().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.starts_with(word) || text.ends_with(word));
    match () {
        () if has(&["返回", "输出", "return", "output"]) || text.contains("返回") || text.contains("输出") => {
            Some(Category::Output)
        }
        () if text.contains("输入") || text.contains("input") => Some(Category::Input),
        () if text.contains("参数")
            || text.contains("属性")
            || text.contains("入参")
            || has(&["param", "arg"])
            || text.contains("parameter") =>
        {
            Some(Category::Parameter)
        }
        () => None,
    }
}

/// Whether a category is of what a class has beside its parameters.
pub(super) fn is_of_members(category: &str) -> bool {
    let category = category.trim().to_lowercase();
    ["method", "methods", "attribute", "attributes", "property", "properties", "方法", "属性", "接口"]
        .contains(&category.as_str())
}

/// The number that a cell ends with: 3 of `参数3`; 1 of `单输入`.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits: Vec<u32> = text.chars().rev().skip_while(|c| digit(*c).is_none()).map_while(digit).take(6).collect();
    if digits.is_empty() {
        let lower = text.to_lowercase();
        return (lower.contains('单') || lower.contains("single")).then_some(1);
    }
    Some(digits.iter().rev().fold(0, |number, digit| number * 10 + digit))
}

/// A digit, full-width or not.
fn digit(c: char) -> Option<u32> {
    match c {
        '０'..='９' => Some(u32::from(c) - u32::from('０')),
        c => c.to_digit(10),
    }
}

/// What a cell in the column of differences says, part by part.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let plain: String = text.to_lowercase().chars().map(plain).filter(|c| !"`*\"'".contains(*c)).collect();
    let mut clauses = Vec::new();
    let mut part = String::new();
    let mut chars = plain.chars().peekable();
    while let Some(c) = chars.next() {
        // A point inside of a number or of a name ends nothing.
        let ends = matches!(c, ',' | ';')
            || c == '.' && chars.peek().is_none_or(|next| next.is_whitespace() || !next.is_ascii());
        if !ends {
            part.push(c);
        }
        if ends || chars.peek().is_none() {
            for part in part.split(" and ").flat_map(|part| part.split(" but ")) {
                let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
                clauses.extend(clause(words.trim_matches(|c: char| c == '-' || c.is_whitespace())));
            }
            part.clear();
        }
    }
    clauses
}

fn plain(c: char) -> char {
    match c {
        '，' | '、' => ',',
        '；' => ';',
        '。' => '.',
        '：' => ':',
        '\u{3000}' => ' ',
        c => c,
    }
}

fn clause(text: &str) -> Option<Clause> {
    let is = |words: &[&str]| words.contains(&text);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.is_empty()
        || is(&[
            "接口输入",
            "interface input",
            "都是输入tensor",
            "only",
            "仅",
            "both are input tensors",
            "both are input tensor",
        ])
    {
        return None;
    }
    if has(&["默认", "default"]) {
        return Some(Clause::Default);
    }
    for (side, name) in [(Side::Torch, "pytorch"), (Side::Mindspore, "mindspore")] {
        let absent = [
            "无此参数",
            "没有此参数",
            "无该参数",
            "没有该参数",
            "无此功能",
            "没有此功能",
            "不支持此参数",
            "不支持该参数",
            "does not have this",
            "doesnt have this",
            "has no such",
            "does not support this parameter",
            "without this parameter",
        ];
        if text.contains(name) && has(&absent) {
            return Some(Clause::Absent(side));
        }
    }
    let name_differs = [
        "参数名不同",
        "参数名称不同",
        "参数命名不同",
        "名称不同",
        "different parameter name",
        "different parameters name",
        "parameter names are different",
        "parameter name is different",
        "parameter names differ",
        "different names",
        "different name",
        "different in name",
        "another keyword",
        "another name",
        "关键字不同",
    ];
    if has(&name_differs) {
        return Some(Clause::NameDiffers);
    }
    if has(&[
        "参数名相同",
        "参数名一致",
        "same parameter name",
        "parameter name is the same",
        "parameter names are the same",
    ]) {
        return Some(Clause::NameSame);
    }
    let same = [
        "一致",
        "功能一致",
        "功能相同",
        "相同",
        "无差异",
        "没有差异",
        "完全一致",
        "用法一致",
        "用法相同",
        "含义相同",
        "含义一致",
        "接口一致",
        "参数一致",
        "参数含义相同",
        "功能完全一致",
        "consistent",
        "consistent function",
        "consistent functions",
        "function is consistent",
        "functions are consistent",
        "the function is consistent",
        "functionally consistent",
        "same function",
        "same functions",
        "the same function",
        "function is the same",
        "the function is the same",
        "functions are the same",
        "same",
        "the same",
        "no difference",
        "no differences",
        "identical",
        "same functionality",
        "same usage",
    ];
    if is(&same) {
        return Some(Clause::Same);
    }
    if has(&[
        "不涉及",
        "通用差异",
        "not involved",
        "common difference",
        "general difference",
        "general difference parameter table",
    ]) || is(&["for details", "for detailed"])
    {
        return Some(Clause::General);
    }
    Some(Clause::Other)
}

/// Whether a cell says that there is no difference, but perhaps one of names.
pub(super) fn says_no_difference(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.to_lowercase() == "nan" {
        return false;
    }
    is_nothing(text)
        || clauses(text).iter().all(|clause| matches!(clause, Clause::Same | Clause::NameDiffers | Clause::NameSame))
}

/// Whether a cell says, and says no more of them, that the defaults differ.
pub(super) fn says_defaults_differ(text: &str) -> bool {
    let text = text.to_lowercase();
    let words = [
        "默认值不同",
        "默认值不一致",
        "different default",
        "default values are different",
        "default value is different",
        "defaults differ",
    ];
    words.iter().any(|words| text.contains(words))
}

/// Whether a cell says that the two mean something different, beside names and defaults.
pub(super) fn says_meaning_differs(text: &str) -> bool {
    !is_nothing(text) && clauses(text).contains(&Clause::Other)
}

/// Whether a text has Chinese characters.
pub(super) fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_either_language() {
        for (text, expected) in [
            ("功能一致，参数名不同", vec![Clause::Same, Clause::NameDiffers]),
            ("功能一致,参数名不同,默认值不同", vec![Clause::Same, Clause::NameDiffers, Clause::Default]),
            ("Same function, different parameter names", vec![Clause::Same, Clause::NameDiffers]),
            ("Consistent function.", vec![Clause::Same]),
            ("接口输入，功能一致，仅参数名不同", vec![Clause::Same, Clause::NameDiffers]),
            ("-", vec![]),
            ("MindSpore无此参数", vec![Clause::Absent(Side::Mindspore)]),
            ("Rounded at 0.5 by `torch.round`", vec![Clause::Other]),
        ] {
            assert_eq!(clauses(text), expected, "{text}");
        }
        assert!(
            says_no_difference("—")
                && says_no_difference("一致")
                && !says_no_difference("")
                && !says_no_difference("只支持3D数据")
        );
    }

    #[test]
    fn numbers_are_those_at_the_end() {
        for (text, expected) in [
            ("参数12", Some(12)),
            ("Parameter 3", Some(3)),
            ("输入２", Some(2)),
            ("单输入", Some(1)),
            ("Single input", Some(1)),
            ("参数", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
