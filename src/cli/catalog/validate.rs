//! `catalog validate`: every rule of opm, and more; all findings at once.

use clap::Args;

use crate::catalog::OpmVersion;
use crate::cli::access::Reached;
use crate::cli::catalog::{CatalogArgs, SourceArgs};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{Finding, Findings, Severity};
use crate::flow;
use crate::limits::LIMITS;
use crate::text::counted;

/// Check a catalog by every rule of opm, and more; all findings at once
///
/// Errors are what some opm refuses. Warnings are what opm does not look at and may hurt: heads that go down, entries that nobody
/// gets away from, images by tag only, requirements that nothing in the catalog satisfies, names that are too long, odd default
/// channels. Notes are shown with `-v`, and always in JSON.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle catalog validate ./catalog\n  \
                  ombundle catalog validate ./catalog --opm-version 4.18\n  \
                  ombundle catalog validate ./catalog --format json | jq '.findings[].code'\n\n\
                  Exit code 10 means that there is an error among the findings.")]
pub(super) struct ValidateCommand {
    /// The verdict of this opm: its version, or the OpenShift minor that it comes with; by default every rule of all of them
    ///
    /// What only a later opm refuses is then a warning.
    #[arg(long, value_name = "VERSION")]
    opm_version: Option<OpmVersion>,

    #[command(flatten)]
    catalog: CatalogArgs,
}

pub(super) fn run(command: ValidateCommand, context: &Context) -> Result<(), Failure> {
    let CatalogArgs { source: SourceArgs { catalog, upstream }, format } = command.catalog;
    let reached = Reached::new(&upstream, context)?;
    let opm = command.opm_version.unwrap_or(OpmVersion::STRICTEST);
    let findings = flow::catalog::judge(&catalog, opm, reached.upstream(), &*context.console, &LIMITS)?;
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let [errors, warnings, notes] =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")]
            .map(|(severity, what)| (count(severity), counted(count(severity), what)));
    match format {
        ResultFormat::Json => print_json(&Findings { findings })?,
        ResultFormat::Text => {
            let least = if context.console.is_verbose() { Severity::Info } else { Severity::Warning };
            let told: Vec<Finding> =
                findings.into_iter().filter(|finding| finding.severity >= least).collect();
            show_findings(&told);
            if errors.0 == 0 {
                print(&format!("valid: {}, {}\n", warnings.1, notes.1))?;
            }
        }
    }
    match errors {
        (0, _) => Ok(()),
        (_, errors) => Err(Failure::findings(Exit::Findings, format!("the catalog is not valid: {errors}"))),
    }
}
