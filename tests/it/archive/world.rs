//! Small archives, made and signed on the spot.

use std::collections::BTreeMap;
use std::sync::Arc;

use ombundle::archive::{
    Blob, Blueprint, CatalogBase, Draft, ImageKind, MediaType, Meta, Moment, ReadAt, Role, Root, Text,
};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::limits::LIMITS;
use ombundle::trust::{SecretKey, Signature, TrustSet};
use ombundle::verify::{Policy, Refused, VerifiedArchive, open};
use zeroize::Zeroizing;

/// A key that everybody knows.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&Zeroizing::new([number; 32]))
}

pub(crate) fn trust(keys: &[u8], threshold: usize) -> TrustSet {
    TrustSet::new(keys.iter().map(|number| key(*number).public()).collect(), threshold).unwrap()
}

pub(crate) fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

pub(crate) fn now() -> Moment {
    moment("2026-02-01T00:00:00Z")
}

/// What will be an archive, with the content of its blobs.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) draft: Draft,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
}

impl World {
    /// One image of one layer, one catalog change, signed by key 1.
    pub(crate) fn small() -> Self {
        Self::with_layers(&[vec![b'L'; 700]])
    }

    pub(crate) fn with_layers(layers: &[Vec<u8>]) -> Self {
        let manifest = br#"{"schemaVersion":2}"#.to_vec();
        let meta_name = "catalog/redhat-operator-index.json";
        let catalog = "registry.example/redhat/redhat-operator-index:v4.20";
        let draft = Draft {
            tool: "ombundle 0.1.0".parse().unwrap(),
            created: moment("2026-01-01T00:00:00Z"),
            not_before: moment("2026-01-01T00:00:00Z"),
            expires: moment("2026-07-01T00:00:00Z"),
            channel: "scada-a".parse().unwrap(),
            target: Some("scada-a".parse().unwrap()),
            sequence: 7,
            predecessor: None,
            prerequisites: vec![],
            catalogs: vec![CatalogBase {
                delta: meta_name.parse().unwrap(),
                digest: Digest::of(b"catalog"),
                source: catalog.parse().unwrap(),
            }],
            roots: vec![Root {
                digest: Digest::of(&manifest),
                kind: ImageKind::Bundle,
                media_type: "application/vnd.oci.image.manifest.v1+json".parse().unwrap(),
                platforms: vec![],
                reasons: vec![Text::tamed("asked for")],
                size: manifest.len() as u64,
                source: "registry.example/web-terminal/bundle".parse().unwrap(),
                tag: None,
                verified: vec![],
            }],
            blobs: vec![],
            meta: vec![Meta {
                name: meta_name.parse().unwrap(),
                role: Role::CatalogDelta,
                media_type: MediaType::JSON,
                bytes: b"{}".to_vec(),
            }],
            signers: vec![key(1).public().id()],
        };
        let mut world = Self { draft, blobs: BTreeMap::new() };
        world.add(manifest, true);
        for layer in layers {
            world.add(layer.clone(), false);
        }
        world
    }

    pub(crate) fn add(&mut self, bytes: Vec<u8>, manifest: bool) {
        let media_type = if manifest {
            "application/vnd.oci.image.manifest.v1+json"
        } else {
            "application/vnd.oci.image.layer.v1.tar+gzip"
        };
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        self.draft.blobs.push(Blob { digest, size, media_type: media_type.parse().unwrap(), manifest });
        self.blobs.insert(digest, bytes);
    }

    pub(crate) fn blueprint(&self) -> Blueprint {
        self.draft.clone().seal(&LIMITS).unwrap()
    }

    /// The archive, signed by these keys.
    pub(crate) fn pack(&self, keys: &[u8]) -> Vec<u8> {
        let mut world = self.clone();
        world.draft.signers = keys.iter().map(|number| key(*number).public().id()).collect();
        let blueprint = world.blueprint();
        let signatures: Vec<Signature> =
            keys.iter().map(|number| key(*number).sign(blueprint.inventory().raw())).collect();
        let mut bytes = Vec::new();
        let open = |digest: &Digest| Ok(world.blobs.get(digest).unwrap().as_slice());
        blueprint.write(&signatures, open, &mut bytes).unwrap();
        bytes
    }
}

/// Everything that `verify` does, on one thread.
pub(crate) fn verify(
    source: Arc<dyn ReadAt>,
    trust: &TrustSet,
    policy: &Policy,
) -> Result<VerifiedArchive, Refused> {
    let opened = open(source, trust, policy, &LIMITS)?;
    let mut buffer = vec![0; 1 << 16];
    let mut passed = Vec::new();
    let mut refused = Vec::new();
    for check in opened.checks() {
        match check.run(&mut buffer, &Silent) {
            Ok(proof) => passed.push(proof),
            Err(refusal) => refused.push(refusal),
        }
    }
    match Refused::by(refused) {
        Some(refused) => Err(refused),
        None => opened.conclude(passed),
    }
}

/// Members one after the other, as the format frames them, and the end mark.
pub(crate) fn frame(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in members {
        bytes.extend(ombundle::archive::header(path, content.len() as u64));
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// The members of a good archive.
pub(crate) fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let front = ombundle::archive::Front::read(&bytes.to_vec(), &LIMITS).unwrap();
    let signers: Vec<u8> =
        (1..10).filter(|n| front.signatures.iter().any(|s| s.key() == key(*n).public().id())).collect();
    let mut policy = Policy::at(now());
    policy.accept_time = Some(Text::tamed("taking it apart"));
    let opened = open(Arc::new(bytes.to_vec()), &trust(&signers, 1), &policy, &LIMITS).unwrap();
    let range = |offset, size| {
        let start = usize::try_from(offset).unwrap();
        bytes[start..start + usize::try_from(size).unwrap()].to_vec()
    };
    let members = opened.inventory().members();
    members.map(|m| (m.path.to_string(), range(m.span.data, m.span.size))).collect()
}

/// The stable codes of what speaks against an archive; nothing when it is good.
pub(crate) fn codes(bytes: &[u8], trust: &TrustSet, policy: &Policy) -> Vec<&'static str> {
    match verify(Arc::new(bytes.to_vec()), trust, policy) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.refusals().iter().map(ombundle::verify::Refusal::code).collect(),
    }
}
