//! The architectures that releases are made for.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::ReleaseError;
use crate::reference::serde_as_text;

/// For which machines a release is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Architecture {
    /// x86_64.
    #[default]
    Amd64,
    /// aarch64.
    Arm64,
    /// POWER, little endian.
    Ppc64le,
    /// IBM Z.
    S390x,
    /// All of them in one payload.
    Multi,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Amd64, Self::Arm64, Self::Ppc64le, Self::S390x, Self::Multi];

    /// As the update service writes it, which is Go's spelling: `amd64`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
            Self::Multi => "multi",
        }
    }

    /// As the tag of a release image ends: `4.20.3-x86_64`.
    pub fn tag_suffix(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            other => other.as_str(),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Architecture {
    type Err = ReleaseError;

    /// Takes both spellings.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text || it.tag_suffix() == text)
            .ok_or_else(|| ReleaseError::Architecture { text: text.to_owned() })
    }
}

serde_as_text!(Architecture);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for it in Architecture::ALL {
            assert_eq!(it.as_str().parse(), Ok(it));
            assert_eq!(it.tag_suffix().parse(), Ok(it));
        }
        assert_eq!("aarch64".parse(), Ok(Architecture::Arm64));
        for bad in ["", "AMD64", "x86-64", "amd64 "] {
            assert!(bad.parse::<Architecture>().is_err(), "{bad}");
        }
    }
}
