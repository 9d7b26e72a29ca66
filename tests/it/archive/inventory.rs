//! Inventories that a trusted key signed and that are wrong all the same (T19, T22, T23), and limits at their edge.

use ombundle::archive::{
    ArchiveError, EntryPath, Inventory, MetaName, Moment, Name, Prerequisite, RawInventory, Text,
};
use ombundle::digest::Digest;
use ombundle::limits::{LIMITS, Limits};
use ombundle::trust::Payload as _;
use ombundle::verify::Policy;
use serde_json::{Value, json};

use super::world::{World, codes, frame, key, members, now, trust};

/// What reading says to these bytes when the right key signed them.
fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Inventory, ArchiveError> {
    let raw = RawInventory::new(bytes);
    let signature = key(1).sign(&raw);
    Inventory::parse(&trust(&[1], 1).verify(raw, &[signature]).unwrap(), limits)
}

fn world() -> World {
    let mut world = World::with_layers(&[vec![1; 600], vec![2; 10]]);
    world.draft.prerequisites = vec![prerequisite(b"p", "quay.io/a/b"), prerequisite(b"q", "quay.io/a/b")];
    world
}

fn prerequisite(bytes: &[u8], source: &str) -> Prerequisite {
    Prerequisite { digest: Digest::of(bytes), manifest: false, size: 5, source: source.parse().unwrap() }
}

fn good() -> Vec<u8> {
    world().blueprint().inventory().raw().bytes().to_vec()
}

/// T22: the bytes are refused although each means something to some reader. None gets as far as a rule.
#[test]
fn t22_json_that_readers_disagree_about_is_refused() {
    let text = String::from_utf8(good()).unwrap();
    assert!(parse(good(), &LIMITS).is_ok());
    let mut deep = text.clone();
    deep.insert_str(1, &format!("\"a\":{}{},", "[".repeat(100_000), "]".repeat(100_000)));
    let replaced = |from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("not JSON", b"ombundle".to_vec()),
        ("null", b"null".to_vec()),
        ("an array", format!("[{text}]").into_bytes()),
        ("a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("a space before", format!(" {text}").into_bytes()),
        ("a line break after", format!("{text}\n").into_bytes()),
        ("garbage after", format!("{text}\nxyz").into_bytes()),
        ("two documents", format!("{text}{text}").into_bytes()),
        ("a space inside", replaced("\"sequence\":7", "\"sequence\": 7").into()),
        ("a comment", replaced("\"sequence\":7", "\"sequence\":7/*x*/").into()),
        ("a key twice", replaced("\"sequence\":7", "\"sequence\":7,\"sequence\":8").into()),
        (
            "a key twice, once escaped",
            replaced("\"sequence\":7", "\"sequence\":7,\"\\u0073equence\":8").into(),
        ),
        ("a key in two cases", replaced("\"sequence\":7", "\"Sequence\":8,\"sequence\":7").into()),
        ("a key in capitals", replaced("\"sequence\":7", "\"SEQUENCE\":7").into()),
        ("an unknown key", replaced("\"sequence\":7", "\"priority\":1,\"sequence\":7").into()),
        ("a missing key", replaced("\"sequence\":7,", "").into()),
        ("keys in another order", {
            let moved = replaced("\"sequence\":7,", "");
            moved.replacen('{', "{\"sequence\":7,", 1).into()
        }),
        ("a whole float", replaced("\"sequence\":7", "\"sequence\":7.0").into()),
        ("an exponent", replaced("\"sequence\":7", "\"sequence\":7e0").into()),
        ("a negative number", replaced("\"sequence\":7", "\"sequence\":-7").into()),
        ("a negative zero", replaced("\"sequence\":7", "\"sequence\":-0").into()),
        ("a leading zero", replaced("\"sequence\":7", "\"sequence\":07").into()),
        ("a plus", replaced("\"sequence\":7", "\"sequence\":+7").into()),
        ("not a number", replaced("\"sequence\":7", "\"sequence\":NaN").into()),
        ("a number as text", replaced("\"sequence\":7", "\"sequence\":\"7\"").into()),
        ("no number", replaced("\"sequence\":7", "\"sequence\":null").into()),
        ("more than 64 bits", replaced("\"sequence\":7", "\"sequence\":18446744073709551617").into()),
        (
            "a null for an absent field",
            replaced("\"prerequisites\":{", "\"predecessor\":null,\"prerequisites\":{").into(),
        ),
        ("an escape that is not needed", replaced("\"ombundle 0.1.0\"", "\"ombundle\\u00200.1.0\"").into()),
        ("an escaped solidus", replaced("\"text/plain\"", "\"text\\/plain\"").into()),
        ("a zero in a text", replaced("\"ombundle 0.1.0\"", "\"ombundle\\u00000.1.0\"").into()),
        ("half a surrogate", replaced("\"ombundle 0.1.0\"", "\"ombundle\\ud800\"").into()),
        ("bytes that are not UTF-8", {
            let mut bytes = good();
            let at = text.find("ombundle 0.1.0").unwrap();
            bytes[at] = 0xff;
            bytes
        }),
        ("a digest in capitals", text.replacen("sha256:", "SHA256:", 1).into()),
        ("a hundred thousand brackets", deep.into()),
    ];
    for (name, bytes) in cases {
        let error = parse(bytes, &LIMITS).err();
        assert!(
            matches!(error, Some(ArchiveError::Malformed(_) | ArchiveError::NotCanonical { .. })),
            "{name}: {error:?}"
        );
    }
}

