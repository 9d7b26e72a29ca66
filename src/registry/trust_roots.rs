//! Whom TLS trusts: the system's authorities, files that were named, and certs.d folders.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::registry::RegistryError;

/// Trust for all hosts, and the folders that add to it for single ones.
pub(super) struct TrustRoots {
    named: Vec<Certificate<'static>>,
    system: OnceLock<Vec<Certificate<'static>>>,
    certs_dirs: Vec<PathBuf>,
}

impl TrustRoots {
    pub(super) fn read(ca_files: &[PathBuf], certs_dirs: &[PathBuf]) -> Result<Self, RegistryError> {
        let mut named = Vec::new();
        for path in ca_files {
            named.extend(certificates(path)?);
        }
        Ok(Self { named, system: OnceLock::new(), certs_dirs: certs_dirs.to_vec() })
    }

    /// The TLS settings for one `host:port`. Certificates are always verified; there is no switch for it.
    pub(super) fn for_authority(&self, authority: &str) -> Result<TlsConfig, RegistryError> {
        let (roots, client) = self.found(authority)?;
        let client = client.map(|path| client_certificate(&path)).transpose()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .client_cert(client)
            .unversioned_rustls_crypto_provider(provider)
            .build())
    }

    /// The same trust, for a handshake by itself.
    pub(super) fn trusted(&self, authority: &str) -> Result<Trusted, RegistryError> {
        let (found, client) = self.found(authority)?;
        let mut roots = rustls::RootCertStore::empty();
        // As everywhere, what the system has and nobody can use is left out.
        roots.add_parsable_certificates(found.iter().map(|root| CertificateDer::from(root.der())));
        let client = client.map(|path| client_pair(&path)).transpose()?;
        Ok(Trusted { roots, client: client.map(|(chain, key, _)| (chain, key)) })
    }

    /// The authorities for one `host:port`, and the file with our certificate, where there is one.
    fn found(&self, authority: &str) -> Result<(Vec<Certificate<'static>>, Option<PathBuf>), RegistryError> {
        // The system's store costs milliseconds to read: only who speaks TLS pays. One that cannot be read is empty, and
        // the handshake then says so.
        let system = self.system.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
        });
        let mut roots: Vec<_> = system.iter().chain(&self.named).cloned().collect();
        let mut client = None;
        for folder in &self.certs_dirs {
            let folder = folder.join(authority);
            for path in files(&folder, "crt")? {
                roots.extend(certificates(&path)?);
            }
            client = files(&folder, "cert")?.pop().or(client);
        }
        Ok((roots, client))
    }
}

/// Whom a handshake trusts, and who we are in it.
pub(super) struct Trusted {
    pub(super) roots: rustls::RootCertStore,
    pub(super) client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

fn config(path: &Path, why: impl std::fmt::Display) -> RegistryError {
    RegistryError::Config { what: "certificate file", path: path.to_owned(), why: why.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, RegistryError> {
    let found = ders(path)?;
    // What rustls cannot use as an anchor would be dropped without a word later on.
    let (_, unusable) = rustls::RootCertStore::empty().add_parsable_certificates(found.iter().cloned());
    if unusable > 0 {
        return Err(config(path, "it holds a certificate that cannot be used"));
    }
    Ok(found.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

fn ders(path: &Path) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let bytes = std::fs::read(path).map_err(|error| config(path, error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| config(path, error))?;
    if found.is_empty() {
        return Err(config(path, "it holds no PEM certificate"));
    }
    Ok(found)
}

type Pem = zeroize::Zeroizing<Vec<u8>>;

/// Our certificate, its key, and the file that the key was read from.
fn client_pair(
    path: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, Pem), RegistryError> {
    let chain = ders(path)?;
    let key_path = path.with_extension("key");
    let pem = zeroize::Zeroizing::new(std::fs::read(&key_path).map_err(|error| config(&key_path, error))?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| config(&key_path, error))?;
    // The HTTP client takes a pair for granted, so it is checked here.
    let provider = rustls::crypto::ring::default_provider();
    rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)
        .map_err(|error| config(&key_path, format!("it does not fit {}: {error}", path.display())))?;
    Ok((chain, key, pem))
}

fn client_certificate(path: &Path) -> Result<ClientCert, RegistryError> {
    let (chain, _, pem) = client_pair(path)?;
    let chain: Vec<_> = chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let key = PrivateKey::from_pem(&pem).map_err(|error| config(&path.with_extension("key"), error))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, RegistryError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(config(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| config(folder, error))?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
