//! What an attacker without the key can do to a good archive, and what a site's policy refuses (T01, T04–T08, T10).

use std::sync::Arc;

use ombundle::archive::{Moment, Predecessor, Text};
use ombundle::digest::Digest;
use ombundle::fault::{Exit, Fault as _};
use ombundle::trust::{Payload as _, Signature};
use ombundle::verify::{Floor, Policy};
use serde_json::Value;

use super::world::{World, codes, frame, key, members, moment, now, trust, verify};

fn policy() -> Policy {
    Policy::at(now())
}

/// A place in a document.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value of the same kind, valid where that is easy.
fn other(value: &Value) -> Value {
    match value {
        Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
        Value::Bool(yes) => (!yes).into(),
        Value::Array(_) => vec!["x"].into(),
        Value::String(text) => {
            let mut text = text.clone().into_bytes();
            let last = text.iter_mut().rev().find(|c| c.is_ascii_alphanumeric()).unwrap();
            *last = if *last == b'0' { b'1' } else { b'0' };
            String::from_utf8(text).unwrap().into()
        }
        _ => Value::Null,
    }
}

/// P3: whatever is changed in the inventory, and with all hashes and sizes made to fit, the signature does not.
#[test]
fn p3_every_signed_field_changed_and_hashed_again_is_refused() {
    let mut world = World::small();
    world.draft.predecessor = Some(Predecessor { inventory: Digest::of(b"before"), sequence: 6 });
    let members = members(&world.pack(&[1]));
    let inventory: Value = serde_json::from_slice(&members[1].1).unwrap();
    assert_eq!(serde_json::to_vec(&inventory).unwrap(), members[1].1, "sorted, compact");
    let mut places = Vec::new();
    leaves(&inventory, "", &mut places);
    for place in &places {
        let mut changed = inventory.clone();
        let value = changed.pointer_mut(place).unwrap();
        *value = other(value);
        let mut members = members.clone();
        members[1].1 = serde_json::to_vec(&changed).unwrap();
        assert_eq!(codes(&frame(&members), &trust(&[1], 1), &policy()), ["BAD_SIGNATURE"], "{place}");
    }
    assert!(places.len() >= 60, "{} fields", places.len());
}