/// Changes one place of a good inventory, keeping it canonical, and says why it is refused.
fn broken(change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_slice(&good()).unwrap();
    change(&mut value);
    match parse(serde_json::to_vec(&value).unwrap(), &LIMITS) {
        Ok(_) => "nothing".to_owned(),
        Err(ArchiveError::Malformed(why)) => why.to_string(),
        Err(error) => error.to_string(),
    }
}

fn swap(list: &mut Value, a: usize, b: usize) {
    list.as_array_mut().unwrap().swap(a, b);
}

fn double(list: &mut Value, index: usize) {
    let list = list.as_array_mut().unwrap();
    list.insert(index, list[index].clone());
}

type Change = fn(&mut Value);

#[test]
fn every_rule_is_kept() {
    assert_eq!(broken(|_| ()), "nothing");
    let cases: [(&str, Change); 52] = [
        ("mediaType must be", |v| v["mediaType"] = "application/json".into()),
        ("needs a program that reads version 2", |v| v["format"] = 2.into()),
        ("needs a program that reads version 3", |v| v["minReader"] = 3.into()),
        ("format must be 1", |v| v["format"] = 0.into()),
        ("format must be 1", |v| v["minReader"] = 0.into()),
        ("relies on the extension `sparse`", |v| v["critical"] = json!(["sparse"])),
        ("needs a program that reads version 2", |v| {
            v["minReader"] = 2.into();
            v["later"] = json!({"anything": [1]});
        }),
        ("relies on the extension `later`", |v| {
            v["critical"] = json!(["later"]);
            v["later"] = true.into();
        }),
        ("sequence must be between", |v| v["sequence"] = 0.into()),
        ("sequence must be between", |v| v["sequence"] = (1_u64 << 53).into()),
        ("predecessor must have a lower", |v| {
            v["predecessor"] = json!({"inventory": Digest::of(b""), "sequence": 7});
        }),
        ("expires must be after", |v| v["expires"] = v["notBefore"].clone()),
        ("signers must be one key at least", |v| v["signers"] = json!([])),
        ("signers must be one key at least", |v| double(&mut v["signers"], 0)),
        ("entryCount must be", |v| v["entryCount"] = 1.into()),
        ("prerequisites.count must be", |v| v["prerequisites"]["count"] = 1.into()),
        ("entries must be in the order", |v| swap(&mut v["entries"], 0, 1)),
        ("entries must be in the order", |v| swap(&mut v["entries"], 4, 5)),
        ("entryCount must be", |v| double(&mut v["entries"], 4)),
        ("entries must be in the order", |v| {
            double(&mut v["entries"], 4);
            v["entryCount"] = 8.into();
        }),
        ("must have a role that suits", |v| v["entries"][0]["role"] = "blob".into()),
        ("must have a role that suits", |v| v["entries"][1]["role"] = "manifest".into()),
        ("must have a role that suits", |v| v["entries"][2]["role"] = "later".into()),
        ("must have a role that suits", |v| v["entries"][4]["role"] = "later".into()),
        ("is not a name", |v| v["entries"][1]["role"] = "Plan".into()),
        ("unknown variant `gzip`", |v| v["entries"][4]["coding"] = "gzip".into()),
        ("must not be larger than 9007199254740991", |v| v["entries"][4]["size"] = (1_u64 << 53).into()),
        ("must have the digest that its path says", |v| v["entries"][4]["digest"] = json!(Digest::of(b""))),
        ("bytes in one meta entry", |v| v["entries"][1]["size"] = ((256_u64 << 20) + 1).into()),
        ("SHA256SUMS must be what follows", |v| v["entries"][0]["size"] = 1.into()),
        ("SHA256SUMS must be what follows", |v| v["entries"][0]["digest"] = json!(Digest::of(b""))),
        ("SHA256SUMS must be what follows", |v| v["entries"][1]["digest"] = json!(Digest::of(b""))),
        ("SHA256SUMS must have the media type", |v| v["entries"][0]["mediaType"] = "text/html".into()),
        ("is not a media type", |v| v["entries"][1]["mediaType"] = "json".into()),
        ("is not the path of an entry", |v| v["entries"][1]["path"] = "bin/sh".into()),
        ("is not a name below `meta/`", |v| v["entries"][1]["path"] = "meta/../sh".into()),
        ("kind must be", |v| v["kind"] = "full".into()),
        ("kind must be", |v| v["prerequisites"] = json!({"count": 0, "list": []})),
        ("prerequisites must be sorted", |v| swap(&mut v["prerequisites"]["list"], 0, 1)),
        ("prerequisites must not give two sizes", |v| {
            double(&mut v["prerequisites"]["list"], 0);
            v["prerequisites"]["count"] = 3.into();
            v["prerequisites"]["list"][1]["source"] = "quay.io/a/c".into();
            v["prerequisites"]["list"][1]["size"] = 6.into();
        }),
        ("prerequisites must not be larger", |v| {
            v["prerequisites"]["list"][0]["size"] = (1_u64 << 53).into();
        }),
        ("roots must be sorted", |v| double(&mut v["roots"], 0)),
        ("must have a reason", |v| v["roots"][0]["reasons"] = json!([])),
        ("is not a line of text", |v| v["roots"][0]["reasons"] = json!(["a\u{202e}b"])),
        ("must list platforms and upstream signatures sorted", |v| {
            v["roots"][0]["platforms"] = json!(["linux/arm64", "linux/amd64"]);
        }),
        ("oci/index.json must be what follows", |v| v["roots"][0]["source"] = "evil.example/a".into()),
        ("oci/index.json must be what follows", |v| v["roots"][0]["tag"] = "latest".into()),
        ("catalogs must be sorted", |v| double(&mut v["catalogs"], 0)),
        ("must have its change among the entries", |v| v["catalogs"][0]["delta"] = "elsewhere".into()),
        ("is not a point in time", |v| v["created"] = "2026-01-01T00:00:00+00:00".into()),
        ("totalSize must be the size", |v| v["totalSize"] = 0.into()),
        ("is not a key id", |v| v["signers"][0] = "signer".into()),
    ];
    for (expected, change) in cases {
        let found = broken(change);
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}

/// Rules on roots that would show in `oci/index.json` too: the draft is what is wrong.
#[test]
fn a_draft_keeps_the_same_rules() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 8] = [
        ("must be carried, or be a prerequisite", |w| w.draft.roots[0].digest = Digest::of(b"x")),
        ("must agree with its entry in size", |w| w.draft.roots[0].size += 1),
        ("must be carried as a manifest", |w| {
            w.draft.blobs.iter_mut().for_each(|blob| blob.manifest = false);
        }),
        ("must be there once", |w| w.draft.meta.extend(w.draft.meta.clone())),
        ("must not have two sizes", |w| {
            let mut blob = w.draft.blobs[0].clone();
            blob.size += 1;
            w.draft.blobs.push(blob);
        }),
        ("must not stand below another entry", |w| {
            let mut meta = w.draft.meta[0].clone();
            meta.name = "catalog".parse().unwrap();
            w.draft.meta.push(meta);
        }),
        ("signers must be one key at least", |w| w.draft.signers.clear()),
        ("bytes, more than", |w| w.draft.blobs.iter_mut().for_each(|blob| blob.size = (1 << 53) - 1)),
    ];
    for (expected, change) in cases {
        let mut world = World::small();
        change(&mut world);
        let error = world.draft.seal(&LIMITS).unwrap_err().to_string();
        assert!(error.contains(expected), "expected `{expected}`, found `{error}`");
    }
}

