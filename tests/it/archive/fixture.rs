//! Kept archives and schemas: what was written once is read for ever, and the writer still writes it.
//!
//! `OMBUNDLE_BLESS=1` writes the files anew; a changed file is a changed format (`schema/README.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ombundle::archive::InventoryFields;
use ombundle::trust::{PublicKey, SecretKey, TrustSet};
use ombundle::verify::Policy;

use super::world::{World, key, now, verify};

/// Compares with a file of the project, or writes it.
fn kept(path: &str, bytes: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("OMBUNDLE_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }
    let found = std::fs::read(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(found == bytes, "{path} is not what the program writes");
}

fn read(path: &str) -> Vec<u8> {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_kept_archive_of_version_1_is_what_the_writer_writes() {
    kept("fixtures/keys/snake-oil.key", key(1).to_pem().unwrap().as_bytes());
    kept("fixtures/keys/snake-oil.pub", key(1).public().to_pem().unwrap().as_bytes());
    kept("fixtures/archives/v1-minimal.ombundle", &World::small().pack(&[1]));
}

#[test]
fn the_kept_archive_of_version_1_is_read() {
    let pem = |name| String::from_utf8(read(name)).unwrap();
    let public = PublicKey::from_pem(&pem("fixtures/keys/snake-oil.pub")).unwrap();
    assert_eq!(SecretKey::from_pem(&pem("fixtures/keys/snake-oil.key")).unwrap().public(), public);
    let trust = TrustSet::new(vec![public], 1).unwrap();
    let bytes = read("fixtures/archives/v1-minimal.ombundle");
    let archive = verify(Arc::new(bytes), &trust, &Policy::at(now())).unwrap();
    let inventory = archive.inventory();
    assert_eq!((inventory.format, inventory.sequence, inventory.entry_count), (1, 7, 6));
    assert_eq!(
        inventory.digest().to_string(),
        "sha256:da57b91ca9d7e9a98a9b9be8802219f79d9aa24e2fd6d7628f2f523bb7385f3a"
    );
}

#[test]
fn the_schema_of_the_inventory_is_kept() {
    let schema = schemars::schema_for!(InventoryFields);
    let mut text = serde_json::to_string_pretty(&schema).unwrap();
    text.push('\n');
    kept("schema/inventory.v1.json", text.as_bytes());
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let world = World::small();
    let inventory = serde_json::to_value(world.blueprint().inventory().fields()).unwrap();
    assert!(validator.is_valid(&inventory));
    let mut unknown = inventory;
    unknown["priority"] = 1.into();
    assert!(!validator.is_valid(&unknown));
}
