//! A mistake in a spec is shown with its line, what was expected and what to write instead; all in one go.
//! This is of reading and of types; `contradictions.rs` is of what does not fit together.

use std::fs;
use std::path::Path;

use crate::common::folder::{CASES, MAPPING, eps, read_with, render, right, shown};
use mapcheck::mapping::{Diagnostic, Place, read};
use rayon::prelude::*;

fn mistakes(files: &[(&str, &str)]) -> Vec<Diagnostic> {
    read_with(files).1.expect_err("these files have mistakes")
}

#[test]
fn a_folder_without_mistakes_is_read_in_the_order_of_the_page() {
    let cases = r"
  - name: a
    call: &plain { num_groups: 3, num_channels: 6 }

  - name: b
    call: *plain
  # a comment * with a star
  - # the dash alone
    { name: c, call: *plain }
  - { name: d,
      call: *plain }
";
    let (folder, result) = read_with(&[("eps.yaml", &eps(cases))]);
    let mapping = result.unwrap();
    assert_eq!(mapping.name, folder.path().file_name().unwrap().to_str().unwrap());
    let names: Vec<_> = mapping.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["num_groups", "num_channels", "eps", "gamma_init", "input"]);
    let row = &mapping.rows[2];
    assert_eq!(row.lines, [4, 7, 11, 12]);
    assert_eq!(row.path, folder.path().join("eps.yaml"));
    assert_eq!(row.file.cases[3].call, row.file.cases[0].call);
}

#[test]
fn the_specs_of_this_crate_are_shown_relative_to_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/none");
    assert_eq!(read(&folder).unwrap_err()[0].file, Path::new("specs/none"));
}

#[test]
fn unknown_keys_are_shown_with_the_nearest_one_at_every_level() {
    let row = r"
rwo: 3
name: { torch: eps, mindspore: eps }
default: { torhc: 1.0e-5 }
on_pge: false
mising: [torch-1.8.1]
announced: { engine: [torch-1.8.1], wy: w }
cases:
  - nam: one
    call: { num_groups: 3, num_channels: 6, eps: { dtpe: f16 } }
    x: { shap: [2, 6], set: [{ att: [0], to: 1.0 }] }
    dtype: [f16]
    off: [{ engine: rust, dtypes: [f16], bound: 1, why: w }]
    colour: red
    differs: { how: dtype, version: [torch-1.8.1], why: w }
    print: '[]'
";
    let limits = "limits: [{ engine: [torch], when: { rank: 4, dtype: [f16] }, rejects: ValueError, why: w }]\n";
    let mapping = MAPPING.replace("golden", "goldn").replace("    forward: [x]", "    forwrd: [x]") + limits;
    insta::assert_snapshot!(render(&[("eps.yaml", row), ("mapping.yaml", &mapping)]));
}

#[test]
fn missing_keys_are_all_shown() {
    let row = r"
names: { torch: eps, mindspore: eps }
cases:
  - why: nothing else
  - name: two
    call: { num_groups: 3, num_channels: 6 }
    off: [{ engine: rust }]
";
    let input = "category: input\nannounced: {}\n";
    let files =
        [("eps.yaml", row), ("input.yaml", input), ("mapping.yaml", "plain: {}\nlimits: [{ engines: [torch] }]\n")];
    insta::assert_snapshot!(render(&files));
}

