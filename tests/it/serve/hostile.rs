//! Clients that lie, stop midway, send too much, or come all at once.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;
use std::time::{Duration, Instant};

use ombundle::digest::Digest;

use super::http::{Registry, answer, ask, connect};

/// Every file below a folder, except what marks it.
fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned())
        .filter(|path| path != "storage/ombundle-registry")
        .collect();
    found.sort();
    found
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn path_tricks_touch_no_file() {
    let registry = Registry::start();
    let digest = Digest::of(b"x");
    for path in [
        format!("/v2/../../etc/blobs/uploads/?digest={digest}"),
        format!("/v2/a/../../../x/blobs/uploads/?digest={digest}"),
        format!("/v2/%2e%2e/%2e%2e/x/blobs/uploads/?digest={digest}"),
        format!("/v2/a/_blobs/x/blobs/uploads/?digest={digest}"),
        format!("/v2/a%00b/blobs/uploads/?digest={digest}"),
        format!("/v2/{}/blobs/uploads/?digest={digest}", "a/".repeat(200)),
        "/v2/a/blobs/uploads/?digest=sha256:../../../../tmp/x".to_owned(),
        format!("/v2/a/blobs/uploads/?digest=sha512:{}", "0".repeat(128)),
    ] {
        let refused = registry.ask("POST", &path, &[], b"x");
        assert_eq!(refused.status, 400, "{path}");
        assert!(["NAME_INVALID", "DIGEST_INVALID"].contains(&refused.code().as_str()), "{path}");
    }
    for path in ["/v2/a/blobs/uploads/../../../x", "/v2/a/blobs/uploads/..", "/v2/a/manifests/../../x"] {
        for method in ["PUT", "GET", "DELETE", "PATCH"] {
            let status = registry.ask(method, path, &[], b"x").status;
            assert!([400, 404, 405].contains(&status), "{method} {path}: {status}");
        }
    }
    assert_eq!(files(registry.folder.path()), [""; 0]);
}

#[test]
fn content_with_another_digest_leaves_nothing() {
    let registry = Registry::start();
    let wrong = Digest::of(b"promised");
    let refused = registry.ask("POST", &format!("/v2/a/blobs/uploads/?digest={wrong}"), &[], b"delivered");
    assert_eq!((refused.status, refused.code().as_str()), (400, "DIGEST_INVALID"));
    let at = registry.ask("POST", "/v2/a/blobs/uploads/", &[], b"").header("location").to_owned();
    assert_eq!(registry.ask("PUT", &format!("{at}?digest={wrong}"), &[], b"delivered").status, 400);
    assert_eq!(registry.fetch(&at).status, 404);
    assert_eq!(files(registry.folder.path()), [""; 0]);
}

#[test]
fn a_push_that_breaks_off_leaves_nothing() {
    let registry = Registry::start();
    let digest = Digest::of(&vec![7; 100_000]);
    let mut stream = connect(registry.address());
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![7; 60_000]).unwrap();
    eventually("the upload is under way", || files(registry.folder.path()) == ["storage/uploads/0"]);
    stream.shutdown(Shutdown::Both).unwrap();
    eventually("the upload is gone", || files(registry.folder.path()).is_empty());
}

#[test]
fn a_chunk_that_breaks_off_can_be_gone_on_with() {
    let registry = Registry::start();
    let blob: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let at = registry.ask("POST", "/v2/a/blobs/uploads/", &[], b"").header("location").to_owned();
    let mut stream = connect(registry.address());
    let head = format!("PATCH {at} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&blob[..60_000]).unwrap();
    let part = registry.folder.path().join("storage/uploads/0");
    eventually("the bytes are written", || std::fs::metadata(&part).unwrap().len() == 60_000);
    // While one request writes, no other may.
    assert_eq!(registry.fetch(&at).status, 409);
    stream.shutdown(Shutdown::Both).unwrap();
    eventually("the upload is free again", || registry.fetch(&at).header("range") == "0-59999");
    let digest = Digest::of(&blob);
    assert_eq!(registry.ask("PUT", &format!("{at}?digest={digest}"), &[], &blob[60_000..]).status, 201);
    assert_eq!(registry.fetch(&format!("/v2/a/blobs/{digest}")).body, blob);
}

#[test]
fn the_same_blob_may_come_many_times_at_once() {
    let registry = Registry::start();
    let blob = vec![42; 1 << 20];
    let digest = Digest::of(&blob);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (registry, blob) = (&registry, &blob);
            scope.spawn(move || {
                let path = format!("/v2/a{}/blobs/uploads/?digest={digest}", number % 2);
                assert_eq!(registry.ask("POST", &path, &[], blob).status, 201);
            });
        }
    });
    let hex = digest.hex();
    let expected = [
        format!("storage/blobs/sha256/{hex}"),
        format!("storage/repositories/a0/_blobs/{hex}"),
        format!("storage/repositories/a1/_blobs/{hex}"),
    ];
    assert_eq!(files(registry.folder.path()), expected);
}

