//! The component images of a release: `release-manifests/image-references`, an ImageStream in JSON.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, nearest};
use crate::limits::Limits;
use crate::reference::{ImageRef, PinnedRef, RepositoryRef};
use crate::text::{Safe, counted};

/// A component image of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name in the release, for instance `machine-config-operator`.
    pub name: String,
    /// The image.
    pub image: PinnedRef,
}

/// The file as it is read. Other fields say how the release was built.
#[derive(Debug)]
pub(super) struct References {
    /// The release, as it is named here; the file may leave it out.
    pub(super) version: Option<String>,
    /// Sorted by name.
    pub(super) components: Vec<Component>,
    /// What is wrong with single components.
    pub(super) findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Stream {
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    from: Option<From>,
}

#[derive(Deserialize)]
struct From {
    kind: String,
    name: String,
}

impl References {
    /// Reads the file. The error says why it is none.
    pub(super) fn parse(json: &[u8], limits: &Limits) -> Result<Self, String> {
        if json.len() as u64 > limits.yaml_bytes {
            return Err(format!("it has more than {} bytes", limits.yaml_bytes));
        }
        let stream: Stream = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if stream.kind != "ImageStream" {
            return Err(format!("its kind is `{}`, not `ImageStream`", Safe(&stream.kind)));
        }
        if stream.spec.tags.is_empty() {
            return Err("it names no component".to_owned());
        }
        if stream.spec.tags.len() > limits.release_components {
            return Err(format!("it names more than {} components", limits.release_components));
        }
        let mut findings = Vec::new();
        let mut named: BTreeMap<String, PinnedRef> = BTreeMap::new();
        for tag in stream.spec.tags {
            let image = match pinned(&tag) {
                Ok(image) => image,
                Err(finding) => {
                    findings.push(finding);
                    continue;
                }
            };
            if named.get(&tag.name).is_some_and(|other| *other != image) {
                let message = "it stands there twice, with two images";
                findings
                    .push(Finding::error("COMPONENT_TWICE", subject(&tag.name), message).hint(WRONG_RELEASE));
            }
            named.insert(tag.name, image);
        }
        let components: Vec<_> = named.into_iter().map(|(name, image)| Component { name, image }).collect();
        findings.extend(foreign(&components));
        Ok(Self { version: stream.metadata.name, components, findings })
    }
}

const WRONG_RELEASE: &str =
    "do not use this release; compare its digest with the one that the vendor publishes";

fn subject(name: &str) -> String {
    format!("component {}", Safe(name))
}

fn pinned(tag: &Tag) -> Result<PinnedRef, Finding> {
    let error = |code, message: String| Finding::error(code, subject(&tag.name), message).hint(WRONG_RELEASE);
    let Some(from) = &tag.from else {
        return Err(error("COMPONENT_INVALID", "it names no image".to_owned()));
    };
    if from.kind != "DockerImage" {
        let message = format!("its image is of kind `{}`, not `DockerImage`", Safe(&from.kind));
        return Err(error("COMPONENT_INVALID", message));
    }
    let image: ImageRef = from.name.parse().map_err(|why| {
        error("COMPONENT_INVALID", Safe(&format!("its image cannot be read: {why}")).to_string())
    })?;
    image.pinned().ok_or_else(|| {
        let message = format!("{image} is not named by digest, so that nobody knows what was signed");
        error("COMPONENT_BY_TAG", message)
    })
}

/// Components outside the place where most of them are: a release comes from one repository, or from neighbours.
fn foreign(components: &[Component]) -> Vec<Finding> {
    let mut places: BTreeMap<&RepositoryRef, Vec<&str>> = BTreeMap::new();
    for component in components {
        places.entry(&component.image.repository).or_default().push(&component.name);
    }
    let Some((home, _)) = places.iter().max_by_key(|(_, names)| names.len()) else { return Vec::new() };
    let home = *home;
    let is_near = |place: &RepositoryRef| namespace(place) == namespace(home);
    let far = places.iter().filter(|(place, _)| !is_near(place));
    far.map(|(place, names)| {
        let message = format!(
            "{} come{} from there and not from {home}: {}",
            counted(names.len(), "component"),
            if names.len() == 1 { "s" } else { "" },
            Safe(&names.join(", "))
        );
        Finding::warning("COMPONENT_FOREIGN_REPOSITORY", place, message)
            .hint("look whether the release is genuine; the site file must say where this repository lands")
    })
    .collect()
}

fn namespace(place: &RepositoryRef) -> (&str, &str) {
    let path = place.repository.as_str();
    (place.host.as_str(), path.rsplit_once('/').map_or("", |(namespace, _)| namespace))
}

/// Takes out the components that somebody does not want, and says so.
pub(super) fn leave_out(components: &mut Vec<Component>, without: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in without {
        if components.iter().any(|component| component.name == *name) {
            let message = "it is left out, as you asked: a cluster that needs its image stops in the update and waits for it";
            findings.push(
                Finding::warning("COMPONENT_LEFT_OUT", subject(name), message)
                    .hint("leave out only what your clusters have disabled as a capability"),
            );
        } else {
            let near = nearest(name, components.iter().map(|component| component.name.as_str()));
            let hint = match near.as_slice() {
                [] => "`oc adm release info --pullspecs` lists the names".to_owned(),
                near => format!("did you mean {}?", Safe(&near.join(" or "))),
            };
            let message = "it cannot be left out: the release has no component of this name";
            findings.push(Finding::error("COMPONENT_UNKNOWN", subject(name), message).hint(hint));
        }
    }
    components.retain(|component| !without.contains(&component.name));
    findings
}
