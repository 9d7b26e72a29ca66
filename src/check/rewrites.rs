//! Where nodes look for an image: the mirror sets of a cluster, as its nodes have them in `registries.conf`.
//!
//! The longest source that covers a name wins, and it alone: mirrors of a shorter one do not count (containers-registries.conf(5);
//! the machine config operator writes one entry for each source, with the mirrors of all sets that name it).

use std::collections::BTreeMap;

use crate::reference::ImageRef;
use crate::site::cluster::{ClusterDump, MirrorKind};

/// What stands in the place of sources.
#[derive(Debug, Clone, Default)]
pub struct Rewrites<'a> {
    by_source: BTreeMap<&'a str, Mirrors<'a>>,
}

/// The mirrors of one source, in order: a pull by digest asks other ones than a pull by tag.
#[derive(Debug, Clone, Default)]
struct Mirrors<'a> {
    by_digest: Vec<&'a str>,
    by_tag: Vec<&'a str>,
}

impl<'a> Rewrites<'a> {
    /// What all mirror sets of a cluster say together.
    pub fn of(cluster: &'a ClusterDump) -> Self {
        let mut by_source: BTreeMap<&str, Mirrors<'_>> = BTreeMap::new();
        for ((kind, _), set) in &cluster.mirror_sets {
            for entry in &set.entries {
                let mirrors = by_source.entry(&entry.source).or_default();
                let mirrors = match kind {
                    MirrorKind::Tag => &mut mirrors.by_tag,
                    MirrorKind::Digest | MirrorKind::ContentSourcePolicy => &mut mirrors.by_digest,
                };
                mirrors.extend(entry.mirrors.iter().map(String::as_str));
            }
        }
        Self { by_source }
    }

    /// Whether no set says anything.
    pub fn is_empty(&self) -> bool {
        self.by_source.is_empty()
    }

    /// The places that a node asks before the source, in order. Empty where it asks the source alone.
    pub fn places(&self, image: &ImageRef) -> Vec<ImageRef> {
        let name = image.repository.to_string();
        let Some((covered, mirrors)) = self.covering(&name) else { return Vec::new() };
        let mirrors = if image.digest.is_some() { &mirrors.by_digest } else { &mirrors.by_tag };
        let rest = name.get(covered..).unwrap_or_default();
        let place = |mirror: &&str| {
            let repository = format!("{mirror}{rest}").parse().ok()?;
            Some(ImageRef { repository, ..image.clone() })
        };
        mirrors.iter().filter_map(place).collect()
    }

    /// The source that covers a repository, by how many of its bytes.
    fn covering(&self, name: &str) -> Option<(usize, &Mirrors<'a>)> {
        let ends = name.match_indices('/').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([name.len()]).collect();
        let exact = ends.iter().rev().find_map(|&end| Some((end, self.by_source.get(name.get(..end)?)?)));
        exact.or_else(|| {
            // `*.example.com` covers every host below it.
            let host = name.get(..*ends.first()?)?;
            let labels = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
            labels
                .filter_map(|below| self.by_source.get(format!("*{below}").as_str()))
                .map(|mirrors| (host.len(), mirrors))
                .next()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: &str = "
apiVersion: v1
kind: List
items:
  - apiVersion: config.openshift.io/v1
    kind: ImageDigestMirrorSet
    metadata: {name: one}
    spec:
      imageDigestMirrors:
        - {source: registry.redhat.io, mirrors: ['mirror:5000/olm-redhat']}
        - {source: registry.redhat.io/special, mirrors: ['mirror:5000/special', 'other:5000/special']}
        - {source: '*.example.com', mirrors: ['mirror:5000/example']}
  - apiVersion: config.openshift.io/v1
    kind: ImageTagMirrorSet
    metadata: {name: two}
    spec:
      imageTagMirrors:
        - {source: registry.redhat.io/tags-only, mirrors: ['mirror:5000/tags']}
  - apiVersion: operator.openshift.io/v1alpha1
    kind: ImageContentSourcePolicy
    metadata: {name: three}
    spec:
      repositoryDigestMirrors:
        - {source: quay.io/old, mirrors: ['mirror:5000/old']}
        - {source: registry.redhat.io, mirrors: ['third:5000']}
";

    #[test]
    fn a_node_asks_the_mirrors_of_the_longest_source_alone() {
        let (dump, findings) = ClusterDump::parse(SETS.as_bytes(), "sets");
        assert_eq!(findings, []);
        let rewrites = Rewrites::of(&dump);
        let digest = format!("@sha256:{}", "1".repeat(64));
        for (image, expected) in [
            ("registry.redhat.io/a/b@", vec!["mirror:5000/olm-redhat/a/b", "third:5000/a/b"]),
            ("registry.redhat.io/special/b@", vec!["mirror:5000/special/b", "other:5000/special/b"]),
            ("registry.redhat.io/special@", vec!["mirror:5000/special", "other:5000/special"]),
            (
                "registry.redhat.io/specials/b@",
                vec!["mirror:5000/olm-redhat/specials/b", "third:5000/specials/b"],
            ),
            // The longest source has no mirrors for digests, and the shorter one does not count.
            ("registry.redhat.io/tags-only/b@", vec![]),
            ("registry.redhat.io/tags-only/b:v1", vec!["mirror:5000/tags/b:v1"]),
            ("registry.redhat.io/a/b:v1", vec![]),
            ("quay.io/old/b@", vec!["mirror:5000/old/b"]),
            ("quay.io/older/b@", vec![]),
            ("eu.example.com/a/b@", vec!["mirror:5000/example/a/b"]),
            ("deep.eu.example.com/a@", vec!["mirror:5000/example/a"]),
            ("example.com/a/b@", vec![]),
        ] {
            let full = |text: &str| {
                if text.contains(":v1") {
                    text.to_owned()
                } else {
                    format!("{}{digest}", text.trim_end_matches('@'))
                }
            };
            let places = rewrites.places(&full(image).parse().unwrap());
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            assert_eq!(places, expected.into_iter().map(full).collect::<Vec<_>>(), "{image}");
        }
        assert!(!rewrites.is_empty() && Rewrites::default().is_empty());
    }
}
