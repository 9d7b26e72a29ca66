//! Each rule that keeps something, by itself; what is freed; what a plan says; and what is cut from a catalog.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::catalog::{Catalog, load};
use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::reference::{Repository, Tag};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

/// An image of one layer of ten bytes and one of its own of a hundred.
fn image(name: &str) -> Seen {
    Seen {
        bytes: 1,
        blobs: vec![(digest("base"), 10), (digest(&format!("{name} layer")), 100)],
        ..Seen::default()
    }
}

/// A repository with these tags, each to the manifest of that name.
fn seen(tags: &[(&str, &str)], manifests: &[(&str, Seen)]) -> SeenRepository {
    SeenRepository {
        ours: true,
        tags: tags.iter().map(|(tag, name)| (tag.parse().unwrap(), digest(name))).collect(),
        manifests: manifests.iter().map(|(name, seen)| (digest(name), seen.clone())).collect(),
        ..SeenRepository::default()
    }
}

fn listing(repositories: Vec<(&str, SeenRepository)>) -> Listing {
    let repositories = repositories.into_iter().map(|(name, seen)| (repository(name), seen)).collect();
    Listing { host: "r.example:5000".parse().unwrap(), repositories }
}

fn hold(name: &str) -> String {
    Tag::of_digest(&digest(name)).to_string()
}

/// One repository with an image, its hold tag, and nothing that speaks for it.
fn lonely() -> Listing {
    listing(vec![("olm/a", seen(&[(&hold("a"), "a")], &[("a", image("a"))]))])
}

fn rules(sorted: &Sorted, name: &str) -> Vec<Rule> {
    sorted.kept.get(&digest(name)).into_iter().flatten().map(|reason| reason.rule).collect()
}

fn gone(sorted: &Sorted) -> Vec<(Digest, Rule)> {
    sorted.gone.iter().map(|(digest, reason)| (*digest, reason.rule)).collect()
}

#[test]
fn what_nothing_speaks_for_goes() {
    let sorted = &sort(&lonely(), &Keep::default())[&repository("olm/a")];
    assert_eq!(gone(sorted), [(digest("a"), Rule::Unneeded)]);
    assert!(sorted.kept.is_empty());
}

#[test]
fn what_a_cluster_names_stays_in_every_repository() {
    let mut listing = lonely();
    listing.repositories.insert(repository("olm/b"), listing.repositories[&repository("olm/a")].clone());
    let reason = Reason::new(Rule::InUse, "Pod n/p");
    let keep = Keep { named: [(digest("a"), reason)].into(), ..Keep::default() };
    for (_, sorted) in sort(&listing, &keep) {
        assert_eq!((rules(&sorted, "a"), gone(&sorted)), (vec![Rule::InUse], vec![]));
    }
}

#[test]
fn what_is_needed_stays_wherever_it_is() {
    let mut listing = lonely();
    listing.repositories.insert(repository("olm/b"), listing.repositories[&repository("olm/a")].clone());
    let mut keep = Keep::default();
    keep.add(digest("a"), Reason::new(Rule::Offered, "a.v1"));
    keep.add(digest("a"), Reason::new(Rule::WayBack, "a.v1"));
    for (_, sorted) in sort(&listing, &keep) {
        assert_eq!((rules(&sorted, "a"), gone(&sorted)), (vec![Rule::Offered, Rule::WayBack], vec![]));
    }
}

#[test]
fn what_is_not_the_sites_is_not_even_looked_at() {
    let mut listing = lonely();
    listing.repositories.get_mut(&repository("olm/a")).unwrap().ours = false;
    assert!(sort(&listing, &Keep::default()).is_empty());
}

#[test]
fn what_has_a_tag_of_a_person_stays() {
    let tags = [(hold("a"), "a"), ("latest".to_owned(), "a"), (format!("{}-x", hold("b")), "b")];
    let tags: Vec<_> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
    let listing = listing(vec![("olm/a", seen(&tags, &[("a", image("a")), ("b", image("b"))]))]);
    let sorted = &sort(&listing, &Keep::default())[&repository("olm/a")];
    assert_eq!((rules(sorted, "a"), rules(sorted, "b")), (vec![Rule::Tagged], vec![Rule::Tagged]));
    // Only what is known to be of a release that is over has a tag that does not count.
    let keep =
        Keep { quiet_tags: [(repository("olm/a"), "latest".parse().unwrap())].into(), ..Keep::default() };
    let sorted = &sort(&listing, &keep)[&repository("olm/a")];
    assert_eq!(gone(sorted), [(digest("a"), Rule::Unneeded)]);
}

