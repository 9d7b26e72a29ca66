//! Two catalogs, apart by a zero byte: they merge or name their conflict; what came of it is sound, and merging again adds nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ombundle::catalog::{Catalog, load, validate, write};
use ombundle::finding::has_errors;
use ombundle::limits::LIMITS;
use ombundle::merge::{MergeOptions, merge};

fn sound(bytes: &[u8]) -> Option<Catalog> {
    let loaded = load([("catalog.json".to_owned(), bytes.to_vec())], &LIMITS);
    let sound = !has_errors(&loaded.findings) && !has_errors(&validate(&loaded.catalog));
    sound.then_some(loaded.catalog)
}

fuzz_target!(|bytes: &[u8]| {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (Some(base), Some(delta)) = (halves.next(), halves.next()) else { return };
    let (Some(base), Some(delta)) = (sound(base), sound(delta)) else { return };
    let options = MergeOptions::default();
    let Some(merged) = merge(&base, &delta, &[], &options).catalog else { return };
    assert!(!has_errors(&validate(merged.catalog())), "{:?}", validate(merged.catalog()));
    let again = merge(merged.catalog(), &delta, &[], &options).catalog;
    let again = again.unwrap_or_else(|| panic!("what was merged is refused the second time"));
    assert_eq!(write::files(again.catalog()), write::files(merged.catalog()));
});
