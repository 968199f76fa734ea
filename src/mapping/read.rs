//! stub
/// stub
pub fn read(folder: &std::path::Path) -> Result<super::Mapping, Vec<super::Diagnostic>> {
    let file = serde_yaml::from_str(&std::fs::read_to_string(folder.join("mapping.yaml")).unwrap()).unwrap();
    let mut rows = Vec::new();
    for e in std::fs::read_dir(folder).unwrap() {
        let path = e.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "mapping" {
            continue;
        }
        let file: super::RowFile =
            serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{path:?} {e}"));
        rows.push(super::Row { name, path, lines: vec![], file });
    }
    rows.sort_by_key(|r| r.file.row);
    Ok(super::Mapping { name: "group_norm".into(), folder: folder.into(), file, rows })
}
