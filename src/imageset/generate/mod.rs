//! The ImageSetConfiguration made from names and versions of operators.
//!
//! [`generate`] decides, [`Configuration::to_yaml`] writes, [`refused_by_oc_mirror`] proves the outcome. What a person writes is a
//! [`Selector`].

mod bounds;
mod draft;
mod lanes;
mod route;
mod rules;
mod selector;
mod table;
#[cfg(test)]
mod tests;
mod write;

use crate::catalog::{Catalog, Package, Start};
use crate::finding::{Finding, nearest};

pub use draft::{CatalogDraft, ChannelDraft, Configuration, Noted, PackageDraft};
pub use rules::refused_by_oc_mirror;
pub use selector::{Selector, SelectorError, Wanted};

use lanes::Lanes;
use route::Route;
use table::Table;

/// A catalog to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What the file calls it: a reference, or `oci://…`.
    pub name: &'a str,
    /// What it was when it was read, for the comment; empty when there is nothing to say.
    pub note: &'a str,
    /// Its packages.
    pub catalog: &'a Catalog,
}

/// One operator that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its CSV and version.
    pub start: Start,
    /// The channel of its Subscription, when known.
    pub channel: Option<String>,
}

/// One operator that is wanted, with what is known of it.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What was asked for.
    pub selector: Selector,
    /// What runs of it. With something here and no versions in the selector, the upgrade path decides.
    pub running: Vec<Running>,
    /// What the upgrade shall reach, by the CSV's name or as a version.
    pub to: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, Default)]
pub struct Generated {
    /// The file; an error among the findings says that something of it is missing.
    pub configuration: Configuration,
    /// What could not be found, what was left out, and why.
    pub findings: Vec<Finding>,
}

/// The first catalog that has a package.
pub fn source_of<'a>(sources: &[Source<'a>], package: &str) -> Option<(usize, &'a Package)> {
    let mut found = sources.iter().enumerate();
    found.find_map(|(index, source)| Some((index, source.catalog.packages.get(package)?)))
}

/// Decides on channels and versions for each wish. A package is looked for in one catalog after the other.
pub fn generate(sources: &[Source<'_>], wishes: &[Wish], only_higher: bool) -> Generated {
    let mut generated = Generated::default();
    let mut packages: Vec<Vec<PackageDraft>> = sources.iter().map(|_| Vec::new()).collect();
    for wish in wishes {
        let Some((index, package)) = source_of(sources, &wish.selector.package) else {
            generated.findings.push(unknown(sources, &wish.selector.package));
            continue;
        };
        generated.findings.extend(also_in(sources, index, package));
        let Some(source) = sources.get(index) else { continue };
        let draft = choose(source, package, wish, only_higher, &mut generated.findings);
        if let Some(of_source) = packages.get_mut(index) {
            of_source.extend(draft);
        }
    }
    let catalogs = sources.iter().zip(packages).filter(|(_, packages)| !packages.is_empty());
    let catalogs = catalogs
        .map(|(source, packages)| CatalogDraft { name: Noted::new(source.name, source.note), packages });
    generated.configuration.catalogs = catalogs.collect();
    generated
}

fn choose(
    source: &Source<'_>,
    package: &Package,
    wish: &Wish,
    only_higher: bool,
    findings: &mut Vec<Finding>,
) -> Option<PackageDraft> {
    let lanes = Lanes::new(package);
    if lanes.head(lanes.default()).is_none() {
        let message = format!(
            "it is left out: its default channel `{}`: {}",
            lanes.default(),
            lanes.problem(lanes.default())
        );
        let finding = Finding::warning("PACKAGE_UNUSABLE", format!("package {}", package.name), message);
        findings.push(finding.hint("`ombundle catalog validate` says all that is wrong with it"));
        return None;
    }
    let catalog = source.catalog;
    let by_route = wish.to.is_some() || wish.selector.wanted == Wanted::Head;
    if !wish.running.is_empty() && by_route {
        let mut route = Route { catalog, lanes: &lanes, to: wish.to.as_deref(), findings: Vec::new() };
        let draft = route.package(&wish.running);
        findings.append(&mut route.findings);
        return draft;
    }
    let subscribed = wish.running.iter().filter_map(|runs| runs.channel.as_deref());
    let mut table =
        Table { catalog, lanes: &lanes, subscribed: subscribed.collect(), only_higher, findings: Vec::new() };
    let draft = match &wish.selector.wanted {
        Wanted::Head => table.heads(),
        Wanted::Versions(versions) => table.versions(versions),
        Wanted::Range(range) => table.range(range),
    };
    findings.append(&mut table.findings);
    Some(draft)
}

fn unknown(sources: &[Source<'_>], package: &str) -> Finding {
    let known = sources.iter().flat_map(|source| source.catalog.packages.keys());
    let near = nearest(package, known.map(String::as_str));
    let hint = match near.as_slice() {
        [] => "`ombundle catalog list` shows what there is".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    let message = "no catalog that was given has it, so it is left out";
    Finding::warning("PACKAGE_NOT_FOUND", format!("package {package}"), message).hint(hint)
}

/// Says that later catalogs have the package too.
fn also_in(sources: &[Source<'_>], taken: usize, package: &Package) -> Option<Finding> {
    let later = sources.iter().skip(taken + 1);
    let others: Vec<&str> = later
        .filter(|source| source.catalog.packages.contains_key(&package.name))
        .map(|source| source.name)
        .collect();
    let first = sources.get(taken).map_or("", |source| source.name);
    let message = format!("it is taken from `{first}`; it is also in {}", others.join(", "));
    let finding = Finding::info("SEVERAL_CATALOGS", format!("package {}", package.name), message);
    (!others.is_empty()).then(|| finding.hint("the catalog that is named first wins"))
}
