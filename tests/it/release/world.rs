//! A world of releases: stand-in images on a registry, an update service and a signature store on loopback, a vendor with gpg.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

use ombundle::demo::{File, Image, Layer, Recipe};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Environment, Known, Target};
use serde_json::{Value, json};

use crate::cli::world::{Ended, Folder};
use crate::support::gpg::Gpg;
use crate::support::peer::{Answer, Asked, Peer};
use crate::support::registry::DockerRegistry;

pub(super) const RELEASES: &str = "openshift-release-dev/ocp-release";
pub(super) const COMPONENTS: &str = "openshift-release-dev/ocp-v4.0-art-dev";

/// When the vendor made keys and signatures.
const MADE: &str = "20260101T000000";

/// What the server answers, by path with its query or without.
type Answers = Arc<Mutex<BTreeMap<String, Answer>>>;

/// All of it, and a user's folder.
pub(super) struct World {
    pub(super) registry: DockerRegistry,
    pub(super) peer: Peer,
    pub(super) folder: Folder,
    pub(super) gpg: Gpg,
    /// Fingerprint of the key that signs releases; the public key is in `release.asc`.
    pub(super) key: String,
    answers: Answers,
    client: Client,
}

/// A release as it is made.
pub(super) struct ReleaseRecipe<'a> {
    pub(super) version: &'a str,
    pub(super) components: &'a [(&'a str, Digest)],
    /// More files of its manifests.
    pub(super) more: Vec<File>,
}

impl World {
    pub(super) fn new() -> Self {
        let registry = DockerRegistry::start();
        let answers: Answers = Arc::default();
        let served = Arc::clone(&answers);
        let peer = Peer::start(move |asked: &Asked| {
            let path = asked.path.split('?').next().unwrap_or_default();
            let answers = served.lock().unwrap();
            answers
                .get(&asked.path)
                .or_else(|| answers.get(path))
                .cloned()
                .unwrap_or_else(|| Answer::new(404))
        });
        let folder = Folder::new();
        let gpg = Gpg::new();
        let key = gpg.key("ed25519", MADE, "never");
        folder.write("release.asc", gpg.export(&key));
        let host = registry.host();
        let conf = ["quay.io", "registry.access.redhat.com", "registry.redhat.io"].map(|original| {
            format!("[[registry]]\nprefix = \"{original}\"\nlocation = \"{host}\"\ninsecure = true\n")
        });
        folder.write("registries.conf", conf.join("\n"));
        let made = folder.run("key generate --out signer");
        assert_eq!(made.code, 0, "{}", made.stderr);
        let client =
            Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
        Self { registry, peer, folder, gpg, key, answers, client }
    }

    /// Runs the program in the user's folder.
    pub(super) fn run(&self, line: &str) -> Ended {
        let words: Vec<&str> = line.split_whitespace().collect();
        let conf = self.folder.path().join("registries.conf");
        self.folder.run_in(&words, &[("CONTAINERS_REGISTRIES_CONF", conf.to_str().unwrap())])
    }

    /// The options that lead to this world.
    pub(super) fn places(&self) -> String {
        format!("--graph http://{0}/graph --signature-store http://{0}/signatures", self.peer.host())
    }

    /// `plan` with these words, and where its file goes.
    pub(super) fn plan(&self, words: &str) -> Ended {
        self.run(&format!("plan {words} {} --release-key release.asc -o plan.json", self.places()))
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join(name)).unwrap()).unwrap()
    }

    /// From now on the server answers so.
    pub(super) fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// From now on the update service says so.
    pub(super) fn graph(&self, graph: &Value) {
        self.answer(
            "/graph",
            Answer::new(200).with("Content-Type", "application/json").body(graph.to_string()),
        );
    }

    /// Pushes an image to the vendor's registry by digest, or under a tag.
    pub(super) fn push(&self, image: &Image, repository: &str, tag: Option<&str>) -> Digest {
        self.put(image, &self.registry.repository(repository), tag)
    }

    /// The same, anywhere.
    pub(super) fn put(&self, image: &Image, target: &RepositoryRef, tag: Option<&str>) -> Digest {
        for child in &image.children {
            self.put(child, target, None);
        }
        for blob in &image.blobs {
            let mut open = || Ok(Box::new(blob.bytes.as_slice()) as Box<dyn Read>);
            let size = blob.bytes.len() as u64;
            self.client.push_blob(target, blob.digest, size, Known::Nothing, &mut open, &|_| {}).unwrap();
        }
        let name = match tag {
            Some(tag) => Target::Tag(tag.parse().unwrap()),
            None => Target::Digest(image.digest()),
        };
        self.client.push_manifest(target, &name, &image.manifest).unwrap();
        image.digest()
    }

    /// A component image of so many bytes.
    pub(super) fn component(&self, name: &str, size: usize) -> Digest {
        self.push(&component(name, size), COMPONENTS, None)
    }

    /// Pushes a release and publishes a good signature of it.
    pub(super) fn release(&self, recipe: &ReleaseRecipe<'_>) -> Digest {
        let digest = self.push(&recipe.image(), RELEASES, None);
        self.sign(digest, recipe.version);
        digest
    }

    /// Publishes a good signature.
    pub(super) fn sign(&self, digest: Digest, version: &str) {
        self.publish(digest, &self.gpg.sign(&self.key, MADE, &[], claim(digest, version).as_bytes()));
    }

    /// Publishes a file as the signature of a release.
    pub(super) fn publish(&self, digest: Digest, file: &[u8]) {
        self.answer(&signature_path(digest), Answer::new(200).body(file));
    }

    /// A world with a way of two hops, 4.19.3 → 4.20.0 → 4.20.5, whose releases share a component.
    pub(super) fn with_way() -> (Self, [Digest; 3]) {
        let world = Self::new();
        let (etcd, console, new) = (
            world.component("etcd", 300_000),
            world.component("console", 90_000),
            world.component("console-2", 90_000),
        );
        let digests = [
            ("4.19.3", vec![("etcd", etcd)]),
            ("4.20.0", vec![("console", console), ("etcd", etcd)]),
            ("4.20.5", vec![("console", new), ("etcd", etcd)]),
        ]
        .map(|(version, components)| {
            let gate = "kind: ConfigMap\nmetadata: {name: admin-gates}\ndata: {ack-4.19-kube-1.33-api-removals: 'Look at the APIs.'}\n";
            let more = vec![File::new("release-manifests/0000_50_gates.yaml", gate)];
            let more = if version == "4.19.3" { more } else { Vec::new() };
            world.release(&ReleaseRecipe { version, components: &components, more })
        });
        world.graph(&way(&digests));
        (world, digests)
    }
}

