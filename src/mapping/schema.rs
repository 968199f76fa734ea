//! JSON Schemas of the specs, made from their types, for completion in editors.

use schemars::{Schema, schema_for};

use super::{MappingFile, RowFile};

/// The JSON Schema of `mapping.yaml`.
pub fn mapping_schema() -> String {
    schema_text(schema_for!(MappingFile))
}

/// The JSON Schema of a row's file.
pub fn row_schema() -> String {
    schema_text(schema_for!(RowFile))
}

/// A schema as its file has it.
pub(crate) fn schema_text(schema: Schema) -> String {
    let mut schema = schema.to_value();
    // The order is that of the alphabet, whatever features of serde_json another crate asks for.
    schema.sort_all_objects();
    format!("{schema:#}\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::mapping::located;
    use crate::mapping::node::{Content, Node};

    /// Whether a value is what a schema asks for; as much of JSON Schema as the schemas use. (The crate
    /// jsonschema would be a second build of two minutes.)
    pub(crate) fn accepts(root: &Value, schema: &Value, value: &Value) -> bool {
        let Some(keywords) = schema.as_object() else { return schema == &json!(true) };
        let any = |schemas: &Value| schemas.as_array().unwrap().iter().filter(|s| accepts(root, s, value)).count();
        keywords.iter().all(|(keyword, wanted)| match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => accepts(root, root.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap()).unwrap(), value),
            "anyOf" => any(wanted) > 0,
            "oneOf" => any(wanted) == 1,
            "const" => wanted == value,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|name| is_a(name, value)),
                name => is_a(name, value),
            },
            "pattern" => {
                assert_eq!(wanted, "^[a-z0-9_]+$");
                let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                value.as_str().is_none_or(|text| !text.is_empty() && text.chars().all(valid))
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > wanted.as_f64().unwrap()),
            "items" => value.as_array().is_none_or(|items| items.iter().all(|item| accepts(root, wanted, item))),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().unwrap()),
            "required" => value.as_object().is_none_or(|object| {
                wanted.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "properties" => value.as_object().is_none_or(|object| {
                object.iter().all(|(key, value)| wanted.get(key).is_none_or(|schema| accepts(root, schema, value)))
            }),
            "propertyNames" => {
                value.as_object().is_none_or(|object| object.keys().all(|key| accepts(root, wanted, &json!(key))))
            }
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let known = |key: &String| keywords.get("properties").is_some_and(|known| known.get(key).is_some());
                object.iter().all(|(key, value)| known(key) || accepts(root, wanted, value))
            }),
            _ => panic!("the schemas use `{keyword}` now: this test must know it"),
        })
    }

    fn is_a(name: &Value, value: &Value) -> bool {
        match name.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            name => panic!("there is no type `{name}`"),
        }
    }

    /// YAML as an editor hands it to a schema; JSON has no NaN, so that becomes a number.
    fn json_of(yaml: &str) -> Value {
        fn convert(node: &Node) -> Value {
            match &node.content {
                Content::Null => Value::Null,
                Content::Bool(value) => json!(value),
                Content::Int(value) => json!(value),
                Content::Huge(value) => json!(value.parse::<f64>().unwrap()),
                Content::Float(value) => json!(if value.is_finite() { *value } else { 0.5 }),
                Content::Str(value) => json!(value),
                Content::List(items) => items.iter().map(convert).collect(),
                Content::Map(entries) => entries.iter().map(|(key, node)| (key.name.clone(), convert(node))).collect(),
            }
        }
        convert(&located::parse(yaml).unwrap().0)
    }

    #[test]
    fn schemas_accept_every_spec_and_no_misspelt_key() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/group_norm");
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.ends_with("mapping.yaml") { mapping_schema() } else { row_schema() };
            let schema: Value = serde_json::from_str(&text).unwrap();
            let mut value = json_of(&fs::read_to_string(&path).unwrap());
            assert!(accepts(&schema, &schema, &value), "{}", path.display());
            value["goldne"] = Value::Null;
            assert!(!accepts(&schema, &schema, &value), "{}", path.display());
        }
    }

    #[test]
    fn the_schema_of_a_row_accepts_and_rejects_what_the_reader_does() {
        let schema: Value = serde_json::from_str(&row_schema()).unwrap();
        let accepted = |yaml: &str| {
            let mut row = json_of("row: 1\ncases: [{ name: a, call: { eps: 1 } }]");
            for (key, value) in json_of(yaml).as_object().unwrap() {
                row["cases"][0][key] = value.clone();
            }
            accepts(&schema, &schema, &row)
        };
        for yaml in [
            "why: w",
            "call: { eps: [1, ~, { tensor: ramp }], gamma_init: { tensor: { values: [1], dtype: f16 } } }",
            "x: { shape: [2, 6], values: { normal: { std: 2 } }, set: [{ at: [0, 0], to: .nan }] }",
            "dy: { values: [1, 2.5], layout: stepped }",
            "gradients: [x, gamma]",
            "gradients: true",
            "rejected: { torch: ValueError }",
            "off: [{ engine: rust, array: dx, bound: 1.0e-3, why: w }]",
            "tolerance: [{ engine: rust, rtol: 1 }]",
            "off: [{ engine: rust, bound: .inf, why: w }]",
            "built: { gamma: { mean: [0, 1], std: [0, 1], values: [0, 1] } }",
            "call: { eps: { dtype: f16 } }",
            "differs: { how: dtype, versions: [torch-1.8.1], why: w }",
            "prints: '[0. 0.]'",
        ] {
            assert!(accepted(yaml), "{yaml}");
        }
        for yaml in [
            "whi: w",
            "name: A b",
            "x: { shap: [2, 6] }",
            "x: { shape: [2, -6] }",
            "x: { shape: [2.5] }",
            "x: { values: { norml: {} } }",
            "x: { values: { normal: { sdt: 1 } } }",
            "call: { eps: { tensr: [1] } }",
            "dtypes: [f23]",
            "dtypes: f32",
            "layouts: [channels-last]",
            "gradients: [gama]",
            "rejected: { torch: ValuError }",
            "differs: { how: values }",
            "off: [{ engine: rust, bound: 0, why: w }]",
            "built: { gamma: { mean: [0, 1, 2], std: [0, 1], values: [0, 1] } }",
            "call: { eps: { dtpe: f16 } }",
            "call: { eps: { dtype: f61 } }",
            "call: { eps: { tensor: [1], dtype: f16 } }",
            "differs: { how: dtypes, why: w }",
            "differs: { how: dtype, version: [torch-1.8.1], why: w }",
            "differs: { how: dtype, versions: torch-1.8.1, why: w }",
            "print: '[0. 0.]'",
            "prints: [0, 0]",
        ] {
            assert!(!accepted(yaml), "{yaml}");
        }
        let accepted = |yaml: &str| accepts(&schema, &schema, &json_of(&format!("cases: []\n{yaml}")));
        for yaml in [
            "row: 1",
            "row: 1\non_page: false",
            "row: 1\nmissing: [torch-1.8.1]",
            "row: 1\nannounced: { engines: [torch-1.8.1], why: w }",
        ] {
            assert!(accepted(yaml), "{yaml}");
        }
        for yaml in [
            "row: 0",
            "missing: []",
            "row: 1\ndefault: { torhc: 1 }",
            "row: 1\non_pge: false",
            "row: 1\non_page: 0",
            "row: 1\nmising: [torch-1.8.1]",
            "row: 1\nmissing: torch-1.8.1",
            "row: 1\nannounced: [torch-1.8.1]",
            "row: 1\nannounced: { engines: [torch-1.8.1] }",
            "row: 1\nannounced: { engines: [], why: w }",
            "row: 1\nannounced: { engine: [torch-1.8.1], why: w }",
        ] {
            assert!(!accepted(yaml), "{yaml}");
        }
        assert!(!accepts(&schema, &schema, &json_of("row: 1")));
    }

    #[test]
    fn the_schema_of_a_mapping_accepts_and_rejects_what_the_reader_does() {
        let schema: Value = serde_json::from_str(&mapping_schema()).unwrap();
        let api = "{ name: a, documented: '1', constructor: [], forward: [] }";
        let head = format!("apis: {{ torch: {api}, mindspore: {api} }}\nplain: {{}}\ngolden: []");
        let accepted = |limit: &str| accepts(&schema, &schema, &json_of(&format!("{head}\nlimits: [{limit}]")));
        for limit in [
            "{ engines: [torch], when: { rank_not: 4 }, rejected: ValueError, why: w }",
            "{ engines: [torch], when: { dtypes: [f16], gradients: [gamma] }, differs: dtype, why: w }",
            "{ engines: [torch], when: { empty: true }, differs: values, why: w }",
        ] {
            assert!(accepted(limit), "{limit}");
        }
        for limit in [
            "{ engine: [torch], when: { empty: true }, rejected: ValueError, why: w }",
            "{ engines: [], when: { empty: true }, rejected: ValueError, why: w }",
            "{ engines: torch, when: { empty: true }, rejected: ValueError, why: w }",
            "{ engines: [torch], rejected: ValueError, why: w }",
            "{ engines: [torch], when: { empty: true }, rejected: ValueError }",
            "{ engines: [torch], when: { empty: true }, rejects: ValueError, why: w }",
            "{ engines: [torch], when: { empty: true }, rejected: ValuError, why: w }",
            "{ engines: [torch], when: { empty: true }, differs: dtypes, why: w }",
            "{ engines: [torch], when: { empty: 1 }, rejected: ValueError, why: w }",
            "{ engines: [torch], when: { rank: 4 }, rejected: ValueError, why: w }",
            "{ engines: [torch], when: { rank_not: -4 }, rejected: ValueError, why: w }",
            "{ engines: [torch], when: { dtypes: [f61] }, rejected: ValueError, why: w }",
            "{ engines: [torch], when: { gradients: [dgamma] }, rejected: ValueError, why: w }",
        ] {
            assert!(!accepted(limit), "{limit}");
        }
        assert!(!accepts(&schema, &schema, &json_of(&format!("{head}\nlimit: []"))));
    }
}
