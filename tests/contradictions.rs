//! What types cannot say of a spec is shown as well: where names, numbers and expectations do not fit together.

use crate::common::folder::{CASES, MAPPING, eps, read_with, render};

fn render_cases(cases: &str) -> String {
    render(&[("eps.yaml", &eps(cases))])
}

#[test]
fn a_keyword_that_no_row_has_is_an_unknown_row() {
    let cases = r"
  - name: a
    call: { num_groups: 3, num_channels: 6, epss: 1.0 }
  - name: b
    call:
      num_group: 3
      weight: 1.0
";
    let mapping = MAPPING.replace("plain: { num_groups", "plain: { groups");
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(cases)), ("mapping.yaml", &mapping)]));
}

#[test]
fn tensors_that_cannot_be_made_are_shown_where_they_do_not_fit() {
    insta::assert_snapshot!(render_cases(
        r"
  - name: too_large
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [4096, 4096, 2] }
  - name: too_large_by_default
    call: { num_groups: 3, num_channels: 16000000 }
  - name: beyond_an_integer
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [4294967296, 4294967296, 4294967296] }
  - name: count
    call: { num_groups: 3, num_channels: 6, gamma_init: { tensor: { shape: [2], values: [1, 2, 3] } } }
    x: { shape: [2, 3], values: [1, 2, 3, 4, 5] }
  - name: outside
    call: { num_groups: 3, num_channels: 6 }
    x:
      shape: [2, 3]
      set:
        - { at: [1, 2], to: .nan }
        - at: [2, 0]
          to: 1.0
  - name: expanded
    call: { num_groups: 3, num_channels: 6 }
    x: { set: [{ at: [0, 0, 0, 0], to: 1 }] }
    layouts: [contiguous, expanded]
  - name: gradient
    call: { num_groups: 3, num_channels: 6 }
    dy: { values: [1, 2] }
"
    ));
}

#[test]
fn names_of_cases_and_rows_are_checked() {
    let cases = r"
  - name: same
    call: { num_groups: 3, num_channels: 6 }
  - name: Not-a name!
    call: { num_groups: 3, num_channels: 6 }
  - name: same
    call: { num_groups: 3, num_channels: 6 }
  - name: ''
    call: { num_groups: 3, num_channels: 6 }
  - name: same
    cal: {}
";
    let extra = format!("row: 6\ncategory: example\n{CASES}");
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(cases)), ("Extra-row.yaml", &extra)]));
}

#[test]
fn unknown_engines_are_shown_with_the_nearest_one() {
    let cases = r"
  - name: a
    call: { num_groups: 3, num_channels: 6 }
    rejected: { mindspor: ValueError, torch: ValueError, mindspore-2.7.0: TypeError, sides: ValueError }
  - name: b
    call: { num_groups: 3, num_channels: 6 }
    off:
      - engine: torch-1.8.2
        bound: 1.0
        why: w
      - { engine: torch, bound: 1.0, why: w }
      - { engine: sides, bound: 1.0, why: w }
    tolerance: [{ engine: side, rtol: 0 }, { engine: sides, rtol: 0 }, { engine: libtorch, rtol: 0 }]
";
    let mapping = MAPPING.replace("golden: [", "golden: [latest, torch-1.8.1, ");
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(cases)), ("mapping.yaml", &mapping)]));
}

#[test]
fn rows_that_do_not_fit_together_are_shown() {
    let eps = format!("row: 1\nnames: {{ torch: eps, mindspore: num_groups }}\n{CASES}");
    let output = format!("row: 0\ncategory: input\nnames:\n  torch: ~\n  mindspore: ~\n{CASES}");
    let num_channels = "row: 2\nnames: { torch: num_channels, mindspore: num_channels }\ncases: []\n";
    let files = [("eps.yaml", &*eps), ("output.yaml", &output), ("num_channels.yaml", num_channels)];
    insta::assert_snapshot!(render(&files));
}

