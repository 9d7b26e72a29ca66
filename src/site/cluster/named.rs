//! Every digest that a dump of a cluster names, whatever the kind of object: none of these may go from a registry.
//!
//! The kinds of objects that hold images are many and grow (pods and what makes them, CSVs, image streams, hosted clusters), so
//! they are not enumerated: a digest counts wherever in an object it stands. Only a ClusterVersion is read by field, as its
//! history names every release that ever ran.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::digest::Digest;

/// So many finished updates of a ClusterVersion count: what runs, and what ran before.
const FINISHED: usize = 2;
/// Lists in lists go no deeper.
const DEEPEST: u32 = 4;
const ALGORITHM: &[u8] = b"sha256:";

/// What dumps name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Each digest, with an object that names it: `Pod openshift-terminal/web-terminal-0`.
    pub digests: BTreeMap<Digest, String>,
}

#[derive(Deserialize)]
struct Node<'a> {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClusterVersion {
    spec: Option<VersionSpec>,
    status: Option<VersionStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VersionSpec {
    desired_update: Option<Update>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct VersionStatus {
    desired: Option<Update>,
    history: Option<Vec<Update>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Update {
    state: Option<String>,
    image: Option<String>,
}

impl Named {
    /// Reads one dump. What is no JSON is searched as text.
    pub fn read(bytes: &[u8]) -> Self {
        let mut named = Self::default();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
        let mut read = Vec::new();
        for document in documents.by_ref() {
            match document {
                Ok(document) => read.push(document),
                Err(_) => {
                    named.all(bytes, "the cluster");
                    return named;
                }
            }
        }
        for document in read {
            named.node(document, None, 0);
        }
        named
    }

    /// Adds what another dump names.
    pub fn merge(&mut self, other: Self) {
        for (digest, object) in other.digests {
            self.digests.entry(digest).or_insert(object);
        }
    }

    fn node(&mut self, raw: &RawValue, kind_of_list: Option<&str>, depth: u32) {
        let Ok(node) = serde_json::from_str::<Node<'_>>(raw.get()) else {
            return self.all(raw.get().as_bytes(), "the cluster");
        };
        let kind = node.kind.as_deref().or(kind_of_list).unwrap_or_default();
        if let Some(items) = node.items.filter(|_| depth < DEEPEST) {
            for item in items {
                self.node(item, kind.strip_suffix("List").filter(|kind| !kind.is_empty()), depth + 1);
            }
            return;
        }
        let Metadata { name, namespace } = node.metadata.unwrap_or_default();
        let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let object = format!("{kind} {place}{}", name.unwrap_or_default());
        match serde_json::from_str::<ClusterVersion>(raw.get()) {
            Ok(version) if kind == "ClusterVersion" => self.version(version, &object),
            _ => self.all(raw.get().as_bytes(), &object),
        }
    }

    /// What runs, what ran before it, and what is to run.
    fn version(&mut self, version: ClusterVersion, object: &str) {
        let VersionStatus { desired, history } = version.status.unwrap_or_default();
        let asked = version.spec.and_then(|spec| spec.desired_update);
        let mut finished = 0;
        let history = history.unwrap_or_default().into_iter().take_while(|update| {
            let before = finished;
            finished += usize::from(update.state.as_deref() == Some("Completed"));
            before < FINISHED
        });
        for update in asked.into_iter().chain(desired).chain(history) {
            self.all(update.image.unwrap_or_default().as_bytes(), object);
        }
    }

    fn all(&mut self, bytes: &[u8], object: &str) {
        let mut rest = bytes;
        while let Some(at) = rest.windows(ALGORITHM.len()).position(|window| window == ALGORITHM) {
            rest = rest.get(at + ALGORITHM.len()..).unwrap_or_default();
            let hex = rest.get(..64).and_then(|hex| std::str::from_utf8(hex).ok());
            if let Some(digest) = hex.and_then(|hex| Digest::from_hex(hex).ok()) {
                self.digests.entry(digest).or_insert_with(|| object.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn a_digest_counts_wherever_it_stands() {
        let dump = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
            {"kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
             "spec": {"containers": [{"image": format!("r.example/a@{}", digest("spec"))}]},
             "status": {"containerStatuses": [{"imageID": format!("r.example/a@{}", digest("status"))}]}},
            {"kind": "ClusterServiceVersion", "metadata": {"name": "c.v1", "namespace": "n", "labels": {"olm.copiedFrom": "m"}},
             "spec": {"deep": [{"env": [{"value": format!("x={},y={}", digest("one"), digest("two"))}]}]}},
            {"kind": "Anything", "metadata": {"annotations": {"last": format!("{{\"image\":\"q@{}\"}}", digest("quoted"))}}},
        ]});
        let named = Named::read(dump.to_string().as_bytes());
        let by: Vec<&str> = ["spec", "status", "one", "two", "quoted"]
            .iter()
            .map(|text| named.digests[&digest(text)].as_str())
            .collect();
        assert_eq!(
            by,
            [
                "Pod n/p",
                "Pod n/p",
                "ClusterServiceVersion n/c.v1",
                "ClusterServiceVersion n/c.v1",
                "Anything "
            ]
        );
        assert_eq!(named.digests.len(), 5);
    }

    #[test]
    fn of_a_cluster_version_what_ran_long_ago_does_not_count() {
        let update = |state: &str, image: &str| serde_json::json!({"state": state, "image": format!("q@{}", digest(image))});
        let dump = serde_json::json!({"kind": "ClusterVersion", "metadata": {"name": "version"},
        "spec": {"desiredUpdate": {"image": format!("q@{}", digest("asked"))}},
        "status": {"desired": {"image": format!("q@{}", digest("desired"))}, "history": [
            update("Partial", "half"), update("Completed", "runs"), update("Partial", "tried"),
            update("Completed", "before"), update("Completed", "long ago"),
        ]}});
        let named = Named::read(dump.to_string().as_bytes());
        let expected = ["asked", "desired", "half", "runs", "tried", "before"].map(digest);
        assert_eq!(named.digests.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    }

    #[test]
    fn yaml_is_searched_as_text() {
        let text = format!("kind: List\nitems:\n- kind: Pod\n  spec: {{image: a@{}}}\n", digest("a"));
        let named = Named::read(text.as_bytes());
        assert_eq!(named.digests.get(&digest("a")).map(String::as_str), Some("the cluster"));
        // Half a digest is none, and nothing follows the last byte.
        assert_eq!(Named::read(b"sha256:abc").digests.len(), 0);
    }
}
