//! The `operators` stanza: catalogs, packages, channels and versions.

use super::read::{Api, image, platforms};
use super::request::{CatalogRef, ChannelRequest, OperatorsRequest, PackageRequest, Selection};
use crate::finding::Finding;
use crate::version::{MastermindsRange, Version};
use crate::yaml::{Fields, Form, Node};

/// One item of `operators`.
pub(super) fn read(form: &mut Form<'_>, node: &Node, path: &str, api: Api) -> Option<OperatorsRequest> {
    let mut known = vec!["catalog", "targetCatalog", "targetTag", "full", "skipDependencies", "packages"];
    known.extend_from_slice(match api {
        Api::V2Alpha1 => &["targetCatalogSourceTemplate", "platforms"],
        Api::V1Alpha2 => &["targetName", "originalRef"],
    });
    let fields = form.fields(node, path, &known)?;
    fields.require(
        form,
        "catalog",
        "write `catalog: registry.redhat.io/redhat/redhat-operator-index:v4.20`, or yours",
    );
    let catalog = image(form, &fields, "catalog");
    if let Some(CatalogRef::Layout(_)) = catalog {
        let hint = "name the catalog by its own reference, push the layout to a registry (`skopeo copy oci:DIR:TAG docker://…`, \
                    for instance to `ombundle serve`), and let `registries.conf` send the reference there";
        let finding = Finding::error(
            "NOT_YET_LAYOUT",
            fields.name("catalog"),
            "catalogs in a layout are not planned yet",
        );
        form.push(fields.line_of("catalog"), finding.hint(hint));
    }
    for field in ["targetCatalogSourceTemplate", "targetName", "originalRef"] {
        if fields.value(field).is_some() {
            let message = format!("`{field}` has no effect: the site file names the catalog and its mirror");
            form.push(fields.line_of(field), Finding::info("ISC_IGNORED_FIELD", fields.name(field), message));
        }
    }
    for field in ["targetCatalog", "targetTag"] {
        if fields.has(field) {
            let message =
                format!("`{field}` decides nothing here: where a catalog lands is the site's matter");
            let finding = Finding::info("ISC_IGNORED_FIELD", fields.name(field), message);
            form.push(
                fields.line_of(field),
                finding.hint("`spec.catalogs[].mirror` of the site file says repository and tag"),
            );
        }
    }
    let full = fields.boolean(form, "full").unwrap_or(false);
    let mut packages: Vec<PackageRequest> = Vec::new();
    for (index, node) in fields.list(form, "packages").iter().enumerate() {
        let path = format!("{path}.packages[{index}]");
        let Some(package) = package(form, node, &path, api, full) else { continue };
        if let Some(first) = packages.iter().find(|other| other.name == package.name) {
            let message = format!("the package `{}` stands already in line {}", package.name, first.line);
            form.error(node.line, "DUPLICATE_PACKAGE", &path, message, "put its channels under one item");
        } else {
            packages.push(package);
        }
    }
    if packages.is_empty() && fields.list(form, "packages").is_empty() {
        let what = if full { "the whole catalog" } else { "the head of every channel of every package" };
        let message = format!(
            "no packages are named, so {what} is taken: of a vendor's catalog that is hundreds of gigabytes"
        );
        let finding = Finding::warning("ISC_WHOLE_CATALOG", path, message);
        form.push(node.line, finding.hint("name what you need under `packages:`"));
    }
    Some(OperatorsRequest {
        line: node.line,
        target_catalog: fields.parsed(form, "targetCatalog", "TARGET"),
        target_tag: fields.parsed(form, "targetTag", "TARGET"),
        full,
        skip_dependencies: fields.boolean(form, "skipDependencies").unwrap_or(false),
        platforms: platforms(form, &fields),
        packages,
        catalog: catalog?,
    })
}