#[test]
fn an_index_keeps_what_it_lists_and_what_runs_keeps_its_index() {
    let index =
        Seen { bytes: 5, children: vec![digest("a"), digest("b"), digest("elsewhere")], ..Seen::default() };
    let manifests = [("index", index), ("a", image("a")), ("b", image("b"))];
    let listing = listing(vec![("olm/a", seen(&[(&hold("index"), "index")], &manifests))]);
    for (named, rule) in [("index", Rule::InUse), ("a", Rule::PartOf)] {
        let keep =
            Keep { named: [(digest(named), Reason::new(Rule::InUse, "Pod n/p"))].into(), ..Keep::default() };
        let sorted = &sort(&listing, &keep)[&repository("olm/a")];
        assert_eq!((gone(sorted), rules(sorted, "index")[0]), (vec![], rule), "{named}");
        assert!(rules(sorted, "b").contains(&Rule::PartOf), "{named}");
    }
    // Without any of it all go, the index first.
    let sorted = &sort(&listing, &Keep::default())[&repository("olm/a")];
    assert_eq!(gone(sorted)[0], (digest("index"), Rule::Unneeded));
    assert_eq!(gone(sorted).iter().filter(|(_, rule)| *rule == Rule::Below).count(), 2);
}

#[test]
fn what_is_attached_goes_and_stays_with_its_subject() {
    let signature = Tag::of_attachment(&digest("a"), "sig").unwrap().to_string();
    let referrer = Seen { subject: Some(digest("a")), ..image("referrer") };
    let tags = [
        (hold("a"), "a"),
        (signature, "signature"),
        (hold("referrer"), "referrer"),
        (hold("signature"), "signature"),
    ];
    let tags: Vec<_> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
    let manifests = [("a", image("a")), ("signature", image("signature")), ("referrer", referrer)];
    let listing = listing(vec![("olm/a", seen(&tags, &manifests))]);
    let mut keep = Keep::default();
    keep.add(digest("a"), Reason::new(Rule::Offered, "a.v1"));
    let sorted = &sort(&listing, &keep)[&repository("olm/a")];
    assert_eq!(
        (rules(sorted, "signature"), rules(sorted, "referrer")),
        (vec![Rule::AttachedTo], vec![Rule::AttachedTo])
    );
    let sorted = &sort(&listing, &Keep::default())[&repository("olm/a")];
    let below: BTreeSet<_> = gone(sorted).into_iter().filter(|(_, rule)| *rule == Rule::Below).collect();
    assert_eq!(below.len(), 2);
}

#[test]
fn what_is_attached_to_something_unseen_stays() {
    let signature = Tag::of_attachment(&digest("unseen"), "sig").unwrap().to_string();
    let listing = listing(vec![("olm/a", seen(&[(&signature, "s")], &[("s", image("s"))]))]);
    let sorted = &sort(&listing, &Keep::default())[&repository("olm/a")];
    assert_eq!(rules(sorted, "s"), [Rule::Unjudged]);
    // A list of referrers has the tag of what it is about, and another digest.
    let index = Seen { children: vec![digest("s")], ..Seen::default() };
    let tags = [(hold("unseen"), "list")];
    let tags: Vec<_> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
    let listing = self::listing(vec![("olm/a", seen(&tags, &[("list", index), ("s", image("s"))]))]);
    let sorted = &sort(&listing, &Keep::default())[&repository("olm/a")];
    assert_eq!((rules(sorted, "list"), rules(sorted, "s")), (vec![Rule::Unjudged], vec![Rule::PartOf]));
}

#[test]
fn nothing_goes_where_nothing_may() {
    let keep = Keep { all: Some("no dump".to_owned()), ..Keep::default() };
    let sorted = &sort(&lonely(), &keep)[&repository("olm/a")];
    assert_eq!((rules(sorted, "a"), gone(sorted)), (vec![Rule::Unjudged], vec![]));
}