/// 4.19.3 → 4.20.0 → 4.20.5.
pub(super) fn way(digests: &[Digest; 3]) -> Value {
    graph(&[("4.19.3", digests[0]), ("4.20.0", digests[1]), ("4.20.5", digests[2])], &[[0, 1], [1, 2]])
}

/// A reply of the update service.
pub(super) fn graph(releases: &[(&str, Digest)], edges: &[[usize; 2]]) -> Value {
    let node = |(version, digest): &(&str, Digest)| {
        json!({"version": version, "payload": format!("quay.io/{RELEASES}@{digest}"),
               "metadata": {"io.openshift.upgrades.graph.release.channels": "stable-4.19,stable-4.20,stable-4.21",
                            "url": format!("https://errata.example/{version}")}})
    };
    json!({"version": 1, "nodes": releases.iter().map(node).collect::<Vec<_>>(), "edges": edges, "conditionalEdges": []})
}

pub(super) fn signature_path(digest: Digest) -> String {
    format!("/signatures/sha256={}/signature-1", digest.hex())
}

/// What a vendor signs.
pub(super) fn claim(digest: Digest, version: &str) -> String {
    json!({"critical": {"image": {"docker-manifest-digest": digest}, "type": "atomic container signature",
                        "identity": {"docker-reference": format!("quay.io/{RELEASES}:{version}-x86_64")}},
           "optional": {"creator": "a test"}})
    .to_string()
}

/// A component image: a layer that all of them share, and one of its own.
pub(super) fn component(name: &str, size: usize) -> Image {
    let base = Layer::of(&[File::noise("usr/lib/base", "base", 50_000)]).unwrap();
    let own = Layer::of(&[File::noise(format!("usr/bin/{name}"), name, size)]).unwrap();
    Image::build(&Recipe::of(vec![base, own])).unwrap()
}

impl ReleaseRecipe<'_> {
    pub(super) fn image(&self) -> Image {
        self.image_for("linux/amd64")
    }

    /// The same for this kind of machine.
    pub(super) fn image_for(&self, platform: &str) -> Image {
        Image::build(&Recipe { platform: platform.parse().unwrap(), ..self.recipe(&self.references()) })
            .unwrap()
    }

    /// The release image with these image-references.
    pub(super) fn with_references(&self, references: &str) -> Image {
        Image::build(&self.recipe(references)).unwrap()
    }

    fn references(&self) -> String {
        let tag = |(name, digest): &(&str, Digest)| json!({"name": name, "from": {"kind": "DockerImage", "name": format!("quay.io/{COMPONENTS}@{digest}")}});
        let tags: Vec<Value> = self.components.iter().map(tag).collect();
        json!({"kind": "ImageStream", "metadata": {"name": self.version}, "spec": {"tags": tags}}).to_string()
    }

    fn recipe(&self, references: &str) -> Recipe {
        let metadata = json!({"kind": "cincinnati-metadata-v0", "version": self.version, "previous": ["4.19.3"],
                              "metadata": {"url": format!("https://errata.example/{}", self.version)}});
        let mut files = vec![
            File::new("release-manifests/image-references", references),
            File::new("release-manifests/release-metadata", metadata.to_string()),
        ];
        files.extend(self.more.iter().cloned());
        let operator = File::noise("usr/bin/cluster-version-operator", "cvo", 60_000);
        Recipe::of(vec![Layer::of(&[operator]).unwrap(), Layer::of(&files).unwrap()])
    }
}
