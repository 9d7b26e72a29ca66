//! `check`: does production hold what its catalogs offer?

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::check::{needs, unresolved};
use crate::cli::access::{Side, client};
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::SiteFile;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::limits::LIMITS;
use crate::mapping::Mapping;
use crate::promote::CatalogTag;
use crate::reference::RepositoryRef;

/// In the air gap: does everything that production offers resolve there?
///
/// Reads each catalog of the site from production and looks for every image that any of its entries needs, down to the last layer.
/// Writes nothing. Exit code 10 means that something is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle check --site site.yaml\n  \
                  ombundle check --site site.yaml --format json | jq '.findings[].subject'")]
pub(super) struct CheckCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: CheckCommand, context: &Context) -> Result<(), Failure> {
    let SiteFile { site, .. } = SiteFile::read(&command.site)?;
    let client = client(&command.registries, Side::AirGapped, site.spec.profile, context)?;
    let mapping = Mapping::new(&site.spec.repositories)?;
    let production = &site.spec.production.registry;
    let mut findings: Vec<Finding> = Vec::new();
    let mut catalogs = BTreeMap::new();
    for catalog in &site.spec.catalogs {
        let repository =
            RepositoryRef { host: production.clone(), repository: catalog.mirror.repository.clone() };
        let tag = CatalogTag { repository, tag: catalog.mirror.tag.clone() };
        let Some(root) = tag.current(&client)? else {
            findings.push(
                Finding::error("NO_CATALOG", tag.reference(), "production has no such catalog")
                    .hint("import an archive that carries it, or correct `mirror` in the site file"),
            );
            continue;
        };
        let digest = root.digest();
        let platforms = &site.spec.platforms;
        let source = RegistryImages { repository: &tag.repository, client: &client };
        let image = CatalogImage::read(&source, root, platforms, &*context.console, &LIMITS)?;
        let loaded = image.catalog(&LIMITS);
        findings.extend(loaded.findings);
        let mut needs = needs(&loaded.catalog, &mapping, production);
        findings.append(&mut needs.findings);
        needs.pinned.entry(tag.repository.pin(digest)).or_default();
        let jobs = command.registries.jobs();
        let (missing, _) = unresolved(&needs, platforms, &client, jobs, &*context.console, &LIMITS)?;
        catalogs.insert(
            tag.reference().to_string(),
            json!({
                "digest": digest, "packages": loaded.catalog.packages.len(),
                "images": needs.pinned.len() + needs.tagged.len(), "missing": missing.len(),
            }),
        );
        findings.extend(missing.iter().map(crate::check::Unresolved::finding));
    }
    match command.format {
        ResultFormat::Json => print_json(&json!({"catalogs": catalogs, "findings": findings}))?,
        ResultFormat::Text => {
            show_findings(&findings);
            for (catalog, facts) in &catalogs {
                print(&format!(
                    "{catalog}: {} packages, {} images, {} missing\n",
                    facts["packages"], facts["images"], facts["missing"]
                ))?;
            }
        }
    }
    if has_errors(&findings) {
        return Err(Failure::findings(Exit::Findings, "production does not hold all that it offers"));
    }
    Ok(())
}