#[test]
fn a_catalogs_tags_are_of_the_catalog() {
    let listing = listing(vec![("olm/c", seen(&[("v4.20", "c")], &[("c", image("c"))]))]);
    let keep = Keep { catalogs: [repository("olm/c")].into(), ..Keep::default() };
    assert_eq!(gone(&sort(&listing, &keep)[&repository("olm/c")]), [(digest("c"), Rule::Unneeded)]);
}

#[test]
fn only_what_nothing_else_refers_to_is_freed() {
    let other = SeenRepository { ours: false, ..seen(&[("x", "x")], &[("x", image("a"))]) };
    let a = seen(&[], &[("a", image("a")), ("b", image("b"))]);
    let b = seen(&[], &[("b", image("b")), ("c", image("c"))]);
    let alone = listing(vec![("olm/a", a.clone()), ("olm/b", b.clone())]);
    let mut keep = Keep::default();
    keep.add(digest("c"), Reason::new(Rule::Offered, "c.v1"));
    let sorted = sort(&alone, &keep);
    let weights = weigh(&alone, &sorted, &BTreeMap::new());
    // `a` and `b` with their own layers; the base is that of `c` too. What both let go counts once.
    let expected = Weight { held: 212, frees: 202, shared: 10 };
    assert_eq!(weights[&repository("olm/a")], expected);
    assert_eq!(weights[&repository("olm/b")], Weight { held: 212, frees: 0, shared: 10 });
    // A smaller catalog will be built on the layer of `a`.
    let coming = BTreeMap::from([(digest("new"), image("a"))]);
    assert_eq!(weigh(&alone, &sorted, &coming)[&repository("olm/a")].frees, 102);
    // Somebody else's repository holds the layer of `a` as well.
    let shared = listing(vec![("olm/a", a), ("olm/b", b), ("foreign", other)]);
    let weights = weigh(&shared, &sort(&shared, &keep), &BTreeMap::new());
    assert_eq!(weights[&repository("olm/a")], Weight { held: 212, frees: 102, shared: 110 });
}

#[test]
fn tags_say_what_they_are() {
    let d = digest("a");
    for (tag, kind) in [
        (Tag::of_digest(&d).to_string(), TagKind::Hold(d)),
        (format!("sha256-{}.sig", d.hex()), TagKind::Attachment(d)),
        (format!("sha256-{}.att", d.hex()), TagKind::Attachment(d)),
        (format!("sha256-{}.other", d.hex()), TagKind::Person),
        ("sha256-abc".to_owned(), TagKind::Person),
        ("v4.20".to_owned(), TagKind::Person),
    ] {
        assert_eq!(tag_kind(&tag.parse().unwrap()), kind, "{tag}");
    }
    for (tag, kind, of) in [
        ("v4.20-g0007-1a2b3c4d5e6f", CatalogTagKind::Generation(7), "v4.20"),
        ("v4.20-split-g12345-1a2b3c4d5e6f", CatalogTagKind::Generation(12345), "v4.20-split"),
        ("v4.20-prev-7", CatalogTagKind::Previous(7), "v4.20"),
        ("v4.20-prev-7-1a2b3c4d5e6f", CatalogTagKind::Previous(7), "v4.20"),
        ("a-b-prev-12", CatalogTagKind::Previous(12), "a-b"),
        ("v4.20", CatalogTagKind::Served, "v4.20"),
        ("v4.20-g7-1a2b3c4d5e6f", CatalogTagKind::Served, "v4.20-g7-1a2b3c4d5e6f"),
        ("v4.20-g0007-xyz", CatalogTagKind::Served, "v4.20-g0007-xyz"),
        ("prev-7", CatalogTagKind::Served, "prev-7"),
        ("v4.20-prev-x", CatalogTagKind::Served, "v4.20-prev-x"),
    ] {
        assert_eq!(catalog_tag(&tag.parse().unwrap()), (kind, of), "{tag}");
    }
}

