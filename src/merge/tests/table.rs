//! One channel of both sides: what the union is, what it says, what it refuses.

use super::*;

struct Case {
    name: &'static str,
    base: &'static [&'static str],
    delta: &'static [&'static str],
    /// `upper replaces lower` by the upper's own CSV.
    evidence: &'static [(&'static str, &'static str)],
    /// The merged entries, or the codes of what stands against them.
    expected: Result<&'static [&'static str], &'static [&'static str]>,
    steps: &'static [StepKind],
}

use StepKind::{
    BridgeReplaces, BridgeSkips, EntriesAdded, EntryRange, EntryReplaces, EntryTruncated, HeadMoved,
    HeadRegression, StrandedSkip,
};

const CASES: &[Case] = &[
    Case {
        name: "equal",
        base: &["1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.0.0", "1.1.0 -> 1.0.0"],
        evidence: &[],
        expected: Ok(&["1.0.0", "1.1.0 -> 1.0.0"]),
        steps: &[],
    },
    Case {
        name: "the chain goes on",
        base: &["1.8.0 -> 1.7.0"],
        delta: &["1.10.0 -> 1.9.0", "1.9.0 -> 1.8.0"],
        evidence: &[],
        expected: Ok(&["1.10.0 -> 1.9.0", "1.9.0 -> 1.8.0", "1.8.0 -> 1.7.0"]),
        steps: &[EntriesAdded, HeadMoved],
    },
    Case {
        name: "the lost edge is in the CSV (web-terminal)",
        base: &["1.9.0 -> 1.8.0", "1.8.0 -> 1.7.0"],
        delta: &["1.12.0 -> 1.11.0", "1.11.0 -> 1.10.0", "1.10.0"],
        evidence: &[("1.10.0", "1.9.0")],
        expected: Ok(&[
            "1.12.0 -> 1.11.0",
            "1.11.0 -> 1.10.0",
            "1.10.0 -> 1.9.0",
            "1.9.0 -> 1.8.0",
            "1.8.0 -> 1.7.0",
        ]),
        steps: &[EntriesAdded, BridgeReplaces, HeadMoved],
    },
    Case {
        name: "the lost edge is nowhere",
        base: &["1.9.0 -> 1.8.0", "1.8.0"],
        delta: &["1.11.0 -> 1.10.0", "1.10.0"],
        evidence: &[],
        expected: Err(&["!MULTIPLE_HEADS"]),
        steps: &[],
    },
    Case {
        name: "the CSV names a version that neither side has",
        base: &["1.8.0"],
        delta: &["1.11.0 -> 1.10.0", "1.10.0"],
        evidence: &[("1.10.0", "1.9.0")],
        expected: Err(&["!MULTIPLE_HEADS"]),
        steps: &[],
    },
    Case {
        name: "the lowest new entry's range takes the old head",
        base: &["1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.9 range >=1.0.0 <1.2.0"],
        evidence: &[],
        expected: Ok(&[
            "1.3.0 -> 1.2.0",
            "1.2.0 -> 1.1.0 skips 1.1.9 range >=1.0.0 <1.2.0",
            "1.1.0 -> 1.0.0",
            "1.0.0",
        ]),
        steps: &[EntriesAdded, BridgeReplaces, HeadMoved],
    },
    Case {
        name: "two branches from one entry (CNV)",
        base: &["4.17.6 -> 4.17.5", "4.17.5 -> 4.17.4", "4.17.4"],
        delta: &["4.18.1 -> 4.18.0 range >=4.17.4 <4.18.0", "4.18.0 -> 4.17.4", "4.17.4"],
        evidence: &[],
        expected: Ok(&[
            "4.18.1 -> 4.18.0 skips 4.17.5,4.17.6 range >=4.17.4 <4.18.0",
            "4.18.0 -> 4.17.4",
            "4.17.4",
            "4.17.6 -> 4.17.5",
            "4.17.5 -> 4.17.4",
        ]),
        steps: &[EntriesAdded, BridgeSkips, HeadMoved],
    },
    Case {
        name: "two branches without a range",
        base: &["4.17.5 -> 4.17.4", "4.17.4"],
        delta: &["4.18.0 -> 4.17.4", "4.17.4"],
        evidence: &[],
        expected: Err(&["!MULTIPLE_HEADS"]),
        steps: &[],
    },
    Case {
        name: "two branches, and an edge that would close a circle",
        base: &["4.17.5 -> 4.17.4", "4.17.4"],
        delta: &["4.18.0 -> 4.17.4", "4.17.4"],
        evidence: &[("4.17.4", "4.17.5")],
        expected: Err(&["!MULTIPLE_HEADS"]),
        steps: &[],
    },
    Case {
        name: "the new side cut its tail",
        base: &["1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.3.0 -> 1.2.0", "1.2.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"]),
        steps: &[EntryTruncated, EntriesAdded, HeadMoved],
    },
    Case {
        name: "production had cut its tail",
        base: &["1.2.0"],
        delta: &["1.2.0 -> 1.1.0", "1.1.0"],
        evidence: &[],
        expected: Ok(&["1.2.0 -> 1.1.0", "1.1.0"]),
        steps: &[EntriesAdded],
    },
    Case {
        name: "an edge to nothing is kept as a skip",
        base: &["1.2.0 -> 1.1.0"],
        delta: &["1.2.0 -> 1.1.5", "1.1.5"],
        evidence: &[],
        expected: Ok(&["1.2.0 -> 1.1.5 skips 1.1.0", "1.1.5"]),
        steps: &[EntriesAdded],
    },
    Case {
        name: "pruned to its path: the old edge is among the skips",
        base: &["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0"],
        delta: &["1.3.0 -> 1.1.0 skips 1.2.0", "1.1.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 -> 1.1.0 skips 1.2.0", "1.1.0", "1.2.0 -> 1.1.0"]),
        steps: &[],
    },
    Case {
        name: "another edge between the same entries",
        base: &["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.3.0 -> 1.2.0", "1.2.0 -> 1.0.0 skips 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 -> 1.2.0", "1.2.0 -> 1.0.0 skips 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"]),
        steps: &[],
    },
    Case {
        name: "the new edge wins, and what loses its only way is skipped",
        base: &["1.3.0 -> 1.2.0 range >=1.0.0 <1.3.0", "1.2.0 -> 1.1.0", "1.1.0"],
        delta: &["1.3.0 -> 1.1.0 range >=1.0.0 <1.3.0", "1.1.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 -> 1.1.0 skips 1.2.0 range >=1.0.0 <1.3.0", "1.1.0", "1.2.0 -> 1.1.0"]),
        steps: &[EntryReplaces, BridgeSkips],
    },
    Case {
        name: "another range",
        base: &["1.3.0 range >=1.0.0 <1.3.0"],
        delta: &["1.3.0 range >=1.1.0 <1.3.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 range >=1.1.0 <1.3.0"]),
        steps: &[EntryRange],
    },
    Case {
        name: "the head was skipped over, what is below it hangs in the air",
        base: &["1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.4.0 -> 1.0.0 skips 1.2.0 range >=1.0.0 <1.4.0", "1.0.0"],
        evidence: &[],
        expected: Ok(&[
            "1.4.0 -> 1.0.0 skips 1.1.0,1.2.0 range >=1.0.0 <1.4.0",
            "1.0.0",
            "1.2.0 -> 1.1.0",
            "1.1.0 -> 1.0.0",
        ]),
        steps: &[EntriesAdded, StrandedSkip, HeadMoved],
    },
    Case {
        name: "the same without a range",
        base: &["1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"],
        delta: &["1.4.0 -> 1.0.0 skips 1.2.0", "1.0.0"],
        evidence: &[],
        expected: Err(&["!STRANDED"]),
        steps: &[],
    },
    Case {
        name: "the archive is older",
        base: &["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0"],
        delta: &["1.2.0 -> 1.1.0", "1.1.0"],
        evidence: &[],
        expected: Ok(&["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0"]),
        steps: &[HeadRegression],
    },
    Case {
        name: "each side replaces the other's head",
        base: &["1.2.0 -> 1.1.0"],
        delta: &["1.1.0 -> 1.2.0"],
        evidence: &[],
        expected: Err(&["!NO_HEAD"]),
        steps: &[],
    },
    Case {
        name: "a circle below the head",
        base: &["1.4.0 -> 1.3.0", "1.3.0 -> 1.1.0", "1.1.0 -> 1.2.0"],
        delta: &["1.3.0 -> 1.1.0 skips 1.2.0", "1.2.0 -> 1.1.0", "1.1.0"],
        evidence: &[],
        expected: Err(&["!CYCLE"]),
        steps: &[],
    },
];

