//! Objects for OpenShift releases: signatures for the cluster, the update service, the older form of mirror sets.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::emit::mirrors::Mirrors;
use crate::emit::names::{Kind, subdomain};
use crate::emit::resources::{Object, entries};
use crate::emit::yaml::Yaml;
use crate::plan::order::OrderedStep;
use crate::reference::{PinnedRef, RegistryHost, RepositoryRef};
use crate::release::{AdminGate, Architecture, ReleaseHop, ReleasePath, VerifiedRelease};
use crate::text::Word;
use crate::version::Version;

/// The label by which a cluster finds signatures, in any ConfigMap of the namespace (library-go `pkg/verify/store/configmap`).
const SIGNATURES: &str = "release.openshift.io/verification-signatures";

/// The releases of one import.
#[derive(Debug, Clone, Copy, Default)]
pub struct Releases<'a> {
    /// Every release that the cluster may be asked to run, the lowest first.
    pub releases: &'a [EmittedRelease],
    /// The way of the cluster through them; nothing where nobody said what runs.
    pub path: Option<&'a ReleasePath>,
    /// In which order the cluster and its operators move.
    pub order: &'a [OrderedStep],
    /// What must be acknowledged before the minor version of the release that runs is left.
    pub installed_gates: &'a [AdminGate],
    /// What the update service of the cluster serves; nothing where there is none.
    pub update_service: Option<&'a UpdateServiceSource>,
    /// Whether the cluster is older than 4.13 and knows ImageContentSourcePolicy only.
    pub legacy_icsp: bool,
}

/// One release whose signatures were verified.
#[derive(Debug, Clone)]
pub struct EmittedRelease {
    /// The release.
    pub version: Version,
    /// For which machines.
    pub architecture: Architecture,
    /// Its image by its original name.
    pub image: PinnedRef,
    /// Its signatures.
    pub verified: VerifiedRelease,
    /// What must be acknowledged before a cluster leaves its minor version.
    pub gates: Vec<AdminGate>,
    /// Whether production has a sigstore signature beside its image.
    pub sigstore: bool,
}

impl<'a> Releases<'a> {
    /// The releases for the machines of the cluster that the runbook leads: the first ones of the plan.
    pub(super) fn of_cluster(&self) -> impl Iterator<Item = &'a EmittedRelease> {
        let architecture = self.releases.first().map(|release| release.architecture);
        self.releases.iter().filter(move |release| Some(release.architecture) == architecture)
    }

    /// What a person calls a release: its version, and its architecture where the import brings several.
    pub(super) fn name_of(&self, release: &EmittedRelease) -> String {
        let several = self.releases.iter().any(|other| other.architecture != release.architecture);
        let suffix = if several { format!("-{}", release.architecture.tag_suffix()) } else { String::new() };
        format!("{}{suffix}", release.version)
    }

    /// The release that a hop leads to: by the very image, else by its version.
    pub(super) fn reached_by(&self, hop: &ReleaseHop) -> Option<&'a EmittedRelease> {
        let named = |release: &&EmittedRelease| hop.payload.as_ref() == Some(&release.image.to_string());
        let same = |release: &&EmittedRelease| release.version.as_str() == hop.version;
        self.releases.iter().find(named).or_else(|| self.releases.iter().find(same))
    }
}

/// What an update service serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateServiceSource {
    /// The repository in production whose tags are release images, and nothing else: the service reads all of them.
    pub releases: RepositoryRef,
    /// The image with the graph data in production.
    pub graph_data: PinnedRef,
}

impl UpdateServiceSource {
    /// The same at another registry.
    pub(super) fn at(&self, host: &RegistryHost) -> Self {
        let (mut releases, mut graph_data) = (self.releases.clone(), self.graph_data.clone());
        releases.host.clone_from(host);
        graph_data.repository.host.clone_from(host);
        Self { releases, graph_data }
    }
}

