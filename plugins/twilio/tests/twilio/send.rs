//! Sending.

use serde_json::{Value, json};
use sovereign_plugin::channel::Delivery;
use sovereign_plugin::testing::{Answer, HOOK_URL, ScriptedHost, channel_context, message};
use sovereign_plugin::{Auth, Channel, HttpError, PluginError};
use twilio::Twilio;

use super::{SID, config};

const URL: &str =
    "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json";
const FOUND: &str = "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json?To=%2B4366012345&PageSize=100";

fn resource(status: &str) -> Value {
    json!({"sid": "SM1", "status": status, "error_code": null, "error_message": null,
           "body": "come & see", "direction": "outbound-api",
           "date_created": "Thu, 01 Jan 2026 00:00:01 +0000"})
}

#[test]
fn a_message_goes_out_once() {
    let host = ScriptedHost::new();
    host.on("POST", URL, Answer::status(201).json(&resource("queued")));
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));

    let receipt = Twilio::send(&host, &context, &sms).unwrap();
    assert_eq!((receipt.external_id.as_str(), receipt.status), ("SM1", Delivery::Accepted));
    let again = Twilio::send(&host, &context, &sms).unwrap();
    assert_eq!(again.external_id, "SM1");

    let requests = host.requests();
    assert_eq!(requests.len(), 1, "the second call answered from the journal");
    let request = &requests[0];
    assert_eq!(request.auth, Auth::Basic((SID.to_owned(), "auth_token".to_owned())));
    let body = String::from_utf8(request.body.clone().unwrap()).unwrap();
    let form: Vec<(String, String)> =
        form_urlencoded::parse(body.as_bytes()).map(|(n, v)| (n.into(), v.into())).collect();
    let callback = format!("{HOOK_URL}/status");
    for (name, value) in [
        ("To", "+4366012345"),
        ("From", "+15551230000"),
        ("Body", "come & see"),
        ("StatusCallback", callback.as_str()),
    ] {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name} in {form:?}");
    }
    assert!(request.headers.contains(&("i-twilio-idempotency-token".to_owned(), "m1".to_owned())));
}

#[test]
fn a_lost_answer_sends_no_second_message() {
    let host = ScriptedHost::new();
    host.on_failure("POST", URL, HttpError::Timeout);
    host.on("GET", FOUND, Answer::status(200).json(&json!({"messages": [resource("delivered")]})));
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));

    let lost = Twilio::send(&host, &context, &sms);
    assert!(matches!(lost, Err(PluginError::Retry(_))), "{lost:?}");
    let receipt = Twilio::send(&host, &context, &sms).unwrap();
    assert_eq!((receipt.external_id.as_str(), receipt.status), ("SM1", Delivery::Delivered));
    assert_eq!(host.requests().iter().filter(|request| request.method == "POST").count(), 1);
}

#[test]
fn a_message_that_twilio_never_got_is_sent_again() {
    let host = ScriptedHost::new();
    host.on_failure("POST", URL, HttpError::Connect("refused".to_owned()));
    host.on("POST", URL, Answer::status(201).json(&resource("queued")));
    host.on("GET", FOUND, Answer::status(200).json(&json!({"messages": []})));
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));
    assert!(Twilio::send(&host, &context, &sms).is_err());
    assert_eq!(Twilio::send(&host, &context, &sms).unwrap().external_id, "SM1");
}

#[test]
fn an_older_message_of_the_same_text_is_another_one() {
    let host = ScriptedHost::new();
    host.advance(600_000);
    host.on_failure("POST", URL, HttpError::Timeout);
    host.on("POST", URL, Answer::status(201).json(&json!({"sid": "SM2", "status": "queued"})));
    host.on("GET", FOUND, Answer::status(200).json(&json!({"messages": [resource("sent")]})));
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));
    assert!(Twilio::send(&host, &context, &sms).is_err());
    assert_eq!(Twilio::send(&host, &context, &sms).unwrap().external_id, "SM2");
}

#[test]
fn what_twilio_refuses_says_why() {
    let send = |answer: Answer| {
        let host = ScriptedHost::new();
        host.on("POST", URL, answer);
        let sms = message("m1", "+4366012345", "hello");
        Twilio::send(&host, &channel_context(&config()), &sms).unwrap_err()
    };
    let refusal = |status: u16, code: u32| {
        Answer::status(status).json(&json!({"code": code, "message": "no", "status": status}))
    };
    assert_eq!(send(refusal(400, 21211)), PluginError::rejected("Twilio's error 21211: no"));
    assert_eq!(send(refusal(401, 20003)), PluginError::unauthorized("Twilio's error 20003: no"));
    assert!(matches!(send(refusal(404, 20404)), PluginError::BadConfig(_)));
    let busy = refusal(429, 20429).header("retry-after", "7");
    assert_eq!(send(busy), PluginError::retry(Some(7), "Twilio's error 20429: no"));
    assert!(matches!(send(Answer::status(503)), PluginError::Retry(_)));
}

#[test]
fn what_cannot_be_an_sms_is_not_sent() {
    let host = ScriptedHost::new();
    let context = channel_context(&config());
    for (to, text) in
        [("mail@example.org", "a"), ("+43660123", ""), ("+43660123", &"x".repeat(1601))]
    {
        let outcome = Twilio::send(&host, &context, &message("m", to, text));
        assert!(matches!(outcome, Err(PluginError::Rejected(_))), "{to} {outcome:?}");
    }
    let mut two = message("m", "+43660123", "a");
    two.to.push("+43660124".to_owned());
    assert!(matches!(Twilio::send(&host, &context, &two), Err(PluginError::Rejected(_))));
    assert!(host.requests().is_empty());
}

#[test]
fn wrong_settings_are_named() {
    let host = ScriptedHost::new();
    for (config, word) in [
        (json!({"account_sid": "AC1", "from": "+15551230000"}), "account_sid"),
        (json!({"account_sid": SID, "from": "me"}), "from"),
        (json!({"account_sid": SID, "from": "+15551230000", "voice": {"answer": "say"}}), "voice"),
        (json!({"account_sid": SID, "from": "+15551230000", "base_url": "x"}), "base_url"),
        (json!({"account_sid": SID}), "from"),
    ] {
        let outcome = Twilio::send(&host, &channel_context(&config), &message("m", "+43660", "a"));
        assert!(matches!(&outcome, Err(PluginError::BadConfig(text)) if text.contains(word)));
    }
}
