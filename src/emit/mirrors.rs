//! Mirror sets: where nodes look for images, and what changing that does to the nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::input::Input;
use crate::emit::names::{Kind, fit};
use crate::emit::releases::Releases;
use crate::emit::resources::minor;
use crate::finding::Finding;
use crate::mapping::Mapping;
use crate::reference::{RegistryHost, RepositoryRef};
use crate::site::Site;
use crate::site::cluster::{ClusterDump, MirrorEntry, MirrorKind, MirrorSet, TakenObject};
use crate::text::{Safe, counted};

/// Sources and what stands in their place: one mirror each.
pub(super) type Scopes = BTreeMap<String, String>;

/// How a cluster is told where to look for images by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DigestSet {
    /// By an ImageDigestMirrorSet.
    Current,
    /// By an ImageContentSourcePolicy, before OpenShift 4.13.
    Older,
}

impl DigestSet {
    pub(super) fn of(releases: &Releases<'_>) -> Self {
        if releases.legacy_icsp { Self::Older } else { Self::Current }
    }

    /// The kind of our object.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Current => Kind::ImageDigestMirrorSet,
            Self::Older => Kind::ImageContentSourcePolicy,
        }
    }

    /// The same in a dump.
    pub(super) fn mirror_kind(self) -> MirrorKind {
        match self {
            Self::Current => MirrorKind::Digest,
            Self::Older => MirrorKind::ContentSourcePolicy,
        }
    }

    /// The name of the site's object.
    pub(super) fn name(self, site: &Site) -> String {
        let word = match self {
            Self::Current => "idms",
            Self::Older => "icsp",
        };
        fit(&format!("{word}-{}-production", site.metadata.name))
    }
}

/// The name of the site's ImageTagMirrorSet.
pub(super) fn tag_set_name(site: &Site) -> String {
    fit(&format!("itms-{}-production", site.metadata.name))
}

/// What the ImageDigestMirrorSet says.
///
/// The rules of the site file make its entries, all of them, so that it is the same in every generation: an object that
/// never changes never drains a node. Only a repository that no rule puts where it is gets an entry of its own: for the
/// namespace (host and first path component) where production keeps its path, else for itself. What our object in the
/// cluster says already stays, since taking an entry away drains every node.
pub(super) fn digest_scopes(input: &Input<'_>) -> Scopes {
    let set = DigestSet::of(&input.releases);
    let mut scopes = own_entries(input, set.mirror_kind(), &set.name(input.site));
    scopes.extend(extra_scopes(input));
    scopes.extend(rule_scopes(input.site));
    scopes
}

/// What the ImageTagMirrorSet says: the same scopes, those alone in which something is asked for by tag. Empty: no object, and
/// there never is one before OpenShift 4.13.
pub(super) fn tag_scopes(input: &Input<'_>) -> Scopes {
    if input.releases.legacy_icsp {
        return Scopes::new();
    }
    let all: Scopes = extra_scopes(input).into_iter().chain(rule_scopes(input.site)).collect();
    let mut scopes = own_entries(input, MirrorKind::Tag, &tag_set_name(input.site));
    for image in input.tag_images {
        let source = image.repository.to_string();
        if let Some((scope, mirror)) =
            all.iter().filter(|(scope, _)| covers(scope, &source)).max_by_key(|(scope, _)| scope.len())
        {
            scopes.insert(scope.clone(), mirror.clone());
        }
    }
    scopes
}

/// What the rules of the site file say. The repositories of OpenShift's releases are called otherwise than the rule above them
/// would have it: they have entries of their own whether a release is there yet or not, so that none comes or goes with one.
fn rule_scopes(site: &Site) -> Scopes {
    let host = &site.spec.production.registry;
    let rules = &site.spec.repositories;
    let mut scopes: Scopes =
        rules.iter().map(|rule| (rule.source.clone(), format!("{host}/{}", rule.mirror))).collect();
    let mapping = Mapping::new(rules).unwrap_or_default();
    for (source, mirror) in mapping.releases().unwrap_or_default() {
        let name = source.to_string();
        if mapping.is_renamed(&source) && rules.iter().any(|rule| covers(&rule.source, &name)) {
            scopes.insert(name, format!("{host}/{mirror}"));
        }
    }
    scopes
}

/// Images that something asks for by tag in a cluster that knows no mirrors for tags.
pub(super) fn tags_without_mirrors(input: &Input<'_>) -> Option<Finding> {
    let first = input.tag_images.first().filter(|_| input.releases.legacy_icsp)?;
    let message = format!(
        "{} asked for by tag, this one first: a cluster before OpenShift 4.13 looks for such at their source alone",
        counted(input.tag_images.len(), "image")
    );
    let hint = "have them named by digest, or push them under names that the cluster reaches";
    Some(Finding::warning("TAG_MIRRORS_MISSING", first, message).hint(hint))
}

