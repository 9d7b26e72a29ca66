//! What a registry answered, and what an answer that is not what was wanted means.

use std::io::Read;
use std::time::{Instant, SystemTime};

use serde::Deserialize;
use ureq::http::HeaderMap;
use url::Url;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::registry::retry::{Again, Failed, passing_status, retry_after};
use crate::registry::{ClientOptions, RegistryError};

/// An answer whose body is still to be read.
pub(super) struct Reply {
    /// Method and address of what was asked, without query.
    pub(super) request: String,
    /// The address that answered.
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: ureq::Body,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Length`, also of an answer to HEAD.
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// `Docker-Content-Digest`, if there is a valid one.
    pub(super) fn content_digest(&self) -> Option<Digest> {
        self.header("docker-content-digest")?.trim().parse().ok()
    }

    pub(super) fn malformed(&self, why: impl Into<String>) -> RegistryError {
        RegistryError::Malformed { request: self.request.clone(), why: why.into() }
    }

    /// Reads a body that must be small. The connection is free for the next request afterwards.
    pub(super) fn bytes(self, limit: u64, options: &ClientOptions) -> Result<Vec<u8>, RegistryError> {
        let Self { request, body, .. } = self;
        read_small(body, limit, &request, options)
    }

    /// Reads what is left of a body that does not matter, so that the connection can be used again.
    pub(super) fn done(self) {
        // Without an end in sight it is cheaper to drop the connection.
        let _ = self.body.into_reader().take(64 << 10).read_to_end(&mut Vec::new());
    }

    /// The failure that this answer is.
    pub(super) fn failure(self, had: &str, options: &ClientOptions) -> Failed {
        let status = self.status;
        let wait = self.header("retry-after").and_then(|value| retry_after(value, SystemTime::now()));
        let request = self.request.clone();
        let json = self.header("content-type").is_some_and(|kind| kind.contains("json"));
        let body = self.bytes(LIMITS.reply_bytes, options).unwrap_or_default();
        let said = Said::read(&body, json);
        let again = if passing_status(status) && !said.names_a_used_up_allowance() {
            Again::Later(wait)
        } else {
            Again::Never
        };
        Failed { error: said.error(request, status, had), again }
    }
}

/// Reads a small body whole, within its limit and the time for an answer.
fn read_small(
    body: ureq::Body,
    limit: u64,
    request: &str,
    options: &ClientOptions,
) -> Result<Vec<u8>, RegistryError> {
    let started = Instant::now();
    let mut reader = body.into_reader().take(limit.saturating_add(1));
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(connection_error(ureq::Error::from(error), request)),
        };
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if bytes.len() as u64 > limit {
            return Err(RegistryError::AnswerTooLarge { request: request.to_owned(), limit });
        }
        if started.elapsed() > options.response_timeout {
            let during = "the answer trickles".to_owned();
            return Err(RegistryError::Timeout { request: request.to_owned(), during });
        }
    }
    Ok(bytes)
}

/// What a registry says about an error (distribution-spec, "Error Codes").
#[derive(Debug, Default)]
pub(super) struct Said {
    codes: Vec<String>,
    message: String,
    digests: Vec<Digest>,
}

#[derive(Deserialize)]
struct WireErrors {
    errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: serde_json::Value,
}

impl Said {
    pub(super) fn read(body: &[u8], json: bool) -> Self {
        if let Ok(WireErrors { errors }) = serde_json::from_slice(body) {
            let mut said = Self::default();
            let mut parts: Vec<String> = Vec::new();
            for error in errors.into_iter().take(16) {
                let code = error.code.as_str().map_or_else(|| error.code.to_string(), str::to_owned);
                let detail = match &error.detail {
                    serde_json::Value::String(text) => text.clone(),
                    serde_json::Value::Object(fields) => ["Digest", "digest", "message"]
                        .iter()
                        .find_map(|name| fields.get(*name)?.as_str().map(str::to_owned))
                        .unwrap_or_default(),
                    _ => String::new(),
                };
                said.digests.extend(detail.parse::<Digest>().ok());
                let words = [code.as_str(), error.message.as_deref().unwrap_or_default(), &detail];
                let words: Vec<_> =
                    words.into_iter().filter(|word| !word.is_empty() && *word != "null").collect();
                parts.push(words.join(": "));
                said.codes.push(code);
            }
            parts.dedup();
            said.message = clean(&parts.join("; "));
            return said;
        }
        // A page for browsers says little; its title is the best of it.
        let text = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
        let text = match text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")) {
            Some((title, _)) => title,
            None if text.trim_start().starts_with('<') => "",
            None if json && !text.trim_start().starts_with('{') => "",
            None => &text,
        };
        Self { message: clean(text), ..Self::default() }
    }

    fn has(&self, words: &[&str]) -> bool {
        let text = self.message.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found == code)
    }

    /// Whether waiting a little is of no use: Nexus Community Edition stops writes for hours (nexus-public#883).
    fn names_a_used_up_allowance(&self) -> bool {
        self.has(&["usage limit", "license limit", "requests per day", "community edition"])
    }

    pub(super) fn error(self, request: String, status: u16, had: &str) -> RegistryError {
        let full =
            self.has(&["quota", "no space left", "insufficient storage", "disk full", "storage limit"]);
        let missing = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"].iter().any(|code| self.has_code(code))
            || self.has_code("MANIFEST_UNKNOWN") && request.starts_with("PUT ");
        let Self { message, digests, .. } = self;
        match status {
            507 => RegistryError::NoSpace { request, status, message },
            400..=599 if full => RegistryError::NoSpace { request, status, message },
            401 => RegistryError::Unauthorized { request, had: had.to_owned(), message },
            403 => RegistryError::Denied { request, message },
            413 => RegistryError::TooLarge { request, message },
            429 => RegistryError::TooManyRequests { request, message },
            400 | 404 if missing && request.contains("/manifests/") && request.starts_with("PUT ") => {
                RegistryError::MissingParts { request, missing: digests, message }
            }
            404 if message.is_empty() => RegistryError::NotFound { request },
            _ => RegistryError::Status { request, status, message },
        }
    }
}

/// Makes foreign text fit for a screen: one line, no control or direction characters, 300 characters at most.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == 300 {
            clean.push('…');
            break;
        }
        match character {
            '\n' | '\r' | '\t' => clean.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                clean.extend(character.escape_unicode());
            }
            other if other.is_control() => clean.extend(other.escape_unicode()),
            other => clean.push(other),
        }
    }
    clean
}

/// What an error of the HTTP client means.
pub(super) fn connection_error(error: ureq::Error, request: &str) -> RegistryError {
    let request = request.to_owned();
    match error {
        ureq::Error::Timeout(during) => RegistryError::Timeout { request, during: during.to_string() },
        ureq::Error::Rustls(why) => RegistryError::Tls { request, why: why.to_string() },
        ureq::Error::Tls(why) => RegistryError::Tls { request, why: why.to_owned() },
        ureq::Error::Io(error) => {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(why) => RegistryError::Tls { request, why: why.to_string() },
                None => RegistryError::Connection { request, why: error.to_string() },
            }
        }
        ureq::Error::HostNotFound => RegistryError::Connection { request, why: "no such host".to_owned() },
        other => RegistryError::Connection { request, why: clean(&other.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Said {
        Said::read(body.as_bytes(), true)
    }

    #[test]
    fn errors_are_told_in_the_registrys_words() {
        let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry",
            "detail":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}"#;
        let error = said(body).error("PUT r.example/v2/a/manifests/t".to_owned(), 404, "");
        match error {
            RegistryError::MissingParts { missing, .. } => assert_eq!(missing, [Digest::of(b"")]),
            other => panic!("{other:?}"),
        }
        let html = "<html><head><title>413 Request Entity Too Large</title></head><body>x</body></html>";
        assert_eq!(Said::read(html.as_bytes(), false).message, "413 Request Entity Too Large");
        assert_eq!(Said::read(b"<html>x</html>", false).message, "");
        assert_eq!(said(r#"{"errors":[{"code":7}]}"#).message, "7");
        assert_eq!(
            said(r#"{"errors":[{"code":"DENIED","message":"quota used up"}]}"#).message,
            "DENIED: quota used up"
        );
    }

    #[test]
    fn a_used_up_quota_is_a_matter_of_space() {
        let error = |status, text: &str| {
            Said::read(text.as_bytes(), false).error("PUT r/v2/a".to_owned(), status, "")
        };
        assert!(matches!(
            error(403, "adding 5 GiB would exceed the quota"),
            RegistryError::NoSpace { status: 403, .. }
        ));
        assert!(matches!(error(500, "write /x: no space left on device"), RegistryError::NoSpace { .. }));
        assert!(matches!(error(507, ""), RegistryError::NoSpace { .. }));
        assert!(matches!(error(413, ""), RegistryError::TooLarge { .. }));
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(clean("a\x1b[2J\r\nb\u{202e}c\u{0}"), "a\\u{1b}[2J  b\\u{202e}c\\u{0}");
        assert_eq!(clean(&"é".repeat(400)).chars().count(), 301);
    }
}
