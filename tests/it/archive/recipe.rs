//! The auditor's recipe, run verbatim, comes to our verdict on good and bad archives (P15).

use std::path::Path;
use std::process::Command;

use ombundle::archive::Moment;
use ombundle::verify::{Policy, recipe};

use super::world::{World, codes, frame, key, members, moment, trust};

/// Runs the recipe in this folder; its output and whether it verified.
fn audit(folder: &Path, archive: &str, keys: &[&str], threshold: usize) -> (bool, String) {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    std::fs::write(folder.join("recipe.sh"), recipe(&[archive.to_owned()], &[], &keys, threshold)).unwrap();
    let output = Command::new("bash").arg("recipe.sh").current_dir(folder).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), text.starts_with("VERIFIED "), "{text}");
    (output.status.success(), text)
}

/// This machine's clock, so that the recipe and we judge by the same.
fn clock() -> Moment {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Moment::from_unix(i64::try_from(now.as_secs()).unwrap()).unwrap()
}

fn valid_now() -> World {
    let mut world = World::with_layers(&[vec![1; 512], vec![2; 700], vec![]]);
    (world.draft.created, world.draft.not_before) = (clock(), clock());
    world.draft.expires = moment("2999-01-01T00:00:00Z");
    world
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn p15_stock_tools_come_to_the_same_verdict() {
    let world = valid_now();
    let good = world.pack(&[1]);
    let listed = members(&good);
    let end = good.len();
    let mut starts = vec![0];
    for (_, content) in &listed {
        starts.push(starts.last().unwrap() + 512 + content.len().next_multiple_of(512));
    }
    let without = |index: usize| {
        let mut members = listed.clone();
        members.remove(index);
        frame(&members)
    };
    let twice = |index: usize| {
        let mut members = listed.clone();
        members.insert(index, listed[index].clone());
        frame(&members)
    };
    let swapped = {
        let mut members = listed.clone();
        members.swap(7, 8);
        frame(&members)
    };
    let resigned = {
        let mut members = listed.clone();
        let text = String::from_utf8(members[1].1.clone()).unwrap();
        members[1].1 = text.replace("\"sequence\":7", "\"sequence\":8").into_bytes();
        frame(&members)
    };
    let mut expired = world.clone();
    expired.draft.not_before = moment("2020-01-01T00:00:00Z");
    expired.draft.expires = moment("2020-01-02T00:00:00Z");
    let mut early = world.clone();
    early.draft.not_before = moment("2998-01-01T00:00:00Z");
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("no tar", b"ombundle".to_vec()),
        ("another tar", frame(&[("a".to_owned(), b"A".to_vec())])),
        ("a bit in the magic", flip(&good, 515)),
        ("a bit in the inventory", flip(&good, starts[1] + 600)),
        ("a bit in the signature", flip(&good, starts[2] + 520)),
        ("a bit in the list", flip(&good, starts[3] + 520)),
        ("a bit in a blob", flip(&good, starts[8] + 520)),
        ("a bit in a name", flip(&good, starts[8] + 30)),
        ("a bit in a mode", flip(&good, starts[8] + 106)),
        ("a bit in a time", flip(&good, starts[8] + 146)),
        ("a bit in an owner's name", flip(&good, starts[8] + 266)),
        ("a bit in a checksum", flip(&good, starts[8] + 153)),
        ("a bit in padding", flip(&good, starts[4] + 512 + 100)),
        ("a bit in the inventory's padding", flip(&good, starts[2] - 1)),
        ("a bit in the end mark", flip(&good, end - 1)),
        ("cut in a blob", good[..starts[8] + 600].to_vec()),
        ("cut between members", good[..starts[8]].to_vec()),
        ("without end mark", good[..end - 1024].to_vec()),
        ("half an end mark", good[..end - 512].to_vec()),
        ("a byte after the end", [&good[..], b"x"].concat()),
        ("zeros after the end", [&good[..], &[0; 9216]].concat()),
        ("the archive twice", [&good[..], &good].concat()),
        ("without the last blob", without(listed.len() - 1)),
        ("without the list", without(3)),
        ("without signature", without(2)),
        ("two inventories", twice(1)),
        ("two lists", twice(3)),
        ("a blob twice", twice(8)),
        ("two blobs swapped", swapped),
        ("a changed inventory", resigned),
        ("another key", world.pack(&[2])),
        ("expired", expired.pack(&[1])),
        ("not yet valid", early.pack(&[1])),
    ];
    assert!(bad.len() >= 20);
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("signer.pub"), key(1).public().to_pem().unwrap()).unwrap();
    let ours = |bytes: &[u8]| codes(bytes, &trust(&[1], 1), &Policy::at(clock()));
    std::fs::write(at.join("good.ombundle"), &good).unwrap();
    assert_eq!(ours(&good), [""; 0]);
    let (verified, text) = audit(at, "good.ombundle", &["signer.pub"], 1);
    assert!(verified, "{text}");
    assert!(text.contains("channel scada-a, generation 7, for scada-a, signed by "), "{text}");
    for (name, bytes) in bad {
        std::fs::write(at.join("bad.ombundle"), &bytes).unwrap();
        assert_ne!(ours(&bytes), [""; 0], "{name}: taken by us");
        let (verified, text) = audit(at, "bad.ombundle", &["signer.pub"], 1);
        assert!(!verified && text.starts_with("REFUSED: "), "{name}: {text}");
    }
}

#[test]
fn p15_stock_tools_count_keys_as_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for number in 1..=3 {
        let name = format!("it's {number}.pub");
        std::fs::write(at.join(name), key(number).public().to_pem().unwrap()).unwrap();
    }
    let files = ["it's 1.pub", "it's 2.pub", "it's 3.pub"];
    let mut world = valid_now();
    world.draft.target = None;
    for (name, signed, trusted, threshold, expected) in [
        ("both", &[1, 2][..], &[1, 2][..], 2, true),
        ("one is enough", &[1, 3], &[1, 2], 1, true),
        ("one of two", &[1], &[1, 2], 2, false),
        ("one of two, and a stranger", &[1, 3], &[1, 2], 2, false),
    ] {
        std::fs::write(at.join("-a'b c.ombundle"), world.pack(signed)).unwrap();
        let keys: Vec<&str> = trusted.iter().map(|n| files[usize::from(*n) - 1]).collect();
        let (verified, text) = audit(at, "-a'b c.ombundle", &keys, threshold);
        assert_eq!(verified, expected, "{name}: {text}");
        let ours = codes(&world.pack(signed), &trust(trusted, threshold), &Policy::at(clock())).is_empty();
        assert_eq!(ours, expected, "{name}");
    }
    let (verified, text) = audit(at, "-a'b c.ombundle", &[files[0], files[0]], 2);
    assert!(!verified && text.contains("listed twice"), "{text}");
}
