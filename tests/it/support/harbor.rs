//! A stand-in for Harbor in front of Debian's `docker-registry`: tokens at the registry, and the part of its API that collects garbage.
//!
//! Written from documented behaviour: `POST /api/v2.0/system/gc/schedule` answers 201, 403 to who is no system administrator, 409 while
//! a run goes on; runs are listed newest first with `job_status` and, as text of JSON, `job_parameters`; what is younger than two hours
//! is spared. The registry asks for tokens, and the API beside it for name and password.

use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use serde_json::{Value, json};

use super::peer::{Answer, Asked, Peer, forward};
use super::registry::{DockerRegistry, PASSWORD, USER};

const TOKEN: &str = "a-token-of-harbor";

/// What this instance does.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a quirk of its own")]
pub(crate) struct Quirks {
    /// The account is no system administrator.
    pub(crate) robot: bool,
    /// A run that somebody else began goes on for so many looks.
    pub(crate) busy: u32,
    /// Everything is too young to be freed.
    pub(crate) young: bool,
    /// Runs end with `Error`.
    pub(crate) fails: bool,
    /// What a run freed is not said (before 2.8).
    pub(crate) silent: bool,
}

/// The instance. It ends when it is dropped.
pub(crate) struct Harbor {
    peer: Peer,
    state: Arc<State>,
}

struct State {
    registry: DockerRegistry,
    quirks: Quirks,
    runs: Mutex<Vec<Run>>,
}

struct Run {
    /// So many looks until it is over.
    left: u32,
    freed: u64,
}

impl Harbor {
    pub(crate) fn start(quirks: Quirks) -> Self {
        let others = (quirks.busy > 0).then_some(Run { left: quirks.busy, freed: 0 });
        let runs = Mutex::new(others.into_iter().collect());
        let state = Arc::new(State { registry: DockerRegistry::start(), quirks, runs });
        let answering = Arc::clone(&state);
        Self { peer: Peer::start(move |asked| answering.answer(asked)), state }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> String {
        self.peer.host()
    }

    pub(crate) fn registry(&self) -> &DockerRegistry {
        &self.state.registry
    }

    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.peer.count(method, path)
    }
}

impl State {
    fn answer(&self, asked: &Asked) -> Answer {
        let path = asked.path.split('?').next().unwrap_or_default().to_owned();
        let own = path.strip_prefix("/api/v2.0/system/gc").map(str::to_owned);
        match own {
            Some(rest) => self.api(asked, &rest),
            None if path == "/service/token" => {
                json_answer(200, &json!({"token": TOKEN, "expires_in": 1800}))
            }
            None if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) => {
                let realm = format!("http://{}/service/token", asked.header("host").unwrap());
                Answer::new(401)
                    .with("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"harbor-registry\""))
            }
            None => forward(asked, &self.registry.host().to_string()),
        }
    }

    fn api(&self, asked: &Asked, rest: &str) -> Answer {
        let expected = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        if asked.header("authorization") != Some(&format!("Basic {expected}")) {
            return refusal(401, "UNAUTHORIZED", "unauthorized");
        }
        if self.quirks.robot {
            return refusal(403, "FORBIDDEN", "forbidden");
        }
        let mut runs = self.runs.lock().unwrap();
        match (asked.method.as_str(), rest) {
            ("GET", "") => {
                let all: Vec<Value> = (0..runs.len()).rev().map(|at| self.shown(at, &mut runs)).collect();
                json_answer(200, &json!(all))
            }
            ("POST", "/schedule") if runs.iter().any(|run| run.left > 0) => {
                refusal(409, "CONFLICT", "a previous scheduled job is running")
            }
            ("POST", "/schedule") => {
                let body: Value = serde_json::from_slice(&asked.body).unwrap();
                assert_eq!(asked.header("content-type"), Some("application/json"));
                assert_eq!(
                    (&body["schedule"]["type"], &body["parameters"]["delete_untagged"]),
                    (&json!("Manual"), &json!(false))
                );
                let freed = if self.quirks.young { 0 } else { self.collect() };
                runs.push(Run { left: 3, freed });
                Answer::new(201)
            }
            ("GET", id) => match id.trim_start_matches('/').parse::<usize>() {
                Ok(id) if (1..=runs.len()).contains(&id) => json_answer(200, &self.shown(id - 1, &mut runs)),
                _ => refusal(404, "NOT_FOUND", "not found"),
            },
            _ => Answer::new(405),
        }
    }

    fn shown(&self, at: usize, runs: &mut [Run]) -> Value {
        let run = &mut runs[at];
        let status = match run.left {
            0 if self.quirks.fails => "Error",
            0 => "Success",
            1 => "Running",
            _ => "Pending",
        };
        run.left = run.left.saturating_sub(1);
        let parameters = match (status, self.quirks.silent) {
            ("Success", false) => json!({"delete_untagged": false, "freed_space": run.freed}),
            _ => json!({"delete_untagged": false}),
        };
        json!({"id": at + 1, "job_name": "GARBAGE_COLLECTION", "job_kind": "MANUAL", "job_status": status,
               "job_parameters": parameters.to_string()})
    }

    fn collect(&self) -> u64 {
        let bytes = || {
            crate::import::stand::listing(&self.registry.storage().join("docker/registry/v2/blobs"))
                .values()
                .map(|(size, _)| size)
                .sum::<u64>()
        };
        let before = bytes();
        let done = Command::new("docker-registry")
            .arg("garbage-collect")
            .arg(self.registry.config())
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        before - bytes()
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    json_answer(status, &json!({"errors": [{"code": code, "message": message}]}))
}

fn json_answer(status: u16, value: &Value) -> Answer {
    Answer::new(status).with("Content-Type", "application/json").body(value.to_string())
}
