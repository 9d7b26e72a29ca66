//! Certificates for loopback: an authority of the test's own, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// An authority and a server certificate for `localhost` and 127.0.0.1, as PEM files in a folder.
pub(crate) struct Identity {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    chain_der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Identity {
    pub(crate) fn for_loopback() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// For loopback, with a certificate that ends in so many days.
    pub(crate) fn ending_in(days: i64) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let day = i64::try_from(now.as_secs()).unwrap() / 86_400 + days;
        let zoned = jiff::Timestamp::from_second(day * 86_400).unwrap().to_string();
        let part = |range: std::ops::Range<usize>| zoned[range].parse::<i32>().unwrap();
        let [month, day] = [part(5..7), part(8..10)].map(|part| u8::try_from(part).unwrap());
        let end = rcgen::date_time_ymd(part(0..4), month, day);
        Self::made(&["localhost", "127.0.0.1"], |server| server.not_after = end)
    }

    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self::made(names, |_| {})
    }

    fn made(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "test authority");
        let authority_key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut server = CertificateParams::new(names).unwrap();
        adjust(&mut server);
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &authority_certificate.pem());
        write("server.pem", &certificate.pem());
        write("server.key", &key.serialize_pem());
        let (chain_der, key_der) = (certificate.der().to_vec(), key.serialize_der());
        Self { folder, issuer, chain_der, key_der }
    }

    /// Writes `client.cert` and `client.key`, signed by the same authority, into a folder.
    pub(crate) fn sign_client(&self, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.distinguished_name.push(DnType::CommonName, "a client");
        let certificate = client.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join("client.cert"), certificate.pem()).unwrap();
        std::fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
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
