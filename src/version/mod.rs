//! Versions and the two range grammars of this field.

use std::fmt;

/// A strict semantic version as blang/semver reads it; see `reference` §1.5. Order ignores build metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
