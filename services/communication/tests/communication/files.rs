//! Files that came with messages.

use bytes::Bytes;
use contracts::access::Caller;
use contracts::api::{PREFIX, Transport as _};
use contracts::plugins::{Attachment, ChannelEvent, InboundMessage};
use contracts::testing::{HouseholdPolicy, RouterTransport};
use http::Request;
use serde_json::json;
use spine::{Cause, Snowflake};

use crate::support::{OURS, OWNER, PARTNER, Stage, request};

#[tokio::test]
async fn a_file_is_kept_shown_to_those_who_may_see_its_message_and_goes_with_it() {
    let stage = Stage::new().await;
    let channel = stage.channel().await;
    let file = |name: &str, data: &[u8]| Attachment {
        name: name.to_owned(),
        media_type: "text/html".to_owned(),
        data: data.to_vec(),
    };
    stage.carrier.brings([ChannelEvent::Received(InboundMessage {
        external_id: "SM1".to_owned(),
        sender: PARTNER.to_owned(),
        to: vec![OURS.to_owned()],
        received: stage.test.clock.now(),
        text: String::new(),
        attachments: vec![
            file("https://api.twilio.com/Media/ME1", b""),
            file("a \"b\"\r\n\u{fc}.html", b"<script>"),
        ],
        in_reply_to: None,
    })]);
    stage.communication.receive_webhook(channel.id, request()).await.unwrap();
    let (router, _) = communication::routes().split_for_parts();
    let router: axum::Router = router.with_state(stage.communication.clone());
    let api = RouterTransport::new(router, HouseholdPolicy::port());
    let (_, list) = api.json(Caller::person(OWNER), "GET", "/messages", None).await;
    let message = &list["items"][0];
    let shown = &message["attachments"];
    assert_eq!(shown[0]["url"], json!("https://api.twilio.com/Media/ME1"));
    assert_eq!((&shown[1]["bytes"], &shown[0]["bytes"]), (&json!(8), &json!(0)));
    let path = format!("/messages/{}/attachments", message["id"].as_str().unwrap());
    let get = async |caller: Caller, number: &str| {
        let request = Request::get(format!("{PREFIX}{path}/{number}")).body(Bytes::new()).unwrap();
        api.call(caller, request).await.unwrap()
    };
    let found = get(Caller::person(OWNER), "1").await;
    assert_eq!((found.status().as_u16(), &found.body()[..]), (200, &b"<script>"[..]));
    assert_eq!(found.headers()["content-type"], "application/octet-stream");
    let disposition = found.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename*=UTF-8''a%20%22b%22%20%20%C3%BC%2Ehtml");
    for number in ["0", "2", "x", "70000", "-1"] {
        assert_eq!(get(Caller::person(OWNER), number).await.status(), 404, "{number}");
    }
    assert_eq!(get(Caller::person(Snowflake(8)), "1").await.status(), 404);
    assert_eq!(get(Caller::anonymous(), "1").await.status(), 401);
    stage.communication.remove(channel.id, true, Cause::system()).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.rows("file").await, 0);
    stage.running.stop().await;
}