#[test]
fn t01_what_the_wrong_hand_signed_is_refused() {
    let world = World::small();
    let good = members(&world.pack(&[1]));
    let signature = |key: ombundle::trust::KeyId, bytes: &[u8]| (format!("sig/{key}.sig"), bytes.to_vec());
    let with = |signatures: Vec<(String, Vec<u8>)>| {
        let mut all = good[..2].to_vec();
        all.extend(signatures);
        all.extend(good[3..].to_vec());
        frame(&all)
    };
    let raw = world.blueprint().inventory().raw().clone();
    let (first, second) = (key(1).public().id(), key(2).public().id());
    let by = |number: u8| *key(number).sign(&raw).bytes();
    let foreign = by(2);
    let cases = [
        ("signed by a stranger", world.pack(&[2]), "NOT_TRUSTED"),
        ("no signature", with(vec![]), "UNSIGNED"),
        ("a stranger's signature", with(vec![signature(second, &foreign)]), "NOT_TRUSTED"),
        (
            "a stranger's signature under the signer's name",
            with(vec![signature(first, &foreign)]),
            "BAD_SIGNATURE",
        ),
        (
            "the signer's signature under a stranger's name",
            with(vec![signature(second, &by(1))]),
            "NOT_TRUSTED",
        ),
        ("a signature of zeros", with(vec![signature(first, &[0; 64])]), "BAD_SIGNATURE"),
        ("a short signature", with(vec![signature(first, &by(1)[..63])]), "HEADER_CHANGED"),
        ("an empty signature", with(vec![signature(first, &[])]), "HEADER_CHANGED"),
        (
            "a long signature",
            with(vec![signature(first, &[by(1).as_slice(), b"x"].concat())]),
            "HEADER_CHANGED",
        ),
        (
            "a name in capitals",
            with(vec![(format!("sig/{}.sig", first.to_string().to_uppercase()), by(1).to_vec())]),
            "HEADER_CHANGED",
        ),
        (
            "a name that is no key id",
            with(vec![("sig/signer.sig".to_owned(), by(1).to_vec())]),
            "HEADER_CHANGED",
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(codes(&bytes, &trust(&[1], 1), &policy()), [expected], "{name}");
    }
    let mut two = vec![signature(first, &by(1)), signature(second, &foreign)];
    two.sort();
    let added = codes(&with(two.clone()), &trust(&[1], 1), &policy());
    assert!(added.contains(&"OTHER_SIGNERS") && added.contains(&"WRONG_SIZE"), "{added:?}");
    two.reverse();
    assert_eq!(codes(&with(two), &trust(&[1], 1), &policy()), ["HEADER_CHANGED"]);
}

#[test]
fn t10_two_signatures_of_one_key_are_not_two() {
    let both = trust(&[1, 2], 2);
    assert_eq!(codes(&World::small().pack(&[1, 2]), &both, &policy()), [""; 0]);
    assert_eq!(codes(&World::small().pack(&[1]), &both, &policy()), ["NOT_TRUSTED"]);
    assert_eq!(codes(&World::small().pack(&[1, 3]), &both, &policy()), ["NOT_TRUSTED"]);
    let good = members(&World::small().pack(&[1, 2]));
    let (one, _) = if good[2].0.contains(&key(1).public().id().to_string()) { (2, 3) } else { (3, 2) };
    let replace = |content: Vec<u8>| {
        let mut members = good.clone();
        members[5 - one].1 = content;
        frame(&members)
    };
    assert_eq!(codes(&replace(good[one].1.clone()), &both, &policy()), ["BAD_SIGNATURE"]);
    let mut twice = good.clone();
    twice[5 - one] = good[one].clone();
    assert_eq!(codes(&frame(&twice), &both, &policy()), ["HEADER_CHANGED"]);
}

/// T07: parts of two genuine archives, which differ in every part and agree in every size.
#[test]
fn t07_parts_of_two_good_archives_do_not_mix() {
    let make = |letter: u8| {
        let mut world = World::with_layers(&[vec![letter; 700]]);
        world.draft.meta[0].bytes = vec![letter; 2];
        members(&world.pack(&[1]))
    };
    let (a, b) = (make(b'a'), make(b'b'));
    let sizes = |members: &[(String, Vec<u8>)]| members.iter().map(|(_, c)| c.len()).collect::<Vec<_>>();
    assert_eq!(sizes(&a), sizes(&b));
    let mut count = 0;
    for (ours, theirs) in [(&a, &b), (&b, &a)] {
        for index in 0..ours.len() {
            if ours[index] == theirs[index] {
                continue;
            }
            let mut one = ours.clone();
            one[index].clone_from(&theirs[index]);
            let mut content = ours.clone();
            content[index].1.clone_from(&theirs[index].1);
            let from_here = [&ours[..index], &theirs[index..]].concat();
            for mixed in [one, content, from_here] {
                if mixed == *theirs || mixed == *ours {
                    continue;
                }
                let refused = codes(&frame(&mixed), &trust(&[1], 1), &policy());
                assert!(!refused.is_empty(), "{}", ours[index].0);
                count += 1;
            }
        }
    }
    assert!(count >= 14, "{count} splices");
}

#[test]
fn t03_entries_missing_doubled_swapped_or_added_are_refused() {
    let good = members(&World::with_layers(&[vec![1; 512], vec![2; 512]]).pack(&[1]));
    let trust = trust(&[1], 1);
    let refused = |members: &[(String, Vec<u8>)], what: &str| {
        assert!(!codes(&frame(members), &trust, &policy()).is_empty(), "{what}");
    };
    for index in 0..good.len() {
        let mut members = good.clone();
        members.remove(index);
        refused(&members, &format!("without {}", good[index].0));
        let mut members = good.clone();
        members.insert(index, good[index].clone());
        refused(&members, &format!("{} twice", good[index].0));
        let mut members = good.clone();
        members.insert(index, ("meta/added".to_owned(), b"x".to_vec()));
        refused(&members, &format!("added before {}", good[index].0));
        for with in 0..index {
            let mut members = good.clone();
            members.swap(index, with);
            refused(&members, &format!("{} and {} swapped", good[index].0, good[with].0));
            let mut members = good.clone();
            let content = members[with].1.clone();
            members[with].1 = std::mem::replace(&mut members[index].1, content);
            refused(&members, &format!("contents of {} and {} swapped", good[index].0, good[with].0));
        }
    }
    let bytes = frame(&good);
    for tail in [&b"x"[..], &[0; 1], &[0; 512], &[0; 1024], &bytes] {
        assert_eq!(codes(&[&bytes, tail].concat(), &trust, &policy()), ["WRONG_SIZE"]);
    }
    assert_eq!(codes(&[], &trust, &policy()), ["NOT_AN_ARCHIVE"]);
}

#[test]
fn damage_in_several_places_is_named_each() {
    let mut bytes = World::with_layers(&[vec![1; 600], vec![2; 600], vec![3; 600]]).pack(&[1]);
    let length = bytes.len();
    for back in [1024 + 1000, 1024 + 1536 + 1000, 5] {
        bytes[length - back] ^= 1;
    }
    let refused = verify(Arc::new(bytes), &trust(&[1], 1), &policy()).err().unwrap();
    let mut found: Vec<_> = refused.refusals().iter().map(|r| (r.code(), r.offset)).collect();
    found.sort_unstable();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!((found[2].0, found[2].1), ("PADDING_CHANGED", length as u64 - 5));
    assert_eq!(refused.exit(), Exit::Integrity);
    assert!(refused.findings().iter().all(|finding| finding.subject.contains(" at byte ")));
}

struct Case {
    name: &'static str,
    change: fn(&mut Policy),
    refused: &'static [&'static str],
    noted: &'static [&'static str],
}

