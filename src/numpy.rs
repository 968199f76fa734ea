//! How numpy prints an array: what `print` of an output shows in either framework.
//!
//! Source: numpy 2.4.6, `numpy.set_printoptions` at its defaults (8 digits, lines of 75). Arrays of more than
//! 1,000 elements, which numpy cuts short, are printed whole here.

use crate::dtype::DType;
use crate::tensor::Tensor;

const LINE: usize = 75;
const DIGITS: usize = 8;

/// A tensor as `print` of its numpy array shows it.
pub fn printed(tensor: &Tensor) -> String {
    let (values, dtype) = (tensor.to_f64(), tensor.dtype());
    if values.is_empty() {
        return "[]".to_owned();
    }
    let words = words(&values, dtype);
    if tensor.shape().is_empty() {
        return words[0].trim().to_owned();
    }
    nested(tensor.shape(), &words, 0, LINE)
}

/// The elements, all of one width.
fn words(values: &[f64], dtype: DType) -> Vec<String> {
    let magnitudes = || values.iter().map(|v| v.abs()).filter(|v| v.is_finite() && *v != 0.0);
    let (least, most) = (magnitudes().fold(f64::INFINITY, f64::min), magnitudes().fold(0.0, f64::max));
    let scientific = most >= 1e8 || most > 0.0 && (least < 1e-4 || most / least > 1000.0);
    let parts: Vec<Parts> = values.iter().map(|&v| Parts::of(v, dtype, scientific)).collect();
    let longest = |length: fn(&Parts) -> usize| parts.iter().map(length).max().unwrap_or(0);
    let finite = |parts: &Parts, length: usize| if parts.is_finite { length } else { 0 };
    let fraction = parts.iter().map(|p| finite(p, p.fraction.len())).max().unwrap_or(0);
    let exponent = parts.iter().map(|p| finite(p, p.exponent.len())).max().unwrap_or(0);
    let whole = parts.iter().map(|p| finite(p, p.whole.len())).max().unwrap_or(0);
    let all_finite = parts.iter().all(|p| p.is_finite);
    let width = if all_finite || parts.iter().any(|p| p.is_finite) { whole + 1 + fraction + exponent } else { 0 };
    let width = width.max(longest(|p| if p.is_finite { 0 } else { p.whole.len() }));
    parts
        .into_iter()
        .map(|p| {
            let word = match (p.is_finite, scientific) {
                (false, _) => p.whole,
                // With an exponent, zeros fill the fraction; without one, blanks do.
                (true, true) => format!("{}.{:0<fraction$}{}", p.whole, p.fraction, p.exponent),
                (true, false) => format!("{}.{:<fraction$}", p.whole, p.fraction),
            };
            format!("{word:>width$}")
        })
        .collect()
}

/// A number, `-12.5e+08`, in parts.
struct Parts {
    is_finite: bool,
    /// `-12`, or all of what is no number.
    whole: String,
    /// `5`
    fraction: String,
    /// `e+08`, or nothing
    exponent: String,
}

impl Parts {
    fn of(value: f64, dtype: DType, scientific: bool) -> Self {
        let none = String::new;
        if !value.is_finite() {
            let whole = if value.is_nan() { "nan".to_owned() } else { format!("{value}") };
            return Self { is_finite: false, whole, fraction: none(), exponent: none() };
        }
        let text = shortest(value, dtype, scientific);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, ""));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent = exponent.parse::<i32>().ok().filter(|_| scientific);
        Self {
            is_finite: true,
            whole: whole.to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
            exponent: exponent.map_or_else(none, |e| format!("e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs())),
        }
    }
}

/// The fewest digits that tell a number from its neighbours, or 8 behind the point.
fn shortest(value: f64, dtype: DType, scientific: bool) -> String {
    let written = |digits: Option<usize>| match (digits, scientific, dtype) {
        (Some(digits), true, _) => format!("{value:.digits$e}"),
        (Some(digits), false, _) => format!("{value:.digits$}"),
        (None, true, DType::F64) => format!("{value:e}"),
        (None, true, _) => format!("{:e}", value as f32),
        (None, false, DType::F64) => format!("{value}"),
        (None, false, _) => format!("{}", value as f32),
    };
    // No shortest form of f16 is known to Rust: the first that reads back as the same number.
    let narrow = matches!(dtype, DType::F16).then(|| {
        (0..=DIGITS)
            .map(|digits| written(Some(digits)))
            .find(|text| text.parse().is_ok_and(|v| dtype.round(v) == value))
    });
    let text = narrow.flatten().unwrap_or_else(|| written(None));
    let digits = text.split('e').next().and_then(|digits| digits.split_once('.')).map_or(0, |(_, f)| f.len());
    if digits > DIGITS { written(Some(DIGITS)) } else { text }
}

