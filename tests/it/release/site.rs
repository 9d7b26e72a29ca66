//! A site behind the gap: the vendor's world, two registries, a site file and a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::registry::{Client, ClientOptions, Environment, Target};
use serde_json::Value;

use super::carried::tarball;
use super::world::{World, component};
use crate::cli::world::Ended;
use crate::support::peer::Answer;
use crate::support::registry::DockerRegistry;

pub(super) const IMAGES: &str = "ocp4/openshift/release-images";
pub(super) const PARTS: &str = "ocp4/openshift/release";
pub(super) const GRAPH: &str = "ocp4/openshift/graph-image";

/// The vendor's world, and a site behind the gap.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) digests: [Digest; 3],
    pub(super) staging: DockerRegistry,
    pub(super) production: DockerRegistry,
    pub(super) client: Client,
}

impl Site {
    /// With the way from 4.19.3 to 4.20.5, of which the digests are.
    pub(super) fn new() -> Self {
        let (world, digests) = World::with_way();
        Self::of(world, digests)
    }

    pub(super) fn of(world: World, digests: [Digest; 3]) -> Self {
        let (staging, production) = (DockerRegistry::start(), DockerRegistry::start());
        world.push(&component("shell", 1_000), "ubi9/ubi", Some("latest"));
        let data = std::fs::read(tarball(&world)).unwrap();
        world.answer("/graph-data", Answer::new(200).with("Content-Type", "application/gzip").body(data));
        let client =
            Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
        let site = Self { world, digests, staging, production, client };
        site.write("linux/amd64", "release.asc");
        site.world.folder.write(
            "imageset.yaml",
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    graph: true\n    channels:\n    - {name: stable-4.20, minVersion: 4.20.0, maxVersion: 4.20.5, shortestPath: true}\n",
        );
        site
    }

    /// The site file, for nodes of this platform and with this file of the vendor's keys.
    pub(super) fn write(&self, platform: &str, key: &str) {
        let text = format!(
            "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {{name: here}}\nspec:\n  staging: {{registry: {}}}\n  production: {{registry: {}}}\n  \
             repositories: [{{source: quay.io/openshift-release-dev, mirror: ocp4/openshift}}]\n  platforms: [{platform}]\n  trust: {{keys: [signer.pub]}}\n  \
             releases:\n    keys: [{key}]\n    stores: ['http://{2}/signatures']\n    graph: ['http://{2}/graph']\n    graphData: {{source: 'http://{2}/graph-data'}}\n",
            self.staging.host(),
            self.production.host(),
            self.world.peer.host()
        );
        self.world.folder.write("site.yaml", text);
    }

    pub(super) fn ok(&self, line: &str) -> Ended {
        self.ends(line, 0)
    }

    pub(super) fn ends(&self, line: &str, code: i32) -> Ended {
        let ended = self.world.run(line);
        assert_eq!(ended.code, code, "{line}\n{}{}", ended.stdout, ended.stderr);
        ended
    }

    /// `up.ombundle` with both releases and the graph data.
    pub(super) fn pack(&self) {
        self.ok("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 -o plan.json");
        self.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.folder.path().join(name)).unwrap()
    }

    /// Changes a text in a file; it must be there.
    pub(super) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{name} has no `{from}`");
        self.world.folder.write(name, text.replace(from, to));
    }

    /// Runs it and reads the JSON that it prints.
    pub(super) fn json(&self, line: &str, code: i32) -> Value {
        serde_json::from_str(&self.ends(&format!("{line} --format json"), code).stdout).unwrap()
    }

    /// What a tag in production points to.
    pub(super) fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        let place = self.production.repository(repository);
        let found = self.client.head_manifest(&place, &Target::Tag(tag.parse().unwrap())).unwrap();
        found.map(|found| found.digest)
    }

    pub(super) fn tags(&self, repository: &str) -> BTreeSet<String> {
        let tags = self.client.tags(&self.production.repository(repository)).unwrap();
        tags.iter().map(ToString::to_string).collect()
    }

    /// Takes an image out of production.
    pub(super) fn lose(&self, repository: &str, digest: Digest) {
        let links = self
            .production
            .storage()
            .join(format!("docker/registry/v2/repositories/{repository}/_manifests"));
        let revision = links.join(format!("revisions/sha256/{}", digest.hex()));
        std::fs::remove_dir_all(revision).unwrap();
    }
}

pub(super) const IMPORT: &str = "import up.ombundle --site site.yaml -o out";
