//! Through Nexus's quirks: what is pushed arrives, is listed and found again, whatever of them is switched on.

use std::sync::Arc;

use base64::Engine as _;
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::oci::{RawManifest, media};
use ombundle::reference::{RepositoryRef, Tag};
use ombundle::registry::{Client, ClientOptions, Environment, Known, Target};
use ombundle::site::ProfileName;
use serde_json::json;

use crate::support::nexus::{Nexus, Quirks};
use crate::support::peer::{Asked, forward};
use crate::support::registry::{PASSWORD, USER, auth_file};

fn client(nexus: &Nexus, folder: &std::path::Path) -> Client {
    let [staging, production] = [nexus.staging(), nexus.production()];
    let entries = [(staging.as_str(), USER, PASSWORD), (production.as_str(), USER, PASSWORD)];
    let options =
        ClientOptions { authfile: Some(auth_file(folder, &entries)), retries: 0, ..ClientOptions::default() };
    Client::new(options, &Environment::default(), Arc::new(Silent)).unwrap()
}

/// An image of one small layer under its digest's own tag.
fn image(client: &Client, repository: &RepositoryRef, content: &[u8]) -> RawManifest {
    for bytes in [b"{}".as_slice(), content] {
        let mut open = || Ok(Box::new(std::io::Cursor::new(bytes.to_vec())) as Box<dyn std::io::Read>);
        let size = bytes.len() as u64;
        client.push_blob(repository, Digest::of(bytes), size, Known::Nothing, &mut open, &|_| {}).unwrap();
    }
    let blob = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST,
        "config": blob(media::OCI_CONFIG, b"{}"), "layers": [blob(media::OCI_LAYER, content)],
    });
    let manifest = RawManifest::new(manifest.to_string().into_bytes(), Some(media::OCI_MANIFEST)).unwrap();
    client.push_manifest(repository, &Target::Tag(Tag::of_digest(&manifest.digest())), &manifest).unwrap();
    manifest
}

#[test]
fn every_quirk_at_once_is_lived_with() {
    let folder = tempfile::tempdir().unwrap();
    let nexus = Nexus::start(Quirks {
        one_upload_per_digest: true,
        no_redeploy: true,
        head_500: true,
        null_tags: true,
        no_link: true,
        upper_case_basic: true,
        delete_leaves_tags: true,
        ..Quirks::default()
    });
    let client = client(&nexus, folder.path());
    let host = nexus.production().parse().unwrap();
    assert_eq!(client.ping(&host).unwrap().profile, ProfileName::Nexus);
    let repository = RepositoryRef { host, repository: "olm/a".parse().unwrap() };
    assert_eq!(client.tags(&repository).unwrap(), []);
    // Two images with one layer from two threads: the digest is uploaded once at a time.
    let (one, two) = std::thread::scope(|scope| {
        let other = RepositoryRef { repository: "olm/b".parse().unwrap(), ..repository.clone() };
        let client = &client;
        let second = scope.spawn(move || image(client, &other, b"layer"));
        (image(client, &repository, b"layer"), second.join().unwrap())
    });
    assert_eq!(one.digest(), two.digest());
    let tag = Tag::of_digest(&one.digest());
    assert_eq!(client.tags(&repository).unwrap(), std::slice::from_ref(&tag));
    let found = client.head_manifest(&repository, &Target::Tag(tag)).unwrap();
    assert_eq!(found.map(|found| found.digest), Some(one.digest()));
}

/// One request to the REST API.
fn rest(nexus: &Nexus, method: &str, path: &str) -> (u16, serde_json::Value) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let host = nexus.url().trim_start_matches("http://").to_owned();
    let headers =
        vec![("Host".to_owned(), host.clone()), ("Authorization".to_owned(), format!("Basic {basic}"))];
    let path = format!("/service/rest/v1/{path}");
    let asked = Asked { method: method.to_owned(), path, headers, body: Vec::new() };
    let answer = forward(&asked, &host);
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// What the tests of clean-ups rest on: space comes back by two tasks, and not of what the other port holds too.
#[test]
fn the_stand_in_frees_space_by_its_tasks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let nexus = Nexus::start(Quirks::default());
    let client = client(&nexus, folder.path());
    let [staging, production] = [nexus.staging(), nexus.production()]
        .map(|host| RepositoryRef { host: host.parse().unwrap(), repository: "olm/a".parse().unwrap() });
    let layer = vec![7; 10_000];
    let manifest = image(&client, &production, &layer);
    image(&client, &staging, &layer);
    let bytes = || rest(&nexus, "GET", "blobstores").1[0]["totalSizeInBytes"].as_u64().unwrap();
    let run = |id: &str| {
        assert_eq!(rest(&nexus, "POST", &format!("tasks/{id}/run")).0, 204);
        let state = || rest(&nexus, "GET", &format!("tasks/{id}")).1["currentState"].clone();
        assert_eq!((state(), state(), state()), (json!("RUNNING"), json!("RUNNING"), json!("WAITING")));
    };
    let delete = |host: String| {
        let headers = vec![("Host".to_owned(), host.clone())];
        let path = format!("/v2/olm/a/manifests/{}", manifest.digest());
        forward(&Asked { method: "DELETE".to_owned(), path, headers, body: Vec::new() }, &host).status
    };
    let all = bytes();
    assert!(nexus.registry().blob_path(&Digest::of(&layer)).exists());
    assert_eq!(delete(nexus.production()), 202);
    for task in ["t2", "t4"] {
        run(task);
    }
    // The staging port refers to every byte of it.
    assert_eq!(bytes(), all);
    assert_eq!(delete(nexus.staging()), 202);
    run("t4");
    assert_eq!(bytes(), all, "compacted before it was collected");
    run("t2");
    assert_eq!(bytes(), all, "collected and not compacted");
    run("t4");
    assert!(bytes() + 10_000 < all + 1, "{} of {all}", bytes());
    let tasks = rest(&nexus, "GET", "tasks?type=repository.docker.gc").1;
    assert_eq!(tasks["items"][0]["lastRunResult"], "OK");
    assert!(nexus.asked().iter().all(|asked| asked.header("authorization").is_some()));
}
