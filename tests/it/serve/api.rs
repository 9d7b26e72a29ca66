//! Every endpoint of the distribution API, with exact answers.

use ombundle::digest::Digest;
use ombundle::oci::media;
use ombundle::serve::{BasicCredentials, Collected, ServeError, Server, collect};

use super::http::{Registry, options};

fn image(config: &[u8], layers: &[&[u8]]) -> Vec<u8> {
    let entry = |media_type: &str, bytes: &[u8]| serde_json::json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()});
    serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": entry(media::OCI_CONFIG, config),
        "layers": layers.iter().map(|layer| entry(media::OCI_LAYER_GZIP, layer)).collect::<Vec<_>>(),
    }))
    .unwrap()
}

fn push_image(registry: &Registry, name: &str, target: &str, config: &[u8], layers: &[&[u8]]) -> Digest {
    registry.push(name, config);
    for layer in layers {
        registry.push(name, layer);
    }
    let manifest = image(config, layers);
    let path = format!("/v2/{name}/manifests/{target}");
    let answer = registry.ask("PUT", &path, &[("content-type", media::OCI_MANIFEST)], &manifest);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    Digest::of(&manifest)
}

#[test]
fn the_root_says_which_api_it_is() {
    let registry = Registry::start();
    let answer = registry.fetch("/v2/");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
}

#[test]
fn a_blob_is_pushed_in_one_request_and_read_in_whole_and_in_part() {
    let registry = Registry::start();
    let digest = registry.push("a/b", b"0123456789");
    let path = format!("/v2/a/b/blobs/{digest}");
    let head = registry.ask("HEAD", &path, &[], b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0));
    assert_eq!(head.header("docker-content-digest"), digest.to_string());
    assert_eq!(registry.fetch(&path).body, b"0123456789");
    for (range, status, body, says) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-1", 206, "9", "bytes 9-9/10"),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
    ] {
        let part = registry.ask("GET", &path, &[("range", range)], b"");
        assert_eq!((part.status, String::from_utf8(part.body.clone()).unwrap().as_str()), (status, body));
        assert_eq!(part.header("content-range"), says);
    }
    let beyond = registry.ask("GET", &path, &[("range", "bytes=10-")], b"");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
    // Another repository has not got it.
    let elsewhere = registry.fetch(&format!("/v2/a/c/blobs/{digest}"));
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (404, "BLOB_UNKNOWN"));
}

