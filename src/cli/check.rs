//! `check`: does production hold what its catalogs offer?

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::check::Unresolved;
use crate::cli::access::Production;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::SiteFile;
use crate::cli::options::{RegistryArgs, ResultFormat};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::limits::LIMITS;
use crate::promote::CatalogTag;
use crate::reference::ImageRef;
use crate::registry::Target;
use crate::site::{CatalogMirror, SiteReport};
use crate::store::files;
use crate::text::counted;
use crate::version::Version;

/// In the air gap: does everything that production offers resolve there?
///
/// Reads each catalog of the site from production and looks for every image that any of its entries needs, down to the last layer;
/// and each OpenShift release there, for every component that it names.
/// Writes nothing. Exit code 10 means that something is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle check --site site.yaml\n  \
                  ombundle check --site site.yaml --paranoid  # after trouble with the registry's storage\n  \
                  ombundle check --site site.yaml --format json | jq '.findings[].subject'")]
pub(super) struct CheckCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// Read every blob back and hash it, instead of believing the registry that it has what it says. Takes as long as reading all of it
    #[arg(long)]
    paranoid: bool,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    registries: RegistryArgs,
}

pub(super) fn run(command: CheckCommand, context: &Context) -> Result<(), Failure> {
    let site_file = SiteFile::read(&command.site)?;
    let site = &site_file.site;
    let production = Production::new(site, &command.registries, command.paranoid, context)?;
    let onlooker = production.onlooker();
    let mut findings: Vec<Finding> = Vec::new();
    let mut catalogs = BTreeMap::new();
    let mut apart = BTreeSet::new();
    for mirror in site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
        let is_first = site.spec.catalogs.contains(&mirror);
        let tag = CatalogTag::of(site, &mirror).reference();
        let Some(standing) = onlooker.look(&mirror)? else {
            if !is_first {
                // Nothing was split off.
                continue;
            }
            findings.push(
                Finding::error("NO_CATALOG", tag, "production has no such catalog")
                    .hint("import an archive that carries it, or correct `mirror` in the site file"),
            );
            continue;
        };
        catalogs.insert(
            tag.to_string(),
            json!({
                "digest": standing.digest, "packages": standing.catalog.packages.len(),
                "images": standing.images, "missing": standing.missing.len(),
            }),
        );
        findings.extend(standing.findings);
        let names = standing.catalog.packages.into_keys();
        if is_first {
            let twice = names.filter(|name| apart.contains(name));
            findings.extend(twice.map(|name| offered_twice(&tag, &name)));
            apart.clear();
        } else {
            apart.extend(names);
        }
        findings.extend(standing.missing.iter().map(Unresolved::finding));
    }
    let kept = left_out(&site_file)?;
    let mut releases = BTreeMap::new();
    for (version, tag) in onlooker.releases()? {
        let name = tag.to_string();
        let without = kept.get(&name).cloned().unwrap_or_default();
        let Some(root) =
            Target::of(&tag).map(|target| onlooker.client.head_manifest(&tag.repository, &target))
        else {
            continue;
        };
        let Some(root) = root? else { continue };
        let standing = onlooker.look_at_release(&tag.repository.pin(root.digest), &version, &without)?;
        releases.insert(
            name,
            json!({"digest": root.digest, "images": standing.images, "missing": standing.missing.len()}),
        );
        findings.extend(standing.findings);
        findings.extend(standing.missing.iter().map(|missing| unresolved(missing, &version)));
    }
    match command.format {
        ResultFormat::Json => {
            print_json(&json!({"catalogs": catalogs, "releases": releases, "findings": findings}))?;
        }
        ResultFormat::Text => {
            show_findings(&findings);
            for (catalog, facts) in &catalogs {
                print(&format!(
                    "{catalog}: {}, {}, {} missing\n",
                    counted(&facts["packages"], "package"),
                    counted(&facts["images"], "image"),
                    facts["missing"]
                ))?;
            }
            for (release, facts) in &releases {
                print(&format!(
                    "{release}: {}, {} missing\n",
                    counted(&facts["images"], "image"),
                    facts["missing"]
                ))?;
            }
        }
    }
    if has_errors(&findings) {
        return Err(Failure::findings(Exit::Findings, "production does not hold all that it offers"));
    }
    Ok(())
}

/// An import that moves a package to the second catalog was broken off before the first one let it go.
fn offered_twice(first: &ImageRef, package: &str) -> Finding {
    let message =
        format!("`{package}` was split off, and this catalog offers it too: OLM chooses between the two");
    Finding::warning("OFFERED_TWICE", first, message).hint("run the import that was broken off again")
}

/// What was left out of releases because somebody said so, by their tags in production: the last import left it in its receipt.
fn left_out(site: &SiteFile) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let receipt = site.state().join("receipt.json");
    let Some(report) =
        files::read(&receipt, LIMITS.meta_bytes).ok().map(|bytes| SiteReport::parse(&bytes, &LIMITS))
    else {
        return Ok(BTreeMap::new());
    };
    let releases = report?.releases.into_iter();
    Ok(releases.map(|state| (state.mirror.to_string(), state.left_out.into_iter().collect())).collect())
}

/// An image of a release that is not there.
fn unresolved(missing: &Unresolved, version: &Version) -> Finding {
    let user = missing.users.first().map_or_else(|| format!("OpenShift {version}"), |(_, user)| user.clone());
    let message = format!("{}; a cluster that is updated to it stops without {user}", missing.why);
    Finding::error("UNRESOLVED", &missing.image, message)
        .hint("carry the release in again: plan it without `--report`, pack and import")
}
