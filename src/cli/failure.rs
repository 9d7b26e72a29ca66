//! How a command ends badly: the cause, its causes, a hint, and the exit code.

use std::io::Write;

use crate::cli::console::LogFormat;
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::{Finding, Severity};
use crate::text::Safe;

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// Something is wrong with what the user wrote.
    pub(super) fn usage(text: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, error: anyhow::anyhow!("{text}"), hint: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl std::fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same, seen from further away: `context` comes first, the error becomes its cause.
    #[must_use]
    pub(super) fn about(mut self, context: impl std::fmt::Display) -> Self {
        self.error = self.error.context(context.to_string());
        self
    }

    /// Findings were reported already; only the exit code is left to say.
    pub(super) fn findings(exit: Exit, summary: impl std::fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{summary}"), hint: None }
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on stderr.
    pub(super) fn report(&self, format: LogFormat) {
        let causes: Vec<String> =
            self.error.chain().map(|cause| Safe(&cause.to_string()).to_string()).collect();
        let mut stderr = std::io::stderr().lock();
        if format == LogFormat::Json {
            let line = serde_json::json!({
                "event": "failed", "exit": self.exit as u8, "error": causes.join(": "), "hint": self.hint,
            });
            drop(writeln!(stderr, "{line}"));
            return;
        }
        let mut causes = causes.into_iter();
        drop(writeln!(stderr, "error: {}", causes.next().unwrap_or_default()));
        for cause in causes {
            drop(writeln!(stderr, "  because: {cause}"));
        }
        if let Some(hint) = &self.hint {
            drop(writeln!(stderr, "hint: {}", Safe(hint)));
        }
    }
}

impl From<AnyFault> for Failure {
    fn from(fault: AnyFault) -> Self {
        let (exit, hint) = (fault.exit(), fault.hint());
        let error: Box<dyn std::error::Error + Send + Sync> = fault;
        Self { exit, error: anyhow::Error::from_boxed(error), hint }
    }
}

impl<F: Fault> From<F> for Failure {
    fn from(fault: F) -> Self {
        AnyFault::from(fault).into()
    }
}

/// Writes findings for people to stderr, worst first.
pub(super) fn show_findings(findings: &[Finding]) {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut stderr = std::io::stderr().lock();
    for finding in sorted {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            _ => String::new(),
        };
        drop(writeln!(
            stderr,
            "{severity}[{}]: {}{}: {}",
            Safe(&finding.code),
            Safe(&place),
            Safe(&finding.subject),
            Safe(&finding.message)
        ));
        if !finding.hint.is_empty() {
            drop(writeln!(stderr, "  hint: {}", Safe(&finding.hint)));
        }
    }
}
