//! The page without a browser: what it says, how large it gets, and that it is the same for the same plan.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::html::said;
use super::message::{Drawing, Message};
use super::{Language, Occasion, page};
use crate::digest::Digest;
use crate::draw::{Key, Mark, Note, Stroke};
use crate::finding::Finding;
use crate::limits::LIMITS;
use crate::papers::{Sealed, spoken};
use crate::plan::Plan;

/// The most bytes that a page for 2,000 images may have.
const PAGE_BYTES: usize = 3_000_000;

fn digest(of: &str) -> String {
    Digest::of(of.as_bytes()).to_string()
}

fn image(kind: &str, source: &str, name: &str, bytes: u64) -> Value {
    let object = |of: &str, size: u64| json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(of), "size": size});
    json!({"kind": kind, "source": source, "root": object(name, 500), "reasons": [format!("`{name}` needs it")],
        "manifests": [object(name, 500)], "blobs": [object(&format!("{name} layer"), bytes)]})
}

fn item(image: &Value, bytes: u64) -> Value {
    json!({"kind": image["kind"], "source": image["source"], "digest": image["root"]["digest"], "bytes": bytes, "reason": ""})
}

/// A plan for so many packages of so many versions, each with so many images.
fn plan(packages: usize, versions: usize, images: usize) -> Plan {
    let (mut delivered, mut delta, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for package in 0..packages {
        let name = format!("operator-{package}");
        let csv = |version: usize| format!("{name}.v1.{version}.0");
        let hop = |version: usize| {
            json!({"name": csv(version), "version": format!("1.{version}.0"), "from": csv(version - 1), "channel": "stable",
                "edge": "replaces", "reason": format!("`{}` replaces `{}`", csv(version), csv(version - 1))})
        };
        delivered.push(json!({"name": name, "reason": "asked for", "installed": csv(0), "hops":
            (1..=versions).map(hop).collect::<Vec<_>>(), "bundles": (1..=versions).map(csv).collect::<Vec<_>>()}));
        delta.push(json!({"schema": "olm.package", "name": name, "defaultChannel": "stable"}));
        let entry = |version: usize| json!({"name": csv(version), "replaces": csv(version - 1)});
        delta.push(json!({"schema": "olm.channel", "package": name, "name": "stable",
            "entries": (1..=versions).map(entry).collect::<Vec<_>>()}));
        for version in 1..=versions {
            let source = format!("registry.example/team/{name}-component");
            let related: Vec<Value> = (0..images)
                .map(|number| image("related", &source, &format!("{}-{number}", csv(version)), 5_000_000))
                .collect();
            let named = |it: &Value| json!({"name": "", "image": format!("{source}@{}", it["root"]["digest"].as_str().unwrap())});
            delta.push(json!({"schema": "olm.bundle", "package": name, "name": csv(version),
                "image": format!("{source}@{}", digest(&csv(version))), "properties": [
                    {"type": "olm.package", "value": {"packageName": name, "version": format!("1.{version}.0")}}],
                "relatedImages": related.iter().map(named).collect::<Vec<_>>()}));
            all.extend(related);
        }
    }
    let items: Vec<Value> = all.iter().map(|image| item(image, 5_000_000)).collect();
    let plan = json!({"format": "ombundle.plan/v1", "tool": "ombundle test", "created": "2026-03-01T08:30:00Z",
        "expires": "2027-03-01T08:30:00Z", "channel": "scada-a", "target": "scada-a", "sequence": 7, "platforms": ["linux/amd64"],
        "request": digest("request"), "images": all, "items": items, "prerequisites": [], "requests": 9, "findings": [],
        "bytes": {"download": 1_000, "carry": 2_000_000, "store": 3_000},
        "catalogs": [{"source": "registry.example/index:v4.20", "digest": digest("index"), "packages": delivered, "delta": delta,
            "evidence": []}]});
    serde_json::from_value(plan).unwrap()
}

fn sealed() -> Sealed {
    Sealed {
        name: "upgrade.ombundle".into(),
        inventory: Digest::of(b"inventory"),
        size: 2_000_500,
        signers: vec![Digest::of(b"key").hex().parse().unwrap()],
        volumes: Vec::new(),
    }
}

fn shown(plan: &Plan, sealed: Option<&Sealed>, notes: &[Finding]) -> String {
    let occasion = Occasion { plan_digest: Digest::of(b"plan"), sealed, notes, language: Language::Korean };
    page(plan, &occasion, &LIMITS)
}

#[test]
fn a_page_for_two_thousand_images_can_be_sent() {
    let plan = plan(40, 5, 10);
    assert_eq!(plan.images.len(), 2_000);
    let page = shown(&plan, Some(&sealed()), &[]);
    assert!(page.len() <= PAGE_BYTES, "{}", page.len());
    // Every image is there, and the drawings are.
    assert!(plan.images.iter().all(|image| page.contains(&image.root.digest.to_string())));
    assert!(page.matches("<svg xmlns").count() >= 40, "{}", page.matches("<svg xmlns").count());
}

#[test]
fn graphs_beyond_what_fits_are_told_in_words() {
    let page = shown(&plan(2, 200, 1), None, &[]);
    assert_eq!(page.matches("<svg xmlns").count(), 0);
    assert!(page.contains("The graph has 201 entries"), "{page}");
    // Many small ones stop where the page would get too large.
    let page = shown(&plan(200, 10, 1), None, &[]);
    let drawn = page.matches("<svg xmlns").count();
    assert!((90..200).contains(&drawn), "{drawn}");
    assert!(page.len() <= PAGE_BYTES, "{}", page.len());
}

#[test]
fn it_says_what_people_compare() {
    let sealed = sealed();
    let page = shown(&plan(1, 2, 1), Some(&sealed), &[]);
    for digest in [sealed.inventory, Digest::of(b"plan")] {
        let groups = spoken(&digest).replace(' ', "</b> <b>");
        assert!(page.contains(&format!("<b>{groups}</b>")), "{page}");
    }
    assert!(page.contains(&sealed.signers[0].fingerprint()));
    // The same groups stand at the foot of each sheet.
    assert!(page.contains(&format!("@bottom-left{{content:\"{}\"}}", spoken(&sealed.inventory))), "{page}");
    assert!(page.contains(">1.0.0</td><td class=\"to\">1.2.0</td>"), "{page}");
    assert_eq!(page, shown(&plan(1, 2, 1), Some(&sealed), &[]));
}

#[test]
fn findings_and_notes_stand_together_the_worst_first() {
    let notes = [
        Finding::info("GOOD", "it", "is `good` to know"),
        Finding::warning("EXPIRED", "the archive", "is too old"),
    ];
    let page = shown(&plan(1, 1, 1), None, &notes);
    let (bad, good) = (page.find("EXPIRED").unwrap(), page.find("GOOD").unwrap());
    assert!(bad < good && page.contains("is <code>good</code> to know"), "{page}");
    assert!(!shown(&plan(1, 1, 1), None, &[]).contains("<ul class=\"findings\">"));
}

#[test]
fn every_language_has_words_for_what_a_legend_explains() {
    let strokes =
        [Stroke::Solid, Stroke::Dashed, Stroke::Dotted, Stroke::Double, Stroke::Link].map(Key::Stroke);
    let marks =
        [Mark::Installed, Mark::Target, Mark::Withheld, Mark::Absent, Mark::Deprecated].map(Key::Mark);
    for language in Language::ALL {
        let mut words: Vec<String> = strokes
            .into_iter()
            .chain(marks)
            .chain([Key::Path])
            .map(|key| said(&Message::Explained(key, Drawing::Channels), language))
            .collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 11, "{language}: {words:?}");
        assert_eq!(language.code().parse::<Language>().unwrap(), language);
    }
    assert_eq!(
        "fr".parse::<Language>().unwrap_err().to_string(),
        "`fr` is none of the languages of the page"
    );
}