#[test]
fn t19_limits_hold_at_their_edge() {
    type Set = fn(&mut Limits, u64);
    let world = world();
    let inventory = world.blueprint().inventory().clone();
    let set: [(&str, u64, Set); 3] = [
        ("bytes of inventory", good().len() as u64, |limits, n| limits.inventory_bytes = n),
        ("entries", inventory.entry_count, |limits, n| limits.archive_entries = n),
        ("bytes in one meta entry", 2, |limits, n| limits.meta_bytes = n),
    ];
    for (what, edge, set) in set {
        for (limit, fine) in [(edge - 1, false), (edge, true), (edge + 1, true), (0, false), (u64::MAX, true)]
        {
            let mut limits = LIMITS;
            set(&mut limits, limit);
            let outcome = parse(good(), &limits);
            assert_eq!(outcome.is_ok(), fine, "{what} with limit {limit}");
            if let Err(error) = outcome {
                assert!(error.to_string().contains(what), "{error}");
            }
        }
    }
    let keys: Vec<u8> = (1..=16).collect();
    assert_eq!(codes(&world.pack(&keys), &trust(&keys, 16), &Policy::at(now())), [""; 0]);
    let mut many = world.clone();
    many.draft.signers = (1..=17).map(|n| key(n).public().id()).collect();
    assert!(many.draft.seal(&LIMITS).is_err());
}

