//! The rows as a picture: how many times as fast as libtorch ours is, over the size of the input.
//!
//! Both axes are logarithmic. The colours, that of the text too, are readable on white and on black.

use mapcheck::tensor::DType;

use super::case::{DTYPES, Direction};
use super::race::THREADS;
use super::row::{ByThreads, Row, is_disturbed};

/// Of one panel.
const SIZE: (f64, f64) = (420.0, 240.0);

/// Around each panel, for its axes.
const MARGIN: (f64, f64) = (56.0, 44.0);

const GREY: &str = "#808080";

/// A panel: what it shows, and where it is.
struct Panel {
    direction: Direction,
    /// Which of [`THREADS`].
    threads: usize,
    left: f64,
    top: f64,
}

/// The ranges of both axes, in powers of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ranges {
    bytes: (f64, f64),
    ratio: (f64, f64),
}

/// A size and a ratio, in powers of ten.
type Point = (f64, f64);

/// The picture; `None` where the rows have nothing to draw. Only the first layout is drawn.
pub fn svg(rows: &[Row]) -> Option<String> {
    let layout = rows.first()?.case.layout;
    let rows: Vec<&Row> = rows.iter().filter(|row| row.case.layout == layout).collect();
    let ranges = ranges(&rows)?;
    let (width, height) = (2.0 * (SIZE.0 + MARGIN.0) + 20.0, 2.0 * (SIZE.1 + MARGIN.1) + 60.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"none\">\n"
    );
    text += &legend(&layout.to_string());
    for threads in 0..THREADS.len() {
        for (across, direction) in Direction::ALL.into_iter().enumerate() {
            let left = MARGIN.0 + across as f64 * (SIZE.0 + MARGIN.0);
            let top = 60.0 + threads as f64 * (SIZE.1 + MARGIN.1);
            text += &Panel { direction, threads, left, top }.drawn(&rows, ranges);
        }
    }
    Some(text + "</svg>\n")
}

fn legend(layout: &str) -> String {
    let mut text = label(
        MARGIN.0,
        16.0,
        "start",
        GREY,
        &format!("How many times as fast as libtorch, {layout} (above 1: ours is faster)"),
    );
    for (at, dtype) in DTYPES.into_iter().enumerate() {
        text += &label(MARGIN.0 + 50.0 * at as f64, 34.0, "start", colour(dtype), dtype.name());
    }
    text + &label(MARGIN.0 + 220.0, 34.0, "start", GREY, "thick: ours; dashed: memcpy; dotted: non-temporal copy")
}

impl Panel {
    fn drawn(&self, rows: &[&Row], ranges: Ranges) -> String {
        let Self { left, top, .. } = *self;
        let (width, height) = SIZE;
        // What lies beyond the panel is cut off.
        let mut curves = format!(
            "<svg x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" viewBox=\"{left} {top} {width} {height}\">\n"
        );
        for dtype in DTYPES {
            let kept = rows.iter().filter(|row| row.direction == self.direction && row.case.dtype == dtype);
            let kept: Vec<&Row> = kept.copied().collect();
            for (of, style) in [
                (Row::to_public as fn(&Row) -> ByThreads, "stroke-width=\"2.2\""),
                (Row::copy_to_public, "stroke-width=\"0.8\" stroke-dasharray=\"5 3\""),
                (Row::stream_to_public, "stroke-width=\"0.8\" stroke-dasharray=\"1 2\""),
            ] {
                let points = curve(&kept, |row| trusted(row, of(row))[self.threads]);
                let points: Vec<String> = points.into_iter().map(|point| self.place(point, ranges)).collect();
                let (points, colour) = (points.join(" "), colour(dtype));
                curves += &format!("<polyline points=\"{points}\" stroke=\"{colour}\" {style}/>\n");
            }
        }
        self.axes(ranges) + &curves + "</svg>\n"
    }

    /// The frame, its title, and a thin line for each power of ten; that of 1 is thicker.
    fn axes(&self, ranges: Ranges) -> String {
        let (left, top, bottom) = (self.left, self.top, self.top + SIZE.1);
        let threads = THREADS[self.threads];
        let title = format!("{}, {threads} thread{}", self.direction, if threads == 1 { "" } else { "s" });
        let mut text = label(left + SIZE.0 / 2.0, top - 6.0, "middle", GREY, &title);
        for power in powers(ranges.ratio) {
            let y = self.y(power, ranges);
            let width = if power == 0.0 { 1.2 } else { 0.3 };
            text += &format!("<path d=\"M{left:.1} {y:.1}h{}\" stroke=\"{GREY}\" stroke-width=\"{width}\"/>\n", SIZE.0);
            text += &label(left - 6.0, y + 4.0, "end", GREY, &10f64.powf(power).to_string());
        }
        for power in powers(ranges.bytes) {
            let x = self.x(power, ranges);
            text += &format!("<path d=\"M{x:.1} {top:.1}v{}\" stroke=\"{GREY}\" stroke-width=\"0.3\"/>\n", SIZE.1);
            text += &label(x, bottom + 16.0, "middle", GREY, &bytes(power));
        }
        text
    }

