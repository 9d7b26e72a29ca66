//! Files that are nearly catalogs: whatever they hold, loading ends, and what was loaded can be judged, cut and walked.

use proptest::prelude::*;

use super::{SMALL, load_files};
use crate::catalog::{
    PackageFilter, PathFinder, Start, Take, filter, parse_file, validate, validate_package,
};
use crate::limits::LIMITS;
use crate::version::{MastermindsRange, Version};

const YAML: &str = "---\nschema: olm.package\nname: p\ndefaultChannel: c\n---\nschema: olm.channel\npackage: p\nname: c\nentries:\n- name: \
                    p.v1.0.0\n  replaces: p.v0.9.0\n  skips: [p.v0.8.0]\n  skipRange: '<1.0.0'\n---\nschema: olm.bundle\npackage: p\nname: \
                    p.v1.0.0\nimage: r.example/p@sha256:00\nproperties:\n- type: olm.package\n  value: {packageName: p, version: 1.0.0}\n";

/// What is put into a catalog's text, or stands instead of some of it.
const SPLINTERS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "'",
    "\\",
    "\n",
    "---\n",
    "&a",
    "*a",
    "!!binary ",
    "\u{0}",
    "\u{feff}",
    "1e999",
    "-0",
    "null",
    "true",
    "\"p.v1.0.0\"",
    "\"olm.channel\"",
    "{\"schema\":\"olm.deprecations\",\"package\":\"p\",\"entries\":[]}",
    "\"skips\":[\"p.v1.0.0\"],",
    "\"replaces\":\"p.v1.0.0\",",
    "\"skipRange\":\">=\",",
    "é",
    "\u{2028}",
    "2026-01-01",
    "0o7",
    "? ",
    "- ",
    "|\n",
];

/// A catalog with cuts and splinters in it.
fn splintered() -> impl Strategy<Value = Vec<u8>> {
    let cut = (any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(SPLINTERS));
    (prop::sample::select(vec![SMALL, YAML]), prop::collection::vec(cut, 0..4)).prop_map(|(text, cuts)| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, length, splinter) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, splinter.bytes());
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_file(name in "a\\.(json|yaml|yml|txt)|\\.indexignore|x", bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let parsed = parse_file(&name, &bytes, &LIMITS);
        for finding in &parsed.findings {
            prop_assert!(!finding.message.is_empty());
        }
    }

    #[test]
    fn splinters_of_catalogs_are_loaded_judged_and_walked(
        one in splintered(),
        other in splintered(),
        low in 0_u64..3,
    ) {
        let files = vec![("a.json".to_owned(), one), ("b.yaml".to_owned(), other)];
        let catalog = load_files(files, &LIMITS).catalog;
        validate(&catalog);
        let version = Version::parse(&format!("{low}.9.0")).unwrap();
        let range = MastermindsRange::between(Some(&version), None);
        for package in catalog.packages.values() {
            validate_package(package);
            for take in [Take::Head, Take::All, Take::Range(range.clone()), Take::FromBundle("p.v1.0.0".to_owned())] {
                filter(&catalog, &[PackageFilter { take, ..PackageFilter::whole(package.name.clone()) }]);
            }
            let start = Start { name: "p.v0.9.0".to_owned(), version: version.clone() };
            let _ = PathFinder::new(package, &[]).plan(&start, None, None);
        }
        // What is written of it can be read again.
        let again = crate::catalog::Catalog::from_values(&catalog.values()).catalog;
        prop_assert!(again.packages.keys().eq(catalog.packages.keys()));
    }
}
