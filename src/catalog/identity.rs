//! What a bundle must say of itself to be read: its identity, and properties that are what their types promise.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::model::{Blob, Property};
use super::property::{Gvk, Identity, PackageRequired};
use super::wire::WireProperty;
use crate::version::Version;

pub(super) fn version(blob: &Blob, properties: &[Property]) -> Result<Version, String> {
    let mut identities = properties.iter().filter(|property| property.kind == "olm.package");
    let (Some(first), None) = (identities.next(), identities.next()) else {
        let count = properties.iter().filter(|property| property.kind == "olm.package").count();
        return Err(format!("has {count} properties of type `olm.package`"));
    };
    let identity: Identity = first.read().map_err(|error| error.to_string())?;
    if identity.package_name != blob.package {
        return Err(format!("its `olm.package` property names package `{}`", identity.package_name));
    }
    Version::parse(&identity.version).map_err(|error| error.to_string())
}

/// Properties of the types that decide something must be readable; gives what is wrong with those that are not.
pub(super) fn bad_properties<'p>(properties: &'p [WireProperty<'_>]) -> impl Iterator<Item = String> + 'p {
    properties.iter().enumerate().filter_map(|(index, property)| {
        let kind = property.kind.as_str();
        let json = property.value.map_or("null", RawValue::get);
        let result = match kind {
            "" => Err("has no type".to_owned()),
            "olm.package"
            | "olm.package.required"
            | "olm.gvk"
            | "olm.gvk.required"
            | "olm.csv.metadata"
            | "olm.bundle.object"
                if !json.starts_with('{') =>
            {
                Err("is not an object".to_owned())
            }
            "olm.package" => readable::<Identity>(json).map(drop),
            "olm.package.required" => readable::<PackageRequired>(json).map(drop),
            "olm.gvk" | "olm.gvk.required" => readable::<Gvk>(json).map(drop),
            "olm.bundle.object" => readable::<Embedded<'_>>(json).and_then(|object| match object.data {
                Some(data) if !is_base64(&data) => Err("its `data` is not base64".to_owned()),
                _ => Ok(()),
            }),
            _ => Ok(()),
        };
        result.err().map(|message| format!("property {index} (`{kind}`) cannot be read: {message}"))
    })
}

fn readable<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// An `olm.bundle.object`.
#[derive(Deserialize)]
struct Embedded<'a> {
    #[serde(default, borrow)]
    data: Option<Cow<'a, str>>,
}

/// Whether Go takes it: the standard alphabet with padding, line breaks between.
pub(super) fn is_base64(text: &str) -> bool {
    let mut letters = 0_usize;
    let mut padding = 0_usize;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        match byte {
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => letters += 1,
            _ => return false,
        }
    }
    padding <= 2 && (letters + padding).is_multiple_of(4) && (padding == 0 || letters % 4 >= 2)
}
