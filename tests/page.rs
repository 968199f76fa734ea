//! Published pages, read into specs: what is made of them, and what is said of those that contradict themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::over::write_over;
use mapcheck::mapping::{self, Category, Mapping, Side};
use mapcheck::page::Page;

fn page(name: &str) -> Page {
    let path = Path::new("tests/pages").join(name);
    Page::read(&path).unwrap_or_else(|mistakes| panic!("{}: {}", path.display(), shown(&mistakes)))
}

fn shown(diagnostics: &[mapping::Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.to_string()).collect::<Vec<_>>().join("\n\n")
}

/// What is said of a page, and the files that are made of it.
fn told(name: &str) -> String {
    let page = page(name);
    let mut out = shown(&page.diagnostics);
    for specs in page.specs() {
        for file in &specs.files {
            out.push_str(&format!("\n\n=== {}\n{}", file.name, file.text.trim_end()));
        }
    }
    out
}

/// The specs of a text, read by the reader of specs.
fn imported(text: &str) -> Option<Vec<Mapping>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    fs::write(&path, text).unwrap();
    let page = Page::read(&path).ok()?;
    let read = page.specs().into_iter().enumerate().map(|(index, specs)| {
        let folder = folder.path().join(format!("specs_{index}"));
        fs::create_dir(&folder).unwrap();
        specs.files.iter().for_each(|file| fs::write(folder.join(&file.name), &file.text).unwrap());
        mapping::read(&folder).unwrap_or_else(|mistakes| panic!("{}\n\n{text}", shown(&mistakes)))
    });
    Some(read.collect())
}

#[test]
fn an_irregular_page_is_read_and_its_contradictions_are_shown() {
    insta::assert_snapshot!(told("irregular.en.md"));
}

#[test]
fn a_page_of_a_function_needs_no_headings_and_no_header() {
    insta::assert_snapshot!(told("function.zh.md"));
}

#[test]
fn a_page_without_a_table_has_its_rows_from_the_signatures() {
    insta::assert_snapshot!(told("no_table.en.md"));
}

/// Row by row: categories, names, defaults and claims.
fn assert_same_rows(imported: &Mapping, ours: &Mapping) {
    for side in Side::BOTH {
        let (imported, ours) = (imported.api(side), ours.api(side));
        assert_eq!((&imported.name, &imported.documented), (&ours.name, &ours.documented));
        assert_eq!((&imported.constructor, &imported.forward), (&ours.constructor, &ours.forward));
    }
    let of_page: Vec<_> = ours.rows.iter().filter(|row| row.file.on_page).collect();
    assert_eq!(imported.rows.len(), of_page.len());
    for (imported, ours) in imported.rows.iter().zip(of_page) {
        assert_eq!(imported.name, ours.name);
        let (imported, ours) = (&imported.file, &ours.file);
        assert_eq!((imported.row, imported.category, imported.on_page), (ours.row, ours.category, true));
        assert_eq!((&imported.names, &imported.default), (&ours.names, &ours.default));
        assert_eq!(imported.claim(), ours.claim());
    }
}

#[test]
fn the_page_of_group_norm_gives_our_specs_row_for_row() {
    let path = "tests/pages/group_norm.zh.md";
    assert_eq!(shown(&page("group_norm.zh.md").diagnostics), "");
    let mappings = imported(&fs::read_to_string(path).unwrap()).unwrap();
    let ours = mapping::read("specs/group_norm".as_ref()).unwrap();
    assert_eq!(mappings.len(), 1);
    assert_same_rows(&mappings[0], &ours);

    // The code example is a case that can be run.
    let example = mappings[0].rows.iter().find(|row| row.file.category == Category::Example).unwrap();
    let case = &example.file.cases[0];
    assert_eq!(case.call, mapping::read("specs/group_norm".as_ref()).unwrap().rows[7].file.cases[0].call);
    assert_eq!(case.x.shape.as_deref(), Some([1, 2, 2].as_slice()));
    assert_eq!(case.prints.as_deref(), Some("[[[0. 0.]\n  [0. 0.]]]\n"));
    assert_eq!(case.code[&Side::Torch].prints, ["[[[0. 0.]\n  [0. 0.]]]"]);
}

#[test]
fn what_the_page_says_of_itself_is_held_to_what_it_says_elsewhere() {
    let text = fs::read_to_string("tests/pages/group_norm.zh.md").unwrap();
    for (what, instead, title) in [
        ("| eps          | eps ", "| eps          | epsilon ", "`epsilon` is in no signature of MindSpore"),
        (
            "    affine=True\n)(input)",
            "    affine=False\n)(input)",
            "the defaults of `affine` differ, and the row does not say so",
        ),
        (
            "    num_channels,\n    eps=1e-05,\n    affine=True\n",
            "    num_channels,\n    eps=1e-05,\n    affine=True,\n    bias=True\n",
            "`bias` of PyTorch is in no row",
        ),
        (
            "|      | 参数3 | eps          | eps          | -                          |\n",
            "",
            "no row has the number 3",
        ),
        ("参数6", "参数5", "two rows with the number 5"),
        ("功能一致，参数名不同", "功能一致，参数名相同", "the row says that the names are the same"),
        (
            "| num_channels | num_channels | -",
            "| num_channels | num_channels | MindSpore无此参数",
            "the row says that MindSpore has no such parameter",
        ),
        ("| affine       | -", "| eps          | -", "two rows for `eps` of MindSpore"),
        ("# 比较与torch.nn.GroupNorm", "# 比较与torch.GroupNorm", "the title names `torch.GroupNorm`"),
        (
            "class mindspore.nn.GroupNorm(\n",
            "class mindspore.nn.LayerNorm(\n",
            "the signature is of `mindspore.nn.LayerNorm`",
        ),
    ] {
        assert!(text.contains(what), "{what}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        fs::write(&path, text.replacen(what, instead, 1)).unwrap();
        let said = Page::read(&path).unwrap().diagnostics;
        assert!(
            said.iter().any(|diagnostic| diagnostic.title == title && diagnostic.is_warning()),
            "{title}: {}",
            shown(&said)
        );
        assert!(said.iter().all(|diagnostic| diagnostic.place.is_some()), "{}", shown(&said));
    }
}

#[test]
fn a_page_that_names_no_api_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    for (text, title) in [
        ("", "the page names no API of PyTorch"),
        ("# 比较与torch.abs的差异\n", "the page names no API of MindSpore"),
        ("\u{0}|||\n|-|\n", "the page names no API of PyTorch"),
    ] {
        fs::write(&path, text).unwrap();
        let said = Page::read(&path).unwrap_err();
        assert!(said.iter().any(|diagnostic| diagnostic.title == title), "{}", shown(&said));
    }
    fs::write(&path, b"# torch.abs \xff").unwrap();
    assert_eq!(Page::read(&path).unwrap_err()[0].title, "the file is not UTF-8");
    assert_eq!(Page::read(&folder.path().join("none.md")).unwrap_err()[0].title, "the file cannot be read");
    assert_eq!(Page::read(folder.path()).unwrap_err()[0].title, "this is no file");
}

