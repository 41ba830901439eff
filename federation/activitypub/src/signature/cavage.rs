//! draft-cavage-http-signatures-12, as Mastodon and everyone after it uses it.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, Method, header};
use url::{Position, Url};

use super::{
    MAX_COMPONENTS, MAX_HEADER_LENGTH, ParsedSignature, SIGNATURE, SignatureError, SignatureForm,
    SignedRequest, authority, digest, header_value, parse_key_id, window,
};
use crate::keys::{ActorKey, VerificationAlgorithm};

const DIGEST: HeaderName = HeaderName::from_static("digest");

const REQUEST_TARGET: &str = "(request-target)";
const CREATED: &str = "(created)";
const EXPIRES: &str = "(expires)";

/// Signs `(request-target) host date`, and with a body `digest content-type` too.
pub(super) fn sign(
    key: &ActorKey,
    method: &Method,
    url: &Url,
    body: Option<&Bytes>,
    now: DateTime<Utc>,
    headers: &mut HeaderMap,
) -> Result<(), SignatureError> {
    headers.insert(header::HOST, header_value(authority(url))?);
    let date = httpdate::fmt_http_date(SystemTime::from(now));
    headers.insert(header::DATE, header_value(&date)?);
    let mut covered = vec![REQUEST_TARGET, "host", "date"];
    if let Some(body) = body {
        headers.insert(DIGEST, header_value(&digest::digest_header(body))?);
        covered.extend(["digest", "content-type"]);
    }
    let request = SignedRequest {
        method,
        target_uri: url,
        path_and_query: &url[Position::BeforePath..Position::AfterQuery],
        headers,
        body: body.map_or(&[], |body| body),
    };
    let base = signing_string(&request, &covered, request.path_and_query, None)?;
    let signature = STANDARD.encode(key.key.sign(base.as_bytes())?);
    let value = format!(
        r#"keyId="{}",algorithm="rsa-sha256",headers="{}",signature="{signature}""#,
        key.key_id,
        covered.join(" "),
    );
    headers.insert(SIGNATURE, header_value(&value)?);
    Ok(())
}

/// Reads the `Signature` header and checks everything but the signature itself.
pub(super) fn parse(
    request: &SignedRequest<'_>,
    now: DateTime<Utc>,
) -> Result<ParsedSignature, SignatureError> {
    let mut values = request.headers.get_all(SIGNATURE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(SignatureError::Several);
    };
    let text = value.to_str().map_err(|_| SignatureError::Malformed("it is not ASCII text"))?;
    let parameters = Parameters::parse(text)?;

    let algorithm = parameters.get("algorithm").unwrap_or("hs2019").to_ascii_lowercase();
    let algorithms: &'static [VerificationAlgorithm] = match algorithm.as_str() {
        // "hs2019" hides the algorithm in the key; most who write it mean RSA with SHA-256.
        "hs2019" => &[
            VerificationAlgorithm::RsaSha256,
            VerificationAlgorithm::RsaSha512,
            VerificationAlgorithm::Ed25519,
        ],
        "rsa-sha256" => &[VerificationAlgorithm::RsaSha256],
        _ => return Err(SignatureError::UnsupportedAlgorithm(algorithm)),
    };
    let key_id = parse_key_id(parameters.require("keyid")?)?;
    let signature = STANDARD
        .decode(parameters.require("signature")?)
        .map_err(|_| SignatureError::Malformed("the signature is not base64"))?;

    let covered_text = parameters.get("headers").unwrap_or("date").to_ascii_lowercase();
    let covered: Vec<&str> = covered_text.split_ascii_whitespace().collect();
    check_coverage(request, &covered, algorithm == "hs2019")?;
    check_time(request, &covered, &parameters, now)?;
    if covered.contains(&"digest") {
        let stated = required_header(request, "digest")?;
        digest::check_digest(&stated, request.body)?;
    }

    let target = request.path_and_query;
    let mut bases = vec![signing_string(request, &covered, target, Some(&parameters))?];
    // Old Mastodon signed the path without its query.
    if let Some((path, _query)) = target.split_once('?') {
        bases.push(signing_string(request, &covered, path, Some(&parameters))?);
    }
    Ok(ParsedSignature { form: SignatureForm::Cavage, key_id, bases, algorithms, signature })
}

/// What must be signed, so that nothing of the request can be exchanged: when, at whom, for what,
/// and with which body.
fn check_coverage(
    request: &SignedRequest<'_>,
    covered: &[&str],
    allows_created: bool,
) -> Result<(), SignatureError> {
    if covered.len() > MAX_COMPONENTS {
        return Err(SignatureError::Malformed("too many headers are covered"));
    }
    let covers = |name: &str| covered.contains(&name);
    if !allows_created && (covers(CREATED) || covers(EXPIRES)) {
        return Err(SignatureError::Malformed("(created) and (expires) need algorithm hs2019"));
    }
    if !covers("date") && !covers(CREATED) {
        return Err(SignatureError::NotCovered("the date or (created)"));
    }
    if !covers("host") {
        return Err(SignatureError::NotCovered("the host"));
    }
    if !covers(REQUEST_TARGET) {
        return Err(SignatureError::NotCovered("the request target"));
    }
    if request.has_body() && !covers("digest") {
        return Err(SignatureError::NotCovered("the body's digest"));
    }
    Ok(())
}

