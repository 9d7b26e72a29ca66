//! Against Debian's `docker-registry`, and side by side with `skopeo`.

use std::process::Command;

use ombundle::digest::Digest;
use ombundle::oci::{RawManifest, media};
use ombundle::reference::Tag;
use ombundle::registry::{Attachment, AuthKind, ClientOptions, Known, Pushed, RegistryError, Target};
use ombundle::site::ProfileName;

use super::world::{Image, client, content, descriptor, pull, push, quick};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::registry::{DockerRegistry, Options, PASSWORD, USER, auth_file};
use crate::support::tls::certs_dir;
use crate::support::token::TokenServer;

fn tag(text: &str) -> Target {
    Target::Tag(text.parse().unwrap())
}

/// Everything that the client can do, once.
fn walk(registry: &DockerRegistry, options: ClientOptions) {
    let client = client(options);
    let repository = registry.repository("olm/some/operator");
    let image = Image::new(1);
    assert_eq!(client.manifest(&repository, &tag("v1")).unwrap(), None);
    assert_eq!(client.head_manifest(&repository, &tag("v1")).unwrap(), None);
    assert_eq!(client.tags(&repository).unwrap(), []);
    assert_eq!(client.blob_size(&repository, Digest::of(&image.layer)).unwrap(), None);
    assert_eq!(push(&client, &repository, &image.layer).unwrap(), Pushed::Uploaded);
    assert_eq!(push(&client, &repository, &image.layer).unwrap(), Pushed::AlreadyThere);
    assert_eq!(
        client.blob_size(&repository, Digest::of(&image.layer)).unwrap(),
        Some(image.layer.len() as u64)
    );
    assert_eq!(pull(&client, &repository, &descriptor(&image.layer)).unwrap(), image.layer);
    match client.push_manifest(&repository, &tag("v1"), &image.manifest) {
        Err(RegistryError::MissingParts { missing, .. }) => assert_eq!(missing, [Digest::of(&image.config)]),
        other => panic!("{other:?}"),
    }
    assert_eq!(push(&client, &repository, &image.config).unwrap(), Pushed::Uploaded);
    client.push_manifest(&repository, &tag("v1"), &image.manifest).unwrap();
    let keep: Tag = Tag::of_digest(&image.manifest.digest());
    client.push_manifest(&repository, &keep.clone().into(), &image.manifest).unwrap();
    let digest = Target::Digest(image.manifest.digest());
    client.push_manifest(&repository, &digest, &image.manifest).unwrap();
    for target in [tag("v1"), digest.clone()] {
        let found = client.manifest(&repository, &target).unwrap().unwrap();
        assert_eq!(found.bytes(), image.manifest.bytes(), "verbatim");
        assert_eq!(found.media_type(), image.manifest.media_type());
        assert_eq!(client.head_manifest(&repository, &target).unwrap().unwrap(), found.descriptor());
    }
    assert_eq!(client.tags(&repository).unwrap(), [keep, "v1".parse().unwrap()]);
    assert_eq!(client.catalog(&registry.host()).unwrap(), ["olm/some/operator".parse().unwrap()]);
    assert_eq!(client.attachments().of(&repository, image.manifest.digest()).unwrap(), []);
    let signature = Tag::of_attachment(&image.manifest.digest(), "sig").unwrap();
    client.push_manifest(&repository, &signature.clone().into(), &image.manifest).unwrap();
    let attached = client.attachments().of(&repository, image.manifest.digest()).unwrap();
    assert_eq!(attached.iter().map(|found| found.tag.clone()).collect::<Vec<_>>(), [Some(signature)]);
    assert!(client.delete_manifest(&repository, image.manifest.digest()).unwrap());
    assert!(!client.delete_manifest(&repository, image.manifest.digest()).unwrap());
    assert_eq!(client.manifest(&repository, &digest).unwrap(), None);
}

#[test]
fn everything_works_without_authentication_in_plain_http_on_loopback() {
    let registry = DockerRegistry::start();
    walk(&registry, quick());
    let ping = client(quick()).ping(&registry.host()).unwrap();
    assert_eq!((ping.tls, ping.auth, ping.profile), (false, AuthKind::Anonymous, ProfileName::Distribution));
}

