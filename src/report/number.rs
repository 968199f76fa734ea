//! Numbers as people read them.

/// Three significant digits: enough to compare, few enough to read.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e5).contains(&magnitude) {
        let digits = if magnitude == 0.0 { 0 } else { (2 - magnitude.log10().floor() as i32).max(0) as usize };
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}