/// The size of the inventory and the number of signatures are bounded before anything is believed.
#[test]
fn t19_the_front_is_bounded_before_memory_is_taken() {
    use ombundle::archive::header;
    let good = members(&World::small().pack(&[1]));
    let magic = frame(&good[..1]);
    let magic = &magic[..1024];
    for (size, expected) in [
        ((32 << 20) + 1, "TOO_LARGE"),
        (32 << 20, "WRONG_SIZE"),
        (1 << 53, "TOO_LARGE"),
        (u64::MAX, "TOO_LARGE"),
        (1000, "WRONG_SIZE"),
    ] {
        let bytes = [magic, &header("inventory.json", size)].concat();
        assert_eq!(codes(&bytes, &trust(&[1], 1), &Policy::at(now())), [expected], "{size}");
    }
    for (count, expected) in [(16, "NOT_TRUSTED"), (17, "TOO_LARGE"), (1000, "TOO_LARGE")] {
        let mut all = good[..2].to_vec();
        all.extend((0..count).map(|n| (format!("sig/{n:064x}.sig"), vec![0; 64])));
        all.extend(good[3..].to_vec());
        assert_eq!(codes(&frame(&all), &trust(&[1], 1), &Policy::at(now())), [expected], "{count}");
    }
}

#[test]
fn another_version_is_said_to_be_one() {
    let good = members(&World::small().pack(&[1]));
    for (magic, expected) in [
        ("ombundle/2\n", "NEWER_FORMAT"),
        ("ombundle/10\n", "NEWER_FORMAT"),
        ("ombundle/1.1\n", "NEWER_FORMAT"),
        ("ombundle/1", "NOT_AN_ARCHIVE"),
        ("", "NOT_AN_ARCHIVE"),
    ] {
        let mut members = good.clone();
        members[0].1 = magic.as_bytes().to_vec();
        let refused = codes(&frame(&members), &trust(&[1], 1), &Policy::at(now()));
        assert!(
            refused == [expected] || refused == ["HEADER_CHANGED"] && expected == "NOT_AN_ARCHIVE",
            "{magic:?}: {refused:?}"
        );
    }
}

