//! Tars that stock readers disagree about: refused alone, behind a good inventory, and after a good archive (T16, T17).

use std::fmt::Write as _;
use std::path::PathBuf;

use ombundle::archive::header;
use ombundle::verify::Policy;

use super::world::{World, codes, frame, members, now, trust};

/// A header with some bytes set and the checksum made right.
fn record(path: &str, size: u64, patches: &[(usize, &[u8])]) -> Vec<u8> {
    let mut block = header(path, size).to_vec();
    for (offset, bytes) in patches {
        block[*offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let mut text = String::new();
    write!(text, "{sum:06o}\0 ").unwrap();
    block[148..156].copy_from_slice(text.as_bytes());
    block
}

fn content(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(512), 0);
    padded
}

fn file(path: &str, bytes: &[u8], patches: &[(usize, &[u8])]) -> Vec<u8> {
    [record(path, bytes.len() as u64, patches), content(bytes)].concat()
}

/// A PAX record list (POSIX.1-2001, "pax Header Block").
fn pax(kind: &[u8], fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in fields {
        let body = [name.as_bytes(), b"=", value, b"\n"].concat();
        let length = (1..1000).find(|n: &usize| n.to_string().len() + 1 + body.len() == *n).unwrap();
        list.extend(format!("{length} ").into_bytes());
        list.extend(body);
    }
    file("PaxHeaders/x", &list, &[(156, kind)])
}

const GNU: (usize, &[u8]) = (257, b"ustar  \0");

/// What may stand where the archive's own records should: named for its one defect.
fn records() -> Vec<(&'static str, Vec<u8>)> {
    let smuggled = file("smuggled", b"evil", &[]);
    vec![
        ("nothing at all", vec![]),
        ("half a header", header("a", 0)[..200].to_vec()),
        ("a zero block", vec![0; 512]),
        ("the end mark and more", [vec![0; 1024], smuggled.clone()].concat()),
        ("the same name twice", [file("a", b"A", &[]), file("a", b"B", &[])].concat()),
        (
            "names that differ in case",
            [file("Index.json", b"A", &[]), file("index.json", b"B", &[])].concat(),
        ),
        ("a path upwards", file("../escape", b"evil", &[])),
        ("an absolute path", file("/etc/escape", b"evil", &[])),
        ("a prefix upwards", file("escape", b"evil", &[(345, b"..")])),
        ("a path with a dot", file("./SHA256SUMS", b"evil", &[])),
        ("an empty path", file("", b"evil", &[])),
        ("a path with a zero inside", record("a", 0, &[(2, b"b")])),
        ("a path in escape sequences", file("\x1b[2J\x1b[31mOK", b"evil", &[])),
        ("a path with a line break", file("a\nb", b"evil", &[])),
        ("a symbolic link", record("d", 0, &[(156, b"2"), (157, b"/outside")])),
        ("a hard link", record("h", 0, &[(156, b"1"), (157, b"/etc/hostname")])),
        ("a device", record("c", 0, &[(156, b"3")])),
        ("a pipe", record("p", 0, &[(156, b"6")])),
        ("a folder", record("d/", 0, &[(156, b"5")])),
        ("a folder with content", [record("d/", 1024, &[(156, b"5")]), smuggled.clone()].concat()),
        ("a link with content", [record("s", 1024, &[(156, b"2"), (157, b"a")]), smuggled.clone()].concat()),
        ("a contiguous file", file("a", b"A", &[(156, b"7")])),
        ("an unknown type", file("q", b"Q", &[(156, b"Q")])),
        ("an old type of file", file("a", b"A", &[(156, b"\0")])),
        ("setuid", file("a", b"A", &[(100, b"0004755\0")])),
        ("another owner", file("a", b"A", &[(108, b"0001750\0")])),
        ("a time", file("a", b"A", &[(136, b"00000000001\0")])),
        ("an owner's name", file("a", b"A", &[(265, b"root")])),
        ("no magic", file("a", b"A", &[(257, &[0; 8])])),
        ("GNU magic", file("a", b"A", &[GNU])),
        ("a size with a space", record("a", 0, &[(124, b"0000000000 \0")])),
        (
            "a size in base 256 that octal could hold",
            file("a", b"A", &[(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")]),
        ),
        ("a huge size", record("a", 1 << 62, &[])),
        ("a negative size", record("a", 0, &[(124, &[0xff; 12])])),
        (
            "a PAX size over a small one",
            [pax(b"x", &[("size", b"1024")]), record("w", 0, &[]), smuggled.clone()].concat(),
        ),
        ("a PAX path", [pax(b"x", &[("path", b"other")]), smuggled.clone()].concat()),
        ("two PAX paths", [pax(b"x", &[("path", b"p1"), ("path", b"p2")]), smuggled.clone()].concat()),
        ("a PAX path with a zero", [pax(b"x", &[("path", b"evil\0.txt")]), smuggled.clone()].concat()),
        ("a negative PAX size", [pax(b"x", &[("size", b"-1")]), smuggled.clone()].concat()),
        ("a PAX path for all", [pax(b"g", &[("path", b"forced")]), smuggled.clone()].concat()),
        ("a wrong PAX length", [file("x", b"9999 path=z\n", &[(156, b"x")]), smuggled.clone()].concat()),
        (
            "a GNU long name",
            [file("././@LongLink", b"gnuname\0", &[(156, b"L"), GNU]), smuggled.clone()].concat(),
        ),
        ("an old GNU sparse file", [record("sp", 512, &[(156, b"S"), GNU]), smuggled].concat()),
    ]
}

#[test]
fn t17_no_crafted_record_is_taken_anywhere() {
    let good = World::small().pack(&[1]);
    let listed = members(&good);
    let front = frame(&listed[..3]);
    let front = &front[..front.len() - 1024];
    let (body, end) = good.split_at(good.len() - 1024);
    let trust = trust(&[1], 1);
    let records = records();
    assert!(records.len() >= 36);
    for (name, record) in records {
        let alone = [record.clone(), vec![0; 1024]].concat();
        assert_eq!(codes(&alone, &trust, &Policy::at(now())), ["NOT_AN_ARCHIVE"], "{name}");
        for (place, bytes) in [
            ("after the signatures", [front, &record, &[0; 1024]].concat()),
            ("before the entries", [front, &record, &good[front.len()..]].concat()),
            ("before the end mark", [body, &record, end].concat()),
            ("after the end mark", [body, end, &record].concat()),
        ] {
            let refused = codes(&bytes, &trust, &Policy::at(now()));
            if bytes == good {
                assert_eq!(refused, [""; 0], "{name}, {place}: it is the good archive itself");
            } else {
                assert!(!refused.is_empty(), "{name}, {place}: taken");
            }
        }
        // At the right length, so that the size alone does not give it away.
        for at in (front.len()..good.len()).step_by(512) {
            let mut bytes = good.clone();
            let room = (good.len() - at).min(record.len());
            bytes[at..at + room].copy_from_slice(&record[..room]);
            if bytes != good {
                assert!(!codes(&bytes, &trust, &Policy::at(now())).is_empty(), "{name} at {at}: taken");
            }
        }
    }
}

/// A header whose only defect is its checksum.
#[test]
fn t17_a_wrong_checksum_is_refused_in_every_header() {
    let good = World::small().pack(&[1]);
    let trust = trust(&[1], 1);
    let mut at = 0;
    for (_, content) in members(&good) {
        let mut bytes = good.clone();
        bytes[at + 153] ^= 1;
        assert_eq!(codes(&bytes, &trust, &Policy::at(now())), ["HEADER_CHANGED"], "at {at}");
        at += 512 + content.len().next_multiple_of(512);
    }
}

/// The 36 crafted archives of the reference, where they are there.
#[test]
fn t17_the_reference_archives_are_refused() {
    let shared =
        std::env::var_os("OMBUNDLE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let generator = shared.join("reference/probes/tar/gen.py");
    let Ok(generator) = generator.canonicalize() else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("python3").arg(generator).current_dir(folder.path()).output();
    let Ok(made) = made else { return };
    assert!(made.status.success());
    let mut count = 0;
    for file in std::fs::read_dir(folder.path().join("c")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            codes(&bytes, &trust(&[1], 1), &Policy::at(now())),
            ["NOT_AN_ARCHIVE"],
            "{}",
            path.display()
        );
        count += 1;
    }
    assert_eq!(count, 36);
}
