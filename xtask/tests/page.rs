//! The report page in a browser: what a reader does with it. Where no browser is installed the tests are skipped and
//! say why; MAPCHECK_BROWSER=required makes that an error.

mod browser;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use browser::Browser;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use mapcheck::binding::Binding;
use mapcheck::call::{Outcome, Output};
use mapcheck::check::Suite;
use mapcheck::engine::{Engine, Golden, Question, Rust};
use mapcheck::golden::Store;
use mapcheck::mapping;
use mapcheck::report::Report;
use mapcheck::tensor::Tensor;

/// The operator, but for the last element of y, which is half as large again.
struct Crooked;

impl Engine for Crooked {
    fn name(&self) -> &str {
        "crooked"
    }

    fn binding(&self) -> &dyn Binding {
        Rust.binding()
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let mut outcome = Rust.answer(question);
        if let Outcome::Answered(answer) = &mut outcome
            && let Some(y) = answer.arrays.get_mut(&Output::Y)
        {
            let mut values = y.values.to_f64();
            values.iter_mut().rev().take(1).for_each(|value| *value = *value * 1.5 + 1.0);
            y.values = Tensor::from_f64(y.values.dtype(), &y.shape, &values).expect("as many values as before");
        }
        outcome
    }
}

/// The pages of a subject that holds and of one that does not, in a folder.
struct Pages {
    browser: PathBuf,
    folder: tempfile::TempDir,
}

impl Pages {
    fn write(browser: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, subject) in [("right.html", Box::new(Rust) as Box<dyn Engine>), ("wrong.html", Box::new(Crooked))] {
            std::fs::write(folder.path().join(name), page(subject)).expect("it can be written");
        }
        Self { browser, folder }
    }

    fn open(&self, name: &str, size: [u32; 2]) -> Browser {
        Browser::open(&self.browser, &self.folder.path().join(name), size)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(subject: Box<dyn Engine>) -> String {
    let mapping = mapping::read(&root().join("specs/group_norm")).expect("the specs have no mistakes");
    let store = Arc::new(Store::open(&root().join("golden/group_norm")));
    let golden = mapping.file.golden.iter();
    let others = golden.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
    let suite = Suite::new(mapping, subject, others);
    Report::of(&suite, &suite.run(&suite.checks())).html().expect("it can be made")
}

const WIDE: [u32; 2] = [1400, 1000];
const NARROW: [u32; 2] = [390, 844];

/// The cases that are shown.
const SHOWN: &str = "[...document.querySelectorAll('#cases > details')].filter(item => !item.hidden)";

fn set(page: &mut Browser, field: &str, value: &str) -> u64 {
    page.evaluate(&format!(
        "{{ const field = document.forms[0].elements['{field}']; field.value = '{value}';
            field.dispatchEvent(new Event('input', {{ bubbles: true }})) }}"
    ));
    shown(page)
}

fn shown(page: &mut Browser) -> u64 {
    page.evaluate(&format!("{SHOWN}.length")).as_u64().expect("a number")
}

fn every_filter_narrows(page: &mut Browser) {
    let all = shown(page);
    assert!(all > 200, "{all}");
    for (field, value, holds) in [
        ("row", "2", "item.textContent.includes('eps/')"),
        ("engine", "torch-1.8.1", "true"),
        ("dtype", "f16", "item.querySelector('.kind').textContent.startsWith('f16')"),
        ("text", "there is no such case", "false"),
        ("text", "zeros_in_mixed", "item.textContent.includes('zeros_in_mixed_case')"),
    ] {
        let some = set(page, field, value);
        assert!(some < all, "{field} {value}: {some} of {all}");
        assert_eq!(page.evaluate(&format!("{SHOWN}.every(item => {holds})")), true, "{field} {value}");
        let count = page.evaluate("document.getElementById('count').textContent");
        let said = if some == 0 { "No case fits".to_owned() } else { format!("{some} of {all} cases") };
        assert!(count.as_str().is_some_and(|count| count.starts_with(&said)), "{count} {said}");
        assert_eq!(set(page, field, ""), all, "{field}");
    }
    set(page, "dtype", "f64");
    page.evaluate("document.querySelector('#filters button[type=reset]').click()");
    page.wait(&format!("{SHOWN}.length === {all}"));
}