fn check_time(
    request: &SignedRequest<'_>,
    covered: &[&str],
    parameters: &Parameters<'_>,
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    let expires = match covered.contains(&EXPIRES) {
        true => Some(parameters.time("expires")?),
        false => None,
    };
    if covered.contains(&CREATED) {
        window::check(parameters.time("created")?, expires, now)?;
    }
    if covered.contains(&"date") {
        let date = httpdate::parse_http_date(&required_header(request, "date")?)
            .map_err(|_| SignatureError::Malformed("the Date header is not an HTTP date"))?;
        window::check(DateTime::from(date), expires, now)?;
    }
    Ok(())
}

fn required_header(request: &SignedRequest<'_>, name: &str) -> Result<String, SignatureError> {
    request.header(name)?.ok_or_else(|| SignatureError::MissingHeader(name.to_owned()))
}

/// One line for each covered name, in the order in which the signer lists them.
fn signing_string(
    request: &SignedRequest<'_>,
    covered: &[&str],
    target: &str,
    parameters: Option<&Parameters<'_>>,
) -> Result<String, SignatureError> {
    let mut text = String::new();
    for name in covered {
        if !text.is_empty() {
            text.push('\n');
        }
        let value = match *name {
            REQUEST_TARGET => {
                format!("{} {target}", request.method.as_str().to_ascii_lowercase())
            }
            // Our own public name, not what the request claims: what was signed for another host
            // never verifies here, and a proxy that rewrites the header does no harm.
            "host" => request.authority().to_owned(),
            CREATED | EXPIRES => parameters
                .ok_or(SignatureError::Malformed("a parameter is missing"))?
                .require(name.trim_matches(['(', ')']))?
                .to_owned(),
            name => required_header(request, name)?,
        };
        text.push_str(name);
        text.push_str(": ");
        text.push_str(&value);
    }
    Ok(text)
}

/// `name="value"` pairs, names in lower case.
struct Parameters<'a>(Vec<(String, &'a str)>);

impl<'a> Parameters<'a> {
    fn parse(text: &'a str) -> Result<Self, SignatureError> {
        if text.len() > MAX_HEADER_LENGTH {
            return Err(SignatureError::Malformed("it is too long"));
        }
        let mut found: Vec<(String, &'a str)> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest
                .split_once('=')
                .ok_or(SignatureError::Malformed("a parameter has no value"))?;
            let name = name.trim().to_ascii_lowercase();
            let (value, after) = match after.trim_start().strip_prefix('"') {
                Some(quoted) => quoted
                    .split_once('"')
                    .ok_or(SignatureError::Malformed("a quote is not closed"))?,
                None => {
                    let end = after.find(',').unwrap_or(after.len());
                    (after[..end].trim(), &after[end..])
                }
            };
            if found.iter().any(|(known, _)| *known == name) {
                return Err(SignatureError::Malformed("a parameter is given twice"));
            }
            found.push((name, value));
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.is_empty() => after,
                None => return Err(SignatureError::Malformed("a comma is missing")),
            };
        }
        Ok(Self(found))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    fn require(&self, name: &str) -> Result<&'a str, SignatureError> {
        self.get(name).ok_or(SignatureError::Malformed("a parameter is missing"))
    }

    /// Seconds since 1970; `expires` may have decimals, which are cut off.
    fn time(&self, name: &str) -> Result<DateTime<Utc>, SignatureError> {
        let text = self.require(name)?;
        let seconds = text.split('.').next().unwrap_or(text);
        let seconds =
            seconds.parse().map_err(|_| SignatureError::Malformed("a time is not a number"))?;
        window::from_timestamp(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_and_without_quotes() {
        let parameters = Parameters::parse(
            r#"keyId="https://a.example/x,y" , created=1402170695, headers="a b""#,
        )
        .unwrap();
        assert_eq!(parameters.get("keyid"), Some("https://a.example/x,y"));
        assert_eq!(parameters.time("created").unwrap().timestamp(), 1_402_170_695);
        assert_eq!(parameters.get("headers"), Some("a b"));
        assert_eq!(parameters.get("absent"), None);
    }

    #[test]
    fn broken_parameters_are_refused() {
        for text in ["keyId", r#"keyId="x"#, r#"a="1",a="2""#, r#"a="1" b="2""#] {
            assert!(Parameters::parse(text).is_err(), "{text}");
        }
    }
}
