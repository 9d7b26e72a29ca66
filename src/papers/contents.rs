//! `CONTENTS.csv`: everything that travels, a line each, for a spreadsheet.

use std::collections::{BTreeMap, BTreeSet};

use csv::{QuoteStyle, Terminator, WriterBuilder};

use crate::digest::Digest;
use crate::plan::{ImageKind, Plan, PlannedImage};
use crate::text::Safe;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Whether it begins with a byte order mark: spreadsheets of Korean and Chinese Windows take UTF-8 for another encoding without one.
    pub byte_order_mark: bool,
}

const HEAD: [&str; 9] =
    ["kind", "name", "version", "source", "digest", "bytes", "bytes added", "status", "reason"];

/// The table (RFC 4180, UTF-8): packages first, then every image.
pub fn contents(plan: &Plan, form: Contents) -> String {
    let mut bytes = if form.byte_order_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
    let mut table = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(&mut bytes);
    let lines = packages(plan).into_iter().chain(images(plan));
    for line in std::iter::once(HEAD.map(str::to_owned)).chain(lines) {
        // Writing to memory does not fail.
        drop(table.write_record(line.iter().map(|cell| harmless(cell))));
    }
    drop(table);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn packages(plan: &Plan) -> Vec<[String; 9]> {
    let catalogs = plan.catalogs.iter();
    let packages =
        catalogs.flat_map(|catalog| catalog.packages.iter().map(move |package| (catalog, package)));
    let line = |(catalog, package): (&crate::plan::PlannedCatalog, &crate::plan::PlannedPackage)| {
        let versions: Vec<&str> = package.hops.iter().map(|hop| hop.version.as_str()).collect();
        let way = match &package.installed {
            Some(installed) if !versions.is_empty() => format!("{installed} -> {}", versions.join(" -> ")),
            _ => package.bundles.join(", "),
        };
        let (source, digest) = (catalog.source.to_string(), catalog.digest.to_string());
        let reason = package.reason.clone();
        let none = String::new;
        ["package".to_owned(), package.name.clone(), way, source, digest, none(), none(), none(), reason]
    };
    packages.map(line).collect()
}

fn images(plan: &Plan) -> Vec<[String; 9]> {
    let there: BTreeSet<Digest> = plan.prerequisites.iter().map(|needed| needed.digest).collect();
    let kinds: BTreeMap<ImageKind, String> =
        plan.images.iter().map(|image| (image.kind, word(image.kind))).collect();
    let line = |(image, item): (&PlannedImage, &crate::plan::Item)| {
        let whole: u64 = image.manifests.iter().chain(&image.blobs).map(|object| object.size).sum();
        let status = match (there.contains(&image.root.digest), item.bytes) {
            (true, _) => "there already",
            // Other images of this table bring every byte of it.
            (false, 0) => "new, adds nothing",
            (false, _) => "new",
        };
        [
            kinds.get(&image.kind).cloned().unwrap_or_default(),
            image.source.repository.to_string(),
            image.tag.as_ref().map(ToString::to_string).unwrap_or_default(),
            image.source.to_string(),
            image.root.digest.to_string(),
            whole.to_string(),
            item.bytes.to_string(),
            status.to_owned(),
            image.reasons.join("; "),
        ]
    };
    plan.images.iter().zip(&plan.items).map(line).collect()
}

/// A kind as the plan file spells it.
pub(super) fn word(kind: ImageKind) -> String {
    let value = serde_json::to_value(kind).ok();
    value.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// A cell that no spreadsheet takes for a formula (OWASP, CSV injection): such a text gets an apostrophe in front.
fn harmless(cell: &str) -> String {
    let cell = Safe(cell).to_string();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '|', '%']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%0"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("web-terminal"), "web-terminal");
        assert_eq!(harmless("a\n=1"), r"a\u{a}=1");
        assert_eq!(harmless("\t=1"), r"\u{9}=1");
    }
}
