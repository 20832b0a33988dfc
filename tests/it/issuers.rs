//! Tokens of trusted issuers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::access::{
    Scope, SigningAlgorithm, TokenOptions, Tokens, TrustedIssuer, Vault,
};
use intercom_scim_bridge::clock::Clock;
use serde_json::{Value, json};

use crate::support::bridge::ENCRYPTION_KEY;
use crate::support::database::TestDatabase;
use crate::support::hand::START;
use crate::support::issuer::{AUDIENCE, IssuerServer, NAME, Pair};

async fn trusting(database: &TestDatabase, trusted: TrustedIssuer, clock: &Clock) -> Tokens {
    let options = TokenOptions {
        vault: Arc::new(Vault::new(&ENCRYPTION_KEY.into(), None).unwrap()),
        issuer: "https://bridge.example".to_owned(),
        trusted: vec![trusted],
        requests_per_second: 0,
        burst: 0,
    };
    Tokens::open(&database.stores().await.access, options, clock.clone()).await.unwrap()
}

fn claims() -> Value {
    let now = START.unix_timestamp();
    json!({"iss": NAME, "aud": AUDIENCE, "sub": "eve@login.example", "exp": now + 600, "nbf": now, "iat": now, "scope": "scim.read"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn a_good_token_of_each_algorithm_is_taken() {
    let pairs = [Pair::rsa("r"), Pair::ec("e"), Pair::ed("d")];
    let issuer = IssuerServer::start(pairs.iter().map(Pair::jwk).collect());
    let database = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let tokens = trusting(&database, issuer.trusted(), &clock).await;
    for pair in &pairs {
        for typ in ["JWT", "at+jwt", "application/at+JWT"] {
            let header = json!({"alg": pair.algorithm, "typ": typ, "kid": pair.id}).to_string();
            let principal =
                tokens.verify(pair.forge(&header, &claims().to_string())).await.unwrap();
            assert_eq!(
                (&*principal.subject, &*principal.scopes),
                ("eve@login.example", &[Scope::ScimRead][..])
            );
            assert!(principal.opens("default") && !principal.opens("other"));
        }
    }
    assert!(tokens.verify(pairs[0].sign(&with("aud", json!(["x", AUDIENCE])))).await.is_ok());
    assert_eq!(issuer.asked(), 1, "its keys are kept");
    issuer.stop().await;
}

/// A trusted issuer with an RSA key and an elliptic-curve key, of which only RS256 is allowed.
struct Trusting {
    issuer: IssuerServer,
    rsa: Pair,
    ec: Pair,
    tokens: Tokens,
    _database: TestDatabase,
}

impl Trusting {
    async fn rs256() -> Self {
        let rsa = Pair::rsa("r");
        let ec = Pair::ec("e");
        let issuer = IssuerServer::start(vec![rsa.jwk(), ec.jwk()]);
        let database = TestDatabase::sqlite();
        let mut trusted = issuer.trusted();
        trusted.algorithms = vec![SigningAlgorithm::Rs256];
        let tokens = trusting(&database, trusted, &Clock::manual(START)).await;
        Self { issuer, rsa, ec, tokens, _database: database }
    }

    /// Asserts that each token is refused, and that a good token is accepted before and after.
    async fn assert_refused(self, cases: Vec<(&str, String)>) {
        let good = self.rsa.sign(&claims());
        assert!(self.tokens.verify(&good).await.is_ok());
        for (what, token) in cases {
            assert!(self.tokens.verify(&token).await.is_err(), "{what}");
        }
        assert!(self.tokens.verify(&good).await.is_ok(), "a good token is still accepted");
        self.issuer.stop().await;
    }
}

/// Returns a token without a signature.
fn unsigned(header: &str) -> String {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(header), encode(&claims().to_string()))
}

#[tokio::test]
async fn a_token_with_another_key_algorithm_or_signature_is_refused() {
    let trusting = Trusting::rs256().await;
    let Trusting { rsa, ec, .. } = &trusting;
    let stranger = Pair::rsa("r");
    // Signed by HMAC with the public key as secret, which everybody knows.
    let confused = {
        let public = rsa.jwk();
        let secret =
            jsonwebtoken::EncodingKey::from_secret(public["n"].as_str().unwrap().as_bytes());
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some("r".to_owned());
        jsonwebtoken::encode(&header, &claims(), &secret).unwrap()
    };
    let reversed: String = {
        let good = rsa.sign(&claims());
        let (rest, signature) = good.rsplit_once('.').unwrap();
        format!("{rest}.{}", signature.chars().rev().collect::<String>())
    };
    let body = claims().to_string();
    let cases = vec![
        ("alg none", unsigned(r#"{"alg":"none","typ":"JWT","kid":"r"}"#)),
        ("alg None", unsigned(r#"{"alg":"None","kid":"r"}"#)),
        ("no signature", unsigned(r#"{"alg":"RS256","typ":"JWT","kid":"r"}"#)),
        ("HS256 under the public key", confused),
        ("an algorithm that is not allowed", ec.sign(&claims())),
        ("another algorithm than the key's", ec.forge(r#"{"alg":"RS256","kid":"e"}"#, &body)),
        ("another key of the same id", stranger.sign(&claims())),
        ("a changed signature", reversed),
        ("no kid", rsa.forge(r#"{"alg":"RS256"}"#, &body)),
        ("an unknown kid", rsa.forge(r#"{"alg":"RS256","kid":"../../r"}"#, &body)),
        (
            "a key in the header",
            rsa.forge(
                &json!({"alg": "RS256", "kid": "x", "jwk": stranger.jwk()}).to_string(),
                &body,
            ),
        ),
    ];
    trusting.assert_refused(cases).await;
}

#[tokio::test]
async fn a_token_of_another_type_or_form_is_refused() {
    let trusting = Trusting::rs256().await;
    let Trusting { rsa, .. } = &trusting;
    let body = claims().to_string();
    let duplicated = body.replacen('{', r#"{"sub":"admin@login.example","#, 1);
    let header = |text: &str| rsa.forge(text, &body);
    let cases = vec![
        ("typ of another kind of JWT", header(r#"{"alg":"RS256","typ":"logout+jwt","kid":"r"}"#)),
        ("typ dpop", header(r#"{"alg":"RS256","typ":"dpop+jwt","kid":"r"}"#)),
        (
            "an extension that must be understood",
            header(r#"{"alg":"RS256","kid":"r","crit":["b64"],"b64":false}"#),
        ),
        ("a claim that comes twice", rsa.forge(r#"{"alg":"RS256","kid":"r"}"#, &duplicated)),
        ("claims that are a list", rsa.forge(r#"{"alg":"RS256","kid":"r"}"#, r#"["iss"]"#)),
        ("a header name that comes twice", header(r#"{"alg":"RS256","alg":"RS256","kid":"r"}"#)),
        ("oversized", rsa.sign(&with("padding", json!("x".repeat(9_000))))),
        ("five parts", format!("{}.x.y", rsa.sign(&claims()))),
        ("nothing", String::new()),
    ];
    trusting.assert_refused(cases).await;
}

#[tokio::test]
async fn a_token_with_a_wrong_or_missing_claim_is_refused() {
    let trusting = Trusting::rs256().await;
    let Trusting { rsa, tokens, .. } = &trusting;
    let now = START.unix_timestamp();
    // The expiry is within the leeway.
    assert!(tokens.verify(rsa.sign(&with("exp", json!(now - 29)))).await.is_ok());
    let cases = vec![
        ("issued in the future", rsa.sign(&with("iat", json!(now + 3_600)))),
        ("no exp", rsa.sign(&without("exp"))),
        ("an exp that is a text", rsa.sign(&with("exp", json!("never")))),
        ("expired", rsa.sign(&with("exp", json!(now - 31)))),
        ("not valid yet", rsa.sign(&with("nbf", json!(now + 31)))),
        ("another issuer", rsa.sign(&with("iss", json!("https://login.example")))),
        ("no issuer", rsa.sign(&without("iss"))),
        ("another audience", rsa.sign(&with("aud", json!("https://other.example")))),
        ("no audience", rsa.sign(&without("aud"))),
        ("no subject", rsa.sign(&without("sub"))),
        ("an empty subject", rsa.sign(&with("sub", json!("")))),
    ];
    trusting.assert_refused(cases).await;
}

#[tokio::test]
async fn keys_that_are_no_good_for_signatures_are_not_taken() {
    let short = Pair::rsa("short");
    let encrypts = Pair::rsa("encrypts");
    let other = Pair::rsa("other");
    let mut weak = short.jwk();
    weak["n"] = json!(&weak["n"].as_str().unwrap()[..171]);
    let mut encrypting = encrypts.jwk();
    encrypting["use"] = json!("enc");
    let mut of_other = other.jwk();
    of_other["alg"] = json!("RS512");
    let unknown = json!({"kty": "LATTICE", "kid": "q", "use": "sig"});
    let good = Pair::ed("good");
    let issuer =
        IssuerServer::start(vec![weak, encrypting, of_other, unknown, json!(7), good.jwk()]);
    let database = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let tokens = trusting(&database, issuer.trusted(), &clock).await;
    for pair in [&short, &encrypts, &other] {
        assert!(tokens.verify(pair.sign(&claims())).await.is_err(), "{}", pair.id);
    }
    assert!(
        tokens.verify(good.sign(&claims())).await.is_ok(),
        "what is unknown beside it does no harm"
    );
    issuer.stop().await;
}

#[tokio::test]
async fn keys_are_rotated_and_unknown_ones_do_not_make_it_ask_again_and_again() {
    let old = Pair::ec("old");
    let new = Pair::ec("new");
    let issuer = IssuerServer::start(vec![old.jwk()]);
    let database = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let tokens = trusting(&database, issuer.trusted(), &clock).await;
    let long = with("exp", json!(START.unix_timestamp() + 100_000));
    let by_old = old.sign(&long);
    assert!(tokens.verify(&by_old).await.is_ok());
    for number in 0..200 {
        let unknown = new.forge(
            &json!({"alg": "ES256", "kid": format!("k{number}")}).to_string(),
            &long.to_string(),
        );
        assert!(tokens.verify(unknown).await.is_err());
    }
    assert_eq!(issuer.asked(), 1, "not once more for 200 unknown keys");
    // The clock is set back by a minute. The time since the last request to the issuer stays the
    // same.
    clock.set_by(time::Duration::minutes(-1));

    issuer.publish(vec![old.jwk(), new.jwk()]);
    clock.advance(Duration::from_secs(31));
    assert!(tokens.verify(new.sign(&long)).await.is_ok(), "a new key is found");
    assert_eq!(issuer.asked(), 2);

    // The issuer withdraws the old key. After an hour at most, the bridge refuses it.
    issuer.publish(vec![new.jwk()]);
    clock.advance(Duration::from_hours(1));
    assert!(tokens.verify(&by_old).await.is_err());

    // The issuer cannot be reached. The bridge keeps the known keys for a day.
    issuer.published.lock().unwrap().down = true;
    clock.advance(Duration::from_hours(2));
    let fresh = new.sign(&with("exp", json!(START.unix_timestamp() + 200_000)));
    assert!(tokens.verify(&fresh).await.is_ok());
    clock.advance(Duration::from_hours(23));
    let error = tokens.verify(&fresh).await.unwrap_err().to_string();
    assert_eq!(error, format!("the keys of {NAME} cannot be read"));
    issuer.stop().await;
}

#[tokio::test]
async fn the_settings_map_the_claims_of_an_issuer() {
    let pair = Pair::ed("d");
    let issuer = IssuerServer::start(vec![pair.jwk()]);
    let database = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let trusted = TrustedIssuer {
        subject_claim: "email".to_owned(),
        scope_claim: "realm_access.roles".to_owned(),
        scopes: BTreeMap::from([("auditor".to_owned(), vec![Scope::ScimRead, Scope::ImportRead])]),
        workspaces: vec!["emea".to_owned()],
        ..issuer.trusted()
    };
    let tokens = trusting(&database, trusted, &clock).await;
    let mut said = with("email", json!("eve@login.example"));
    said["realm_access"] = json!({"roles": ["auditor", "scim.read", "admin"]});
    let principal = tokens.verify(pair.sign(&said)).await.unwrap();
    assert_eq!(
        principal.scopes,
        [Scope::ScimRead, Scope::ImportRead],
        "and no word means what nobody said"
    );
    assert!(principal.opens("emea") && !principal.opens("default"));
    assert!(
        tokens.verify(pair.sign(&claims())).await.is_err(),
        "without the claim there is nobody"
    );
    issuer.stop().await;
}

#[tokio::test]
async fn keys_that_are_too_many_to_read_are_trusted_by_nobody() {
    let pair = Pair::ec("e");
    let issuer = IssuerServer::start(vec![pair.jwk()]);
    let database = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let filler = json!({"kty": "oct", "x": "x".repeat(1_000)});
    issuer.publish([vec![filler; 600], vec![pair.jwk()]].concat());
    let tokens = trusting(&database, issuer.trusted(), &clock).await;
    assert!(tokens.verify(pair.sign(&claims())).await.is_err());
    issuer.publish(vec![pair.jwk()]);
    clock.advance(Duration::from_mins(1));
    assert!(tokens.verify(pair.sign(&claims())).await.is_ok());
    issuer.stop().await;
}
