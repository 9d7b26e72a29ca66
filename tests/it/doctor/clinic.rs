//! A folder with a site file, and the binary that asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::world::{against, project};
use crate::import::stand::{Ended, finish};
use crate::support::registry::{PASSWORD, USER, auth_file};

/// The folder.
pub(super) struct Clinic {
    folder: tempfile::TempDir,
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Clinic {
    /// A site with these two registries, and one prefix, one catalog.
    pub(super) fn new(staging: &str, production: &str) -> Self {
        let clinic =
            Self { folder: tempfile::tempdir().unwrap(), flags: Vec::new(), environment: Vec::new() };
        let key = fs::read(project("fixtures/keys/snake-oil.pub")).unwrap();
        fs::write(clinic.path("signer.pub"), key).unwrap();
        clinic.site(&format!(
            "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {{name: scada-a}}\nspec:\n  \
             staging: {{registry: \"{staging}\"}}\n  production: {{registry: \"{production}\"}}\n  repositories:\n    \
             - {{source: registry.redhat.io, mirror: olm-redhat}}\n    - {{source: quay.io, mirror: other}}\n  catalogs:\n    \
             - {{source: \"registry.redhat.io/redhat/index:v4.20\", mirror: \"olm-redhat/redhat/index:v4.20\", name: cs-redhat}}\n  \
             platforms: [linux/amd64]\n  trust: {{keys: [signer.pub], threshold: 1}}\n  state: ./state\n"
        ));
        clinic
    }

    pub(super) fn site(&self, text: &str) {
        fs::write(self.path("site.yaml"), text).unwrap();
    }

    /// Changes the site file; the text must be there.
    pub(super) fn edit(self, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path("site.yaml")).unwrap();
        assert!(text.contains(from), "{text}");
        self.site(&text.replace(from, to));
        self
    }

    /// The user has these credentials for hosts.
    pub(super) fn login(self, hosts: &[&str]) -> Self {
        self.login_with(hosts, PASSWORD)
    }

    pub(super) fn login_with(mut self, hosts: &[&str], password: &str) -> Self {
        let entries: Vec<_> = hosts.iter().map(|host| (*host, USER, password)).collect();
        let file = auth_file(self.folder.path(), &entries);
        self.flags.extend(["--authfile".to_owned(), file.to_str().unwrap().to_owned()]);
        self
    }

    /// An authority that is trusted.
    pub(super) fn trusting(mut self, authority: &Path) -> Self {
        self.flags.extend(["--ca-file".to_owned(), authority.to_str().unwrap().to_owned()]);
        self
    }

    pub(super) fn with_environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ombundle"));
        command.args(["doctor", "--site"]).arg(self.path("site.yaml")).args(line.split_whitespace());
        command.args(&self.flags).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).envs(self.environment.iter().cloned());
        command.current_dir(self.folder.path());
        command
    }

    /// Asks, and reads the answers.
    pub(super) fn ask(&self, line: &str) -> Seen {
        Seen::of(finish(self.command(&format!("--format json {line}"))))
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) code: i32,
    pub(super) value: Value,
}

impl Seen {
    pub(super) fn of(ended: Ended) -> Self {
        let value = ended.json();
        assert_eq!(against("diagnosis.v1.json", &value), [""; 0], "{value}");
        Self { code: ended.code.unwrap(), value }
    }

    /// Verdict and words of an answer.
    pub(super) fn answer(&self, part: &str, question: &str) -> (&str, &str) {
        let sections = self.value["sections"].as_array().unwrap();
        let section = sections.iter().find(|section| section["part"] == part);
        let section = section.unwrap_or_else(|| panic!("{part} was not asked: {self:?}"));
        let answers: Vec<&Value> =
            section["answers"].as_array().unwrap().iter().filter(|one| one["question"] == question).collect();
        assert_eq!(answers.len(), 1, "`{question}` is to be answered once by {part}: {section}");
        (answers[0]["verdict"].as_str().unwrap(), answers[0]["told"].as_str().unwrap())
    }

    pub(super) fn verdict(&self, part: &str, question: &str) -> &str {
        self.answer(part, question).0
    }

    /// Severity, message and hint of the only finding with this code.
    pub(super) fn finding(&self, code: &str) -> (&str, &str, &str) {
        let found = self.findings(code);
        assert_eq!(found.len(), 1, "{code}: {}", self.value["findings"]);
        let text = |field: &str| found[0][field].as_str().unwrap_or_default();
        (text("severity"), text("message"), text("hint"))
    }

    pub(super) fn findings(&self, code: &str) -> Vec<&Value> {
        let all = self.value["findings"].as_array().unwrap();
        all.iter().filter(|finding| finding["code"] == code).collect()
    }

    /// The codes of all findings.
    pub(super) fn codes(&self) -> Vec<&str> {
        let all = self.value["findings"].as_array().unwrap();
        all.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    /// The answers that are neither well nor only to know.
    pub(super) fn bad(&self) -> Vec<String> {
        let mut bad = Vec::new();
        for section in self.value["sections"].as_array().unwrap() {
            for answer in section["answers"].as_array().unwrap() {
                if !["ok", "info"].contains(&answer["verdict"].as_str().unwrap()) {
                    bad.push(format!(
                        "{} {}",
                        section["part"].as_str().unwrap(),
                        answer["question"].as_str().unwrap()
                    ));
                }
            }
        }
        bad
    }
}
