//! The channel against a scripted homeserver.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use matrix::Matrix;
use serde_json::{Value, json};
use sovereign_plugin::channel::{Attachment, Event, InboundResult};
use sovereign_plugin::testing::{Answer, ScriptedHost, channel_context, message, webhook};
use sovereign_plugin::{Channel, Host, PluginError};

const ROOM: &str = "!room:example.org";
const CLEAR: &str = "https://matrix.example.org/_matrix/client/v3/rooms/%21room%3Aexample.org/state/m.room.encryption";
const SEND: &str = "https://matrix.example.org/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/m1";

fn config() -> Value {
    json!({"homeserver": "https://matrix.example.org/", "user_id": "@home:example.org"})
}

fn homeserver() -> ScriptedHost {
    let host = ScriptedHost::new();
    host.on("GET", CLEAR, Answer::status(404).json(&json!({"errcode": "M_NOT_FOUND"})));
    host.on("PUT", SEND, Answer::status(200).json(&json!({"event_id": "$1"})));
    host
}

fn body(host: &ScriptedHost, url: &str) -> Value {
    let requests = host.requests();
    let request = requests.iter().find(|request| request.url == url).unwrap();
    serde_json::from_slice(request.body.as_ref().unwrap()).unwrap()
}

#[test]
fn a_message_has_its_id_as_transaction_id() {
    let host = homeserver();
    let mut note = message("m1", ROOM, "come & see");
    note.html = Some("<b>come</b>".to_owned());
    note.in_reply_to = Some("$0".to_owned());
    let receipt = Matrix::send(&host, &channel_context(&config()), &note).unwrap();
    assert_eq!(receipt.external_id, "$1");
    assert_eq!(
        body(&host, SEND),
        json!({"msgtype": "m.text", "body": "come & see", "format": "org.matrix.custom.html",
               "formatted_body": "<b>come</b>",
               "m.relates_to": {"m.in_reply_to": {"event_id": "$0"}}})
    );
}

