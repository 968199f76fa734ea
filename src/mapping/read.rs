//! stub
/// stub
pub fn read(_: &std::path::Path) -> Result<super::Mapping, Vec<super::Diagnostic>> {
    todo!()
}
