//! Platforms: which of an index's images a site needs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An operating system and an architecture, written `linux/amd64` or `linux/arm64/v8`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: it must be `os/architecture`, for instance `linux/amd64`")]
pub struct InvalidPlatform(String);

impl Platform {
    /// From its parts.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Result<Self, InvalidPlatform> {
        let word = |text: &str| {
            !text.is_empty()
                && text.len() <= 32
                && text
                    .bytes()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'.')
        };
        if word(os) && word(architecture) && variant.is_none_or(word) {
            let variant = variant.map(str::to_owned);
            Ok(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant })
        } else {
            Err(InvalidPlatform(format!("{os}/{architecture}").chars().take(80).collect()))
        }
    }

    /// `linux/amd64`.
    pub fn linux_amd64() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    /// `linux/arm64`.
    pub fn linux_arm64() -> Self {
        Self { os: "linux".to_owned(), architecture: "arm64".to_owned(), variant: None }
    }

    /// The operating system, for instance `linux`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture in Go's spelling, for instance `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Whether an image for `offered` serves a wish for this platform: same system and architecture, and the same variant if
    /// the wish names one.
    pub fn accepts(&self, offered: &Self) -> bool {
        self.os == offered.os
            && self.architecture == offered.architecture
            && (self.variant.is_none() || self.variant == offered.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None) => Self::new(os, architecture, variant),
            _ => Err(InvalidPlatform(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Platform {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Platform".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[a-z0-9_.]+/[a-z0-9_.]+(/[a-z0-9_.]+)?$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_without_variant_takes_any() {
        let parse = |text: &str| text.parse::<Platform>().unwrap();
        assert!(parse("linux/arm64").accepts(&parse("linux/arm64/v8")));
        assert!(!parse("linux/arm64/v7").accepts(&parse("linux/arm64/v8")));
        assert!(!parse("linux/amd64").accepts(&parse("linux/arm64")));
        for wrong in ["linux", "linux/", "/amd64", "Linux/amd64", "linux/amd64/v1/x", "linux/am d64"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong:?} was taken");
        }
    }
}
