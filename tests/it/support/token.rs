//! A token server whose tokens Debian's `docker-registry` accepts: ES256, the certificate in `x5c`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, SigningKey as _};

use super::peer::{Answer, Asked, Peer};

pub(crate) const ISSUER: &str = "test-issuer";
pub(crate) const SERVICE: &str = "test-service";

/// How the server behaves; may be changed while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Who may have a token.
    pub(crate) users: Vec<(String, String)>,
    /// What nobody may push to: repositories that begin so.
    pub(crate) pull_only: Option<String>,
    /// Whether anybody may pull.
    pub(crate) anonymous_pull: bool,
    /// Life of a token in seconds, as told to the client; `None` tells nothing.
    pub(crate) expires_in: Option<u64>,
    /// Life of a token in seconds, as the registry sees it.
    pub(crate) lives: i64,
    /// Which refresh token is good.
    pub(crate) identity_token: String,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            users: vec![("alice".to_owned(), "wonderland".to_owned())],
            pull_only: None,
            anonymous_pull: false,
            expires_in: Some(300),
            lives: 300,
            identity_token: "identity-1".to_owned(),
        }
    }
}

/// The server.
pub(crate) struct TokenServer {
    pub(crate) peer: Peer,
    pub(crate) manner: Arc<Mutex<Manner>>,
    folder: tempfile::TempDir,
}

impl TokenServer {
    pub(crate) fn start() -> Self {
        Self::start_with(Manner::default())
    }

    pub(crate) fn start_with(manner: Manner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["token.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("bundle.pem"), certificate.pem()).unwrap();
        let x5c = STANDARD.encode(certificate.der());
        let manner = Arc::new(Mutex::new(manner));
        let shared = Arc::clone(&manner);
        let peer = Peer::start(move |asked| answer(asked, &shared.lock().unwrap(), &key, &x5c));
        Self { peer, manner, folder }
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.peer.host())
    }

    /// The certificate that signs, for the registry's configuration.
    pub(crate) fn bundle_path(&self) -> PathBuf {
        self.folder.path().join("bundle.pem")
    }
}

fn answer(asked: &Asked, manner: &Manner, key: &KeyPair, x5c: &str) -> Answer {
    let query = match asked.method.as_str() {
        "POST" => String::from_utf8_lossy(&asked.body).into_owned(),
        _ => asked.path.split_once('?').map_or("", |(_, query)| query).to_owned(),
    };
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let user = if asked.method == "POST" {
        (field("refresh_token") == Some(&manner.identity_token)).then(|| "identity".to_owned())
    } else {
        asked.header("authorization").and_then(|value| value.strip_prefix("Basic ")).and_then(|text| {
            let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            manner.users.iter().any(|(u, p)| u == user && p == password).then(|| user.to_owned())
        })
    };
    let presented = asked.header("authorization").is_some() || asked.method == "POST";
    if user.is_none() && presented {
        return Answer::new(401).body(r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#);
    }
    let access: Vec<serde_json::Value> = fields
        .iter()
        .filter(|(name, _)| name == "scope")
        .filter_map(|(_, scope)| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            let allowed: Vec<&str> = match user {
                Some(_) if !manner.pull_only.as_deref().is_some_and(|only| name.starts_with(only)) => {
                    actions.split(',').collect()
                }
                None if !manner.anonymous_pull => Vec::new(),
                _ => actions.split(',').filter(|action| *action == "pull").collect(),
            };
            Some(serde_json::json!({"type": kind, "name": name, "actions": allowed}))
        })
        .collect();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let claims = serde_json::json!({
        "iss": ISSUER, "sub": user.unwrap_or_default(), "aud": SERVICE, "access": access,
        "nbf": now - 600, "iat": now, "exp": now + manner.lives, "jti": format!("{now}"),
    });
    let header = serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [x5c]});
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = raw_signature(&key.sign(signed.as_bytes()).unwrap());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let mut reply = serde_json::json!({"token": token});
    if let Some(seconds) = manner.expires_in {
        reply["expires_in"] = seconds.into();
    }
    Answer::new(200).with("Content-Type", "application/json").body(reply.to_string())
}

/// The two numbers of an ECDSA signature in 32 bytes each, out of their DER form.
fn raw_signature(der: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(64);
    let mut rest = &der[2..];
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        raw.extend(std::iter::repeat_n(0, 32 - number.len()));
        raw.extend_from_slice(number);
        rest = &rest[2 + length..];
    }
    raw
}
