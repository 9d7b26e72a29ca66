//! Names of update channels, and what they say.

use std::fmt;
use std::str::FromStr;

use super::error::ReleaseError;
use super::minor::Minor;
use crate::version::Version;

/// Longest name that is taken; real ones have up to 20 letters.
const LONGEST: usize = 64;

/// The name of an update channel: `stable-4.20`.
///
/// The letters are those that the update service takes (`^[0-9a-z\-\.]+$`, Cincinnati's channel filter).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseChannel {
    name: String,
    minor: Option<Minor>,
}

impl ReleaseChannel {
    /// `stable-` and the minor release of the version that is to be reached.
    pub fn stable(target: Minor) -> Self {
        Self::of("stable", target)
    }

    fn of(stream: &str, minor: Minor) -> Self {
        Self { name: format!("{stream}-{minor}"), minor: Some(minor) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What stands before the minor release, for instance `stable`; the whole name where none is in it.
    pub fn stream(&self) -> &str {
        match self.minor {
            Some(_) => self.name.rsplit_once('-').map_or(self.name.as_str(), |(stream, _)| stream),
            None => &self.name,
        }
    }

    /// The minor release that it leads to; OKD's channels (`stable-4`) name none.
    pub fn minor(&self) -> Option<Minor> {
        self.minor
    }

    /// The channels that together lead from a version to this channel's minor release, lowest first, this one last.
    ///
    /// A channel holds the releases of the minor before it that may enter, so that one is enough for one step, and `eus` for two
    /// (graph-data repository, `channels/`).
    pub fn since(&self, from: &Version) -> Vec<Self> {
        let Some(end) = self.minor.filter(|end| end.major == from.major()) else { return vec![self.clone()] };
        let stream = self.stream();
        let eus = stream == "eus";
        let first = from.minor().saturating_add(1);
        let between = (first..end.minor)
            .rev()
            // Whoever asks for more than the field has minors means something else.
            .take(16)
            .map(|minor| Minor { major: end.major, minor })
            .filter(|minor| !eus || minor.is_eus());
        let mut all: Vec<Self> = between.map(|minor| Self::of(stream, minor)).collect();
        all.reverse();
        all.push(self.clone());
        all
    }
}

impl fmt::Display for ReleaseChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for ReleaseChannel {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(letter) {
            return Err(ReleaseError::Channel { text: text.chars().take(LONGEST).collect() });
        }
        let minor = text.rsplit_once('-').and_then(|(_, minor)| minor.parse().ok());
        Ok(Self { name: text.to_owned(), minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(text: &str) -> ReleaseChannel {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_says_stream_and_minor() {
        for (text, stream, minor) in [
            ("stable-4.20", "stable", Some("4.20")),
            ("eus-4.18", "eus", Some("4.18")),
            ("candidate-5.0", "candidate", Some("5.0")),
            ("stable-scos-4", "stable-scos-4", None),
            ("stable-4", "stable-4", None),
        ] {
            let it = channel(text);
            assert_eq!((it.stream(), it.minor().map(|minor| minor.to_string()).as_deref()), (stream, minor));
            assert_eq!(it.to_string(), text);
        }
        for bad in ["", "Stable-4.20", "stable 4.20", "stable-4.20&arch=arm64", "stable/4", &"a".repeat(65)] {
            assert!(bad.parse::<ReleaseChannel>().is_err(), "{bad}");
        }
    }

    #[test]
    fn channels_of_the_way_are_named_in_order() {
        for (text, from, expected) in [
            ("stable-4.20", "4.20.1", &["stable-4.20"][..]),
            ("stable-4.20", "4.19.3", &["stable-4.20"]),
            ("stable-4.20", "4.17.3", &["stable-4.18", "stable-4.19", "stable-4.20"]),
            ("eus-4.20", "4.18.3", &["eus-4.20"]),
            ("eus-4.20", "4.16.3", &["eus-4.18", "eus-4.20"]),
            ("stable-4.20", "4.21.0", &["stable-4.20"]),
            ("candidate-5.0", "4.22.0", &["candidate-5.0"]),
            ("stable-4", "4.17.0", &["stable-4"]),
        ] {
            let names: Vec<String> =
                channel(text).since(&from.parse().unwrap()).iter().map(ToString::to_string).collect();
            assert_eq!(names, expected, "{text} {from}");
        }
        assert_eq!(channel("stable-4.99999999").since(&"4.1.0".parse().unwrap()).len(), 17);
    }
}