#[test]
fn a_blob_is_pushed_in_chunks() {
    let registry = Registry::start();
    let begun = registry.ask("POST", "/v2/a/blobs/uploads/", &[], b"");
    assert_eq!((begun.status, begun.header("range")), (202, "0-0"));
    let at = begun.header("location").to_owned();
    assert_eq!(at, format!("/v2/a/blobs/uploads/{}", begun.header("docker-upload-uuid")));
    let fed = registry.ask("PATCH", &at, &[("content-range", "0-4")], b"01234");
    assert_eq!((fed.status, fed.header("range"), fed.header("location")), (202, "0-4", at.as_str()));
    let again = registry.ask("PATCH", &at, &[("content-range", "0-4")], b"01234");
    assert_eq!((again.status, again.header("range")), (416, "0-4"));
    let gap = registry.ask("PATCH", &at, &[("content-range", "6-6")], b"6");
    assert_eq!((gap.status, gap.code().as_str()), (416, "BLOB_UPLOAD_INVALID"));
    let lie = registry.ask("PATCH", &at, &[("content-range", "5-9")], b"567");
    assert_eq!(lie.status, 416);
    let streamed = registry.ask("PATCH", &at, &[("transfer-encoding", "chunked")], b"2\r\n56\r\n0\r\n\r\n");
    assert_eq!((streamed.status, streamed.header("range")), (202, "0-6"));
    let state = registry.fetch(&at);
    assert_eq!((state.status, state.header("range")), (204, "0-6"));
    let digest = Digest::of(b"0123456789");
    let done = registry.ask("PUT", &format!("{at}?digest={digest}"), &[], b"789");
    assert_eq!(done.status, 201);
    assert_eq!(done.header("location"), format!("/v2/a/blobs/{digest}"));
    assert_eq!(done.header("docker-content-digest"), digest.to_string());
    assert_eq!(registry.fetch(&format!("/v2/a/blobs/{digest}")).body, b"0123456789");
    let over = registry.fetch(&at);
    assert_eq!((over.status, over.code().as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

#[test]
fn an_upload_can_be_given_up_and_belongs_to_its_repository() {
    let registry = Registry::start();
    let at = registry.ask("POST", "/v2/a/blobs/uploads/", &[], b"").header("location").to_owned();
    assert_eq!(registry.fetch(&at.replace("/v2/a/", "/v2/b/")).status, 404);
    assert_eq!(registry.ask("PUT", &at, &[], b"x").code(), "DIGEST_INVALID");
    assert_eq!(registry.ask("DELETE", &at, &[], b"").status, 204);
    assert_eq!(registry.fetch(&at).status, 404);
    assert_eq!(std::fs::read_dir(registry.folder.path().join("storage/uploads")).unwrap().count(), 0);
}

#[test]
fn a_blob_is_mounted_from_a_repository_that_has_it() {
    let registry = Registry::start();
    let digest = registry.push("from/here", b"blob");
    let mount = |from: &str, to: &str| {
        registry.ask("POST", &format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}"), &[], b"")
    };
    let mounted = mount("from%2Fhere", "to");
    assert_eq!(
        (mounted.status, mounted.header("location")),
        (201, format!("/v2/to/blobs/{digest}").as_str())
    );
    assert_eq!(registry.fetch(&format!("/v2/to/blobs/{digest}")).body, b"blob");
    assert_eq!(mount("not/here", "other").status, 202);
    assert_eq!(registry.fetch(&format!("/v2/other/blobs/{digest}")).status, 404);
}

#[test]
fn a_manifest_is_taken_when_all_that_it_names_is_there() {
    let registry = Registry::start();
    let manifest = image(b"{}", &[b"layer"]);
    let digest = Digest::of(&manifest);
    let kind = [("content-type", media::OCI_MANIFEST)];
    let put =
        |target: &str, bytes: &[u8]| registry.ask("PUT", &format!("/v2/a/manifests/{target}"), &kind, bytes);
    assert_eq!(put("v1", &manifest).code(), "MANIFEST_BLOB_UNKNOWN");
    registry.push("a", b"{}");
    assert_eq!(put("v1", &manifest).code(), "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(registry.fetch("/v2/a/manifests/v1").code(), "MANIFEST_UNKNOWN");
    registry.push("a", b"layer");
    let done = put("v1", &manifest);
    assert_eq!((done.status, done.header("docker-content-digest")), (201, digest.to_string().as_str()));
    assert_eq!(done.header("location"), format!("/v2/a/manifests/{digest}"));
    for target in ["v1".to_owned(), digest.to_string()] {
        let found = registry.fetch(&format!("/v2/a/manifests/{target}"));
        assert_eq!((found.status, found.header("content-type")), (200, media::OCI_MANIFEST));
        assert_eq!(found.body, manifest);
        assert_eq!(found.header("docker-content-digest"), digest.to_string());
        let head = registry.ask("HEAD", &format!("/v2/a/manifests/{target}"), &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), manifest.len().to_string());
    }
    assert_eq!(put(&Digest::of(b"other").to_string(), &manifest).code(), "DIGEST_INVALID");
    let wrong_size = String::from_utf8(manifest.clone()).unwrap().replace("\"size\":5", "\"size\":6");
    assert_eq!(put("v2", wrong_size.as_bytes()).code(), "MANIFEST_INVALID");
    for nonsense in [&b"{"[..], b"[]", b"", b"{\"manifests\":[],\"layers\":[]}", &vec![b' '; 4 << 20]] {
        assert_eq!(put("v2", nonsense).code(), "MANIFEST_INVALID");
    }
    let large = put("v2", &vec![b' '; (4 << 20) + 1]);
    assert_eq!((large.status, large.code().as_str()), (413, "SIZE_INVALID"));
    assert_eq!(registry.fetch("/v2/a/manifests/v2").status, 404);
}

#[test]
fn an_index_needs_its_children_unless_it_may_be_sparse() {
    let index = |children: &[(Digest, usize)]| {
        let entry = |(digest, size): &(Digest, usize)| serde_json::json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": size});
        let manifests: Vec<_> = children.iter().map(entry).collect();
        let index =
            serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": manifests});
        index.to_string().into_bytes()
    };
    let kind = [("content-type", media::OCI_INDEX)];
    let registry = Registry::start();
    let child = push_image(&registry, "a", &Digest::of(&image(b"{}", &[])).to_string(), b"{}", &[]);
    let good = index(&[(child, image(b"{}", &[]).len())]);
    assert_eq!(registry.ask("PUT", "/v2/a/manifests/multi", &kind, &good).status, 201);
    let hole = index(&[(Digest::of(b"hole"), 4)]);
    assert_eq!(registry.ask("PUT", "/v2/a/manifests/hole", &kind, &hole).code(), "MANIFEST_BLOB_UNKNOWN");
    let sparse = Registry::start_with(|options| options.sparse_indexes = true);
    assert_eq!(sparse.ask("PUT", "/v2/a/manifests/hole", &kind, &hole).status, 201);
}

#[test]
fn deleting_a_tag_keeps_the_manifest_and_deleting_the_manifest_takes_its_tags() {
    let registry = Registry::start();
    let digest = push_image(&registry, "a", "v1", b"{}", &[b"layer"]);
    push_image(&registry, "a", "v2", b"{}", &[b"layer"]);
    push_image(&registry, "a", "other", b"{\"os\":\"linux\"}", &[]);
    assert_eq!(registry.ask("DELETE", "/v2/a/manifests/v1", &[], b"").status, 202);
    assert_eq!(registry.ask("DELETE", "/v2/a/manifests/v1", &[], b"").code(), "MANIFEST_UNKNOWN");
    assert_eq!(registry.fetch(&format!("/v2/a/manifests/{digest}")).status, 200);
    assert_eq!(registry.ask("DELETE", &format!("/v2/a/manifests/{digest}"), &[], b"").status, 202);
    assert_eq!(registry.fetch("/v2/a/tags/list").json()["tags"], serde_json::json!(["other"]));
    assert_eq!(registry.fetch("/v2/a/manifests/v2").status, 404);
    let blob = format!("/v2/a/blobs/{}", Digest::of(b"layer"));
    assert_eq!(registry.ask("DELETE", &blob, &[], b"").status, 202);
    assert_eq!(registry.ask("DELETE", &blob, &[], b"").status, 404);
    assert_eq!(registry.fetch(&blob).status, 404);
}

#[test]
fn lists_come_sorted_and_in_pages() {
    let registry = Registry::start();
    for (name, tag) in [("b", "v2"), ("b", "v10"), ("b", "v1"), ("a/x", "t"), ("a", "t"), ("a-b", "t")] {
        push_image(&registry, name, tag, b"{}", &[]);
    }
    let page = |path: &str| {
        let answer = registry.fetch(path);
        (answer.json(), answer.header("link").to_owned())
    };
    assert_eq!(page("/v2/b/tags/list").0, serde_json::json!({"name": "b", "tags": ["v1", "v10", "v2"]}));
    let (first, link) = page("/v2/b/tags/list?n=2");
    assert_eq!(first["tags"], serde_json::json!(["v1", "v10"]));
    assert_eq!(link, "</v2/b/tags/list?n=2&last=v10>; rel=\"next\"");
    let (second, link) = page("/v2/b/tags/list?n=2&last=v10");
    assert_eq!((second["tags"].clone(), link.as_str()), (serde_json::json!(["v2"]), ""));
    assert_eq!(page("/v2/b/tags/list?n=0").0["tags"], serde_json::json!([]));
    assert_eq!(page("/v2/b/tags/list?n=x").0["errors"][0]["code"], "PAGINATION_NUMBER_INVALID");
    assert_eq!(page("/v2/nobody/tags/list").0["errors"][0]["code"], "NAME_UNKNOWN");
    assert_eq!(page("/v2/_catalog").0, serde_json::json!({"repositories": ["a", "a-b", "a/x", "b"]}));
    let (first, link) = page("/v2/_catalog?n=3");
    assert_eq!(first["repositories"], serde_json::json!(["a", "a-b", "a/x"]));
    assert_eq!(link, "</v2/_catalog?n=3&last=a%2Fx>; rel=\"next\"");
    assert_eq!(page("/v2/_catalog?n=3&last=a%2Fx").0["repositories"], serde_json::json!(["b"]));
}

#[test]
fn referrers_are_listed_and_forgotten() {
    let registry = Registry::start();
    let subject = Digest::of(b"not here yet");
    registry.push("a", b"{}");
    let referrer = |kind: &str| {
        let empty = Digest::of(b"{}");
        let text = serde_json::json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
            "layers": [], "annotations": {"k": kind},
            "subject": {"mediaType": media::OCI_MANIFEST, "digest": subject, "size": 12},
        });
        text.to_string().into_bytes()
    };
    let mut digests = Vec::new();
    for kind in ["kind/one", "kind/two"] {
        let bytes = referrer(kind);
        let path = format!("/v2/a/manifests/{}", Digest::of(&bytes));
        let answer = registry.ask("PUT", &path, &[("content-type", media::OCI_MANIFEST)], &bytes);
        assert_eq!((answer.status, answer.header("oci-subject")), (201, subject.to_string().as_str()));
        digests.push((Digest::of(&bytes), bytes.len()));
    }
    let path = format!("/v2/a/referrers/{subject}");
    let all = registry.fetch(&path);
    assert_eq!((all.status, all.header("content-type")), (200, media::OCI_INDEX));
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let one = registry.fetch(&format!("{path}?artifactType=kind%2Ftwo"));
    assert_eq!(one.header("oci-filters-applied"), "artifactType");
    let expected = serde_json::json!([{
        "mediaType": media::OCI_MANIFEST, "digest": digests[1].0, "size": digests[1].1,
        "artifactType": "kind/two", "annotations": {"k": "kind/two"},
    }]);
    assert_eq!(one.json()["manifests"], expected);
    registry.ask("DELETE", &format!("/v2/a/manifests/{}", digests[1].0), &[], b"");
    assert_eq!(registry.fetch(&path).json()["manifests"].as_array().unwrap().len(), 1);
    let none = registry.fetch(&format!("/v2/a/referrers/{}", Digest::of(b"nothing")));
    assert_eq!((none.status, none.json()["manifests"].clone()), (200, serde_json::json!([])));
}

#[test]
fn a_password_keeps_strangers_out() {
    let registry = Registry::start_with(|options| {
        options.credentials = Some(BasicCredentials::new("me", "secret"));
    });
    let ask = |value: &str| registry.ask("GET", "/v2/", &[("authorization", value)], b"").status;
    let stranger = registry.fetch("/v2/");
    assert_eq!((stranger.status, stranger.code().as_str()), (401, "UNAUTHORIZED"));
    assert_eq!(stranger.header("www-authenticate"), "Basic realm=\"registry\"");
    assert_eq!(ask("Basic bWU6c2VjcmV0"), 200);
    for wrong in ["Basic bWU6U0VDUkVU", "Basic", "Basic !!", "Bearer bWU6c2VjcmV0", ""] {
        assert_eq!(ask(wrong), 401, "{wrong}");
    }
}

#[test]
fn what_was_pushed_is_there_after_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry { running: Server::start(options(&folder)).unwrap(), folder };
    let digest = push_image(&registry, "a", "v1", b"{}", &[b"layer"]);
    let at = registry.ask("POST", "/v2/a/blobs/uploads/", &[], b"").header("location").to_owned();
    assert!(matches!(Server::start(options(&registry.folder)), Err(ServeError::Locked { .. })));
    let Registry { folder, running } = registry;
    running.stop();
    let registry = Registry { running: Server::start(options(&folder)).unwrap(), folder };
    assert_eq!(registry.fetch("/v2/a/manifests/v1").header("docker-content-digest"), digest.to_string());
    assert_eq!(registry.fetch(&at).status, 404);
}

