//! The files that a user has: what is wanted, what the site is, what runs in the cluster.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::demo::{DemoError, Generation, World};
use crate::reference::RegistryHost;

/// The files of a user, as text.
#[derive(Debug, Clone)]
pub struct Belongings {
    /// `imageset.yaml`: the upgrade that is wanted, written as people write it for oc-mirror.
    pub imageset: String,
    /// `site.yaml`: the site.
    pub site: String,
    /// `registries.conf`: where upstream's names really come from.
    pub registries_conf: String,
    /// `csvs.json`: `oc get csv -A -o json` before the upgrade.
    pub csvs: String,
    /// `subscriptions.json`: `oc get subs -A -o json` before the upgrade.
    pub subscriptions: String,
}

impl Belongings {
    /// The repository prefix below which the site keeps what comes from registry.redhat.io.
    pub const PREFIX: &'static str = "olm-redhat";
    /// The name of the site's CatalogSource.
    pub const CATALOG_SOURCE: &'static str = "cs-redhat";
    /// The public key that the site trusts, relative to its file.
    pub const KEY: &'static str = "signer.pub";

    /// What a user has before this generation is carried in.
    pub fn new(
        generation: Generation,
        upstream: &World,
        source: &RegistryHost,
        staging: &RegistryHost,
        production: &RegistryHost,
    ) -> Self {
        Self {
            imageset: imageset(generation),
            site: site(staging, production),
            registries_conf: upstream.registries_conf(source),
            csvs: format!("{:#}\n", csvs(generation)),
            subscriptions: format!("{:#}\n", subscriptions(generation)),
        }
    }

    /// The CSVs that run before this generation is carried in.
    pub fn installed(generation: Generation) -> [&'static str; 2] {
        match generation {
            Generation::First => ["web-terminal.v1.8.0", "devworkspace-operator.v0.20.0"],
            Generation::Second => ["web-terminal.v1.9.0", "devworkspace-operator.v0.21.0"],
        }
    }

    /// Writes the files into a folder.
    pub fn write(&self, folder: &Path) -> Result<(), DemoError> {
        for (name, text) in [
            ("imageset.yaml", &self.imageset),
            ("site.yaml", &self.site),
            ("registries.conf", &self.registries_conf),
            ("csvs.json", &self.csvs),
            ("subscriptions.json", &self.subscriptions),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| DemoError::File { path, source })?;
        }
        Ok(())
    }
}

fn imageset(generation: Generation) -> String {
    // The first is field practice: one block for the version that runs, one for the version that is wanted.
    let channels = match generation {
        Generation::First => {
            "            - name: fast
              minVersion: 1.8.0
              maxVersion: 1.8.0
            - name: fast
              minVersion: 1.9.0
              maxVersion: 1.9.0
"
        }
        Generation::Second => {
            "            - name: fast
              minVersion: 1.10.0
              maxVersion: 1.11.0
"
        }
    };
    format!(
        "kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  operators:
    - catalog: {catalog}
      packages:
        - name: web-terminal
          defaultChannel: fast
          channels:
{channels}  additionalImages:
    - name: {additional}
",
        catalog = World::CATALOG,
        additional = World::ADDITIONAL,
    )
}

fn site(staging: &RegistryHost, production: &RegistryHost) -> String {
    format!(
        "apiVersion: ombundle.dev/v1
kind: Site
metadata:
  name: small-world
spec:
  staging: {{registry: \"{staging}\"}}
  production: {{registry: \"{production}\"}}
  repositories:
    - {{source: registry.redhat.io, mirror: {prefix}}}
  catalogs:
    - source: {catalog}
      mirror: {prefix}/redhat/redhat-operator-index:v4.20
      name: {name}
  platforms: [linux/amd64]
  trust: {{keys: [{key}], threshold: 1}}
  profile: distribution
  state: ./state
",
        prefix = Belongings::PREFIX,
        catalog = World::CATALOG,
        name = Belongings::CATALOG_SOURCE,
        key = Belongings::KEY,
    )
}

fn split(csv: &str) -> (&str, &str) {
    csv.split_once(".v").unwrap_or((csv, ""))
}

/// Each CSV once where it was installed, and once as the copy that OLM puts into other namespaces.
fn csvs(generation: Generation) -> Value {
    let csv = |name: &str, namespace: &str| {
        let (package, version) = split(name);
        let mut labels = json!({format!("operators.coreos.com/{package}.openshift-operators"): ""});
        if namespace != "openshift-operators" {
            labels["olm.copiedFrom"] = json!("openshift-operators");
        }
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "ClusterServiceVersion",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"displayName": package, "version": version},
            "status": {"phase": "Succeeded", "reason": if namespace == "openshift-operators" { "InstallSucceeded" } else { "Copied" }},
        })
    };
    let items: Vec<Value> = Belongings::installed(generation)
        .iter()
        .flat_map(|name| ["default", "openshift-operators"].map(|namespace| csv(name, namespace)))
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn subscriptions(generation: Generation) -> Value {
    let subscription = |csv: &&str| {
        let (package, _) = split(csv);
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "Subscription",
            "metadata": {"name": package, "namespace": "openshift-operators"},
            "spec": {
                "name": package, "channel": "fast", "installPlanApproval": "Manual",
                "source": Belongings::CATALOG_SOURCE, "sourceNamespace": "openshift-marketplace",
            },
            "status": {"installedCSV": csv, "currentCSV": csv, "state": "AtLatestKnown"},
        })
    };
    let items: Vec<Value> = Belongings::installed(generation).iter().map(subscription).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}