/// T23 and T15: one grammar for every name.
#[test]
fn t23_names_that_a_file_system_could_misread_are_none() {
    let long = "a".repeat(65);
    for name in [
        "",
        "A",
        "a/",
        "/a",
        "a//b",
        "..",
        "a/../b",
        ".",
        "a/.",
        ".a",
        "a.",
        "a ",
        " a",
        "a b",
        "a\\b",
        "a:b",
        "a*",
        "a\0b",
        "a\nb",
        "con",
        "con.json",
        "aux",
        "nul.txt",
        "prn",
        "com1",
        "lpt9.log",
        "a/com0/b",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{131}",
        "\u{df}",
        "\u{ff41}",
        "a\u{200b}b",
        "a\u{202e}b",
        "\u{430}",
        "-a",
        "a-",
        "_a",
        &long,
    ] {
        assert!(name.parse::<MetaName>().is_err(), "{name:?} was taken");
        assert!(format!("meta/{name}").parse::<EntryPath>().is_err(), "meta/{name:?} was taken");
    }
    for name in ["a", "catalog/redhat-operator-index.json", "0.a_b-c", "console", "com", "com10", &long[..64]]
    {
        assert!(name.parse::<MetaName>().is_ok(), "{name:?} was refused");
    }
    let hex = "0".repeat(64);
    for path in [
        "sha256sums",
        "SHA256SUMS/",
        "oci/Index.json",
        "oci/index.json ",
        "oci/blobs/sha256/",
        "oci/blobs/sha512/00",
        &format!("oci/blobs/sha256/{}", &hex[1..]),
        &format!("oci/blobs/sha256/{hex}0"),
        &format!("oci/blobs/sha256/{}", "A".repeat(64)),
        &format!("./oci/blobs/sha256/{hex}"),
        "ombundle",
        "inventory.json",
        "meta",
        "",
    ] {
        assert!(path.parse::<EntryPath>().is_err(), "{path:?} was taken");
    }
    for name in ["", "Scada", "scada a", "a/b", "scada.", "\u{430}", &long] {
        assert!(name.parse::<Name>().is_err(), "{name:?} was taken");
    }
}

#[test]
fn t26_texts_hold_nothing_that_moves_a_cursor() {
    for bad in [
        "",
        "a\nb",
        "a\rb",
        "\x1b[2J",
        "a\x7f",
        "a\u{85}b",
        "a\u{9b}b",
        "\u{200e}",
        "\u{202e}",
        "\u{2066}",
        "\u{feff}",
        "a\u{200d}b",
        "\u{2028}",
        "\u{e0041}",
        &"a".repeat(1025),
    ] {
        assert!(bad.parse::<Text>().is_err(), "{bad:?} was taken");
        let tamed = Text::tamed(bad);
        assert_eq!(tamed.as_str().parse::<Text>().unwrap(), tamed);
    }
    assert_eq!(Text::tamed("a\nb").as_str(), "a?b");
    for good in ["web-terminal 1.8.0 \u{2192} 1.15.0", "\u{c6b4}\u{c601}", "a"] {
        assert_eq!(Text::tamed(good).as_str(), good);
    }
}

#[test]
fn points_in_time_have_one_spelling() {
    let good = "2026-02-01T00:00:00Z";
    assert_eq!(good.parse::<Moment>().unwrap().to_string(), good);
    assert_eq!(Moment::from_unix(0).unwrap().to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(Moment::from_unix(good.parse::<Moment>().unwrap().unix()), good.parse().ok());
    assert_eq!(Moment::from_unix(i64::MAX), None);
    for bad in [
        "",
        "2026-02-01",
        "2026-02-01T00:00:00",
        "2026-02-01t00:00:00z",
        "2026-02-01 00:00:00Z",
        "2026-02-01T00:00:00.0Z",
        "2026-02-01T00:00:00+00:00",
        "2026-02-30T00:00:00Z",
        "2026-02-01T24:00:00Z",
        "2026-02-01T00:00:60Z",
        "20260201T000000Z",
        "-002026-02-01T00:00Z",
    ] {
        assert!(bad.parse::<Moment>().is_err(), "{bad:?} was taken");
    }
}
