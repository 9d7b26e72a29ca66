//! The signatures of a release: looked for in one store after the other, until every key ring is satisfied.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::archive::Moment;
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit, Fault};
use crate::limits::Limits;
use crate::registry::{Client, RegistryError};
use crate::release::{ReleaseKeys, SignatureError, VerifiedRelease, verify_release};
use crate::store::StoreError;
use crate::store::files;

/// Where Red Hat publishes signatures, in the order in which a cluster asks (`store-…` of the `release-verification` ConfigMap).
pub const DEFAULT_STORES: [&str; 2] = [
    "https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release",
    "https://storage.googleapis.com/openshift-release/official/signatures/openshift/release",
];

/// The last number of a signature that is looked for (library-go `pkg/verify/store/sigstore`).
const LAST: usize = 9;

/// Where signatures are: below an address, or in a folder; as `sha256=<hex>/signature-1`, `-2`, ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureStore {
    /// Below this address.
    Address(Url),
    /// In this folder.
    Folder(PathBuf),
}

/// A text is no signature store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a signature store: {why}")]
pub struct InvalidStore {
    text: String,
    why: &'static str,
}

impl Fault for InvalidStore {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!("a store is an address such as {}, or a folder", DEFAULT_STORES[0]))
    }
}

impl FromStr for SignatureStore {
    type Err = InvalidStore;

    /// An `https:` or `http:` address, a `file:` address, or the path of a folder.
    fn from_str(text: &str) -> Result<Self, InvalidStore> {
        let invalid = |why| InvalidStore { text: text.to_owned(), why };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Self::Folder(path.into()));
        }
        if !text.contains("://") {
            return Ok(Self::Folder(text.into()));
        }
        let url: Url = text.parse().map_err(|_| invalid("it is no address"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("only https, http and file are read"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it must end in a path, without `?` and `#`"));
        }
        Ok(Self::Address(url))
    }
}

impl fmt::Display for SignatureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(url) => fmt::Display::fmt(url, f),
            Self::Folder(path) => fmt::Display::fmt(&path.display(), f),
        }
    }
}

impl SignatureStore {
    /// The signatures of a release in this store, in order. At an address the first number that is missing ends the search, as
    /// it does for a cluster; in a folder, which somebody may have filled by hand, it does not.
    pub fn signatures(
        &self,
        release: Digest,
        client: &Client,
        limits: &Limits,
    ) -> Result<Vec<Vec<u8>>, AnyFault> {
        let limit = limits.release_signature_bytes;
        let mut found = Vec::new();
        for number in 1..=LAST {
            let name = format!("sha256={}/signature-{number}", release.hex());
            match self {
                Self::Address(base) => {
                    let mut url = base.clone();
                    url.set_path(&format!("{}/{name}", base.path().trim_end_matches('/')));
                    match client.document(&url, "*/*", limit)? {
                        Some(bytes) => found.push(bytes),
                        None => break,
                    }
                }
                Self::Folder(folder) => match files::read(&folder.join(name), limit) {
                    Ok(bytes) => found.push(bytes),
                    Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(found)
    }
}

/// Who looks for signatures, and what is trusted.
#[derive(Clone, Copy)]
pub struct SignatureSearch<'a> {
    /// The stores, asked in this order.
    pub stores: &'a [SignatureStore],
    /// The key rings that must be satisfied.
    pub keys: &'a ReleaseKeys,
    /// The clock.
    pub now: Moment,
    /// Asks.
    pub client: &'a Client,
    /// Is told which stores were passed over.
    pub events: &'a dyn Events,
    /// The ceilings.
    pub limits: &'a Limits,
}

impl SignatureSearch<'_> {
    /// Looks for signatures of a release until every key ring is satisfied.
    ///
    /// A store that fails is passed over with a warning as long as another one has what is needed.
    pub fn find(&self, release: Digest) -> Result<VerifiedRelease, AnyFault> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let mut failure: Option<AnyFault> = None;
        for store in self.stores {
            match store.signatures(release, self.client, self.limits) {
                Ok(signatures) => found.extend(signatures),
                Err(error) if error.exit() == RegistryError::Interrupted.exit() => return Err(error),
                Err(error) => {
                    let text = format!("signature store {store} is passed over: {error}");
                    self.events.emit(&Event::Warning { text: &text });
                    failure.get_or_insert(error);
                    continue;
                }
            }
            if let Ok(verified) = verify_release(release, &found, self.keys, self.now, self.limits) {
                return Ok(verified);
            }
        }
        match (verify_release(release, &found, self.keys, self.now, self.limits), failure) {
            // Nothing was found where one could look: what hindered looking is what a person must know.
            (Err(SignatureError::Unsigned { .. }), Some(failure)) => Err(failure),
            (verdict, _) => Ok(verdict?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_an_address_or_a_folder() {
        for text in DEFAULT_STORES {
            let store: SignatureStore = text.parse().unwrap();
            assert_eq!(store.to_string(), text);
        }
        for (text, folder) in [("file:///srv/signatures", "/srv/signatures"), ("signatures", "signatures")] {
            assert_eq!(text.parse(), Ok(SignatureStore::Folder(folder.into())));
        }
        for text in ["", "ftp://a.example/x", "https://a.example/x?y", "https://"] {
            assert!(text.parse::<SignatureStore>().is_err(), "{text}");
        }
    }
}