#[test]
fn a_parameter_without_a_row_is_a_mistake_unless_a_row_is_misnamed() {
    let misnamed = format!("row: 3\nnames: {{ torch: eps, mindspore: epsilon }}\n{CASES}");
    assert!(read_with(&[("eps.yaml", &misnamed)]).1.is_ok());
    let example = format!("row: 3\ncategory: example\n{CASES}");
    insta::assert_snapshot!(render(&[("eps.yaml", &example)]));
}

#[test]
fn what_is_wider_than_a_default_needs_a_reason() {
    insta::assert_snapshot!(render_cases(
        r"
  - name: wide
    call: { num_groups: 3, num_channels: 6 }
    tolerance: [{ engine: rust, rtol: 1.0e-4 }]
  - name: wide_at_one_dtype
    call: { num_groups: 3, num_channels: 6 }
    dtypes: [f16, f32]
    tolerance:
      - engine: rust
        ulp: 4
      - engine: libtorch
        rtol: 1.0e-3
  - name: default_of_f16
    call: { num_groups: 3, num_channels: 6 }
    dtypes: [f16]
    tolerance:
      - { engine: rust, rtol: 1.0e-3 }
      - { engine: libtorch, ulp: 5, why: '' }
      - { engine: libtorch }
      - { engine: rust, atol: -1.0 }
  - name: empty_reasons
    why: ''
    call: { num_groups: 3, num_channels: 6 }
    differs: { how: values, why: ' ' }
    off: [{ engine: rust, bound: .inf, why: '' }, { engine: rust, bound: 0, why: w, dtypes: [f16] }]
"
    ));
}

#[test]
fn expectations_that_contradict_each_other_are_shown() {
    insta::assert_snapshot!(render_cases(
        r"
  - name: by_one_side
    call: { num_groups: 3, num_channels: 4096 }
    rejected: { mindspore: ValueError }
    differs: { how: values, versions: [mindspore-2.0.0], why: w }
    off:
      - { engine: mindspore-2.0.0, bound: 1, why: w }
      - { engine: rust, bound: 1, why: w }
      - { engine: torch-1.8.1, bound: 1, why: w }
    built: { gamma: { mean: [0, 1], std: [0, 1], values: [0, 1] } }
    prints: '[0.]'
  - name: by_the_other
    call: { num_groups: 3, num_channels: 6 }
    rejected: { torch: ValueError }
    differs: { how: dtype, why: w }
    off: [{ engine: torch, bound: 1, why: w }, { engine: libtorch, bound: 1, why: w }]
    built: { gamma: { mean: [0, 1], std: [0, 1], values: [0, 1] } }
  - name: by_every_version
    call: { num_groups: 3, num_channels: 6 }
    rejected: { torch-1.8.1: ValueError, torch-2.13.0: TypeError }
    differs: { how: values, why: w }
    off: [{ engine: torch, bound: 1, why: w }]
  - name: by_the_versions_that_differ
    call: { num_groups: 3, num_channels: 6 }
    rejected: { mindspore-2.0.0: ValueError }
    differs: { how: values, versions: [torch-1.8.1, mindspore-2.0.0], why: w }
    off:
      - engine: mindspore-2.0.0
        bound: 1
        why: w
  - name: twice
    call: { num_groups: 3, num_channels: 6 }
    dtypes: [f32, f16, f32]
    layouts: []
    differs: { how: values, versions: [torch-1.8.1, torch-1.8.1], why: w }
  - name: no_version
    call: { num_groups: 3, num_channels: 6 }
    differs: { how: values, versions: [], why: w }
"
    ));
}

