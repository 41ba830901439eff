//! HTTP Message Signatures (RFC 9421), the profile that the fediverse uses: one signature, with
//! `created` and `keyid`, over the method, the target and the body's digest.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, Method};
use sfv::{
    BareItem, DictSerializer, Dictionary, FieldType, InnerList, Item, KeyRef, ListEntry,
    Parameters, Parser,
};
use url::{Position, Url};

use super::{
    MAX_COMPONENTS, MAX_HEADER_LENGTH, ParsedSignature, SIGNATURE, SignatureError, SignatureForm,
    SignedRequest, digest, header_value, parse_key_id, window,
};
use crate::keys::{ActorKey, VerificationAlgorithm};

pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Our signature's name inside the two dictionaries.
const LABEL: &str = "sig1";

/// Signs `"@method" "@target-uri"`, and with a body `"content-digest"` too.
pub(super) fn sign(
    key: &ActorKey,
    method: &Method,
    url: &Url,
    body: Option<&Bytes>,
    now: DateTime<Utc>,
    headers: &mut HeaderMap,
) -> Result<(), SignatureError> {
    let mut covered = vec!["@method", "@target-uri"];
    if let Some(body) = body {
        headers.insert(CONTENT_DIGEST, header_value(&digest::content_digest_header(body))?);
        covered.push("content-digest");
    }
    let parameters = describe(&covered, &key.key_id, now)?;
    let request = SignedRequest {
        method,
        target_uri: url,
        path_and_query: &url[Position::BeforePath..Position::AfterQuery],
        headers,
        body: body.map_or(&[], |body| body),
    };
    let signature = key.key.sign(signature_base(&request, &parameters)?.as_bytes())?;

    let input = format!("{LABEL}={}", serialize(&parameters)?);
    let mut dictionary = DictSerializer::new();
    dictionary.bare_item(key_ref(LABEL)?, signature.as_slice());
    let value = dictionary.finish().ok_or(SignatureError::Malformed("it is empty"))?;
    headers.insert(SIGNATURE_INPUT, header_value(&input)?);
    headers.insert(SIGNATURE, header_value(&value)?);
    Ok(())
}

/// The covered components with `created` and `keyid`.
fn describe(
    covered: &[&str],
    key_id: &Url,
    now: DateTime<Utc>,
) -> Result<InnerList, SignatureError> {
    let text = |value: &str| {
        sfv::String::from_string(value.to_owned())
            .map_err(|_| SignatureError::Malformed("a value is not ASCII text"))
    };
    let mut items = Vec::with_capacity(covered.len());
    for component in covered {
        items.push(Item::new(text(component)?));
    }
    let created = sfv::Integer::try_from(now.timestamp())
        .map_err(|_| SignatureError::Malformed("a time is out of range"))?;
    let mut parameters = Parameters::new();
    parameters.insert(key_ref("created")?.to_owned(), BareItem::Integer(created));
    parameters.insert(key_ref("keyid")?.to_owned(), BareItem::String(text(key_id.as_str())?));
    Ok(InnerList::with_params(items, parameters))
}

fn key_ref(name: &'static str) -> Result<&'static KeyRef, SignatureError> {
    KeyRef::from_str(name).map_err(|_| SignatureError::Malformed("a name is not a key"))
}

/// The inner list as section 2.3 of the RFC writes it.
fn serialize(parameters: &InnerList) -> Result<String, SignatureError> {
    vec![ListEntry::InnerList(parameters.clone())]
        .serialize()
        .ok_or(SignatureError::Malformed("it is empty"))
}

/// Reads `Signature-Input` and `Signature` and checks everything but the signature itself.
pub(super) fn parse(
    request: &SignedRequest<'_>,
    now: DateTime<Utc>,
) -> Result<ParsedSignature, SignatureError> {
    let inputs = dictionary(request, &SIGNATURE_INPUT)?;
    if inputs.len() > 1 {
        return Err(SignatureError::Several);
    }
    let Some((label, ListEntry::InnerList(parameters))) = inputs.first() else {
        return Err(SignatureError::Malformed("it lists no components"));
    };
    let signatures = dictionary(request, &SIGNATURE)?;
    let signature = match signatures.get(label) {
        Some(ListEntry::Item(item)) => item.bare_item.as_byte_sequence(),
        _ => None,
    }
    .ok_or(SignatureError::Malformed("there is no signature under the input's label"))?
    .to_vec();

    check_coverage(request, parameters)?;
    let created = time(parameters, "created")?.ok_or(SignatureError::NotCovered("created"))?;
    window::check(created, time(parameters, "expires")?, now)?;
    if request.has_body() || covers(parameters, "content-digest") {
        let stated = required_header(request, "content-digest")?;
        digest::check_content_digest(&stated, request.body)?;
    }
    let key_id = parse_key_id(
        text(parameters, "keyid")?.ok_or(SignatureError::Malformed("keyid is missing"))?,
    )?;
    let algorithms: &'static [VerificationAlgorithm] = match text(parameters, "alg")? {
        None => &[VerificationAlgorithm::RsaSha256, VerificationAlgorithm::Ed25519],
        Some("rsa-v1_5-sha256") => &[VerificationAlgorithm::RsaSha256],
        Some("ed25519") => &[VerificationAlgorithm::Ed25519],
        Some(other) => return Err(SignatureError::UnsupportedAlgorithm(other.to_owned())),
    };
    let bases = vec![signature_base(request, parameters)?];
    Ok(ParsedSignature { form: SignatureForm::Rfc9421, key_id, bases, algorithms, signature })
}