/// Brackets within brackets; `indent` is how far the text is already indented.
fn nested(shape: &[usize], words: &[String], indent: usize, line: usize) -> String {
    let (size, inner) = (shape[0], &shape[1..]);
    let width = line - 1;
    let hanging = " ".repeat(indent + 1);
    if inner.is_empty() {
        let mut text = String::from("[");
        let mut used = indent + 1;
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                text.push(' ');
                used += 1;
            }
            if used + word.len() > width && used > hanging.len() {
                text.truncate(text.trim_end().len());
                text.push('\n');
                text.push_str(&hanging);
                used = hanging.len();
            }
            text.push_str(word);
            used += word.len();
        }
        text.push(']');
        return text;
    }
    let step = words.len() / size.max(1);
    let parts: Vec<String> = words.chunks(step.max(1)).map(|words| nested(inner, words, indent + 1, width)).collect();
    let lines = "\n".repeat(inner.len());
    format!("[{}]", parts.join(&format!("{lines}{hanging}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(dtype: DType, values: &[f64]) -> String {
        printed(&Tensor::from_f64(dtype, &[values.len()], values).unwrap())
    }

    /// What numpy 2.4.6 prints for the same, as it was seen.
    #[test]
    fn one_dimension() {
        let third = 1.0 / 3.0;
        for (dtype, values, expected) in [
            (DType::F32, &[-0.0, 1.5, -2.25][..], "[-0.    1.5  -2.25]"),
            (DType::F32, &[third, 2.0 * third, 5e-3], "[0.33333334 0.6666667  0.005     ]"),
            (DType::F32, &[1e-5, 1.0], "[1.e-05 1.e+00]"),
            (DType::F32, &[1e8, 1.0], "[1.e+08 1.e+00]"),
            (DType::F32, &[1000.0, 0.5], "[1.e+03 5.e-01]"),
            (DType::F32, &[f64::NAN, 1.0, f64::NEG_INFINITY], "[ nan   1. -inf]"),
            (DType::F32, &[f64::NAN, f64::NAN], "[nan nan]"),
            (DType::F16, &[0.1, 0.3333, 12.0], "[ 0.1     0.3333 12.    ]"),
            (DType::F16, &[65504.0, 1e-4], "[6.55e+04 1.00e-04]"),
            (DType::F64, &[0.1, 123456.789], "[1.00000000e-01 1.23456789e+05]"),
            (DType::F64, &[-1.2, 0.5], "[-1.2  0.5]"),
            (DType::F64, &[1e-10, 1e10, -3.5], "[ 1.0e-10  1.0e+10 -3.5e+00]"),
            (DType::F64, &[third, -2.0 * third], "[ 0.33333333 -0.66666667]"),
            (DType::F64, &[f64::INFINITY, 1e-9], "[   inf 1.e-09]"),
            (DType::F32, &[], "[]"),
        ] {
            assert_eq!(print(dtype, values), expected);
        }
    }

    #[test]
    fn many_dimensions_and_long_lines() {
        let zeros = Tensor::from_f64(DType::F32, &[1, 2, 2, 2], &[0.0; 8]).unwrap();
        assert_eq!(printed(&zeros), "[[[[0. 0.]\n   [0. 0.]]\n\n  [[0. 0.]\n   [0. 0.]]]]");
        assert_eq!(printed(&Tensor::from_f64(DType::F32, &[], &[2.5]).unwrap()), "2.5");
        let sevenths: Vec<f64> = (0..14u8).map(|i| f64::from(f32::from(i) / 7.0)).collect();
        let expected = "[[0.         0.14285715 0.2857143  0.42857143 0.5714286  0.71428573\n  \
                        0.85714287 1.         1.1428572  1.2857143  1.4285715  1.5714285\n  1.7142857  1.8571428 ]]";
        assert_eq!(printed(&Tensor::from_f64(DType::F32, &[1, 14], &sevenths).unwrap()), expected);
    }
}