/// Entries for repositories that are not where the rules would put them, or that no rule covers.
fn extra_scopes(input: &Input<'_>) -> Scopes {
    let rules = &input.site.spec.repositories;
    // A rule that is no prefix was refused when the site file was read; without it the entry is made one by one.
    let mapping = Mapping::new(rules).unwrap_or_default();
    let host = &input.site.spec.production.registry;
    let mut namespaces: BTreeMap<String, BTreeMap<&RepositoryRef, String>> = BTreeMap::new();
    let mut scopes = Scopes::new();
    for (source, mirror) in input.mirrors {
        let covered = rules.iter().any(|rule| covers(&rule.source, &source.to_string()));
        let as_ruled =
            mirror.host == *host && mapping.mirror(source).is_ok_and(|ruled| ruled == mirror.repository);
        match namespace_of(source, mirror) {
            // The entries of the site's rules keep what follows a prefix as it is.
            _ if covered && as_ruled && !mapping.is_renamed(source) => {}
            Some((scope, target)) if !covered => {
                namespaces.entry(scope).or_default().insert(source, target);
            }
            _ => _ = scopes.insert(source.to_string(), mirror.to_string()),
        }
    }
    for (scope, members) in namespaces {
        let targets: BTreeSet<_> = members.values().collect();
        match targets.first() {
            Some(target) if targets.len() == 1 => _ = scopes.insert(scope, (*target).clone()),
            // One namespace in two places: each repository speaks for itself.
            _ => scopes.extend(
                members
                    .keys()
                    .filter_map(|source| Some((source.to_string(), input.mirrors.get(*source)?.to_string()))),
            ),
        }
    }
    scopes
}

/// The first path component with its host, and the same in production, where production keeps the path.
fn namespace_of(source: &RepositoryRef, mirror: &RepositoryRef) -> Option<(String, String)> {
    let path = source.repository.as_str();
    let place = mirror.to_string();
    let prefix = place.strip_suffix(path)?.strip_suffix('/')?;
    let first = path.split('/').next()?;
    Some((format!("{}/{first}", source.host), format!("{prefix}/{first}")))
}

/// Whether a repository is within a scope: scopes end at path boundaries (containers-registries.conf(5), "prefix").
fn covers(scope: &str, source: &str) -> bool {
    source.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn own_entries(input: &Input<'_>, kind: MirrorKind, name: &str) -> Scopes {
    let set = input.cluster.and_then(|cluster| own_set(cluster, kind, name));
    let entries = set.into_iter().flat_map(|set| &set.entries);
    let here = &input.site.spec.production.registry;
    let moved = |mirror: &String| match input.former {
        Some(former) => at(mirror, former, here).unwrap_or_else(|| mirror.clone()),
        None => mirror.clone(),
    };
    entries.filter_map(|entry| Some((entry.source.clone(), moved(entry.mirrors.first()?)))).collect()
}

/// A mirror at another registry, if it is at this one.
fn at(mirror: &str, from: &RegistryHost, to: &RegistryHost) -> Option<String> {
    let rest = mirror.strip_prefix(from.as_str())?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
}

/// Where nodes look in the place of each source, in order.
pub(super) type Mirrors = BTreeMap<String, Vec<String>>;

/// Each scope with its mirror, and behind it the same at the registry that was production until now.
pub(super) fn mirrors(scopes: &Scopes, site: &Site, former: Option<&RegistryHost>) -> Mirrors {
    let here = &site.spec.production.registry;
    let all = |mirror: &String| {
        let before = former.and_then(|former| at(mirror, here, former));
        std::iter::once(mirror.clone()).chain(before).collect()
    };
    scopes.iter().map(|(source, mirror)| (source.clone(), all(mirror))).collect()
}

/// The cluster's mirror set of this name, if we made it.
fn own_set<'c>(cluster: &'c ClusterDump, kind: MirrorKind, name: &str) -> Option<&'c MirrorSet> {
    let ours = cluster.object(kind.as_str(), None, name).is_some_and(TakenObject::is_ours);
    cluster.mirror_sets.get(&(kind, name.to_owned())).filter(|_| ours)
}

/// Whether our object in the cluster says exactly this already.
pub(super) fn stands(cluster: Option<&ClusterDump>, kind: MirrorKind, name: &str, mirrors: &Mirrors) -> bool {
    let ours = cluster.and_then(|cluster| own_set(cluster, kind, name));
    ours.is_some_and(|set| {
        let mut entries: Vec<&MirrorEntry> = set.entries.iter().collect();
        entries.sort_by_key(|entry| &entry.source);
        entries.into_iter().eq(&mirror_set(mirrors).entries)
    })
}