#[test]
fn the_way_back_is_what_the_last_generations_replaced_and_all_since() {
    let tags = [
        "v4.20",
        "v4.20-prev-3",
        "v4.20-prev-5",
        "v4.20-prev-5-1a2b3c4d5e6f",
        "v4.20-g0003-1a2b3c4d5e6f",
        "v4.20-g0005-aaaaaaaaaaaa",
        "v4.20-g0005-bbbbbbbbbbbb",
        "v4.19-prev-9",
    ];
    let tags = tags.iter().map(|tag| (tag.parse().unwrap(), digest(tag))).collect();
    let back = |generations| -> Vec<String> {
        let served = "v4.20".parse().unwrap();
        ways_back(&tags, &served, generations).keys().map(ToString::to_string).collect()
    };
    assert_eq!(back(0), [""; 0]);
    let last =
        ["v4.20-g0005-aaaaaaaaaaaa", "v4.20-g0005-bbbbbbbbbbbb", "v4.20-prev-5", "v4.20-prev-5-1a2b3c4d5e6f"];
    assert_eq!(back(1), last);
    assert_eq!(back(2).len(), 6);
    assert_eq!(back(9).len(), 6);
}

/// A package `p` with a chain of these versions in `stable`, each replacing the one before, the lowest two in `old` too.
fn chain(versions: &[&str]) -> Catalog {
    let entry = |(at, version): (usize, &&str)| match at.checked_sub(1).map(|below| versions[below]) {
        Some(below) => format!("{{\"name\": \"p.v{version}\", \"replaces\": \"p.v{below}\"}}"),
        None => format!("{{\"name\": \"p.v{version}\"}}"),
    };
    let entries: Vec<String> = versions.iter().enumerate().map(entry).collect();
    let mut text = format!(
        "{{\"schema\":\"olm.package\",\"name\":\"p\",\"defaultChannel\":\"stable\"}}\n\
         {{\"schema\":\"olm.channel\",\"package\":\"p\",\"name\":\"stable\",\"entries\":[{}]}}\n\
         {{\"schema\":\"olm.channel\",\"package\":\"p\",\"name\":\"old\",\"entries\":[{}]}}\n",
        entries.join(","),
        entries[..2].join(","),
    );
    for version in versions {
        text += &format!(
            "{{\"schema\":\"olm.bundle\",\"package\":\"p\",\"name\":\"p.v{version}\",\"image\":\"q.example/p:{version}\",\
             \"properties\":[{{\"type\":\"olm.package\",\"value\":{{\"packageName\":\"p\",\"version\":\"{version}\"}}}}]}}\n"
        );
    }
    let loaded = load([("p/catalog.json".to_owned(), text.into_bytes())], &LIMITS);
    assert_eq!(loaded.findings, []);
    loaded.catalog
}

fn installed(names: &[&str]) -> Demand {
    let installed = names.iter().map(|name| ((*name).to_owned(), None)).collect();
    Demand { installed: [("p".to_owned(), installed)].into(), ..Demand::default() }
}

