//! The file: block style as people write it, values that mean themselves to every reader, a comment for each choice.

use super::draft::{CatalogDraft, ChannelDraft, Configuration, Noted, PackageDraft};
use crate::imageset::Api;
use crate::text::Safe;
use crate::yaml::word;

impl Configuration {
    /// The YAML text.
    pub fn to_yaml(&self, api: Api) -> String {
        let mut file = Writer(String::new());
        file.line(0, "kind: ImageSetConfiguration", "");
        file.line(0, &format!("apiVersion: {}", api.as_str()), "");
        file.line(0, "mirror:", "");
        file.line(1, "operators:", "");
        for catalog in &self.catalogs {
            file.catalog(catalog);
        }
        file.0
    }
}

struct Writer(String);

impl Writer {
    /// One line, with a comment behind it.
    fn line(&mut self, depth: usize, text: &str, comment: &str) {
        self.0.extend(std::iter::repeat_n("  ", depth));
        self.0.push_str(text);
        if !comment.is_empty() {
            let gap = if text.is_empty() { "# " } else { "  # " };
            self.0.push_str(gap);
            self.0.push_str(&Safe(comment).to_string());
        }
        self.0.push('\n');
    }

    fn field(&mut self, depth: usize, lead: &str, Noted { value, why }: &Noted) {
        self.line(depth, &format!("{lead}: {}", word(value)), why);
    }

    /// A version stands in quotes: `4.20` would be a number.
    fn version(&mut self, field: &str, version: Option<&Noted>) {
        if let Some(Noted { value, why }) = version {
            self.line(4, &format!("{field}: '{value}'"), why);
        }
    }

    fn catalog(&mut self, catalog: &CatalogDraft) {
        self.field(1, "- catalog", &catalog.name);
        self.line(2, "packages:", "");
        for package in &catalog.packages {
            self.package(package);
        }
    }

    fn package(&mut self, package: &PackageDraft) {
        for note in &package.notes {
            self.line(2, "", note);
        }
        self.line(2, &format!("- name: {}", word(&package.name)), "");
        if let Some(default) = &package.default_channel {
            self.field(3, "defaultChannel", default);
        }
        self.line(3, "channels:", "");
        for ChannelDraft { name, min, max } in &package.channels {
            self.field(3, "- name", name);
            self.version("minVersion", min.as_ref());
            self.version("maxVersion", max.as_ref());
        }
    }
}
