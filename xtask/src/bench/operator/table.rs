//! The rows as a Markdown table, and the list of the cells in which ours is behind.

use super::accuracy::Error;
use super::row::{ByThreads, Row, is_disturbed};

/// Heads of the columns, in the order of [`cells`].
const HEADS: [&str; 21] = [
    "dtype",
    "direction",
    "layout",
    "shape",
    "us",
    "public 1",
    "public 2",
    "allocating 1",
    "allocating 2",
    "/ memcpy 1",
    "/ memcpy 2",
    "/ streamed 1",
    "/ streamed 2",
    "ULP at 0",
    "libtorch's",
    "ULP at 1e4",
    "libtorch's",
    "candle 1",
    "candle 2",
    "burn 1",
    "burn 2",
];

/// The columns that are always there: those of the other frameworks follow.
const ALWAYS: usize = HEADS.len() - 4;

/// The columns whose text is set to the left.
const LEFT: usize = 4;

/// Errors that differ by less are the same.
const SAME_ERROR: f64 = 1.01;

/// Behind a ratio to libtorch that was disturbed.
const DOUBT: &str = "?";

/// What the columns are.
pub const LEGEND: &str = "\
Times are the least of all rounds. **Bold**: ours is behind. `?`: with 2 threads libtorch took over four times as
long as with 1, because something else kept a core busy; measure it again when the machine is quiet.

- `us`: our time with 1 thread, in microseconds: `forward_into`, or `backward` (dx, dgamma, dbeta).
- `public`: how many times as fast as libtorch ours is, with 1 and with 2 threads. Forward, libtorch is the
  faster of its allocating call and its call into a given output; backward, it is its backward pass less
  the autograd around it. `-` where nothing is left of that.
- `allocating`: the same of both allocating forward calls.
- From 32 MiB on, glibc gives every new array new pages, to libtorch in its call into a given output too. Ours asks
  for large ones.
- `/ memcpy`, `/ streamed`: our time over that of copying the bytes of the input, plainly and past the caches.
- `ULP at 0`, `ULP at 1e4`: our error at that mean of the input, and libtorch's; root mean square / largest, in
  the unit that `exact` gives. Of the three gradients, the worst. Small shapes are drawn again and again, until
  there are 16 Ki elements.
- `candle`, `burn`: how many times as fast as theirs our allocating forward call is.
";

/// A field of the table.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    text: String,
    behind: bool,
}

impl Cell {
    fn plain(text: impl ToString) -> Self {
        Self { text: text.to_string(), behind: false }
    }

    fn measured(value: Option<f64>) -> Self {
        Self::plain(value.map_or("-".to_owned(), number))
    }

    /// A ratio that is to be above 1.
    fn judged(value: Option<f64>) -> Self {
        Self { behind: value.is_some_and(|value| value < 1.0), ..Self::measured(value) }
    }

    fn in_doubt(self) -> Self {
        Self { text: self.text + DOUBT, ..self }
    }

    fn shown(&self) -> String {
        if self.behind { format!("**{}**", self.text) } else { self.text.clone() }
    }
}

