//! Sending.

use serde_json::{Value, json};
use sovereign_plugin::channel::Delivery;
use sovereign_plugin::testing::{Answer, HOOK_URL, ScriptedHost, channel_context, message};
use sovereign_plugin::{Auth, Channel, Host, HttpError, PluginError};
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
    let callback = format!("{HOOK_URL}/status/m1");
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
    assert!(matches!(send(Answer::status(408)), PluginError::Retry(_)));
    // A country that the account may not write to is about this message only.
    assert!(matches!(send(refusal(403, 21_408)), PluginError::Rejected(_)));
    assert!(matches!(send(Answer::status(403)), PluginError::Rejected(_)));
    assert!(matches!(send(refusal(403, 20_003)), PluginError::Unauthorized(_)));
    let stop = send(refusal(400, 21_610));
    assert!(matches!(&stop, PluginError::Rejected(why) if why.contains("STOP")), "{stop:?}");
    assert!(matches!(send(refusal(400, 21_611)), PluginError::Retry(_)));
}

#[test]
fn another_message_of_the_same_text_is_not_taken_for_the_one_whose_answer_got_lost() {
    let host = ScriptedHost::new();
    host.on("POST", URL, Answer::status(201).json(&resource("queued")));
    host.on_failure("POST", URL, HttpError::Timeout);
    host.on("POST", URL, Answer::status(201).json(&json!({"sid": "SM2", "status": "queued"})));
    host.on("GET", FOUND, Answer::status(200).json(&json!({"messages": [resource("sent")]})));
    let context = channel_context(&config());
    let (first, second) = ("m1", "m2");
    let sms = |id: &str| message(id, "+4366012345", "come & see");
    assert_eq!(Twilio::send(&host, &context, &sms(first)).unwrap().external_id, "SM1");
    assert!(Twilio::send(&host, &context, &sms(second)).is_err());
    assert_eq!(Twilio::send(&host, &context, &sms(second)).unwrap().external_id, "SM2");
}

#[test]
fn an_account_on_trial_finds_its_messages_too() {
    let host = ScriptedHost::new();
    let mut sent = resource("sent");
    sent["body"] = json!("Sent from your Twilio trial account - come & see");
    host.on_failure("POST", URL, HttpError::Timeout);
    host.on("GET", FOUND, Answer::status(200).json(&json!({"messages": [sent]})));
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));
    assert!(Twilio::send(&host, &context, &sms).is_err());
    assert_eq!(Twilio::send(&host, &context, &sms).unwrap().external_id, "SM1");
}

#[test]
fn a_report_tells_what_the_lost_answer_would_have_said() {
    let host = ScriptedHost::new();
    host.set_injected_secret("auth_token", super::TOKEN);
    host.on_failure("POST", URL, HttpError::Timeout);
    let (context, sms) = (channel_context(&config()), message("m1", "+4366012345", "come & see"));
    assert!(Twilio::send(&host, &context, &sms).is_err());
    let form = [("MessageSid", "SM7"), ("AccountSid", SID), ("MessageStatus", "sent")];
    let report = super::inbound::signed(&host, "/status/m1", &form);
    Twilio::inbound(&host, &context, &report).unwrap();
    // Twilio's list is not even asked.
    assert_eq!(Twilio::send(&host, &context, &sms).unwrap().external_id, "SM7");
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn the_journal_does_not_grow_for_ever_whatever_the_order_of_the_ids() {
    let host = ScriptedHost::new();
    host.on("POST", URL, Answer::status(201).json(&json!({"sid": "SM1", "status": "queued"})));
    let context = channel_context(&config());
    let mut most = 0;
    for day in 0..60_u64 {
        for number in 0..20_u64 {
            // In no order of time, as the ids are that follow from a rule and an event.
            let id = format!("{:016x}", (day * 20 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            Twilio::send(&host, &context, &message(&id, "+4366012345", "come & see")).unwrap();
        }
        host.advance(24 * 60 * 60 * 1000);
        most = most.max(host.state_keys("sent/", None, 10_000).unwrap().len());
    }
    assert!(most < 20 * 8, "{most} lines for three days of 20 messages");
}

#[test]
fn a_messaging_service_chooses_the_number() {
    let host = ScriptedHost::new();
    host.on("POST", URL, Answer::status(201).json(&json!({"sid": "SM1", "status": "queued"})));
    let mut config = config();
    let service = "MG0123456789abcdef0123456789abcdef";
    config["from"] = json!(service);
    let mut sms = message("m1", "+4366012345", "come");
    sms.sender = Some("+15551230000".to_owned());
    Twilio::send(&host, &channel_context(&config), &sms).unwrap();
    let body = String::from_utf8(host.requests()[0].body.clone().unwrap()).unwrap();
    assert!(body.contains(&format!("MessagingServiceSid={service}")), "{body}");
    assert!(!body.contains("From="), "{body}");
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
