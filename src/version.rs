//! Versions of frameworks, in their order: 2.10.0 comes after 2.7.0.

/// The numbers of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads `2.10.0`; what is no number counts as 0.
    pub fn of(text: &str) -> Self {
        Self(text.split('.').map(|number| number.parse().unwrap_or(0)).collect())
    }

    /// The framework and the version of an engine's name: `torch` and 1.8.1 of `torch-1.8.1`.
    pub fn of_engine(name: &str) -> Option<(&str, Self)> {
        let (framework, version) = name.split_once('-')?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| (framework, Self::of(version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(Version::of("2.7.0") < Version::of("2.10.0"));
        assert!(Version::of("2.4.10") > Version::of("2.4.9"));
        assert!(Version::of("2.13") < Version::of("2.13.0"));
    }

    #[test]
    fn a_name_is_a_framework_and_a_version() {
        assert_eq!(Version::of_engine("mindspore-2.10.0"), Some(("mindspore", Version::of("2.10.0"))));
        assert_eq!(Version::of_engine("rust"), None);
        assert_eq!(Version::of_engine("torch-nightly"), None);
    }
}
