//! TLS (rustls): the certificate, which is reloaded when its files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::limits;

/// Why the certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or has other contents than it should.
    #[error("{setting} ({file}) cannot be used: {why}")]
    Unreadable {
        /// `server.tls_cert` or `server.tls_key`.
        setting: &'static str,
        /// The path of the file.
        file: String,
        /// What it must contain.
        why: &'static str,
    },
    /// The private key does not match the certificate.
    #[error("server.tls_key is not the private key of the first certificate in server.tls_cert")]
    Mismatch,
    /// The TLS library cannot be set up.
    #[error("TLS cannot be set up")]
    Library,
}

/// The current certificate, and the files that it was read from.
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    shown: ArcSwap<CertifiedKey>,
}

impl Certificates {
    /// Reads the certificate chain and the private key from PEM files.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let shown = ArcSwap::from_pointee(read(chain, key)?);
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), shown })
    }

    /// The TLS configuration with this certificate: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// [`CertificateError`] if the TLS library refuses the certificate or the key.
    pub fn server_config(self: Arc<Self>) -> Result<ServerConfig, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|_| CertificateError::Library)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reads the files again and returns whether the certificate has changed. On an error the
    /// previous one stays in use.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read_again(&self) -> Result<bool, CertificateError> {
        let fresh = read(&self.chain, &self.key)?;
        let is_another = fresh.cert != self.shown.load().cert;
        self.shown.store(Arc::new(fresh));
        Ok(is_another)
    }

    /// Reads the files again whenever they change. An error is logged, and the previous certificate
    /// stays in use.
    pub async fn watch(self: Arc<Self>, clock: Clock, mut stop: watch::Receiver<bool>) {
        let mut known = self.changed_at();
        let mut warned_of = None;
        loop {
            tokio::select! {
                () = clock.sleep(limits::TLS_POLL) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let now = self.changed_at();
            if now == known {
                continue;
            }
            match self.read_again() {
                Ok(_) => {
                    known = now;
                    tracing::info!("the new TLS certificate is in use");
                }
                // Perhaps only one of the two files has been replaced so far. The error is logged
                // once, and the files are read again at the next poll.
                Err(error) if warned_of != Some(now) => {
                    warned_of = Some(now);
                    tracing::warn!(error = %error, "the TLS certificate has changed and cannot be used; the previous one stays in use");
                }
                Err(_) => {}
            }
        }
    }

    /// The modification times and lengths of the files.
    fn changed_at(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.chain, &self.key].map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("chain", &self.chain).finish_non_exhaustive()
    }
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable = |setting, file: &Path, why| CertificateError::Unreadable {
        setting,
        file: file.display().to_string(),
        why,
    };
    let no_chain = || {
        unreadable(
            "server.tls_cert",
            chain,
            "it must contain certificates as PEM, and the bridge must be able to read it",
        )
    };
    let no_key = || {
        unreadable(
            "server.tls_key",
            key,
            "it must contain a private key as PEM, and the bridge must be able to read it",
        )
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(chain).map_err(|_| no_chain())?.collect();
    let certificates = certificates.map_err(|_| no_chain())?;
    if certificates.is_empty() {
        return Err(no_chain());
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|_| no_key())?;
    CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider()).map_err(|error| {
        match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::Mismatch,
            _ => no_key(),
        }
    })
}
