//! Every manifest of the site's repositories: kept, with who needs it, or let go, with why nobody does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{Repository, Tag};
use crate::retain::listing::{Listing, SeenRepository};
use crate::retain::names::{TagKind, tag_kind};

/// What speaks for keeping a manifest, or for letting it go. The first ones weigh most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Kept: an object of the cluster names it.
    InUse,
    /// Kept: a catalog offers it.
    Offered,
    /// Kept: a catalog that is a way back offers it.
    WayBack,
    /// Kept: it is such a catalog itself.
    Catalog,
    /// Kept: it belongs to an OpenShift release that runs or may be next.
    Release,
    /// Kept: an import brought it because it was asked for by its digest.
    Asked,
    /// Kept: it has a tag that somebody may ask for.
    Tagged,
    /// Kept: it is attached to what is kept.
    AttachedTo,
    /// Kept: it is listed by what is kept, or lists what a cluster names.
    PartOf,
    /// Kept: it cannot be judged.
    Unjudged,
    /// Let go: only a bundle that was cut from the catalog needs it.
    Pruned,
    /// Let go: only a catalog that is no way back any more needs it.
    Outdated,
    /// Let go: it belongs to an OpenShift release that is over.
    OldRelease,
    /// Let go: production holds it too.
    Elsewhere,
    /// Let go: what it is attached to, or listed by, is let go.
    Below,
    /// Let go: nothing names it.
    Unneeded,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "in use by",
            Self::Offered => "offered as",
            Self::WayBack => "on the way back,",
            Self::Catalog => "a catalog,",
            Self::Release => "of a release,",
            Self::Asked => "asked for by itself in",
            Self::Tagged => "has the tag",
            Self::AttachedTo => "attached to",
            Self::PartOf => "belongs to",
            Self::Unjudged => "cannot be judged,",
            Self::Pruned => "cut from the catalog,",
            Self::Outdated => "no way back any more,",
            Self::OldRelease => "of a release that is over,",
            Self::Elsewhere => "is also held by",
            Self::Below => "belonged to",
            Self::Unneeded => "nothing needs it",
        })
    }
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// By which rule.
    pub rule: Rule,
    /// Who or what: a bundle, an object of the cluster, a tag, a digest.
    pub by: String,
}

impl Reason {
    /// A reason.
    pub fn new(rule: Rule, by: impl ToString) -> Self {
        Self { rule, by: by.to_string() }
    }
}

/// Who needs what, and what is known of the rest.
///
/// What is needed is needed wherever it is: the same digest in two repositories takes the room of one, and which of them a cluster
/// pulls from is for its mirror sets to say.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// What a cluster names. Indexes that list it stay too.
    pub named: BTreeMap<Digest, Reason>,
    /// What something else needs.
    pub needed: BTreeMap<Digest, BTreeSet<Reason>>,
    /// Tags that speak for nothing: those of releases, which are kept for the release's sake, and not because somebody may ask for
    /// the tag.
    pub quiet_tags: BTreeSet<(Repository, Tag)>,
    /// Repositories of catalogs: what their tags lead to is kept for the catalog's sake.
    pub catalogs: BTreeSet<Repository>,
    /// What another registry holds in a repository of the same name: nothing speaks for this copy.
    pub elsewhere: BTreeMap<(Repository, Digest), Reason>,
    /// What needed it, of what nothing else speaks for.
    pub former: BTreeMap<Digest, Reason>,
    /// Why nothing at all is let go, where that is so.
    pub all: Option<String>,
}

impl Keep {
    /// Something is needed.
    pub fn add(&mut self, digest: Digest, reason: Reason) {
        self.needed.entry(digest).or_default().insert(reason);
    }
}

/// What becomes of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Kept, with all that speaks for it.
    pub kept: BTreeMap<Digest, BTreeSet<Reason>>,
    /// Let go, in the order of deletion: what lists others comes before them.
    pub gone: Vec<(Digest, Reason)>,
}

/// Divides the manifests of each of the site's repositories.
pub fn sort(listing: &Listing, keep: &Keep) -> BTreeMap<Repository, Sorted> {
    let ours = listing.repositories.iter().filter(|(_, seen)| seen.ours);
    ours.map(|(name, seen)| (name.clone(), Sorting { name, seen, keep }.sorted())).collect()
}

struct Sorting<'a> {
    name: &'a Repository,
    seen: &'a SeenRepository,
    keep: &'a Keep,
}

/// What a manifest leads to or is attached to, seen from the other end.
#[derive(Default)]
struct Ties {
    /// Attachments by what they are attached to.
    attached: BTreeMap<Digest, BTreeSet<Digest>>,
    /// Indexes by what they list.
    listed_by: BTreeMap<Digest, BTreeSet<Digest>>,
}

