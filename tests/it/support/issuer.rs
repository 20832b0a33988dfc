//! A simulated external authorization server: it publishes keys, and signs any token.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use intercom_scim_bridge::access::{SigningAlgorithm, TrustedIssuer};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

pub const AUDIENCE: &str = "https://bridge.example";
pub const NAME: &str = "https://login.example/";

/// A key pair of the issuer.
pub struct Pair {
    pub id: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl Pair {
    pub fn rsa(id: &str) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der = pair.as_der().unwrap();
        // PKCS #8 puts 26 bytes before the PKCS #1 of a key of 2048 bits.
        let key = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, key }
    }

    /// An RSA key for the padding PSS.
    pub fn rsa_pss(id: &str) -> Self {
        Self { algorithm: Algorithm::PS256, ..Self::rsa(id) }
    }

    pub fn ec(id: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .unwrap();
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
        }
    }

    pub fn ed(id: &str) -> Self {
        // RFC 5958 has two versions of PKCS #8. jsonwebtoken reads the public key from this one.
        let pkcs8 = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
        }
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = json!(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap());
        (jwk["kid"], jwk["use"]) = (json!(self.id), json!("sig"));
        jwk
    }

    /// A token with the usual header.
    pub fn sign(&self, claims: &Value) -> String {
        self.forge(
            &json!({"alg": self.algorithm, "typ": "JWT", "kid": self.id}).to_string(),
            &claims.to_string(),
        )
    }

    /// A token of exactly this header and these claims, with a valid signature.
    pub fn forge(&self, header: &str, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

pub struct Published {
    pub keys: Vec<Value>,
    pub asked: u32,
    pub down: bool,
}

/// Publishes keys.
pub struct IssuerServer {
    pub url: String,
    pub published: Arc<Mutex<Published>>,
    server: actix_web::dev::ServerHandle,
}

impl IssuerServer {
    pub fn start(keys: Vec<Value>) -> Self {
        let published = Arc::new(Mutex::new(Published { keys, asked: 0, down: false }));
        let data = Data::new(Arc::clone(&published));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new().app_data(Data::clone(&data)).route("/keys", web::get().to(keys_of))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, published, server: handle }
    }

    pub fn asked(&self) -> u32 {
        self.published.lock().unwrap().asked
    }

    pub fn publish(&self, keys: Vec<Value>) {
        self.published.lock().unwrap().keys = keys;
    }

    pub fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer {
            issuer: NAME.to_owned(),
            jwks_url: self.url.parse().unwrap(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec![
                SigningAlgorithm::Rs256,
                SigningAlgorithm::Es256,
                SigningAlgorithm::EdDsa,
            ],
            leeway: std::time::Duration::from_secs(30),
            subject_claim: "sub".to_owned(),
            scope_claim: "scope".to_owned(),
            scopes: std::collections::BTreeMap::new(),
            workspaces: vec!["default".to_owned()],
        }
    }

    pub async fn stop(self) {
        self.server.stop(true).await;
    }
}

async fn keys_of(published: Data<Arc<Mutex<Published>>>) -> HttpResponse {
    let mut published = published.lock().unwrap();
    published.asked += 1;
    if published.down {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().json(json!({"keys": published.keys}))
}