fn left(demand: &Demand) -> (Vec<String>, Vec<String>) {
    let catalog = chain(&["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    let pruned = prune(&catalog, demand);
    let again = without(&catalog, &pruned.removed);
    let names = |catalog: &Catalog| match catalog.packages.get("p") {
        Some(package) => {
            (package.bundles.keys().cloned().collect(), package.channels.keys().cloned().collect())
        }
        None => (Vec::new(), Vec::new()),
    };
    assert_eq!(names(&again), names(&pruned.catalog));
    names(&pruned.catalog)
}

#[test]
fn what_is_below_everything_installed_goes() {
    let (bundles, channels) = left(&installed(&["p.v1.2.0"]));
    assert_eq!(
        (bundles, channels),
        (vec!["p.v1.2.0".to_owned(), "p.v1.3.0".to_owned()], vec!["stable".to_owned()])
    );
    // Two clusters, or two namespaces: the lowest counts.
    assert_eq!(left(&installed(&["p.v1.1.0", "p.v1.3.0"])).0.len(), 3);
    // Of one that nobody offers and whose version nobody knows nothing follows.
    assert_eq!(left(&installed(&["p.v1.2.0", "p.other"])).0.len(), 4);
    let known = Some("1.1.5".parse().unwrap());
    let demand = Demand {
        installed: [("p".to_owned(), [("p.x".to_owned(), known)].into())].into(),
        ..Demand::default()
    };
    assert_eq!(left(&demand).0, ["p.v1.2.0", "p.v1.3.0"]);
}

#[test]
fn what_somebody_named_or_follows_stays() {
    let mut demand = installed(&["p.v1.2.0"]);
    demand.named.insert("p.v1.0.0".to_owned());
    assert!(left(&demand).0.contains(&"p.v1.0.0".to_owned()));
    let mut demand = installed(&["p.v1.2.0"]);
    demand.channels = [("p".to_owned(), ["old".to_owned()].into())].into();
    assert_eq!(left(&demand), (chain_names(), vec!["old".to_owned(), "stable".to_owned()]));
}

fn chain_names() -> Vec<String> {
    ["p.v1.0.0", "p.v1.1.0", "p.v1.2.0", "p.v1.3.0"].map(str::to_owned).to_vec()
}

#[test]
fn a_package_that_nobody_has_stays_unless_that_is_asked_for() {
    assert_eq!(left(&Demand::default()).0.len(), 4);
    assert_eq!(left(&Demand { drop_unused: true, ..Demand::default() }).0.len(), 0);
    let subscribed = ["p".to_owned()].into();
    assert_eq!(left(&Demand { drop_unused: true, subscribed, ..Demand::default() }).0.len(), 4);
}

/// What another registry holds in the same repository is spoken for there, whatever speaks for it.
#[test]
fn what_another_registry_holds_may_go_here() {
    let tags = [(hold("a"), "a"), ("latest".to_owned(), "a"), ("v1".to_owned(), "b")];
    let tags: Vec<_> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
    let both = seen(&tags, &[("a", image("a")), ("b", image("b"))]);
    let listing = listing(vec![("olm/a", both.clone()), ("olm/b", both)]);
    let elsewhere = Reason::new(Rule::Elsewhere, "r.example:5001");
    let mut keep = Keep {
        named: [(digest("a"), Reason::new(Rule::InUse, "Pod n/p"))].into(),
        elsewhere: [((repository("olm/a"), digest("a")), elsewhere)].into(),
        ..Keep::default()
    };
    keep.add(digest("a"), Reason::new(Rule::Offered, "a.v1"));
    let sorted = sort(&listing, &keep);
    assert_eq!(gone(&sorted[&repository("olm/a")]), [(digest("a"), Rule::Elsewhere)]);
    assert_eq!(rules(&sorted[&repository("olm/a")], "b"), [Rule::Tagged]);
    // In another repository it is another copy.
    assert_eq!(rules(&sorted[&repository("olm/b")], "a"), [Rule::InUse, Rule::Offered, Rule::Tagged]);
}

/// A plan that keeps `b` of `a` and `b`, to be moved to a registry that holds `there`.
fn moving(there: &Listing) -> (VacuumPlan, Moving) {
    let tags = [(hold("a"), "a"), (hold("b"), "b"), ("v1".to_owned(), "b")];
    let tags: Vec<_> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
    let listing = listing(vec![("olm/a", seen(&tags, &[("a", image("a")), ("b", image("b"))]))]);
    let sorted = sort(&listing, &Keep::default());
    let repositories = lay_out(&listing, &sorted, &weigh(&listing, &sorted, &BTreeMap::new()));
    let moving = copied(&listing, &sorted, &BTreeMap::new(), there);
    let plan = VacuumPlan { repositories, task: Task::Move(moving.clone()), ..plan() };
    (plan.sealed(), moving)
}

#[test]
fn what_is_copied_is_counted_without_what_is_there() {
    let empty = listing(Vec::new());
    let counts = |there: &Listing| {
        let Moving { manifests, bytes, .. } = moving(there).1;
        (manifests, bytes)
    };
    assert_eq!(counts(&empty), (1, 111));
    // The base is there with another image, and the image itself in another repository.
    assert_eq!(counts(&listing(vec![("x", seen(&[], &[("c", image("c"))]))])), (1, 101));
    assert_eq!(counts(&listing(vec![("x", seen(&[], &[("b", image("b"))]))])), (1, 0));
    assert_eq!(counts(&listing(vec![("olm/a", seen(&[], &[("b", image("b"))]))])), (0, 0));
    assert!(!moving(&empty).0.is_empty(), "a move of everything is a move");
}

#[test]
fn what_does_not_move_stands_in_the_way() {
    let found = |name: &str, tags: &[(&str, &str)], manifests: &[(&str, Seen)]| {
        let there = listing(vec![(name, seen(tags, manifests))]);
        in_the_way(&moving(&there).0, &there)
    };
    let b = [("b", image("b"))];
    assert_eq!(found("olm/a", &[(&hold("b"), "b"), ("v1", "b")], &b), [""; 0]);
    // What is left behind, what was never there, a tag of others, a tag that leads elsewhere, another repository.
    assert_eq!(found("olm/a", &[], &[("a", image("a"))]), [format!("olm/a@{}", digest("a"))]);
    assert_eq!(found("olm/a", &[], &[("c", image("c"))]), [format!("olm/a@{}", digest("c"))]);
    assert_eq!(found("olm/a", &[("v2", "b")], &b), ["olm/a:v2"]);
    assert_eq!(found("olm/a", &[(&hold("a"), "b")], &b), [format!("olm/a:{}", hold("a"))]);
    assert_eq!(found("olm/c", &[("v1", "b")], &b), [format!("olm/c@{}", digest("b"))]);
    let mut there = listing(vec![("somebody", seen(&[], &b))]);
    there.repositories.get_mut(&repository("somebody")).unwrap().ours = false;
    assert_eq!(in_the_way(&moving(&there).0, &there), [""; 0]);
}

fn plan() -> VacuumPlan {
    let listing = lonely();
    let sorted = sort(&listing, &Keep::default());
    let repositories = lay_out(&listing, &sorted, &weigh(&listing, &sorted, &BTreeMap::new()));
    VacuumPlan {
        task: Task::Prune,
        format: VacuumPlan::FORMAT.to_owned(),
        site: "edge".to_owned(),
        registry: listing.host.clone(),
        site_file: digest("site"),
        state: state_digest(&listing),
        dumps: Vec::new(),
        keep_generations: 1,
        catalogs: Vec::new(),
        totals: totals(&repositories, held(&listing, sorted.keys())),
        repositories,
        others: Vec::new(),
        findings: Vec::new(),
        digest: None,
    }
    .sealed()
}

/// A site of 30,000 references: a hundred repositories, half of each needed, every image on the same base.
#[test]
fn a_large_site_is_divided_exactly() {
    let repositories: Vec<(String, SeenRepository)> = (0..100)
        .map(|number| {
            let names: Vec<String> = (0..300).map(|image| format!("{number}-{image}")).collect();
            let tags: Vec<(String, &str)> = names.iter().map(|name| (hold(name), name.as_str())).collect();
            let tags: Vec<(&str, &str)> = tags.iter().map(|(tag, name)| (tag.as_str(), *name)).collect();
            let manifests: Vec<(&str, Seen)> =
                names.iter().map(|name| (name.as_str(), image(name))).collect();
            (format!("olm/r{number}"), seen(&tags, &manifests))
        })
        .collect();
    let listing = listing(repositories.iter().map(|(name, seen)| (name.as_str(), seen.clone())).collect());
    let mut keep = Keep::default();
    for (number, image) in (0..100).flat_map(|number| (0..150).map(move |image| (number, image))) {
        for bundle in 0..4 {
            keep.add(
                digest(&format!("{number}-{image}")),
                Reason::new(Rule::Offered, format!("b{bundle}.v1")),
            );
        }
    }
    let sorted = sort(&listing, &keep);
    let repositories = lay_out(&listing, &sorted, &weigh(&listing, &sorted, &BTreeMap::new()));
    let totals = totals(&repositories, held(&listing, sorted.keys()));
    assert_eq!((totals.kept, totals.gone), (15_000, 15_000));
    assert_eq!(totals.weight, Weight { held: 100 * 300 * 101 + 10, frees: 15_000 * 101, shared: 100 * 10 });
    let kept = &repositories[&repository("olm/r0")].kept[0];
    assert_eq!((kept.why.len(), kept.more), (3, 1));
}

#[test]
fn a_plan_is_read_as_it_was_made_or_not_at_all() {
    let plan = plan();
    let text = serde_json::to_string_pretty(&plan).unwrap();
    assert_eq!(VacuumPlan::parse(text.as_bytes(), &LIMITS).unwrap(), plan);
    assert_eq!((plan.totals.gone, plan.totals.weight.frees), (1, 111));
    let parse = |text: &str| VacuumPlan::parse(text.as_bytes(), &LIMITS);
    for (from, to) in
        [("\"site\": \"edge\"", "\"site\": \"other\""), ("\"kept\": 0", "\"kept\": 1"), ("olm/a", "olm/b")]
    {
        assert!(text.contains(from), "{from}");
        assert!(matches!(parse(&text.replace(from, to)), Err(PlanError::Edited { .. })), "{from}");
    }
    // A manifest put among those that go.
    let more =
        text.replace("\"gone\": [", &format!("\"gone\": [{{\"digest\": \"{}\", \"why\": []}},", digest("b")));
    assert!(matches!(parse(&more), Err(PlanError::Edited { .. })));
    let without = text.replace(&plan.id().to_string(), &digest("x").to_string());
    assert!(matches!(parse(&without), Err(PlanError::Edited { .. })));
    assert!(matches!(parse("{\"format\": \"ombundle.plan/v1\"}"), Err(PlanError::Format { .. })));
    assert!(matches!(parse("{"), Err(PlanError::Malformed { .. })));
}

#[test]
fn what_the_plan_itself_did_is_no_change_and_everything_else_is() {
    let plan = plan();
    assert_eq!(changes(&plan, &lonely()), []);
    let mut done = lonely();
    let repository = done.repositories.get_mut(&repository("olm/a")).unwrap();
    let tag: Tag = hold("a").parse().unwrap();
    repository.tags.remove(&tag);
    assert_eq!(changes(&plan, &done), []);
    // Somebody pushed meanwhile, or put another image under a tag.
    for (tag, name) in [("new".parse().unwrap(), "a"), (tag, "b")] {
        let mut now = lonely();
        now.repositories.get_mut(&self::repository("olm/a")).unwrap().tags.insert(tag, digest(name));
        assert_eq!(changes(&plan, &now).len(), 1, "{name}");
    }
    let mut now = lonely();
    now.repositories.insert(self::repository("olm/new"), seen(&[("x", "a")], &[("a", image("a"))]));
    assert_eq!(changes(&plan, &now).len(), 1);
    // What was to stay is gone.
    let mut kept = plan;
    let repository = kept.repositories.get_mut(&self::repository("olm/a")).unwrap();
    repository.kept = std::mem::take(&mut repository.gone);
    assert_eq!(changes(&kept, &done).len(), 1);
}

#[test]
fn a_catalog_that_was_switched_already_is_no_change() {
    let name = repository("olm/c");
    let before = listing(vec![("olm/c", seen(&[("v4.20", "old")], &[("old", image("old"))]))]);
    let sorted = sort(&before, &Keep::default());
    let change = CatalogChange {
        tag: "r.example:5000/olm/c:v4.20".parse().unwrap(),
        name: "cs".to_owned(),
        generation: 7,
        before: digest("old"),
        after: digest("new"),
        manifests: vec![digest("new")],
        removed: Removals::new(),
    };
    let repositories = lay_out(&before, &sorted, &weigh(&before, &sorted, &BTreeMap::new()));
    let plan = VacuumPlan { catalogs: vec![change], repositories, ..plan() };
    let with = |tags: &[(&str, &str)]| {
        let now = listing(vec![("olm/c", seen(tags, &[]))]);
        changes(&plan, &now).into_iter().filter(|changed| changed.tag.starts_with(name.as_str())).count()
    };
    let hold = hold("new");
    assert_eq!(with(&[("v4.20", "old")]), 0);
    assert_eq!(
        with(&[
            ("v4.20", "new"),
            ("v4.20-prev-7", "old"),
            ("v4.20-g0007-aaaaaaaaaaaa", "new"),
            (&hold, "new")
        ]),
        0
    );
    assert_eq!(with(&[("v4.20", "third")]), 1);
    assert_eq!(with(&[("v4.20", "old"), ("v4.20-prev-8", "new")]), 1);
    assert_eq!(with(&[("v4.20", "old"), ("v4.20-g0007-aaaaaaaaaaaa", "old")]), 1);
}
