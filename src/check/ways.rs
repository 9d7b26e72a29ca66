//! Whether what a cluster has installed finds its way to the head of its channel.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Package, PathFinder, Start};
use crate::emit::fit;
use crate::finding::{Finding, Severity};
use crate::site::cluster::{ClusterDump, ClusterSubscription};
use crate::text::Safe;

/// What became of the Subscriptions of one catalog.
#[derive(Debug, Default)]
pub struct Ways {
    /// How many there are.
    pub subscriptions: usize,
    /// Those that OLM cannot take to where their channel leads.
    pub findings: Vec<Finding>,
}

/// Follows each Subscription of the catalog that the site calls `name`, as OLM does: in its channel, from what is installed. One that
/// names none of the site's catalogs, `ours`, is followed as if it named this one, where this one has its package: what stands in
/// its way does no harm yet.
pub fn ways(catalog: &Catalog, name: &str, ours: &BTreeSet<String>, cluster: &ClusterDump) -> Ways {
    let source = fit(name);
    let mut ways = Ways::default();
    for subscription in cluster.subscriptions.values() {
        let package = catalog.packages.get(&subscription.package);
        let is_in_force = subscription.source == source;
        let finding = match package {
            None if is_in_force => Some(no_package(subscription)),
            Some(package) if is_in_force => follow(package, subscription, cluster),
            Some(package) if !ours.contains(&subscription.source) => {
                follow(package, subscription, cluster).map(|finding| not_yet(finding, &source))
            }
            _ => continue,
        };
        ways.subscriptions += 1;
        ways.findings.extend(finding);
    }
    ways
}

/// What will be wrong once a Subscription names this catalog.
fn not_yet(finding: Finding, source: &str) -> Finding {
    let message = format!("{} (once it names {source}; now it names another catalog)", finding.message);
    Finding { severity: finding.severity.min(Severity::Warning), message, ..finding }
}