impl Sorting<'_> {
    fn sorted(&self) -> Sorted {
        let ties = self.ties();
        let mut kept: BTreeMap<Digest, BTreeSet<Reason>> = BTreeMap::new();
        let mut open: Vec<Digest> = Vec::new();
        let mut keep = |digest: Digest, reason: Reason, open: &mut Vec<Digest>| {
            let reasons = kept.entry(digest).or_default();
            // Its ties are followed once.
            if reasons.is_empty() {
                open.push(digest);
            }
            reasons.insert(reason);
        };
        for (digest, reason) in self.seeds(&ties) {
            keep(digest, reason, &mut open);
        }
        while let Some(digest) = open.pop() {
            let children = self.seen.manifests.get(&digest).map(|seen| seen.children.as_slice());
            let children = children.unwrap_or_default().iter().copied();
            for child in children.filter(|child| self.seen.manifests.contains_key(child)) {
                keep(child, Reason::new(Rule::PartOf, digest), &mut open);
            }
            for attached in ties.attached.get(&digest).into_iter().flatten() {
                keep(*attached, Reason::new(Rule::AttachedTo, digest), &mut open);
            }
        }
        if let Some(why) = &self.keep.all {
            for digest in self.seen.manifests.keys().copied() {
                keep(digest, Reason::new(Rule::Unjudged, why), &mut open);
            }
        }
        let gone = self.gone(&kept, &ties);
        Sorted { kept, gone }
    }

    fn ties(&self) -> Ties {
        let mut ties = Ties::default();
        for (digest, seen) in &self.seen.manifests {
            for child in &seen.children {
                ties.listed_by.entry(*child).or_default().insert(*digest);
            }
            if let Some(subject) = seen.subject {
                ties.attached.entry(subject).or_default().insert(*digest);
            }
        }
        for (tag, digest) in &self.seen.tags {
            match tag_kind(tag) {
                TagKind::Attachment(of) => ties.attached.entry(of).or_default().insert(*digest),
                TagKind::Hold(of) if of != *digest => ties.attached.entry(of).or_default().insert(*digest),
                TagKind::Hold(_) | TagKind::Person => false,
            };
        }
        ties
    }

    /// What is needed for its own sake.
    fn seeds(&self, ties: &Ties) -> Vec<(Digest, Reason)> {
        let mut seeds = Vec::new();
        for digest in self.seen.manifests.keys() {
            if let Some(reason) = self.keep.named.get(digest) {
                seeds.push((*digest, reason.clone()));
                // Who runs one image of an index may have been told the index.
                let indexes = ties.listed_by.get(digest).into_iter().flatten();
                seeds.extend(indexes.map(|index| (*index, Reason::new(Rule::PartOf, digest))));
            }
            let needed = self.keep.needed.get(digest).into_iter().flatten();
            seeds.extend(needed.map(|reason| (*digest, reason.clone())));
        }
        let catalogs = self.keep.catalogs.contains(self.name);
        for (tag, digest) in &self.seen.tags {
            let quiet = || self.keep.quiet_tags.contains(&(self.name.clone(), tag.clone()));
            if tag_kind(tag) == TagKind::Person && !catalogs && !quiet() {
                seeds.push((*digest, Reason::new(Rule::Tagged, tag)));
            }
        }
        // What it belongs to cannot be seen: it may be there under no tag.
        for (subject, attached) in &ties.attached {
            if !self.seen.manifests.contains_key(subject) {
                let reason =
                    Reason::new(Rule::Unjudged, format!("attached to {subject}, which no tag leads to"));
                seeds.extend(attached.iter().map(|digest| (*digest, reason.clone())));
            }
        }
        seeds.retain(|(digest, _)| {
            self.seen.manifests.contains_key(digest) && self.elsewhere(digest).is_none()
        });
        seeds
    }

    fn elsewhere(&self, digest: &Digest) -> Option<&Reason> {
        self.keep.elsewhere.get(&(self.name.clone(), *digest))
    }

    fn gone(&self, kept: &BTreeMap<Digest, BTreeSet<Reason>>, ties: &Ties) -> Vec<(Digest, Reason)> {
        let subject: BTreeMap<Digest, Digest> = ties
            .attached
            .iter()
            .flat_map(|(of, attached)| attached.iter().map(|digest| (*digest, *of)))
            .collect();
        let mut gone: Vec<(usize, Digest, Reason)> = Vec::new();
        for digest in self.seen.manifests.keys().filter(|digest| !kept.contains_key(*digest)) {
            let above = subject.get(digest).or_else(|| ties.listed_by.get(digest)?.first());
            let known = self.elsewhere(digest).or_else(|| self.keep.former.get(digest));
            let reason = match (known, above) {
                (Some(reason), _) => reason.clone(),
                (None, Some(above)) => Reason::new(Rule::Below, above),
                (None, None) => Reason::new(Rule::Unneeded, ""),
            };
            gone.push((depth(*digest, ties, 0), *digest, reason));
        }
        gone.sort();
        gone.into_iter().map(|(_, digest, reason)| (digest, reason)).collect()
    }
}

/// How far below the top of its indexes a manifest stands. Indexes are nested a few times at most; a circle ends there too.
fn depth(digest: Digest, ties: &Ties, so_far: usize) -> usize {
    const DEEPEST: usize = 8;
    if so_far == DEEPEST {
        return so_far;
    }
    let above = ties.listed_by.get(&digest).into_iter().flatten();
    above.map(|index| depth(*index, ties, so_far + 1)).max().unwrap_or(so_far)
}
