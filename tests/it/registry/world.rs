//! What these tests share: clients, contents, images.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ombundle::digest::{Digest, VerifyingReader};
use ombundle::event::{Event, Events, Silent};
use ombundle::oci::{Descriptor, RawManifest, media};
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Environment, Known, Pushed, RegistryError};

/// Options that lose no time.
pub(crate) fn quick() -> ClientOptions {
    ClientOptions {
        retry_wait: Duration::from_millis(5),
        retry_wait_cap: Duration::from_millis(50),
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(10),
        ..ClientOptions::default()
    }
}

pub(crate) fn client(options: ClientOptions) -> Client {
    Client::new(options, &Environment::default(), Arc::new(Silent)).unwrap()
}

/// Remembers what happened.
#[derive(Default)]
pub(crate) struct Diary(pub(crate) Mutex<Vec<String>>, pub(crate) std::sync::atomic::AtomicBool);

impl Events for Diary {
    fn emit(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }

    fn interrupted(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }
}

pub(crate) fn watched(options: ClientOptions) -> (Client, Arc<Diary>) {
    let diary = Arc::new(Diary::default());
    let events: Arc<dyn Events + Send + Sync> = Arc::clone(&diary) as _;
    (Client::new(options, &Environment::default(), events).unwrap(), diary)
}

/// Bytes that do not compress and are the same every time.
pub(crate) fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub(crate) fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media::OCI_LAYER.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        platform: None,
    }
}

pub(crate) fn push(
    client: &Client,
    repository: &RepositoryRef,
    bytes: &[u8],
) -> Result<Pushed, RegistryError> {
    let mut open = || Ok(Box::new(bytes) as Box<dyn Read>);
    client.push_blob(repository, Digest::of(bytes), bytes.len() as u64, Known::Nothing, &mut open, &|_| {})
}

pub(crate) fn pull(
    client: &Client,
    repository: &RepositoryRef,
    blob: &Descriptor,
) -> Result<Vec<u8>, RegistryError> {
    let body = client.blob(repository, blob, 0)?;
    let mut bytes = Vec::new();
    VerifyingReader::new(body, blob.digest, blob.size)
        .read_to_end(&mut bytes)
        .map_err(|error: io::Error| RegistryError::from_io(error, "pull"))?;
    Ok(bytes)
}

/// An image with one layer that `skopeo` takes for one.
pub(crate) struct Image {
    pub(crate) config: Vec<u8>,
    pub(crate) layer: Vec<u8>,
    pub(crate) manifest: RawManifest,
}

impl Image {
    pub(crate) fn new(seed: u64) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        let file = content(100_000, seed);
        header.set_size(file.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "file", &file[..]).unwrap();
        let layer = tar.into_inner().unwrap();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]},
        })
        .to_string()
        .into_bytes();
        // Spaces that no re-serialisation would keep.
        let manifest = format!(
            r#"{{ "schemaVersion":2,  "mediaType": "{}", "config": {{"mediaType":"{}","digest":"{}","size":{}}},
               "layers": [ {{"mediaType":"{}","digest":"{}","size":{}}} ] }}"#,
            media::OCI_MANIFEST,
            media::OCI_CONFIG,
            Digest::of(&config),
            config.len(),
            media::OCI_LAYER,
            Digest::of(&layer),
            layer.len()
        );
        let manifest = RawManifest::new(manifest.into_bytes(), None).unwrap();
        Self { config, layer, manifest }
    }

    pub(crate) fn push(&self, client: &Client, repository: &RepositoryRef, tag: &str) {
        push(client, repository, &self.config).unwrap();
        push(client, repository, &self.layer).unwrap();
        let tag: ombundle::reference::Tag = tag.parse().unwrap();
        client.push_manifest(repository, &tag.into(), &self.manifest).unwrap();
    }
}
