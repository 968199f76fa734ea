//! stub
/// stub
#[derive(Clone, Debug)]
pub struct Diagnostic;
impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stub")
    }
}
