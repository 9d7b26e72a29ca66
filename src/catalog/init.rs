//! The first blob of a new catalog: an `olm.package` with its description and icon.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::model::{Blob, Catalog, Origin, PACKAGE, Package};
use crate::fault::{Exit, Fault};

/// Why there is no package to write.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A name that must be there is empty.
    #[error("the name of the {what} is empty")]
    Empty {
        /// Whose name.
        what: &'static str,
    },
    /// An icon that no console shows.
    #[error("the icon is neither SVG, PNG, JPEG nor GIF")]
    Icon,
}

impl Fault for InitError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Icon).then(|| "what a file is, its content says, not its name".to_owned())
    }
}

/// A catalog with nothing but a package, as `opm init` makes it. The description is taken as it is.
pub fn init(
    name: &str,
    default_channel: &str,
    description: Option<&str>,
    icon: Option<&[u8]>,
) -> Result<Catalog, InitError> {
    for (what, name) in [("package", name), ("default channel", default_channel)] {
        if name.is_empty() {
            return Err(InitError::Empty { what });
        }
    }
    let mut fields = Map::new();
    fields.insert("schema".to_owned(), json!(PACKAGE));
    fields.insert("name".to_owned(), json!(name));
    fields.insert("defaultChannel".to_owned(), json!(default_channel));
    if let Some(icon) = icon {
        let media_type = media_type(icon).ok_or(InitError::Icon)?;
        fields
            .insert("icon".to_owned(), json!({"base64data": STANDARD.encode(icon), "mediatype": media_type}));
    }
    fields.extend(description.map(|text| ("description".to_owned(), json!(text))));
    let raw = serde_json::value::to_raw_value(&Value::Object(fields)).map_err(|_| InitError::Icon)?;
    let blob = Blob {
        schema: PACKAGE.to_owned(),
        package: name.to_owned(),
        name: name.to_owned(),
        raw: Arc::from(raw),
        origin: Origin::default(),
    };
    let package = Package {
        name: name.to_owned(),
        default_channel: default_channel.to_owned(),
        blob,
        channels: BTreeMap::new(),
        bundles: BTreeMap::new(),
        deprecations: None,
        others: Vec::new(),
    };
    Ok(Catalog { packages: [(name.to_owned(), package)].into(), others: Vec::new() })
}

/// What an icon is, by its first bytes; for SVG by its first element.
fn media_type(icon: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ];
    let known = MAGIC.iter().find(|(magic, _)| icon.starts_with(magic)).map(|(_, media_type)| *media_type);
    known.or_else(|| is_svg(std::str::from_utf8(icon).ok()?).then_some("image/svg+xml"))
}

/// Whether the first element of an XML text is `svg`, after its declaration, comments and document type.
fn is_svg(text: &str) -> bool {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    loop {
        let end = match rest {
            rest if rest.starts_with("<?") => "?>",
            rest if rest.starts_with("<!--") => "-->",
            // A document type with declarations of its own ends where its bracket does.
            rest if rest.starts_with("<!") => {
                let head = rest.split('>').next().unwrap_or_default();
                if head.contains('[') { "]>" } else { ">" }
            }
            rest => {
                let name = rest.strip_prefix("<svg:svg").or_else(|| rest.strip_prefix("<svg"));
                return name.is_some_and(|after| after.starts_with([' ', '\t', '\r', '\n', '>', '/']));
            }
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::write;

    #[test]
    fn a_package_is_written_as_opm_does() {
        let made = init("p", "fast", Some("Two\nlines\n"), Some(b"<svg/>")).unwrap();
        assert_eq!(
            String::from_utf8(write::stream(&made)).unwrap(),
            "{\n    \"schema\": \"olm.package\",\n    \"name\": \"p\",\n    \"defaultChannel\": \"fast\",\n    \
             \"icon\": {\n        \"base64data\": \"PHN2Zy8+\",\n        \"mediatype\": \"image/svg+xml\"\n    },\n    \
             \"description\": \"Two\\nlines\\n\"\n}\n"
        );
        let bare = init("p", "fast", None, None).unwrap();
        assert_eq!(
            String::from_utf8(write::yaml_stream(&bare)).unwrap(),
            "---\ndefaultChannel: fast\nname: p\nschema: olm.package\n"
        );
    }

    #[test]
    fn an_icon_is_what_its_content_says() {
        for (icon, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a;", Some("image/gif")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some("image/svg+xml")),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <b> -->\n<!DOCTYPE svg PUBLIC 'a' 'b'>\n<svg>",
                Some("image/svg+xml"),
            ),
            (b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg:svg>", Some("image/svg+xml")),
            (b"<html><svg/></html>", None),
            (b"<svgx/>", None),
            (b"<!-- <svg>", None),
            (b"", None),
            (b"\xff\xfe<svg/>", None),
            (b"%PDF-1.4", None),
        ] {
            assert_eq!(media_type(icon), expected, "{}", String::from_utf8_lossy(icon));
            assert_eq!(init("p", "c", None, Some(icon)).is_ok(), expected.is_some());
        }
        assert!(init("", "c", None, None).is_err() && init("p", "", None, None).is_err());
    }
}
