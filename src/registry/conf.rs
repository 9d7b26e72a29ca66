//! `registries.conf`, version 2: where pulls of a repository really go (containers-registries.conf(5)).

use std::path::Path;

use serde::Deserialize;

use crate::limits::LIMITS;
use crate::reference::{RegistryHost, RepositoryRef};
use crate::registry::{RegistryError, Target};

/// The rules of one file.
#[derive(Debug, Default)]
pub(super) struct RegistriesConf {
    rules: Vec<Rule>,
}

/// One place to pull from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host and repository there.
    pub(super) repository: RepositoryRef,
    /// Whether the file allows plain HTTP (`insecure = true`). Certificates are checked all the same.
    pub(super) plain_http_allowed: bool,
}

#[derive(Debug, Deserialize)]
struct Wire {
    #[serde(default)]
    registry: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Rule {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default, rename = "mirror-by-digest-only")]
    by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<Mirror>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mirror {
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default, rename = "pull-from-mirror")]
    only: PullFrom,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFrom {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

impl RegistriesConf {
    pub(super) fn read(path: &Path) -> Result<Self, RegistryError> {
        let config =
            |why: String| RegistryError::Config { what: "registries.conf", path: path.to_owned(), why };
        let text = std::fs::read_to_string(path).map_err(|error| config(error.to_string()))?;
        if text.len() as u64 > LIMITS.yaml_bytes {
            return Err(config("it is too large".to_owned()));
        }
        Self::parse(&text).map_err(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wire: Wire = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        for rule in &wire.registry {
            if rule.prefix.is_empty() && rule.location.is_empty() {
                return Err("a [[registry]] has neither `prefix` nor `location`".to_owned());
            }
        }
        Ok(Self { rules: wire.registry })
    }

    /// The places to try for a repository, best first; the location itself comes last.
    pub(super) fn endpoints(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Vec<Endpoint>, RegistryError> {
        let name = repository.to_string();
        let best =
            self.rules.iter().filter_map(|rule| Some((rule.matched(&name)?, rule))).max_by_key(|(n, _)| *n);
        let Some((matched, rule)) = best else {
            return Ok(vec![Endpoint { repository: repository.clone(), plain_http_allowed: false }]);
        };
        if rule.blocked {
            return Err(RegistryError::Blocked { repository: name });
        }
        let rest = name.get(matched..).unwrap_or_default();
        let place = |location: &str, insecure: bool| {
            let text = format!("{}{rest}", location.trim_end_matches('/'));
            let repository = text.parse().map_err(|_| RegistryError::Config {
                what: "registries.conf",
                path: text.into(),
                why: "a location in it does not give a repository with a host".to_owned(),
            })?;
            Ok(Endpoint { repository, plain_http_allowed: insecure })
        };
        let by_digest = matches!(target, Target::Digest(_));
        let mut endpoints = rule
            .mirror
            .iter()
            .filter(|_| by_digest || !rule.by_digest_only)
            .filter(|mirror| match mirror.only {
                PullFrom::All => true,
                PullFrom::DigestOnly => by_digest,
                PullFrom::TagOnly => !by_digest,
            })
            .map(|mirror| place(&mirror.location, mirror.insecure))
            .collect::<Result<Vec<_>, _>>()?;
        endpoints.push(match rule.location.as_str() {
            "" => Endpoint { repository: repository.clone(), plain_http_allowed: rule.insecure },
            location => place(location, rule.insecure)?,
        });
        Ok(endpoints)
    }

    /// Whether the file allows plain HTTP to a host for any of its repositories.
    pub(super) fn allows_plain_http(&self, host: &RegistryHost) -> bool {
        let of_host = |location: &str| location.split('/').next() == Some(host.as_str());
        self.rules.iter().any(|rule| {
            let own = if rule.location.is_empty() { &rule.prefix } else { &rule.location };
            rule.insecure && of_host(own)
                || rule.mirror.iter().any(|mirror| mirror.insecure && of_host(&mirror.location))
        })
    }
}

impl Rule {
    /// How many bytes of the name the rule's prefix covers.
    fn matched(&self, name: &str) -> Option<usize> {
        let prefix = if self.prefix.is_empty() { &self.location } else { &self.prefix };
        let prefix = prefix.trim_end_matches('/');
        if let Some(domain) = prefix.strip_prefix("*.") {
            let host = name.split('/').next()?;
            let below = host.strip_suffix(domain)?;
            return (below.len() > 1 && below.ends_with('.')).then_some(host.len());
        }
        let rest = name.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const CONF: &str = r#"
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "registry.redhat.io"
        location = "127.0.0.1:5000/cache"
        insecure = true
        [[registry]]
        prefix = "registry.redhat.io/redhat"
        location = "registry.redhat.io/redhat"
        [[registry.mirror]]
        location = "m1.example/rh"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "m2.example:8443"
        insecure = true
        pull-from-mirror = "tag-only"
        [[registry]]
        location = "quay.io/evil"
        blocked = true
        [[registry]]
        prefix = "*.example.org"
        [[registry.mirror]]
        location = "m3.example"
    "#;

    #[test]
    fn the_longest_prefix_decides_and_mirrors_come_first() {
        let conf = RegistriesConf::parse(CONF).unwrap();
        let shown = |name: &str, target: &Target| {
            conf.endpoints(&name.parse().unwrap(), target).map(|found| {
                found
                    .iter()
                    .map(|e| format!("{}{}", e.repository, if e.plain_http_allowed { " (http)" } else { "" }))
                    .collect::<Vec<_>>()
            })
        };
        let digest = Target::Digest(Digest::of(b""));
        let tag = Target::Tag("t".parse().unwrap());
        for (name, target, expected) in [
            ("registry.redhat.io/ubi9", &tag, vec!["127.0.0.1:5000/cache/ubi9 (http)"]),
            ("registry.redhat.io/redhat/a", &digest, vec!["m1.example/rh/a", "registry.redhat.io/redhat/a"]),
            (
                "registry.redhat.io/redhat/a",
                &tag,
                vec!["m2.example:8443/a (http)", "registry.redhat.io/redhat/a"],
            ),
            ("registry.redhat.io/redhatter", &tag, vec!["127.0.0.1:5000/cache/redhatter (http)"]),
            ("registry.redhat.io:443/a", &tag, vec!["registry.redhat.io:443/a"]),
            ("quay.io/fine", &tag, vec!["quay.io/fine"]),
            ("x.y.example.org/a", &tag, vec!["m3.example/a", "x.y.example.org/a"]),
            ("badexample.org/a", &tag, vec!["badexample.org/a"]),
        ] {
            assert_eq!(shown(name, target).unwrap(), expected, "{name}");
        }
        assert!(matches!(shown("quay.io/evil/a", &tag), Err(RegistryError::Blocked { .. })));
        assert!(conf.allows_plain_http(&"127.0.0.1:5000".parse().unwrap()));
        assert!(!conf.allows_plain_http(&"m1.example".parse().unwrap()));
    }

    #[test]
    fn a_rule_without_names_is_refused() {
        assert!(RegistriesConf::parse("[[registry]]\ninsecure = true").is_err());
        assert!(RegistriesConf::parse("[[registry]]\nlocation = 5").is_err());
    }
}