#[test]
fn huge_heads_are_refused() {
    let registry = Registry::start();
    let long = "x".repeat(200_000);
    assert_eq!(registry.ask("GET", "/v2/", &[("x-long", &long)], b"").status, 431);
    assert_eq!(registry.ask("GET", &format!("/v2/{long}"), &[], b"").status / 100, 4);
    let many: Vec<(&str, &str)> = (0..500).map(|_| ("x-many", "y")).collect();
    assert_eq!(registry.ask("GET", "/v2/", &many, b"").status, 431);
    assert_eq!(registry.fetch("/v2/").status, 200);
}

#[test]
fn a_client_that_stands_still_is_dropped() {
    let registry = Registry::start_with(|options| options.idle = Duration::from_millis(200));
    let digest = Digest::of(b"0123456789");
    let mut silent = connect(registry.address());
    silent.write_all(b"GET /v2/ HTTP/1.1\r\n").unwrap();
    let mut slow = connect(registry.address());
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n01"
    );
    slow.write_all(head.as_bytes()).unwrap();
    assert_eq!(answer(&mut slow).status, 408);
    // The connection ends by itself, well before our own patience does.
    silent.read_to_end(&mut Vec::new()).unwrap();
    eventually("nothing is left", || files(registry.folder.path()).is_empty());
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let registry = Registry::start();
    let mut stream = connect(registry.address());
    let length = 6 << 20;
    let head = format!(
        "POST /v2/NO/blobs/uploads/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..length / (64 << 10) {
        stream.write_all(&vec![0; 64 << 10]).unwrap();
    }
    assert_eq!(answer(&mut stream).code(), "NAME_INVALID");
}

#[test]
fn a_client_may_ask_before_it_sends() {
    let registry = Registry::start();
    let digest = Digest::of(b"body");
    let mut stream = connect(registry.address());
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").unwrap();
    assert_eq!(answer(&mut stream).status, 201);
    // Refused before a byte was sent.
    let headers = [("expect", "100-continue"), ("content-length", "1000000000")];
    assert_eq!(ask(registry.address(), "POST", "/v2/A/blobs/uploads/", &headers, b"").status, 400);
}

#[test]
fn content_that_rotted_is_never_handed_out_whole() {
    let registry = Registry::start();
    let blob = vec![9; 300_000];
    let digest = registry.push("a", &blob);
    let path = registry.folder.path().join("storage/blobs/sha256").join(digest.hex());
    let mut rotten = blob.clone();
    rotten[150_000] ^= 1;
    std::fs::write(&path, &rotten).unwrap();
    assert!(registry.fetch(&format!("/v2/a/blobs/{digest}")).body.len() < blob.len());
    // Pushing it again mends it.
    registry.push("a", &blob);
    assert_eq!(registry.fetch(&format!("/v2/a/blobs/{digest}")).body, blob);
}

#[test]
fn unknown_methods_and_paths_get_an_error_in_the_api_s_shape() {
    let registry = Registry::start();
    let wrong = registry.ask("POST", "/v2/", &[], b"");
    assert_eq!(
        (wrong.status, wrong.header("allow"), wrong.code().as_str()),
        (405, "GET, HEAD", "UNSUPPORTED")
    );
    assert_eq!(registry.fetch("/").code(), "UNSUPPORTED");
    assert_eq!(registry.fetch("/v2/a/b").status, 404);
}

#[test]
fn stopping_lets_a_request_finish_and_frees_the_port() {
    let registry = Registry::start();
    let address = registry.address();
    let digest = Digest::of(b"0123456789");
    let mut stream = connect(address);
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n01234"
    );
    stream.write_all(head.as_bytes()).unwrap();
    eventually("the upload is under way", || files(registry.folder.path()) == ["storage/uploads/0"]);
    let Registry { running, folder } = registry;
    let stopping = std::thread::spawn(move || running.stop());
    eventually("the port is free", || std::net::TcpListener::bind(address).is_ok());
    stream.write_all(b"56789").unwrap();
    assert_eq!(answer(&mut stream).status, 201);
    stopping.join().unwrap();
    assert!(folder.path().join("storage/blobs/sha256").join(digest.hex()).exists());
}
