//! Orders by table, and against every order that there is.

use proptest::prelude::*;

use super::schedule::{Stage, places_of};
use super::*;
use crate::release::{Minor, ReleaseChange, ReleaseHop};

fn hop(from: &str, to: &str) -> ReleaseHop {
    let minor = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
    let change = if minor(from) == minor(to) { ReleaseChange::Patch } else { ReleaseChange::Minor };
    ReleaseHop {
        version: to.to_owned(),
        payload: None,
        from: from.to_owned(),
        change,
        eus: None,
        kubernetes: None,
        risks: vec![],
        reason: String::new(),
        url: None,
    }
}

fn hops(versions: &[&str]) -> Vec<ReleaseHop> {
    versions.windows(2).map(|ends| hop(ends[0], ends[1])).collect()
}

/// `name`, `name<=4.19`, `name>=1.33`, `name<=4.20>=1.33`: a CSV, the ceiling, the Kubernetes.
fn stand(text: &str) -> Stand {
    let (text, kubernetes) = text.split_once(">=").map_or((text, None), |(rest, it)| (rest, Some(it)));
    let (name, ceiling) = text.split_once("<=").map_or((text, None), |(rest, it)| (rest, Some(it)));
    Stand::new(name, ceiling, kubernetes)
}

/// The way of package `p` in the catalog for a minor release.
fn way(catalog: &str, stands: &[&str]) -> OperatorWay {
    OperatorWay {
        offer: Some(Offer {
            catalog: format!("registry.example/index:{catalog}").parse().unwrap(),
            package: "p".to_owned(),
        }),
        runs: stand(stands[0]),
        hops: stands[1..].iter().map(|text| stand(text)).collect(),
    }
}

/// The steps in short: `p: a → b (why)` and `4.19.3 → 4.20.5`.
fn steps(ordered: &Ordered) -> Vec<String> {
    let say = |step: &OrderedStep| match step {
        OrderedStep::OpenShift { from, to } => format!("{from} → {to}"),
        OrderedStep::Operator { package, from, to, why, .. } => format!("{package}: {from} → {to} ({why})"),
    };
    ordered.steps.iter().map(say).collect()
}

fn codes(ordered: &Ordered) -> Vec<&str> {
    ordered.findings.iter().map(|found| found.code.as_str()).collect()
}

const FIRST: &str = "operators go first where they can";

#[test]
fn one_minor_release() {
    let minor = hops(&["4.19.3", "4.20.5"]);
    for (stands, expected) in [
        // Nothing ties it.
        (&["a", "b", "c"][..], vec![format!("p: a → c ({FIRST})"), "4.19.3 → 4.20.5".to_owned()]),
        // What runs forbids the release.
        (
            &["a<=4.19", "b<=4.19", "c<=4.20"],
            vec![
                "p: a → c (OpenShift refuses 4.20 while the former version runs)".to_owned(),
                "4.19.3 → 4.20.5".to_owned(),
            ],
        ),
        // The target needs what comes with the release; what is between does not.
        (
            &["a<=4.19", "b<=4.20", "c<=4.21>=1.33.0"],
            vec![
                "p: a → b (OpenShift refuses 4.20 while the former version runs)".to_owned(),
                "4.19.3 → 4.20.5".to_owned(),
                "p: b → c (it needs Kubernetes 1.33.0)".to_owned(),
            ],
        ),
        // A version on the way would block.
        (
            &["a", "b<=4.19", "c>=1.33.0"],
            vec!["4.19.3 → 4.20.5".to_owned(), "p: a → c (it needs Kubernetes 1.33.0)".to_owned()],
        ),
        (
            &["a", "b<=4.19"],
            vec![
                "4.19.3 → 4.20.5".to_owned(),
                "p: a → b (with it OpenShift would have refused 4.20)".to_owned(),
            ],
        ),
        (&["a"], vec!["4.19.3 → 4.20.5".to_owned()]),
    ] {
        let ordered = order(&minor, &[way("latest", stands)]);
        assert_eq!(steps(&ordered), expected, "{stands:?}");
        assert_eq!(codes(&ordered), [""; 0], "{stands:?}");
    }
}

