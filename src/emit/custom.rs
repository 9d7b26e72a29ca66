//! A catalog's CatalogSource and ClusterCatalog, and those of a catalog that a site makes itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::emit::names::{Kind, fit};
use crate::emit::resources::{Object, contents, file, minor};
use crate::emit::yaml::Yaml;
use crate::reference::{PinnedRef, RepositoryRef, Tag};
use crate::site::cluster::MANAGED_BY;
use crate::site::{CatalogSourceSpec, GrpcPodConfig, Toleration};

/// How often the cluster looks whether a tag leads to another image: whole minutes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollInterval(u32);

impl FromStr for PollInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minutes = match (text.strip_suffix('h'), text.strip_suffix('m')) {
            (Some(hours), _) => hours.parse().ok().and_then(|hours: u32| hours.checked_mul(60)),
            (_, Some(minutes)) => minutes.parse().ok(),
            _ => None,
        };
        let minutes = minutes.filter(|minutes| (1..=100_000).contains(minutes));
        minutes.map(Self).ok_or_else(|| format!("`{text}` is no interval: write it like `30m` or `2h`"))
    }
}

impl fmt::Display for PollInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0)
    }
}

/// A catalog that a site made and pushed itself.
#[derive(Debug, Clone)]
pub struct CustomCatalog<'a> {
    /// Name of its CatalogSource and ClusterCatalog.
    pub name: &'a str,
    /// Where it was pushed.
    pub repository: &'a RepositoryRef,
    /// Under which tag.
    pub tag: &'a Tag,
    /// What was pushed.
    pub image: &'a PinnedRef,
    /// The version of OpenShift that its base is for, as far as it is known: `v4.20`.
    pub openshift: Option<&'a str>,
    /// What its CatalogSource says besides.
    pub spec: &'a CatalogSourceSpec,
    /// The cluster follows the tag, and looks this often; it keeps to the digest without.
    pub poll: Option<PollInterval>,
}

/// Its resources: file contents by path.
pub fn custom_catalog(catalog: &CustomCatalog<'_>) -> BTreeMap<String, Vec<u8>> {
    let CustomCatalog { spec, poll, .. } = *catalog;
    let image = match poll {
        Some(_) => format!("{}:{}", catalog.repository, catalog.tag),
        None => catalog.image.to_string(),
    };
    let name = fit(catalog.name);
    let comments = vec![match poll {
        Some(poll) => format!("Follows the tag: another image under it is in force within {poll}."),
        None => format!("Was pushed as {}:{}.", catalog.repository, catalog.tag),
    }];
    let source = source_spec(spec, &image, catalog.name, poll);
    let mut objects = vec![Object::with_spec(Kind::CatalogSource, name.clone(), source, comments.clone())];
    let version = catalog.openshift.map(|version| version.trim_start_matches('v')).and_then(minor);
    if version.is_none_or(|version| version >= (4, 18)) {
        let cluster = cluster_spec(spec, &image, poll);
        objects.push(Object::with_spec(Kind::ClusterCatalog, name, cluster, comments));
    }
    contents(&file("cluster", objects))
}

/// The `spec` of a CatalogSource.
///
/// Without `extractContent`: the image brings its own opm. `restricted` is always said, since the namespace's own default differs
/// between versions.
pub(super) fn source_spec(
    spec: &CatalogSourceSpec,
    image: &str,
    shown: &str,
    poll: Option<PollInterval>,
) -> Yaml {
    let mut fields = vec![
        ("sourceType", Yaml::text("grpc")),
        ("image", Yaml::text(image)),
        ("displayName", Yaml::text(spec.display_name.as_deref().unwrap_or(shown))),
        ("publisher", Yaml::text(spec.publisher.as_deref().unwrap_or(MANAGED_BY.1))),
    ];
    fields.extend(spec.priority.map(|priority| ("priority", Yaml::Number(priority.into()))));
    if !spec.secrets.is_empty() {
        fields.push(("secrets", Yaml::List(spec.secrets.iter().map(Yaml::text).collect())));
    }
    fields.push(("grpcPodConfig", pod_config(&spec.grpc_pod_config)));
    fields.extend(poll.map(|poll| {
        ("updateStrategy", Yaml::map([("registryPoll", Yaml::map([("interval", Yaml::text(poll))]))]))
    }));
    mapping(fields)
}

fn pod_config(config: &GrpcPodConfig) -> Yaml {
    let mut fields = vec![("securityContextConfig", Yaml::text(config.security_context_config.as_str()))];
    if !config.node_selector.is_empty() {
        let labels = config.node_selector.iter().map(|(key, value)| (key.clone(), Yaml::text(value)));
        fields.push(("nodeSelector", Yaml::Map(labels.collect())));
    }
    if !config.tolerations.is_empty() {
        fields.push(("tolerations", Yaml::List(config.tolerations.iter().map(toleration).collect())));
    }
    fields.extend(config.priority_class_name.as_ref().map(|name| ("priorityClassName", Yaml::text(name))));
    fields.extend(config.memory_target.as_ref().map(|target| ("memoryTarget", Yaml::text(target.as_str()))));
    mapping(fields)
}