fn follow(package: &Package, subscription: &ClusterSubscription, cluster: &ClusterDump) -> Option<Finding> {
    let channel = subscription.channel.as_deref().unwrap_or(&package.default_channel);
    let finder = PathFinder::new(package, &[]);
    let Some(graph) = finder.graph(channel) else { return Some(no_channel(package, subscription, channel)) };
    let Some(head) = graph.head() else {
        let heads =
            graph.heads().into_iter().map(|head| Safe(head).to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("OLM cannot tell where channel `{}` leads: {heads}", Safe(channel));
        let hint = "`ombundle catalog validate` says what is wrong with the catalog";
        return Some(Finding::error("MULTIPLE_HEADS", subject(subscription), message).hint(hint));
    };
    let installed = subscription.installed_csv.as_deref().filter(|installed| *installed != head)?;
    let Some(start) = start(package, installed, subscription, cluster) else {
        let message = format!("{} runs, and the dumps do not say of what version it is", Safe(installed));
        let hint = "dump what is installed too: `oc get csv,subs -A -o json`";
        return Some(Finding::warning("VERSION_UNKNOWN", subject(subscription), message).hint(hint));
    };
    let hops = finder.greedy(channel, &start);
    let end = hops.last().map_or(installed, |hop| hop.name.as_str());
    if end == head {
        return None;
    }
    let newest = package.bundles.get(head).map(|bundle| &bundle.version);
    if hops.is_empty() && newest.is_some_and(|newest| start.version > *newest) {
        let message = format!(
            "{} runs, which is newer than all that channel `{}` offers: it stays, and gets no updates",
            Safe(installed),
            Safe(channel)
        );
        let hint = "right after a way back; else import the archive that brought it";
        return Some(Finding::warning("INSTALLED_NEWER", subject(subscription), message).hint(hint));
    }
    let message = format!(
        "{} runs, and in channel `{}` OLM {}: nothing leads to its head `{}`",
        Safe(installed),
        Safe(channel),
        if hops.is_empty() { "takes it nowhere".to_owned() } else { format!("ends at {}", Safe(end)) },
        Safe(head)
    );
    let hint = match finder.plan(&start, Some(channel), Some(head)) {
        Ok(path) => {
            let over = path.hops.iter().map(|hop| hop.channel.as_str()).find(|over| *over != channel);
            format!(
                "channel `{}` leads on: switch the Subscription there first",
                Safe(over.unwrap_or(channel))
            )
        }
        Err(_) => format!(
            "carry the versions in between: `ombundle plan --installed {}` with this package in the ImageSetConfiguration",
            Safe(installed)
        ),
    };
    Some(Finding::error("NO_PATH", subject(subscription), message).hint(hint))
}

/// What runs. The catalog need not have it.
fn start(
    package: &Package,
    installed: &str,
    subscription: &ClusterSubscription,
    cluster: &ClusterDump,
) -> Option<Start> {
    let dumped = cluster.csvs.get(&(subscription.namespace.clone(), installed.to_owned()));
    let dumped = dumped.and_then(|csv| csv.version.as_ref()?.parse().ok());
    let known = || Some(package.start_named(installed)?.version);
    Some(Start { name: installed.to_owned(), version: dumped.or_else(known)? })
}

fn subject(subscription: &ClusterSubscription) -> String {
    format!("Subscription {}/{}", Safe(&subscription.namespace), Safe(&subscription.name))
}

fn no_package(subscription: &ClusterSubscription) -> Finding {
    let message = format!(
        "its catalog does not offer `{}`: OLM resolves nothing in namespace `{}`",
        Safe(&subscription.package),
        Safe(&subscription.namespace)
    );
    Finding::error("PACKAGE_GONE", subject(subscription), message).hint(
        "import an archive that carries the package, or point the Subscription to the catalog that offers it",
    )
}

fn no_channel(package: &Package, subscription: &ClusterSubscription, channel: &str) -> Finding {
    let known = package.channels.keys().map(|name| Safe(name).to_string()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "its catalog has no channel `{}` of `{}`, but {known}: OLM resolves nothing in namespace `{}`",
        Safe(channel),
        Safe(&package.name),
        Safe(&subscription.namespace)
    );
    Finding::error("CHANNEL_GONE", subject(subscription), message)
        .hint("switch the Subscription to one of these, or import an archive that carries the channel")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// `stable`: 1.0.0 ← 1.1.0 ← 1.3.0, and 1.2.0 is only in `tech`, which leads back; `cut` was cut off above 1.0.0; `forked`
    /// has two heads.
    const CATALOG: &str = r#"
{"schema": "olm.package", "name": "a", "defaultChannel": "stable"}
{"schema": "olm.channel", "package": "a", "name": "stable", "entries": [{"name": "a.v1.0.0"}, {"name": "a.v1.1.0", "replaces": "a.v1.0.0"}, {"name": "a.v1.3.0", "replaces": "a.v1.1.0", "skipRange": ">=1.0.5 <1.0.9"}]}
{"schema": "olm.channel", "package": "a", "name": "tech", "entries": [{"name": "a.v1.1.0", "replaces": "a.v1.2.0"}]}
{"schema": "olm.channel", "package": "a", "name": "cut", "entries": [{"name": "a.v1.3.0", "replaces": "a.v1.2.0"}, {"name": "a.v1.2.0", "replaces": "a.v1.1.5"}]}
{"schema": "olm.channel", "package": "a", "name": "late", "entries": [{"name": "a.v1.3.0"}]}
{"schema": "olm.channel", "package": "a", "name": "forked", "entries": [{"name": "a.v1.0.0"}, {"name": "a.v1.1.0"}]}
"#;

    fn told(spec: &str, installed: &str, csv: &str) -> (usize, Vec<(String, String)>) {
        let mut blobs: Vec<Value> =
            serde_json::Deserializer::from_str(CATALOG).into_iter().collect::<Result<_, _>>().unwrap();
        for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
            blobs.push(serde_json::json!({
                "schema": "olm.bundle", "package": "a", "name": format!("a.v{version}"),
                "image": format!("quay.io/a/a@sha256:{}", "1".repeat(64)),
                "properties": [{"type": "olm.package", "value": {"packageName": "a", "version": version}}],
            }));
        }
        let catalog = Catalog::from_values(&blobs).catalog;
        let dump = format!(
            "kind: Subscription\nmetadata: {{name: s, namespace: ns}}\nspec: {{{spec}}}\nstatus: {{{installed}}}\n---\n{csv}"
        );
        let (dump, findings) = ClusterDump::parse(dump.as_bytes(), "dump");
        assert_eq!(findings, []);
        let ours = ["cs-redhat".to_owned(), "cs-other".to_owned()].into();
        let ways = ways(&catalog, "cs-redhat", &ours, &dump);
        let told = |found: Finding| {
            let weight = if found.severity == Severity::Error { "" } else { "warning " };
            (format!("{weight}{}", found.code), found.hint)
        };
        (ways.subscriptions, ways.findings.into_iter().map(told).collect())
    }

    #[test]
    fn each_subscription_is_followed_as_olm_follows_it() {
        let csv = |version: &str| {
            format!(
                "kind: ClusterServiceVersion\nmetadata: {{name: a.v{version}, namespace: ns}}\nspec: {{version: {version}}}\nstatus: {{phase: Succeeded}}\n"
            )
        };
        for (channel, installed, code, hint) in [
            ("stable", "1.3.0", None, ""),
            ("stable", "1.0.0", None, ""),
            // By the range, though the catalog does not have it.
            ("stable", "1.0.7", None, ""),
            ("stable", "0.9.0", Some("NO_PATH"), "--installed a.v0.9.0"),
            // It was taken out, and another channel knows a way from it.
            ("late", "1.1.0", Some("NO_PATH"), "channel `stable` leads on"),
            ("cut", "1.1.0", Some("NO_PATH"), "channel `stable` leads on"),
            ("stable", "2.0.0", Some("warning INSTALLED_NEWER"), "way back"),
            ("fast", "1.0.0", Some("CHANNEL_GONE"), "switch the Subscription"),
            ("forked", "1.0.0", Some("MULTIPLE_HEADS"), "catalog validate"),
        ] {
            let spec = format!("name: a, channel: {channel}, source: cs-redhat");
            let (count, found) = told(&spec, &format!("installedCSV: a.v{installed}"), &csv(installed));
            assert_eq!(count, 1);
            assert_eq!(found.first().map(|(code, _)| code.as_str()), code, "{channel} {installed} {found:?}");
            assert!(
                found.first().is_none_or(|(_, told)| told.contains(hint)),
                "{channel} {installed}: {found:?}"
            );
        }
        // Without a channel the default one counts; without anything installed there is no way to find.
        assert_eq!(told("name: a, source: cs-redhat", "installedCSV: a.v1.0.0", &csv("1.0.0")), (1, vec![]));
        assert_eq!(told("name: a, channel: cut, source: cs-redhat", "", ""), (1, vec![]));
        assert_eq!(told("name: b, source: somebody-elses", "installedCSV: b.v1", ""), (0, vec![]));
        // Of another catalog of the site it is none of ours; of a stranger's it may become so.
        assert_eq!(
            told("name: a, channel: fast, source: cs-other", "installedCSV: a.v1.0.0", ""),
            (0, vec![])
        );
        let (count, found) =
            told("name: a, channel: fast, source: redhat-operators", "installedCSV: a.v1.0.0", "");
        assert_eq!((count, found[0].0.as_str()), (1, "warning CHANNEL_GONE"));
        let codes = |(_, found): (usize, Vec<(String, String)>)| {
            found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        assert_eq!(codes(told("name: b, source: cs-redhat", "installedCSV: b.v1", "")), ["PACKAGE_GONE"]);
        // Known to the catalog, its version is known; else it must be dumped.
        assert_eq!(told("name: a, source: cs-redhat", "installedCSV: a.v1.1.0", ""), (1, vec![]));
        assert_eq!(
            codes(told("name: a, source: cs-redhat", "installedCSV: a.v1.0.7", "")),
            ["warning VERSION_UNKNOWN"]
        );
    }
}