#[test]
fn what_some_versions_reject_may_be_expected_of_others() {
    let cases = r"
  - name: by_some
    call: { num_groups: 3, num_channels: 4096 }
    rejected: { mindspore-2.0.0: AttributeError, torch-1.8.1: ValueError, libtorch: RuntimeError }
    differs: { how: values, versions: [mindspore-2.7.0], why: w }
    off:
      - { engine: mindspore, bound: 1, why: w }
      - { engine: mindspore-2.7.0, array: dx, bound: .inf, why: w }
      - { engine: torch-2.13.0, bound: 1, why: w }
      - { engine: rust, bound: 1, why: w }
    built: { gamma: { mean: [0, 1], std: [0, 1], values: [0, 1] } }
  - name: by_the_source
    call: { num_groups: 3, num_channels: 4096 }
    rejected: { torch: ValueError }
    differs: { how: rejection, why: w }
    off: [{ engine: mindspore, bound: 1, why: w }, { engine: libtorch, bound: 1, why: w }]
    built: { gamma: { mean: [0, 1], std: [0, 1], values: [0, 1] } }
";
    let (_folder, result) = read_with(&[("eps.yaml", &eps(cases))]);
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn recorded_versions_are_in_order() {
    let golden = |list: &str| MAPPING.replace("torch-1.8.1, torch-2.13.0, mindspore-2.0.0, mindspore-2.7.0", list);
    let right = golden("torch-1.8.1, mindspore-2.7.0, torch-1.13.0, mindspore-2.10.0rc1, mindspore-2.10.0");
    assert!(read_with(&[("mapping.yaml", &right)]).1.is_ok());
    let wrong = golden("torch-2.0, mindspore-2.10.0, torch-1.13.1, torch-1.8.1, mindspore-2.7.0, mindspore-2.10.0");
    insta::assert_snapshot!(render(&[("mapping.yaml", &wrong)]));
}

#[test]
fn limits_that_say_nothing_or_too_much_are_shown() {
    let limits = r"limits:
  - engines: [mindspore-2.0.0, mindspore]
    when: { rank_not: 4, dtypes: [bf16], empty: true, gradients: [gamma] }
    rejected: ValueError
    why: nothing is wrong with this
  - engines: []
    when: {}
    why: ''
  - engines: [rust, libtorch, torch, mindspor, torch-1.8.2, mindspore-2.7.0, torch]
    when: { empty: false }
    rejected: ValueError
    differs: dtype
    why: w
  - engines: [torch]
    when: { rank_not: 4, dtypes: [], gradients: [] }
    differs: rejection
    why: w
  - engines: [torch]
    when: { dtypes: [f16, bf16, f16], gradients: [gamma, gamma], empty: false }
    differs: values
    why: w
  - engines: [torch]
    when: { rank_not: ~ }
    rejected: ~
    why: w
";
    insta::assert_snapshot!(render(&[("mapping.yaml", &format!("{MAPPING}{limits}"))]));
}

#[test]
fn versions_in_a_row_are_recorded_ones_that_could_have_the_parameter() {
    let eps = format!(
        r"row: 3
names: {{ torch: eps, mindspore: eps }}
missing: [torch-1.8.1, torch-1.8.2, mindspore, libtorch, torch-1.8.1]
announced:
  engines: [torch-1.8.1, mindspore-2.7.0, rust]
  why: ' '
{CASES}"
    );
    let gamma_init = format!(
        r"row: 4
names: {{ torch: ~, mindspore: gamma_init }}
in_torch: {{ fill: weight }}
missing: [torch-2.13.0, mindspore-2.0.0]
announced: {{ engines: [torch-1.8.1, torch-1.8.2, mindspore-2.7.0], why: w }}
{CASES}"
    );
    let input = format!(
        r"row: 5
category: input
names: {{ torch: input, mindspore: x }}
missing: []
announced: {{ engines: [], why: w }}
{CASES}"
    );
    let example = format!("row: 6\ncategory: example\nmissing: [torch-1.8.1, torch-1.8.2]\n{CASES}");
    let files =
        [("eps.yaml", &*eps), ("gamma_init.yaml", &gamma_init), ("input.yaml", &input), ("example.yaml", &example)];
    insta::assert_snapshot!(render(&files));
}

#[test]
fn versions_that_differ_are_recorded_ones() {
    insta::assert_snapshot!(render_cases(
        r"
  - name: a
    call: { num_groups: 3, num_channels: 6 }
    differs: { how: values, versions: [mindspore, mindspore-2.0.0, mindspore-2.0, rust], why: w }
"
    ));
}

#[test]
fn every_reason_is_there_in_chinese_and_every_chinese_has_its_reason() {
    let reasons = r"
reasons:
  - { en: PyTorch takes True for 1.0, zh: PyTorch 将 True 视为 1.0 }
  - { en: the variance is computed in two passes, zh: 方差以单趟方式计算 }
  - { en: nobody says this, zh: 无人这样说 }
  - { en: PyTorch takes True for 1.0, zh: 又一次 }
  - { en: ' ', zh: '' }
";
    let cases = r"
  - name: a
    why: PyTorch takes True for 1.0
    call: { num_groups: 3, num_channels: 6 }
    off:
      - { engine: torch-1.8.1, bound: 1, why: the variance is computed in one pass }
      - { engine: torch-1.8.1, array: dx, bound: 1, why: the variance is computed in one pass }
  - name: b
    call: { num_groups: 3, num_channels: 6 }
    tolerance: [{ engine: libtorch, ulp: 5, why: wholly new }]
";
    let mapping = format!("{MAPPING}{}", reasons.trim_start());
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(cases)), ("mapping.yaml", &mapping)]));
}