#[test]
fn wrong_types_are_shown_in_the_words_of_yaml() {
    let row = r"
row: three
names: eps
default: 1.0e-5
difference: { en: 3, zh: [一] }
on_page: no
missing: torch-1.8.1
announced: [torch-1.8.1]
cases:
  - 7
  - name: 12
    why: true
    call: [3, 6]
    x: { shape: [2, -6, 1.5, 1_000], values: { normal: { std: yes } }, set: { at: [0], to: 1 } }
    dtypes: f32
    layouts:
    gradients: maybe
    rejected: ValueError
    differs: []
    off: [{ engine: rust, bound: 1e-3x, why: 图 }, rust]
    built: { gamma: { mean: [0, 1, 2], std: [1], values: 0 } }
    prints: [0.0, 1.5]
  - name: beyond
    call: { num_groups: 18446744073709551615, num_channels: 99999999999999999999 }
";
    let input = "row: -1\ncategory: input\nnames: { torch: input, mindspore: x }\ncases: 3\n";
    let num_groups = "row: 5000000000\nnames: { torch: num_groups, mindspore: num_groups }\ncases: {}\n";
    let limits = r"limits:
  - { engines: torch, when: { rank_not: four, dtypes: f16, empty: 1, gradients: gamma }, why: 3 }
  - torch
";
    let mapping = MAPPING.replace("documented: 1.8.1", "documented: 1.80") + limits;
    let files = [("eps.yaml", row), ("input.yaml", input), ("num_groups.yaml", num_groups), ("mapping.yaml", &mapping)];
    insta::assert_snapshot!(render(&files));
}

#[test]
fn unknown_words_are_shown_with_the_nearest_one() {
    let cases = r"
  - name: a
    call: { num_groups: 3, num_channels: 6, gamma_init: { tensor: rmp } }
    x: { values: unifrom }
    dy: { layout: transpose, values: constant }
    dtypes: [f32, F64, float]
    layouts:
      - channels-last
    gradients: [x, gama]
  - name: b
    call:
      num_groups: 3
      num_channels: 6
      gamma_init: { tensor: { values: { norml: {} }, dtype: bf61 } }
      eps: { tensr: [1] }
    x: { values: { ramp: { sed: 1 }, normal: {} } }
    rejected: { mindspore: ValuError, torch: Exception }
    differs: { how: value, why: 不同 }
    off: [{ engine: rust, array: dgama, bound: 1, why: w }]
  - name: c
    call: { num_groups: 3, num_channels: 6, eps: { dtype: f61 }, gamma_init: { tensor: [1], dtype: f16 } }
";
    let limits = r"limits:
  - { engines: [torch], when: { dtypes: [f61], gradients: [dgamma] }, rejected: ValuError, why: w }
  - { engines: [torch], when: { empty: true }, differs: dtypes, why: w }
";
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(cases)), ("mapping.yaml", &format!("{MAPPING}{limits}"))]));
}

#[test]
fn keys_given_twice_are_shown_and_hide_nothing() {
    let row = r"row: 3
names: { torch: eps, mindspore: eps, torch: eps }
row: 4
cases:
  - name: a
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [2, 6], values: ramp, shape: [2, 6] }
    name: b
    dtypes: [f23]
";
    insta::assert_snapshot!(render(&[("eps.yaml", row)]));
}

#[test]
fn files_that_are_no_yaml_mapping_are_all_shown() {
    let files: [(&str, &[u8]); 20] = [
        ("a_tab.yaml", b"row: 1\ncases:\n\t- name: a\n"),
        ("b_bracket.yaml", b"row: 1\nnames: { torch: eps, mindspore: eps\ncases: []\n"),
        ("c_colon.yaml", b"row: 1\nwhy: this: that\n"),
        ("d_at.yaml", b"row: @1\n"),
        ("e_indent.yaml", b"row: 1\n  cases: []\n"),
        ("f_two.yaml", "# 表\n---\nrow: 1\n---\nrow: 2\n".as_bytes()),
        ("g_list.yaml", b"- row: 1\n"),
        ("h_scalar.yaml", b"row 1\n"),
        ("i_empty.yaml", b""),
        ("j_comment.yaml", b"# nothing yet\n"),
        ("k_anchor.yaml", b"row: 1\ncases: *none\n"),
        ("l_tag.yaml", b"row: 1\ncases: !set {}\n"),
        ("m_key.yaml", b"row: 1\n? [a, b]\n: c\n"),
        ("n_bytes.yaml", b"row: 1\nwhy: caf\xe9\n"),
        ("o_utf16.yaml", b"\xff\xfer\0o\0w\0"),
        ("p_nul.yaml", b"row: 1\nwhy: a\0b\n"),
        ("q_quote.yaml", b"row: 1\nwhy: \"never closed\n"),
        ("r_self.yaml", b"row: 1\ncases: &a [*a]\n"),
        ("s_dash.yaml", b"row: 1\ncases:\n  - name: a\n   call: {}\n"),
        ("t_yml.yml", b"row: 1\n"),
    ];
    let folder = right();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("u_folder.yaml")).unwrap();
    insta::assert_snapshot!(shown(folder.path(), &read(folder.path()).unwrap_err()));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let text = format!("\u{feff}row: 3\r\nnames: {{ torch: eps, mindspore: eps }}\r\n{CASES}");
    assert!(read_with(&[("eps.yaml", &text)]).1.is_ok());
}

