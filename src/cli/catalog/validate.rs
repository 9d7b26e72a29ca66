//! `catalog validate`: every rule of opm, and more; all findings at once.

use clap::Args;
use serde_json::json;

use crate::catalog::validate;
use crate::cli::catalog::{CatalogArgs, load};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::options::ResultFormat;
use crate::cli::{Context, print_json};
use crate::fault::Exit;
use crate::finding::has_errors;

/// Check a catalog by every rule of opm, and more; all findings at once
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ombundle catalog validate ./catalog --format json | jq '.findings[].code'\n\n\
                  Exit code 10 means that there is an error among the findings."
)]
pub(super) struct ValidateCommand {
    #[command(flatten)]
    catalog: CatalogArgs,
}

pub(super) fn run(command: ValidateCommand, context: &Context) -> Result<(), Failure> {
    let loaded = load(&command.catalog.source, context)?;
    let mut findings = loaded.findings;
    findings.extend(validate(&loaded.catalog));
    match command.catalog.format {
        ResultFormat::Json => print_json(&json!({ "findings": findings }))?,
        ResultFormat::Text => show_findings(&findings),
    }
    if has_errors(&findings) {
        return Err(Failure::findings(Exit::Findings, "the catalog is not valid"));
    }
    Ok(())
}
