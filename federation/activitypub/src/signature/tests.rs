//! Both forms: what we sign verifies, what others sign verifies, and nothing else does.

use std::sync::{Arc, LazyLock};

use chrono::Duration;

use super::vectors::{
    BODY, CAVAGE_SHA256, CAVAGE_SHA512, CREATED, DATE, DIGEST, PUBLIC_KEY, PUBLIC_KEY_PKCS1,
    RFC_9421,
};
use super::*;
use crate::keys::{Ed25519SigningKey, RsaSigningKey};

const FORMS: [SignatureForm; 2] = [SignatureForm::Cavage, SignatureForm::Rfc9421];
const KEY_ID: &str = "https://a.example/users/x#main-key";

static KEY: LazyLock<ActorKey> = LazyLock::new(|| ActorKey {
    key_id: Url::parse(KEY_ID).unwrap(),
    key: Arc::new(RsaSigningKey::generate().unwrap()),
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(CREATED, 0).unwrap()
}

/// A request that tests bend before it is verified.
struct Sent {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn signed(form: SignatureForm, method: Method, url: &str, body: Option<&'static [u8]>) -> Self {
        let url = Url::parse(url).unwrap();
        let bytes = body.map(Bytes::from_static);
        let headers = sign(form, &KEY, &method, &url, bytes.as_ref(), now()).unwrap();
        Self { method, url, headers, body: body.unwrap_or_default().to_vec() }
    }

    fn post(form: SignatureForm) -> Self {
        Self::signed(form, Method::POST, "https://b.example/users/bob/inbox?a=1", Some(BODY))
    }

    fn get(form: SignatureForm) -> Self {
        Self::signed(form, Method::GET, "https://b.example:8443/users/bob?page=1", None)
    }

    /// A request with headers as another program wrote them.
    fn foreign(headers: &[(&'static str, String)]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Self {
            method: Method::POST,
            url: Url::parse("https://b.example/users/bob/inbox").unwrap(),
            headers: map,
            body: BODY.to_vec(),
        }
    }

    fn parse_at(&self, now: DateTime<Utc>) -> Result<ParsedSignature, SignatureError> {
        let request = SignedRequest {
            method: &self.method,
            target_uri: &self.url,
            path_and_query: &self.url[Position::BeforePath..Position::AfterQuery],
            headers: &self.headers,
            body: &self.body,
        };
        parse(&request, now)
    }

    fn verify_with(&self, key: &PublicKey) -> Result<(), SignatureError> {
        self.parse_at(now())?.verify(key)
    }

    fn verify(&self) -> Result<(), SignatureError> {
        self.verify_with(&KEY.key.public_key().unwrap())
    }
}

fn cavage_vector(algorithm: &str, signature: &str) -> Sent {
    let covered = "(request-target) host date digest content-type";
    Sent::foreign(&[
        ("host", "b.example".to_owned()),
        ("date", DATE.to_owned()),
        ("digest", format!("SHA-256={DIGEST}")),
        ("content-type", "application/activity+json".to_owned()),
        (
            "signature",
            format!(r#"keyId="{KEY_ID}",{algorithm}headers="{covered}",signature="{signature}""#),
        ),
    ])
}

fn rfc_9421_vector(parameters: &str) -> Sent {
    Sent::foreign(&[
        ("content-digest", format!("sha-256=:{DIGEST}:")),
        ("signature-input", format!("sig1={parameters}")),
        ("signature", format!("sig1=:{RFC_9421}:")),
    ])
}

const RFC_9421_PARAMETERS: &str = concat!(
    r#"("@method" "@target-uri" "content-digest");created=1795345537;"#,
    r#"keyid="https://a.example/users/x#main-key""#,
);

#[test]
fn what_is_signed_verifies() {
    for form in FORMS {
        for sent in [Sent::post(form), Sent::get(form)] {
            let parsed = sent.parse_at(now()).unwrap();
            assert_eq!(parsed.form(), form);
            assert_eq!(parsed.key_id().as_str(), KEY_ID);
            assert_eq!(parsed.verify(&KEY.key.public_key().unwrap()), Ok(()));
        }
    }
}

#[test]
fn signatures_made_elsewhere_verify() {
    for pem in [PUBLIC_KEY, PUBLIC_KEY_PKCS1] {
        let key = PublicKey::from_pem(pem).unwrap();
        for sent in [
            cavage_vector(r#"algorithm="rsa-sha256","#, CAVAGE_SHA256),
            cavage_vector(r#"algorithm="hs2019","#, CAVAGE_SHA256),
            cavage_vector(r#"algorithm="hs2019","#, CAVAGE_SHA512),
            cavage_vector("", CAVAGE_SHA256),
            rfc_9421_vector(RFC_9421_PARAMETERS),
        ] {
            assert_eq!(sent.verify_with(&key), Ok(()), "{:?}", sent.headers);
        }
        let mislabelled = cavage_vector(r#"algorithm="rsa-sha256","#, CAVAGE_SHA512);
        assert_eq!(mislabelled.verify_with(&key), Err(SignatureError::Mismatch));
    }
}

#[test]
fn the_headers_are_the_ones_everyone_expects() {
    let sent = Sent::post(SignatureForm::Cavage);
    assert_eq!(sent.headers["host"], "b.example");
    assert_eq!(sent.headers["date"], DATE);
    assert_eq!(sent.headers["digest"], format!("SHA-256={DIGEST}"));
    assert_eq!(sent.headers["content-type"], "application/activity+json");
    let signature = sent.headers["signature"].to_str().unwrap();
    assert!(signature.starts_with(concat!(
        r#"keyId="https://a.example/users/x#main-key",algorithm="rsa-sha256","#,
        r#"headers="(request-target) host date digest content-type",signature=""#,
    )));

    let sent = Sent::post(SignatureForm::Rfc9421);
    assert_eq!(sent.headers["content-digest"], format!("sha-256=:{DIGEST}:"));
    assert_eq!(sent.headers["signature-input"], format!("sig1={RFC_9421_PARAMETERS}"));
    assert!(sent.headers["signature"].to_str().unwrap().starts_with("sig1=:"));

    let get = Sent::get(SignatureForm::Cavage);
    assert_eq!(get.headers["host"], "b.example:8443");
    assert!(get.headers.get("digest").is_none() && get.headers.get("content-type").is_none());
}

#[test]
fn a_tampered_body_is_refused() {
    for form in FORMS {
        let mut sent = Sent::post(form);
        sent.body[3] ^= 1;
        assert_eq!(sent.verify(), Err(SignatureError::DigestMismatch));
        // With a digest that fits the new body, the signature no longer fits.
        let digest = digest::digest_header(&sent.body).parse().unwrap();
        let content_digest = digest::content_digest_header(&sent.body).parse().unwrap();
        sent.headers.insert("digest", digest);
        sent.headers.insert("content-digest", content_digest);
        assert_eq!(sent.verify(), Err(SignatureError::Mismatch));
    }
}

#[test]
fn another_path_method_or_host_is_refused() {
    for form in FORMS {
        let mut sent = Sent::post(form);
        sent.url.set_path("/users/eve/inbox");
        assert_eq!(sent.verify(), Err(SignatureError::Mismatch));

        let mut sent = Sent::post(form);
        sent.url.set_host(Some("c.example")).unwrap();
        assert_eq!(sent.verify(), Err(SignatureError::Mismatch));

        let mut sent = Sent::post(form);
        sent.method = Method::PUT;
        assert_eq!(sent.verify(), Err(SignatureError::Mismatch));
    }
    // The other port is another authority.
    for form in FORMS {
        let mut sent = Sent::get(form);
        sent.url.set_port(None).unwrap();
        assert_eq!(sent.verify(), Err(SignatureError::Mismatch));
    }
}

#[test]
fn a_proxy_that_rewrites_the_host_header_does_no_harm() {
    for form in FORMS {
        let mut sent = Sent::post(form);
        sent.headers.insert("host", "127.0.0.1:3000".parse().unwrap());
        assert_eq!(sent.verify(), Ok(()));
    }
}

#[test]
fn only_the_older_form_may_leave_out_the_query() {
    // Old Mastodon signed the path alone.
    let mut sent =
        Sent::signed(SignatureForm::Cavage, Method::GET, "https://b.example/users/bob", None);
    sent.url.set_query(Some("page=1"));
    assert_eq!(sent.verify(), Ok(()));
    let mut sent =
        Sent::signed(SignatureForm::Rfc9421, Method::GET, "https://b.example/users/bob", None);
    sent.url.set_query(Some("page=1"));
    assert_eq!(sent.verify(), Err(SignatureError::Mismatch));
}

#[test]
fn a_missing_digest_is_refused() {
    for (form, name) in FORMS.into_iter().zip(["digest", "content-digest"]) {
        let mut sent = Sent::post(form);
        sent.headers.remove(name);
        assert_eq!(sent.verify(), Err(SignatureError::MissingHeader(name.to_owned())));
    }
}

#[test]
fn a_digest_that_is_not_covered_is_refused() {
    // Signed as a GET, sent as a POST with a body and an unsigned digest.
    let get = Sent::get(SignatureForm::Cavage);
    let mut post = Sent { method: Method::POST, body: BODY.to_vec(), ..get };
    post.headers.insert("digest", digest::digest_header(BODY).parse().unwrap());
    assert_eq!(post.verify(), Err(SignatureError::NotCovered("the body's digest")));

    let get = Sent::get(SignatureForm::Rfc9421);
    let mut post = Sent { method: Method::POST, body: BODY.to_vec(), ..get };
    post.headers.insert("content-digest", digest::content_digest_header(BODY).parse().unwrap());
    assert_eq!(post.verify(), Err(SignatureError::NotCovered("the body's digest")));
}

#[test]
fn each_component_that_must_be_covered_is_missed() {
    for (covered, missing) in [
        ("host date digest", "the request target"),
        ("(request-target) date digest", "the host"),
        ("(request-target) host digest", "the date or (created)"),
        ("(request-target) host date", "the body's digest"),
    ] {
        let mut sent = cavage_vector("", CAVAGE_SHA256);
        let value = format!(r#"keyId="{KEY_ID}",headers="{covered}",signature="AAAA""#);
        sent.headers.insert("signature", value.parse().unwrap());
        assert_eq!(sent.verify(), Err(SignatureError::NotCovered(missing)), "{covered}");
    }
    for (covered, missing) in [
        (r#"("@target-uri" "content-digest");created=1795345537"#, "the method"),
        (r#"("@method" "content-digest");created=1795345537"#, "the target URI"),
        (r#"("@method" "@path" "content-digest");created=1795345537"#, "the target URI"),
        (r#"("@method" "@target-uri");created=1795345537"#, "the body's digest"),
        (r#"("@method" "@target-uri" "content-digest")"#, "created"),
    ] {
        let sent = rfc_9421_vector(&format!(r#"{covered};keyid="{KEY_ID}""#));
        assert_eq!(sent.verify(), Err(SignatureError::NotCovered(missing)), "{covered}");
    }
}

#[test]
fn stale_and_future_signatures_are_refused() {
    for form in FORMS {
        let sent = Sent::post(form);
        assert!(sent.parse_at(now() + Duration::minutes(59)).is_ok());
        let late = sent.parse_at(now() + Duration::minutes(61));
        assert_eq!(late.unwrap_err(), SignatureError::Expired);
        assert!(sent.parse_at(now() - Duration::minutes(59)).is_ok());
        let early = sent.parse_at(now() - Duration::minutes(61));
        assert_eq!(early.unwrap_err(), SignatureError::NotYetValid);
    }
}

#[test]
fn another_key_does_not_verify() {
    let rsa = RsaSigningKey::generate().unwrap().public_key().unwrap();
    let ed25519 = Ed25519SigningKey::generate().unwrap().public_key().unwrap();
    for form in FORMS {
        for key in [&rsa, &ed25519] {
            assert_eq!(Sent::post(form).verify_with(key), Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn ed25519_signatures_verify_in_both_forms() {
    let key = Ed25519SigningKey::generate().unwrap();
    let public = key.public_key().unwrap();

    let base = format!(
        "(request-target): post /users/bob/inbox\nhost: b.example\ndate: {DATE}\n\
         digest: SHA-256={DIGEST}\ncontent-type: application/activity+json"
    );
    let signature = base64_text(&key.sign(base.as_bytes()).unwrap());
    assert_eq!(cavage_vector("", &signature).verify_with(&public), Ok(()));
    let labelled = cavage_vector(r#"algorithm="rsa-sha256","#, &signature);
    assert_eq!(labelled.verify_with(&public), Err(SignatureError::Mismatch));

    let parameters = format!(r#"{RFC_9421_PARAMETERS};alg="ed25519""#);
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": https://b.example/users/bob/inbox\n\
         \"content-digest\": sha-256=:{DIGEST}:\n\"@signature-params\": {parameters}"
    );
    let signature = base64_text(&key.sign(base.as_bytes()).unwrap());
    let mut sent = rfc_9421_vector(&parameters);
    sent.headers.insert("signature", format!("sig1=:{signature}:").parse().unwrap());
    assert_eq!(sent.verify_with(&public), Ok(()));
}

fn base64_text(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn created_and_expires_count_in_the_older_form() {
    let sent = |algorithm: &str, created: i64, expires: i64| {
        let mut sent = cavage_vector("", CAVAGE_SHA256);
        let value = format!(
            "keyId=\"{KEY_ID}\",{algorithm}created={created},expires={expires},\
             headers=\"(request-target) (created) (expires) host digest\",signature=\"AAAA\""
        );
        sent.headers.insert("signature", value.parse().unwrap());
        sent.verify()
    };
    assert_eq!(sent("", CREATED, CREATED + 60), Err(SignatureError::Mismatch));
    assert_eq!(sent("", CREATED - 9000, CREATED + 60), Err(SignatureError::Expired));
    assert_eq!(sent("", CREATED + 9000, CREATED + 9060), Err(SignatureError::NotYetValid));
    let labelled = sent(r#"algorithm="rsa-sha256","#, CREATED, CREATED + 60);
    assert!(matches!(labelled, Err(SignatureError::Malformed(_))));
}

#[test]
fn unsupported_and_broken_signatures_are_named() {
    let plain = |name: &'static str, value: &str| {
        let mut sent = rfc_9421_vector(RFC_9421_PARAMETERS);
        sent.headers.insert(name, value.parse().unwrap());
        sent.verify().unwrap_err()
    };
    assert_eq!(Sent::foreign(&[]).verify(), Err(SignatureError::Missing));
    assert!(matches!(plain("signature-input", "sig1"), SignatureError::Malformed(_)));
    assert!(matches!(plain("signature-input", "((("), SignatureError::Malformed(_)));
    assert!(matches!(plain("signature", "sig2=:AAAA:"), SignatureError::Malformed(_)));
    assert_eq!(
        plain("signature-input", &format!("sig1={RFC_9421_PARAMETERS}, b={RFC_9421_PARAMETERS}")),
        SignatureError::Several
    );
    assert_eq!(
        plain("signature-input", &format!(r#"sig1={RFC_9421_PARAMETERS};alg="hmac-sha256""#)),
        SignatureError::UnsupportedAlgorithm("hmac-sha256".to_owned())
    );
    let with_parameter = RFC_9421_PARAMETERS.replace(r#""@method""#, r#""@method";req"#);
    assert!(matches!(
        plain("signature-input", &format!("sig1={with_parameter}")),
        SignatureError::NotCovered(_)
    ));
    let twice = RFC_9421_PARAMETERS.replace(r#""@method""#, r#""@method" "@method""#);
    assert!(matches!(
        plain("signature-input", &format!("sig1={twice}")),
        SignatureError::Malformed(_)
    ));
    let key_id = RFC_9421_PARAMETERS.replace(KEY_ID, "acct:x@a.example");
    assert_eq!(plain("signature-input", &format!("sig1={key_id}")), SignatureError::KeyId);

    let mut sent = cavage_vector(r#"algorithm="hmac-sha256","#, CAVAGE_SHA256);
    assert_eq!(sent.verify(), Err(SignatureError::UnsupportedAlgorithm("hmac-sha256".to_owned())));
    sent.headers.append("signature", "x=\"y\"".parse().unwrap());
    assert_eq!(sent.verify(), Err(SignatureError::Several));
}

#[test]
fn both_headers_present_means_the_newer_form() {
    let mut sent = Sent::post(SignatureForm::Rfc9421);
    let older = Sent::post(SignatureForm::Cavage);
    sent.headers.insert("digest", older.headers["digest"].clone());
    sent.headers.insert("date", older.headers["date"].clone());
    assert_eq!(sent.parse_at(now()).unwrap().form(), SignatureForm::Rfc9421);
}
