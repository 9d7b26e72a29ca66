//! What is wrong with the input: findings are collected, all of them at once; errors mean "could not look".

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, and may hurt.
    Warning,
    /// Must be mended.
    Error,
}

/// One thing that is wrong with the input, or worth knowing about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable code in capitals for scripts, for instance `MULTIPLE_HEADS`.
    pub code: String,
    /// What it is about, for instance `package web-terminal, channel fast`.
    pub subject: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it; empty when there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// The file it stands in, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Finding {
    fn new(severity: Severity, code: &str, subject: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            subject: subject.to_string(),
            message: message.to_string(),
            hint: String::new(),
            file: None,
            line: None,
        }
    }

    /// Something that must be mended.
    pub fn error(code: &str, subject: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Severity::Error, code, subject, message)
    }

    /// Something that works, and may hurt.
    pub fn warning(code: &str, subject: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Severity::Warning, code, subject, message)
    }

    /// Something good to know.
    pub fn info(code: &str, subject: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Severity::Info, code, subject, message)
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = hint.to_string();
        self
    }

    /// The same, with where it stands.
    #[must_use]
    pub fn at(mut self, file: impl fmt::Display, line: Option<u64>) -> Self {
        self.file = Some(file.to_string());
        self.line = line;
        self
    }
}

/// Whether any finding must be mended.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}
