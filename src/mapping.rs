//! Where each source repository lands in the site's registries; collisions are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::fault::{Exit, Fault};
use crate::finding::Finding;
use crate::reference::{InvalidReference, RegistryHost, Repository, RepositoryRef};
use crate::site::{MirrorTag, PrefixRule, Site};

/// Why a repository has no place at the site.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The source of a rule is no host and path.
    #[error("`{source_prefix}` is not a source prefix")]
    Prefix {
        /// As written.
        source_prefix: String,
        /// Why not.
        #[source]
        source: InvalidReference,
    },
    /// What comes out is no repository name, mostly because it is too long.
    #[error("`{origin}` cannot be mirrored as `{mirror}`")]
    Name {
        /// The source repository.
        origin: Box<RepositoryRef>,
        /// What it would be called.
        mirror: String,
        /// Why that is no name.
        #[source]
        source: InvalidReference,
    },
}

impl Fault for MappingError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Prefix { .. } => "write a registry host, or a host and leading path components".to_owned(),
            Self::Name { .. } => "map its prefix to a shorter repository in the site file".to_owned(),
        })
    }
}

/// A registry host, or a host and leading path components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePrefix {
    host: RegistryHost,
    path: Option<Repository>,
}

impl FromStr for SourcePrefix {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (host, path) = match text.split_once('/') {
            Some((host, path)) => (host, Some(path.parse()?)),
            None => (text, None),
        };
        Ok(Self { host: host.parse()?, path })
    }
}

impl SourcePrefix {
    /// What of the repository follows this prefix; nothing when the prefix does not end at one of its path boundaries.
    fn rest<'r>(&self, source: &'r RepositoryRef) -> Option<&'r str> {
        if self.host != source.host {
            return None;
        }
        let path = source.repository.as_str();
        match &self.path {
            None => Some(path),
            Some(prefix) => match path.strip_prefix(prefix.as_str())? {
                "" => Some(""),
                rest => rest.strip_prefix('/'),
            },
        }
    }

    fn length(&self) -> usize {
        self.path.as_ref().map_or(0, |path| path.as_str().len())
    }
}

/// Where source repositories land.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Longest prefix first.
    rules: Vec<(SourcePrefix, Repository)>,
}

