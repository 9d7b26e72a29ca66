//! Whose releases are believed: files, folders, the ConfigMap of a cluster.

use serde_json::{Value, json};

use super::site::{IMPORT, Site};
use super::world::World;

const VERIFY: &str = "verify up.ombundle --trust-key signer.pub";

/// What a cluster that trusts this key has in its namespace openshift-config-managed.
fn config_map(key: &str) -> Value {
    json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": "release-verification", "namespace": "openshift-config-managed",
                     "annotations": {"release.openshift.io/verification-config-map": ""}},
        "data": {"verifier-public-key-test": key, "store-test": "https://store.example/signatures"},
    })
}

fn armored(world: &World) -> String {
    String::from_utf8(world.gpg.export(&world.key)).unwrap()
}

/// `up.ombundle` with the release 4.20.5.
fn packed() -> World {
    let (world, _) = World::with_way();
    let line = format!(
        "pack --to-release 4.20.5 --from-release 4.20.0 {} --release-key release.asc",
        world.places()
    );
    let packed = world.run(&format!("{line} --key signer.key -o up.ombundle"));
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    world
}

#[test]
fn a_folder_of_keys_is_each_of_its_files() {
    let world = packed();
    let other = world.gpg.key("ed25519", "20260102T000000", "never");
    world.folder.write("keys/a-foreign.asc", world.gpg.export(&other));
    world.folder.write("keys/.swp", "an editor's");
    world.folder.write("keys/old/notes.txt", "not looked at");
    let foreign = world.run(&format!("{VERIFY} --release-key keys"));
    assert_eq!(foreign.code, 4, "{}", foreign.stderr);
    world.folder.write("keys/b-vendor.asc", armored(&world));
    let verified = world.run(&format!("{VERIFY} --release-key keys"));
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    // The site file may name the folder, too.
    world.folder.write(
        "site.yaml",
        "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {name: here}\nspec:\n  staging: {registry: 127.0.0.1:1}\n  production: {registry: 127.0.0.1:2}\n  trust: {keys: [signer.pub]}\n  releases: {keys: [keys]}\n",
    );
    let verified = world.run("verify up.ombundle --site site.yaml");
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    world.folder.write("keys/README", "what the keys are");
    let mixed = world.run(&format!("{VERIFY} --release-key keys"));
    assert_eq!(mixed.code, 2, "{}", mixed.stderr);
    assert!(mixed.stderr.contains("`keys/README` is not a file of OpenPGP public keys"), "{}", mixed.stderr);
    world.folder.write("empty/.gitkeep", "");
    let empty = world.run(&format!("{VERIFY} --release-key empty"));
    assert_eq!(empty.code, 2, "{}", empty.stderr);
    assert!(empty.stderr.contains("there is no key in the folder `empty`"), "{}", empty.stderr);
}

#[test]
fn the_config_map_of_a_cluster_is_a_file_of_keys() {
    let world = packed();
    let object = config_map(&armored(&world));
    let list = json!({"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "other", "namespace": "x"}, "data": {"a": "b"}}, object]});
    let yaml = serde_norway::to_string(&object).unwrap();
    for (name, text) in
        [("one.json", object.to_string()), ("list.json", list.to_string()), ("one.yaml", yaml)]
    {
        world.folder.write(name, text);
        let verified = world.run(&format!("{VERIFY} --release-key {name}"));
        assert_eq!(verified.code, 0, "{name}: {}", verified.stderr);
    }
    // Beside a file of keys nobody could say what both demand.
    let both = world.run(&format!("{VERIFY} --release-key release.asc --release-key one.json"));
    assert_eq!(both.code, 2, "{}", both.stderr);
    assert!(both.stderr.contains("`one.json` is the ConfigMap of a cluster"), "{}", both.stderr);
    assert!(both.stderr.contains("hint: name that ConfigMap alone"), "{}", both.stderr);
    // Each ring of a cluster must be satisfied.
    let stranger = world.gpg.key("ed25519", "20260102T000000", "never");
    let mut two = object;
    two["data"]["verifier-public-key-site"] = String::from_utf8(world.gpg.export(&stranger)).unwrap().into();
    world.folder.write("two.json", two.to_string());
    let refused = world.run(&format!("{VERIFY} --release-key two.json"));
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("verifier-public-key-site"), "{}", refused.stderr);
}

#[test]
fn a_dump_says_whom_the_cluster_believes() {
    let site = Site::new();
    site.pack();
    site.edit("site.yaml", "    keys: [release.asc]\n", "");
    let before = (site.staging.changes(), site.production.changes());
    let none = site.ends(IMPORT, 4);
    assert!(none.stderr.contains("no key is trusted to sign releases"), "{}", none.stderr);
    let dump = |object: &Value| {
        let version = json!({"kind": "ClusterVersion", "apiVersion": "config.openshift.io/v1",
            "metadata": {"name": "version"}, "status": {"desired": {"version": "4.19.3"}}});
        let list = json!({"kind": "List", "apiVersion": "v1", "items": [version, object]});
        site.world.folder.write("cluster.json", list.to_string());
    };
    let stranger = site.world.gpg.key("ed25519", "20260102T000000", "never");
    dump(&config_map(&String::from_utf8(site.world.gpg.export(&stranger)).unwrap()));
    let foreign = site.ends(&format!("{IMPORT} --cluster cluster.json"), 4);
    assert!(foreign.stderr.contains("which is not trusted"), "{}", foreign.stderr);
    dump(&config_map("no key at all"));
    let broken = site.ends(&format!("{IMPORT} --cluster cluster.json"), 2);
    assert!(
        broken.stderr.contains("`verifier-public-key-test` is not a file of OpenPGP public keys"),
        "{}",
        broken.stderr
    );
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
    let own = config_map(&armored(&site.world));
    dump(&own);
    // Whoever names keys means those.
    site.world.folder.write("stranger.asc", site.world.gpg.export(&stranger));
    site.ends(&format!("{IMPORT} --cluster cluster.json --release-key stranger.asc"), 4);
    site.ok(&format!("{IMPORT} --cluster cluster.json"));
}
