//! Hostile texts in every place of every kind that is written, read back by two YAML readers.

use std::io::Write;
use std::process::{Command, Stdio};

use ombundle::emit::{Kind, Yaml};
use serde_json::{Value, json};

/// Texts that a plain scalar would turn into something else, or that would break out of it.
const HOSTILE: &[&str] = &[
    "no",
    "NO",
    "on",
    "1e3",
    "0x1F",
    "012",
    "1:30",
    "~",
    "null",
    "2026-01-01",
    "4.20",
    "v4.20",
    "a: b",
    "a #c",
    "- x",
    "\"q\"",
    "line1\nline2",
    "a\n---\nkind: Secret",
    "\u{1b}[31m",
    "&a",
    "*a",
    "!!python/object/apply:os.system [id]",
    "{a: b}",
    "%TAG",
    "@x",
    "`x`",
    "| x",
    "> x",
    "\u{2028}x\u{85}",
    "\u{feff}x",
    "a\tb\r",
    "é한\u{1f600}\u{e0041}",
    "=",
    "<<",
    ".inf",
    "190:20:30\\",
    "",
    "\0\u{7f}\u{9b}\u{202e}'",
];

/// An object of this kind with the text in every place where a text can be.
fn object(kind: Kind, text: &str) -> Yaml {
    let said = || Yaml::text(text);
    let spec = match kind {
        Kind::ImageDigestMirrorSet | Kind::ImageTagMirrorSet => Yaml::map([(
            "imageDigestMirrors",
            Yaml::List(vec![
                Yaml::map([("source", said()), ("mirrors", Yaml::List(vec![said(), said()]))]),
                Yaml::map([("mirrors", Yaml::List(vec![])), ("source", said())]),
            ]),
        )]),
        Kind::CatalogSource => Yaml::map([
            ("image", said()),
            ("displayName", said()),
            ("grpcPodConfig", Yaml::map([("securityContextConfig", said())])),
        ]),
        Kind::ClusterCatalog => Yaml::map([
            ("source", Yaml::map([("image", Yaml::map([("ref", said())]))])),
            ("nested", Yaml::List(vec![Yaml::List(vec![said(), Yaml::Flag(true)]), said()])),
        ]),
        Kind::ImageContentSourcePolicy => Yaml::map([(
            "repositoryDigestMirrors",
            Yaml::List(vec![Yaml::map([("source", said()), ("mirrors", Yaml::List(vec![said()]))])]),
        )]),
        Kind::ConfigMap => Yaml::map([("binaryData", Yaml::map([(text, said())]))]),
        Kind::UpdateService => Yaml::map([("replicas", Yaml::Number(2)), ("releases", said())]),
    };
    Yaml::map([
        ("apiVersion", Yaml::text(kind.api_version())),
        ("kind", Yaml::text(kind.as_str())),
        ("metadata", Yaml::map([("name", said()), ("labels", Yaml::map([(text, said())]))])),
        ("spec", spec),
    ])
}

fn meaning(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Text(text) => json!(text),
        Yaml::Flag(flag) => json!(flag),
        Yaml::Number(number) => json!(number),
        Yaml::List(items) => items.iter().map(meaning).collect(),
        Yaml::Map(fields) => fields.iter().map(|(key, value)| (key.clone(), meaning(value))).collect(),
    }
}

/// Every text in every kind: the document, and what it means.
fn cases() -> Vec<(String, Value)> {
    let kinds = [
        Kind::ImageDigestMirrorSet,
        Kind::ImageTagMirrorSet,
        Kind::CatalogSource,
        Kind::ClusterCatalog,
        Kind::ImageContentSourcePolicy,
        Kind::ConfigMap,
        Kind::UpdateService,
    ];
    assert_eq!(HOSTILE.len(), 38);
    let objects = HOSTILE.iter().flat_map(|text| kinds.map(|kind| (text, object(kind, text))));
    // The text stands in the comment on top as well, where nothing of it may count.
    objects
        .map(|(text, yaml)| {
            (String::from_utf8(yaml.document(&[(*text).to_owned()])).unwrap(), meaning(&yaml))
        })
        .collect()
}

#[test]
fn the_first_reader_reads_what_was_meant() {
    for (text, meant) in cases() {
        let mut documents = serde_norway::Deserializer::from_str(&text);
        let read: Value = serde::Deserialize::deserialize(documents.next().unwrap()).unwrap();
        assert_eq!(read, meant, "{text}");
        assert!(documents.next().is_none(), "{text}");
    }
}

#[test]
fn the_second_reader_reads_what_was_meant() {
    const SCRIPT: &str = "
import json, sys, yaml
wrong = 0
for text, meant in json.load(sys.stdin):
    if list(yaml.safe_load_all(text)) != [meant]:
        print(text); wrong += 1
print('wrong:', wrong)
";
    let has_yaml = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !has_yaml.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "python3-yaml is missing");
        return;
    }
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&serde_json::to_vec(&cases()).unwrap()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "wrong: 0\n");
}
