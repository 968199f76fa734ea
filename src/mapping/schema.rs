//! stub
/// stub
pub fn mapping_schema() -> String {
    todo!()
}
/// stub
pub fn row_schema() -> String {
    todo!()
}
