//! What `doctor` found out: each question with its answer, and what to do (`schema/diagnosis.v1.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};
use crate::flow::doctor::sheet::Sheet;

/// All questions and answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// `ombundle.diagnosis/v1`.
    pub format: String,
    /// The site's name.
    pub site: String,
    /// What was asked, by whom it was asked.
    pub sections: Vec<Section>,
    /// What is wrong or worth knowing, with remedies.
    pub findings: Vec<Finding>,
}

/// Who was asked what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// Who.
    pub part: Part,
    /// Its address, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The answers in the order of the questions.
    pub answers: Vec<Answer>,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, in one line; of a question that was not asked, why not.
    pub told: String,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// This machine.
    Machine,
    /// The archive that is to come in.
    Archive,
    /// The staging registry.
    Staging,
    /// The production registry.
    Production,
    /// Nexus itself, behind both.
    Nexus,
}

impl Part {
    /// As scripts read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Archive => "archive",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Nexus => "nexus",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Machine: can the state folder be written?
    State,
    /// Machine: is nobody else at work in it?
    Lock,
    /// Machine: is there room for journal and records?
    Space,
    /// Machine: may enough files and connections be open?
    OpenFiles,
    /// Machine: are the keys there whose signatures count?
    Trust,
    /// Archive: is it what was signed, for this site, and in time?
    Archive,
    /// Archive: what does it bring?
    Contents,
    /// Registry: would a proxy of the environment catch what other programs send it?
    Proxy,
    /// Registry: does its name lead anywhere?
    Name,
    /// Registry: does it take connections?
    Connection,
    /// Registry: does it prove who it is, and for how long still?
    Tls,
    /// Registry: is it one?
    Api,
    /// Registry: does its clock agree with ours?
    Clock,
    /// Registry: does it take our credentials?
    Authentication,
    /// Production: is it another registry than staging?
    Separate,
    /// Registry: may this account write what an import would write?
    Write,
    /// Registry: do tokens live long enough?
    Token,
    /// Registry: does it, or a proxy before it, take blobs as large as they come?
    BodySize,
    /// Production: does it hold what the archive builds on?
    Prerequisites,
    /// Production: does the record that it keeps agree with ours?
    Generation,
    /// Registry, Nexus: can tags be moved?
    Redeploy,
    /// Registry: does it take an index of which not all images are there?
    SparseIndex,
    /// Nexus: which version and edition, and how many requests and components does that allow?
    Budget,
    /// Nexus: is the realm active that tokens need?
    BearerRealm,
    /// Nexus: are the repositories hosted ones, and do they take every content type?
    Repositories,
    /// Nexus: does a clean-up policy delete from them?
    CleanUp,
    /// Nexus: is there room?
    BlobStore,
    /// Nexus: which tasks delete by themselves?
    Tasks,
}

impl Question {
    /// As scripts and people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Lock => "lock",
            Self::Space => "space",
            Self::OpenFiles => "open-files",
            Self::Trust => "trust",
            Self::Archive => "archive",
            Self::Contents => "contents",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Api => "api",
            Self::Clock => "clock",
            Self::Authentication => "authentication",
            Self::Separate => "separate",
            Self::Write => "write",
            Self::Token => "token",
            Self::BodySize => "body-size",
            Self::Prerequisites => "prerequisites",
            Self::Generation => "generation",
            Self::Redeploy => "redeploy",
            Self::SparseIndex => "sparse-index",
            Self::Budget => "budget",
            Self::BearerRealm => "bearer-realm",
            Self::Repositories => "repositories",
            Self::CleanUp => "clean-up",
            Self::BlobStore => "blob-store",
            Self::Tasks => "tasks",
        }
    }
}

/// How a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Well.
    Ok,
    /// Well, with something to know.
    Info,
    /// It works, and may hurt.
    Warning,
    /// An import would fail, or harm be done.
    Error,
    /// It was not asked.
    Unasked,
}

impl From<Severity> for Verdict {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

impl Diagnosis {
    pub(super) fn of(site: &str) -> Self {
        let (format, site) = ("ombundle.diagnosis/v1".to_owned(), site.to_owned());
        Self { format, site, sections: Vec::new(), findings: Vec::new() }
    }

    pub(super) fn add(&mut self, sheet: Sheet) {
        let (section, findings) = sheet.into_parts();
        self.sections.push(section);
        self.findings.extend(findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_scripts_read_the_same_names() {
        let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for question in [Question::OpenFiles, Question::BodySize, Question::Tls, Question::CleanUp] {
            assert_eq!(name(serde_json::to_value(question).unwrap()), question.as_str());
        }
        for part in [Part::Machine, Part::Archive, Part::Staging, Part::Production, Part::Nexus] {
            assert_eq!(name(serde_json::to_value(part).unwrap()), part.as_str());
        }
    }
}
