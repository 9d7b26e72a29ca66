//! Where images live: registry hosts, repositories, tags, and references as people write them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::fault::{Exit, Fault};

/// Why a text is not what it should name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct InvalidReference {
    text: String,
    what: &'static str,
    rule: &'static str,
}

impl Fault for InvalidReference {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

fn invalid(text: &str, what: &'static str, rule: &'static str) -> InvalidReference {
    InvalidReference { text: text.chars().take(300).collect(), what, rule }
}

/// Makes a checked text type: private field, one parser, shared by `FromStr` and `Deserialize`.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidReference;

            fn from_str(text: &str) -> Result<Self, InvalidReference> {
                if $valid(text) { Ok(Self(text.to_owned())) } else { Err(invalid(text, $what, $rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_text!($name);
    };
}

/// Gives a `Display + FromStr` type its serde and schema form: a string.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string"})
            }
        }
    };
}

pub(crate) use serde_as_text;

checked_text! {
    /// A registry as `host` or `host:port`, lower case; an IPv6 address stands in brackets.
    RegistryHost, "a registry host", "it must be a host name or address in lower case, with `:port` or without", is_host
}

checked_text! {
    /// A repository inside a registry, for instance `web-terminal/web-terminal-rhel9-operator`
    /// (distribution-spec, "Pulling manifests").
    Repository, "a repository", "it must be lower-case path components joined by `/`, 255 characters at most", is_repository
}

checked_text! {
    /// A tag (distribution-spec: 1 to 128 of `[a-zA-Z0-9_.-]`, not starting with `.` or `-`).
    Tag, "a tag", "it must be 1 to 128 letters, digits, `_`, `.` and `-`, and start with none of the last two", is_tag
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, port)) => match port.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let name_is_good = if text.starts_with('[') {
        name.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !name.is_empty()
            && name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
            })
    };
    name_is_good
        && port.is_none_or(|port| {
            port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

fn is_repository(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` of the distribution specification.
fn is_component(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    if !plain(first) || !plain(last) {
        return false;
    }
    let mut separators = bytes.split(|&c| plain(c)).filter(|run| !run.is_empty());
    separators.all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|&c| c == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|c| word(c) || c == b'.' || c == b'-')
}

impl RegistryHost {
    /// The host without its port and without brackets.
    pub fn name(&self) -> &str {
        match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.0.split(':').next().unwrap_or(&self.0),
        }
    }

    /// Whether it names this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        let name = self.name();
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Repository {
    /// This repository below `prefix`.
    pub fn under(&self, prefix: &Self) -> Result<Self, InvalidReference> {
        format!("{prefix}/{self}").parse()
    }
}

impl Tag {
    /// The tag that keeps a digest alive in registries that collect what has no tag: `sha256-<hex>`.
    pub fn of_digest(digest: &Digest) -> Self {
        Self(format!("sha256-{}", digest.hex()))
    }

    /// The tag under which cosign keeps what it attached to a digest: `sha256-<hex>.sig`, `.att`, `.sbom`.
    pub fn of_attachment(digest: &Digest, kind: &str) -> Result<Self, InvalidReference> {
        format!("sha256-{}.{kind}", digest.hex()).parse()
    }
}

/// A repository with the registry that holds it: `registry.redhat.io/web-terminal/web-terminal-exec-rhel9`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryRef {
    /// The registry.
    pub host: RegistryHost,
    /// The repository inside it.
    pub repository: Repository,
}

impl RepositoryRef {
    /// The manifest with this digest here.
    pub fn pin(&self, digest: Digest) -> PinnedRef {
        PinnedRef { repository: self.clone(), digest }
    }

    /// The manifest with this tag here.
    pub fn tag(&self, tag: Tag) -> ImageRef {
        ImageRef { repository: self.clone(), tag: Some(tag), digest: None }
    }
}

impl fmt::Display for RepositoryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

impl FromStr for RepositoryRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let image: ImageRef = text.parse()?;
        match image {
            ImageRef { repository, tag: None, digest: None } => Ok(repository),
            _ => Err(invalid(text, "a repository", "it must have neither tag nor digest")),
        }
    }
}

serde_as_text!(RepositoryRef);

/// An image as somebody wrote it: `host[:port]/repository[:tag][@digest]`.
///
/// There is no default registry and no default tag: what is meant must be said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// Where it lives.
    pub repository: RepositoryRef,
    /// The tag, if it was written.
    pub tag: Option<Tag>,
    /// The digest, if it was written. It wins over the tag.
    pub digest: Option<Digest>,
}

impl ImageRef {
    /// The pinned form, if a digest was written.
    pub fn pinned(&self) -> Option<PinnedRef> {
        self.digest.map(|digest| self.repository.pin(digest))
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        const WHAT: &str = "an image reference";
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = digest.parse().map_err(|_| {
                    invalid(text, WHAT, "what follows `@` must be `sha256:` and 64 hexadecimal digits")
                })?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) = name
            .split_once('/')
            .ok_or_else(|| invalid(text, WHAT, "it must be `host[:port]/repository(:tag|@digest)`"))?;
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(invalid(text, WHAT, "it must begin with a registry host, for instance `quay.io/`"));
        }
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (path, None),
        };
        let repository = RepositoryRef { host: host.parse()?, repository: path.parse()? };
        Ok(Self { repository, tag, digest })
    }
}

serde_as_text!(ImageRef);

/// An image that cannot change: a repository and a digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinnedRef {
    /// Where it lives.
    pub repository: RepositoryRef,
    /// What it is.
    pub digest: Digest,
}

impl fmt::Display for PinnedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl From<PinnedRef> for ImageRef {
    fn from(pinned: PinnedRef) -> Self {
        Self { repository: pinned.repository, tag: None, digest: Some(pinned.digest) }
    }
}

impl FromStr for PinnedRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let image: ImageRef = text.parse()?;
        image.pinned().ok_or_else(|| invalid(text, "a pinned image", "it must end in `@sha256:…`"))
    }
}

serde_as_text!(PinnedRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let hex = "0".repeat(64);
        for text in [
            "registry.redhat.io/redhat/redhat-operator-index:v4.20".to_owned(),
            "localhost/a".to_owned(),
            "nexus.example:5000/olm-redhat/a__b/c--d.e:V1.2_3".to_owned(),
            format!("[::1]:5000/a@sha256:{hex}"),
            format!("quay.io/a/b:t@sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<ImageRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_a_reference() {
        for text in [
            "",
            "ubi9",
            "library/ubi9",
            "quay.io/",
            "quay.io//a",
            "quay.io/a/",
            "quay.io/A",
            "quay.io/../etc",
            "quay.io/a:",
            "quay.io/a:-x",
            "quay.io/a@sha256:00",
            "Quay.io/a",
            "quay.io:0/a",
            "quay.io:99999/a",
            "quay.io/a b",
            "quay.io/a\n",
            "quay.io/a___b",
            "-quay.io/a",
            "user:pass@quay.io/a",
            "[::1/a",
            "quay.io/\u{ff41}",
        ] {
            assert!(text.parse::<ImageRef>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn loopback_is_recognised_by_address_not_by_prefix() {
        for (host, expected) in [
            ("127.0.0.1:5000", true),
            ("localhost", true),
            ("[::1]:5000", true),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(host.parse::<RegistryHost>().unwrap().is_loopback(), expected, "{host}");
        }
    }
}
