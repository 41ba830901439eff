//! Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sovereign_plugin::channel::{CallStatus, Delivery, Event, InboundResult};
use sovereign_plugin::testing::{Answer, ScriptedHost, channel_context, webhook};
use sovereign_plugin::{Channel, Hash, Host, PluginError, WebhookRequest};
use twilio::Twilio;

use super::{SID, TOKEN, config};

fn host() -> ScriptedHost {
    let host = ScriptedHost::new();
    host.set_injected_secret("auth_token", TOKEN);
    host
}

/// A request as Twilio makes it.
pub fn signed(host: &ScriptedHost, path: &str, form: &[(&str, &str)]) -> WebhookRequest {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = webhook("POST", path, &[], body.as_bytes());
    let mut sorted = form.to_vec();
    sorted.sort_unstable();
    let text: String = sorted.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let signature =
        host.hmac("auth_token", Hash::Sha1, format!("{}{text}", request.url).as_bytes()).unwrap();
    request.headers.push(("X-Twilio-Signature".to_owned(), STANDARD.encode(signature)));
    request
}

fn answer(config: &Value, request: &WebhookRequest) -> Result<InboundResult, PluginError> {
    Twilio::inbound(&host(), &channel_context(config), request)
}

const CALL: [(&str, &str); 5] = [
    ("CallSid", "CA1"),
    ("AccountSid", SID),
    ("From", "+4366012345"),
    ("To", "+15551230000"),
    ("CallStatus", "ringing"),
];

