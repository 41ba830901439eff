//! Inbound call to message, as the design has it: a call reaches the Twilio webhook, a rule knows the
//! caller as the partner and the owner as being at work, and an SMS goes to the caller.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::outside::Twilio;
use tests::{Client, Household, eventually_within};

const OWN_NUMBER: &str = "+4315550100";
const PARTNER: &str = "+436645550123";
const AT_WORK: &str = "At work, I call you back";

/// A household with the Twilio channel, a contact with the partner's number, a place called Work, a phone
/// that reports where it is, consent to use that, and the rule.
struct Stage {
    home: Household,
    twilio: Twilio,
    channel: String,
    phone: Client,
    consent: String,
    rule: String,
}

async fn stage() -> Stage {
    let (home, twilio) = tokio::join!(Household::start(), Twilio::start());
    home.install("twilio").await;
    let channel = home
        .post(
            "/channels",
            &json!({
                "plugin": "twilio",
                "name": "Phone",
                "address": OWN_NUMBER,
                "config": {
                    "account_sid": twilio.account(),
                    "from": OWN_NUMBER,
                    "base_url": twilio.origin(),
                },
            }),
        )
        .await;
    let channel = channel["id"].as_str().unwrap().to_owned();
    let secret = format!("/plugins/twilio/accounts/{channel}/secrets/auth_token");
    home.put(&secret, &json!({ "value": twilio.auth_token() })).await;

    home.post(
        "/entities",
        &json!({
            "type": "Person",
            "space": home.space(),
            "data": { "name": "Kim Partner", "telephone": [PARTNER], "keywords": ["Partner"] },
            "aliases": [{ "scheme": "tel", "value": PARTNER }],
        }),
    )
    .await;
    home.post(
        "/entities",
        &json!({
            "type": "Place",
            "space": home.space(),
            "data": {
                "name": "Work",
                "geo": { "latitude": 48.2082, "longitude": 16.3738 },
                "radius": 150,
            },
        }),
    )
    .await;
    let device = home.post("/devices", &json!({ "name": "Phone", "kind": "phone" })).await;
    let phone =
        Client::anonymous(&home.node.origin()).with_token(device["token"].as_str().unwrap());
    let consent = home
        .post(
            "/consents",
            &json!({
                "grantee": "service:rules",
                "purpose": "automation",
                "categories": ["location"],
                "basis": "The owner wants rules to know where they are",
            }),
        )
        .await;
    let rule = home
        .post(
            "/rules",
            &json!({
                "name": "Tell my partner that I am at work",
                "on": [{ "type": "communication.CallStarted.v1" }],
                "let": { "where": "state(\"location\")" },
                "when": ["\"Partner\" in event.data.from.roles", "where.place == \"Work\""],
                "do": [{ "message": { "to": "event.data.from.address", "text": AT_WORK } }],
            }),
        )
        .await;
    Stage {
        home,
        twilio,
        channel,
        phone,
        consent: consent["id"].as_str().unwrap().to_owned(),
        rule: rule["id"].as_str().unwrap().to_owned(),
    }
}

impl Stage {
    /// The phone reports a place, and the node knows it.
    async fn be_at(&self, latitude: f64, longitude: f64, place: &Value) {
        #[expect(clippy::disallowed_methods, reason = "a phone goes by its own clock")]
        let now = chrono::Utc::now();
        let event = json!({
            "id": uuid::Uuid::new_v4(),
            "facet": "location",
            "at": now,
            "data": { "latitude": latitude, "longitude": longitude, "accuracy": 12.0 },
        });
        let answer =
            self.phone.post("/device-events", &json!({ "events": [event] })).await.unwrap();
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        let path = format!("/present/{}/location", self.home.space());
        self.home
            .wait_for("the location", &path, |state| {
                (state["value"]["place"] == *place && state["value"]["latitude"] == latitude)
                    .then_some(())
            })
            .await;
    }

    async fn be_at_work(&self) {
        self.be_at(48.2083, 16.3739, &"Work".into()).await;
    }

    /// Twilio says that somebody calls; with this signature, or with the right one.
    async fn call(&self, sid: &str, from: &str, signature: Option<&str>) -> reqwest::Response {
        let address = format!("{}/hooks/{}/", self.home.node.origin(), self.channel);
        let fields = [
            ("AccountSid", self.twilio.account()),
            ("CallSid", sid),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", from),
            ("To", OWN_NUMBER),
        ];
        let right = self.twilio.signature(&address, &fields);
        let anybody = Client::anonymous(&self.home.node.origin());
        anybody
            .request(Method::POST, &address)
            .header("x-twilio-signature", signature.unwrap_or(&right))
            .form(&fields)
            .send()
            .await
            .unwrap()
    }

    /// Waits until the rule has looked at so many calls; answers the outcomes, the newest first.
    async fn outcomes(&self, count: usize) -> Vec<String> {
        let path = format!("/rules/{}/evaluations", self.rule);
        self.home
            .wait_for("the rule's evaluations", &path, |page| {
                let items = page["items"].as_array()?;
                (items.len() >= count).then(|| {
                    items
                        .iter()
                        .filter_map(|one| Some(one["outcome"].as_str()?.to_owned()))
                        .collect()
                })
            })
            .await
    }