impl Mapping {
    /// The mapping of these rules; what no rule covers keeps its path.
    pub fn new(rules: &[PrefixRule]) -> Result<Self, MappingError> {
        let parse = |rule: &PrefixRule| match rule.source.parse::<SourcePrefix>() {
            Ok(prefix) => Ok((prefix, rule.mirror.clone())),
            Err(source) => Err(MappingError::Prefix { source_prefix: rule.source.clone(), source }),
        };
        let mut rules: Vec<_> = rules.iter().map(parse).collect::<Result<_, _>>()?;
        rules.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.length()));
        Ok(Self { rules })
    }

    /// Where this repository lands: the longest prefix that ends at a path boundary wins, what follows it is kept.
    ///
    /// The two repositories of OpenShift's releases are called as every mirror of them calls them (`oc adm release mirror`,
    /// oc-mirror): what stands in for `openshift-release-dev/ocp-release` and `…/ocp-v4.0-art-dev` are
    /// `openshift/release-images` and `openshift/release`, each as far as it follows the prefix. A rule for one of
    /// them alone wins, as any longer rule does.
    pub fn mirror(&self, source: &RepositoryRef) -> Result<Repository, MappingError> {
        let rule = self.rules.iter().find_map(|(prefix, mirror)| Some((prefix.rest(source)?, mirror)));
        let (rest, mirror) = match rule {
            Some(("", mirror)) => return Ok(mirror.clone()),
            Some((rest, mirror)) => (rest, Some(mirror)),
            None => (source.repository.as_str(), None),
        };
        let rest = called(source).map_or(rest, |name| last_of(name, rest.split('/').count()));
        let mirror = match mirror {
            Some(mirror) => format!("{mirror}/{rest}"),
            None => rest.to_owned(),
        };
        mirror.parse().map_err(|why| MappingError::Name {
            origin: Box::new(source.clone()),
            mirror,
            source: why,
        })
    }

    /// Whether this repository lands where its prefix and what follows it do not say.
    pub fn is_renamed(&self, source: &RepositoryRef) -> bool {
        let exact = || self.rules.iter().find_map(|(prefix, _)| prefix.rest(source)) == Some("");
        called(source).is_some() && !exact()
    }

    /// The vendor's repositories of OpenShift's releases and of their components, and where they land.
    pub fn releases(&self) -> Result<Vec<(RepositoryRef, Repository)>, MappingError> {
        let of = |(path, _): &(&str, &str)| {
            let repository = path.parse().map_err(prefix_error)?;
            let source = RepositoryRef { host: RELEASES_HOST.parse().map_err(prefix_error)?, repository };
            let mirror = self.mirror(&source)?;
            Ok((source, mirror))
        };
        CALLED.iter().map(of).collect()
    }

    /// Where the images of OpenShift's releases land: the repository whose tags an update service reads.
    pub fn release_images(&self) -> Result<Repository, MappingError> {
        self.mirror(&releases()?)
    }

    /// Where the image with an update service's graph data lands, where nobody said otherwise: beside the releases.
    pub fn graph_image(&self) -> Result<MirrorTag, MappingError> {
        let releases = releases()?;
        let beside = self.mirror(&releases)?;
        let namespace = beside.as_str().rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let name = format!("{namespace}/graph-image:latest");
        let name = name.trim_start_matches('/');
        name.parse().map_err(|source| MappingError::Name {
            origin: Box::new(releases),
            mirror: name.to_owned(),
            source,
        })
    }

    /// What is wrong with mirroring all of these: two that land on one repository, and those that have no valid place.
    ///
    /// A source may come with a place that was asked for, which then wins over the rules.
    pub fn check<'r>(
        &self,
        sources: impl IntoIterator<Item = (&'r RepositoryRef, Option<&'r Repository>)>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut landed: BTreeMap<Repository, BTreeSet<&RepositoryRef>> = BTreeMap::new();
        for (source, asked) in sources.into_iter().collect::<BTreeSet<_>>() {
            let place = asked.cloned().map_or_else(|| self.mirror(source), Ok);
            match place {
                Ok(mirror) => {
                    landed.entry(mirror).or_default().insert(source);
                }
                Err(why) => findings.push(
                    Finding::error("MAPPING_INVALID", source, &why).hint(why.hint().unwrap_or_default()),
                ),
            }
        }
        for (mirror, sources) in landed.iter().filter(|(_, sources)| sources.len() > 1) {
            let names: Vec<_> = sources.iter().map(|source| format!("`{source}`")).collect();
            let message = format!("{} would land on the same repository", names.join(" and "));
            let hint = "give one of them a prefix of its own under `repositories` in the site file";
            findings.push(Finding::error("MAPPING_COLLISION", mirror, message).hint(hint));
        }
        findings
    }
}

/// What else a site would put among the releases: an update service takes every tag there for one.
pub fn among_releases(site: &Site, mapping: &Mapping) -> Vec<Finding> {
    let Ok(releases) = mapping.release_images() else { return Vec::new() };
    let catalogs = site.spec.catalogs.iter();
    let catalogs = catalogs.map(|catalog| (format!("the catalog {}", catalog.source), &catalog.mirror));
    let data = site.spec.releases.graph_data.mirror.iter();
    let all = catalogs.chain(data.map(|place| ("the image with graph data".to_owned(), place)));
    let there = all.filter(|(_, place)| place.repository == releases);
    there
        .map(|(what, place)| {
            let message = format!(
                "{what} would land among the OpenShift releases, where an update service takes every tag for a release"
            );
            let hint = "give it a repository of its own as `mirror` in the site file";
            Finding::error("AMONG_RELEASES", place, message).hint(hint)
        })
        .collect()
}

