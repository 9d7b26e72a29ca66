//! gpg with a home of its own: makes keys and signatures, and says what it thinks of ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A home with its keys. Its agent ends with it.
pub(crate) struct Gpg {
    home: tempfile::TempDir,
}

/// What gpg says of a signed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// Good, by a key that is good.
    Good,
    /// It fits, and key or signature are expired or revoked.
    Stale,
    /// It does not fit.
    Bad,
    /// By a key that is not there, of a kind that is not taken, or no signature at all.
    None,
}

impl Gpg {
    pub(crate) fn new() -> Self {
        // Not below the build's own folder: an agent's socket takes paths of 107 bytes.
        Self { home: tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap() }
    }

    /// A home that knows these public keys and nothing else.
    pub(crate) fn knowing(keys: &[u8]) -> Self {
        let gpg = Self::new();
        let file = gpg.put("keys", keys);
        // It complains of the missing blank line of Red Hat's file, with its exit code too, and takes the key.
        gpg.command(&["--import", file.to_str().unwrap()]);
        assert!(!gpg.run(&["--list-keys"]).stdout.is_empty());
        gpg
    }

    /// A key that signs, made and bound at `when` (`20200101T000000`), for so long. Gives its fingerprint.
    pub(crate) fn key(&self, algorithm: &str, when: &str, expires: &str) -> String {
        let name = format!("{algorithm} {when} {expires} <release@example.com>");
        self.at(when, &["--quick-gen-key", &name, algorithm, "sign", expires]);
        self.fingerprint(&name)
    }

    /// A key that only certifies, with a subkey that signs.
    pub(crate) fn key_with_subkey(&self, when: &str) -> String {
        let name = format!("subkey {when} <release@example.com>");
        self.at(when, &["--quick-gen-key", &name, "ed25519", "cert", "never"]);
        let key = self.fingerprint(&name);
        self.at(when, &["--quick-add-key", &key, "ed25519", "sign", "never"]);
        key
    }

    fn fingerprint(&self, name: &str) -> String {
        let listed = self.run(&["--with-colons", "--list-keys", name]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Takes a key back.
    pub(crate) fn revoke(&self, key: &str) {
        // gpg keeps a certificate of revocation for each key, made harmless by a colon.
        let made = self.home.path().join("openpgp-revocs.d").join(format!("{key}.rev"));
        let armed = std::fs::read_to_string(made).unwrap().replace(":-----BEGIN", "-----BEGIN");
        let file = self.put("revocation", armed.as_bytes());
        self.run(&["--import", file.to_str().unwrap()]);
    }

    /// Lets a key last longer, as its owner does at `when`.
    pub(crate) fn prolong(&self, key: &str, when: &str, expires: &str) {
        self.at(when, &["--quick-set-expire", key, expires]);
    }

    /// The public key, armored.
    pub(crate) fn export(&self, key: &str) -> Vec<u8> {
        self.run(&["--armor", "--export", key]).stdout
    }

    /// Signs in one message, at `when`, with more options.
    pub(crate) fn sign(&self, key: &str, when: &str, options: &[&str], content: &[u8]) -> Vec<u8> {
        let file = self.put("content", content);
        let mut all = vec!["--local-user", key];
        all.extend(options);
        if !options.iter().any(|option| ["--detach-sign", "--clearsign", "--store"].contains(option)) {
            all.push("--sign");
        }
        all.extend(["--output", "-", file.to_str().unwrap()]);
        self.at(when, &all).stdout
    }

    /// What gpg thinks of a message.
    pub(crate) fn opinion(&self, message: &[u8]) -> Opinion {
        let file = self.put("message", message);
        let output = self.command(&["--status-fd", "1", "--verify", file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let says = |word: &str| said.lines().any(|line| line.starts_with(&format!("[GNUPG:] {word}")));
        if says("BADSIG") {
            Opinion::Bad
        } else if says("GOODSIG") && output.status.success() {
            Opinion::Good
        } else if says("EXPKEYSIG") || says("REVKEYSIG") || says("EXPSIG") {
            Opinion::Stale
        } else {
            Opinion::None
        }
    }

    fn at(&self, when: &str, arguments: &[&str]) -> Output {
        // The `!` stops the clock, so that a key and what it signs can be of the same second.
        let clock = format!("{when}!");
        let all: Vec<_> =
            ["--faked-system-time", &clock].into_iter().chain(arguments.iter().copied()).collect();
        self.run(&all)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        output
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path()).args([
            "--batch",
            "--yes",
            "--no-tty",
            "--quiet",
            "--trust-model",
            "always",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]);
        command.args(arguments).output().unwrap()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }

    fn path(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
    }
}