/// The example of <https://www.twilio.com/docs/usage/security>.
#[test]
fn the_documented_signature_is_right() {
    let form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
        ("CallStatus", "ringing"),
    ];
    let documented = &form[..5];
    let text: String = documented.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let signature = host().hmac("auth_token", Hash::Sha1, format!("{url}{text}").as_bytes());
    assert_eq!(STANDARD.encode(signature.unwrap()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

#[test]
fn a_call_rings_and_the_caller_is_told() {
    let request = signed(&host(), "", &CALL);
    let result = answer(&config(), &request).unwrap();
    let [Event::Call(call)] = result.events.as_slice() else { panic!("{result:?}") };
    assert_eq!((call.external_id.as_str(), call.from.as_str()), ("CA1", "+4366012345"));
    assert_eq!((call.to.as_str(), call.status), ("+15551230000", CallStatus::Ringing));
    let markup = String::from_utf8(result.response.body).unwrap();
    assert!(markup.contains("<Response><Reject reason=\"busy\"/></Response>"), "{markup}");

    let mut config = config();
    config["voice"] = json!({"answer": "say", "text": "Back <soon> & well", "language": "de-AT"});
    let result = answer(&config, &request).unwrap();
    let markup = String::from_utf8(result.response.body).unwrap();
    let said = "<Say language=\"de-AT\">Back &lt;soon&gt; &amp; well</Say><Hangup/>";
    assert!(markup.contains(said), "{markup}");
}

#[test]
fn the_end_of_a_call_is_reported() {
    let mut form = CALL.to_vec();
    form[4].1 = "completed";
    form.extend([
        ("CallDuration", "42"),
        ("CallbackSource", "call-progress-events"),
        ("Timestamp", "Thu, 01 Jan 2026 10:00:00 +0000"),
    ]);
    let result = answer(&config(), &signed(&host(), "/call", &form)).unwrap();
    let [Event::Call(call)] = result.events.as_slice() else { panic!("{result:?}") };
    assert_eq!((call.status, call.seconds), (CallStatus::Completed, Some(42)));
    assert_eq!(call.at, 1_767_261_600_000);
    assert_eq!((result.response.status, result.response.body.len()), (204, 0));
}

#[test]
fn a_message_comes_in_with_its_pictures_or_their_addresses() {
    let media = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/";
    let (first, second) = (format!("{media}ME1"), format!("{media}ME2"));
    let form = [
        ("MessageSid", "SM9"),
        ("AccountSid", SID),
        ("From", "+4366012345"),
        ("To", "+15551230000"),
        ("Body", "Grüße & Küsse"),
        ("SmsStatus", "received"),
        ("NumMedia", "2"),
        ("MediaUrl0", &first),
        ("MediaContentType0", "image/jpeg"),
        ("MediaUrl1", &second),
        ("MediaContentType1", "no type"),
    ];
    let host = host();
    host.on("GET", &first, Answer::ok("image/jpeg", b"\xff\xd8".to_vec()));
    host.on("GET", &second, Answer::status(404));
    let request = signed(&host, "", &form);
    let result = Twilio::inbound(&host, &channel_context(&config()), &request).unwrap();
    let [Event::Received(message)] = result.events.as_slice() else { panic!("{result:?}") };
    assert_eq!((message.external_id.as_str(), message.text.as_str()), ("SM9", "Grüße & Küsse"));
    let [kept, far] = message.attachments.as_slice() else { panic!("{message:?}") };
    assert_eq!(
        (kept.name.as_str(), kept.media_type.as_str(), kept.data.len()),
        ("ME1", "image/jpeg", 2)
    );
    assert_eq!((far.name.as_str(), far.data.len()), (second.as_str(), 0));
    assert_eq!(far.media_type, "application/octet-stream");
    assert!(String::from_utf8(result.response.body).unwrap().contains("<Response/>"));
}

#[test]
fn parameters_that_come_several_times_are_signed_once_each() {
    let mut form = CALL.to_vec();
    form.extend([("Extra", "b"), ("Extra", "a"), ("Extra", "b")]);
    let mut request = signed(&host(), "", &form);
    // As Twilio's libraries have it: of one name, each value once, sorted.
    let once = [&CALL[..], &[("Extra", "a"), ("Extra", "b")]].concat();
    request.headers = signed(&host(), "", &once).headers;
    assert_eq!(answer(&config(), &request).unwrap().events.len(), 1);
}

#[test]
fn a_body_of_json_is_signed_by_its_hash_in_the_address() {
    let host = host();
    let body =
        json!({"MessageSid": "SM1", "AccountSid": SID, "MessageStatus": "sent", "ErrorCode": null})
            .to_string();
    let hash = sha256(&body);
    let signed = |query: &str, body: &str| {
        let headers = [("Content-Type", "application/json; charset=utf-8")];
        let mut request = webhook("POST", query, &headers, body.as_bytes());
        let signature = host.hmac("auth_token", Hash::Sha1, request.url.as_bytes()).unwrap();
        request.headers.push(("X-Twilio-Signature".to_owned(), STANDARD.encode(signature)));
        answer(&config(), &request)
    };
    let genuine = signed(&format!("/status?bodySHA256={hash}"), &body).unwrap();
    assert!(matches!(genuine.events.as_slice(), [Event::Status(_)]), "{genuine:?}");
    for (query, body) in [
        (format!("/status?bodySHA256={hash}"), body.replace("SM1", "SM2")),
        ("/status".to_owned(), body.clone()),
        (format!("/status?bodySHA256={}", "0".repeat(64)), body.clone()),
    ] {
        let outcome = signed(&query, &body);
        assert!(matches!(outcome, Err(PluginError::Rejected(_))), "{outcome:?}");
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn progress_of_a_message_becomes_a_receipt() {
    for (status, delivery) in [
        ("queued", Delivery::Accepted),
        ("sent", Delivery::Sent),
        ("delivered", Delivery::Delivered),
        ("read", Delivery::Read),
        ("undelivered", Delivery::Failed),
    ] {
        let form = [("MessageSid", "SM1"), ("MessageStatus", status), ("ErrorCode", "30003")];
        let result = answer(&config(), &signed(&host(), "/status", &form)).unwrap();
        let [Event::Status(receipt)] = result.events.as_slice() else { panic!("{result:?}") };
        assert_eq!((receipt.external_id.as_str(), receipt.status), ("SM1", delivery));
        assert_eq!(receipt.detail.as_deref(), Some("Twilio's error 30003"));
    }
}

#[test]
fn a_request_that_twilio_did_not_sign_is_refused() {
    let genuine = signed(&host(), "", &CALL);
    let rejected = |request: &WebhookRequest| {
        let outcome = answer(&config(), request);
        assert!(matches!(outcome, Err(PluginError::Rejected(_))), "{outcome:?}");
    };
    let mut unsigned = genuine.clone();
    unsigned.headers.clear();
    rejected(&unsigned);
    let mut changed = genuine.clone();
    changed.body = String::from_utf8(changed.body).unwrap().replace("CA1", "CA2").into_bytes();
    rejected(&changed);
    let mut elsewhere = genuine.clone();
    elsewhere.url = elsewhere.url.replace("node.example", "other.example");
    rejected(&elsewhere);
    for signature in ["", "not base64!", "AAAA"] {
        let mut wrong = genuine.clone();
        wrong.headers[0].1 = signature.to_owned();
        rejected(&wrong);
    }
    let mut put = genuine.clone();
    put.method = "PUT".to_owned();
    rejected(&put);
}

#[test]
fn a_signature_is_good_with_the_port_and_without() {
    let request = signed(&host(), "", &CALL);
    let mut with_port = request.clone();
    with_port.url = with_port.url.replace("node.example", "node.example:443");
    assert!(answer(&config(), &with_port).is_ok());
    let mut signed_with_port = webhook("POST", "", &[], &request.body);
    signed_with_port.url = with_port.url;
    let mut sorted = CALL.to_vec();
    sorted.sort_unstable();
    let text: String = sorted.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let text = format!("{}{text}", signed_with_port.url);
    let signature = host().hmac("auth_token", Hash::Sha1, text.as_bytes()).unwrap();
    let header = ("x-twilio-signature".to_owned(), STANDARD.encode(signature));
    signed_with_port.headers.push(header);
    signed_with_port.url = request.url;
    assert!(answer(&config(), &signed_with_port).is_ok());
}

#[test]
fn a_call_by_get_has_its_parameters_signed_with_the_address() {
    let host = host();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(CALL).finish();
    let mut request = webhook("GET", &format!("?{query}"), &[], b"");
    let signature = host.hmac("auth_token", Hash::Sha1, request.url.as_bytes()).unwrap();
    request.headers.push(("X-Twilio-Signature".to_owned(), STANDARD.encode(signature)));
    assert_eq!(answer(&config(), &request).unwrap().events.len(), 1);
}

#[test]
fn another_account_is_refused() {
    let mut form = CALL;
    form[1].1 = "ACffffffffffffffffffffffffffffffff";
    let outcome = answer(&config(), &signed(&host(), "", &form));
    assert!(matches!(outcome, Err(PluginError::Rejected(_))), "{outcome:?}");
}
