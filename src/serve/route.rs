//! What a request path asks for.

use crate::digest::Digest;
use crate::reference::{Repository, Tag};
use crate::serve::reply::{Code, Refusal};

/// What a request path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v2/`
    Root,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/tags/list`
    Tags(Repository),
    /// `/v2/<name>/manifests/<tag or digest>`
    Manifest(Repository, Target),
    /// `/v2/<name>/blobs/<digest>`
    Blob(Repository, Digest),
    /// `/v2/<name>/blobs/uploads/`
    Uploads(Repository),
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload(Repository, String),
    /// `/v2/<name>/referrers/<digest>`
    Referrers(Repository, Digest),
}

/// Which manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one that a tag points to.
    Tag(Tag),
    /// The one with this digest.
    Digest(Digest),
}

impl Route {
    /// Reads a request path.
    ///
    /// Everything that becomes part of a file name is parsed by the strict grammars of [`crate::reference`] and
    /// [`crate::digest`] here, so no path trick gets any further. Only `%3A` is decoded: some clients write a digest's
    /// colon so, and no other character that may be in a name needs it.
    pub(crate) fn parse(path: &str) -> Result<Self, Refusal> {
        let nothing = || Refusal::new(404, Code::Unsupported, "there is nothing at this path");
        let rest = match path {
            "/v2" | "/v2/" => return Ok(Self::Root),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => path.strip_prefix("/v2/").ok_or_else(nothing)?,
        };
        let rest = if rest.ends_with("/blobs/uploads") { format!("{rest}/") } else { rest.to_owned() };
        let (front, last) = rest.rsplit_once('/').ok_or_else(nothing)?;
        let last = last.replace("%3A", ":").replace("%3a", ":");
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            let name = repository(name)?;
            return Ok(if last.is_empty() { Self::Uploads(name) } else { Self::Upload(name, last) });
        }
        let (name, kind) = front.rsplit_once('/').ok_or_else(nothing)?;
        match (kind, last.as_str()) {
            ("tags", "list") => Ok(Self::Tags(repository(name)?)),
            ("manifests", _) => Ok(Self::Manifest(repository(name)?, target(&last)?)),
            ("blobs", _) => Ok(Self::Blob(repository(name)?, digest(&last)?)),
            ("referrers", _) => Ok(Self::Referrers(repository(name)?, digest(&last)?)),
            _ => Err(nothing()),
        }
    }

    /// The methods that it takes, for `Allow`.
    pub(crate) fn methods(&self) -> &'static str {
        match self {
            Self::Root | Self::Catalog | Self::Tags(_) | Self::Referrers(..) => "GET, HEAD",
            Self::Manifest(..) => "GET, HEAD, PUT, DELETE",
            Self::Blob(..) => "GET, HEAD, DELETE",
            Self::Uploads(_) => "POST",
            Self::Upload(..) => "GET, PATCH, PUT, DELETE",
        }
    }
}

fn repository(text: &str) -> Result<Repository, Refusal> {
    text.parse().map_err(|error| Refusal::new(400, Code::NameInvalid, error))
}

/// Reads a digest.
pub(crate) fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|error| Refusal::new(400, Code::DigestInvalid, error))
}

fn target(text: &str) -> Result<Target, Refusal> {
    if text.contains(':') {
        return digest(text).map(Target::Digest);
    }
    text.parse().map(Target::Tag).map_err(|error| Refusal::new(400, Code::TagInvalid, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_path_of_the_api() {
        let digest = Digest::of(b"x");
        let name = |text: &str| text.parse::<Repository>().unwrap();
        let tag = |text: &str| Target::Tag(text.parse().unwrap());
        for (path, expected) in [
            ("/v2/".to_owned(), Route::Root),
            ("/v2".to_owned(), Route::Root),
            ("/v2/_catalog".to_owned(), Route::Catalog),
            ("/v2/a/tags/list".to_owned(), Route::Tags(name("a"))),
            ("/v2/a/b/c/manifests/v1".to_owned(), Route::Manifest(name("a/b/c"), tag("v1"))),
            (format!("/v2/a/manifests/{digest}"), Route::Manifest(name("a"), Target::Digest(digest))),
            (format!("/v2/a/blobs/{digest}"), Route::Blob(name("a"), digest)),
            (format!("/v2/a/blobs/sha256%3A{}", digest.hex()), Route::Blob(name("a"), digest)),
            ("/v2/a/blobs/uploads/".to_owned(), Route::Uploads(name("a"))),
            ("/v2/a/blobs/uploads".to_owned(), Route::Uploads(name("a"))),
            ("/v2/a/blobs/uploads/7f".to_owned(), Route::Upload(name("a"), "7f".to_owned())),
            (format!("/v2/a/referrers/{digest}"), Route::Referrers(name("a"), digest)),
            (
                "/v2/a/blobs/uploads/manifests/v1".to_owned(),
                Route::Manifest(name("a/blobs/uploads"), tag("v1")),
            ),
            ("/v2/a/manifests/uploads".to_owned(), Route::Manifest(name("a"), tag("uploads"))),
        ] {
            assert_eq!(Route::parse(&path).ok(), Some(expected), "{path}");
        }
    }

    #[test]
    fn refuses_path_tricks() {
        let hex = "0".repeat(64);
        for path in [
            "/".to_owned(),
            "/v1/a/tags/list".to_owned(),
            "/v2/tags/list".to_owned(),
            "/v2//tags/list".to_owned(),
            "/v2/../tags/list".to_owned(),
            "/v2/a/../b/tags/list".to_owned(),
            "/v2/%2e%2e/tags/list".to_owned(),
            "/v2/a%2fb/tags/list".to_owned(),
            "/v2/a/_tags/manifests/x".to_owned(),
            "/v2/_blobs/manifests/x".to_owned(),
            "/v2/a\\..\\b/manifests/x".to_owned(),
            "/v2/a/manifests/..".to_owned(),
            "/v2/a/manifests/.".to_owned(),
            "/v2/a/manifests/".to_owned(),
            "/v2/a/manifests/%2e%2e".to_owned(),
            "/v2/a/manifests/..%2f..%2fetc".to_owned(),
            "/v2/a/manifests/x%00".to_owned(),
            format!("/v2/a/blobs/sha512:{hex}"),
            format!("/v2/a/blobs/{hex}"),
            "/v2/a/blobs/sha256:../../x".to_owned(),
            format!("/v2/{}/manifests/x", "a".repeat(256)),
            format!("/v2/a/manifests/{}", "a".repeat(129)),
        ] {
            assert!(Route::parse(&path).is_err(), "{path} was taken");
        }
    }
}
