//! How much is asked to find what is attached to images.

use std::fmt::Write as _;

use ombundle::digest::Digest;
use ombundle::oci::media;
use ombundle::reference::{RepositoryRef, Tag};
use ombundle::registry::Client;

use super::world::{Image, client, push, quick};
use crate::support::peer::{Answer, Asked, Peer, forward};
use crate::support::registry::DockerRegistry;

const IMAGES: u64 = 12;

/// Images in one repository, the last of them signed, behind a peer that counts.
struct Scene {
    client: Client,
    peer: Peer,
    here: RepositoryRef,
    digests: Vec<Digest>,
    signature: Digest,
    _registry: DockerRegistry,
}

/// What was asked, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    lists: usize,
    referrers: usize,
    tags: usize,
}

impl Scene {
    fn new(says: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let registry = DockerRegistry::start();
        let (client, there) = (client(quick()), registry.repository("a"));
        let images: Vec<Image> = (1..=IMAGES).map(Image::new).collect();
        for (number, image) in images.iter().enumerate() {
            image.push(&client, &there, &format!("v{number}"));
        }
        let digests: Vec<Digest> = images.iter().map(|image| image.manifest.digest()).collect();
        let signature = Image::new(100);
        let tag = Tag::of_attachment(digests.last().unwrap(), "sig").unwrap();
        signature.push(&client, &there, tag.as_str());
        let host = registry.host().to_string();
        let peer = Peer::start(move |asked| says(asked).unwrap_or_else(|| forward(asked, &host)));
        let here = format!("{}/a", peer.host()).parse().unwrap();
        Self { client, peer, here, digests, signature: signature.manifest.digest(), _registry: registry }
    }

    /// Asks for all images from several threads, and checks what is found.
    fn ask(&self) -> Count {
        let attachments = self.client.attachments();
        let found: Vec<Vec<Digest>> = std::thread::scope(|scope| {
            let ask = |digest| attachments.of(&self.here, digest).unwrap();
            let asking: Vec<_> =
                self.digests.iter().map(|&digest| scope.spawn(move || ask(digest))).collect();
            asking
                .into_iter()
                .map(|thread| thread.join().unwrap().iter().map(|it| it.manifest.digest()).collect())
                .collect()
        });
        let (last, others) = found.split_last().unwrap();
        assert_eq!(last, &[self.signature]);
        assert!(others.iter().all(Vec::is_empty));
        Count {
            lists: self.peer.count("GET", "/tags/list"),
            referrers: self.peer.count("GET", "/referrers/"),
            tags: self.peer.count("GET", "/manifests/sha256-"),
        }
    }
}

fn empty_index() -> Answer {
    let body = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media::OCI_INDEX);
    Answer::new(200).with("Content-Type", media::OCI_INDEX).body(body)
}

/// Sixty requests before; a list, a question that shows that there is no API, and the one signature.
#[test]
fn a_repository_is_listed_once_and_only_what_is_there_is_asked_for() {
    let scene = Scene::new(|_| None);
    assert_eq!(scene.ask(), Count { lists: 1, referrers: 1, tags: 1 });
}

#[test]
fn a_registry_with_referrers_is_asked_for_them() {
    let scene = Scene::new(|asked| asked.is("GET", "/referrers/").then(empty_index));
    assert_eq!(scene.ask(), Count { lists: 1, referrers: 12, tags: 1 });
}

#[test]
fn where_tags_are_not_listed_each_is_asked_for() {
    for status in [401, 403, 404, 405, 500] {
        let scene = Scene::new(move |asked| asked.is("GET", "/tags/list").then(|| Answer::new(status)));
        let Count { lists, referrers, tags } = scene.ask();
        assert_eq!((referrers, tags), (1, 4 * 12), "{status}");
        assert!(lists >= 1, "{status}");
    }
}

#[test]
fn a_list_without_an_end_is_not_read_to_it() {
    let scene = Scene::new(|asked| {
        let number = asked.path.split("last=t").nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut names = String::new();
        for tag in number + 1..=number + 10 {
            let _ = write!(names, "{}\"t{tag}\"", if tag == number + 1 { "" } else { "," });
        }
        let next = format!("</v2/a/tags/list?last=t{}>; rel=\"next\"", number + 10);
        let page = Answer::new(200).with("Link", next).body(format!(r#"{{"name":"a","tags":[{names}]}}"#));
        asked.is("GET", "/tags/list").then_some(page)
    });
    assert_eq!(scene.ask(), Count { lists: 8, referrers: 1, tags: 4 * 12 });
}

/// What is not known does not exist for the API either; the digest tag of the schema without API is found in the list.
#[test]
fn a_repository_without_tags_has_nothing_attached() {
    let scene = Scene::new(|_| None);
    let bare = DockerRegistry::start();
    let repository = bare.repository("b");
    let image = Image::new(1);
    push(&scene.client, &repository, &image.config).unwrap();
    push(&scene.client, &repository, &image.layer).unwrap();
    let digest = image.manifest.digest();
    scene.client.push_manifest(&repository, &digest.into(), &image.manifest).unwrap();
    assert_eq!(scene.client.attachments().of(&repository, digest).unwrap(), []);
    assert_eq!(bare.log().matches("/manifests/sha256-").count(), 0, "{}", bare.log());
}
