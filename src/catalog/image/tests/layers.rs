//! What layers leave behind, and which are refused.

use std::io::{self, Cursor, Read};

use super::super::build;
use super::*;

#[test]
fn layers_apply_as_engines_apply_them() {
    let base: &[Put] =
        &[Dir("configs/"), Dir("configs/a/"), File("configs/a/x", "1"), File("configs/b", "2")];
    let cases: &[(&str, &[&[Put]], &str)] = &[
        ("as it is", &[base], "a/x=1 b=2"),
        ("later layer wins", &[base, &[File("configs/b", "3")]], "a/x=1 b=3"),
        ("whiteout of a file", &[base, &[File("configs/.wh.b", "")]], "a/x=1"),
        ("whiteout of a directory", &[base, &[File("configs/.wh.a", "")]], "b=2"),
        ("whiteout of the root", &[base, &[File(".wh.configs", "")]], ""),
        ("opaque directory", &[base, &[File("configs/a/.wh..wh..opq", "")]], "b=2"),
        ("opaque root", &[base, &[File(".wh..wh..opq", "")]], ""),
        (
            "opaque keeps its own layer",
            &[base, &[File("configs/n", "4"), File("configs/.wh..wh..opq", "")]],
            "n=4",
        ),
        (
            "whiteout keeps its own layer",
            &[base, &[File("configs/b", "4"), File("configs/.wh.b", "")]],
            "a/x=1 b=4",
        ),
        ("engine's own marks are no whiteouts", &[base, &[File("configs/.wh..wh.plnk", "")]], "a/x=1 b=2"),
        ("file over directory", &[base, &[File("configs/a", "5")]], "a=5 b=2"),
        ("directory over file", &[base, &[Dir("configs/b/"), File("configs/b/y", "6")]], "a/x=1 b/y=6"),
        ("file over the directory above", &[base, &[File("configs", "x")]], ""),
        ("directory again keeps what is in it", &[base, &[Dir("configs/a")]], "a/x=1 b=2"),
        ("twice in a layer, the last wins", &[&[File("configs/b", "1"), File("configs/b", "2")]], "b=2"),
        (
            "leading ./ and /",
            &[&[File("./configs/a", "1"), File("/configs/b", "2"), File("configs/./c", "3")]],
            "a=1 b=2 c=3",
        ),
        ("hard link", &[base, &[Hard("configs/h", "configs/b")]], "a/x=1 b=2 h=2"),
        (
            "symbolic link",
            &[base, &[Soft("configs/s", "a/x"), Soft("configs/a/t", "../b")]],
            "a/t=2 a/x=1 b=2 s=1",
        ),
        ("absolute symbolic link", &[base, &[Soft("configs/s", "/configs/b")]], "a/x=1 b=2 s=2"),
        (
            "a neighbour with the same beginning",
            &[base, &[File("configs-old/z", "9"), File(".wh.config", "")]],
            "a/x=1 b=2",
        ),
        (
            "directories of before POSIX",
            &[base, &[Kind(0, "configs/b/"), File("configs/b/y", "6")]],
            "a/x=1 b/y=6",
        ),
    ];
    for (name, layers, expected) in cases {
        let found = after(layers).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<String> = found.iter().map(|(path, content)| format!("{path}={content}")).collect();
        assert_eq!(found.join(" "), *expected, "{name}");
    }
}

