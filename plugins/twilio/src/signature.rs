//! `X-Twilio-Signature`: that a request comes from Twilio.
//!
//! <https://www.twilio.com/docs/usage/security#validating-requests>: HMAC-SHA1 under the account's
//! auth token over the whole URL as Twilio called it and, for a form, each parameter's name and value,
//! sorted by name; in base64. Twilio's own libraries accept the URL with its port and without. A body
//! that is no form is signed by its SHA-256, which the URL names as `bodySHA256`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use sovereign_plugin::{Hash, Host, PluginError, WebhookRequest};
use subtle::ConstantTimeEq;

use crate::SECRET;

const HEADER: &str = "x-twilio-signature";

/// Refuses a request that Twilio did not sign.
pub fn verify<H: Host>(
    host: &H,
    request: &WebhookRequest,
    form: &[(String, String)],
) -> Result<(), PluginError> {
    let refused = || PluginError::rejected("X-Twilio-Signature is wrong");
    let given = request
        .header(HEADER)
        .ok_or_else(|| PluginError::rejected("there is no X-Twilio-Signature"))?;
    let given = STANDARD.decode(given.trim()).map_err(|_| refused())?;
    let parameters = concatenated(form);
    let mut is_genuine = false;
    for url in forms_of(&request.url) {
        let signed = format!("{url}{parameters}");
        let expected = host.hmac(SECRET, Hash::Sha1, signed.as_bytes())?;
        is_genuine |= bool::from(expected.ct_eq(&given));
    }
    if is_genuine { Ok(()) } else { Err(refused()) }
}

/// The SHA-256 of the body, as the address says it.
const BODY: &str = "bodySHA256";

/// Whether a body that is no form is the one that the signed address speaks of.
pub fn is_signed_body(request: &WebhookRequest) -> bool {
    let named = form_urlencoded::parse(request.query().as_bytes()).find(|(name, _)| name == BODY);
    let Some((_, named)) = named else { return false };
    let hash = Sha256::digest(&request.body);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    bool::from(hash.as_bytes().ct_eq(named.to_ascii_lowercase().as_bytes()))
}

/// Names and values, sorted by name; of the same name, each value once, sorted.
fn concatenated(form: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = form.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.iter().fold(String::new(), |text, (name, value)| text + name + value)
}

/// The URL as it is, with the port of its scheme, and without any port.
fn forms_of(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let port = match scheme {
        "https" => 443,
        _ => 80,
    };
    let without = without_port(authority);
    for authority in [format!("{without}:{port}"), without.to_owned()] {
        let form = format!("{scheme}://{authority}{tail}");
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::forms_of;

    #[test]
    fn an_address_is_tried_with_its_port_and_without() {
        let expected = ["https://a.example/x?y=1", "https://a.example:443/x?y=1"];
        assert_eq!(forms_of("https://a.example/x?y=1"), expected);
        let forms = forms_of("https://a.example:8443/x");
        assert!(forms.contains(&"https://a.example/x".to_owned()));
        assert_eq!(forms[0], "https://a.example:8443/x");
        assert_eq!(forms_of("http://[::1]/x"), ["http://[::1]/x", "http://[::1]:80/x"]);
    }
}
