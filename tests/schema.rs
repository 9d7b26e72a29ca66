//! The contracts: the JSON Schemas in `schema/` are what the types say, and what we document fits them.
//!
//! `OMBUNDLE_UPDATE_SCHEMA=1 cargo test --test schema` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

use std::path::{Path, PathBuf};

use ombundle::catalog::diff::CatalogDiff;
use ombundle::finding::{Finding, Findings};
use ombundle::flow::doctor::Diagnosis;
use ombundle::merge::MergeAccount;
use ombundle::papers::Custody;
use ombundle::plan::Plan;
use ombundle::release::ReleasePathReport;
use ombundle::retain::VacuumPlan;
use ombundle::site::{Receipt, RegistryTable, Site, SiteHistory, SiteReport};
use ombundle::volume::VolumeLabel;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema")
}

fn schema_of<T: JsonSchema>(name: &str) -> String {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), json!(format!("https://ombundle.dev/schema/{name}")));
    let mut text = serde_json::to_string_pretty(&schema).unwrap();
    text.push('\n');
    text
}

fn schemas() -> [(&'static str, String); 14] {
    let of = [
        ("site.v1.json", schema_of::<Site> as fn(&str) -> String),
        ("site-report.v1.json", schema_of::<SiteReport>),
        ("receipt.v1.json", schema_of::<Receipt>),
        ("plan.v1.json", schema_of::<Plan>),
        ("findings.v1.json", schema_of::<Findings>),
        ("release-path.v1.json", schema_of::<ReleasePathReport>),
        ("catalog-diff.v1.json", schema_of::<CatalogDiff>),
        ("merge-report.v1.json", schema_of::<MergeAccount>),
        ("volume.v1.json", schema_of::<VolumeLabel>),
        ("custody.v1.json", schema_of::<Custody>),
        ("registries.v1.json", schema_of::<RegistryTable>),
        ("site-history.v1.json", schema_of::<SiteHistory>),
        ("vacuum-plan.v1.json", schema_of::<VacuumPlan>),
        ("diagnosis.v1.json", schema_of::<Diagnosis>),
    ];
    of.map(|(name, schema)| (name, schema(name)))
}

#[test]
fn the_files_say_what_the_types_say() {
    for (name, schema) in schemas() {
        let path = folder().join(name);
        if std::env::var_os("OMBUNDLE_UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &schema).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == schema,
            "{name} has drifted: run with OMBUNDLE_UPDATE_SCHEMA=1 and look at the difference"
        );
    }
}

fn judge(name: &str, instance: &Value) -> Vec<String> {
    let schemas = schemas();
    let (_, text) = schemas.iter().find(|(known, _)| *known == name).unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(instance).map(|error| error.to_string()).collect()
}

#[test]
fn what_is_written_fits_its_schema() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let report = json!({"format": "ombundle.site-report/v1", "site": "scada-a", "generation": 0});
    let receipt = json!({
        "format": "ombundle.receipt/v1", "tool": "ombundle 0.1.0", "finished": "2026-08-30T00:00:00Z",
        "archive": "a.ombundle", "inventory": digest, "generation": 1, "signers": [],
        "steps": [{"subject": "nexus.example:5000/a:b", "after": digest}], "site": report,
    });
    let findings =
        Findings { findings: vec![Finding::warning("CODE", "subject", "message").at("file", Some(3))] };
    let site = json!({
        "apiVersion": "ombundle.dev/v1", "kind": "Site", "metadata": {"name": "scada-a"},
        "spec": {"staging": {"registry": "nexus.example:5001"}, "production": {"registry": "nexus.example:5000"}},
    });
    for (name, instance) in [
        ("site-report.v1.json", report.clone()),
        ("receipt.v1.json", receipt.clone()),
        ("findings.v1.json", serde_json::to_value(findings).unwrap()),
        ("site.v1.json", site.clone()),
    ] {
        assert_eq!(judge(name, &instance), Vec::<String>::new(), "{name}");
    }
    let mut wrong = site;
    wrong["spec"]["colour"] = json!("green");
    assert_eq!(judge("site.v1.json", &wrong).len(), 1);
    let mut wrong = receipt;
    wrong["inventory"] = json!("sha256:0");
    assert_eq!(judge("receipt.v1.json", &wrong).len(), 1);
}
