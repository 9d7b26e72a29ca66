//! How a command ends badly: the cause, its causes, a hint, and the exit code.

use std::io::Write;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::cli::console::{LogFormat, json_line};
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

    /// All causes in one line.
    pub(super) fn told(&self) -> String {
        self.error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on stderr.
    pub(super) fn report(&self) {
        let causes: Vec<String> =
            self.error.chain().map(|cause| Safe(&cause.to_string()).to_string()).collect();
        let mut stderr = std::io::stderr().lock();
        if log_format() == LogFormat::Json {
            let failed = failed(self.exit, &causes.join(": "), self.hint.as_deref());
            drop(writeln!(stderr, "{}", json_line("failed", failed)));
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

/// How messages on stderr look. Said once, before the first of them: a process has one stderr.
static LOG_FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Settles how messages on stderr look.
pub(super) fn speak(format: LogFormat) {
    // A second call would change the language in the middle of a log; the first one stays.
    LOG_FORMAT.get_or_init(|| format);
}

fn log_format() -> LogFormat {
    LOG_FORMAT.get().copied().unwrap_or(LogFormat::Text)
}

/// The fields of the last line of a command that did not succeed.
pub(super) fn failed(exit: Exit, error: &str, hint: Option<&str>) -> Value {
    json!({"exit": exit as u8, "error": error, "hint": hint})
}

/// Writes findings to stderr, worst first.
pub(super) fn show_findings(findings: &[Finding]) {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut stderr = std::io::stderr().lock();
    for finding in sorted {
        if log_format() == LogFormat::Json {
            let fields = serde_json::to_value(finding).unwrap_or_default();
            drop(writeln!(stderr, "{}", json_line("finding", fields)));
            continue;
        }
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