/// The objects, in the order in which they are applied.
pub(super) fn objects(releases: &Releases<'_>) -> Vec<Object> {
    let mut versions: BTreeMap<String, Vec<&EmittedRelease>> = BTreeMap::new();
    for release in releases.releases {
        versions.entry(signatures_name(&release.version)).or_default().push(release);
    }
    let signatures = versions.into_iter().map(|(name, releases)| signatures(name, &releases));
    signatures.chain(releases.update_service.map(update_service)).collect()
}

/// `release-image-4.20.5`: one object for each version, so that applying one never takes away the signatures of another.
fn signatures_name(version: &Version) -> String {
    subdomain(&format!("release-image-{version}"))
}

/// The ConfigMap that makes a cluster believe a release. The signatures are those that were verified, as they came.
fn signatures(name: String, releases: &[&EmittedRelease]) -> Object {
    // The cluster asks by the digest that it is told to run: of a release for several architectures that is the index.
    let numbered = releases.iter().flat_map(|release| {
        let hex = release.verified.digest().hex();
        let files = release.verified.signatures().iter().enumerate();
        files.map(move |(index, file)| (format!("sha256-{hex}-{}", index + 1), STANDARD.encode(file.bytes())))
    });
    let data: BTreeMap<String, String> = numbered.collect();
    let data = data.into_iter().map(|(key, file)| (key, Yaml::Text(file))).collect();
    let named = releases.iter().flat_map(|release| {
        release
            .verified
            .signatures()
            .iter()
            .map(|file| format!("{} signed by {}.", file.reference(), file.key()))
    });
    Object {
        kind: Kind::ConfigMap,
        name,
        labels: vec![(SIGNATURES.to_owned(), String::new())],
        body: vec![("binaryData".to_owned(), Yaml::Map(data))],
        comments: named.collect(),
    }
}

pub(super) fn update_service(source: &UpdateServiceSource) -> Object {
    let spec = Yaml::map([
        ("replicas", Yaml::Number(2)),
        ("releases", Yaml::text(&source.releases)),
        ("graphDataImage", Yaml::text(&source.graph_data)),
    ]);
    let comments =
        vec!["Ask it for updates once its policy engine is ready: status.policyEngineURI.".to_owned()];
    Object::with_spec(Kind::UpdateService, "service".to_owned(), spec, comments)
}

/// The older form of a mirror set, for clusters before OpenShift 4.13.
pub(super) fn content_source_policy(name: String, mirrors: &Mirrors) -> Object {
    let spec = Yaml::map([("repositoryDigestMirrors", entries(mirrors))]);
    let comments =
        vec!["For clusters before OpenShift 4.13; later ones take an ImageDigestMirrorSet.".to_owned()];
    Object::with_spec(Kind::ImageContentSourcePolicy, name, spec, comments)
}

/// The command that begins an update to a release: by digest, so that the cluster verifies the signature, and never `--force`, which
/// would make it verify nothing.
///
/// The name is the original one: the mirror set leads nodes to production.
pub fn upgrade_command(image: &PinnedRef) -> String {
    format!("oc adm upgrade --allow-explicit-upgrade --to-image={}", Word(&image.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_begins_by_digest_and_is_never_forced() {
        let hex = "0".repeat(64);
        let image = format!("quay.io/openshift-release-dev/ocp-release@sha256:{hex}").parse().unwrap();
        assert_eq!(
            upgrade_command(&image),
            format!(
                "oc adm upgrade --allow-explicit-upgrade --to-image=quay.io/openshift-release-dev/ocp-release@sha256:{hex}"
            )
        );
    }

    #[test]
    fn names_are_those_of_the_version() {
        for (version, name) in [
            ("4.20.5", "release-image-4.20.5"),
            ("4.20.0-okd-scos.1", "release-image-4.20.0-okd-scos.1"),
            ("4.20.0+b", "release-image-4.20.0-b-647f0bf8"),
        ] {
            assert_eq!(signatures_name(&version.parse().unwrap()), name);
        }
    }
}