/// The table, its columns of one width each.
pub fn markdown(rows: &[Row]) -> String {
    let columns = columns(rows);
    let lines: Vec<Vec<String>> =
        rows.iter().map(|row| cells(row)[..columns].iter().map(Cell::shown).collect()).collect();
    let width = |column: usize| {
        let texts = lines.iter().map(|line| line[column].len());
        texts.chain([HEADS[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = line(&HEADS[..columns], &widths);
    for (column, width) in widths.iter().enumerate() {
        text +=
            &if column < LEFT { format!("|:{}-", "-".repeat(*width)) } else { format!("|-{}:", "-".repeat(*width)) };
    }
    text += "|\n";
    lines.iter().fold(text, |text, cells| text + &line(cells, &widths))
}

/// The cells in which ours is behind, one line for each row that has any.
pub fn behind(rows: &[Row]) -> String {
    let columns = columns(rows);
    let mut list = String::new();
    let (mut judged, mut behind, mut doubtful) = (0, 0, 0);
    for row in rows {
        let cells = cells(row);
        judged += comparisons(row);
        doubtful += cells.iter().filter(|cell| cell.text.ends_with(DOUBT)).count();
        let marked = HEADS.iter().zip(&cells[..columns]).filter(|(_, cell)| cell.behind);
        let marked: Vec<String> = marked.map(|(head, cell)| format!("{head}: {}", cell.text)).collect();
        behind += marked.len();
        if !marked.is_empty() {
            list += &format!("- {} {}: {}\n", row.direction, row.case, marked.join(", "));
        }
    }
    let doubt = if doubtful > 0 { format!(" Disturbed (`{DOUBT}`): {doubtful}.") } else { String::new() };
    let gap = if behind > 0 { "\n" } else { "" };
    format!("Ours is behind in {behind} of {judged} comparisons.{doubt}\n{gap}{list}")
}

fn columns(rows: &[Row]) -> usize {
    let has_others = |row: &Row| row.candle.iter().chain(&row.burn).any(Option::is_some);
    if rows.iter().any(has_others) { HEADS.len() } else { ALWAYS }
}

/// How many cells of a row could be marked.
fn comparisons(row: &Row) -> usize {
    let ratios = [row.to_public(), row.to_allocating(), row.to_candle(), row.to_burn()];
    ratios.iter().flatten().flatten().count() + row.accuracy.iter().flatten().count()
}

fn cells(row: &Row) -> Vec<Cell> {
    let case = row.case;
    let mut cells = vec![
        Cell::plain(case.dtype),
        Cell::plain(row.direction),
        Cell::plain(case.layout),
        Cell::plain(case.shape),
        Cell::measured(row.ours[0].map(|seconds| seconds * 1e6)),
    ];
    for (ratios, theirs) in [(row.to_public(), row.public), (row.to_allocating(), row.torch_forward)] {
        let [one, two] = ratios.map(Cell::judged);
        cells.extend([one, if is_disturbed(theirs) { two.in_doubt() } else { two }]);
    }
    let mut extend = |cell: fn(Option<f64>) -> Cell, values: ByThreads| cells.extend(values.map(cell));
    extend(Cell::measured, row.over_copy());
    extend(Cell::measured, row.over_stream());
    for errors in row.accuracy {
        let text = |error: Error| format!("{} / {}", number(error.rms), number(error.max));
        let behind = |errors: &super::accuracy::Errors| {
            let larger = |ours: f64, theirs: f64| ours > SAME_ERROR * theirs;
            larger(errors.ours.rms, errors.theirs.rms) || larger(errors.ours.max, errors.theirs.max)
        };
        let ours = errors.map_or("-".to_owned(), |errors| text(errors.ours));
        cells.push(Cell { text: ours, behind: errors.as_ref().is_some_and(behind) });
        cells.push(Cell::plain(errors.map_or("-".to_owned(), |errors| text(errors.theirs))));
    }
    cells.extend(row.to_candle().map(Cell::judged));
    cells.extend(row.to_burn().map(Cell::judged));
    cells
}

/// Two or three digits. What is below 1 is never shown as 1.
fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => value.to_string(),
        0.0 => "0".to_owned(),
        value if value < 0.0995 => format!("{value:.3}"),
        value if value < 1.0 => format!("{:.2}", value.min(0.99)),
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value if value < 1e7 => format!("{value:.0}"),
        value => format!("{value:.2e}"),
    }
}

fn line(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let cells = cells.iter().map(AsRef::as_ref).zip(widths).enumerate();
    let padded = cells.map(
        |(column, (text, &width))| {
            if column < LEFT { format!("| {text:<width$} ") } else { format!("| {text:>width$} ") }
        },
    );
    padded.collect::<String>() + "|\n"
}

#[cfg(test)]
mod tests {
    use super::super::accuracy::Errors;
    use super::super::case::Direction;
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn every_line_has_the_same_columns_and_the_same_width() {
        let text = markdown(&[row(Direction::Forward), row(Direction::Backward)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.len() == lines[0].len() && line.matches('|').count() == ALWAYS + 1));
        assert!(
            lines[2].starts_with("| f32   | forward   | contiguous | 2x64x16x16/32 | 4000000 |     2.00 | **0.67** |")
        );
        assert!(lines[3].contains(" 2.00 |        - |"));
    }

    #[test]
    fn what_is_behind_is_bold_and_listed() {
        let rows = [row(Direction::Forward), row(Direction::Backward)];
        assert_eq!(
            behind(&rows),
            "Ours is behind in 1 of 4 comparisons.\n\n- forward f32 contiguous 2x64x16x16/32: public 2: 0.67\n"
        );
        assert_eq!(behind(&rows[1..]), "Ours is behind in 0 of 1 comparisons.\n");
    }

    #[test]
    fn what_was_disturbed_is_in_doubt() {
        let mut row = row(Direction::Forward);
        row.public[1] = Some(81.0); // 8 with one thread
        assert_eq!(cells(&row)[6].shown(), "27.0?");
        assert!(behind(&[row]).starts_with("Ours is behind in 0 of 3 comparisons. Disturbed (`?`): 1.\n"));
    }

    #[test]
    fn a_larger_error_is_behind() {
        let error = |rms, max| Error { rms, max };
        let mut row = row(Direction::Backward);
        row.accuracy = [
            Some(Errors { ours: error(0.29, 0.501), theirs: error(0.29, 0.5) }),
            Some(Errors { ours: error(0.2, 7.0), theirs: error(0.3, 5.0) }),
        ];
        let cells = cells(&row);
        assert_eq!((cells[13].shown().as_str(), cells[14].shown().as_str()), ("0.29 / 0.50", "0.29 / 0.50"));
        assert_eq!((cells[15].shown().as_str(), cells[16].shown().as_str()), ("**0.20 / 7.00**", "0.30 / 5.00"));
        assert!(behind(&[row]).starts_with("Ours is behind in 1 of 3 comparisons.\n"));
    }

    #[test]
    fn other_frameworks_have_columns_where_they_were_timed() {
        let mut row = row(Direction::Forward);
        row.candle = [Some(3.0), None];
        let text = markdown(std::slice::from_ref(&row));
        assert!(text.lines().all(|line| line.matches('|').count() == HEADS.len() + 1));
        assert!(behind(&[row]).contains("public 2: 0.67, candle 1: 0.50"));
    }

    #[test]
    fn numbers_are_short_and_never_round_up_to_one() {
        let shown = [0.0, 0.0123, 0.999, 1.0, 9.994, 9.996, 99.96, 12345.6, 1.5e8, f64::INFINITY].map(number);
        assert_eq!(shown, ["0", "0.012", "0.99", "1.00", "9.99", "10.0", "100", "12346", "1.50e8", "inf"]);
    }
}