fn a_cell_of_the_table_filters_and_tells_its_notes(page: &mut Browser) {
    page.evaluate("document.querySelector('#rows tr[data-row=\"6\"] button[data-engine=\"torch-1.8.1\"]').click()");
    assert_eq!(page.evaluate("document.forms[0].elements.engine.value"), "torch-1.8.1");
    assert_eq!(
        page.evaluate("document.querySelector('#rows button[aria-pressed=true]').dataset.engine"),
        "torch-1.8.1"
    );
    let about = page.evaluate("document.getElementById('about').textContent");
    assert!(about.as_str().is_some_and(|about| about.contains("variance is computed in one pass")), "{about}");
    page.evaluate("document.querySelector('#about li a').click()");
    assert_eq!(page.evaluate("document.activeElement.tagName"), "SUMMARY");
    assert_eq!(page.evaluate("document.activeElement.parentElement.open"), true);
}

fn a_case_opens_to_its_calls(page: &mut Browser) {
    set(page, "text", "gamma_init/tensor/f32");
    page.evaluate(&format!("{SHOWN}[0].firstChild.click()"));
    page.wait(&format!("{SHOWN}[0].querySelector('.detail') !== null"));
    let detail = page.evaluate(&format!("{SHOWN}[0].querySelector('.detail').textContent"));
    for part in [
        "- name: tensor",
        "net = torch.nn.GroupNorm(num_groups=2, num_channels=6)",
        "net.weight.data = torch.tensor([",
        "net = mindspore.nn.GroupNorm(num_groups=2, num_channels=6, gamma_init=mindspore.Tensor(numpy.array([",
        "cargo xtask check group_norm/gamma_init/tensor/f32",
        "3 ULP",
        // Folded away, and there.
        "import numpy\nimport torch\n",
        "def ramp(shape, seed, ",
        "x = torch.from_numpy(ramp([2, 6, 5, 3], 0x",
    ] {
        assert!(detail.as_str().is_some_and(|detail| detail.contains(part)), "{part}: {detail}");
    }
}

fn the_language_switches_both_ways(page: &mut Browser) {
    set(page, "text", "gamma_init/tensor/f32");
    page.evaluate(&format!("{SHOWN}[0].open = true"));
    page.wait(&format!("{SHOWN}[0].querySelector('.detail') !== null"));
    let words = |page: &mut Browser| page.evaluate("document.querySelector('main').innerText.replace(/\\s+/g, ' ')");
    let english = words(page);
    page.evaluate("document.getElementById('language').click()");
    assert_eq!(page.evaluate("document.documentElement.lang"), "zh-CN");
    let chinese = words(page);
    for (en, zh) in
        [("holds", "成立"), ("renamed", "参数名不同"), ("Every case", "全部用例"), ("Run again", "重新运行")]
    {
        assert!(english.as_str().is_some_and(|text| text.contains(en) && !text.contains(zh)), "{en}: {english}");
        assert!(chinese.as_str().is_some_and(|text| text.contains(zh) && !text.contains(en)), "{zh}: {chinese}");
    }
    page.evaluate("document.getElementById('language').click()");
    assert_eq!(words(page), english);
}

/// Every reason that the page can show: of the notes of every row, of every case, of everything that is known to be off.
fn no_reason_is_english_on_the_chinese_page(page: &mut Browser) {
    page.evaluate("document.getElementById('language').click()");
    let specs = mapping::read(&root().join("specs/group_norm")).expect("the specs have no mistakes");
    let mut shown = String::new();
    for row in 0..specs.rows.len() {
        set(page, "row", &row.to_string());
        shown += page.evaluate("document.getElementById('about').innerText").as_str().expect("a text");
    }
    set(page, "row", "");
    page.evaluate(&format!("{SHOWN}.forEach((item) => {{ item.open = true }})"));
    page.wait(&format!("{SHOWN}.every((item) => item.querySelector('.detail') !== null)"));
    // The specs themselves are shown as they are written, and are not translated.
    let reasons =
        page.evaluate("[...document.querySelectorAll('.why, .held')].map(node => node.textContent).join('\\n')");
    shown += reasons.as_str().expect("a text");
    let is_shown = |text: &str| shown.contains(text.trim());
    for reason in &specs.file.reasons {
        assert!(!is_shown(&reason.en), "{}", reason.en);
    }
    let chinese = specs.file.reasons.iter().filter(|reason| is_shown(&reason.zh)).count();
    assert_eq!(chinese, specs.file.reasons.len());
}

