//! What is asked for, and what comes back.

use std::fmt;

use crate::digest::Digest;
use crate::oci::RawManifest;
use crate::reference::{ImageRef, Repository, Tag};
use crate::site::ProfileName;

/// A manifest inside a repository: by tag or by digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Whatever the tag points to.
    Tag(Tag),
    /// Exactly this one.
    Digest(Digest),
}

impl Target {
    /// What an image reference points to inside its repository: the digest if there is one, else the tag.
    pub fn of(image: &ImageRef) -> Option<Self> {
        image.digest.map(Self::Digest).or_else(|| image.tag.clone().map(Self::Tag))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Target {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Target {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// What the caller knows about a blob on the registry that it pushes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'r> {
    /// Nothing: ask first.
    Nothing,
    /// It is not there: save the question.
    Absent,
    /// This repository of the same registry has it: ask first, then let the registry take it from there.
    Beside(&'r Repository),
}

/// What pushing a blob came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was there.
    AlreadyThere,
    /// It was uploaded.
    Uploaded,
    /// The registry took it from another of its repositories.
    Mounted,
}

/// What an upload that was given up leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// The registry did not let go of it: it goes when the registry purges uploads that nobody finished.
    Upload,
}

/// Something that is attached to a manifest, in the same repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The tag that holds it, where one does (`sha256-<hex>.sig`); referrers have none.
    pub tag: Option<Tag>,
    /// It.
    pub manifest: RawManifest,
}

/// How a registry wants us to say who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthKind {
    /// Not at all.
    Anonymous,
    /// User and password with every request.
    Basic,
    /// A token from a token server.
    Bearer,
}

/// What a registry says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// How it wants to know us.
    pub auth: AuthKind,
    /// Its `Server` header, cleaned; empty when it sends none.
    pub server: String,
    /// What kind of registry it seems to be; [`ProfileName::Distribution`] when nothing speaks for another.
    pub profile: ProfileName,
}