const RELEASES_HOST: &str = "quay.io";
const RELEASES_REPOSITORY: &str = "openshift-release-dev/ocp-release";

/// What mirrors call the repositories of OpenShift's releases (openshift/oc `pkg/cli/admin/release/mirror.go`, oc-mirror
/// `internal/pkg/release`).
const CALLED: [(&str, &str); 2] = [
    (RELEASES_REPOSITORY, "openshift/release-images"),
    ("openshift-release-dev/ocp-v4.0-art-dev", "openshift/release"),
];

fn called(source: &RepositoryRef) -> Option<&'static str> {
    let here = source.host.as_str() == RELEASES_HOST;
    let known = CALLED.iter().find(|(path, _)| here && source.repository.as_str() == *path);
    known.map(|(_, name)| *name)
}

/// The last components of a path.
fn last_of(path: &str, components: usize) -> &str {
    let ends = path.rmatch_indices('/').map(|(at, _)| at + 1).nth(components.saturating_sub(1));
    ends.and_then(|at| path.get(at..)).unwrap_or(path)
}

/// The vendor's repository of release images.
fn releases() -> Result<RepositoryRef, MappingError> {
    Ok(RepositoryRef {
        host: RELEASES_HOST.parse().map_err(prefix_error)?,
        repository: RELEASES_REPOSITORY.parse().map_err(prefix_error)?,
    })
}

