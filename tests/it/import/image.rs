//! The image that carries the merged catalog, as engines, tools and other machines see it.

use std::collections::BTreeMap;

use ombundle::demo::Generation;
use ombundle::digest::Digest;
use serde_json::json;

use super::catalogs;
use super::stand::{Stand, contents};
use super::stock::{self, Skopeo};

#[test]
fn the_merged_catalog_is_an_image_like_any_other() {
    let stand = Stand::plain();
    stand.first();
    let layers = |stand: &Stand| {
        let image = stand.catalog();
        let digest = stand.served().unwrap();
        let manifest = stand.client().manifest(&image.repository, &digest.into()).unwrap().unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(manifest.bytes()).unwrap();
        manifest["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>()
    };
    let base = layers(&stand);
    stand.ok(&Stand::import_line("first"));
    looks_right(&stand, 1);
    let first = layers(&stand);
    assert_eq!((first.len(), &first[..base.len()]), (base.len() + 1, &base[..]), "one layer over the base");

    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    stand.ok(&Stand::import_line("second"));
    looks_right(&stand, 2);
    let second = layers(&stand);
    assert_eq!((second.len(), &second[..base.len()]), (base.len() + 1, &base[..]), "still one");
    assert_ne!(second.last(), first.last());
}

/// What a container engine and a person would see of production's catalog.
fn looks_right(stand: &Stand, generation: u64) {
    use std::os::unix::fs::PermissionsExt as _;
    let skopeo = Skopeo::new(stand);
    let image = stand.catalog().to_string();
    let config = skopeo.config(&image);
    assert_eq!(config["config"]["Entrypoint"], json!(["/bin/opm"]));
    assert_eq!(config["config"]["Cmd"], json!(["serve", "/configs"]));
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["operators.operatorframework.io.index.configs.v1"], "/configs");
    assert_eq!(labels["dev.ombundle.generation"], generation.to_string());

    let folder = tempfile::tempdir().unwrap();
    let root = stock::unpacked(stand, &image, folder.path());
    let seen: BTreeMap<String, Vec<u8>> = contents(&root.join("configs"));
    assert_eq!(seen, catalogs::files(stand, &stand.catalog()), "umoci and our reader disagree");
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "devworkspace-operator/catalog.json",
            "self-node-remediation/catalog.json",
            "web-terminal/catalog.json"
        ]
    );
    // The base's cache belongs to another catalog; opm would serve that one.
    assert!(!root.join("tmp/cache").exists());
    assert!(root.join("bin/opm").exists());
    for name in names {
        let mode = root.join("configs").join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
    }
    let mode = |path: &str| root.join(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("configs"), mode("configs/web-terminal")), (0o755, 0o755));
}

#[test]
fn two_machines_make_the_same_catalog() {
    let stand = Stand::plain();
    stand.first();
    let storages = [stand.staging.storage(), stand.production.storage()].map(std::path::Path::to_owned);
    let saved = tempfile::tempdir().unwrap();
    super::stand::save(&storages, saved.path());
    let mut digests: Vec<Option<Digest>> = Vec::new();
    for (zone, mask, language) in [("UTC", "022", "C"), ("Asia/Seoul", "077", "ko_KR.UTF-8")] {
        super::stand::restore(&storages, saved.path());
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::copy(stand.path("signer.pub"), elsewhere.path().join("signer.pub")).unwrap();
        std::fs::copy(stand.path("site.yaml"), elsewhere.path().join("site.yaml")).unwrap();
        let mut words = stand.command("import @first.ombundle");
        words.args(["--site", "site.yaml", "-o", "out"]).current_dir(elsewhere.path());
        words.env("TZ", zone).env("LANG", language).env("LC_ALL", language);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("umask {mask}; exec \"$@\"")).arg("sh").arg(words.get_program());
        shell.args(words.get_args()).current_dir(elsewhere.path()).env_clear();
        shell.envs(words.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = super::stand::finish(shell);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        digests.push(stand.served());
    }
    assert!(digests[0].is_some());
    assert_eq!(digests[0], digests[1]);
}