#[test]
fn hostile_layers_are_refused_by_name() {
    let cases: &[(&str, &[Put], &str)] = &[
        ("climbing", &[File("configs/../etc/passwd", "x")], "climbs"),
        ("climbing whiteout", &[File("configs/.wh...", "")], "hides nothing"),
        ("whiteout of nothing", &[File("configs/.wh.", "")], "hides nothing"),
        ("whiteout of itself", &[File("configs/.wh..", "")], "hides nothing"),
        ("root is a link", &[Soft("configs", "/etc")], "must not be a link"),
        ("device", &[Kind(b'4', "configs/null")], "neither a file"),
        ("pipe", &[Kind(b'6', "configs/pipe")], "neither a file"),
        ("sparse", &[Kind(b'S', "configs/sparse")], "sparse"),
        ("vendor's kind", &[Kind(b'V', "configs/volume")], "neither a file"),
        ("hard link outside", &[File("etc/shadow", "x"), Hard("configs/h", "etc/shadow")], "hard link"),
        ("hard link to nothing", &[Hard("configs/h", "configs/none")], "hard link"),
        ("hard link that climbs", &[Hard("configs/h", "../x")], "climbs"),
        ("file below a file", &[File("configs/a", "1"), File("configs/a/b", "2")], "not a directory"),
        (
            "file below a link",
            &[Dir("configs/r/"), Soft("configs/a", "r"), File("configs/a/b", "2")],
            "not a directory",
        ),
        (
            "link outside",
            &[Soft("configs/s", "/etc/shadow"), File("etc/shadow", "x")],
            "no file that is read",
        ),
        ("link that climbs out", &[Soft("configs/s", "../../x")], "climbs out"),
        ("link to a directory", &[Dir("configs/d/"), Soft("configs/s", "d")], "a directory"),
        ("link to itself", &[Soft("configs/s", "s")], "without end"),
        ("links in a ring", &[Soft("configs/s", "t"), Soft("configs/t", "s")], "without end"),
        ("link to nothing", &[Soft("configs/s", "")], "points to no path"),
        ("root is a file", &[File(".", "x")], "root is a directory"),
        (
            "link through a link",
            &[File("configs/r/x", "1"), Soft("configs/l", "r"), Soft("configs/a", "l/x")],
            "through another link",
        ),
    ];
    for (name, layer, expected) in cases {
        let error = after(&[layer]).expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert_eq!(crate::fault::Fault::exit(&error), crate::fault::Exit::Integrity, "{name}");
    }
}

#[test]
fn a_link_of_many_pages_is_refused() {
    let long = "x".repeat(5000);
    let target = format!("5015 linkpath={long}\n");
    assert_eq!(target.len(), 5015);
    let bytes =
        [record("pax", b'x', target.as_bytes(), ""), record("configs/s", b'2', b"", "x"), vec![0; 1024]]
            .concat();
    let error = apply(&mut LayerFiles::new(["configs"]), &bytes, &LIMITS).unwrap_err();
    assert!(error.to_string().contains("points to no path"), "{error}");
}

#[test]
fn what_not_everybody_can_read_is_named() {
    let mut bytes = header("configs/", b'5', 0, "", 0o750).to_vec();
    bytes.extend(header("configs/a", b'0', 0, "", 0o640));
    bytes.extend(header("configs/b", b'0', 0, "", 0o644));
    bytes.resize(bytes.len() + 1024, 0);
    let mut files = LayerFiles::new(["configs"]);
    apply(&mut files, &bytes, &LIMITS).unwrap();
    assert_eq!(files.unreadable("configs"), ["configs/a", "configs"]);
    let why = super::super::build::difference(&files, &BTreeMap::new()).unwrap().unwrap();
    assert_eq!(why, "`/configs/a` cannot be read by every user");
}

/// A zstd frame of one raw block that asks for a window of this many bits (RFC 8878, sections 3.1.1.1 and 3.1.1.2).
fn zstd_frame(window: u8, content: &[u8]) -> Vec<u8> {
    let block = (u32::try_from(content.len()).unwrap() << 3) | 1;
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0, (window - 10) << 3];
    [&head[..], &block.to_le_bytes()[..3], content].concat()
}

#[test]
fn a_window_that_takes_too_much_memory_is_refused() {
    let layer = tar_of(&[File("configs/a", "1")]);
    let read = |window| apply(&mut LayerFiles::new(["configs"]), &zstd_frame(window, &layer), &LIMITS);
    read(20).unwrap();
    assert!(matches!(read(30).unwrap_err(), ImageError::Corrupt { .. }));
}