#[test]
fn a_catalog_for_the_next_minor_release_waits_for_it_unless_forced() {
    let minor = hops(&["4.19.3", "4.20.5"]);
    let ordered = order(&minor, &[way("v4.20", &["a", "b"])]);
    assert_eq!(steps(&ordered), ["4.19.3 → 4.20.5", "p: a → b (its catalog is for OpenShift 4.20)"]);
    assert_eq!(codes(&ordered), [""; 0]);
    let ordered = order(&minor, &[way("v4.19", &["a", "b"])]);
    assert_eq!(steps(&ordered)[0], format!("p: a → b ({FIRST})"));
    // What runs forbids the release: it goes as far as it must, and a person is told.
    let ordered = order(&minor, &[way("v4.20", &["a<=4.19", "b<=4.20", "c<=4.21"])]);
    assert_eq!(
        steps(&ordered),
        [
            "p: a → b (OpenShift refuses 4.20 while the former version runs)",
            "4.19.3 → 4.20.5",
            "p: b → c (its catalog is for OpenShift 4.20)",
        ]
    );
    assert_eq!(codes(&ordered), ["AHEAD_OF_CATALOG"]);
    assert!(ordered.findings[0].message.contains("still OpenShift 4.19, and its catalog is for 4.20"));
}

#[test]
fn between_releases_with_extended_support_both_hops_are_ordered() {
    let eus = hops(&["4.18.20", "4.19.9", "4.20.5"]);
    let ordered = order(&eus, &[way("latest", &["a<=4.18", "b<=4.19", "c<=4.20>=1.32.0", "d>=1.33.0"])]);
    assert_eq!(
        steps(&ordered),
        [
            "p: a → b (OpenShift refuses 4.19 while the former version runs)",
            "4.18.20 → 4.19.9",
            "p: b → c (OpenShift refuses 4.20 while the former version runs)",
            "4.19.9 → 4.20.5",
            "p: c → d (it needs Kubernetes 1.33.0)",
        ]
    );
    assert_eq!(codes(&ordered), [""; 0]);
}

#[test]
fn updates_within_a_minor_release_are_blocked_by_nothing() {
    let ordered = order(&hops(&["4.19.3", "4.19.20"]), &[way("latest", &["a<=4.19", "b<=4.18"])]);
    assert_eq!(steps(&ordered), [format!("p: a → b ({FIRST})"), "4.19.3 → 4.19.20".to_owned()]);
    assert_eq!(codes(&ordered), [""; 0]);
    assert_eq!(order(&[], &[way("latest", &["a<=4.19"])]), Ordered::default());
}

#[test]
fn what_would_strand_a_cluster_is_told_with_what_to_do() {
    let minor = hops(&["4.19.3", "4.20.5"]);
    let refused = |way: OperatorWay| {
        let ordered = order(&minor, &[way]);
        let [found] = &ordered.findings[..] else { panic!("{ordered:?}") };
        (found.code.clone(), found.subject.clone(), found.message.clone(), found.hint.clone())
    };
    for (way, subject, message, hint) in [
        (
            way("v4.19", &["a<=4.19", "b<=4.19"]),
            "package p",
            "`a` is good for OpenShift 4.19 at most, and no version of it in this plan allows 4.20",
            "ask for a version that allows 4.20",
        ),
        (
            way("v4.19", &["a<=4.19", "b<=4.20>=1.33.0"]),
            "package p",
            "`b` allows it, and needs Kubernetes 1.33.0 on the way, which OpenShift 4.19 has not: each waits for the other",
            "ask for a version of it in between",
        ),
        (
            OperatorWay { offer: None, runs: stand("a<=4.19"), hops: vec![] },
            "operator a",
            "and this plan does not move it: OpenShift refuses 4.20",
            "add its package to the ImageSetConfiguration",
        ),
        (
            way("v4.19", &["a<=4.19.3"]),
            "package p",
            "`a` says `4.19.3` as its highest OpenShift, which OLM cannot read",
            "add its package to the ImageSetConfiguration",
        ),
    ] {
        let found = refused(way);
        assert_eq!((found.0.as_str(), found.1.as_str()), ("OPENSHIFT_BLOCKED", subject));
        assert!(found.2.contains(message) && found.3.contains(hint), "{found:?}");
    }
    let (code, _, message, hint) = refused(way("v4.19", &["a", "b>=1.34.0"]));
    assert_eq!(code, "KUBERNETES_TOO_OLD");
    assert_eq!(
        message,
        "`b` needs Kubernetes 1.34.0, and the plan ends with OpenShift 4.20: it would stay Pending"
    );
    assert!(hint.contains("plan as far as OpenShift 4.21"), "{hint}");
    let mut way = way("v4.19", &["a"]);
    way.runs.ceiling = Ceiling::Unknown;
    assert_eq!(refused(way).0, "OPENSHIFT_LIMIT_UNKNOWN");
}