    fn place(&self, (bytes, ratio): Point, ranges: Ranges) -> String {
        format!("{:.1},{:.1}", self.x(bytes, ranges), self.y(ratio, ranges))
    }

    fn x(&self, power: f64, ranges: Ranges) -> f64 {
        self.left + SIZE.0 * share(power, ranges.bytes)
    }

    fn y(&self, power: f64, ranges: Ranges) -> f64 {
        self.top + SIZE.1 * (1.0 - share(power, ranges.ratio))
    }
}

/// Ratios to libtorch without those that were disturbed.
fn trusted(row: &Row, [one, two]: ByThreads) -> ByThreads {
    [one, two.filter(|_| !is_disturbed(row.public))]
}

/// Ratios over sizes, small sizes first.
fn curve(rows: &[&Row], ratio: impl Fn(&Row) -> Option<f64>) -> Vec<Point> {
    let point = |row: &&Row| Some(((row.case.bytes() as f64).log10(), ratio(row)?.log10()));
    let mut points: Vec<Point> = rows.iter().filter_map(point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points
}

/// What holds every point of ours, and the decade above a ratio of 1. Copies may lie beyond.
fn ranges(rows: &[&Row]) -> Option<Ranges> {
    let bytes = whole(rows.iter().map(|row| (row.case.bytes() as f64).log10()))?;
    let ratios = rows.iter().flat_map(|row| trusted(row, row.to_public()));
    let ratio = whole(ratios.flatten().map(f64::log10).chain([0.0, 1.0]))?;
    Some(Ranges { bytes, ratio })
}

/// From one whole number to another; never an empty range.
fn whole(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let widen = |range: Option<(f64, f64)>, value: f64| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    };
    let (low, high) = values.fold(None, widen)?;
    Some((low.floor(), high.ceil().max(low.floor() + 1.0)))
}

fn powers((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    (low as i32..=high as i32).map(f64::from)
}

fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    (value - low) / (high - low)
}

fn bytes(power: f64) -> String {
    let (unit, less) = match power {
        power if power < 3.0 => ("B", 0.0),
        power if power < 6.0 => ("kB", 3.0),
        power if power < 9.0 => ("MB", 6.0),
        _ => ("GB", 9.0),
    };
    format!("{} {unit}", 10f64.powf(power - less))
}

fn colour(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "#3b82f6",
        DType::F16 => "#d9730d",
        DType::BF16 => "#2f9e44",
        DType::F64 => "#b05bd0",
    }
}

fn label(x: f64, y: f64, anchor: &str, colour: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn ranges_hold_everything_and_a_ratio_of_one() {
        let row = row(Direction::Forward);
        // 131072 bytes; ratios 2 and 2/3.
        assert_eq!(ranges(&[&row]), Some(Ranges { bytes: (5.0, 6.0), ratio: (-1.0, 1.0) }));
        assert_eq!(ranges(&[]), None);
        assert_eq!(whole([2.0].into_iter()), Some((2.0, 3.0)));
    }

    #[test]
    fn points_lie_inside_their_panel() {
        let (row, ranges) = (row(Direction::Forward), Ranges { bytes: (5.0, 6.0), ratio: (-1.0, 1.0) });
        let panel = Panel { direction: Direction::Forward, threads: 0, left: 10.0, top: 20.0 };
        assert_eq!(panel.place((5.0, 1.0), ranges), "10.0,20.0");
        assert_eq!(panel.place((6.0, -1.0), ranges), "430.0,260.0");
        assert_eq!(curve(&[&row], |row| row.to_public()[0]), [(131072f64.log10(), 2f64.log10())]);
    }

    #[test]
    fn a_picture_has_four_panels() {
        let text = svg(&[row(Direction::Forward), row(Direction::Backward)]).unwrap();
        assert_eq!(text.matches(" thread").count(), 4);
        assert_eq!(text.matches("<polyline").count(), 4 * 4 * 3);
        assert!(!text.contains("NaN") && text.ends_with("</svg>\n"));
        assert_eq!(svg(&[]), None);
    }
}