#[test]
fn channels_are_joined_as_the_algorithm_says() {
    for case in CASES {
        let Case { name, expected, .. } = case;
        let (base, delta) = (channel(case.base), channel(case.delta));
        assert!(servable(&base) && servable(&delta), "{name}: a side is wrong by itself");
        let evidence: Vec<Evidence> = case.evidence.iter().map(|(upper, lower)| csv(upper, lower)).collect();
        let outcome = merge(&base, &delta, &evidence, &MergeOptions::default());
        match (expected, &outcome.catalog) {
            (Ok(entries), Some(merged)) => {
                assert_eq!(written(merged.catalog(), "fast"), *entries, "{name}");
                assert_eq!(steps(&outcome), case.steps, "{name}");
                assert!(servable(merged.catalog()), "{name}");
                let again = merge(merged.catalog(), &delta, &evidence, &MergeOptions::default());
                let again = again.catalog.unwrap_or_else(|| panic!("{name}: {:?}", again.report.findings));
                assert_eq!(written(again.catalog(), "fast").len(), entries.len(), "{name}, again");
                let sorted = |catalog: &Catalog| {
                    let mut entries = written(catalog, "fast");
                    entries.sort();
                    entries
                };
                assert_eq!(sorted(again.catalog()), sorted(merged.catalog()), "{name}, again");
            }
            (Err(expected), None) => {
                let found: Vec<String> =
                    codes(&outcome).into_iter().filter(|code| code.starts_with('!')).collect();
                assert!(
                    found.iter().map(String::as_str).any(|code| expected.contains(&code)),
                    "{name}: {found:?}"
                );
                assert!(outcome.clone().merged().is_err());
            }
            _ => panic!("{name}: {:?}", outcome.report),
        }
    }
}