fn toleration(toleration: &Toleration) -> Yaml {
    let texts = [
        ("key", &toleration.key),
        ("operator", &toleration.operator),
        ("value", &toleration.value),
        ("effect", &toleration.effect),
    ];
    let texts = texts.into_iter().filter_map(|(field, text)| Some((field, Yaml::text(text.as_ref()?))));
    let seconds = toleration.toleration_seconds.map(|seconds| Yaml::Number(seconds.into()));
    mapping(texts.chain(seconds.map(|seconds| ("tolerationSeconds", seconds))).collect())
}

/// The `spec` of a ClusterCatalog.
pub(super) fn cluster_spec(spec: &CatalogSourceSpec, image: &str, poll: Option<PollInterval>) -> Yaml {
    let mut source = vec![("ref", Yaml::text(image))];
    source.extend(poll.map(|poll| ("pollIntervalMinutes", Yaml::Number(poll.0.into()))));
    let source = [("type", Yaml::text("Image")), ("image", mapping(source))];
    let mut fields = vec![("availabilityMode", Yaml::text("Available"))];
    fields.extend(spec.priority.map(|priority| ("priority", Yaml::Number(priority.into()))));
    fields.push(("source", Yaml::map(source)));
    mapping(fields)
}

fn mapping(fields: Vec<(&str, Yaml)>) -> Yaml {
    Yaml::Map(fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn emitted(
        openshift: Option<&str>,
        spec: &CatalogSourceSpec,
        poll: Option<&str>,
    ) -> BTreeMap<String, String> {
        let repository: RepositoryRef = "registry.example:5000/olm/custom".parse().unwrap();
        let files = custom_catalog(&CustomCatalog {
            name: "cs-custom",
            repository: &repository,
            tag: &"v1".parse().unwrap(),
            image: &repository.pin(Digest::of(b"image")),
            openshift,
            spec,
            poll: poll.map(|poll| poll.parse().unwrap()),
        });
        files.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
    }

    #[test]
    fn a_catalog_of_ones_own_says_what_was_asked() {
        let spec = CatalogSourceSpec {
            display_name: Some("Ours".to_owned()),
            publisher: Some("Us".to_owned()),
            priority: Some(-100),
            secrets: vec!["pull".to_owned()],
            grpc_pod_config: GrpcPodConfig {
                node_selector: BTreeMap::from([("node-role.kubernetes.io/infra".to_owned(), String::new())]),
                tolerations: vec!["infra:NoSchedule".parse().unwrap(), "a=b".parse().unwrap()],
                priority_class_name: Some("system-cluster-critical".to_owned()),
                security_context_config: "legacy".parse().unwrap(),
                memory_target: Some("200Mi".parse().unwrap()),
            },
        };
        let files = emitted(Some("v4.20"), &spec, Some("2h"));
        assert_eq!(
            files["cluster/01-catalogsource-cs-custom.yaml"],
            r#"# Follows the tag: another image under it is in force within 120m.
apiVersion: "operators.coreos.com/v1alpha1"
kind: "CatalogSource"
metadata:
  name: "cs-custom"
  namespace: "openshift-marketplace"
  labels:
    "app.kubernetes.io/managed-by": "ombundle"
spec:
  sourceType: "grpc"
  image: "registry.example:5000/olm/custom:v1"
  displayName: "Ours"
  publisher: "Us"
  priority: -100
  secrets:
    - "pull"
  grpcPodConfig:
    securityContextConfig: "legacy"
    nodeSelector:
      "node-role.kubernetes.io/infra": ""
    tolerations:
      - key: "infra"
        operator: "Exists"
        effect: "NoSchedule"
      - key: "a"
        operator: "Equal"
        value: "b"
    priorityClassName: "system-cluster-critical"
    memoryTarget: "200Mi"
  updateStrategy:
    registryPoll:
      interval: "120m"
"#
        );
        let catalog = &files["cluster/02-clustercatalog-cs-custom.yaml"];
        assert!(catalog.ends_with(
            "spec:\n  availabilityMode: \"Available\"\n  priority: -100\n  source:\n    type: \"Image\"\n    image:\n      \
             ref: \"registry.example:5000/olm/custom:v1\"\n      pollIntervalMinutes: 120\n"
        ), "{catalog}");
    }

    #[test]
    fn without_wishes_it_is_pinned_and_restricted() {
        let files = emitted(Some("v4.17"), &CatalogSourceSpec::default(), None);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["cluster/01-catalogsource-cs-custom.yaml"]);
        let digest = Digest::of(b"image");
        let source = &files["cluster/01-catalogsource-cs-custom.yaml"];
        assert!(source.starts_with("# Was pushed as registry.example:5000/olm/custom:v1.\n"), "{source}");
        assert!(source.ends_with(&format!(
            "spec:\n  sourceType: \"grpc\"\n  image: \"registry.example:5000/olm/custom@{digest}\"\n  displayName: \"cs-custom\"\n  \
             publisher: \"ombundle\"\n  grpcPodConfig:\n    securityContextConfig: \"restricted\"\n"
        )), "{source}");
        assert_eq!(emitted(None, &CatalogSourceSpec::default(), None).len(), 2);
    }

    #[test]
    fn intervals_are_whole_minutes() {
        for (text, minutes) in [("30m", 30), ("1m", 1), ("2h", 120)] {
            assert_eq!(text.parse(), Ok(PollInterval(minutes)));
        }
        for text in ["", "m", "0m", "30", "30s", "-1m", "1.5h", "99999999h", "100001m", "1h30m"] {
            assert!(text.parse::<PollInterval>().is_err(), "{text}");
        }
    }
}