#[test]
fn everything_works_with_tls_and_basic_authentication() {
    let registry = DockerRegistry::start_with(&Options { tls: true, htpasswd: true, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let authfile = Some(auth_file(folder.path(), &[(registry.host().as_str(), USER, PASSWORD)]));
    let options = ClientOptions { authfile, ca_files: vec![registry.ca_pem_path()], ..quick() };
    walk(&registry, options.clone());
    let ping = client(options).ping(&registry.host()).unwrap();
    assert_eq!((ping.tls, ping.auth), (true, AuthKind::Basic));
}

#[test]
fn everything_works_with_a_token_server() {
    let server = TokenServer::start();
    let registry = DockerRegistry::start_with(&Options::tokens_of(&server));
    let folder = tempfile::tempdir().unwrap();
    let authfile = Some(auth_file(folder.path(), &[(registry.host().as_str(), USER, PASSWORD)]));
    walk(&registry, ClientOptions { authfile, ..quick() });
    // One token for each set of scopes: ping, pull, push, catalog, delete.
    assert_eq!(server.peer.asked().len(), 5);
}

#[test]
fn every_way_of_uploading_works() {
    let registry = DockerRegistry::start();
    for (seed, profile) in [ProfileName::Nexus, ProfileName::Distribution].into_iter().enumerate() {
        let client = client(ClientOptions { profile, ..quick() });
        for size in [0, 1, 262_143, 262_144, 262_145, 5_000_000] {
            let bytes = content(size, seed as u64);
            let repository = registry.repository(&format!("r{seed}/s{size}"));
            push(&client, &repository, &bytes).unwrap();
            assert_eq!(pull(&client, &repository, &descriptor(&bytes)).unwrap(), bytes);
        }
    }
}

#[test]
fn wrong_content_never_becomes_a_blob() {
    let registry = DockerRegistry::start();
    for profile in [ProfileName::Nexus, ProfileName::Distribution] {
        let client = client(ClientOptions { profile, ..quick() });
        let repository = registry.repository("a");
        for (bytes, claimed) in [
            (content(1_000_000, 1), content(1_000_000, 2)),
            (content(999_999, 1), content(1_000_000, 1)),
            (content(1_000_001, 1), content(1_000_000, 1)),
            (Vec::new(), content(10, 1)),
            (content(1, 1), Vec::new()),
        ] {
            let (digest, size) = (Digest::of(&claimed), claimed.len() as u64);
            let mut open = || Ok(Box::new(&bytes[..]) as Box<dyn std::io::Read>);
            let outcome = client.push_blob(&repository, digest, size, Known::Absent, &mut open, &|_| {});
            assert!(matches!(outcome, Err(RegistryError::Content { .. })), "{outcome:?}");
            assert_eq!(client.blob_size(&repository, digest).unwrap(), None);
        }
    }
}

#[test]
fn trust_in_a_certificate_is_given_by_file_or_by_certs_d_and_never_assumed() {
    let registry = DockerRegistry::start_with(&Options { tls: true, ..Options::default() });
    let host = registry.host();
    match client(quick()).ping(&host) {
        Err(error @ RegistryError::Tls { .. }) => {
            let hint = ombundle::fault::Fault::hint(&error).unwrap();
            assert!(hint.contains("--ca-file"), "{error}: {hint}");
        }
        other => panic!("{other:?}"),
    }
    client(ClientOptions { ca_files: vec![registry.ca_pem_path()], ..quick() }).ping(&host).unwrap();
    let folder = tempfile::tempdir().unwrap();
    certs_dir(folder.path(), host.as_str(), &registry.ca_pem_path());
    client(ClientOptions { certs_dirs: vec![folder.path().to_owned()], ..quick() }).ping(&host).unwrap();
    let other = tempfile::tempdir().unwrap();
    certs_dir(other.path(), "127.0.0.1:1", &registry.ca_pem_path());
    let outcome = client(ClientOptions { certs_dirs: vec![other.path().to_owned()], ..quick() }).ping(&host);
    assert!(matches!(outcome, Err(RegistryError::Tls { .. })), "{outcome:?}");
}

#[test]
fn a_blob_is_read_from_an_offset() {
    let registry = DockerRegistry::start();
    let (client, repository) = (client(quick()), registry.repository("a"));
    let bytes = content(3_000_000, 3);
    push(&client, &repository, &bytes).unwrap();
    for from in [0, 1, 2_999_999, 3_000_000] {
        let mut found = Vec::new();
        let mut body = client.blob(&repository, &descriptor(&bytes), from as u64).unwrap();
        std::io::Read::read_to_end(&mut body, &mut found).unwrap();
        assert!(found == bytes[from..], "from {from}");
    }
}

#[test]
fn damage_on_the_registry_is_told() {
    let registry = DockerRegistry::start();
    let (client, repository) = (client(quick()), registry.repository("a"));
    let bytes = content(100_000, 4);
    push(&client, &repository, &bytes).unwrap();
    let path = registry.blob_path(&Digest::of(&bytes));
    let mut flipped = bytes.clone();
    flipped[50_000] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    assert!(pull(&client, &repository, &descriptor(&bytes)).is_err(), "flipped bytes");
    std::fs::write(&path, &bytes[..100]).unwrap();
    match push(&client, &repository, &bytes) {
        Err(RegistryError::Damaged { found: 100, expected: 100_000, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn skopeo_reads_what_we_push_and_we_read_what_it_pushes() {
    let registry = DockerRegistry::start();
    let (client, repository) = (client(quick()), registry.repository("team/app"));
    let image = Image::new(7);
    image.push(&client, &repository, "v1");
    let skopeo = |arguments: &[&str]| {
        let output = Command::new("skopeo").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let ours = format!("docker://{repository}:v1");
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &ours]);
    assert_eq!(raw, image.manifest.bytes());
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:v1", folder.path().display());
    skopeo(&["copy", "--quiet", "--src-tls-verify=false", &ours, &layout]);
    let theirs = registry.repository("team/copy");
    for (format, name) in [("oci", "oci"), ("v2s2", "docker")] {
        let target = format!("docker://{theirs}:{name}");
        skopeo(&["copy", "--quiet", "--format", format, "--dest-tls-verify=false", &layout, &target]);
        let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &target]);
        let found = client.manifest(&theirs, &tag(name)).unwrap().unwrap();
        assert_eq!(found.bytes(), raw);
        assert_eq!(found.media_type().contains("docker"), format == "v2s2");
    }
}

#[test]
fn referrers_are_found_by_the_api_or_by_the_tag_schema() {
    let registry = DockerRegistry::start();
    let (client_, repository) = (client(quick()), registry.repository("a"));
    let image = Image::new(1);
    image.push(&client_, &repository, "v1");
    let subject = image.manifest.digest();
    let config = b"{}";
    push(&client_, &repository, config).unwrap();
    let manifest = |subject: Digest| {
        let text = serde_json::json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": "application/example",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(config).to_string(), "size": 2},
            "layers": [], "subject": {"mediaType": media::OCI_MANIFEST, "digest": subject.to_string(), "size": 1},
        });
        RawManifest::new(text.to_string().into_bytes(), None).unwrap()
    };
    // The second claims to be attached, and is attached to something else.
    let (referrer, liar) = (manifest(subject), manifest(Digest::of(b"other")));
    for found in [&referrer, &liar] {
        client_.push_manifest(&repository, &found.digest().into(), found).unwrap();
    }
    let entries: Vec<_> = [&referrer, &liar]
        .map(|m| serde_json::json!({"mediaType": m.media_type(), "digest": m.digest().to_string(), "size": m.size()}))
        .into();
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries});
    let index = RawManifest::new(index.to_string().into_bytes(), None).unwrap();
    let expected = [Attachment { tag: None, manifest: referrer }];
    // By the API: a registry of today before the one of Debian.
    let (host, body) = (registry.host().to_string(), index.bytes().to_vec());
    let peer = Peer::start(move |asked| {
        if asked.is("GET", "/referrers/") {
            return Answer::new(200).with("Content-Type", media::OCI_INDEX).body(body.clone());
        }
        forward(asked, &host)
    });
    let modern = format!("{}/a", peer.host()).parse().unwrap();
    assert_eq!(client_.attachments().of(&modern, subject).unwrap(), expected);
    assert_eq!(client_.attachments().of(&repository, subject).unwrap(), []);
    // By the tag schema.
    client_.push_manifest(&repository, &Tag::of_digest(&subject).into(), &index).unwrap();
    assert_eq!(client_.attachments().of(&repository, subject).unwrap(), expected);
}