#[test]
fn a_mapping_without_reasons_is_english_alone() {
    let cases = "\n  - name: a\n    why: as in English\n    call: { num_groups: 3, num_channels: 6 }\n";
    let (_folder, mapping) = read_with(&[("eps.yaml", &eps(cases))]);
    assert_eq!(mapping.expect("nothing is wrong with it").file.chinese("as in English"), None);
}

#[test]
fn rows_of_the_page_are_numbered_without_a_hole() {
    let row = |number: u32, name: &str, more: &str| {
        format!("row: {number}\nnames: {{ torch: {name}, mindspore: {name} }}\n{more}{CASES}")
    };
    let off_page = |number| format!("row: {number}\ncategory: example\non_page: false\n{CASES}");
    assert!(read_with(&[("device.yaml", &off_page(9)), ("dtype.yaml", &off_page(6))]).1.is_ok());

    let first = row(2, "num_groups", "");
    let last = "row: 9\ncategory: input\nnames: { torch: input, mindspore: x }\n".to_owned() + CASES;
    let channels = row(3, "num_channels", "").replace("plain, call", "plain, dtypes: [f23], call");
    let files = [("num_groups.yaml", &first), ("num_channels.yaml", &channels), ("input.yaml", &last)];
    let files = files.map(|(name, text)| (name, text.as_str()));
    let mut text = vec![render(&[files[0], ("eps.yaml", &row(5, "eps", ""))]), render(&files[1..])];

    // What is not on the page may have taken a number of the page, and leaves no hole of its own.
    let (taking, before) = (row(3, "eps", "on_page: false\n"), off_page(5));
    text.push(render(&[("eps.yaml", &taking), ("device.yaml", &before)]));

    // A file that could not be read may be the row that is missing.
    text.push(render(&[("eps.yaml", "row: [")]));
    text.push(render(&[("eps.yaml", &row(4, "eps", "on_pge: false\n"))]));
    insta::assert_snapshot!(text.join("\n\n====\n\n"));
}

#[test]
fn what_is_printed_is_printed_whole_by_everyone() {
    insta::assert_snapshot!(render_cases(
        r"
  - name: nothing
    call: { num_groups: 3, num_channels: 6 }
    prints: ' '
  - name: rejected
    call: { num_groups: 3, num_channels: 6 }
    rejected: { torch-1.8.1: ValueError }
    prints: |
      [[0. 0.]]
  - name: as_many_as_numpy_prints
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [10, 10, 10] }
    prints: '[]'
  - name: too_many
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [7, 11, 13] }
    prints: '[]'
  - name: too_many_by_default
    call: { num_groups: 3, num_channels: 60 }
    prints: '[]'
  - name: too_large_altogether
    call: { num_groups: 3, num_channels: 6 }
    x: { shape: [4096, 4096, 4096] }
    prints: '[]'
"
    ));
}
