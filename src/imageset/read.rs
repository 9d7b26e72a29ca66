//! From the bytes of an ImageSetConfiguration to a request, or to everything that is wrong with it.

use regex::RegexBuilder;

use super::request::{AdditionalImage, BlockedImages, CatalogRef, OperatorsRequest, Request};
use super::{operators, platform, refused};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::oci::Platform;
use crate::yaml::{Fields, Form, Node, parse as parse_yaml};

/// Which API version a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// That of oc-mirror v2.
    V2Alpha1,
    /// That of oc-mirror v1.
    V1Alpha2,
}

impl Api {
    /// As the field `apiVersion` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2Alpha1 => V2ALPHA1,
            Self::V1Alpha2 => V1ALPHA2,
        }
    }
}

const V2ALPHA1: &str = "mirror.openshift.io/v2alpha1";
const V1ALPHA2: &str = "mirror.openshift.io/v1alpha2";

/// Reads an ImageSetConfiguration; `file` is what findings call it.
///
/// The request is there exactly when no finding is an error.
pub fn parse(bytes: &[u8], file: &str, limits: &Limits) -> (Option<Request>, Vec<Finding>) {
    let mut form = Form::new(file, "ISC");
    let request = read(bytes, file, &mut form, limits);
    let request = if form.has_errors() { None } else { request };
    (request, form.into_findings())
}

fn read(bytes: &[u8], file: &str, form: &mut Form<'_>, limits: &Limits) -> Option<Request> {
    let document = document(bytes, form, limits)?;
    let known = ["kind", "apiVersion", "archiveSize", "mirror", "delete", "storageConfig"];
    let root = form.fields(&document, "", &known)?;
    let api = head(form, &root)?;

    let archive_size = root.integer(form, "archiveSize").and_then(|size| {
        if size == 0 {
            let line = root.line_of("archiveSize");
            form.error(
                line,
                "ARCHIVE_SIZE",
                "archiveSize",
                "a volume of 0 GiB holds nothing",
                "leave it out for one file",
            );
        }
        size.checked_mul(1 << 30)
    });
    let mut request =
        Request { digest: Digest::of(bytes), file: file.to_owned(), archive_size, ..Request::nothing() };
    let Some(node) = root.value("mirror") else { return Some(request) };
    let known = ["platform", "operators", "additionalImages", "helm", "blockedImages", "samples"];
    let mirror = form.fields(node, "mirror", &known)?;
    refused::check(form, &mirror);
    request.platform = platform::read(form, &mirror);
    for (index, node) in mirror.list(form, "operators").iter().enumerate() {
        request.operators.extend(operators::read(form, node, &format!("mirror.operators[{index}]"), api));
    }
    for (index, node) in mirror.list(form, "additionalImages").iter().enumerate() {
        request.additional.extend(additional(form, node, &format!("mirror.additionalImages[{index}]"), api));
    }
    for (index, node) in mirror.list(form, "blockedImages").iter().enumerate() {
        request.blocked.extend(blocked(form, node, &format!("mirror.blockedImages[{index}]")));
    }
    let nothing = request.platform.is_none() && request.operators.is_empty() && request.additional.is_empty();
    if nothing && !form.has_errors() {
        form.error(
            mirror.line,
            "EMPTY",
            "mirror",
            "it asks for nothing",
            "add `platform`, `operators` or `additionalImages`",
        );
    }
    note_repeated_catalogs(form, &request.operators);
    Some(request)
}

fn document(bytes: &[u8], form: &mut Form<'_>, limits: &Limits) -> Option<Node> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        form.error(1, "SYNTAX", "document", "it is not UTF-8 text", "save it as UTF-8");
        return None;
    };
    let mut documents = match parse_yaml(text, limits) {
        Ok(documents) => documents,
        Err(error) => {
            form.error(error.line, "SYNTAX", "document", &error, "mend the YAML");
            return None;
        }
    };
    if let Some(second) = documents.get(1) {
        form.error(
            second.line,
            "SYNTAX",
            "document",
            "there is a second document",
            "one file holds one ImageSetConfiguration",
        );
        return None;
    }
    let document = documents.pop();
    if document.is_none() {
        form.error(1, "SYNTAX", "document", "the file is empty", "");
    }
    document
}

/// Checks kind, API version and what belongs to other kinds.
fn head(form: &mut Form<'_>, root: &Fields<'_>) -> Option<Api> {
    root.require(form, "kind", "write `kind: ImageSetConfiguration`");
    root.require(form, "apiVersion", &format!("write `apiVersion: {V2ALPHA1}`"));
    let kind = root.text(form, "kind");
    if kind == Some("DeleteImageSetConfiguration") {
        let hint = "give a file of kind ImageSetConfiguration; nothing is deleted by an import";
        form.error(
            root.line_of("kind"),
            "KIND",
            "kind",
            "this file says what to delete, not what to carry",
            hint,
        );
        // Its stanzas are those of another command: more findings would only mislead.
        return None;
    }
    if let Some(kind) = kind.filter(|kind| *kind != "ImageSetConfiguration") {
        let message = format!("`{kind}` is not a kind that can be read");
        form.error(root.line_of("kind"), "KIND", "kind", message, "write `kind: ImageSetConfiguration`");
    }
    let api = match root.text(form, "apiVersion") {
        Some(V1ALPHA2) => Api::V1Alpha2,
        Some(V2ALPHA1) | None => Api::V2Alpha1,
        Some(other) => {
            let message = format!("`{other}` is not a version that can be read");
            let hint = format!("write `{V2ALPHA1}` or `{V1ALPHA2}`");
            form.error(root.line_of("apiVersion"), "API_VERSION", "apiVersion", message, hint);
            Api::V2Alpha1
        }
    };
    if root.has("delete") {
        let hint = "take it out; nothing is deleted by an import";
        form.error(
            root.line_of("delete"),
            "UNKNOWN_FIELD",
            "delete",
            "`delete` does not belong in an ImageSetConfiguration",
            hint,
        );
    }
    if root.has("storageConfig") {
        let line = root.line_of("storageConfig");
        match api {
            Api::V1Alpha2 => form.push(
                line,
                Finding::info(
                    "ISC_IGNORED_FIELD",
                    "storageConfig",
                    "the state of a site is in its report, not in a storage",
                ),
            ),
            Api::V2Alpha1 => {
                let message = "`storageConfig` is a field of v1alpha2";
                form.error(
                    line,
                    "UNKNOWN_FIELD",
                    "storageConfig",
                    message,
                    "take it out: nothing is stored between runs",
                );
            }
        }
    }
    root.require(form, "mirror", "say what to carry under `mirror:`");
    Some(api)
}