fn prefix_error(source: InvalidReference) -> MappingError {
    MappingError::Prefix { source_prefix: format!("{RELEASES_HOST}/{RELEASES_REPOSITORY}"), source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mapping(rules: &[(&str, &str)]) -> Mapping {
        let rules: Vec<_> = rules
            .iter()
            .map(|(source, mirror)| PrefixRule {
                source: (*source).to_owned(),
                mirror: mirror.parse().unwrap(),
            })
            .collect();
        Mapping::new(&rules).unwrap()
    }

    fn source(text: &str) -> RepositoryRef {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_at_a_path_boundary_wins() {
        let mapping = mapping(&[
            ("registry.redhat.io", "olm-redhat"),
            ("quay.io/openshift-release-dev", "ocp4/openshift"),
            ("quay.io", "quay"),
            ("quay.io/openshift-release-dev/ocp-release", "ocp4/openshift/release-images"),
        ]);
        for (from, to) in [
            (
                "registry.redhat.io/web-terminal/web-terminal-rhel9",
                "olm-redhat/web-terminal/web-terminal-rhel9",
            ),
            ("quay.io/openshift-release-dev/ocp-v4.0-art-dev", "ocp4/openshift/release"),
            ("quay.io/openshift-release-dev/ocp-release", "ocp4/openshift/release-images"),
            ("quay.io:443/openshift-release-dev/ocp-release", "openshift-release-dev/ocp-release"),
            ("quay.io/openshift-release-dev/ocp-release-nightly", "ocp4/openshift/ocp-release-nightly"),
            ("quay.io/openshift-release-developers/x", "quay/openshift-release-developers/x"),
            ("registry.redhat.io:8443/a", "a"),
            ("docker.elastic.co/eck/eck-operator", "eck/eck-operator"),
        ] {
            assert_eq!(mapping.mirror(&source(from)).unwrap().as_str(), to, "{from}");
        }
    }

    #[test]
    fn releases_are_called_as_every_mirror_calls_them() {
        let places = |rules: &[(&str, &str)]| {
            let mapping = mapping(rules);
            let place = |name: &str| {
                let source = source(&format!("quay.io/openshift-release-dev/{name}"));
                (mapping.mirror(&source).unwrap().to_string(), mapping.is_renamed(&source))
            };
            let data = mapping.graph_image().unwrap().to_string();
            (place("ocp-release"), place("ocp-v4.0-art-dev"), data)
        };
        for (rules, images, components, data) in [
            (&[][..], "openshift/release-images", "openshift/release", "openshift/graph-image:latest"),
            (
                &[("quay.io", "q")],
                "q/openshift/release-images",
                "q/openshift/release",
                "q/openshift/graph-image:latest",
            ),
            (
                &[("quay.io/openshift-release-dev", "ocp4/openshift")],
                "ocp4/openshift/release-images",
                "ocp4/openshift/release",
                "ocp4/openshift/graph-image:latest",
            ),
        ] {
            let expected = ((images.to_owned(), true), (components.to_owned(), true), data.to_owned());
            assert_eq!(places(rules), expected, "{rules:?}");
        }
        let own = [
            ("quay.io/openshift-release-dev/ocp-release", "releases"),
            ("quay.io/openshift-release-dev/ocp-v4.0-art-dev", "a/components"),
        ];
        let expected = (
            ("releases".to_owned(), false),
            ("a/components".to_owned(), false),
            "graph-image:latest".to_owned(),
        );
        assert_eq!(places(&own), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        let long = format!("a{}", "/b".repeat(120));
        let mapping = mapping(&[("quay.io", "prefix-of-some-length")]);
        let origin = source(&format!("quay.io/{long}"));
        assert!(matches!(mapping.mirror(&origin), Err(MappingError::Name { .. })));
        let codes: Vec<_> =
            mapping.check([(&origin, None)]).into_iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["MAPPING_INVALID"]);
        for wrong in ["", "Quay.io", "quay.io/", "quay.io/A", "https://quay.io", "quay.io/a:b"] {
            let rule = PrefixRule { source: wrong.to_owned(), mirror: "x".parse().unwrap() };
            assert!(matches!(Mapping::new(&[rule]), Err(MappingError::Prefix { .. })), "{wrong:?} was taken");
        }
    }

    #[test]
    fn two_sources_on_one_repository_collide() {
        let (one, two, three) =
            (source("quay.io/a/b"), source("registry.redhat.io/a/b"), source("quay.io/a/c"));
        let plain = Mapping::default();
        let findings = plain.check([(&one, None), (&two, None), (&three, None), (&one, None)]);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code.as_str(), findings[0].subject.as_str()), ("MAPPING_COLLISION", "a/b"));
        assert_eq!(
            findings[0].message,
            "`quay.io/a/b` and `registry.redhat.io/a/b` would land on the same repository"
        );
        assert_eq!(mapping(&[("quay.io", "quay")]).check([(&one, None), (&two, None)]), []);
        let asked: Repository = "a/c".parse().unwrap();
        assert_eq!(plain.check([(&two, Some(&asked)), (&three, None)]).len(), 1);
    }

    proptest! {
        /// Of distinct sources, either each has a repository of its own or a collision is told.
        #[test]
        fn no_collision_goes_untold(
            rules in prop::collection::vec(("(h1|h2)(\\.io)(/[ab]){0,2}", "[ab](/[ab]){0,1}"), 0..4),
            sources in prop::collection::btree_set("(h1|h2)(\\.io)(/[ab]){1,3}", 1..6),
        ) {
            let rules: Vec<_> = rules
                .into_iter()
                .map(|(source, mirror)| PrefixRule { source, mirror: mirror.parse().unwrap() })
                .collect();
            let mapping = Mapping::new(&rules).unwrap();
            let sources: Vec<RepositoryRef> = sources.iter().map(|text| text.parse().unwrap()).collect();
            let places: BTreeSet<_> = sources.iter().map(|source| mapping.mirror(source).unwrap()).collect();
            let findings = mapping.check(sources.iter().map(|source| (source, None)));
            prop_assert_eq!(findings.is_empty(), places.len() == sources.len());
        }
    }
}
