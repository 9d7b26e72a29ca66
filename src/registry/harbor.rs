//! The REST API of Harbor: its garbage collection.
//!
//! Sources: Harbor's own API description (`/system/gc`, `/system/gc/schedule`: 201 when it was begun, 403 for who may not, 409 while one
//! runs), and its manual, "Garbage Collection": only system administrators may run it, once a minute at most, and what was uploaded
//! within the last two hours is spared. What a run freed stands in `job_parameters` as text of JSON (`freed_space`) since 2.8.

use serde::Deserialize;
use serde_json::Value;
use ureq::http::Method;

use crate::reference::RegistryHost;
use crate::registry::RegistryError;
use crate::registry::client::Client;
use crate::registry::office::Office;

/// A Harbor, asked on behalf of the account that the auth file has for its registry.
pub struct Harbor<'c> {
    office: Office<'c>,
}

/// One run of its garbage collection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HarborRun {
    /// Its number; later ones are higher.
    pub id: u64,
    /// `Pending`, `Running`, `Success`, `Error`, `Stopped` and others.
    #[serde(default)]
    pub job_status: String,
    #[serde(default)]
    job_parameters: String,
}

impl HarborRun {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        ["Success", "Error", "Stopped"].iter().any(|word| self.job_status.eq_ignore_ascii_case(word))
    }

    /// Bytes that it freed, where it says so.
    pub fn freed(&self) -> Option<u64> {
        let parameters: Value = serde_json::from_str(&self.job_parameters).ok()?;
        parameters.get("freed_space")?.as_u64()
    }
}

impl<'c> Harbor<'c> {
    /// The Harbor that a registry belongs to.
    pub fn of(client: &'c Client, host: &RegistryHost) -> Result<Self, RegistryError> {
        Ok(Self { office: Office::beside(client, host)? })
    }

    /// Its last run, if there was one.
    pub fn last_run(&self) -> Result<Option<HarborRun>, RegistryError> {
        // Newest first is what it does unasked; who asks for an order gets an error from old ones.
        let url = self.office.url("api/v2.0/system/gc", &[("page", "1"), ("page_size", "10")]);
        let runs: Vec<HarborRun> = self.office.json(&url)?;
        Ok(runs.into_iter().max_by_key(|run| run.id))
    }

    /// A run as it is now.
    pub fn run(&self, id: u64) -> Result<HarborRun, RegistryError> {
        self.office.json(&self.office.url(&format!("api/v2.0/system/gc/{id}"), &[]))
    }

    /// Begins a run. What has no tag stays: images of indexes have none of their own.
    pub fn collect(&self) -> Result<(), RegistryError> {
        let body =
            br#"{"schedule":{"type":"Manual"},"parameters":{"delete_untagged":false,"dry_run":false}}"#;
        self.office.send(Method::POST, &self.office.url("api/v2.0/system/gc/schedule", &[]), Some(body))
    }
}