#[test]
fn drawings_speak_the_languages_of_the_page() {
    let page = shown(&plan(1, 2, 1), None, &[]);
    for (code, words) in
        [("en", "default"), ("ko", "기본 채널"), ("zh", "默认通道"), ("ko", "목표"), ("zh", "目标")]
    {
        let spoken = page.split("<text lang=\"").any(|text| {
            text.starts_with(code) && text.split_once('>').is_some_and(|(_, rest)| rest.starts_with(words))
        });
        assert!(spoken, "{code}: {words}");
    }
    // A tip cannot be switched: it says all of them, and names once.
    assert!(page.contains("<title>operator-0.v1.2.0\ntarget / 목표 / 目标\n"), "{page}");
    let notes = [
        Note::Mark(Mark::Installed),
        Note::Mark(Mark::Target),
        Note::Mark(Mark::Head),
        Note::Mark(Mark::Deprecated),
        Note::Mark(Mark::Withheld),
        Note::Mark(Mark::Absent),
        Note::Default,
        Note::ReplacesAbsent { name: "a.v1".into() },
        Note::SkipsMany { count: 7 },
        Note::SkipsAbsent { count: 7 },
    ];
    for note in notes {
        let message = Message::Noted(note);
        let words: BTreeSet<String> =
            Language::ALL.into_iter().map(|language| said(&message, language)).collect();
        assert_eq!(words.len(), 3, "{message:?}");
    }
}

/// What is markup in one language is missing in another: a code span that one of them forgot.
#[test]
fn all_languages_name_the_same_commands() {
    let messages = [Message::Unsigned, Message::NotSigned, Message::NotDrawn { entries: 3 }];
    for message in messages {
        let names: Vec<Vec<String>> = Language::ALL
            .into_iter()
            .map(|language| {
                said(&message, language).split('`').skip(1).step_by(2).map(str::to_owned).collect()
            })
            .collect();
        assert!(!names[0].is_empty() && names.iter().all(|one| *one == names[0]), "{names:?}");
    }
}
