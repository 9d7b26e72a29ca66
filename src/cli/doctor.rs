//! `doctor`: would an import get through? Asked at once, before the maintenance window.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::archive::ReadAt;
use crate::cli::access::{Side, client, environment};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{SiteFile, now};
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::verify::policy;
use crate::cli::volumes::open;
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::has_errors;
use crate::flow::cosign;
use crate::flow::doctor::{Answer, Diagnosis, Doctor, Part, Section, Verdict};
use crate::limits::LIMITS;
use crate::text::Safe;

/// Seconds that one question may wait for an answer, where nobody said otherwise.
const PATIENCE: u64 = 10;

/// In the air gap: would an import get through? Everything that could stand in its way, asked at once
///
/// Asks this machine, both registries and, where the site file says where it is, Nexus itself: names, TLS, credentials, the right to
/// write, sizes, space, limits, clean-up policies, clocks. With an archive it is judged too, and its needs are compared with what there
/// is. Uploads are begun and given up; nothing else is written without `--write-test`. What depends on a bad answer is not asked, and
/// says so. Exit code 10 means that an import would fail or be harmed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle doctor --site site.yaml\n  \
                  ombundle doctor --site site.yaml upgrade.ombundle       # with the needs of this archive\n  \
                  ombundle doctor --site site.yaml --only production --write-test\n  \
                  ombundle doctor --site site.yaml --format json | jq '.findings[] | select(.severity == \"error\")'")]
pub(super) struct DoctorCommand {
    /// An archive that is to come in: its file, its name without a number, one of its volumes, or folders that hold them
    #[arg(value_name = "ARCHIVE")]
    archive: Vec<PathBuf>,

    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// Ask one registry alone
    #[arg(long, value_enum)]
    only: Option<OnlyArg>,

    /// Also find out what only writing shows, whether tags can be moved and indexes be sparse: small images go below the mapping's first
    /// prefix, into `ombundle-doctor`, and are deleted by digest
    #[arg(long)]
    write_test: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnlyArg {
    /// Where archives arrive
    Staging,
    /// What clusters pull from
    Production,
}

pub(super) fn run(command: DoctorCommand, context: &Context) -> Result<(), Failure> {
    ask(
        &Asked {
            site: SiteFile::read(&command.site)?,
            archive: &command.archive,
            signatures: &[],
            accept_time: None,
            only: command.only.map(|only| match only {
                OnlyArg::Staging => Part::Staging,
                OnlyArg::Production => Part::Production,
            }),
            write_test: command.write_test,
            format: command.format,
            registries: &command.registries,
        },
        context,
    )
}

/// What is asked, here and by `import --preflight-only`.
pub(super) struct Asked<'a> {
    pub(super) site: SiteFile,
    pub(super) archive: &'a [PathBuf],
    pub(super) signatures: &'a [PathBuf],
    pub(super) accept_time: Option<&'a str>,
    pub(super) only: Option<Part>,
    pub(super) write_test: bool,
    pub(super) format: ResultFormat,
    pub(super) registries: &'a RegistryArgs,
}

/// Asks, shows the answers, and fails where an import would.
pub(super) fn ask(asked: &Asked<'_>, context: &Context) -> Result<(), Failure> {
    let Asked { site, archive, signatures, registries, .. } = asked;
    // A question is asked once, and no answer in good time is one.
    let registries =
        RegistryArgs { retries: 0, timeout: registries.timeout.min(PATIENCE), ..(*registries).clone() };
    let client = client(&registries, Side::AirGapped, site.site.spec.profile, context)?;
    let trust = site.trust().map_err(|failure| failure.told());
    let mut findings = Vec::new();
    let archive = match archive {
        [] => None,
        paths => {
            let medium = Arc::new(open(paths)?);
            let mut policy = policy(Some(site), asked.accept_time, now()?)?;
            if let Ok(trust) = &trust {
                let (counted, told) = cosign::beside(&*medium, trust, paths, signatures, &LIMITS)?;
                policy.cosignatures = counted;
                findings = told;
            }
            Some((medium as Arc<dyn ReadAt>, policy))
        }
    };
    let doctor = Doctor {
        site: &site.site,
        state: &site.state(),
        trust: trust.as_ref().map_err(String::as_str),
        archive,
        only: asked.only,
        write_test: asked.write_test,
        now: now()?,
        environment: &environment(Side::Connected),
        client: &client,
        jobs: registries.jobs(),
        events: &*context.console,
        limits: &LIMITS,
    };
    let mut diagnosis = doctor.run()?;
    diagnosis.findings.extend(findings);
    match asked.format {
        ResultFormat::Json => print_json(&diagnosis)?,
        ResultFormat::Text => {
            print(&told(&diagnosis, speaks_unicode(|name| std::env::var(name).ok())))?;
            show_findings(&diagnosis.findings);
        }
    }
    if has_errors(&diagnosis.findings) {
        return Err(Failure::findings(Exit::Findings, "an import would fail or do harm here, see above"));
    }
    Ok(())
}

/// Whether the terminal shows more than ASCII (POSIX: the first of these that is set counts).
fn speaks_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The answers as a table.
fn told(diagnosis: &Diagnosis, unicode: bool) -> String {
    let mut text = String::new();
    for Section { part, address, answers } in &diagnosis.sections {
        let address = address.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{}", format!("{} {}", part.as_str(), Safe(address)).trim_end());
        for Answer { question, verdict, told } in answers {
            let _ = writeln!(text, "  {} {:<15} {}", mark(*verdict, unicode), question.as_str(), Safe(told));
        }
    }
    text
}

/// How an answer is marked.
fn mark(verdict: Verdict, unicode: bool) -> &'static str {
    match (verdict, unicode) {
        (Verdict::Ok, true) => "✓",
        (Verdict::Info, true) => "·",
        (Verdict::Warning, true) => "!",
        (Verdict::Error, true) => "✗",
        (Verdict::Unasked, true) => "–",
        (Verdict::Ok, false) => "ok ",
        (Verdict::Info, false) => "i  ",
        (Verdict::Warning, false) => "!  ",
        (Verdict::Error, false) => "x  ",
        (Verdict::Unasked, false) => "-  ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_that_the_terminal_can_show() {
        let speaks = |all: &[(&str, &str)]| {
            speaks_unicode(|name| {
                all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(speaks(&[("LANG", "ko_KR.UTF-8")]));
        assert!(speaks(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!speaks(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!speaks(&[]));
        let all = [Verdict::Ok, Verdict::Info, Verdict::Warning, Verdict::Error, Verdict::Unasked];
        assert_eq!(all.map(|verdict| mark(verdict, true)).join(""), "✓·!✗–");
        assert!(all.iter().all(|verdict| mark(*verdict, false).is_ascii()));
    }
}
