//! Texts as YAML writes them, so that a reader gets back every character.

/// A scalar that may stand between brackets.
pub(super) fn flow(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./".contains(c));
    let is_version = text.matches('.').count() > 1 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_word && !means_something_else(text) || is_version { text.to_owned() } else { quoted(text) }
}

/// A text on a line of its own.
pub(super) fn text(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_alphabetic());
    let is_plain = begins && !text.contains(": ") && !text.contains(" #") && !text.ends_with([' ', ':']);
    if is_plain && text.chars().all(is_printable) && !means_something_else(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text of several lines, each indented by so many blanks.
pub(super) fn block(text: &str, indent: usize) -> String {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_block = !body.trim().is_empty()
        && body.chars().all(|c| is_printable(c) || c == '\n' || c == '\t')
        && !body.ends_with('\n');
    if !is_block || !text.contains('\n') {
        return self::text(text);
    }
    // Where the first line is indented itself, YAML has to be told by how much the text is: by two blanks.
    let first = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_told = first.starts_with([' ', '\t']) || body.starts_with('\n') || body.starts_with([' ', '\t']);
    let (told, chomp) = (if is_told { "2" } else { "" }, if body.len() == text.len() { "-" } else { "" });
    let lines =
        body.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") });
    format!("|{told}{chomp}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Words that YAML reads as another type, in any letter case.
fn means_something_else(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    matches!(
        word.as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | "~" | "nan" | "inf" | "infinity"
    )
}

/// Whether YAML takes a character as it is, and for no end of a line.
fn is_printable(c: char) -> bool {
    !(c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

fn quoted(text: &str) -> String {
    if text.chars().all(is_printable) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back() {
        for original in [
            "",
            "a",
            "ones",
            "true",
            "1.0",
            "1.8.1",
            "0.9",
            "~",
            "- a",
            "a: b",
            "a #b",
            "it's",
            "\"q\"",
            "tab\there",
            "  indented\nnot",
            "\n\nlines\n\n  more",
            "end \n",
            "a\u{85}b\u{2028}c",
            "bell\u{7}",
            "差异：无",
            "'",
            "{}",
            "a\\b",
            "trailing: ",
            "|",
            "x\r\ny",
            "\tindented",
            "#",
            " ",
            "\n",
            "a\n\n",
        ] {
            for written in [
                format!("k: {}", text(original)),
                format!("k: {}", block(original, 2)),
                format!("k: {}", flow(original)),
            ] {
                let read: serde_json::Value =
                    serde_yaml::from_str(&format!("{written}\n")).unwrap_or_else(|error| panic!("{error}: {written}"));
                assert_eq!(read["k"], original, "{written}");
            }
            let read: serde_json::Value =
                serde_yaml::from_str(&format!("k: {{ a: {}, b: 1 }}", flow(original))).unwrap();
            assert_eq!(read["k"]["a"], original);
        }
    }
}