/// Whatever is done to a page, it is read or refused, and what is made of a part of it reads back.
#[test]
fn a_page_may_be_cut_and_mixed_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    let read = |text: &str| {
        write_over(&path, text.as_bytes());
        Page::read(&path).map_or_else(|said| said.len(), |page| page.specs().len() + shown(&page.diagnostics).len())
    };
    for name in ["group_norm.zh.md", "irregular.en.md", "function.zh.md"] {
        let text = fs::read_to_string(Path::new("tests/pages").join(name)).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let (before, after) = (lines[..at].concat(), lines[at + 1..].concat());
            imported(&before);
            assert!(read(&format!("{before}{after}")) > 0);
            assert!(read(&format!("{before}{}{}{after}", lines[at], lines[at])) > 0);
            assert!(read(&format!("{before}{}\n{after}", lines[at].chars().rev().collect::<String>())) > 0);
        }
        for mark in ["|", "`", "(", ")", "*", "\"", "'", ",", "=", "#", "\n", " ", ":", "-"] {
            imported(&text.replace(mark, ""));
            assert!(read(&text.replace(mark, &mark.repeat(2))) > 0);
            assert!(read(&text.replace(mark, "\u{2028}")) > 0);
            assert!(read(&text.replace(' ', mark)) > 0);
        }
    }
}

/// The page that we publish says what the specs say.
#[test]
fn our_own_page_gives_the_same_rows_again() {
    let ours = mapping::read("specs/group_norm".as_ref()).unwrap();
    for language in ["en", "zh"] {
        let path = format!("docs/mapping/group_norm.{language}.md");
        let page = Page::read(path.as_ref()).unwrap();
        assert_eq!(shown(&page.diagnostics), "");
        assert_eq!(page.is_chinese, language == "zh");
        let mappings = imported(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(mappings.len(), 1);
        assert_same_rows(&mappings[0], &ours);
        for (imported, ours) in mappings[0].rows.iter().zip(&ours.rows) {
            let text = |row: &mapping::Row| {
                let difference = row.file.difference.as_ref();
                let text = difference.and_then(|text| if language == "zh" { text.zh.clone() } else { text.en.clone() });
                text.map(|text| text.trim().to_owned())
            };
            assert_eq!(text(imported), text(ours), "{}", ours.name);
        }
        let [imported, ours] = [&mappings[0], &ours].map(|mapping| {
            let example = mapping.rows.iter().find(|row| row.file.category == Category::Example).unwrap();
            let case = &example.file.cases[0];
            (case.call.clone(), case.x.clone(), case.prints.clone())
        });
        assert_eq!(imported, ours);
    }
}

/// Every `why` of the specs.
fn whys(mapping: &Mapping) -> BTreeSet<&str> {
    let mut whys: BTreeSet<&str> = mapping.file.limits.iter().map(|limit| limit.why.as_str()).collect();
    for row in &mapping.rows {
        whys.extend(row.file.announced.iter().map(|announced| announced.why.as_str()));
        for case in &row.file.cases {
            whys.extend(case.why.as_deref());
            whys.extend(case.differs.iter().map(|differs| differs.why.as_str()));
            whys.extend(case.off.iter().map(|off| off.why.as_str()));
            whys.extend(case.tolerance.iter().filter_map(|loosened| loosened.why.as_deref()));
        }
    }
    whys
}

#[test]
fn our_page_in_chinese_has_no_reason_in_english() {
    let ours = mapping::read("specs/group_norm".as_ref()).unwrap();
    let [english, chinese] =
        ["en", "zh"].map(|language| fs::read_to_string(format!("docs/mapping/group_norm.{language}.md")).unwrap());
    let whys = whys(&ours);
    assert!(whys.len() > 100, "{}", whys.len());
    let mut shown = 0;
    for why in whys {
        let translated = ours.file.chinese(why).unwrap_or_else(|| panic!("`{why}` has no Chinese"));
        assert!(translated.chars().any(|c| ('一'..='龥').contains(&c)), "{translated}");
        assert!(!translated.contains([';', ':', '?', '!']), "{translated}");
        assert!(!chinese.contains(why.trim()), "{why}");
        if english.contains(&format!(": {}", why.trim())) {
            shown += 1;
            assert!(chinese.contains(&format!("：{translated}")), "{translated}");
        }
    }
    assert!(shown > 20, "{shown}");
}