/// What applying the mirror sets does to the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NodeEffect {
    /// The cluster was not asked, so that nobody can say.
    #[default]
    Unknown,
    /// Nothing changes.
    Nothing,
    /// Digest mirrors are added: nodes reload their registry configuration, one after the other, and drain nothing.
    Reload,
    /// Every node is drained, one after the other, for these reasons.
    Drain(Vec<DrainReason>),
}

/// Why nodes are drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrainReason {
    /// Tag mirrors come or go for this source.
    TagMirrors(String),
    /// This source loses a digest mirror.
    Removed(String),
    /// The cluster is of a version that is not known to add mirrors without draining.
    Older(String),
}

/// Predicts what the machine config operator does (`pkg/daemon/drain.go`, `isSafeContainerRegistryConfChanges`): it
/// drains unless all that changes is that digest mirrors are added.
pub(super) fn node_effect(input: &Input<'_>, digest: &Mirrors, tag: &Mirrors) -> NodeEffect {
    let Some(cluster) = input.cluster else { return NodeEffect::Unknown };
    let before = effective(&cluster.mirror_sets);
    let mut sets = cluster.mirror_sets.clone();
    if !digest.is_empty() {
        let set = DigestSet::of(&input.releases);
        sets.insert((set.mirror_kind(), set.name(input.site)), mirror_set(digest));
    }
    if !tag.is_empty() {
        sets.insert((MirrorKind::Tag, tag_set_name(input.site)), mirror_set(tag));
    }
    let after = effective(&sets);
    let mut reasons: Vec<_> = before
        .tags
        .symmetric_difference(&after.tags)
        .map(|(source, _)| DrainReason::TagMirrors(source.clone()))
        .collect();
    reasons.extend(
        before.digests.difference(&after.digests).map(|(source, _)| DrainReason::Removed(source.clone())),
    );
    reasons.dedup();
    if before.digests != after.digests {
        reasons.extend(older(cluster).map(DrainReason::Older));
    }
    match (reasons.is_empty(), before.digests == after.digests) {
        (false, _) => NodeEffect::Drain(reasons),
        (true, true) => NodeEffect::Nothing,
        (true, false) => NodeEffect::Reload,
    }
}

/// The version of a cluster that may drain its nodes whatever changes. That it does not where digest mirrors are only added is
/// relied on since 4.12.
fn older(cluster: &ClusterDump) -> Option<String> {
    let version = cluster.openshift.as_ref()?;
    minor(version).filter(|minor| *minor < (4, 12)).map(|_| version.clone())
}

/// Sources with each of their mirrors, over all sets together.
struct Effective {
    digests: BTreeSet<(String, String)>,
    tags: BTreeSet<(String, String)>,
}

fn effective(sets: &BTreeMap<(MirrorKind, String), MirrorSet>) -> Effective {
    let pairs = |tag: bool| {
        let sets = sets.iter().filter(move |((kind, _), _)| (*kind == MirrorKind::Tag) == tag);
        let entries = sets.flat_map(|(_, set)| &set.entries);
        entries
            .flat_map(|entry| entry.mirrors.iter().map(|mirror| (entry.source.clone(), mirror.clone())))
            .collect()
    };
    Effective { digests: pairs(false), tags: pairs(true) }
}

fn mirror_set(mirrors: &Mirrors) -> MirrorSet {
    let entry = |(source, mirrors): (&String, &Vec<String>)| MirrorEntry {
        source: source.clone(),
        mirrors: mirrors.clone(),
        never_contact_source: false,
    };
    MirrorSet { entries: mirrors.iter().map(entry).collect() }
}

/// Sets of others that forbid what ours allow: the machine config operator then refuses both and nodes keep their old
/// configuration.
pub(super) fn policy_conflicts(cluster: &ClusterDump, ours: &[(Kind, String, &Scopes)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((kind, name), set) in &cluster.mirror_sets {
        for entry in set.entries.iter().filter(|entry| entry.never_contact_source) {
            for (our_kind, our_name, scopes) in ours {
                let same_object = our_kind.as_str() == kind.as_str() && our_name == name;
                if scopes.contains_key(&entry.source) && !same_object {
                    let subject = format!("{} {name}, source {}", kind.as_str(), Safe(&entry.source));
                    let message = format!(
                        "it says `NeverContactSource` and {} {our_name} does not: with both of them nodes take neither",
                        our_kind.as_str()
                    );
                    let hint = format!(
                        "remove the source from {name}, or its `mirrorSourcePolicy`, before applying ours"
                    );
                    findings.push(Finding::error("MIRROR_POLICY_CONFLICT", subject, message).hint(hint));
                }
            }
        }
    }
    findings
}