fn dictionary(
    request: &SignedRequest<'_>,
    name: &HeaderName,
) -> Result<Dictionary, SignatureError> {
    let value = required_header(request, name.as_str())?;
    if value.len() > MAX_HEADER_LENGTH {
        return Err(SignatureError::Malformed("it is too long"));
    }
    Parser::new(&value).parse().map_err(|_| SignatureError::Malformed("it is not a dictionary"))
}

fn required_header(request: &SignedRequest<'_>, name: &str) -> Result<String, SignatureError> {
    request.header(name)?.ok_or_else(|| SignatureError::MissingHeader(name.to_owned()))
}

fn covers(parameters: &InnerList, component: &str) -> bool {
    parameters.items.iter().any(|item| name_of(item).is_ok_and(|name| name == component))
}

/// What must be signed, so that nothing of the request can be exchanged.
fn check_coverage(
    request: &SignedRequest<'_>,
    parameters: &InnerList,
) -> Result<(), SignatureError> {
    if parameters.items.len() > MAX_COMPONENTS {
        return Err(SignatureError::Malformed("too many components are covered"));
    }
    let covers = |component| covers(parameters, component);
    if !covers("@method") {
        return Err(SignatureError::NotCovered("the method"));
    }
    let has_query = request.path_and_query.contains('?');
    let covers_path = covers("@path") && (!has_query || covers("@query"));
    let covers_target = covers("@target-uri")
        || (covers("@authority") && (covers("@request-target") || covers_path));
    if !covers_target {
        return Err(SignatureError::NotCovered("the target URI"));
    }
    if request.has_body() && !covers("content-digest") {
        return Err(SignatureError::NotCovered("the body's digest"));
    }
    Ok(())
}

fn text<'a>(parameters: &'a InnerList, name: &str) -> Result<Option<&'a str>, SignatureError> {
    match parameters.params.get(name) {
        None => Ok(None),
        Some(BareItem::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(SignatureError::Malformed("a parameter is not a string")),
    }
}

fn time(parameters: &InnerList, name: &str) -> Result<Option<DateTime<Utc>>, SignatureError> {
    match parameters.params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => window::from_timestamp(i64::from(*seconds)).map(Some),
        Some(_) => Err(SignatureError::Malformed("a time is not a number")),
    }
}

/// A component's name. Parameters change what is signed (section 2.1); none is used between
/// fediverse servers, so none is rebuilt.
fn name_of(item: &Item) -> Result<&str, SignatureError> {
    match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Ok(name.as_str()),
        BareItem::String(name) => {
            Err(SignatureError::UnsupportedComponent(name.as_str().to_owned()))
        }
        _ => Err(SignatureError::Malformed("a component is not a string")),
    }
}

/// The signature base (section 2.5): a line for each component and one for the parameters.
fn signature_base(
    request: &SignedRequest<'_>,
    parameters: &InnerList,
) -> Result<String, SignatureError> {
    let mut base = String::new();
    let mut seen: Vec<&str> = Vec::with_capacity(parameters.items.len());
    for item in &parameters.items {
        let name = name_of(item)?;
        if seen.contains(&name) {
            return Err(SignatureError::Malformed("a component is covered twice"));
        }
        seen.push(name);
        let value = component(request, name)?;
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {}", serialize(parameters)?));
    Ok(base)
}

/// A component's value. Derived ones come from our own public URL: a signature made for another
/// authority never verifies here.
fn component(request: &SignedRequest<'_>, name: &str) -> Result<String, SignatureError> {
    let target = request.path_and_query;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(match name {
        "@method" => request.method.as_str().to_owned(),
        "@target-uri" => {
            format!("{}{target}", &request.target_uri[..Position::BeforePath])
        }
        "@authority" => request.authority().to_owned(),
        "@scheme" => request.target_uri.scheme().to_owned(),
        "@request-target" => target.to_owned(),
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        derived if derived.starts_with('@') => {
            return Err(SignatureError::UnsupportedComponent(derived.to_owned()));
        }
        // The same as for draft-cavage: never what the request claims.
        "host" => request.authority().to_owned(),
        header if header.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            return Err(SignatureError::UnsupportedComponent(header.to_owned()));
        }
        header => required_header(request, header)?,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::keys::PublicKey;

    /// RFC 9421, appendix B.2.6: base and signature as printed there.
    #[test]
    fn the_example_of_the_rfc_verifies() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "example.com"),
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let url = Url::parse("https://example.com/foo?param=Value&Pet=dog").unwrap();
        let request = SignedRequest {
            method: &Method::POST,
            target_uri: &url,
            path_and_query: "/foo?param=Value&Pet=dog",
            headers: &headers,
            body: br#"{"hello": "world"}"#,
        };
        let input: Dictionary = Parser::new(concat!(
            r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")"#,
            r#";created=1618884473;keyid="test-key-ed25519""#,
        ))
        .parse()
        .unwrap();
        let Some(ListEntry::InnerList(parameters)) = input.get("sig-b26") else {
            panic!("no inner list");
        };
        let base = signature_base(&request, parameters).unwrap();
        assert_eq!(
            base,
            concat!(
                "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n",
                "\"@method\": POST\n",
                "\"@path\": /foo\n",
                "\"@authority\": example.com\n",
                "\"content-type\": application/json\n",
                "\"content-length\": 18\n",
                "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" ",
                "\"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
            )
        );
        let key = PublicKey::from_pem(
            "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----",
        )
        .unwrap();
        let signature = STANDARD
            .decode(concat!(
                "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu",
                "4A0w6vuQv5lIp5WPpBKRCw==",
            ))
            .unwrap();
        assert!(key.verifies(VerificationAlgorithm::Ed25519, base.as_bytes(), &signature));
        // The same example leaves the query and the body open, so as a request it is refused.
        assert_eq!(
            check_coverage(&request, parameters),
            Err(SignatureError::NotCovered("the target URI"))
        );
    }
}
