//! Every YAML file among the real data, read by two readers.

use std::collections::BTreeMap;

use ombundle::limits::{LIMITS, Limits};
use ombundle::yaml::{Doubled, parse, to_json};
use serde::Deserialize;
use serde_json::Value;

use super::shared::data;

/// What `serde_norway` makes of it, which stands on libyaml and takes YAML 1.2's few words for numbers and truth.
fn theirs(text: &str) -> Option<Vec<Value>> {
    serde_norway::Deserializer::from_str(text)
        .map(|document| {
            let mut yaml = serde_norway::Value::deserialize(document).ok()?;
            yaml.apply_merge().ok()?;
            serde_json::to_value(yaml).ok()
        })
        .collect()
}

fn ours(text: &str) -> Result<Vec<Value>, String> {
    let limits = Limits { json_depth: 100, yaml_nodes: 10_000_000, ..LIMITS };
    let nodes = parse(text, &limits).map_err(|error| format!("{}: {error}", error.line))?;
    let json = |node| to_json(node, Doubled::Refused).map_err(|error| format!("{}: {error}", error.line));
    nodes.into_iter().map(json).collect()
}

/// Where two values differ: what each has.
fn differences(ours: &Value, theirs: &Value, found: &mut Vec<(Value, Value)>) {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| differences(a, b, found));
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.values().zip(b.values()).for_each(|(a, b)| differences(a, b, found));
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => found.push((a.clone(), b.clone())),
    }
}

/// What is read differently, and why: a text in quotes goes on in the first column, which libyaml takes and YAML forbids.
const DIFFERENCES: [&str; 1] = [
    "release/library-go-verify/testdata/manifests/requires-stores.yaml:9: invalid indentation in quoted scalar",
];

#[test]
fn real_yaml_is_the_same_to_two_readers() {
    let Some(data) = data() else { return };
    let mut files = 0;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&data).sort_by_file_name() {
        let entry = entry.unwrap();
        let yaml = entry.path().extension().is_some_and(|end| end == "yaml" || end == "yml");
        if !entry.file_type().is_file() || !yaml {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        files += 1;
        let name = entry.path().strip_prefix(&data).unwrap().display().to_string();
        match (ours(&text), theirs(&text)) {
            (Ok(ours), Some(theirs)) => {
                let mut different = Vec::new();
                differences(&ours.into(), &theirs.into(), &mut different);
                for (a, b) in different {
                    *found.entry(format!("{a} for {b}")).or_default() += 1;
                }
            }
            (Err(_), None) => {}
            (Ok(_), None) => *found.entry(format!("{name} is read by us only")).or_default() += 1,
            (Err(error), Some(_)) => *found.entry(format!("{name}:{error}")).or_default() += 1,
        }
    }
    println!("{files} files");
    let found: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(found, DIFFERENCES);
}