#[test]
fn tar_streams_that_readers_disagree_on_are_refused() {
    let read = |bytes: &[u8]| {
        let mut files = LayerFiles::new(["configs"]);
        apply(&mut files, bytes, &LIMITS)
            .map(|_| files.files("configs").unwrap().into_keys().collect::<Vec<_>>())
    };
    let joined = |parts: &[Vec<u8>]| [parts.concat(), vec![0; 1024]].concat();
    let entry = |path: &str| record(path, b'0', b"x", "");
    let pax = |text: &str| record("pax", b'x', text.as_bytes(), "");
    let good: &[(&str, Vec<u8>, &[&str])] = &[
        ("PAX path", joined(&[pax("18 path=configs/p\n"), entry("short")]), &["p"]),
        (
            "GNU long name",
            joined(&[record("././@LongLink", b'L', b"configs/l\0", ""), entry("short")]),
            &["l"],
        ),
        ("binary PAX value", joined(&[pax("24 SCHILY.xattr.u.x=a\nb\n"), entry("configs/b")]), &["b"]),
        (
            "global PAX header",
            joined(&[record("g", b'g', b"18 path=configs/g\n", ""), entry("configs/n")]),
            &["n"],
        ),
        ("no zero blocks", entry("configs/n"), &["n"]),
    ];
    for (name, bytes, expected) in good {
        assert_eq!(read(bytes).unwrap_or_else(|error| panic!("{name}: {error}")), *expected, "{name}");
    }
    let mut sum = entry("configs/a");
    sum[0] = b'X';
    let bad: &[(&str, Vec<u8>)] = &[
        ("name given twice", joined(&[pax("18 path=configs/p\n"), pax("18 path=configs/q\n"), entry("x")])),
        ("size given twice", joined(&[pax("9 size=2\n"), entry("configs/x")])),
        ("sparse by PAX", joined(&[pax("22 GNU.sparse.major=1\n"), entry("configs/x")])),
        ("PAX record too long", joined(&[pax("99 path=configs/p\n"), entry("configs/x")])),
        ("PAX record without end", joined(&[pax("18 path=configs/pp"), entry("configs/x")])),
        ("PAX record of length 0", joined(&[pax("0 a=b\n"), entry("configs/x")])),
        ("extension without entry", joined(&[pax("18 path=configs/p\n")])),
        ("directory with content", joined(&[record("configs/d", b'5', b"x", "")])),
        ("long name of megabytes", joined(&[record("l", b'L', &vec![b'a'; 20 << 10], "")])),
        (
            "PAX header of megabytes",
            joined(&[pax(&format!("1048600 comment={}\n", "a".repeat(1_048_583))), entry("configs/x")]),
        ),
        ("path too long", joined(&[record("l", b'L', &vec![b'a'; 5000], ""), entry("x")])),
        ("one zero block", [vec![0; 512], entry("configs/x")].concat()),
        ("wrong checksum", joined(&[sum])),
        ("cut in a header", entry("configs/x")[..100].to_vec()),
        ("cut in content", record("configs/x", b'0', &[1; 2000], "")[..1000].to_vec()),
        ("not a tar", b"#!/bin/sh\n".to_vec()),
        ("name that is no text", joined(&[record("l", b'L', b"configs/\xff", ""), entry("x")])),
    ];
    for (name, bytes) in bad {
        assert!(read(bytes).is_err(), "{name} was taken: {:?}", read(bytes));
    }
}

