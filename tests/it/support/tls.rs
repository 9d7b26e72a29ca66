//! Certificates for loopback: an authority of the test's own, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// An authority and a server certificate for `localhost` and 127.0.0.1, as PEM files in a folder.
pub(crate) struct Identity {
    folder: tempfile::TempDir,
    chain_der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Identity {
    pub(crate) fn for_loopback() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    pub(crate) fn for_names(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "test authority");
        let authority_key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let server = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &authority_certificate.pem());
        write("server.pem", &certificate.pem());
        write("server.key", &key.serialize_pem());
        let (chain_der, key_der) = (certificate.der().to_vec(), key.serialize_der());
        Self { folder, chain_der, key_der }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ca_pem_path(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub(crate) fn certificate_path(&self) -> PathBuf {
        self.file("server.pem")
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.file("server.key")
    }

    /// A configuration for a server in this process.
    pub(crate) fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![self.chain_der.clone().into()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(self.key_der.clone().into()),
            )
            .unwrap();
        Arc::new(config)
    }
}

/// Lays a certs.d folder for a host that trusts an authority.
pub(crate) fn certs_dir(root: &Path, host: &str, ca: &Path) {
    let folder = root.join(host);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(ca, folder.join("ca.crt")).unwrap();
}
