//! The `platform` stanza: OpenShift releases.

use super::read::platforms;
use super::request::PlatformRequest;
use crate::finding::Finding;
use crate::reference::ImageRef;
use crate::release::{Architecture, ChannelRequest, ReleaseChannel};
use crate::version::Version;
use crate::yaml::{Fields, Form, Node, Value};

const FIELDS: [&str; 6] = ["graph", "architectures", "platforms", "channels", "release", "kubeVirtContainer"];
const CHANNEL: [&str; 6] = ["name", "type", "minVersion", "maxVersion", "shortestPath", "full"];

/// Reads it, where it is there.
pub(super) fn read(form: &mut Form<'_>, mirror: &Fields<'_>) -> Option<PlatformRequest> {
    let fields = form.fields(mirror.value("platform")?, "mirror.platform", &FIELDS)?;
    let mut channels: Vec<(u64, ChannelRequest)> = Vec::new();
    for (index, node) in fields.list(form, "channels").iter().enumerate() {
        let path = format!("mirror.platform.channels[{index}]");
        let Some(read) = channel(form, node, &path) else { continue };
        if let Some((first, _)) = channels.iter().find(|(_, other)| other.channel == read.channel) {
            let message = format!("the channel `{}` stands already in line {first}", read.channel);
            let hint = "write one item with `minVersion` and `maxVersion`";
            form.error(node.line, "DUPLICATE_CHANNEL", &path, message, hint);
        } else {
            channels.push((node.line, read));
        }
    }
    let release = release(form, &fields);
    let platforms = platforms(form, &fields);
    let architectures = architectures(form, &fields, &platforms);
    let graph = fields.boolean(form, "graph").unwrap_or(false);
    if fields.list(form, "channels").is_empty() && release_text(&fields).is_none() {
        let finding = Finding::warning(
            "ISC_NO_RELEASE",
            "mirror.platform",
            "it asks for no release, so nothing of it travels",
        );
        form.push(fields.line, finding.hint("add `channels`, or `release` with a release image"));
        return None;
    }
    Some(PlatformRequest {
        line: fields.line,
        channels: channels.into_iter().map(|(_, channel)| channel).collect(),
        release,
        graph,
        architectures,
        platforms,
        kubevirt: fields.boolean(form, "kubeVirtContainer").unwrap_or(false),
    })
}

fn channel(form: &mut Form<'_>, node: &Node, path: &str) -> Option<ChannelRequest> {
    let fields = form.fields(node, path, &CHANNEL)?;
    fields.require(form, "name", "write `name: stable-4.20`, or yours");
    match fields.text(form, "type") {
        None | Some("ocp") => {}
        Some("okd") => {
            let finding =
                Finding::error("NOT_YET_OKD", fields.name("type"), "releases of OKD are not carried yet");
            let hint = "OKD signs its releases in another way; carry them with oc-mirror";
            form.push(fields.line_of("type"), finding.hint(hint));
        }
        Some(other) => {
            let message = format!("there is no type `{other}`");
            form.error(
                fields.line_of("type"),
                "TYPE",
                &fields.name("type"),
                message,
                "write `ocp`, or leave it out",
            );
        }
    }
    let (min, max) = (version(form, &fields, "minVersion"), version(form, &fields, "maxVersion"));
    if let (Some(min), Some(max)) = (&min, &max)
        && min.precedence(max).is_gt()
    {
        let message = format!("the minimum {min} is above the maximum {max}");
        form.error(
            fields.line_of("minVersion"),
            "EMPTY_RANGE",
            &fields.name("minVersion"),
            message,
            "swap them",
        );
    }
    let shortest_path = fields.boolean(form, "shortestPath").unwrap_or(false);
    let full = fields.boolean(form, "full").unwrap_or(false);
    Some(ChannelRequest {
        channel: fields.parsed::<ReleaseChannel>(form, "name", "CHANNEL")?,
        min,
        max,
        shortest_path,
        full,
    })
}

fn version(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) -> Option<Version> {
    let text = fields.text(form, field)?;
    let hint = "write three numbers, for instance 4.20.5";
    Version::parse(text)
        .map_err(|why| form.error(fields.line_of(field), "VERSION", &fields.name(field), why, hint))
        .ok()
}

/// What stands under `release`; an empty text is nothing, as in the examples of oc-mirror.
fn release_text<'n>(fields: &Fields<'n>) -> Option<&'n Node> {
    let empty = |node: &Node| matches!(&node.value, Value::Scalar { text, .. } if text.is_empty());
    fields.value("release").filter(|node| !empty(node))
}

/// One release by its image.
fn release(form: &mut Form<'_>, fields: &Fields<'_>) -> Option<ImageRef> {
    release_text(fields)?;
    let image: ImageRef = fields.parsed(form, "release", "REFERENCE")?;
    if image.tag.is_none() && image.digest.is_none() {
        let message = format!("`{image}` has neither tag nor digest");
        let hint = format!("say which: `{image}:4.20.5-x86_64`, or a digest");
        form.error(fields.line_of("release"), "REFERENCE", &fields.name("release"), message, hint);
        return None;
    }
    Some(image)
}

/// `architectures`, each once; `platforms` name what is taken of the release for several.
fn architectures(
    form: &mut Form<'_>,
    fields: &Fields<'_>,
    platforms: &[crate::oci::Platform],
) -> Vec<Architecture> {
    if fields.has("platforms") && fields.has("architectures") {
        let message = "`platforms` and `architectures` say the same in two ways";
        let line = fields.line_of("architectures");
        form.error(line, "PLATFORM", &fields.name("architectures"), message, "keep one of them");
    }
    if !platforms.is_empty() {
        return vec![Architecture::Multi];
    }
    let mut all = Vec::new();
    for (index, node) in fields.list(form, "architectures").iter().enumerate() {
        let subject = format!("{}[{index}]", fields.name("architectures"));
        let Some(text) = form.text(node, &subject) else { continue };
        match text.parse::<Architecture>() {
            Ok(architecture) if all.contains(&architecture) => {}
            Ok(architecture) => all.push(architecture),
            Err(why) => {
                let hint = "write amd64, arm64, ppc64le, s390x or multi";
                form.error(node.line, "ARCHITECTURE", &subject, why, hint);
            }
        }
    }
    all
}