fn package(form: &mut Form<'_>, node: &Node, path: &str, api: Api, full: bool) -> Option<PackageRequest> {
    let mut known = vec!["name", "defaultChannel", "minVersion", "maxVersion", "channels"];
    if api == Api::V1Alpha2 {
        known.push("minBundle");
    }
    let fields = form.fields(node, path, &known)?;
    fields.require(form, "name", "write `name:` and the package's name");
    let selection = selection(form, &fields, full);
    let mut channels: Vec<ChannelRequest> = Vec::new();
    for (index, node) in fields.list(form, "channels").iter().enumerate() {
        let path = format!("{path}.channels[{index}]");
        let Some((name, of_channel)) = channel(form, node, &path, api, full) else { continue };
        if selection != Selection::Head && of_channel != Selection::Head {
            let message = "the package has a version range, and this channel has one too";
            form.error(
                node.line,
                "MIXED_RANGES",
                &path,
                message,
                "give versions either to the package or to its channels",
            );
        }
        if let Some(first) = channels.iter_mut().find(|other| other.name == name) {
            let message = format!(
                "channel `{name}` stands already in line {}; both items are taken together",
                first.line
            );
            let hint = "oc-mirror 4.18 to 4.20 takes the last one only, later ones refuse the file; one item with \
                        `minVersion` and `maxVersion` means the same to all";
            form.push(node.line, Finding::info("ISC_DUPLICATE_CHANNEL", &path, message).hint(hint));
            if !first.selections.contains(&of_channel) {
                first.selections.push(of_channel);
            }
        } else {
            channels.push(ChannelRequest { line: node.line, name, selections: vec![of_channel] });
        }
    }
    let default_channel = fields.text(form, "defaultChannel").map(str::to_owned);
    if let Some(default) = &default_channel
        && !channels.is_empty()
        && !channels.iter().any(|channel| channel.name == *default)
    {
        let listed: Vec<_> = channels.iter().map(|channel| channel.name.as_str()).collect();
        let message = format!(
            "the default channel `{default}` is not among the channels that are kept: {}",
            listed.join(", ")
        );
        let hint = "list it under `channels:` too, or make one of the listed the default";
        form.error(
            fields.line_of("defaultChannel"),
            "DEFAULT_CHANNEL",
            &fields.name("defaultChannel"),
            message,
            hint,
        );
    }
    let name = fields.text(form, "name")?.to_owned();
    Some(PackageRequest { line: node.line, name, default_channel, selection, channels })
}

fn channel(
    form: &mut Form<'_>,
    node: &Node,
    path: &str,
    api: Api,
    full: bool,
) -> Option<(String, Selection)> {
    let known: &[&str] = match api {
        Api::V2Alpha1 => &["name", "minVersion", "maxVersion"],
        Api::V1Alpha2 => &["name", "minVersion", "maxVersion", "minBundle"],
    };
    let fields = form.fields(node, path, known)?;
    fields.require(form, "name", "write `name:` and the channel's name");
    let selection = selection(form, &fields, full);
    Some((fields.text(form, "name")?.to_owned(), selection))
}

fn selection(form: &mut Form<'_>, fields: &Fields<'_>, full: bool) -> Selection {
    let (min, max) = (version(form, fields, "minVersion"), version(form, fields, "maxVersion"));
    let bundle = fields.text(form, "minBundle").map(str::to_owned);
    let subject = |field| fields.name(field);
    if full && (fields.has("minVersion") || fields.has("maxVersion") || bundle.is_some()) {
        let message = "`full: true` takes whole channels, and here are versions";
        form.error(fields.line, "FULL_WITH_RANGE", &fields.path, message, "take out `full` or the versions");
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && min.precedence(max).is_gt()
    {
        let message = format!("the minimum {min} is above the maximum {max}");
        let hint = "swap them";
        form.error(fields.line_of("minVersion"), "EMPTY_RANGE", &subject("minVersion"), message, hint);
    }
    match bundle {
        Some(_) if min.is_some() || max.is_some() => {
            let message = "`minBundle` and versions stand together";
            form.error(
                fields.line_of("minBundle"),
                "MIXED_RANGES",
                &subject("minBundle"),
                message,
                "keep one of them",
            );
            Selection::Head
        }
        Some(bundle) => Selection::FromBundle(bundle),
        None if min.is_none() && max.is_none() => Selection::Head,
        None => Selection::Range(MastermindsRange::between(min.as_ref(), max.as_ref())),
    }
}

fn version(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) -> Option<Version> {
    let text = fields.text(form, field)?;
    let hint = "write three numbers, for instance 1.8.0 or 4.16.0-rhodf";
    Version::parse(text)
        .map_err(|why| form.error(fields.line_of(field), "VERSION", &fields.name(field), why, hint))
        .ok()
}
