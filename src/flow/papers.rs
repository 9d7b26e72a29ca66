//! Papers beside an archive, or beside the plan that one will be packed from.

use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::page::{Language, Occasion, page};
use crate::papers::{self, Contents, Sealed};
use crate::plan::Plan;
use crate::store::files::{self, Mode};

/// What people find beside a file by its name.
const CONTENTS: &str = "CONTENTS.csv";
const SUMMARY: &str = "SUMMARY.txt";
const BILL: &str = "SBOM.json";
const PAGE: &str = "PAGE.html";
const SUMS: &str = "SHA256SUMS";

/// The papers that follow from the plan.
pub const NAMES: [&str; 4] = [CONTENTS, SUMMARY, BILL, PAGE];

/// A file that was written, and its digest.
pub type Written = (PathBuf, Digest);

/// Writes table, summary, bill and page beside `path`: `upgrade.ombundle.CONTENTS.csv` and so on.
pub fn write(
    path: &Path,
    plan: &Plan,
    sealed: Option<&Sealed>,
    form: Contents,
    limits: &Limits,
) -> Result<Vec<Written>, AnyFault> {
    let digest = Digest::of(plan.to_json()?.as_bytes());
    let occasion = Occasion { plan_digest: digest, sealed, notes: &[], language: Language::default() };
    let all = [
        (CONTENTS, papers::contents(plan, form)),
        (SUMMARY, papers::summary(plan, &digest, sealed)),
        (BILL, papers::bill(plan, sealed)),
        (PAGE, page(plan, &occasion, limits)),
    ];
    all.into_iter().map(|(name, text)| put(path, name, &text)).collect()
}

/// Writes what `sha256sum -c` takes beside `path`; the files lie in the same folder.
pub fn write_sums(path: &Path, written: &[Written]) -> Result<PathBuf, AnyFault> {
    let names: Vec<(String, Digest)> = written
        .iter()
        .map(|(path, digest)| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), *digest))
        .collect();
    let text = papers::sums(names.iter().map(|(name, digest)| (name.as_str(), *digest)));
    Ok(put(path, SUMS, &text)?.0)
}

/// What was written beside `path` according to the sums that an earlier run left there.
pub fn read_sums(path: &Path, limits: &Limits) -> Result<Vec<Written>, AnyFault> {
    let sums = files::beside(path, SUMS);
    if !sums.is_file() {
        return Ok(Vec::new());
    }
    let bytes = files::read(&sums, limits.meta_bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(papers::parse_sums(&text)
        .into_iter()
        .map(|(name, digest)| (path.with_file_name(name), digest))
        .collect())
}

fn put(path: &Path, name: &str, text: &str) -> Result<Written, AnyFault> {
    let path = files::beside(path, name);
    files::replace(&path, text.as_bytes(), Mode::Public)?;
    Ok((path, Digest::of(text.as_bytes())))
}
