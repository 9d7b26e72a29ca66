//! Whether a catalog leads where it was expected to lead.

use crate::catalog::{Catalog, UpgradeGraph};
use crate::finding::Finding;
use crate::site::CatalogState;
use crate::text::Safe;

/// Compares a catalog with what was said of it: each package and channel must be there and have the same head. What came since is
/// no harm.
pub fn heads(catalog: &Catalog, expected: &CatalogState) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, package) in &expected.packages {
        let Some(found) = catalog.packages.get(name) else {
            let message =
                format!("production does not offer it, and it was expected at `{}`", expected.mirror);
            findings.push(differs("PACKAGE_GONE", &format!("package {}", Safe(name)), message));
            continue;
        };
        for (channel, state) in &package.channels {
            let subject = format!("package {}, channel {}", Safe(name), Safe(channel));
            let Some(found) = found.channels.get(channel) else {
                findings.push(differs("CHANNEL_GONE", &subject, "production does not have it".to_owned()));
                continue;
            };
            let graph = UpgradeGraph::new(found);
            if graph.head() != state.head.as_deref() {
                let said =
                    |head: Option<&str>| head.map_or("nothing".to_owned(), |head| Safe(head).to_string());
                let (head, wanted) = (said(graph.head()), said(state.head.as_deref()));
                let message = format!("it leads to {head}, and {wanted} was expected");
                findings.push(differs("HEAD_DIFFERS", &subject, message));
            }
        }
    }
    findings
}

fn differs(code: &str, subject: &str, message: String) -> Finding {
    Finding::error(code, subject, message)
        .hint("`ombundle site history` tells what was imported, taken back and cleaned up since")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::digest::Digest;
    use crate::site::{ChannelState, PackageState};

    const CATALOG: &str = r#"
{"schema": "olm.package", "name": "a", "defaultChannel": "stable"}
{"schema": "olm.channel", "package": "a", "name": "stable", "entries": [{"name": "a.v1.0.0"}, {"name": "a.v1.1.0", "replaces": "a.v1.0.0"}]}
{"schema": "olm.channel", "package": "a", "name": "forked", "entries": [{"name": "a.v1.0.0"}, {"name": "a.v1.1.0"}]}
"#;

    fn told(package: &str, channel: &str, head: Option<&str>) -> Vec<String> {
        let blobs: Vec<Value> =
            serde_json::Deserializer::from_str(CATALOG).into_iter().collect::<Result<_, _>>().unwrap();
        let state = ChannelState { head: head.map(str::to_owned), entries: 2, names: Vec::new() };
        let package_state = PackageState {
            default_channel: "stable".to_owned(),
            channels: BTreeMap::from([(channel.to_owned(), state)]),
        };
        let mirror: crate::reference::ImageRef = "mirror:5000/index:v1".parse().unwrap();
        let expected = CatalogState {
            source: mirror.clone(),
            repository: mirror.repository.clone(),
            mirror,
            digest: Digest::of(b""),
            packages: BTreeMap::from([(package.to_owned(), package_state)]),
        };
        heads(&Catalog::from_values(&blobs).catalog, &expected).into_iter().map(|found| found.code).collect()
    }

    #[test]
    fn what_was_expected_is_there_or_named() {
        assert_eq!(told("a", "stable", Some("a.v1.1.0")), [""; 0]);
        assert_eq!(told("a", "forked", None), [""; 0]);
        assert_eq!(told("a", "stable", Some("a.v1.0.0")), ["HEAD_DIFFERS"]);
        assert_eq!(told("a", "stable", None), ["HEAD_DIFFERS"]);
        assert_eq!(told("a", "forked", Some("a.v1.1.0")), ["HEAD_DIFFERS"]);
        assert_eq!(told("a", "fast", Some("a.v1.1.0")), ["CHANNEL_GONE"]);
        assert_eq!(told("b", "stable", Some("b.v1")), ["PACKAGE_GONE"]);
    }
}
