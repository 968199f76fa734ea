//! The report as JSON, and the schema of it.

use schemars::schema_for;

use super::Report;

impl Report {
    /// The report on one line.
    ///
    /// # Errors
    /// None that input can cause; serde_json has to say so.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| json + "\n")
    }
}

/// The JSON Schema of a report.
pub fn schema() -> String {
    crate::mapping::schema_text(schema_for!(Report))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::check::Suite;
    use crate::engine::Rust;
    use crate::mapping::schema::tests::accepts;
    use crate::mapping::{self, Argument, Side};

    #[test]
    fn a_report_is_as_its_schema_says() {
        let mut mapping = mapping::read(Path::new("specs/group_norm")).unwrap();
        // Findings too, and an infinity.
        for row in &mut mapping.rows {
            row.file.cases.iter_mut().for_each(|case| case.off.clear());
            row.file.default.insert(Side::Mindspore, Argument::Float(0.5));
            if row.name != "input" && row.name != "eps" {
                row.file.cases.truncate(2);
            }
        }
        let suite = Suite::new(mapping, Box::new(Rust), Vec::new());
        let report = Report::of(&suite, &suite.run(&suite.checks()));
        let schema: Value = serde_json::from_str(&super::schema()).unwrap();
        let mut json: Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(json["verdict"], "refuted");
        assert!(accepts(&schema, &schema, &json));
        json["rows"][0]["engines"][0]["used"] = "infinite".into();
        assert!(!accepts(&schema, &schema, &json));
        json["rows"][0]["engines"][0]["used"] = "Infinity".into();
        assert!(accepts(&schema, &schema, &json));
        json["checks"][0]["verdict"] = "passed".into();
        assert!(!accepts(&schema, &schema, &json));
    }
}
