//! Pushing a world to a registry, through the client that the program itself uses.

use std::io::Read;

use crate::demo::{DemoError, Image, Published, World};
use crate::reference::{RegistryHost, Repository, RepositoryRef};
use crate::registry::{Client, Known, RegistryError, Target};

impl World {
    /// Pushes everything to the registry at `host`, under the repository paths that it has at its original registry.
    pub fn push(&self, client: &Client, host: &RegistryHost) -> Result<(), DemoError> {
        self.push_to(client, host, None)
    }

    /// The same, with every repository below `prefix`.
    pub fn push_under(
        &self,
        client: &Client,
        host: &RegistryHost,
        prefix: &Repository,
    ) -> Result<(), DemoError> {
        self.push_to(client, host, Some(prefix))
    }

    fn push_to(
        &self,
        client: &Client,
        host: &RegistryHost,
        prefix: Option<&Repository>,
    ) -> Result<(), DemoError> {
        for one in self.published() {
            let path = &one.repository.repository;
            let repository = match prefix {
                Some(prefix) => path.under(prefix)?,
                None => path.clone(),
            };
            let target = RepositoryRef { host: host.clone(), repository };
            push_one(client, &target, one)
                .map_err(|source| DemoError::Publish { image: one.repository.to_string(), source })?;
        }
        Ok(())
    }
}

fn push_one(client: &Client, target: &RepositoryRef, one: &Published) -> Result<(), RegistryError> {
    push_image(client, target, &one.image)?;
    for tag in &one.tags {
        client.push_manifest(target, &Target::Tag(tag.clone()), &one.image.manifest)?;
    }
    Ok(())
}

fn push_image(client: &Client, target: &RepositoryRef, image: &Image) -> Result<(), RegistryError> {
    for child in &image.children {
        push_image(client, target, child)?;
    }
    for blob in &image.blobs {
        let mut open = || Ok(Box::new(blob.bytes.as_slice()) as Box<dyn Read>);
        let size = blob.bytes.len() as u64;
        client.push_blob(target, blob.digest, size, Known::Nothing, &mut open, &|_| {})?;
    }
    client.push_manifest(target, &Target::Digest(image.digest()), &image.manifest)
}