#[test]
fn an_encrypted_room_gets_nothing_in_clear() {
    let host = ScriptedHost::new();
    host.on("GET", CLEAR, Answer::status(200).json(&json!({"algorithm": "m.megolm.v1.aes-sha2"})));
    let outcome = Matrix::send(&host, &channel_context(&config()), &message("m1", ROOM, "a"));
    assert!(matches!(outcome, Err(PluginError::Rejected(_))), "{outcome:?}");
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn a_person_gets_one_room() {
    let host = homeserver();
    let create = "https://matrix.example.org/_matrix/client/v3/createRoom";
    host.on("POST", create, Answer::status(200).json(&json!({"room_id": ROOM})));
    for _ in 0..2 {
        let note = message("m1", "@ann:example.org", "a");
        Matrix::send(&host, &channel_context(&config()), &note).unwrap();
    }
    assert_eq!(host.requests().iter().filter(|request| request.url == create).count(), 1);
    assert_eq!(body(&host, create)["invite"], json!(["@ann:example.org"]));
}

#[test]
fn an_alias_is_looked_up_and_files_are_uploaded() {
    let host = homeserver();
    let alias = "https://matrix.example.org/_matrix/client/v3/directory/room/%23home%3Aexample.org";
    host.on("GET", alias, Answer::status(200).json(&json!({"room_id": ROOM})));
    let upload = "https://matrix.example.org/_matrix/media/v3/upload?filename=a%20b.png";
    host.on("POST", upload, Answer::status(200).json(&json!({"content_uri": "mxc://x/1"})));
    let file = format!("{SEND}-0");
    host.on("PUT", &file, Answer::status(200).json(&json!({"event_id": "$2"})));
    let mut note = message("m1", "#home:example.org", "");
    note.attachments.push(Attachment {
        name: "a b.png".to_owned(),
        media_type: "image/png".to_owned(),
        data: vec![1, 2, 3],
    });
    let receipt = Matrix::send(&host, &channel_context(&config()), &note).unwrap();
    assert_eq!(receipt.external_id, "$2");
    assert_eq!(body(&host, &file)["url"], "mxc://x/1");
}

#[test]
fn what_the_homeserver_refuses_says_why() {
    let send = |answer: Answer| {
        let host = ScriptedHost::new();
        host.on("GET", CLEAR, answer);
        Matrix::send(&host, &channel_context(&config()), &message("m1", ROOM, "a")).unwrap_err()
    };
    let refusal = |status: u16, code: &str| {
        Answer::status(status).json(&json!({"errcode": code, "error": "e", "retry_after_ms": 1500}))
    };
    let busy = send(refusal(429, "M_LIMIT_EXCEEDED"));
    assert!(matches!(busy, PluginError::Retry(after) if after.seconds == Some(2)));
    assert!(matches!(send(refusal(401, "M_UNKNOWN_TOKEN")), PluginError::Unauthorized(_)));
    assert!(matches!(send(refusal(403, "M_FORBIDDEN")), PluginError::Rejected(_)));
    assert!(matches!(send(Answer::status(502)), PluginError::Retry(_)));
}

fn push(token: Option<&str>, body: &Value) -> Result<InboundResult, PluginError> {
    let host = ScriptedHost::new();
    if let Some(token) = token {
        host.set_secret("hs_token", token);
    }
    let request = webhook(
        "PUT",
        "/_matrix/app/v1/transactions/7",
        &[("Authorization", "Bearer secret")],
        body.to_string().as_bytes(),
    );
    Matrix::inbound(&host, &channel_context(&config()), &request)
}

#[test]
fn a_pushed_message_comes_in() {
    let event = |id: &str, sender: &str, content: Value| {
        json!({"type": "m.room.message", "event_id": id, "room_id": ROOM, "sender": sender,
               "origin_server_ts": 5, "content": content})
    };
    let text = json!({"msgtype": "m.text", "body": "hi",
                      "m.relates_to": {"m.in_reply_to": {"event_id": "$0"}}});
    let edit =
        json!({"msgtype": "m.text", "body": "* ho", "m.relates_to": {"rel_type": "m.replace"}});
    let body = json!({"events": [
        event("$1", "@ann:example.org", text.clone()),
        event("$2", "@home:example.org", text),
        event("$3", "@ann:example.org", edit),
        event("$4", "@bot:example.org", json!({"msgtype": "m.notice", "body": "beep"})),
        {"type": "m.room.member", "state_key": "x"},
    ]});
    let result = push(Some("secret"), &body).unwrap();
    let [Event::Received(message)] = result.events.as_slice() else { panic!("{result:?}") };
    assert_eq!((message.external_id.as_str(), message.text.as_str()), ("$1", "hi"));
    assert_eq!((message.sender.as_str(), message.received), ("@ann:example.org", 5));
    assert_eq!(message.in_reply_to.as_deref(), Some("$0"));
    assert_eq!(result.response.body, b"{}");
}

/// What `ann` sends, alone in a transaction.
fn said(content: &Value, time: &Value, host: &ScriptedHost) -> InboundResult {
    host.set_secret("hs_token", "secret");
    let event = json!({"type": "m.room.message", "event_id": "$1", "room_id": ROOM,
                       "sender": "@ann:example.org", "origin_server_ts": time, "content": content});
    transaction(&json!({"events": [event]}), host)
}

fn transaction(body: &Value, host: &ScriptedHost) -> InboundResult {
    let request = webhook(
        "PUT",
        "/_matrix/app/v1/transactions/7",
        &[("Authorization", "Bearer secret")],
        body.to_string().as_bytes(),
    );
    Matrix::inbound(host, &channel_context(&config()), &request).unwrap()
}

#[test]
fn whatever_a_strangers_server_writes_holds_up_nothing() {
    let host = ScriptedHost::new();
    for time in [json!(u64::MAX), json!(9_007_199_254_740_991_u64), json!(-5), json!("soon")] {
        let content = json!({"msgtype": "m.text", "body": "hi",
            "m.relates_to": {"m.in_reply_to": {"event_id": "x".repeat(5_000)}}});
        let result = said(&content, &time, &host);
        let [Event::Received(message)] = result.events.as_slice() else { panic!("{result:?}") };
        assert_eq!(
            (message.received, message.in_reply_to.as_deref()),
            (host.now(), None),
            "{time}"
        );
    }
    let long = json!({"type": "m.room.message", "event_id": "$".repeat(300), "room_id": ROOM,
        "sender": "@ann:example.org", "origin_server_ts": 5, "content": {"body": "x"}});
    assert!(transaction(&json!({"events": [long, 5, {}]}), &host).events.is_empty());
}

#[test]
fn a_file_is_told_by_its_address() {
    let content = json!({"msgtype": "m.image", "body": "cat.png", "url": "mxc://example.org/1",
                         "info": {"mimetype": "image/png"}});
    let result = said(&content, &json!(5), &ScriptedHost::new());
    let [Event::Received(message)] = result.events.as_slice() else { panic!("{result:?}") };
    assert_eq!((message.text.as_str(), message.received), ("cat.png", 5));
    let [file] = message.attachments.as_slice() else { panic!("{message:?}") };
    assert_eq!((file.name.as_str(), file.data.len()), ("mxc://example.org/1", 0));
    assert_eq!(file.media_type, "image/png");
}

#[test]
fn a_room_of_two_is_entered_and_answered_in() {
    let host = homeserver();
    host.set_secret("hs_token", "secret");
    let join = "https://matrix.example.org/_matrix/client/v3/rooms/%21room%3Aexample.org/join";
    host.on("POST", join, Answer::status(200).json(&json!({"room_id": ROOM})));
    let invitation = |direct: bool, by: &str| {
        json!({"type": "m.room.member", "event_id": "$i", "room_id": ROOM, "sender": by,
               "state_key": "@home:example.org", "origin_server_ts": 5,
               "content": {"membership": "invite", "is_direct": direct}})
    };
    // Into a room of many nobody follows.
    transaction(&json!({"events": [invitation(false, "@bob:example.org")]}), &host);
    assert!(host.requests().is_empty());
    transaction(&json!({"events": [invitation(true, "@ann:example.org")]}), &host);
    assert_eq!(host.requests().len(), 1);
    let text = json!({"msgtype": "m.text", "body": "hi"});
    let heard = said(&text, &json!(5), &host);
    let [Event::Received(heard)] = heard.events.as_slice() else { panic!("{heard:?}") };
    assert_eq!(heard.to, ["@home:example.org"], "to us, for nobody else is there");
    let note = message("m1", "@ann:example.org", "back");
    Matrix::send(&host, &channel_context(&config()), &note).unwrap();
    assert_eq!(body(&host, SEND)["body"], "back");
}

#[test]
fn who_does_not_know_the_token_is_refused() {
    let body = json!({"events": []});
    assert!(matches!(push(Some("other"), &body), Err(PluginError::Rejected(_))));
    assert!(matches!(push(None, &body), Err(PluginError::Rejected(_))));
    assert!(push(Some("secret"), &body).is_ok());
}
