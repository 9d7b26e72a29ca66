//! Both registries of a site side by side, as text.

use crate::site::{Amount, CatalogPlace, ImageUse, RegistryState, RegistryTable};
use crate::text::{counted, human_bytes};

/// Both registries side by side, for people.
pub(super) fn tabled(table: &RegistryTable) -> String {
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
