//! What a repository holds, in few bytes: the beginnings of digests.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// Bytes of a digest that are kept.
const KEPT: usize = 6;

/// Digests by their first 48 bits, each a word of eight letters (RFC 4648, base64url), with spaces between them.
///
/// A report has thousands, and must stay small. What looks alike by chance (one time in 280 million million for each pair) is left
/// out of an archive as if it were there; the import compares whole digests before its first write, and names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct ShortDigests(#[schemars(with = "String")] BTreeSet<[u8; KEPT]>);

impl ShortDigests {
    /// Whether one of them begins as this one does.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.contains(&kept(digest))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'d> FromIterator<&'d Digest> for ShortDigests {
    fn from_iter<I: IntoIterator<Item = &'d Digest>>(digests: I) -> Self {
        Self(digests.into_iter().map(kept).collect())
    }
}

fn kept(digest: &Digest) -> [u8; KEPT] {
    digest.bytes().first_chunk().copied().unwrap_or_default()
}

fn parse(word: &str) -> Option<[u8; KEPT]> {
    URL_SAFE_NO_PAD.decode(word).ok()?.try_into().ok()
}

impl Serialize for ShortDigests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all: Vec<String> = self.0.iter().map(|digest| URL_SAFE_NO_PAD.encode(digest)).collect();
        serializer.serialize_str(&all.join(" "))
    }
}

impl<'de> Deserialize<'de> for ShortDigests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.split_ascii_whitespace().map(|word| {
            parse(word).ok_or_else(|| {
                D::Error::custom(format_args!("`{word:.20}` is not the beginning of a digest: eight letters"))
            })
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }
}

/// What one repository of production holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryState {
    /// Bytes of all of it, what other repositories hold too included.
    pub bytes: u64,
    /// Images: what a tag points to, or what a catalog or a release asks for.
    pub images: ShortDigests,
    /// What is there below them: manifests and blobs.
    pub parts: ShortDigests,
}

impl RepositoryState {
    /// Whether it holds this manifest or blob.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.images.contains(digest) || self.parts.contains(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_apart_and_survive_being_written() {
        let all: Vec<Digest> = (0..20_u8).map(|n| Digest::of(&[n])).collect();
        let short: ShortDigests = all.iter().collect();
        let json = serde_json::to_value(&short).unwrap();
        assert_eq!(json.as_str().unwrap().split(' ').count(), 20);
        let zeros = Digest::from_hex(&"0".repeat(64)).unwrap();
        assert_eq!(serde_json::to_string(&ShortDigests::from_iter([&zeros])).unwrap(), r#""AAAAAAAA""#);
        let read: ShortDigests = serde_json::from_value(json).unwrap();
        assert_eq!(read, short);
        assert!(all.iter().all(|digest| read.contains(digest)));
        assert!(!read.contains(&Digest::of(b"another")));
    }

    /// Twenty operators with three versions of fifteen images each, in as many repositories as they have images, and two OpenShift
    /// releases.
    #[test]
    fn a_usual_site_fits_into_a_small_report() {
        let digests = |seed: usize, count: usize| -> Vec<Digest> {
            (0..count).map(|n| Digest::of(format!("{seed} {n}").as_bytes())).collect()
        };
        let state = |seed: usize, images: usize, parts: usize| RepositoryState {
            bytes: 1_234_567_890,
            images: digests(seed, images).iter().collect(),
            parts: digests(seed + 1000, parts).iter().collect(),
        };
        let operators = (0..300).map(|n| {
            let name = format!("olm-redhat/some-operator-{}/some-operand-{n}-rhel9", n / 15);
            (name.parse().unwrap(), state(n, 3, 12))
        });
        let release = ("ocp4/openshift/release".parse().unwrap(), state(400, 380, 1_500));
        let report = crate::site::SiteReport {
            format: crate::site::SiteReport::FORMAT.to_owned(),
            held: operators.chain([release]).collect(),
            ..crate::site::SiteReport::default()
        };
        let objects: usize = report.held.values().map(|state| state.images.len() + state.parts.len()).sum();
        let text = report.to_json().unwrap();
        assert!(objects > 6_000 && text.len() < 100_000, "{objects} objects in {} bytes", text.len());
    }

    #[test]
    fn what_is_no_beginning_of_a_digest_is_refused() {
        for word in
            ["12345678901", "1234567890123", "12345678901G", "12345678901A", "+12345678901", "sha256:12345"]
        {
            let error = serde_json::from_value::<ShortDigests>(serde_json::json!(word)).unwrap_err();
            assert!(error.to_string().contains("eight letters"), "{word}: {error}");
        }
    }
}