fn additional(form: &mut Form<'_>, node: &Node, path: &str, api: Api) -> Option<AdditionalImage> {
    let known: &[&str] = match api {
        Api::V2Alpha1 => &["name", "targetRepo", "targetTag", "platforms"],
        Api::V1Alpha2 => &["name"],
    };
    let fields = form.fields(node, path, known)?;
    fields.require(form, "name", "write `name: host/repository:tag`");
    let target_repository = fields.parsed(form, "targetRepo", "TARGET");
    let target_tag = fields.parsed(form, "targetTag", "TARGET");
    let platforms = platforms(form, &fields);
    let CatalogRef::Image(image) = image(form, &fields, "name")? else {
        let hint = "push it to a registry first, for instance to `ombundle serve`, and name that";
        let line = fields.line_of("name");
        let message = "images in a layout are not read yet";
        form.push(line, Finding::error("NOT_YET_LAYOUT", fields.name("name"), message).hint(hint));
        return None;
    };
    Some(AdditionalImage { line: node.line, image, target_repository, target_tag, platforms })
}

/// An image with a tag or digest, or a layout.
pub(super) fn image(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) -> Option<CatalogRef> {
    let text = fields.text(form, field)?;
    if let Some(path) = text.strip_prefix("oci://").or_else(|| text.strip_prefix("oci:")) {
        return Some(CatalogRef::Layout(path.to_owned()));
    }
    let image: crate::reference::ImageRef = fields.parsed(form, field, "REFERENCE")?;
    if image.tag.is_none() && image.digest.is_none() {
        let message = format!("`{text}` has neither tag nor digest");
        let hint = format!("say which: `{text}:TAG` or `{text}@sha256:…`");
        form.error(fields.line_of(field), "REFERENCE", &fields.name(field), message, hint);
        return None;
    }
    Some(CatalogRef::Image(image))
}

/// `platforms: [{os: linux, architecture: amd64}]`.
pub(super) fn platforms(form: &mut Form<'_>, fields: &Fields<'_>) -> Vec<Platform> {
    let path = fields.name("platforms");
    let mut platforms = Vec::new();
    for (index, node) in fields.list(form, "platforms").iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(platform) = form.fields(node, &path, &["os", "architecture", "variant"]) else { continue };
        platform.require(form, "os", "write `os: linux`");
        platform.require(form, "architecture", "write `architecture: amd64`");
        let variant = platform.text(form, "variant");
        let (Some(os), Some(architecture)) = (platform.text(form, "os"), platform.text(form, "architecture"))
        else {
            continue;
        };
        match Platform::new(os, architecture, variant) {
            Ok(platform) => platforms.push(platform),
            Err(why) => {
                form.error(node.line, "PLATFORM", &path, why, "write `os: linux` and `architecture: amd64`");
            }
        }
    }
    platforms.sort();
    platforms.dedup();
    platforms
}

fn blocked(form: &mut Form<'_>, node: &Node, path: &str) -> Option<BlockedImages> {
    let fields = form.fields(node, path, &["name"])?;
    fields.require(form, "name", "write `name:` and a regular expression");
    let text = fields.text(form, "name")?;
    match RegexBuilder::new(text).size_limit(1 << 20).build() {
        Ok(pattern) => Some(BlockedImages { line: node.line, pattern }),
        Err(why) => {
            // The crate draws the expression over several lines; its last line is the reason.
            let why = why.to_string();
            let reason = why.lines().last().unwrap_or(&why).trim_start_matches("error: ");
            let message = format!("`{text}` is not a regular expression: {reason}");
            form.error(
                fields.line_of("name"),
                "REGEX",
                &fields.name("name"),
                message,
                "write `.*` where anything may stand",
            );
            None
        }
    }
}

/// oc-mirror refuses a catalog that stands twice; the union of both items is what is meant.
fn note_repeated_catalogs(form: &mut Form<'_>, operators: &[OperatorsRequest]) {
    for (index, item) in operators.iter().enumerate() {
        if let Some(first) = operators.iter().take(index).find(|other| other.catalog == item.catalog) {
            let message =
                format!("the catalog stands already in line {}; both items are taken together", first.line);
            form.push(item.line, Finding::info("ISC_DUPLICATE_CATALOG", &item.catalog, message));
        }
    }
}