#[test]
fn a_ceiling_is_read_as_olm_reads_it() {
    let minor = |text: &str| Ceiling::At(text.parse().unwrap());
    for (text, expected) in [("4.19", minor("4.19")), ("4.19.0", minor("4.19")), ("v4.20", minor("4.20"))] {
        assert_eq!(Ceiling::parse(Some(text)), expected, "{text}");
    }
    for text in ["", "4.19.1", "4.19-rc.0", "four", "4.19.0+a"] {
        assert_eq!(Ceiling::parse(Some(text)), Ceiling::Unreadable(text.to_owned()));
    }
    assert_eq!(Ceiling::parse(None), Ceiling::Open);
}

/// All ways to stand at the stages: never back, never beyond the Kubernetes of the time, never under a ceiling.
fn all_places(way: &OperatorWay, stages: &[Stage]) -> Vec<Vec<usize>> {
    stages.iter().fold(vec![vec![]], |known, stage| {
        let mut more = vec![];
        for places in known {
            let low = places.last().copied().unwrap_or(0);
            for at in low..=way.hops.len() {
                let fits = way.hops[..at].iter().all(|stand| stand.runs_on(stage.minor));
                let allowed = stage.next.is_none_or(|next| way.stand(at).ceiling.allows(next));
                if fits && allowed {
                    more.push(places.iter().copied().chain([at]).collect());
                }
            }
        }
        more
    })
}

fn some_stand() -> impl Strategy<Value = Stand> {
    let ceiling = prop_oneof![Just(None), (17_u64..23).prop_map(Some)];
    let kubernetes = prop_oneof![Just(None), (30_u64..36).prop_map(Some)];
    (ceiling, kubernetes).prop_map(|(ceiling, kubernetes)| {
        let ceiling = ceiling.map(|minor| format!("4.{minor}"));
        let kubernetes = kubernetes.map(|minor| format!("1.{minor}.0"));
        Stand::new("x", ceiling.as_deref(), kubernetes.as_deref())
    })
}

proptest! {
    /// There is an order exactly where there is one at all; it keeps the rules, and nothing goes farther by any other.
    #[test]
    fn an_order_is_found_where_there_is_one_and_goes_as_far_as_any(
        stands in prop::collection::vec(some_stand(), 1..6),
        start in 16_u64..20,
        length in 0_u64..4,
        waits in any::<bool>(),
    ) {
        let minor = |minor| Minor { major: 4, minor };
        let stages: Vec<Stage> = (start..=start + length)
            .map(|at| Stage { minor: minor(at), next: (at < start + length).then(|| minor(at + 1)) })
            .collect();
        let mut way = way(if waits { "v4.19" } else { "latest" }, &["a"]);
        way.runs = stands[0].clone();
        way.hops = stands[1..].to_vec();
        let all = all_places(&way, &stages);
        match places_of(&way, &stages) {
            Err(_) => prop_assert_eq!(all.len(), 0),
            Ok(places) => {
                prop_assert!(all.contains(&places), "{:?}", places);
                prop_assert_eq!(places.last(), all.iter().filter_map(|other| other.last()).max());
                for (at, place) in places.iter().enumerate() {
                    let farthest = all.iter().map(|other| other[at]).max();
                    let waiting = waits && stages[at].next.is_some() && stages[at].minor < minor(19);
                    prop_assert!(waiting || Some(*place) == farthest, "stage {} of {:?}", at, places);
                }
            }
        }
    }
}