#[test]
fn a_folder_or_port_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("holiday.jpg"), b"").unwrap();
    let mut wrong = options(&folder);
    wrong.storage = folder.path().to_owned();
    assert!(matches!(Server::start(wrong.clone()), Err(ServeError::Foreign { .. })));
    wrong.storage = folder.path().join("holiday.jpg");
    assert!(matches!(Server::start(wrong), Err(ServeError::Storage { .. })));
    let registry = Registry::start();
    let mut taken = options(&folder);
    taken.listen = registry.address();
    assert!(matches!(Server::start(taken), Err(ServeError::Listen { .. })));
    let newer = tempfile::tempdir().unwrap();
    std::fs::create_dir(newer.path().join("storage")).unwrap();
    std::fs::write(newer.path().join("storage/ombundle-registry"), "2").unwrap();
    assert!(matches!(Server::start(options(&newer)), Err(ServeError::Layout { found, .. }) if found == "2"));
}

#[test]
fn collecting_removes_exactly_what_nothing_needs() {
    let registry = Registry::start();
    push_image(&registry, "a", "v1", b"{}", &[b"kept", b"shared"]);
    let gone = push_image(&registry, "a/b", "v1", b"{\"a\":1}", &[b"gone", b"shared"]);
    registry.push("c", b"never named");
    let storage = registry.folder.path().join("storage");
    assert!(matches!(collect(&storage), Err(ServeError::Locked { .. })));
    assert_eq!(registry.ask("DELETE", &format!("/v2/a/b/manifests/{gone}"), &[], b"").status, 202);
    let Registry { folder, running } = registry;
    running.stop();
    let manifest = image(b"{\"a\":1}", &[b"gone", b"shared"]).len() as u64;
    let expected = Collected { contents: 4, bytes: manifest + 7 + 4 + 11 };
    assert_eq!(collect(&storage).unwrap(), expected);
    assert_eq!(collect(&storage).unwrap(), Collected::default());
    let registry = Registry { running: Server::start(options(&folder)).unwrap(), folder };
    for blob in [&b"kept"[..], b"shared", b"{}"] {
        assert_eq!(registry.fetch(&format!("/v2/a/blobs/{}", Digest::of(blob))).body, blob);
    }
    assert_eq!(registry.fetch(&format!("/v2/a/b/blobs/{}", Digest::of(b"gone"))).status, 404);
}
