//! The range of an ImageSetConfiguration's `minVersion` and `maxVersion`, with the rules of Masterminds/semver v3.

use std::fmt;

use super::semver::Version;

/// `>=MIN <=MAX`, where either may be missing.
///
/// A pre-release is outside unless one of the bounds is a pre-release itself: `4.16.3-rhodf` is not in `>=4.16.0 <=4.16.9`, and
/// is in `>=4.16.0-rhodf <=4.16.9`. (Masterminds/semver from 3.4 on looks at both bounds together; before, each bound that was
/// no pre-release kept pre-releases out.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MastermindsRange {
    min: Option<Version>,
    max: Option<Version>,
}

impl MastermindsRange {
    /// All from `min` to `max`, both included.
    pub fn between(min: Option<&Version>, max: Option<&Version>) -> Self {
        Self { min: min.cloned(), max: max.cloned() }
    }

    /// Whether there is no bound at all.
    pub fn is_unbounded(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// The lower bound.
    pub fn min(&self) -> Option<&Version> {
        self.min.as_ref()
    }

    /// The upper bound.
    pub fn max(&self) -> Option<&Version> {
        self.max.as_ref()
    }

    /// The only version in it, where both bounds are the same text.
    pub fn exact(&self) -> Option<&Version> {
        self.min.as_ref().filter(|min| Some(*min) == self.max.as_ref())
    }

    /// Whether the version is in it.
    pub fn contains(&self, version: &Version) -> bool {
        let mut bounds = self.min.iter().chain(&self.max);
        let allowed =
            self.is_unbounded() || version.pre().is_empty() || bounds.any(|bound| !bound.pre().is_empty());
        allowed
            && self.min.as_ref().is_none_or(|min| version.precedence(min).is_ge())
            && self.max.as_ref().is_none_or(|max| version.precedence(max).is_le())
    }
}

impl fmt::Display for MastermindsRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.min, &self.max) {
            (None, None) => f.write_str("*"),
            (Some(min), None) => write!(f, ">={min}"),
            (None, Some(max)) => write!(f, "<={max}"),
            (Some(min), Some(max)) => write!(f, ">={min} <={max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pre_release_needs_a_bound_that_is_one() {
        for (min, max, version, expected) in [
            ("4.16.0", "4.16.9", "4.16.3-rhodf", false),
            ("4.16.0-rhodf", "4.16.9-rhodf", "4.16.3-rhodf", true),
            ("4.16.0-rhodf", "4.16.9", "4.16.3-rhodf", true),
            ("4.16.0-rhodf", "", "4.16.3-rhodf", true),
            ("", "4.16.9", "4.16.3-rhodf", false),
            ("", "", "4.16.3-rhodf", true),
            ("1.8.0", "1.9.0", "1.8.0", true),
            ("1.8.0", "1.9.0", "1.9.0+0.1708477317.p", true),
            ("1.8.0", "1.9.0", "1.9.1", false),
            ("1.8.0", "", "1.7.9", false),
        ] {
            let parse = |text: &str| Version::parse(text).ok();
            let range = MastermindsRange::between(parse(min).as_ref(), parse(max).as_ref());
            assert_eq!(range.contains(&parse(version).unwrap()), expected, "{range} · {version}");
        }
    }

    proptest::proptest! {
        /// Any texts that are versions make a range, which holds its own bounds where they are in order.
        #[test]
        fn any_bounds_make_a_range(min in "[0-9.a-z+-]{0,12}", max in "[0-9]\\.[0-9]\\.[0-9](-[0-9a-z.-]{1,5})?(\\+[0-9a-z]{1,3})?") {
            let (min, max) = (Version::parse(&min).ok(), Version::parse(&max).ok());
            let range = MastermindsRange::between(min.as_ref(), max.as_ref());
            let in_order = min.iter().zip(&max).all(|(min, max)| min.precedence(max).is_le());
            for bound in min.iter().chain(&max) {
                proptest::prop_assert_eq!(range.contains(bound), in_order, "{} {}", range, bound);
            }
        }
    }

    /// One product, two rules: the table that tells them apart.
    #[test]
    fn the_two_grammars_differ_on_pre_releases() {
        let version = Version::parse("4.16.3-rhodf").unwrap();
        let (low, high) = (Version::parse("4.15.0").unwrap(), Version::parse("4.17.0").unwrap());
        assert!(super::super::BlangRange::parse(">=4.15.0 <=4.17.0").unwrap().contains(&version));
        assert!(!MastermindsRange::between(Some(&low), Some(&high)).contains(&version));
    }
}
