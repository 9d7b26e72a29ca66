//! Every image that must travel: of delivered bundles, hidden in their CSVs, and asked for by themselves.

use std::collections::BTreeSet;

use super::catalogs::Delivered;
use super::pin::{Wish, Wishes};
use crate::catalog::Bundle;
use crate::finding::Finding;
use crate::imageset::Request;
use crate::oci::Platform;
use crate::plan::ImageKind;
use crate::reference::ImageRef;

/// All wishes, and what is worth knowing about them.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) wishes: Wishes,
    pub(super) findings: Vec<Finding>,
}

impl Gathered {
    /// Gathers them. Blocked images are left out, and said where an operator needs them.
    pub(super) fn of(request: &Request, delivered: &[Delivered], platforms: &[Platform]) -> Self {
        let mut gathered = Self::default();
        for catalog in delivered {
            let platforms = if catalog.platforms.is_empty() { platforms } else { &catalog.platforms };
            for bundle in catalog.catalog.packages.values().flat_map(|package| package.bundles.values()) {
                gathered.bundle(request, catalog, bundle, platforms);
            }
        }
        gathered.additional(request, platforms);
        gathered
    }

    fn bundle(&mut self, request: &Request, catalog: &Delivered, bundle: &Bundle, platforms: &[Platform]) {
        let wish = |kind, reason: String, optional| Wish {
            reasons: [reason].into(),
            platforms: platforms.to_vec(),
            optional,
            ..Wish::of(kind)
        };
        let listed: BTreeSet<&str> = bundle
            .related_images
            .iter()
            .map(|related| related.image.as_str())
            .filter(|image| !image.is_empty())
            .collect();
        if bundle.image.is_empty() {
            let message =
                "the catalog embeds this bundle and names no image for it, so it cannot be mirrored";
            self.findings.push(Finding::error("IMAGE_REFERENCE", subject(bundle), message));
        } else if request.blocks(&bundle.image).is_some() {
            self.blocked(request, bundle, &bundle.image, true);
        } else if let Some(image) = self.parse(bundle, &bundle.image) {
            self.wishes.add(image, wish(ImageKind::Bundle, format!("the bundle `{}`", bundle.name), false));
        }
        for related in listed.iter().filter(|related| **related != bundle.image) {
            if request.blocks(related).is_some() {
                self.blocked(request, bundle, related, false);
            } else if let Some(image) = self.parse(bundle, related) {
                self.wishes
                    .add(image, wish(ImageKind::Related, format!("`{}` needs it", bundle.name), false));
            }
        }
        let own = catalog.evidence.iter().filter(|evidence| evidence.bundle == bundle.name);
        for hidden in own.flat_map(|evidence| &evidence.related_images) {
            if listed.contains(hidden.as_str()) || *hidden == bundle.image || request.blocks(hidden).is_some()
            {
                continue;
            }
            let Ok(image) = hidden.parse::<ImageRef>() else { continue };
            if image.tag.is_none() && image.digest.is_none() {
                continue;
            }
            let message =
                format!("the CSV names `{hidden}`, and the catalog does not list it; it comes along");
            self.findings.push(Finding::info("HIDDEN_IMAGE", subject(bundle), message));
            let reason = format!("the CSV of `{}` names it, and nothing lists it", bundle.name);
            self.wishes.add(image, wish(ImageKind::Additional, reason, true));
        }
    }

    /// The reference, or a finding; one without digest is told.
    fn parse(&mut self, bundle: &Bundle, text: &str) -> Option<ImageRef> {
        let image: ImageRef = match text.parse() {
            Ok(image) => image,
            Err(why) => {
                let hint = "the bundle is broken: tell its vendor, or choose another version";
                self.findings.push(Finding::error("IMAGE_REFERENCE", subject(bundle), why).hint(hint));
                return None;
            }
        };
        if image.digest.is_none() {
            let message = format!("it needs `{image}` by tag; the digest that the tag has now is taken");
            let hint = "a cluster finds it by an ImageTagMirrorSet only, which drains nodes when it is new";
            self.findings.push(Finding::warning("TAG_REF", subject(bundle), message).hint(hint));
        }
        Some(image)
    }

    fn blocked(&mut self, request: &Request, bundle: &Bundle, image: &str, whole: bool) {
        let line = request.blocks(image).map(|blocked| blocked.line);
        let finding = if whole {
            let message = format!("its bundle image `{image}` is blocked: it cannot be installed");
            let hint = "narrow the pattern under `blockedImages`: it matches anywhere in the name";
            Finding::error("BLOCKED_BUNDLE", subject(bundle), message).hint(hint)
        } else {
            let message = format!("`{image}` is blocked and does not travel; the operator lists it");
            Finding::warning("BLOCKED_IMAGE", subject(bundle), message)
        };
        self.findings.push(finding.at(&request.file, line));
    }

    fn additional(&mut self, request: &Request, platforms: &[Platform]) {
        for asked in &request.additional {
            if request.blocks(&asked.image.to_string()).is_some() {
                let message = "it is asked for and blocked; it does not travel";
                let finding = Finding::warning("BLOCKED_IMAGE", &asked.image, message);
                self.findings.push(finding.at(&request.file, Some(asked.line)));
                continue;
            }
            let wish = Wish {
                reasons: [format!("asked for in line {}", asked.line)].into(),
                tags: asked.target_tag.iter().map(|tag| (tag.clone(), ImageKind::Additional)).collect(),
                mirror: asked.target_repository.clone(),
                platforms: if asked.platforms.is_empty() { platforms } else { &asked.platforms }.to_vec(),
                ..Wish::of(ImageKind::Additional)
            };
            self.wishes.add(asked.image.clone(), wish);
        }
    }
}

fn subject(bundle: &Bundle) -> String {
    format!("package {}, bundle {}", bundle.package, bundle.name)
}