#[test]
fn the_text_of_a_conflict_says_what_to_do() {
    let base = channel(&["1.8.0"]);
    let delta = channel(&["1.11.0 -> 1.10.0", "1.10.0"]);
    let outcome = merge(&base, &delta, &[csv("1.10.0", "1.9.0")], &MergeOptions::default());
    let refused = outcome.merged().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the catalogs cannot be merged without a decision: MULTIPLE_HEADS in package p, channel fast: there would be two \
         heads, `p.v1.11.0` (the archive) and `p.v1.8.0` (production), and nothing says how one leads to the other"
    );
    let finding = &refused.report.findings[0];
    assert_eq!(
        finding.message,
        "there would be two heads, `p.v1.11.0` (the archive) and `p.v1.8.0` (production), and nothing says how one \
         leads to the other"
    );
    assert_eq!(
        finding.hint,
        "`p.v1.10.0` replaces `p.v1.9.0`, which neither side has: pack the versions in between; or vouch for the step \
         with `--bridge p/fast:p.v1.8.0=p.v1.10.0`, take the archive's package whole with `--merge-mode p=replace`, or \
         serve it from a second catalog with `--merge-mode p=split`"
    );
    assert_eq!(crate::fault::Fault::exit(&refused), crate::fault::Exit::Conflict);
    // What the hint proposes works.
    let bridges = vec!["p/fast:p.v1.8.0=p.v1.10.0".parse().unwrap()];
    let outcome = merge(&base, &delta, &[], &MergeOptions { bridges, ..MergeOptions::default() });
    let merged = outcome.catalog.unwrap();
    assert_eq!(written(merged.catalog(), "fast"), ["1.11.0 -> 1.10.0", "1.10.0 -> 1.8.0", "1.8.0"]);
    for wrong in ["", "p", "p/fast", "p/fast:a", "p/fast:=b", "p/fast:a=", "/fast:a=b"] {
        assert!(wrong.parse::<Bridge>().is_err(), "{wrong:?} was taken");
    }
}

#[test]
fn a_lost_way_of_what_runs_is_a_conflict() {
    // The union withholds 1.2.0, by which 1.1.0 would go on.
    let base = channel(&["1.3.0 skips 1.2.0"]);
    let delta = channel(&["1.2.0 -> 1.1.0", "1.1.0"]);
    let outcome = merge(&base, &delta, &[], &runs("1.1.0", Some("fast")));
    assert_eq!(codes(&outcome), ["!STRANDED"]);

    let base = channel(&["1.3.0 range >=1.1.0 <1.3.0", "1.1.0"]);
    assert!(!servable(&base), "two heads");
    let base = channel(&["1.3.0 -> 1.1.0 range >=1.0.0 <1.3.0", "1.1.0"]);
    let delta = channel(&["1.3.0 -> 1.1.0 range >=1.1.0 <1.3.0", "1.1.0"]);
    let outcome = merge(&base, &delta, &[], &runs("1.0.0", Some("fast")));
    assert_eq!(codes(&outcome), ["!PATH_LOST"]);
    // Nobody runs it: nothing is known to be lost.
    assert_eq!(codes(&merge(&base, &delta, &[], &MergeOptions::default())), Vec::<String>::new());

    // 1.1.0 is an entry; with the narrowed range it stays behind.
    let base = channel(&["1.3.0 -> 1.2.0 range >=1.1.0 <1.3.0", "1.2.0 skips 1.1.0", "1.1.0"]);
    let delta = channel(&["1.4.0 -> 1.3.0 range >=1.2.0 <1.4.0", "1.3.0 range >=1.2.0 <1.3.0"]);
    let quiet = merge(&base, &delta, &[], &MergeOptions::default());
    assert!(quiet.catalog.is_some(), "{:?}", quiet.report.findings);
}

#[test]
fn what_had_no_way_before_is_said_and_does_not_stop_the_rest() {
    let base = channel(&["1.2.0 -> 1.1.0", "1.1.0"]);
    let delta = channel(&["1.3.0 -> 1.2.0", "1.2.0"]);
    let outcome = merge(&base, &delta, &[], &runs("0.9.0", Some("fast")));
    assert_eq!(codes(&outcome), ["NO_PATH"]);
    assert!(outcome.catalog.is_some());
    let outcome = merge(&base, &delta, &[], &runs("1.1.0", None));
    assert_eq!(codes(&outcome), Vec::<String>::new());
}
