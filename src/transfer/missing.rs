//! What a registry lacks of a set of images, found out without writing.

use std::collections::BTreeSet;

use crate::fault::AnyFault;
use crate::reference::Repository;
use crate::transfer::{Delivery, Transfer, uploads};
use crate::workers;

/// What would have to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Repositories that would be written to.
    pub repositories: BTreeSet<Repository>,
    /// Manifests that are not there.
    pub manifests: u64,
    /// Blobs that are not there, each counted once.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How closely a registry is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Where a manifest is, its blobs are taken to be: one request for each manifest.
    Manifests,
    /// Each blob is asked for.
    Blobs,
}

impl Transfer<'_> {
    /// Asks the registry for what these deliveries bring.
    pub fn missing(&self, deliveries: &[Delivery], look: Look) -> Result<Missing, AnyFault> {
        let mut missing = Missing::default();
        let absent = workers::map(deliveries, self.jobs, self.events, |delivery| {
            let repository = self.at(&delivery.repository);
            let mut absent = 0;
            for manifest in &delivery.manifests {
                absent += u64::from(!self.has_manifest(&repository, manifest)?);
            }
            Ok(absent)
        })?;
        for (delivery, absent) in deliveries.iter().zip(absent).filter(|(_, absent)| *absent > 0) {
            missing.repositories.insert(delivery.repository.clone());
            missing.manifests += absent;
        }
        if look == Look::Blobs {
            let uploads = uploads(deliveries);
            let absent = workers::map(&uploads, self.jobs, self.events, |upload| {
                let mut absent = Vec::new();
                for repository in &upload.repositories {
                    let size = self.client.blob_size(&self.at(repository), upload.blob.digest)?;
                    if size != Some(upload.blob.size) {
                        absent.push((*repository).clone());
                    }
                }
                Ok(absent)
            })?;
            for (upload, absent) in uploads.iter().zip(absent).filter(|(_, absent)| !absent.is_empty()) {
                missing.repositories.extend(absent);
                missing.blobs += 1;
                missing.bytes += upload.blob.size;
            }
        }
        Ok(missing)
    }
}
