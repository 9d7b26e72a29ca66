//! Origins: what credentials are bound to, and where an answer may send us next.

use std::fmt;

use url::{Host, Url};

use crate::reference::RegistryHost;

/// Scheme, host and port: the party that credentials are given to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` address; nothing for any other, and nothing where a user name hides the host.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        Some(Self { tls, host: url.host_str()?.to_ascii_lowercase(), port: url.port_or_known_default()? })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host without port, an IPv6 address in brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// `host:port`, or `host` where the port is the scheme's own: the name of its folder in certs.d.
    pub(super) fn authority(&self) -> String {
        let own = if self.tls { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    pub(super) fn same_host(&self, other: &Self) -> bool {
        self.host == other.host
    }

    pub(super) fn is_loopback(&self) -> bool {
        Url::parse(&self.to_string()).is_ok_and(|url| is_loopback(&url))
    }

    /// Moves an address to this origin, keeping path and query.
    pub(super) fn take(&self, url: &mut Url) -> bool {
        let scheme = if self.tls { "https" } else { "http" };
        url.set_scheme(scheme).is_ok()
            && url.set_host(Some(&self.host)).is_ok()
            && url.set_port(Some(self.port)).is_ok()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

/// Whether an address points at this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.to_ipv4_mapped().is_some_and(|inner| inner.is_loopback())
        }
        None => false,
    }
}

/// The API's root at a registry. Docker Hub answers under another name than its images carry.
pub(super) fn api_root(host: &RegistryHost, tls: bool) -> Option<Url> {
    let host = match host.as_str() {
        "docker.io" | "index.docker.io" => "registry-1.docker.io",
        other => other,
    };
    Url::parse(&format!("{}://{host}/v2/", if tls { "https" } else { "http" })).ok()
}

/// Why a redirect is not followed, or where it leads.
pub(super) fn redirect(from: &Url, location: &str) -> Result<Url, &'static str> {
    let to = from.join(location).map_err(|_| "the address is malformed")?;
    let origin = Origin::of(&to).ok_or("it is no plain http or https address")?;
    if from.scheme() == "https" && !origin.is_tls() {
        return Err("it leads from https to http");
    }
    if is_loopback(&to) && !is_loopback(from) {
        return Err("it leads to this machine");
    }
    Ok(to)
}

/// Where an upload goes on (`Location` of a started upload), resolved against the request.
///
/// Registries behind a proxy that ends TLS name themselves with the wrong scheme or port (peers: podman#14144,
/// oras-go#177), so an address on the same host keeps the request's scheme and port.
pub(super) fn upload_location(from: &Url, location: &str) -> Result<Url, &'static str> {
    let mut to = from.join(location).map_err(|_| "the address is malformed")?;
    let home = Origin::of(from).ok_or("it came from no plain http or https address")?;
    let there = Origin::of(&to).ok_or("it is no plain http or https address")?;
    if there.same_host(&home) && there != home && !home.take(&mut to) {
        return Err("the address is malformed");
    }
    redirect(from, to.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |text| Origin::of(&url(text));
        assert_eq!(origin("https://A.example/x"), origin("https://a.example:443/y?z"));
        assert_ne!(origin("https://a.example/"), origin("http://a.example/"));
        assert_ne!(origin("https://a.example/"), origin("https://a.example:444/"));
        assert_eq!(origin("https://a.example@b.example/"), None);
        assert_eq!(origin("https://:p@b.example/"), None);
        assert_eq!(origin("ftp://a.example/"), None);
        assert_eq!(origin("https://a.example/").unwrap().authority(), "a.example");
        assert_eq!(origin("http://[::1]:5000/").unwrap().authority(), "[::1]:5000");
    }

    #[test]
    fn redirects_that_weaken_are_refused() {
        let from = url("https://r.example/v2/a/blobs/b");
        for (location, expected) in [
            ("https://cdn.example/x", Ok("https://cdn.example/x")),
            ("/y", Ok("https://r.example/y")),
            ("//cdn.example/x", Ok("https://cdn.example/x")),
            ("http://r.example/x", Err(())),
            ("http://cdn.example/x", Err(())),
            ("https://user@cdn.example/x", Err(())),
            ("file:///etc/passwd", Err(())),
            ("https://127.0.0.1/x", Err(())),
            ("https://127.1/x", Err(())),
            ("https://localhost/x", Err(())),
            ("https://localhost./x", Err(())),
            ("https://[::1]/x", Err(())),
            ("https://[::ffff:127.0.0.1]/x", Err(())),
            ("https://0/x", Err(())),
            ("https://", Err(())),
        ] {
            let found = redirect(&from, location).map(|url| url.to_string()).map_err(|_| ());
            assert_eq!(found, expected.map(str::to_owned), "{location}");
        }
    }

    #[test]
    fn uploads_stay_where_they_began_when_the_host_is_the_same() {
        let from = url("https://r.example:8443/v2/a/blobs/uploads/");
        for (location, expected) in [
            ("/v2/a/blobs/uploads/1?s=2", Ok("https://r.example:8443/v2/a/blobs/uploads/1?s=2")),
            ("http://r.example/v2/u/1", Ok("https://r.example:8443/v2/u/1")),
            ("http://r.example:5000/v2/u/1", Ok("https://r.example:8443/v2/u/1")),
            ("https://r.example/v2/u/1", Ok("https://r.example:8443/v2/u/1")),
            ("https://store.example/u/1", Ok("https://store.example/u/1")),
            ("http://store.example/u/1", Err(())),
            ("https://x@r.example/u/1", Err(())),
            ("u/1", Ok("https://r.example:8443/v2/a/blobs/uploads/u/1")),
        ] {
            let found = upload_location(&from, location).map(|url| url.to_string()).map_err(|_| ());
            assert_eq!(found, expected.map(str::to_owned), "{location}");
        }
    }

    proptest::proptest! {
        /// Whatever an answer says, it leads to an origin, over TLS, and not to this machine.
        #[test]
        fn any_location_is_safe_or_refused(
            scheme in "(https?:|ftp:|)",
            slashes in "(//|/|\\\\|)",
            user in "([a-z]{0,3}(:[a-z]{0,3})?@|)",
            host in "(r.example|cdn.example|localhost.?|127.[0-9.]{0,5}|\\[::[0-9a-f:.]{0,8}\\]|0x7f.1|0|.{0,8})",
            rest in "(:[0-9]{0,5})?.{0,12}",
        ) {
            let from = url("https://r.example:8443/v2/a/blobs/uploads/");
            let location = format!("{scheme}{slashes}{user}{host}{rest}");
            for to in [redirect(&from, &location), upload_location(&from, &location)].into_iter().flatten() {
                let origin = Origin::of(&to);
                proptest::prop_assert!(origin.is_some_and(|origin| origin.is_tls() && !origin.is_loopback()));
            }
        }
    }
}