fn the_keyboard_reaches_and_opens_everything(page: &mut Browser) {
    let mut reached = Vec::new();
    for _ in 0..6 {
        page.press("Tab");
        let at = page.evaluate(
            "document.activeElement.id || document.activeElement.className || document.activeElement.tagName",
        );
        reached.push(at.as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(reached[..3], ["skip", "language", "theme"], "{reached:?}");
    assert!(reached[5].starts_with("verdict"), "{reached:?}");
    page.press("Enter");
    assert_eq!(page.evaluate("document.activeElement.getAttribute('aria-pressed')"), true.to_string());
    page.evaluate(&format!("{SHOWN}[0].firstChild.focus()"));
    page.press("Enter");
    page.wait(&format!("{SHOWN}[0].open && {SHOWN}[0].querySelector('.detail') !== null"));
    // A name for everything that can be reached.
    let nameless = page.evaluate(
        "[...document.querySelectorAll('button, select, input, canvas, [role=region], svg[role=img]')].filter(node =>
            !(node.getAttribute('aria-label') || node.getAttribute('aria-labelledby') || node.textContent.trim()
              || node.closest('label')?.textContent.trim() || node.getAttribute('aria-hidden'))).map(node => node.outerHTML)",
    );
    assert_eq!(nameless, serde_json::json!([]));
}

fn what_differs_is_shown_in_pictures(page: &mut Browser) {
    set(page, "verdict", "refuted");
    set(page, "text", "num_groups/two_groups_of_three/f32");
    page.evaluate(&format!("{SHOWN}[0].open = true"));
    page.wait(&format!("{SHOWN}[0].querySelector('.map canvas') !== null"));
    let engines = page.evaluate(&format!("{SHOWN}[0].querySelectorAll('.histograms svg').length"));
    assert_eq!(engines, 6, "a histogram for each engine");
    page.evaluate("document.querySelector('.map canvas').focus()");
    page.press("ArrowRight");
    let first = page.evaluate("document.querySelector('.map output').textContent");
    assert!(
        first.as_str().is_some_and(|text| text.starts_with("sample 0, group 0, channel 0 of the group, element 0: ")),
        "{first}"
    );
    for _ in 0..179 {
        page.press("ArrowRight");
    }
    let last = page.evaluate("document.querySelector('.map output').textContent");
    assert!(
        last.as_str()
            .is_some_and(|text| text.starts_with("sample 1, group 1, channel 2 of the group, element 14: up to ")),
        "{last}"
    );
    let beyond = page.evaluate("document.querySelector('.map canvas').getAttribute('aria-label')");
    assert!(beyond.as_str().is_some_and(|text| text.contains("1 of 180 elements are beyond")), "{beyond}");
}

fn what_is_found_is_told_in_chinese_too(page: &mut Browser) {
    set(page, "text", "num_groups/two_groups_of_three/f32");
    page.evaluate(&format!("{SHOWN}[0].open = true"));
    page.evaluate("document.getElementById('language').click()");
    page.wait(&format!("{SHOWN}[0].querySelector('.said') !== null"));
    let said = page.evaluate(&format!("{SHOWN}[0].querySelector('.said').textContent"));
    assert_eq!(said, "y：180 个元素中有 1 个超出容差");
    let worst = page.evaluate(&format!("{SHOWN}[0].querySelector('.spot').textContent"));
    assert!(worst.as_str().is_some_and(|worst| worst.contains("位于 [1, 5, 4, 2]（组 1）：")), "{worst}");
    // A narrow screen has no heads of columns.
    let named = page.evaluate("document.querySelector('#rows [data-engine=sides]').dataset.name");
    assert_eq!(named, "两侧");
}

/// A table that is wider than its place is cut off at its side.
fn a_usual_screen_has_the_whole_table(page: &mut Browser) {
    for _ in ["English", "Chinese"] {
        let fits = "(table => table.offsetWidth <= table.parentElement.clientWidth)(document.getElementById('rows'))";
        assert_eq!(page.evaluate(fits), true);
        page.evaluate("document.getElementById('language').click()");
    }
}

fn a_narrow_screen_needs_no_sideways_scrolling(page: &mut Browser) {
    page.evaluate(&format!("{SHOWN}[0].open = true"));
    page.wait(&format!("{SHOWN}[0].querySelector('.detail') !== null"));
    assert_eq!(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
}

/// The contrast of every text with what lies behind it, as WCAG 2 has it: at least 4.5 to 1.
fn text_stands_out_in_light_and_dark(page: &mut Browser) {
    set(page, "text", "two_groups_of_three");
    page.evaluate(&format!("{SHOWN}[0].open = true"));
    page.wait(&format!("{SHOWN}[0].querySelector('.detail') !== null"));
    for theme in ["light", "dark"] {
        page.evaluate(&format!("document.documentElement.dataset.theme = '{theme}'"));
        let faint = page.evaluate(CONTRAST);
        assert_eq!(faint, serde_json::json!([]), "{theme}");
    }
}

const CONTRAST: &str = r"(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const over = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const known = new Map(), faint = new Set();
  const ratio = (behind, colour) => {
    const key = [...behind, colour].join();
    if (!known.has(key)) {
      const ground = over(['white', ...behind]), text = over([`rgb(${ground.join(' ')})`, colour]);
      const [a, b] = [light(ground), light(text)].sort((a, b) => b - a);
      known.set(key, (a + 0.05) / (b + 0.05));
    }
    return known.get(key);
  };
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION', 'NOSCRIPT'].includes(node.tagName) || node.closest('svg')) continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const found = ratio(behind, getComputedStyle(node).color);
    if (found < 4.5) faint.add(`${node.tagName}.${node.className}: ${found.toFixed(2)}`);
  }
  return [...faint];
})()";

