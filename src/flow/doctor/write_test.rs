//! The one test that writes: two small images and an index under tags of our own, and all of it taken away again.

use std::io::{Cursor, Read};

use serde_json::json;

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::{Finding, Severity};
use crate::flow::doctor::report::{Part, Question};
use crate::flow::doctor::sheet::{Sheet, with_causes};
use crate::flow::doctor::{Doctor, probe_below};
use crate::oci::{OciError, RawManifest, media};
use crate::reference::{Repository, RepositoryRef, Tag};
use crate::registry::{Known, RegistryError, Target};

/// Of an image that is none.
const CONFIG: &[u8] = b"{}";
/// A manifest that no registry has.
const ABSENT: &[u8] = b"ombundle asks whether an index may list what is not there";

impl Doctor<'_> {
    /// Moves a tag, and puts an index of which no image is there.
    pub(super) fn write_test(&self, part: Part, writable: bool, sheet: &mut Sheet) -> Result<(), AnyFault> {
        let questions = [Question::Redeploy, Question::SparseIndex];
        if !self.write_test {
            sheet.unasked(&questions, "only with `--write-test`");
            return Ok(());
        }
        if !writable {
            sheet.unasked_for(&questions, Question::Write);
            return Ok(());
        }
        let Some(repository) = self.test_repository(part) else {
            sheet.unasked(&questions, "the site file names no repository");
            return Ok(());
        };
        let repository = &repository;
        let (tag, index_tag): (Tag, Tag) = ("ombundle-doctor".parse()?, "ombundle-doctor-index".parse()?);
        let [first, second] = [image("first")?, image("second")?];
        let index = index()?;
        let begun = self
            .push_config(repository)
            .and_then(|()| self.client.push_manifest(repository, &tag.clone().into(), &first));
        match begun {
            Ok(()) => {}
            Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted.into()),
            Err(error) => {
                sheet.failed(Question::Redeploy, "WRITE_TEST", &error);
                sheet.unasked_for(&[Question::SparseIndex], Question::Redeploy);
                return Ok(());
            }
        }
        self.redeploy(part, repository, &tag, &second, sheet);
        let taken = self.client.push_manifest(repository, &index_tag.into(), &index);
        self.sparse_index(repository, taken, sheet);
        self.take_away(repository, &[index, first, second], sheet)
    }

    fn redeploy(
        &self,
        part: Part,
        repository: &RepositoryRef,
        tag: &Tag,
        second: &RawManifest,
        sheet: &mut Sheet,
    ) {
        match self.client.push_manifest(repository, &tag.clone().into(), second) {
            Ok(()) => sheet.ok(Question::Redeploy, "a tag was moved"),
            Err(error) => sheet.found(
                Question::Redeploy,
                "refused",
                [fixed_tags(
                    part,
                    repository.to_string(),
                    format!("a tag cannot be moved: {}", with_causes(&error)),
                )],
            ),
        }
    }

    /// Plans for registries of some kinds count on it.
    fn sparse_index(&self, repository: &RepositoryRef, taken: Result<(), RegistryError>, sheet: &mut Sheet) {
        match taken {
            Ok(()) => sheet.ok(Question::SparseIndex, "taken"),
            Err(_) if !self.site.spec.profile.takes_sparse_indexes() => {
                sheet.ok(Question::SparseIndex, "refused; plans for this profile carry whole indexes");
            }
            Err(error) => {
                let message = format!(
                    "an index of which images are missing is refused, and plans for this profile count on it: {}",
                    with_causes(&error)
                );
                let finding = Finding::error("SPARSE_INDEX", repository, message)
                    .hint("write `profile: distribution` into the site file and plan again: indexes then travel whole");
                sheet.found(Question::SparseIndex, "refused", [finding]);
            }
        }
    }

    fn test_repository(&self, part: Part) -> Option<RepositoryRef> {
        let spec = &self.site.spec;
        let prefix = spec.repositories.first().map(|rule| rule.mirror.clone());
        let catalog = || spec.catalogs.first().and_then(|catalog| parent(&catalog.mirror.repository));
        let repository = probe_below(&prefix.or_else(catalog)?)?;
        Some(RepositoryRef { host: self.host(part).clone(), repository })
    }

    fn push_config(&self, repository: &RepositoryRef) -> Result<(), RegistryError> {
        let mut open = || Ok(Box::new(Cursor::new(CONFIG)) as Box<dyn Read>);
        let (digest, size) = (Digest::of(CONFIG), CONFIG.len() as u64);
        self.client.push_blob(repository, digest, size, Known::Nothing, &mut open, &|_| {}).map(drop)
    }

    /// Deletes by digest what was written, and looks whether it is gone.
    fn take_away(
        &self,
        repository: &RepositoryRef,
        all: &[RawManifest],
        sheet: &mut Sheet,
    ) -> Result<(), AnyFault> {
        let mut left = Vec::new();
        for manifest in all {
            let target = Target::Digest(manifest.digest());
            let gone =
                self.client.delete_manifest(repository, manifest.digest()).map_err(|error| error.to_string());
            match gone.and_then(|_| {
                self.client.head_manifest(repository, &target).map_err(|error| error.to_string())
            }) {
                Ok(None) => {}
                Ok(Some(_)) => left.push(format!("{target} is still there")),
                Err(why) => left.push(why),
            }
        }
        self.go_on()?;
        let findings = left.first().map(|why| {
            Finding::warning(
                "WRITE_TEST_LEFT",
                repository,
                format!("what was written for the test stays: {why}"),
            )
            .hint("delete the repository by hand; it holds three manifests without content")
        });
        sheet.add(findings);
        Ok(())
    }
}

/// Tags cannot be moved, which matters where catalogs are served.
pub(super) fn fixed_tags(part: Part, subject: String, message: String) -> Finding {
    let severity = if part == Part::Production { Severity::Error } else { Severity::Info };
    let finding = Finding::error("FIXED_TAGS", subject, message).hint(
        "let tags be moved in production: on Nexus, `Allow redeploy` as deployment policy; on Harbor and Quay, no immutable tags for it",
    );
    Finding { severity, ..finding }
}

fn parent(repository: &Repository) -> Option<Repository> {
    repository.as_str().rsplit_once('/')?.0.parse().ok()
}

/// A small image; no two names give the same.
fn image(name: &str) -> Result<RawManifest, OciError> {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(CONFIG), "size": CONFIG.len()},
        "layers": [], "annotations": {"dev.ombundle.doctor": name},
    });
    RawManifest::new(manifest.to_string().into_bytes(), Some(media::OCI_MANIFEST))
}

/// An index of an image that is not there.
fn index() -> Result<RawManifest, OciError> {
    let child = json!({
        "mediaType": media::OCI_MANIFEST, "digest": Digest::of(ABSENT), "size": ABSENT.len(),
        "platform": {"os": "linux", "architecture": "amd64"},
    });
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child]});
    RawManifest::new(index.to_string().into_bytes(), Some(media::OCI_INDEX))
}