fn floor(policy: &mut Policy, sequence: u64, inventory: &[u8]) {
    policy.floor = Some(Floor { sequence, inventory: Digest::of(inventory) });
}

/// The archive is generation 7 of channel and for site `scada-a`, follows generation 6 with inventory `before`, and is valid for
/// the first half of 2026.
const CASES: [Case; 25] = [
    Case { name: "nothing demanded", change: |_| (), refused: &[], noted: &["SITE_NOT_COMPARED"] },
    Case {
        name: "this site",
        change: |p| p.site = Some("scada-a".parse().unwrap()),
        refused: &[],
        noted: &[],
    },
    Case {
        name: "another site",
        change: |p| p.site = Some("scada-b".parse().unwrap()),
        refused: &["OTHER_SITE"],
        noted: &[],
    },
    Case {
        name: "a longer name",
        change: |p| p.site = Some("scada-a1".parse().unwrap()),
        refused: &["OTHER_SITE"],
        noted: &[],
    },
    Case {
        name: "this channel",
        change: |p| p.channel = Some("scada-a".parse().unwrap()),
        refused: &[],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "another channel",
        change: |p| p.channel = Some("default".parse().unwrap()),
        refused: &["OTHER_CHANNEL"],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "the one before was imported",
        change: |p| floor(p, 6, b"before"),
        refused: &[],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "another one before was imported",
        change: |p| floor(p, 6, b"other"),
        refused: &["OTHER_PREDECESSOR"],
        noted: &[],
    },
    Case {
        name: "one is skipped",
        change: |p| floor(p, 5, b"long ago"),
        refused: &[],
        noted: &["SITE_NOT_COMPARED", "GENERATIONS_SKIPPED"],
    },
    Case {
        name: "the same number, another archive",
        change: |p| floor(p, 7, b"other"),
        refused: &["FORK"],
        noted: &[],
    },
    Case {
        name: "older than imported",
        change: |p| floor(p, 8, b"newer"),
        refused: &["ROLLBACK"],
        noted: &[],
    },
    Case {
        name: "much older than imported",
        change: |p| floor(p, u64::MAX, b"newer"),
        refused: &["ROLLBACK"],
        noted: &[],
    },
    Case {
        name: "as far ahead as allowed",
        change: |p| {
            floor(p, 2, b"");
            p.jump = 5;
        },
        refused: &[],
        noted: &["SITE_NOT_COMPARED", "GENERATIONS_SKIPPED"],
    },
    Case {
        name: "one too far ahead",
        change: |p| {
            floor(p, 1, b"");
            p.jump = 5;
        },
        refused: &["SEQUENCE_JUMP"],
        noted: &[],
    },
    Case {
        name: "the first second",
        change: |p| p.now = moment("2026-01-01T00:00:00Z"),
        refused: &[],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "a second early",
        change: |p| p.now = moment("2025-12-31T23:59:59Z"),
        refused: &["NOT_YET_VALID"],
        noted: &[],
    },
    Case {
        name: "the last second",
        change: |p| p.now = moment("2026-06-30T23:59:59Z"),
        refused: &[],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "expired this second",
        change: |p| p.now = moment("2026-07-01T00:00:00Z"),
        refused: &["EXPIRED"],
        noted: &[],
    },
    Case {
        name: "after 2038",
        change: |p| p.now = moment("2038-01-19T03:14:08Z"),
        refused: &["EXPIRED"],
        noted: &[],
    },
    Case {
        name: "a clock that was never set",
        change: |p| p.now = moment("1970-01-01T00:00:00Z"),
        refused: &["NOT_YET_VALID"],
        noted: &[],
    },
    Case {
        name: "the clock stands still",
        change: |p| p.seen = Some(now()),
        refused: &[],
        noted: &["SITE_NOT_COMPARED"],
    },
    Case {
        name: "the clock went back",
        change: |p| p.seen = Some(moment("2026-02-01T00:00:01Z")),
        refused: &["CLOCK_BACK"],
        noted: &[],
    },
    Case {
        name: "the clock went back behind expiry",
        change: |p| {
            p.seen = Some(moment("2027-01-01T00:00:00Z"));
            p.now = moment("2026-08-01T00:00:00Z");
        },
        refused: &["CLOCK_BACK", "EXPIRED"],
        noted: &[],
    },
    Case {
        name: "expired and accepted",
        change: |p| {
            p.now = moment("2026-08-01T00:00:00Z");
            p.accept_time = Some(Text::tamed("outage"));
        },
        refused: &[],
        noted: &["SITE_NOT_COMPARED", "TIME_ACCEPTED"],
    },
    Case {
        name: "accepting the time accepts no rollback",
        change: |p| {
            floor(p, 8, b"");
            p.accept_time = Some(Text::tamed("outage"));
        },
        refused: &["ROLLBACK"],
        noted: &[],
    },
];

