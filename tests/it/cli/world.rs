//! Runs the binary in a folder of its own, with nothing of this machine's environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to run in.
pub(crate) struct Folder(TempDir);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; folders before it are made.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs `ombundle` with the words of a command line.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_with(&self, arguments: &[&str]) -> Ended {
        self.run_in(arguments, &[])
    }

    pub(crate) fn run_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_ombundle"))
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("COLUMNS", "100")
            .env("HOME", self.path())
            .env("OMBUNDLE_CACHE_DIR", "none")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file of the project.
pub(crate) fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What speaks against a JSON document by a schema of the project.
pub(crate) fn against(schema: &str, instance: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_slice(&fs::read(project("schema").join(schema)).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    schema.iter_errors(instance).map(|error| error.to_string()).collect()
}

/// The archive that is kept for ever, and the key that signed it.
pub(crate) fn kept_archive() -> Vec<u8> {
    fs::read(project("fixtures/archives/v1-minimal.ombundle")).unwrap()
}

/// Puts the kept archive, its key and another key into a folder.
pub(crate) fn with_archive() -> Folder {
    let folder = Folder::new();
    folder.write("good.ombundle", kept_archive());
    folder.write("signer.pub", fs::read(project("fixtures/keys/snake-oil.pub")).unwrap());
    let made = folder.run("key generate --out other");
    assert_eq!(made.code, 0, "{}", made.stderr);
    folder
}

/// `verify` at a time at which the kept archive has expired.
pub(crate) const ANY_AGE: [&str; 2] = ["--accept-time", "a kept archive"];

/// A site file that is right.
pub(crate) const SITE: &str = "\
apiVersion: ombundle.dev/v1
kind: Site
metadata:
  name: scada-a
spec:
  staging: {registry: 127.0.0.1:1}
  production: {registry: 127.0.0.1:2}
  repositories:
    - {source: registry.redhat.io, mirror: olm-redhat}
  catalogs:
    - source: registry.redhat.io/redhat/redhat-operator-index:v4.20
      mirror: olm-redhat/redhat-operator-index:v4.20
      name: cs-redhat
  platforms: [linux/amd64]
  trust: {keys: [signer.pub], threshold: 1}
  state: ./state
";

/// A catalog with one package: `web-terminal` 1.8.0 and 1.9.0 in `fast`.
pub(crate) fn catalog() -> String {
    package("web-terminal", "fast")
}

/// A catalog with one package of this name, with two versions in a channel of this name.
pub(crate) fn package(name: &str, channel: &str) -> String {
    let bundle = |version: &str| {
        serde_json::json!({
            "schema": "olm.bundle", "name": format!("{name}.v{version}"), "package": name,
            "image": format!("registry.redhat.io/web-terminal/bundle@sha256:{}", "5".repeat(64)),
            "properties": [{"type": "olm.package", "value": {"packageName": name, "version": version}}],
            "relatedImages": [],
        })
    };
    let documents = [
        serde_json::json!({"schema": "olm.package", "name": name, "defaultChannel": channel}),
        serde_json::json!({"schema": "olm.channel", "name": channel, "package": name, "entries": [
            {"name": format!("{name}.v1.8.0")},
            {"name": format!("{name}.v1.9.0"), "replaces": format!("{name}.v1.8.0")},
        ]}),
        bundle("1.8.0"),
        bundle("1.9.0"),
    ];
    documents.map(|document| document.to_string()).join("\n")
}

/// The same package a version later: 1.9.0 and 1.10.0, and another package beside it.
pub(crate) fn two_newer() -> String {
    let newer = catalog().replace("1.9.0", "1.10.0").replace("1.8.0", "1.9.0");
    [newer, package("devworkspace-operator", "fast")].join("\n")
}
