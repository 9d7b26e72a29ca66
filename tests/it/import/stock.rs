//! What skopeo, umoci and tar say of what was pushed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ombundle::digest::Digest;
use ombundle::plan::{Plan, PlannedImage};
use ombundle::reference::{RegistryHost, RepositoryRef, Tag};

use super::stand::{Ended, Stand, finish};
use crate::support::registry::DockerRegistry;

/// skopeo with the flags that get it into one registry.
pub(crate) struct Skopeo<'a> {
    stand: &'a Stand,
    certs: tempfile::TempDir,
    tls: bool,
}

impl<'a> Skopeo<'a> {
    pub(crate) fn new(stand: &'a Stand) -> Self {
        let certs = tempfile::tempdir().unwrap();
        let mut authorities = String::new();
        for registry in [&stand.source, &stand.staging, &stand.production] {
            if let Some(path) = registry.authority() {
                authorities.push_str(&fs::read_to_string(path).unwrap());
            }
        }
        fs::write(certs.path().join("ca.crt"), &authorities).unwrap();
        Self { stand, certs, tls: !authorities.is_empty() }
    }

    fn flags(&self, side: &str) -> Vec<String> {
        let mut flags = vec![format!("--{side}tls-verify={}", self.tls)];
        if self.tls {
            flags.push(format!("--{side}cert-dir={}", self.certs.path().display()));
        }
        let auth = self.stand.path("auth.json");
        if auth.exists() {
            flags.push(format!("--{side}authfile={}", auth.display()));
        }
        flags
    }

    fn run(arguments: &[String]) -> Ended {
        let mut command = Command::new("skopeo");
        command.arg("--insecure-policy").args(arguments);
        finish(command)
    }

    /// The digest of the manifest that a reference leads to; nothing when it leads nowhere.
    pub(crate) fn raw(&self, image: &str) -> Option<Digest> {
        let mut arguments = vec!["inspect".to_owned(), "--raw".to_owned()];
        arguments.extend(self.flags(""));
        arguments.push(format!("docker://{image}"));
        let mut command = Command::new("skopeo");
        let output = command.arg("--insecure-policy").args(&arguments).output().unwrap();
        output.status.success().then(|| Digest::of(&output.stdout))
    }

    /// The image's config as skopeo reads it.
    pub(crate) fn config(&self, image: &str) -> serde_json::Value {
        let mut arguments = vec!["inspect".to_owned(), "--config".to_owned()];
        arguments.extend(self.flags(""));
        arguments.push(format!("docker://{image}"));
        Self::run(&arguments).json()
    }

    /// Copies an image from one place in the site's registries to another.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let mut arguments = vec!["copy".to_owned(), "-q".to_owned(), "--all".to_owned()];
        arguments.extend(self.flags("src-"));
        arguments.extend(self.flags("dest-"));
        arguments.extend([format!("docker://{from}"), format!("docker://{to}")]);
        let ended = Self::run(&arguments);
        assert_eq!(ended.code, Some(0), "{from}: {}", ended.stderr);
    }

    /// Copies an image with all that is below it into an OCI layout. skopeo hashes every blob on the way.
    pub(crate) fn pull(&self, image: &str, layout: &Path, tag: &str) {
        let mut arguments =
            vec!["copy".to_owned(), "-q".to_owned(), "--all".to_owned(), "--preserve-digests".to_owned()];
        arguments.extend(self.flags("src-"));
        arguments.extend([format!("docker://{image}"), format!("oci:{}:{tag}", layout.display())]);
        let ended = Self::run(&arguments);
        assert_eq!(ended.code, Some(0), "{image}: {}", ended.stderr);
    }

    /// Copies an image as it is, docker manifests too, into a folder.
    pub(crate) fn pull_verbatim(&self, image: &str, folder: &Path) {
        let mut arguments = vec!["copy".to_owned(), "-q".to_owned(), "--all".to_owned()];
        arguments.extend(self.flags("src-"));
        arguments.extend([format!("docker://{image}"), format!("dir:{}", folder.display())]);
        let ended = Self::run(&arguments);
        assert_eq!(ended.code, Some(0), "{image}: {}", ended.stderr);
        let manifest = fs::read(folder.join("manifest.json")).unwrap();
        assert!(image.ends_with(&Digest::of(&manifest).to_string()), "{image} has another manifest");
        let signed = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in signed {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.len() == 64 {
                assert_eq!(Digest::of(&fs::read(&path).unwrap()).hex(), name, "{image}");
            }
        }
    }
}

/// The plan that an archive was packed from.
pub(crate) fn plan(stand: &Stand, name: &str) -> Plan {
    Plan::parse(stand.text(&format!("{name}/plan.json")).as_bytes(), &ombundle::limits::LIMITS).unwrap()
}

/// A repository of a registry, and an image in it by digest.
pub(crate) fn place(host: &RegistryHost, image: &PlannedImage) -> RepositoryRef {
    Stand::at(host, &image.source)
}

/// Every image of a plan is in a registry: by digest, whole, and kept by a tag of its digest.
pub(crate) fn all_there(stand: &Stand, registry: &DockerRegistry, plan: &Plan, catalog_bases: bool) {
    let skopeo = Skopeo::new(stand);
    let folder = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for image in &plan.images {
        if image.kind == ombundle::plan::ImageKind::CatalogBase && !catalog_bases {
            continue;
        }
        let repository = place(&registry.host(), image);
        let pinned = repository.pin(image.root.digest).to_string();
        assert_eq!(skopeo.raw(&pinned), Some(image.root.digest), "{pinned}");
        for manifest in &image.manifests {
            let kept = repository.tag(Tag::of_digest(&manifest.digest)).to_string();
            assert_eq!(skopeo.raw(&kept), Some(manifest.digest), "{kept}");
        }
        let target = folder.path().join(checked.to_string());
        skopeo.pull_verbatim(&pinned, &target);
        checked += 1;
    }
    assert!(checked > 5, "{checked} images");
}

/// The root of an image, unpacked by umoci as a user without rights.
pub(crate) fn unpacked(stand: &Stand, image: &str, folder: &Path) -> PathBuf {
    let layout = folder.join("layout");
    Skopeo::new(stand).pull(image, &layout, "it");
    let mut command = Command::new("umoci");
    command.args(["unpack", "--rootless", "--image"]);
    command.arg(format!("{}:it", layout.display())).arg(folder.join("unpacked"));
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "umoci: {}", ended.stderr);
    folder.join("unpacked/rootfs")
}
