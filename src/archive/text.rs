//! The checked texts of an inventory: names, lines for people, media types, points in time.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::archive::ArchiveError;
use crate::oci::media;
use crate::reference::serde_as_text;

pub(super) fn invalid(text: &str, what: &'static str, rule: &'static str) -> ArchiveError {
    let text = text.chars().take(80).flat_map(char::escape_debug).collect();
    ArchiveError::InvalidText { text, what, rule }
}

/// A short name for machines: 1 to 64 of `a-z 0-9 . _ -`, beginning and ending with a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is a [`Name`]; path segments of `meta/` follow the same grammar.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 64
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
        && bytes.iter().all(|&c| plain(c) || matches!(c, b'.' | b'_' | b'-'))
}

impl FromStr for Name {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        if is_name(text) {
            Ok(Self(text.into()))
        } else {
            let rule = "it must be 1 to 64 lower-case letters, digits, `.`, `_` and `-`, with a letter or digit at both ends";
            Err(invalid(text, "a name", rule))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Name);

/// One line for people: 1 to 1,024 bytes of printable text. Nothing in it moves a cursor, reverses the reading order
/// or is invisible.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// The most bytes that it may have.
    pub const MAX: usize = 1024;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes any text: what must not stand in a line becomes `?`, what is too long is cut, nothing becomes `-`.
    pub fn tamed(text: &str) -> Self {
        let mut tame = String::new();
        for c in text.chars().map(|c| if is_printable(c) { c } else { '?' }) {
            if tame.len().saturating_add(c.len_utf8()) > Self::MAX {
                break;
            }
            tame.push(c);
        }
        if tame.is_empty() {
            tame.push('-');
        }
        Self(tame.into())
    }
}

/// No control (C0, C1, DEL), no bidirectional or zero-width control, no line separator, no tag character.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'))
}

impl FromStr for Text {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        if (1..=Self::MAX).contains(&text.len()) && text.chars().all(is_printable) {
            Ok(Self(text.into()))
        } else {
            Err(invalid(text, "a line of text", "it must be 1 to 1024 bytes, all of them printable"))
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Text);

/// A media type as RFC 6838 spells it, without parameters. The common ones take no memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// JSON that is nothing more special.
    pub const JSON: Self = Self(Cow::Borrowed("application/json"));
    /// Plain text.
    pub const TEXT: Self = Self(Cow::Borrowed("text/plain"));
    /// The file `oci-layout`.
    pub const OCI_LAYOUT: Self = Self(Cow::Borrowed("application/vnd.oci.layout.header.v1+json"));
    /// An OCI image index.
    pub const OCI_INDEX: Self = Self(Cow::Borrowed(media::OCI_INDEX));

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const COMMON: [&str; 10] = [
    media::OCI_MANIFEST,
    media::OCI_INDEX,
    media::OCI_CONFIG,
    media::OCI_LAYER_GZIP,
    media::OCI_LAYER_ZSTD,
    media::OCI_LAYER,
    media::DOCKER_MANIFEST,
    media::DOCKER_LIST,
    media::DOCKER_CONFIG,
    media::DOCKER_LAYER,
];

impl FromStr for MediaType {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        if let Some(common) = COMMON.iter().find(|common| **common == text) {
            return Ok(Self(Cow::Borrowed(common)));
        }
        let restricted = |name: &str| {
            name.len() <= 127
                && name.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric())
                && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c))
        };
        match text.split_once('/') {
            Some((kind, subtype)) if restricted(kind) && restricted(subtype) => {
                Ok(Self(Cow::Owned(text.to_owned())))
            }
            _ => Err(invalid(text, "a media type", "it must be `type/subtype` as RFC 6838 spells it")),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(MediaType);

/// A point in time, written `2026-01-31T12:00:00Z`: RFC 3339, UTC, whole seconds, and no other way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(jiff::Timestamp);

impl Moment {
    /// From seconds since 1970, within the years 0000 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let time = jiff::Timestamp::from_second(seconds).ok()?;
        time.to_string().parse().ok()
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.0.as_second()
    }
}

impl FromStr for Moment {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) if text.len() == 20 && time.to_string() == text => Ok(Self(time)),
            _ => Err(invalid(text, "a point in time", "it must be written `2026-01-31T12:00:00Z`")),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

serde_as_text!(Moment);
