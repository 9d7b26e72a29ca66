//! What becomes of Subscriptions when their catalog is an earlier one again.

use crate::catalog::{Catalog, Package};
use crate::emit::{LeftChannel, fit};
use crate::finding::Finding;
use crate::site::cluster::{ClusterDump, ClusterSubscription};
use crate::text::Safe;

/// The Subscriptions of this catalog that must leave their channels, and what a person should know of all of them.
pub(super) fn channels<'d>(
    cluster: &'d ClusterDump,
    name: &str,
    former: &Catalog,
) -> (Vec<LeftChannel<'d>>, Vec<Finding>) {
    let (mut left, mut findings) = (Vec::new(), Vec::new());
    let source = fit(name);
    for subscription in cluster.subscriptions.values().filter(|found| found.source == source) {
        let subject = format!("Subscription {}/{}", subscription.namespace, subscription.name);
        let package = Safe(&subscription.package).to_string();
        let Some(offered) = former.packages.get(&subscription.package) else {
            let message = format!(
                "the former catalog does not offer {package}: it stays as it is, and gets no updates"
            );
            findings.push(Finding::warning("PACKAGE_GONE", subject, message));
            continue;
        };
        if let Some(runs) =
            subscription.installed_csv.as_deref().filter(|runs| !offered.bundles.contains_key(*runs))
        {
            let message = format!(
                "{} runs, and the former catalog does not offer it: OLM does not downgrade, it stays",
                Safe(runs)
            );
            let hint = "to go back with the operator too, follow its own documentation; else import again";
            findings.push(Finding::warning("INSTALLED_NEWER", &subject, message).hint(hint));
        }
        let Some(channel) = other_channel(subscription, offered) else { continue };
        let message = format!(
            "the former catalog has no channel `{}`",
            Safe(subscription.channel.as_deref().unwrap_or_default())
        );
        let hint = format!("the runbook points it to `{}` before the catalog changes", Safe(channel));
        findings.push(Finding::warning("CHANNEL_GONE", subject, message).hint(hint));
        left.push(LeftChannel { subscription, channel: channel.to_owned() });
    }
    (left, findings)
}

/// The channel that a Subscription must name instead of its own; nothing where it may stay.
fn other_channel<'p>(subscription: &ClusterSubscription, offered: &'p Package) -> Option<&'p str> {
    let named = subscription.channel.as_deref()?;
    if offered.channels.contains_key(named) {
        return None;
    }
    let holds = |name: &&String| {
        let entries =
            offered.channels.get(*name).map(|channel| channel.entries.as_slice()).unwrap_or_default();
        entries.iter().any(|entry| Some(entry.name.as_str()) == subscription.installed_csv.as_deref())
    };
    let default = &offered.default_channel;
    Some(offered.channels.keys().find(holds).unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const FORMER: &str = r#"
{"schema": "olm.package", "name": "a", "defaultChannel": "stable"}
{"schema": "olm.channel", "package": "a", "name": "stable", "entries": [{"name": "a.v1.0.0"}]}
{"schema": "olm.channel", "package": "a", "name": "tech", "entries": [{"name": "a.v2.0.0"}]}
{"schema": "olm.bundle", "package": "a", "name": "a.v1.0.0", "image": "quay.io/a/a@sha256:1111111111111111111111111111111111111111111111111111111111111111",
 "properties": [{"type": "olm.package", "value": {"packageName": "a", "version": "1.0.0"}}]}
{"schema": "olm.bundle", "package": "a", "name": "a.v2.0.0", "image": "quay.io/a/a@sha256:2222222222222222222222222222222222222222222222222222222222222222",
 "properties": [{"type": "olm.package", "value": {"packageName": "a", "version": "2.0.0"}}]}
"#;

    fn told(package: &str, channel: &str, installed: &str, source: &str) -> (Option<String>, Vec<String>) {
        let former: Vec<Value> =
            serde_json::Deserializer::from_str(FORMER).into_iter().collect::<Result<_, _>>().unwrap();
        let former = Catalog::from_values(&former).catalog;
        let dump = format!(
            "kind: Subscription\nmetadata: {{name: s, namespace: ns}}\n\
             spec: {{name: {package}, channel: {channel}, source: {source}}}\nstatus: {{installedCSV: {installed}}}\n"
        );
        let (dump, _) = ClusterDump::parse(dump.as_bytes(), "dump");
        let (mut left, findings) = channels(&dump, "cs-redhat", &former);
        let channel = left.pop().map(|one| one.channel);
        assert!(left.is_empty());
        (channel, findings.into_iter().map(|finding| finding.code).collect())
    }

    #[test]
    fn a_subscription_leaves_a_channel_that_is_gone_and_no_other() {
        for (package, channel, installed, source, to, codes) in [
            ("a", "stable", "a.v1.0.0", "cs-redhat", None, vec![]),
            ("a", "fast", "a.v2.0.0", "cs-redhat", Some("tech"), vec!["CHANNEL_GONE"]),
            ("a", "fast", "a.v3.0.0", "cs-redhat", Some("stable"), vec!["INSTALLED_NEWER", "CHANNEL_GONE"]),
            ("a", "stable", "a.v3.0.0", "cs-redhat", None, vec!["INSTALLED_NEWER"]),
            ("b", "stable", "b.v1.0.0", "cs-redhat", None, vec!["PACKAGE_GONE"]),
            ("a", "fast", "a.v3.0.0", "somebody-elses", None, vec![]),
        ] {
            let codes = codes.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(
                told(package, channel, installed, source),
                (to.map(str::to_owned), codes),
                "{channel} {installed}"
            );
        }
    }
}