type Reader = fn(&mut Browser);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests: [(&str, &str, [u32; 2], Reader); 12] = [
        ("every_filter_narrows", "right.html", WIDE, every_filter_narrows),
        (
            "a_cell_of_the_table_filters_and_tells_its_notes",
            "right.html",
            WIDE,
            a_cell_of_the_table_filters_and_tells_its_notes,
        ),
        ("a_case_opens_to_its_calls", "right.html", WIDE, a_case_opens_to_its_calls),
        ("the_language_switches_both_ways", "right.html", WIDE, the_language_switches_both_ways),
        ("what_is_found_is_told_in_chinese_too", "wrong.html", WIDE, what_is_found_is_told_in_chinese_too),
        ("a_usual_screen_has_the_whole_table", "right.html", [1280, 800], a_usual_screen_has_the_whole_table),
        ("no_reason_is_english_on_the_chinese_page", "right.html", WIDE, no_reason_is_english_on_the_chinese_page),
        ("the_keyboard_reaches_and_opens_everything", "right.html", WIDE, the_keyboard_reaches_and_opens_everything),
        ("what_differs_is_shown_in_pictures", "wrong.html", WIDE, what_differs_is_shown_in_pictures),
        (
            "a_narrow_screen_needs_no_sideways_scrolling",
            "wrong.html",
            NARROW,
            a_narrow_screen_needs_no_sideways_scrolling,
        ),
        ("text_stands_out_in_light_and_dark", "wrong.html", WIDE, text_stands_out_in_light_and_dark),
        ("text_stands_out_on_a_narrow_screen", "right.html", NARROW, text_stands_out_in_light_and_dark),
    ];
    let pages = (!arguments.list).then(browser::installed).flatten().map(|browser| Arc::new(Pages::write(browser)));
    let trials = tests.into_iter().map(|(name, file, size, test)| {
        let pages = pages.clone();
        Trial::ignorable_test(name, move || run(pages.as_deref(), file, size, test))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn run(pages: Option<&Pages>, file: &str, size: [u32; 2], test: Reader) -> Result<Completion, Failed> {
    let Some(pages) = pages else {
        let why = "no browser is installed: chromium is looked for in PATH";
        return match std::env::var_os("MAPCHECK_BROWSER") {
            Some(_) => Err(format!("{why}, and MAPCHECK_BROWSER asks for one").into()),
            None => Ok(Completion::ignored_with(why)),
        };
    };
    let mut page = pages.open(file, size);
    test(&mut page);
    if page.complaints.is_empty() { Ok(Completion::Completed) } else { Err(page.complaints.join("\n").into()) }
}