#[test]
fn folders_that_hold_no_mapping_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let specs = folder.path().join("group_norm");
    let show = |path: &Path| shown(folder.path(), &read(path).unwrap_err());
    let mut text = vec![show(&specs)];
    fs::create_dir(&specs).unwrap();
    text.push(show(&specs));
    fs::write(specs.join("mapping.yaml"), MAPPING).unwrap();
    text.push(show(&specs));
    text.push(show(&specs.join("mapping.yaml")));
    insta::assert_snapshot!(text.join("\n\n"));
}

/// Each mistake begins with the word `WRONG`; what is shown from there on must too.
#[test]
fn places_are_exact_in_flow_and_block_style() {
    let cases = r#"
  - name: 'x'
    call: { num_groups: 3, num_channels: 4096 }
    x: { shape: [ 2,
         'WRONG1', 3 ], values: "WRONG2" }
    dtypes:
    - f32
    -   WRONG3
    layouts: [contiguous,WRONG4]
    WRONG5: { 中文: 中文 }
    why: 中文
    differs: {why: 中文中文, how: WRONG6, WRONG7: [1, 2]}
    built: { gamma: { mean: [0, 1], std: [ WRONG8, 1 ], values: [0, 1] } }
    off:
    - { engine: rust,
        bound: WRONG9,
        why: w }
"#;
    let text = eps(cases);
    let found = mistakes(&[("eps.yaml", &text)]);
    for (index, diagnostic) in found.iter().enumerate() {
        let Place { line, column } = diagnostic.place.unwrap();
        let rest: String = text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect();
        let rest = rest.trim_start_matches(['\'', '"']);
        assert!(rest.starts_with(&format!("WRONG{}", index + 1)), "{diagnostic}");
        assert!(diagnostic.line_text().unwrap().contains("WRONG"));
        let rendered = diagnostic.to_string();
        assert!(rendered.contains(&format!("eps.yaml:{line}:{column}\n")), "{rendered}");
    }
    assert_eq!(found.len(), 9);
}

/// Of the keys in the specs of this crate, every so many is misspelt in its turn.
#[test]
fn a_misspelt_key_of_a_spec_is_shown_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/group_norm");
    let mut files = Vec::new();
    for entry in fs::read_dir(specs).unwrap() {
        let from = entry.unwrap().path();
        let (path, text) = (folder.path().join(from.file_name().unwrap()), fs::read_to_string(&from).unwrap());
        fs::write(&path, &text).unwrap();
        let (mut keys, mut start) = (Vec::new(), 0);
        for (index, line) in text.split_inclusive('\n').enumerate() {
            // What follows these is a text, in which a colon may stand too.
            let prose = ["why:", "en:", "zh:", "#", "'", "\""].iter().filter_map(|word| line.find(word)).min();
            for (colon, _) in line.match_indices(": ").filter(|(colon, _)| *colon < prose.unwrap_or(line.len())) {
                let key =
                    line[..colon].rfind(|c: char| !c.is_alphanumeric() && !"_-.".contains(c)).map_or(0, |at| at + 1);
                let column = line[..key].chars().count() + 1;
                keys.push((start + colon, Place { line: index + 1, column }));
            }
            start += line.len();
        }
        assert!(!keys.is_empty(), "{}", path.display());
        files.push((path, text, keys));
    }
    assert!(read(folder.path()).is_ok());
    // One key of each file at a time, as the mistakes of all are shown in one go.
    let most = files.iter().map(|(_, _, keys)| keys.len()).max().unwrap();
    for number in (0..most).step_by(29) {
        let mut misspelt = Vec::new();
        for (path, text, keys) in &files {
            let key = keys.get(number);
            fs::write(path, key.map_or(text.clone(), |(at, _)| format!("{}qq{}", &text[..*at], &text[*at..]))).unwrap();
            misspelt.extend(key.map(|(_, place)| (path, *place)));
        }
        let found = read(folder.path()).unwrap_err();
        for (path, place) in misspelt {
            let there = found.iter().any(|diagnostic| diagnostic.file == *path && diagnostic.place == Some(place));
            assert!(there, "{}:{place:?}\n{}", path.display(), shown(folder.path(), &found));
        }
    }
}

