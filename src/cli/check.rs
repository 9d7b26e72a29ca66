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
use crate::flow::registries::Tabler;
use crate::flow::standing::OfferedRelease;
use crate::promote::CatalogTag;
use crate::reference::ImageRef;
use crate::site::{Amount, CatalogMirror, CatalogPlace, ImageUse, RegistryState, RegistryTable};
use crate::text::{counted, human_bytes};
use crate::version::Version;

/// In the air gap: does everything that production offers resolve there?
///
/// Reads each catalog of the site from production and looks for every image that any of its entries needs, down to the last layer;
/// and each OpenShift release there, for every component that it names.
/// Writes nothing. Exit code 10 means that something is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle check --site site.yaml\n  \
                  ombundle check --site site.yaml --paranoid  # after trouble with the registry's storage\n  \
                  ombundle check --site site.yaml --table  # which registry holds what\n  \
                  ombundle check --site site.yaml --format json | jq '.findings[].subject'")]
pub(super) struct CheckCommand {
    /// The site file
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_SITE")]
    site: PathBuf,

    /// Read every blob back and hash it, instead of believing the registry that it has what it says. Takes as long as reading all of it
    #[arg(long)]
    paranoid: bool,

    /// Show which registry holds what too, staging beside production: catalogs with their generations, images by what they are for,
    /// releases, and what only one of the two has. Lists and walks both registries whole
    #[arg(long)]
    table: bool,

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
    let mut offered = BTreeSet::new();
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
        offered.extend(standing.pinned);
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
    let kept = onlooker.left_out(&site_file.state())?;
    let mut releases = BTreeMap::new();
    for OfferedRelease { version, tag, digest, standing } in onlooker.look_at_releases(&kept)? {
        releases.insert(
            tag.to_string(),
            json!({"digest": digest, "images": standing.images, "missing": standing.missing.len()}),
        );
        findings.extend(standing.findings);
        findings.extend(standing.missing.iter().map(|missing| unresolved(missing, &version)));
    }
    let table = if command.table {
        let (table, told) = Tabler { onlooker, offered: &offered }.table()?;
        findings.extend(told);
        Some(table)
    } else {
        None
    };
    match command.format {
        ResultFormat::Json => {
            let mut result = json!({"catalogs": catalogs, "releases": releases, "findings": findings});
            if let (Some(table), Some(fields)) = (&table, result.as_object_mut()) {
                fields.insert("registries".to_owned(), json!(table));
            }
            print_json(&result)?;
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
            if let Some(table) = &table {
                print(&tabled(table))?;
            }
        }
    }
    if has_errors(&findings) {
        return Err(Failure::findings(Exit::Findings, "production does not hold all that it offers"));
    }
    Ok(())
}

/// Both registries side by side, for people.
fn tabled(table: &RegistryTable) -> String {
    let both = [table.staging.as_ref(), Some(&table.production)];
    let mut rows: Vec<[String; 3]> = vec![[String::new(), "staging".to_owned(), "production".to_owned()]];
    let mut row = |name: &str, cells: [Option<String>; 2]| {
        let [staging, production] = cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
        rows.push([name.to_owned(), staging, production]);
    };
    let amount =
        |amount: Amount| format!("{}, {}", counted(amount.images, "image"), human_bytes(amount.bytes));
    row("registry", both.map(|state| Some(state?.registry.to_string())));
    for place in &table.production.catalogs {
        let same = |known: &&CatalogPlace| {
            (&known.mirror.repository.repository, &known.mirror.tag)
                == (&place.mirror.repository.repository, &place.mirror.tag)
        };
        let name = format!("catalog {}", place.mirror.repository.repository);
        row(&name, both.map(|state| state?.catalogs.iter().find(same).map(placed)));
    }
    for used in [ImageUse::Catalog, ImageUse::Operator, ImageUse::Release, ImageUse::Other] {
        row(used.label(), both.map(|state| state?.images.get(&used).copied().map(amount)));
    }
    row("in all", both.map(|state| Some(amount(state?.total))));
    row("only there", [table.only_in_staging, table.only_in_production].map(|only| only.map(amount)));
    let releases = |state: &RegistryState| {
        let tags = state.releases.iter().filter_map(|release| release.tag.as_ref().map(ToString::to_string));
        tags.collect::<Vec<_>>().join(" ")
    };
    row("OpenShift", both.map(|state| Some(releases(state?)).filter(|tags| !tags.is_empty())));
    let width =
        |column: fn(&[String; 3]) -> &str| rows.iter().map(|row| column(row).len()).max().unwrap_or(0);
    let (first, second) = (width(|row| &row[0]), width(|row| &row[1]));
    let lines = rows.iter().map(|[name, staging, production]| {
        format!("{name:first$}  {staging:second$}  {production}").trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn placed(place: &CatalogPlace) -> String {
    match place.generation {
        Some(generation) => format!("generation {generation}, {}", place.digest.short()),
        None => place.digest.short(),
    }
}

/// An import that moves a package to the second catalog was broken off before the first one let it go.
fn offered_twice(first: &ImageRef, package: &str) -> Finding {
    let message =
        format!("`{package}` was split off, and this catalog offers it too: OLM chooses between the two");
    Finding::warning("OFFERED_TWICE", first, message).hint("run the import that was broken off again")
}

/// An image of a release that is not there.
fn unresolved(missing: &Unresolved, version: &Version) -> Finding {
    let user = missing.users.first().map_or_else(|| format!("OpenShift {version}"), |(_, user)| user.clone());
    let message = format!("{}; a cluster that is updated to it stops without {user}", missing.why);
    Finding::error("UNRESOLVED", &missing.image, message)
        .hint("carry the release in again: plan it with `--full`, pack and import")
}
