//! What the connected side remembers of the archives that it packed: enough to carry only what they did not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{Plan, PlannedImage};
use super::sizes::Holdings;
use crate::archive::Inventory;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::reference::{ImageRef, Repository, RepositoryRef};
use crate::site::ShortDigests;

/// One archive that has its number: a line of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedArchive {
    /// Its number in the channel.
    pub sequence: u64,
    /// Its inventory.
    pub inventory: Digest,
    /// When its plan was made, RFC 3339.
    pub created: String,
    /// What it brings; lines of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<PackedContents>,
}

/// What an archive brings to the site that takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackedContents {
    /// Where the archive was written. As long as it lies there, it counts as one that is on its way or came in.
    pub archive: String,
    /// The channel: the site's name, or `default`.
    pub channel: String,
    /// Digest of the plan, as `plan` prints it.
    pub plan: Digest,
    /// The archive that it comes after, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Digest>,
    /// Ids of the keys that signed it.
    pub signers: Vec<String>,
    /// The catalogs that it changes.
    pub catalogs: Vec<ImageRef>,
    /// What is there when it is imported: what it carries, and what it builds on.
    pub held: Vec<HeldImages>,
}

/// What is there of one source repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldImages {
    /// By its original name.
    pub source: RepositoryRef,
    /// Where the site has it, if the request asks for another place than the site's mapping gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Repository>,
    /// Manifests and blobs.
    pub digests: ShortDigests,
}

/// An archive that counts as imported, because nobody reported what the site holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// Its generation.
    pub generation: u64,
    /// Its inventory.
    pub inventory: Digest,
}

/// Why a record cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It belongs to another site.
    #[error("the record `{file}` of packed archives is of `{found}`, and not of `{channel}`")]
    OtherSite {
        /// The record.
        file: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        channel: String,
    },
    /// Numbers that do not rise: lines were put in by hand.
    #[error("the record `{file}` of packed archives has generation {sequence} after {before}")]
    Order {
        /// The record.
        file: String,
        /// The number.
        sequence: u64,
        /// The one before it.
        before: u64,
    },
}

impl Fault for RecordError {
    fn exit(&self) -> Exit {
        match self {
            Self::OtherSite { .. } => Exit::Usage,
            Self::Order { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherSite { file, .. } => {
                format!("give each site a `state` folder of its own, and move `{file}` to where it belongs")
            }
            Self::Order { file, .. } => format!(
                "keep `{file}` as evidence and move it away; then plan with `--report`, or with `--full` and a `--sequence` above the last"
            ),
        })
    }
}

impl PackedArchive {
    /// What is written down of an archive, its plan with that one's digest, and the place where it was written.
    pub fn of(inventory: &Inventory, (plan, digest): (&Plan, Digest), archive: String) -> Self {
        let mut held: BTreeMap<(&RepositoryRef, Option<&Repository>), Vec<&PlannedImage>> = BTreeMap::new();
        // A base lands where the site file puts what is built on it: it is not there under its own name.
        for image in plan.images.iter().filter(|image| !image.kind.is_base()) {
            held.entry((&image.source, image.mirror.as_ref())).or_default().push(image);
        }
        let held = held.into_iter().map(|((source, mirror), images)| HeldImages {
            source: source.clone(),
            mirror: mirror.cloned(),
            digests: images
                .iter()
                .flat_map(|image| image.manifests.iter().chain(&image.blobs))
                .map(|object| &object.digest)
                .collect(),
        });
        Self {
            sequence: inventory.sequence,
            inventory: inventory.digest(),
            created: inventory.created.to_string(),
            contents: Some(PackedContents {
                archive,
                channel: plan.channel.clone(),
                plan: digest,
                predecessor: plan.predecessor,
                signers: inventory.signers.iter().map(ToString::to_string).collect(),
                catalogs: plan.catalogs.iter().map(|catalog| catalog.source.clone()).collect(),
                held: held.collect(),
            }),
        }
    }
}

/// Refuses a record that is of another channel, or in which somebody put lines of his own.
pub fn believe(file: &str, channel: &str, record: &[PackedArchive]) -> Result<(), RecordError> {
    let foreign = record
        .iter()
        .filter_map(|packed| packed.contents.as_ref())
        .find(|contents| contents.channel != channel);
    if let Some(contents) = foreign {
        let (found, channel) = (contents.channel.clone(), channel.to_owned());
        return Err(RecordError::OtherSite { file: file.to_owned(), found, channel });
    }
    let pairs = record.iter().zip(record.iter().skip(1));
    match pairs.into_iter().find(|(before, after)| after.sequence <= before.sequence) {
        None => Ok(()),
        Some((before, after)) => Err(RecordError::Order {
            file: file.to_owned(),
            sequence: after.sequence,
            before: before.sequence,
        }),
    }
}

