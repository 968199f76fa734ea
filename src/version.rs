//! Versions of frameworks, in their order: 2.10.0 comes after 2.7.0.

/// The numbers of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads `2.10.0`; what follows a number, as in `0rc1`, is not looked at.
    pub fn of(text: &str) -> Self {
        let digits =
            |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
        Self(text.split('.').map(|part| digits(part).unwrap_or(0)).collect())
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
