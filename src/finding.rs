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

/// What commands that only look print as JSON (`schema/findings.v1.json`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// All of them.
    pub findings: Vec<Finding>,
}

/// Whether any finding must be mended.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// The names that `written` probably meant, nearest first: at most three, none that differs in more than a third of its
/// letters (at least one, at most four).
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let most = (written.chars().count() / 3).clamp(1, 4);
    let folded = written.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (distance(&folded, &name.to_lowercase(), most), name))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    near.sort_unstable();
    near.dedup();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().take_while(|(distance, _)| *distance <= best + 1).take(3).map(|(_, name)| name).collect()
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. Anything over `most`
/// may come back as any number over `most`.
fn distance(left: &str, right: &str, most: usize) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > most {
        return most + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, &mine) in left.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, &theirs) in right.iter().enumerate() {
            let swap = row > 0 && column > 0 && mine == right[column - 1] && theirs == left[row - 1];
            let plain =
                (last[column] + usize::from(mine != theirs)).min(last[column + 1] + 1).min(next[column] + 1);
            next.push(if swap { plain.min(before[column - 1] + 1) } else { plain });
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_probably_meant() {
        let known = ["minVersion", "maxVersion", "name", "channels", "web-terminal", "odf-operator"];
        for (written, expected) in [
            ("minversion", &["minVersion"][..]),
            ("chanels", &["channels"]),
            ("nmae", &["name"]),
            ("web-termnial", &["web-terminal"]),
            ("webterminal", &["web-terminal"]),
            ("zebra", &[]),
            ("", &[]),
        ] {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