#[test]
fn compressions_are_told_by_their_first_bytes() {
    let tar = tar_of(&[File("configs/a", "1")]);
    let (head, tail) = tar.split_at(700);
    let zstd = zstd::encode_all(&tar[..], 3).unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd].concat();
    let good = [
        ("plain", tar.clone()),
        ("gzip", gzip(&tar)),
        ("gzip in members", [gzip(head), gzip(tail)].concat()),
        ("zstd", zstd.clone()),
        ("zstd after a skippable frame", skippable),
    ];
    for (name, bytes) in good {
        let mut files = LayerFiles::new(["configs"]);
        let summary = apply(&mut files, &bytes, &LIMITS).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(summary.diff_id, Digest::of(&tar), "{name}");
        assert_eq!(summary.plain_bytes, tar.len() as u64, "{name}");
        assert!(files.has("configs/a"), "{name}");
    }
    let mut flipped = gzip(&tar);
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    let bad = [
        ("gzip with a tail", [gzip(&tar), b"junk".to_vec()].concat()),
        ("gzip cut", gzip(&tar)[..40].to_vec()),
        ("gzip with a wrong checksum", flipped),
        ("zstd with a tail", [zstd, b"junk".to_vec()].concat()),
        ("xz", b"\xfd7zXZ\0rest".to_vec()),
        ("bzip2", b"BZh91AY&SY".to_vec()),
    ];
    for (name, bytes) in bad {
        assert!(apply(&mut LayerFiles::new(["configs"]), &bytes, &LIMITS).is_err(), "{name} was taken");
    }
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let error =
        LayerFiles::new(["configs"]).apply(&tar[..], &descriptor(&tar, foreign), &LIMITS).unwrap_err();
    assert!(error.to_string().contains(foreign), "{error}");
}

#[test]
fn every_ceiling_holds_while_reading() {
    /// Gives zeros without end, and fails the test if far more is asked for than a ceiling allows.
    struct Zeros(u64);
    impl Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += buffer.len() as u64;
            assert!(self.0 < 64 << 20, "went on reading past the ceiling");
            buffer.fill(0);
            Ok(buffer.len())
        }
    }
    let small = Limits {
        layer_plain_bytes: 1 << 20,
        layer_entries: 10,
        catalog_file_bytes: 1000,
        catalog_bytes: 2500,
        ..LIMITS
    };
    let what = |bytes: &[u8], limits: &Limits| match apply(&mut LayerFiles::new(["configs"]), bytes, limits) {
        Err(ImageError::Limit { what, limit, .. }) => format!("{limit} {what}"),
        other => panic!("{other:?}"),
    };
    let text = |length| "x".repeat(length);
    let endless = Cursor::new(header("big", b'0', 1 << 40, "", 0o644)).chain(Zeros(0));
    let any = descriptor(b"", media::OCI_LAYER);
    let error = LayerFiles::new(["configs"]).apply(endless, &any, &small).unwrap_err();
    assert!(matches!(error, ImageError::Limit { what: "plain bytes", limit: 1_048_576, .. }), "{error}");

    let bomb = gzip(&record("big", b'0', &vec![0; 40 << 20], ""));
    assert!(bomb.len() < 200_000);
    assert_eq!(what(&bomb, &Limits { layer_ratio: 100, ..LIMITS }), "100 plain bytes for each packed one");
    let zstd_bomb = zstd::encode_all(&record("big", b'0', &vec![0; 40 << 20], "")[..], 3).unwrap();
    assert_eq!(what(&zstd_bomb, &LIMITS), "200 plain bytes for each packed one");

    let many: Vec<String> = (0..11).map(|number| format!("configs/{number}")).collect();
    let many: Vec<Put> = many.iter().map(|path| File(path, "")).collect();
    assert_eq!(what(&tar_of(&many), &small), "10 entries");
    assert_eq!(what(&tar_of(&[File("configs/a", &text(1001))]), &small), "1000 bytes in one file");
    // Told by its header alone, before there is room made for it.
    let announced = header("configs/a", b'0', 3000, "", 0o644);
    assert_eq!(what(&announced, &Limits { catalog_bytes: 2500, ..LIMITS }), "2500 bytes in its files");
    let three = [File("configs/a", &text(900)), File("configs/b", &text(900)), File("configs/c", &text(900))];
    assert_eq!(what(&tar_of(&three), &small), "2500 bytes in its files");
    let links =
        [File("configs/a", &text(900)), Hard("configs/b", "configs/a"), Hard("configs/c", "configs/a")];
    assert_eq!(what(&tar_of(&links), &small), "2500 bytes in its files");
    // What was replaced or hidden does not count any more, but as long as it may lie on a disk.
    let mut files = LayerFiles::new(["configs"]);
    for _ in 0..5 {
        apply(&mut files, &tar_of(&[File("configs/a", &text(900)), File("configs/b", &text(900))]), &small)
            .unwrap();
        apply(&mut files, &tar_of(&[File("configs/.wh.b", "")]), &small).unwrap();
    }
    let mut files = LayerFiles::new(["configs"]);
    let shelf = Limits { shelved_bytes: 2500, ..small };
    let again = tar_of(&[File("configs/a", &text(900))]);
    apply(&mut files, &again, &shelf).unwrap();
    apply(&mut files, &again, &shelf).unwrap();
    let error = apply(&mut files, &again, &shelf).unwrap_err();
    assert!(error.to_string().ends_with("more than 2500 bytes in the files of all layers"), "{error}");
}

