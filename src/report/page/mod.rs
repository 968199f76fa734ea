//! The mapping page in the form in which MindSpore publishes such pages, made from specs and answers alone.

mod example;

use std::fmt::Write;

use crate::check::{Outcomes, RowResult, Suite, Verdict};
use crate::mapping::{Api, Argument, Category, Claim, Differs, Row, Side, Text};
use crate::python::{Value, float};
use crate::version::Version;

/// The two languages of such pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

impl Language {
    /// Both, in the order in which they are written.
    pub const BOTH: [Language; 2] = [Language::English, Language::Chinese];

    /// As it stands in the names of files: `group_norm.en.md`.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }

    fn of(self, text: &Text) -> Option<&str> {
        match self {
            Language::English => text.en.as_deref(),
            Language::Chinese => text.zh.as_deref(),
        }
    }
}

/// The page of a mapping in a language.
///
/// # Errors
/// What the specs do not say and the page needs: which file, and what to write there.
pub fn page(suite: &Suite, outcomes: &Outcomes, language: Language) -> Result<String, String> {
    let writer = Writer { suite, outcomes, language };
    let mut out = String::new();
    writer.head(&mut out)?;
    writer.table(&mut out)?;
    writer.lacking(&mut out)?;
    writer.verified(&mut out);
    writer.instead(&mut out)?;
    writer.differences(&mut out)?;
    writer.example(&mut out)?;
    Ok(out)
}

struct Writer<'a> {
    suite: &'a Suite,
    outcomes: &'a Outcomes,
    language: Language,
}

