//! The fixed texts of an OCI layout (image-spec, `image-layout.md`).

/// The content of the file `oci-layout`.
pub const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The annotation in `index.json` that names an image.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
