//! `registries.conf`, version 2: where pulls of a repository really go (containers-registries.conf(5)).

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

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
    /// The rules of the file that was named, and of it alone; else those of the usual places
    /// (containers-registries.conf(5), containers-registries.conf.d(5)): the first folder's `registries.conf`, and the files in
    /// `registries.conf.d` of all folders, where those of the first folder come last. What comes later replaces what has the same prefix.
    pub(super) fn find(named: Option<&Path>, folders: &[PathBuf]) -> Result<Self, RegistryError> {
        if let Some(path) = named {
            let missing = || config(path, "it does not exist");
            return Self::read(path)?.ok_or_else(missing);
        }
        let mut found = Self::default();
        for folder in folders {
            if let Some(main) = Self::read(&folder.join("registries.conf"))? {
                found = main;
                break;
            }
        }
        for folder in folders.iter().rev() {
            for path in drop_ins(&folder.join("registries.conf.d"))? {
                found.add(Self::read(&path)?.unwrap_or_default());
            }
        }
        Ok(found)
    }

    /// The rules of a file; nothing where there is none.
    fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let file = match File::open(path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            opened => opened.map_err(|error| config(path, error))?,
        };
        let mut text = String::new();
        file.take(LIMITS.yaml_bytes + 1).read_to_string(&mut text).map_err(|error| config(path, error))?;
        if text.len() as u64 > LIMITS.yaml_bytes {
            return Err(config(path, "it is too large"));
        }
        Self::parse(&text).map(Some).map_err(|why| config(path, why))
    }

    fn add(&mut self, later: Self) {
        let replaced = |rule: &Rule| later.rules.iter().any(|new| new.prefix() == rule.prefix());
        self.rules.retain(|rule| !replaced(rule));
        self.rules.extend(later.rules);
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
    fn prefix(&self) -> &str {
        let prefix = if self.prefix.is_empty() { &self.location } else { &self.prefix };
        prefix.trim_end_matches('/')
    }

    /// How many bytes of the name the rule's prefix covers.
    fn matched(&self, name: &str) -> Option<usize> {
        let prefix = self.prefix();
        if let Some(domain) = prefix.strip_prefix("*.") {
            let host = name.split('/').next()?;
            let below = host.strip_suffix(domain)?;
            return (below.len() > 1 && below.ends_with('.')).then_some(host.len());
        }
        let rest = name.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
    }
}

fn config(path: &Path, why: impl ToString) -> RegistryError {
    RegistryError::Config { what: "registries.conf", path: path.to_owned(), why: why.to_string() }
}

/// The `*.conf` of a folder, by name.
fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, RegistryError> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(found);
        }
        entries => entries.map_err(|error| config(folder, error))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| config(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
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
    fn the_usual_places_are_read_where_no_file_is_named() {
        let base = tempfile::tempdir().unwrap();
        let (user, system) = (base.path().join("user"), base.path().join("system"));
        let folders = [user.clone(), system.clone()];
        let write = |path: PathBuf, name: &str, place: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("[[registry]]\nprefix = \"{name}\"\nlocation = \"{place}\"\n"))
                .unwrap();
        };
        let places = |named: Option<&Path>| {
            let conf = RegistriesConf::find(named, &folders).unwrap();
            ["a.example/x", "b.example/x", "c.example/x"].map(|name| {
                let found =
                    conf.endpoints(&name.parse().unwrap(), &Target::Tag("t".parse().unwrap())).unwrap();
                found[0].repository.host.to_string()
            })
        };
        assert_eq!(places(None), ["a.example", "b.example", "c.example"]);
        write(system.join("registries.conf"), "a.example", "system.example");
        assert_eq!(places(None), ["system.example", "b.example", "c.example"]);
        // One file of the user hides the system's; what is dropped in adds to either.
        write(user.join("registries.conf"), "b.example", "user.example");
        assert_eq!(places(None), ["a.example", "user.example", "c.example"]);
        write(system.join("registries.conf.d/20.conf"), "c.example/", "twenty.example");
        write(system.join("registries.conf.d/10.conf"), "c.example", "ten.example");
        write(system.join("registries.conf.d/30.conf.bak"), "c.example", "old.example");
        assert_eq!(places(None), ["a.example", "user.example", "twenty.example"]);
        write(user.join("registries.conf.d/00.conf"), "c.example", "mine.example");
        assert_eq!(places(None), ["a.example", "user.example", "mine.example"]);
        // A file that is named stands alone, and must be there.
        write(base.path().join("named.conf"), "a.example", "named.example");
        assert_eq!(
            places(Some(&base.path().join("named.conf"))),
            ["named.example", "b.example", "c.example"]
        );
        assert!(RegistriesConf::find(Some(&base.path().join("absent.conf")), &folders).is_err());
        std::fs::write(user.join("registries.conf"), "[[registry]]\n").unwrap();
        let why = RegistriesConf::find(None, &folders).unwrap_err().to_string();
        assert!(why.contains("user/registries.conf"), "{why}");
    }

    proptest::proptest! {
        /// Whatever stands in a file, and whatever is asked of it.
        #[test]
        fn any_file_is_read_or_refused(text in FUZZ, name in "[a-z.:/0-9]{1,40}") {
            if let (Ok(conf), Ok(repository)) = (RegistriesConf::parse(&text), name.parse()) {
                let target = Target::Tag("t".parse().unwrap());
                if let Ok(endpoints) = conf.endpoints(&repository, &target) {
                    proptest::prop_assert!(!endpoints.is_empty());
                }
                conf.allows_plain_http(&repository.host);
            }
        }
    }

    /// Lines that mean something, in any order, and some that do not.
    const FUZZ: &str = "(\\[\\[registry\\]\\]\n|\\[\\[registry.mirror\\]\\]\n|prefix = \"[*a-z./:]{0,12}\"\n\
        |location = \"[a-z./:@0-9-]{0,12}\"\n|insecure = (true|1)\n|blocked = (true|false)\n\
        |pull-from-mirror = \"(all|tag-only|digest-only|x)\"\n|.{0,20}\n){0,8}";

    #[test]
    fn a_rule_without_names_is_refused() {
        assert!(RegistriesConf::parse("[[registry]]\ninsecure = true").is_err());
        assert!(RegistriesConf::parse("[[registry]]\nlocation = 5").is_err());
    }
}