impl<'a> Writer<'a> {
    /// The one of two texts that is in the language of the page.
    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        match self.language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    fn api(&self, side: Side) -> &'a Api {
        self.suite.mapping().api(side)
    }

    fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.suite.mapping().rows.iter()
    }

    /// A text of the specs in the language of the page; `key` and the file are named where there is none.
    fn text(&self, text: Option<&'a Text>, key: &str, file: &str) -> Result<&'a str, String> {
        let found = text.and_then(|text| self.language.of(text));
        found.ok_or_else(|| format!("{file} has no `{key}: {{ {}: … }}`", self.language.code()))
    }

    fn head(&self, out: &mut String) -> Result<(), String> {
        let mapping = self.suite.mapping();
        let (source, name) = (&self.api(Side::Torch).name, &mapping.name);
        let _ =
            writeln!(out, "<!-- Made by `cargo xtask docs` from specs/{name} and golden/{name}. Do not edit. -->\n");
        let _ = match self.language {
            Language::English => writeln!(out, "# Differences with {source}\n"),
            Language::Chinese => writeln!(out, "# 比较与{source}的差异\n"),
        };
        for side in Side::BOTH {
            let api = self.api(side);
            let _ = writeln!(out, "## {}\n\n```text\n{}\n```\n", api.name, self.signature(side));
            let link = format!("[{}]({})", api.name, self.address(side));
            let _ = match self.language {
                Language::English => {
                    writeln!(out, "This is the signature of {}; for more, see {link}.\n", api.documented)
                }
                Language::Chinese => writeln!(out, "以上为 {} 版本的接口，更多内容详见{link}。\n", api.documented),
            };
        }
        let file = mapping.folder.join("mapping.yaml").display().to_string();
        let difference = self.text(mapping.file.difference.as_ref(), "difference", &file)?;
        let _ = writeln!(out, "## {}\n\n{}\n", self.say("Differences", "差异对比"), difference.trim());
        Ok(())
    }

    /// The constructor and the call, with the defaults of the rows.
    fn signature(&self, side: Side) -> String {
        let api = self.api(side);
        let parameter = |name: &String| {
            let row = self.suite.mapping().row_of(side, name);
            match row.and_then(|row| row.file.default.get(&side)) {
                Some(default) => format!("{name}={}", written(default)),
                None => name.clone(),
            }
        };
        let constructor: Vec<String> = api.constructor.iter().map(parameter).collect();
        let forward: Vec<String> = api.forward.iter().map(parameter).collect();
        format!("class {}(\n    {}\n)({}) -> Tensor", api.name, constructor.join(",\n    "), forward.join(", "))
    }

    /// Where the documentation of an API is published.
    fn address(&self, side: Side) -> String {
        let Api { name, documented, .. } = self.api(side);
        match side {
            Side::Torch => format!("https://pytorch.org/docs/{documented}/generated/{name}.html"),
            Side::Mindspore => {
                let language = self.say("en", "zh-CN");
                format!("https://www.mindspore.cn/docs/{language}/r{documented}/api_python/nn/{name}.html")
            }
        }
    }

    fn table(&self, out: &mut String) -> Result<(), String> {
        out.push_str(self.say(
            "| Category | Subcategory | PyTorch | MindSpore | Difference |\n",
            "| 分类 | 子类 | PyTorch | MindSpore | 差异 |\n",
        ));
        out.push_str("| --- | --- | --- | --- | --- |\n");
        let mut before = None;
        let mut number = 0;
        for row in self.rows().filter(|row| row.file.on_page && row.file.category != Category::Example) {
            let category = row.file.category;
            number = if before == Some(category) { number + 1 } else { 1 };
            let word = match category {
                Category::Input => self.say("Input", "输入"),
                Category::Output => self.say("Output", "输出"),
                Category::Parameter | Category::Example => self.say("Parameter", "参数"),
            };
            let is_only =
                self.rows().filter(|other| other.file.category == category && other.file.on_page).count() == 1;
            let place = match (is_only && category == Category::Input, self.language) {
                (true, _) => self.say("Single input", "单输入").to_owned(),
                (false, Language::English) => format!("{word} {number}"),
                (false, Language::Chinese) => format!("{word}{number}"),
            };
            let difference = match (&row.file.difference, row.file.claim()) {
                (None, Claim::Same) => "-",
                (text, _) => self.text(text.as_ref(), "difference", &row.path.display().to_string())?,
            };
            let name = |side: Side| {
                let names: Vec<&str> = row.file.all_names(side).collect();
                if names.is_empty() { "-".to_owned() } else { names.join(", ") }
            };
            let word = if before == Some(category) { "" } else { word };
            let _ = writeln!(
                out,
                "| {word} | {place} | {} | {} | {} |",
                name(Side::Torch),
                name(Side::Mindspore),
                cell(difference)
            );
            before = Some(category);
        }
        out.push('\n');
        Ok(())
    }

    /// Rows that the frameworks have and the published page lacks.
    fn lacking(&self, out: &mut String) -> Result<(), String> {
        let rows: Vec<&Row> = self.rows().filter(|row| !row.file.on_page).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let _ = writeln!(out, "### {}\n", self.say("What the published page lacks", "已发布页面缺少的参数"));
        for row in rows {
            let names = self.names(row);
            let text = self.text(row.file.difference.as_ref(), "difference", &row.path.display().to_string())?;
            let has = |side: Side| {
                let default = row.file.default.get(&side).map(written);
                let versions: Vec<&str> = self.versions(side).filter(|version| !row.file.is_missing(version)).collect();
                let versions = row.file.name(side).map(|_| self.listed(&versions))?;
                Some(match (default, self.language) {
                    (Some(default), Language::English) => format!("{versions}, by default {default}"),
                    (Some(default), Language::Chinese) => format!("{versions}，默认为 {default}"),
                    (None, _) => versions,
                })
            };
            let known: Vec<String> = Side::BOTH.into_iter().filter_map(has).collect();
            let known = self.bracketed(&known.join(self.say("; ", "；")));
            let _ = writeln!(out, "- {names}{known}{}{}", self.colon(), text.trim());
        }
        out.push('\n');
        Ok(())
    }

    /// The names of a row, each once.
    fn names(&self, row: &Row) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in Side::BOTH.into_iter().flat_map(|side| row.file.all_names(side)) {
            let name = format!("`{name}`");
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(self.say(" and ", "、"))
    }

    /// The recorded versions of a side, oldest first.
    fn versions(&self, side: Side) -> impl Iterator<Item = &'a str> {
        let golden = self.suite.mapping().file.golden.iter().map(String::as_str);
        golden.filter(move |name| name.split_once('-').is_some_and(|(framework, _)| framework == side.key()))
    }

    fn verified(&self, out: &mut String) {
        let _ = writeln!(out, "### {}\n", self.say("What was verified", "验证情况"));
        out.push_str(self.say(
            "A row is verified on a version where every check of it holds: the answers that this version gave, and the signature that it has.\n\n",
            "某一行在某个版本上“已验证”，是指该行的全部检查在此版本给出的结果与接口签名上均成立。\n\n",
        ));
        out.push_str(self.say("| Row | Checks | Verified on |\n", "| 行 | 检查数 | 已验证的版本 |\n"));
        out.push_str("| --- | --- | --- |\n");
        for result in &self.outcomes.rows {
            let row = &self.suite.mapping().rows[result.row];
            let name = self.row_name(row);
            let checks = self.outcomes.checks.iter().filter(|check| check.check.row == result.row).count();
            let verified = self.holds_on(result);
            let versions = if verified.is_empty() { "-".to_owned() } else { self.listed(&verified) };
            let _ = writeln!(out, "| {name} | {checks} | {versions} |");
        }
        for side in Side::BOTH {
            let documented = &self.api(side).documented;
            let is_recorded = self
                .versions(side)
                .filter_map(Version::of_engine)
                .any(|(_, version)| version == Version::of(documented));
            if !is_recorded {
                let framework = side.framework();
                let _ = match self.language {
                    Language::English => write!(
                        out,
                        "\nNo answers of {framework} {documented} were recorded, for which the page is written: nothing is verified on it.\n"
                    ),
                    Language::Chinese => {
                        write!(out, "\n页面所针对的 {framework} {documented} 没有记录结果，因此未在该版本上验证。\n")
                    }
                };
            }
        }
        out.push('\n');
    }

    /// The recorded versions on which all checks of a row hold.
    fn holds_on(&self, result: &RowResult) -> Vec<&'a str> {
        let engines = self.suite.engines().zip(&result.engines).filter(|(engine, _)| engine.is_recorded());
        let holding: Vec<&str> =
            engines.filter(|(_, (verdict, _))| *verdict == Verdict::Holds).map(|(engine, _)| engine.name()).collect();
        Side::BOTH
            .into_iter()
            .flat_map(|side| self.versions(side))
            .filter(|version| holding.contains(version))
            .collect()
    }

    /// What is to be written for every row that is not the same on both sides, or whose specs say it.
    fn instead(&self, out: &mut String) -> Result<(), String> {
        let _ = writeln!(out, "### {}\n", self.say("Write this instead", "迁移时的写法"));
        for row in self.rows() {
            if row.file.instead.is_none() && matches!(row.file.claim(), Claim::Same | Claim::Example) {
                continue;
            }
            let text = self.text(row.file.instead.as_ref(), "instead", &row.path.display().to_string())?;
            let _ = writeln!(out, "- {}{}{}", self.names(row), self.colon(), text.trim());
        }
        out.push('\n');
        Ok(())
    }

    /// What the cases and the limits say of calls that are written alike and answered otherwise.
    fn differences(&self, out: &mut String) -> Result<(), String> {
        let _ =
            writeln!(out, "### {}\n", self.say("What differs though the call is the same", "调用相同而结果不同之处"));
        out.push_str(self.say(
            "Each of these is shown by a check, which fails when the difference is gone.\n\n",
            "以下每一条都有检查为证，差异一旦消失，检查即失败。\n\n",
        ));
        let mut said: Vec<String> = Vec::new();
        for row in self.rows() {
            for Differs { versions, why, .. } in row.file.cases.iter().filter_map(|case| case.differs.as_ref()) {
                let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
                let of = if versions.is_empty() { String::new() } else { self.bracketed(&self.listed(&versions)) };
                let line = format!("- {}{}{}{of}", self.row_name(row), self.colon(), self.reason(why)?);
                if !said.contains(&line) {
                    said.push(line);
                }
            }
        }
        for limit in &self.suite.mapping().file.limits {
            let engines: Vec<&str> = limit.engines.iter().map(String::as_str).collect();
            said.push(format!("- {}{}{}", self.listed(&engines), self.colon(), self.reason(&limit.why)?));
        }
        let _ = writeln!(out, "{}\n", said.join("\n"));
        Ok(())
    }

    /// A `why` in the language of the page.
    fn reason(&self, why: &'a str) -> Result<&'a str, String> {
        let mapping = self.suite.mapping();
        match self.language {
            Language::English => Ok(why.trim()),
            Language::Chinese => mapping.file.chinese(why).ok_or_else(|| {
                let file = mapping.folder.join("mapping.yaml");
                format!("{} has no `reasons` with the Chinese of `{}`", file.display(), why.trim())
            }),
        }
    }

    fn colon(&self) -> &'static str {
        self.say(": ", "：")
    }

    fn bracketed(&self, text: &str) -> String {
        format!("{}{text}{}", self.say(" (", "（"), self.say(")", "）"))
    }

    /// Versions in prose: `PyTorch 1.8.1, 2.13.0; MindSpore 2.0.0`.
    fn listed(&self, engines: &[&str]) -> String {
        let of = |side: Side| {
            let names = engines.iter().filter(|name| name.split('-').next() == Some(side.key()));
            let versions: Vec<&str> =
                names.clone().filter_map(|name| name.split_once('-')).map(|(_, version)| version).collect();
            let versions = versions.join(self.say(", ", "、"));
            names.clone().next().map(|_| format!("{} {versions}", side.framework()).trim_end().to_owned())
        };
        Side::BOTH.into_iter().filter_map(of).collect::<Vec<_>>().join(self.say("; ", "；"))
    }

    fn row_name(&self, row: &Row) -> String {
        match row.file.category {
            Category::Example => self.say("code example", "代码示例").to_owned(),
            _ => self.names(row),
        }
    }
}

/// A default as a signature has it.
fn written(default: &Argument) -> String {
    match default {
        Argument::Python(text) => text.clone(),
        default => default.scalar().map_or_else(|| default.to_yaml(), |value| python(&value)),
    }
}

fn python(value: &Value) -> String {
    match value {
        Value::Float(value) => float(*value),
        value => value.to_string(),
    }
}

/// A text that may stand in a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