#[test]
fn layers_of_catalog_and_cache_alone_are_recognised() {
    let base = tar_of(&[Dir("./"), Dir("tmp/"), Dir("bin/"), File("bin/opm", "elf")]);
    let only = |layer: &[Put]| {
        let mut files = LayerFiles::new(["configs"]).disposable(["tmp/cache"]).watched(build::OPM_PATHS);
        assert!(!apply(&mut files, &base, &LIMITS).unwrap().catalog_only);
        assert!(files.has("bin/opm"));
        apply(&mut files, &tar_of(layer), &LIMITS).unwrap().catalog_only
    };
    assert!(only(&[Dir("configs/"), File("configs/a", "1")]));
    assert!(only(&[Dir("./"), Dir("tmp/"), Dir("tmp/cache/"), File("tmp/cache/x", "1")]));
    assert!(only(&[File("tmp/.wh.cache", ""), File("configs/.wh..wh..opq", "")]));
    assert!(!only(&[Dir("configs/"), File("etc/x", "1")]));
    assert!(!only(&[Dir("configs/"), Dir("run/")]), "a directory that was not there");
    assert!(!only(&[Dir("configs/"), File(".wh.bin", "")]));
    assert!(!only(&[File(".wh..wh..opq", "")]));
}

#[test]
fn a_flipped_byte_is_the_digests_fault_and_not_the_archives() {
    let good = gzip(&tar_of(&[File("configs/a", &"some text ".repeat(500)), File("configs/b", "1")]));
    let layer = descriptor(&good, media::OCI_LAYER_GZIP);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let reader = crate::digest::VerifyingReader::new(&*bytes, layer.digest, layer.size);
        let error = LayerFiles::new(["configs"]).apply(reader, &layer, &LIMITS).unwrap_err();
        match &error {
            // The first bytes say how it is packed.
            ImageError::Packing { .. } => assert!(at < 6, "byte {at}"),
            ImageError::Read { source, .. } => {
                assert!(
                    source.get_ref().unwrap().is::<crate::digest::ContentMismatch>(),
                    "byte {at}: {source}"
                );
            }
            other => panic!("byte {at}: {other}"),
        }
    }
    // Made wrong, with the digest of what it is.
    let bad = &good[..good.len() - 9];
    let error = apply(&mut LayerFiles::new(["configs"]), bad, &LIMITS).unwrap_err();
    assert!(matches!(error, ImageError::Corrupt { .. }), "{error}");
    assert_eq!(crate::fault::Fault::exit(&error), crate::fault::Exit::Integrity);
    // The source itself fails.
    let cut = Cursor::new(&good[..40]).chain(Broken);
    let error = LayerFiles::new(["configs"]).apply(cut, &layer, &LIMITS).unwrap_err();
    assert!(matches!(error, ImageError::Read { .. }), "{error}");
    assert_eq!(crate::fault::Fault::exit(&error), crate::fault::Exit::Registry);
}

/// A connection that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}
