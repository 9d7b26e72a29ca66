//! A channel cut down to a way is served, and OLM goes that way in it.

use proptest::prelude::*;

use super::codes;
use super::graph::{evidence, package, start};
use crate::catalog::{Evidence, Package, PathFinder, Pruned, prune, validate_package};

fn run(package: &Package, from: u64, to: &str, evidence: &[Evidence]) -> Pruned {
    let path = PathFinder::new(package, evidence).plan(&start(from), Some("c"), Some(to)).unwrap();
    let pruned = prune(package, &start(from), &path.hops, evidence);
    assert_eq!(validate_package(&pruned.package), []);
    let again = PathFinder::new(&pruned.package, &[]).plan(&start(from), Some("c"), Some(to)).unwrap();
    let names = |hops: &[crate::catalog::Hop]| hops.iter().map(|hop| hop.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&again.hops), names(&path.hops));
    assert!(!again.cut);
    pruned
}

fn entries(pruned: &Pruned, channel: &str) -> Vec<String> {
    let entry = |it: &crate::catalog::Entry| {
        let skips: Vec<&str> = it.skips.iter().map(String::as_str).collect();
        format!("{}<{}!{}", it.name, it.replaces.as_deref().unwrap_or(""), skips.join("!"))
    };
    pruned.package.channels[channel].entries.iter().map(entry).collect()
}

#[test]
fn ranges_become_a_chain() {
    let p = package(&[("c", &["6<5[>=3.0.0 <6.0.0]", "5<4", "4<3", "3<2[>=1.0.0 <3.0.0]", "2<1", "1"])]);
    let pruned = run(&p, 1, "6", &[]);
    assert_eq!(entries(&pruned, "c"), ["6<3!5", "3<2!"]);
    assert_eq!(codes(&pruned.findings), ["EDGE_WRITTEN"]);
    assert_eq!(pruned.package.bundles.len(), 2);
    // A way that ends below the head needs no more than the cut.
    assert_eq!(entries(&run(&p, 3, "5", &[]), "c"), ["5<4!", "4<3!"]);
}

#[test]
fn a_bridge_is_written_down() {
    let p = package(&[("c", &["12<11", "11<10", "10"])]);
    let known = [evidence("10", "9")];
    let pruned = run(&p, 9, "12", &known);
    assert_eq!(entries(&pruned, "c"), ["12<11!", "11<10!", "10<9!"]);
    assert_eq!(codes(&pruned.findings), ["EDGE_WRITTEN"]);
}

#[test]
fn other_channels_stay_and_segments_are_cut() {
    let p =
        package(&[("c", &["3<2", "2<1", "1"]), ("d", &["5<4", "4[>=3.0.0 <4.0.0]"]), ("e", &["7<6", "6"])]);
    let pruned = run(&p, 2, "5", &[]);
    assert_eq!(entries(&pruned, "c"), ["3<2!"]);
    assert_eq!(entries(&pruned, "d"), ["5<4!", "4<!"]);
    assert_eq!(entries(&pruned, "e"), ["7<6!", "6<!"]);
    assert_eq!(pruned.findings, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// §2.6 of the reference for any channel that is served: the same way, in a channel that is served.
    #[test]
    fn the_way_stays_the_same(edges in prop::collection::vec((0_usize..3, 0_u8..4, 0_u64..9), 2..9), from in 0_u64..9) {
        // A chain 0..n where an entry may skip some of those below, or accept a range.
        let texts: Vec<String> = edges.iter().enumerate().map(|(at, (back, skips, low))| {
            let replaces = if at == 0 { String::new() } else { format!("<{}", at.saturating_sub(back + 1)) };
            let between = (at.saturating_sub(*back)..at).map(|skip| format!("!{skip}")).collect::<Vec<_>>().concat();
            let range = if *skips == 0 { format!("[>={low}.0.0 <{at}.0.0]") } else { String::new() };
            format!("{at}{replaces}{between}{range}")
        }).rev().collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let p = package(&[("c", &texts)]);
        prop_assume!(validate_package(&p).is_empty());
        let finder = PathFinder::new(&p, &[]);
        let hops = finder.greedy("c", &start(from));
        if let Some(last) = hops.last() {
            run(&p, from, &last.name, &[]);
        }
    }
}