#[test]
fn t04_t06_t08_a_site_refuses_what_is_not_for_it_now() {
    let mut world = World::small();
    world.draft.predecessor = Some(Predecessor { inventory: Digest::of(b"before"), sequence: 6 });
    let bytes = world.pack(&[1]);
    for Case { name, change, refused, noted } in CASES {
        let mut policy = policy();
        change(&mut policy);
        assert_eq!(codes(&bytes, &trust(&[1], 1), &policy), refused, "{name}");
        if let Ok(archive) = verify(Arc::new(bytes.clone()), &trust(&[1], 1), &policy) {
            let codes: Vec<&str> = archive.notes().iter().map(|note| note.code.as_str()).collect();
            assert_eq!(codes, noted, "{name}");
        }
    }
    let mut policy = policy();
    policy.floor = Some(Floor { sequence: 7, inventory: world.blueprint().inventory().digest() });
    assert_eq!(codes(&bytes, &trust(&[1], 1), &policy), [""; 0], "the same archive once more");
}

#[test]
fn all_that_policy_refuses_is_said_at_once() {
    let mut policy = policy();
    policy.site = Some("elsewhere".parse().unwrap());
    policy.channel = Some("elsewhere".parse().unwrap());
    floor(&mut policy, 9, b"");
    policy.now = Moment::from_unix(0).unwrap();
    let bytes = World::small().pack(&[1]);
    let cut = &bytes[..bytes.len() - 1];
    let refused = verify(Arc::new(cut.to_vec()), &trust(&[1], 1), &policy).err().unwrap();
    let codes: Vec<&str> = refused.refusals().iter().map(ombundle::verify::Refusal::code).collect();
    assert_eq!(codes, ["OTHER_SITE", "OTHER_CHANNEL", "ROLLBACK", "NOT_YET_VALID", "WRONG_SIZE"]);
    assert_eq!(refused.exit(), Exit::Trust);
}

/// T09: the type of what is signed is part of what is signed.
#[test]
fn t09_a_signature_of_another_kind_of_document_does_not_fit() {
    struct Other(Vec<u8>);
    impl ombundle::trust::Payload for Other {
        const TYPE: &'static str = "application/vnd.ombundle.approval.v1+json";
        fn bytes(&self) -> &[u8] {
            &self.0
        }
    }
    let mut members = members(&World::small().pack(&[1]));
    let signed: Signature =
        key(1).sign(&Other(World::small().blueprint().inventory().raw().bytes().to_vec()));
    members[2].1 = signed.bytes().to_vec();
    assert_eq!(codes(&frame(&members), &trust(&[1], 1), &policy()), ["BAD_SIGNATURE"]);
}

/// One bit in each part of each member; `sweep` has all of them, and takes longer.
#[test]
fn t02_a_bit_in_every_part_of_every_member_is_refused() {
    let bytes = World::with_layers(&[vec![1; 600], vec![2; 10]]).pack(&[1]);
    let mut at = 0;
    for (path, content) in members(&bytes) {
        let end = at + 512 + content.len().next_multiple_of(512);
        let padding = (end > at + 512 + content.len()).then_some([at + 512 + content.len(), end - 1]);
        let places = [at, at + 511, at + 512, at + 511 + content.len()]
            .into_iter()
            .chain(padding.into_iter().flatten());
        for place in places {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x10;
            let refused = codes(&bytes, &trust(&[1], 1), &policy());
            assert_eq!(refused.len(), 1, "{path} at {place}: {refused:?}");
            if place >= at + 512 + content.len() {
                assert_eq!(refused, ["PADDING_CHANGED"], "{path} at {place}");
            }
        }
        at = end;
    }
    for place in [at, bytes.len() - 1] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        assert_eq!(codes(&bytes, &trust(&[1], 1), &policy()), ["PADDING_CHANGED"], "the end mark at {place}");
    }
}