#[test]
fn only_styled_diagnostics_have_escapes() {
    let cases = "\n  - name: \"a\\e[31mred\"\n    call: { \"\\e[31mred\": 3 }\n";
    for diagnostic in mistakes(&[("eps.yaml", &eps(cases))]) {
        assert!(!diagnostic.to_string().contains('\u{1b}'), "{diagnostic}");
        assert!(diagnostic.styled().contains("\u{1b}[1m"));
        assert!(!diagnostic.styled().contains("\u{1b}[31mred"));
    }
}

#[test]
fn a_diagnostic_is_json() {
    let found = mistakes(&[("eps.yaml", &eps("\n  - name: a\n    call: { num_groups: 3, epss: 1 }\n"))]);
    let mut json = serde_json::to_value(&found).unwrap();
    json[0]["file"] = "eps.yaml".into();
    insta::assert_snapshot!(format!("{json:#}"));
}

#[test]
fn files_that_are_too_much_are_refused() {
    let times = |word: &str, count: usize| format!("row: 1\ncases: [{}]\n", word.repeat(count));
    let grow = |n: u8| format!("{0}: &{0} [{1}]\n", n as char, format!("*{},", (n - 1) as char).repeat(9));
    let files = [
        ("large", times("7,", 600_000)),
        ("bomb", format!("row: 1\na: &a [x]\n{}", (b'b'..=b'z').map(grow).collect::<String>())),
        ("square", format!("row: 1\na: &a [{}]\nb: [{}]\n", "1,".repeat(200_000), "*a,".repeat(100_000))),
        ("deep", times("[", 100_000)),
        ("deep_block", format!("row: 1\ncases:\n{}", "- ".repeat(100_000))),
        ("wrong", times("7,", 400_000)),
        ("long_key", format!("row: 1\n? {}\n: [{}]\n", "k".repeat(400_000), "1,".repeat(200_000))),
        ("long_word", format!("row: 1\ncategory: {}\n{CASES}", "k".repeat(900_000))),
        ("long_shape", eps(&format!(" [{{ name: a, call: {{}}, x: {{ shape: [{}] }} }}]", "2,".repeat(400_000)))),
        (
            "many_versions",
            format!(
                "row: 3\nnames: {{ torch: eps, mindspore: eps }}\nmissing: [{}]\n{CASES}",
                (0..80_000).map(|n| format!("v{n},")).collect::<String>()
            ),
        ),
        ("many_keys", (0..80_000).map(|n| format!("key{n}: 1\n")).collect()),
    ];
    let told = files.par_iter().map(|(name, content)| {
        let diagnostics = mistakes(&[("eps.yaml", content)]);
        let first = &diagnostics[0];
        first.to_string();
        let at = first.place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
        let short = |text: &str| text.chars().take(100).collect::<String>();
        let (title, label) = (short(&first.title), short(&first.label));
        format!("{name}{at}: {title}: {label} ({} in all)", diagnostics.len())
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}
