//! What to do about an error, as far as the registries' known habits tell.

use crate::registry::RegistryError;
use crate::registry::document::NEVER_SENT;

/// One sentence for the person who reads the error.
pub(super) fn hint(error: &RegistryError) -> Option<String> {
    let text = match error {
        RegistryError::Unauthorized { had, .. } if had.starts_with("no credentials") => {
            "log in with `podman login`, or name the file that holds the credentials with `--authfile`".to_owned()
        }
        RegistryError::Unauthorized { had, .. } if had == NEVER_SENT => {
            "what is asked for there is public: is the address right, or does a proxy on the way want a login?".to_owned()
        }
        RegistryError::Unauthorized { .. } => "check user, password and the rights on this repository; on Nexus, \
             `Docker Bearer Token Realm` must be active under Security, Realms"
            .to_owned(),
        RegistryError::Denied { message, .. } => refused(message).unwrap_or_else(|| {
            "the account lacks the right to do this here; on Harbor, the project must exist first".to_owned()
        }),
        RegistryError::ForeignRealm { host, realm } => format!(
            "if that token server is the registry's own, say so with `--token-realm {host}={}`",
            realm_host(realm)
        ),
        RegistryError::TooLarge { .. } => "raise the limit of the proxy before the registry; in nginx, \
             `client_max_body_size 0` and `proxy_request_buffering off`"
            .to_owned(),
        RegistryError::TooManyRequests { message, .. } => refused(message)
            .unwrap_or_else(|| "the same command goes on where it stopped; use fewer jobs (`-j`)".to_owned()),
        RegistryError::NoSpace { .. } => {
            "free space or raise the quota; what was deleted counts until the registry has collected its garbage"
                .to_owned()
        }
        RegistryError::Status { request, status, message } => {
            return refused(message).or_else(|| by_status(request, *status));
        }
        RegistryError::Connection { .. } => {
            "is the address right, and can this machine reach it? The same command goes on where it stopped".to_owned()
        }
        RegistryError::Source { .. } => {
            "is the medium still there? It may be failing; the same command goes on where it stopped".to_owned()
        }
        RegistryError::Tls { why, .. } => tls(why)?,
        RegistryError::Timeout { .. } => {
            "if the registry is slow to store large layers, raise `--timeout`, and `proxy_read_timeout` of a proxy \
             before it"
                .to_owned()
        }
        RegistryError::Damaged { .. } => {
            "the registry's storage is damaged and pushing again does not mend it: its administrator must delete \
             that blob"
                .to_owned()
        }
        RegistryError::WrongContent { .. } => {
            "the registry's storage or something on the way alters content: do not use what it serves".to_owned()
        }
        RegistryError::Redirect { why, .. } if why.contains("https to http") => {
            "the registry or the proxy before it names itself with http: mend its external address".to_owned()
        }
        RegistryError::MissingParts { .. } => "run the same command again: it pushes what is missing".to_owned(),
        RegistryError::Malformed { why, .. } if why.contains("web page") => {
            "a proxy on the way may want a login, or the name leads to another server: open it in a browser, or give a mirror in \
             registries.conf"
                .to_owned()
        }
        RegistryError::PlainHttp { host, .. } => {
            format!("write https; if plain HTTP is meant, say so with `--plain-http {host}`")
        }
        RegistryError::AnswerTooLarge { .. } => {
            "something else answers there than what was asked for: is the address right?".to_owned()
        }
        RegistryError::Helper { .. } => "put the credentials into an auth file and name it with `--authfile`".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Refusals that are known by their words.
fn refused(message: &str) -> Option<String> {
    const KNOWN: [(&[&str], &str); 8] = [
        (
            &["content type", "mime type", "mime-type"],
            "on Nexus, untick `Strict Content Type Validation` of the repository",
        ),
        (
            &["does not allow updating assets", "cannot be updated", "immutable"],
            "tags cannot be moved there: use a tag that does not exist yet, or allow redeploy for the repository",
        ),
        (
            &["usage limit", "license limit", "requests per day", "community edition"],
            "Nexus Community Edition takes no writes until its 24 hours are over; the same command goes on then",
        ),
        (
            &["does not exist for project", "project not found", "project"],
            "on Harbor, create the project first",
        ),
        (
            &["cannot create organization", "create organization", "namespace"],
            "on Quay, create the organization first or set `CREATE_NAMESPACE_ON_PUSH: true`",
        ),
        (&["unsupported media type", "manifest invalid: media"], "on zot, add `docker2s2` to `http.compat`"),
        (
            &["client sent an http request to an https server"],
            "the registry speaks TLS: leave `--plain-http` out",
        ),
        (&["pull rate limit"], "log in, or wait until the limit is over"),
    ];
    let text = message.to_ascii_lowercase();
    KNOWN
        .iter()
        .find(|(words, _)| words.iter().any(|word| text.contains(word)))
        .map(|(_, hint)| (*hint).to_owned())
}

fn by_status(request: &str, status: u16) -> Option<String> {
    let hint = match status {
        405 if request.starts_with("DELETE") => {
            "deleting is switched off there; in distribution, set `storage.delete.enabled: true`"
        }
        403 | 405 => "a Nexus group or proxy repository takes no pushes: use the port of a hosted repository",
        411 => "a proxy before the registry drops Content-Length",
        502 | 504 => "a proxy before the registry gave up waiting: raise its `proxy_read_timeout`",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn tls(why: &str) -> Option<String> {
    let hint = if why.contains("UnknownIssuer")
        || why.contains("SelfSigned")
        || why.contains("CaUsedAsEndEntity")
        // An authority of that name is trusted, and another one signed.
        || why.contains("BadSignature")
    {
        "name the authority that signed the registry's certificate with `--ca-file`, or put it into certs.d"
    } else if why.contains("NotValidForName") || why.contains("not valid for name") {
        "use the name that stands in the registry's certificate"
    } else if why.contains("Expired") || why.contains("NotValidYet") {
        "renew the registry's certificate, and check this machine's clock"
    } else if why.contains("InvalidMessage") || why.contains("corrupt message") {
        "the server does not speak TLS; if plain HTTP is meant, name it with `--plain-http`"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn realm_host(realm: &str) -> String {
    url::Url::parse(realm)
        .ok()
        .and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
        })
        .unwrap_or_else(|| "HOST".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault as _;

    #[test]
    fn known_refusals_come_with_their_remedy() {
        let request = || "PUT r/v2/a".to_owned();
        let status = |status, message: &str| RegistryError::Status {
            request: request(),
            status,
            message: message.to_owned(),
        };
        for (error, expected) in [
            (status(400, "Strict content type validation failed"), "Strict Content Type"),
            (status(400, "Repository does not allow updating assets"), "cannot be moved"),
            (status(405, ""), "hosted repository"),
            (status(504, ""), "proxy_read_timeout"),
            (RegistryError::TooLarge { request: request(), message: String::new() }, "client_max_body_size"),
            (
                RegistryError::Denied { request: request(), message: "usage limit reached".to_owned() },
                "24 hours",
            ),
            (
                RegistryError::ForeignRealm {
                    host: "r:5000".to_owned(),
                    realm: "https://t.example:8443/x?y".to_owned(),
                },
                "--token-realm r:5000=t.example:8443",
            ),
        ] {
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains(expected), "{error}: {hint}");
        }
        assert_eq!(status(418, "").hint(), None);
    }
}