/// The archives for one site that were packed before and count as imported, by their numbers.
#[derive(Debug, Clone, Default)]
pub struct Earlier(BTreeMap<u64, PackedArchive>);

impl Earlier {
    /// Those of a record. What an old line says nothing of counts for nothing.
    pub fn of(record: impl IntoIterator<Item = PackedArchive>) -> Self {
        let known = record.into_iter().filter(|packed| packed.contents.is_some());
        Self(known.map(|packed| (packed.sequence, packed)).collect())
    }

    /// The archives themselves, the first one first.
    pub fn assumed(&self) -> Vec<Assumed> {
        let assumed =
            |packed: &PackedArchive| Assumed { generation: packed.sequence, inventory: packed.inventory };
        self.0.values().map(assumed).collect()
    }

    /// Whether one of them brought this catalog.
    pub fn serves(&self, catalog: &ImageRef) -> bool {
        self.contents().any(|contents| contents.catalogs.contains(catalog))
    }

    /// What production holds if all of them were imported; `mirror` says where a source repository lands.
    pub fn holdings(&self, mirror: &dyn Fn(&RepositoryRef) -> Option<Repository>) -> Holdings {
        let mut holdings = Holdings::default();
        for held in self.contents().flat_map(|contents| &contents.held) {
            if let Some(place) = held.mirror.clone().or_else(|| mirror(&held.source)) {
                holdings.add(place, held.digests.clone());
            }
        }
        holdings
    }

    fn contents(&self) -> impl Iterator<Item = &PackedContents> {
        self.0.values().filter_map(|packed| packed.contents.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(sequence: u64, channel: &str) -> PackedArchive {
        let contents = PackedContents {
            archive: String::new(),
            channel: channel.to_owned(),
            plan: Digest::of(b"plan"),
            predecessor: None,
            signers: Vec::new(),
            catalogs: vec!["registry.example/catalog:v1".parse().unwrap()],
            held: vec![HeldImages {
                source: "registry.example/a".parse().unwrap(),
                mirror: None,
                digests: [&Digest::of(&sequence.to_be_bytes())].into_iter().collect(),
            }],
        };
        let inventory = Digest::of(format!("{sequence} {channel}").as_bytes());
        PackedArchive { sequence, inventory, created: String::new(), contents: Some(contents) }
    }

    #[test]
    fn a_record_of_another_site_or_with_lines_put_in_is_refused() {
        let said = |record: &[PackedArchive]| {
            believe("packed.jsonl", "edge", record).err().map(|error| error.to_string())
        };
        assert_eq!(said(&[packed(1, "edge"), packed(4, "edge")]), None);
        let old = PackedArchive { contents: None, ..packed(2, "core") };
        assert_eq!(said(&[packed(1, "edge"), old]), None);
        let foreign = said(&[packed(1, "edge"), packed(2, "core")]).unwrap();
        assert!(foreign.contains("is of `core`, and not of `edge`"), "{foreign}");
        for (before, after) in [(3, 3), (3, 2)] {
            let wrong = said(&[packed(before, "edge"), packed(after, "edge")]).unwrap();
            assert!(wrong.contains(&format!("generation {after} after {before}")), "{wrong}");
        }
    }

    #[test]
    fn a_line_counts_only_where_it_says_what_it_brought() {
        let old = PackedArchive { contents: None, ..packed(2, "edge") };
        let earlier = Earlier::of([packed(1, "edge"), old, packed(3, "edge")]);
        let generations: Vec<u64> = earlier.assumed().iter().map(|assumed| assumed.generation).collect();
        assert_eq!(generations, [1, 3]);
        assert!(earlier.serves(&"registry.example/catalog:v1".parse().unwrap()));
        assert!(!earlier.serves(&"registry.example/catalog:v2".parse().unwrap()));
        let place: Repository = "mirror/a".parse().unwrap();
        let holdings = earlier.holdings(&|_| Some(place.clone()));
        let within = |sequence: u64| holdings.within(Some(&place), &Digest::of(&sequence.to_be_bytes()));
        assert_eq!([1, 2, 3, 4].map(within), [true, false, true, false]);
        // Where nothing says where it lands, nothing is left out.
        let nowhere = earlier.holdings(&|_| None);
        assert!(!nowhere.within(Some(&place), &Digest::of(&1_u64.to_be_bytes())));
    }
}