    /// Waits until the rule has looked at so many calls and all that followed is done, then answers how
    /// many SMS Twilio got.
    async fn sms_after(&self, evaluations: usize) -> usize {
        self.outcomes(evaluations).await;
        let database = self.home.node.database().await;
        eventually_within(Duration::from_secs(60), "all jobs to be done", || async {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM spine.job
                  WHERE died_at IS NULL
                    AND (kind LIKE 'communication.%' OR kind LIKE 'rules.%')",
            )
            .fetch_one(&database)
            .await
            .ok()?;
            (waiting == 0).then_some(())
        })
        .await;
        self.twilio.sent().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_inbound_call_to_sms() {
    let stage = stage().await;
    stage.be_at_work().await;
    let answer = stage.call("CA1", PARTNER, None).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("<Response"), "TwiML for the caller");
    let sent = eventually_within(Duration::from_secs(60), "the SMS", || async {
        stage.twilio.sent().into_iter().next()
    })
    .await;
    assert_eq!(
        (sent.to.as_str(), sent.from.as_str(), sent.body.as_str()),
        (PARTNER, OWN_NUMBER, AT_WORK)
    );
    assert!(sent.idempotency.is_some(), "the provider gets the message's id");

    // The same webhook again: Twilio repeats what it saw no answer to.
    assert_eq!(stage.call("CA1", PARTNER, None).await.status(), 200);
    // Somebody else calls.
    assert_eq!(stage.call("CA2", "+436645550999", None).await.status(), 200);
    assert_eq!(stage.sms_after(2).await, 1);
    assert_eq!(stage.outcomes(2).await, ["refused", "fired"]);

    let messages = stage.home.get("/messages").await;
    let message = &messages["items"][0];
    assert_eq!(
        (&message["direction"], &message["text"]),
        (&"out".into(), &AT_WORK.into()),
        "{messages}"
    );
    let calls = stage.home.get("/calls").await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 2, "{calls}");

    // The call and the message are in the graph, joined to the partner by their number.
    let kim = stage.home.get(&format!("/entities?alias=tel:%2B{}", &PARTNER[1..])).await;
    let kim = kim["items"][0]["id"].as_str().unwrap().to_owned();
    let around = format!("/entities/{kim}/neighbours?direction=in");
    stage
        .home
        .wait_for("the call and the message beside the partner", &around, |found| {
            let entities = found["entities"].as_array()?;
            let is_there = |class: &str, property: &str, value: &str| {
                entities.iter().any(|entity| {
                    let entity = entity.get("entity").unwrap_or(entity);
                    entity["type"] == class && entity["data"][property] == value
                })
            };
            (is_there("PhoneCall", "identifier", "CA1") && is_there("Message", "text", AT_WORK))
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sms_to_somebody_who_wrote_stop() {
    let stage = stage().await;
    stage.be_at_work().await;
    let address = format!("{}/hooks/{}/", stage.home.node.origin(), stage.channel);
    let fields = [
        ("AccountSid", stage.twilio.account()),
        ("Body", "STOP"),
        ("From", PARTNER),
        ("MessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("To", OWN_NUMBER),
    ];
    let anybody = Client::anonymous(&stage.home.node.origin());
    let answer = anybody
        .request(Method::POST, &address)
        .header("x-twilio-signature", stage.twilio.signature(&address, &fields))
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(stage.call("CA1", PARTNER, None).await.status(), 200);
    assert_eq!(stage.sms_after(1).await, 0);
    assert_eq!(stage.outcomes(1).await, ["fired"]);
    let refused = stage.home.get("/messages?direction=out").await;
    assert_eq!(refused["items"][0]["status"], "refused", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sms_where_the_owner_is_elsewhere() {
    let stage = stage().await;
    stage.be_at(47.0707, 15.4395, &Value::Null).await;
    assert_eq!(stage.call("CA1", PARTNER, None).await.status(), 200);
    assert_eq!(stage.sms_after(1).await, 0);
    assert_eq!(stage.outcomes(1).await, ["refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sms_once_consent_is_withdrawn() {
    let stage = stage().await;
    stage.be_at_work().await;
    let path = format!("/api/sovereign/v1/consents/{}", stage.consent);
    let answer = stage.home.owner.delete(&path).await.unwrap();
    assert!((200..300).contains(&answer.status), "{}", answer.text);
    assert_eq!(stage.call("CA1", PARTNER, None).await.status(), 200);
    assert_eq!(stage.sms_after(1).await, 0);
    let path = format!("/rules/{}/evaluations", stage.rule);
    let trace = stage.home.get(&path).await["items"][0].clone();
    assert_ne!(trace["outcome"], "fired", "{trace}");
    let whole =
        stage.home.get(&format!("/rules/evaluations/{}", trace["id"].as_str().unwrap())).await;
    assert!(whole.to_string().contains("consent"), "the trace says why: {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sms_for_a_webhook_that_twilio_did_not_sign() {
    let stage = stage().await;
    stage.be_at_work().await;
    let answer = stage.call("CA1", PARTNER, Some("bm90IHR3aWxpbydzIHNpZ25hdHVyZQ==")).await;
    assert_eq!(answer.status(), 403);
    let calls = stage.home.get("/calls").await;
    assert_eq!(calls["items"], json!([]), "nothing of it is stored");
    // A call with the right one passes the rule, so the other did not only come late.
    assert_eq!(stage.call("CA2", PARTNER, None).await.status(), 200);
    assert_eq!(stage.sms_after(1).await, 1);
}
