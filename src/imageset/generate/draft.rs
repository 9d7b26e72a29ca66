//! An ImageSetConfiguration in the making: every line with the reason for it.

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Catalogs of which something is asked, in the order in which they were given.
    pub catalogs: Vec<CatalogDraft>,
}

/// What is asked of one catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogDraft {
    /// The catalog and what it was when it was read.
    pub name: Noted,
    /// One at least: an item without packages would take the whole catalog.
    pub packages: Vec<PackageDraft>,
}

/// What is asked of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageDraft {
    /// Its name.
    pub name: String,
    /// What to know of the whole of it, a line each.
    pub notes: Vec<String>,
    /// Another default channel than upstream's.
    pub default_channel: Option<Noted>,
    /// The channels, each once; one at least.
    pub channels: Vec<ChannelDraft>,
}

/// What is asked of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelDraft {
    /// Its name and why it is taken.
    pub name: Noted,
    /// The lowest version.
    pub min: Option<Noted>,
    /// The highest version.
    pub max: Option<Noted>,
}

/// A value and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What is written.
    pub value: String,
    /// Why, in the words of a comment.
    pub why: String,
}

impl Noted {
    pub(super) fn new(value: impl Into<String>, why: impl Into<String>) -> Self {
        Self { value: value.into(), why: why.into() }
    }
}
