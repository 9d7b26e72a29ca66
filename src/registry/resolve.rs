//! Addresses of hosts, looked up once in a while instead of once for each request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long an address is good. The system's resolver does not say; names that move do so within a minute.
const LIFE: Duration = Duration::from_secs(30);

/// Keeps what another resolver found. The HTTP client asks before every request, open connection or not, and each question costs a
/// thread, because it must end in time.
#[derive(Debug)]
pub(super) struct Addresses<R = DefaultResolver> {
    inner: R,
    life: Duration,
    known: Mutex<BTreeMap<String, (Instant, ResolvedSocketAddrs)>>,
}

impl<R> Addresses<R> {
    fn of(inner: R, life: Duration) -> Self {
        Self { inner, life, known: Mutex::default() }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self::of(DefaultResolver::default(), LIFE)
    }
}

impl<R: Resolver> Resolver for Addresses<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = format!(
            "{}//{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |a| a.as_str())
        );
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned();
        if let Some((since, addresses)) = known
            && since.elapsed() < self.life
        {
            return Ok(addresses);
        }
        let found = self.inner.resolve(uri, config, timeout)?;
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host, (Instant::now(), found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;

    /// Finds another port each time; the third time nothing.
    #[derive(Debug, Default, Clone)]
    struct Counting(Arc<AtomicU16>);

    impl Resolver for Counting {
        fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            if count == 2 {
                return Err(ureq::Error::HostNotFound);
            }
            let mut found = self.empty();
            found.push(([127, 0, 0, 1], count).into());
            Ok(found)
        }
    }

    fn ask(addresses: &Addresses<Counting>, uri: &str) -> Option<u16> {
        let timeout = NextTimeout {
            after: ureq::unversioned::transport::time::Duration::NotHappening,
            reason: ureq::Timeout::Resolve,
            ..NextTimeout::default()
        };
        addresses
            .resolve(&uri.parse().unwrap(), &Config::default(), timeout)
            .ok()
            .and_then(|found| found.first().map(std::net::SocketAddr::port))
    }

    #[test]
    fn each_host_is_looked_up_once() {
        let addresses = Addresses::of(Counting::default(), Duration::from_hours(1));
        let found =
            ["http://a/v2/", "http://a/v2/x", "http://a:81/", "https://a/", "https://a/", "http://a/"];
        assert_eq!(
            found.map(|uri| ask(&addresses, uri)),
            // What fails is not kept.
            [Some(0), Some(0), Some(1), None, Some(3), Some(0)]
        );
    }

    #[test]
    fn an_address_is_not_good_for_ever() {
        let addresses = Addresses::of(Counting::default(), Duration::ZERO);
        assert_eq!(
            ["http://a/", "http://a/", "http://a/"].map(|uri| ask(&addresses, uri)),
            [Some(0), Some(1), None]
        );
    }
}
