//! What a signature says: the JSON statement that a digest is the image of a reference.

use serde::Deserialize;

use crate::digest::Digest;
use crate::release::signature::SignatureFault;

/// The only kind of statement that is about images (containers/image `signature`, library-go `pkg/verify`).
const TYPE: &str = "atomic container signature";

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The image.
    pub(super) digest: Digest,
    /// What it was called: mostly `quay.io/openshift-release-dev/ocp-release:4.20.3-x86_64`. Never empty.
    pub(super) reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    critical: Critical,
    #[serde(default, rename = "optional")]
    _optional: Optional,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

/// Nothing is decided by what a signer says of itself; it is read so that a field of another name is noticed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Optional {
    #[serde(default, rename = "creator")]
    _creator: Option<String>,
    #[serde(default, rename = "timestamp")]
    _timestamp: Option<i64>,
}

impl Claim {
    /// Reads the statement. Only what a trusted key signed may come here.
    pub(super) fn parse(signed: &[u8]) -> Result<Self, SignatureFault> {
        let wrong = |why: String| SignatureFault::Claim { why };
        let wire: Wire = serde_json::from_slice(signed).map_err(|error| wrong(error.to_string()))?;
        if wire.critical.kind != TYPE {
            return Err(SignatureFault::Type { found: wire.critical.kind });
        }
        if wire.critical.identity.reference.is_empty() {
            return Err(wrong("`docker-reference` is empty".to_owned()));
        }
        let digest = wire.critical.image.digest.parse();
        let digest =
            digest.map_err(|_| wrong("`docker-manifest-digest` is not a SHA-256 digest".to_owned()))?;
        Ok(Self { digest, reference: wire.critical.identity.reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"critical": {"image": {"docker-manifest-digest": "sha256:7039e7bd34fd024ff619df914528c8d85e62b847291f6684096fd4ca8dba2bbd"}, "type": "atomic container signature", "identity": {"docker-reference": "quay.io/openshift-release-dev/ocp-release:4.15.49-x86_64"}}, "optional": {"creator": "Signing Authority 0.0.1", "timestamp": 1744321846}}"#;

    #[test]
    fn the_statement_is_read() {
        let claim = Claim::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(claim.reference, "quay.io/openshift-release-dev/ocp-release:4.15.49-x86_64");
        assert_eq!(claim.digest.short(), "7039e7bd34fd");
        assert_eq!(Claim::parse(GOOD.replace(r#", "timestamp": 1744321846"#, "").as_bytes()), Ok(claim));
        let without = GOOD.split(r#", "optional""#).next().unwrap();
        Claim::parse(format!("{without}}}").as_bytes()).unwrap();
    }

    #[test]
    fn everything_else_is_refused() {
        for (from, to, why) in [
            (
                "atomic container signature",
                "atomic container",
                "what was signed is of type `atomic container`",
            ),
            (r#""type""#, r#""typ""#, "unknown field `typ`"),
            (r#""optional": {"#, r#""optional": {"more": 1, "#, "unknown field `more`"),
            (r#"{"critical""#, r#"{"a": 1, "critical""#, "unknown field `a`"),
            (r#""image": {"#, r#""image": {"b": 1, "#, "unknown field `b`"),
            (r#""identity": {"#, r#""identity": {"c": 1, "#, "unknown field `c`"),
            (r#""critical": {"#, r#""critical": {"d": 1, "#, "unknown field `d`"),
            (
                r#""critical": {"#,
                r#""critical": {"type": "atomic container signature", "#,
                "duplicate field `type`",
            ),
            ("quay.io/openshift-release-dev/ocp-release:4.15.49-x86_64", "", "`docker-reference` is empty"),
            ("sha256:7039", "sha256:703", "is not a SHA-256 digest"),
            ("sha256:7039", "sha512:7039", "is not a SHA-256 digest"),
            ("}}, ", "}, ", "at line 1"),
            ("1744321846}}", "1744321846}} {}", "trailing characters"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let found = Claim::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(found.contains(why), "{found}");
        }
    }
}
