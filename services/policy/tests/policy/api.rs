//! The service through its API.

use contracts::access::{Caller, Policy as _, Principal, Purpose};
use serde_json::json;
use spine::Snowflake;

use crate::support::*;

#[tokio::test]
async fn spaces_are_listed_with_who_is_in_them() {
    let home = Home::start().await;
    let circle = home.circle(MEMBER, &[OTHER]).await;
    let page = home.expect(&person(OTHER), "GET", "/spaces", None, 200).await;
    let spaces: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|space| space["space"].as_str().unwrap())
        .collect();
    assert_eq!(spaces, [&*format!("circle:{circle}"), "household", "person:104", "public"]);
    assert_eq!(page["items"][0]["members"][0]["keeper"], true);
    assert_eq!(page["items"][1]["members"].as_array().unwrap().len(), 4);
    assert_eq!(page["items"][1]["members"][0]["role"], "owner");
    let first = home.expect(&person(OTHER), "GET", "/spaces?limit=1", None, 200).await;
    let path = format!("/spaces?limit=3&cursor={}", first["next"].as_str().unwrap());
    let rest = home.expect(&person(OTHER), "GET", &path, None, 200).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
    home.expect(&person(OTHER), "GET", &format!("/spaces/person:{MEMBER}"), None, 404).await;
    home.expect(&person(OWNER), "GET", &format!("/spaces/circle:{circle}"), None, 404).await;
    home.expect(&Caller::anonymous(), "GET", "/spaces/household", None, 401).await;
    home.expect(&person(OWNER), "GET", "/spaces/planet:earth", None, 404).await;
}

#[tokio::test]
async fn a_circle_is_run_by_its_keepers_and_never_without_one() {
    let home = Home::start().await;
    let circle = home.circle(MEMBER, &[OTHER]).await;
    let space = format!("/spaces/circle:{circle}");
    let put = |account| format!("{space}/members/{account}");
    home.expect(&person(OTHER), "PUT", &put(OWNER), Some(json!({})), 403).await;
    home.expect(&person(ADMIN), "PUT", &put(ADMIN), Some(json!({})), 404).await;
    home.expect(&person(MEMBER), "PUT", &put(Snowflake(5)), Some(json!({})), 422).await;
    home.expect(&person(MEMBER), "DELETE", &put(MEMBER), None, 409).await;
    let demote = Some(json!({ "keeper": false }));
    home.expect(&person(MEMBER), "PUT", &put(MEMBER), demote, 409).await;
    let promote = Some(json!({ "keeper": true }));
    let changed = home.expect(&person(MEMBER), "PUT", &put(OTHER), promote, 200).await;
    assert_eq!(changed["version"], 3);
    home.expect(&person(MEMBER), "DELETE", &put(MEMBER), None, 204).await;
    home.expect(&person(MEMBER), "GET", &space, None, 404).await;
    home.expect(&person(OTHER), "DELETE", &space, None, 204).await;
    home.expect(&person(OTHER), "GET", &space, None, 404).await;
    home.expect(
        &person(OWNER),
        "PUT",
        &format!("/spaces/household/members/{MEMBER}"),
        Some(json!({})),
        404,
    )
    .await;
    home.expect(&person(MEMBER), "POST", "/spaces", Some(json!({ "name": " " })), 422).await;
    home.expect(&person(MEMBER), "POST", "/spaces", Some(json!({ "name": "a\u{0}" })), 422).await;
}

#[tokio::test]
async fn consents_are_listed_by_who_gave_and_who_was_given() {
    let home = Home::start().await;
    let given = home.consent(MEMBER, json!({
        "grantee": format!("person:{OTHER}"), "purpose": "use", "categories": ["health"], "types": ["Event"],
        "until": start_of_time() + chrono::Duration::days(1), "basis": "we talked about it",
    })).await;
    let path = format!("/consents/{given}");
    for account in [MEMBER, OTHER] {
        let consent = home.expect(&person(account), "GET", &path, None, 200).await;
        assert_eq!(consent["basis"], "we talked about it");
    }
    home.expect(&person(ADMIN), "GET", &path, None, 404).await;
    home.expect(&person(OTHER), "DELETE", &path, None, 404).await;
    let count = async |account, path: &str| {
        let page = home.expect(&person(account), "GET", path, None, 200).await;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count(MEMBER, "/consents").await, 1);
    assert_eq!(count(MEMBER, "/consents?received=true").await, 0);
    assert_eq!(count(OTHER, "/consents?received=true").await, 1);
    let withdrawn = home.expect(&person(MEMBER), "DELETE", &path, None, 200).await;
    assert!(withdrawn["withdrawn_at"].is_string());
    assert_eq!(count(MEMBER, "/consents").await, 1, "it stays known");
}

#[tokio::test]
async fn a_senseless_consent_is_refused() {
    let home = Home::start().await;
    let good = json!({ "grantee": "service:rules", "purpose": "automation" });
    for (field, value) in [
        ("grantee", json!("nobody")),
        ("grantee", json!("anonymous")),
        ("grantee", json!("remote:https://a.example/u/b")),
        ("grantee", json!(format!("person:{MEMBER}"))),
        ("grantee", json!("plugin:a\u{0}b")),
        ("purpose", json!("")),
        ("purpose", json!("All Purposes")),
        ("categories", json!(["colour"])),
        ("types", json!(["a b"])),
        ("until", json!("2020-01-01T00:00:00Z")),
        ("until", json!("+262142-01-01T00:00:00Z")),
        ("from", json!("1500-01-01T00:00:00Z")),
        ("basis", json!("\u{0}")),
        ("basis", json!("x".repeat(501))),
        ("more", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        home.expect(&person(MEMBER), "POST", "/consents", Some(body), 422).await;
    }
    let page = home.expect(&person(MEMBER), "GET", "/consents", None, 200).await;
    assert_eq!(page["items"], json!([]));
    home.expect(&rules_for(MEMBER), "POST", "/consents", Some(good), 403).await;
}

#[tokio::test]
async fn decisions_are_explained_to_oneself_and_to_who_runs_the_household() {
    let home = Home::start().await;
    let ask = |principal: &str, space: &str, labels: &[&str]| {
        json!({
            "caller": { "principal": principal, "behalf": MEMBER, "purpose": "automation" },
            "action": "entity.read",
            "resource": { "space": space, "labels": labels },
        })
    };
    let explain = "/policy/explain";
    let mine = ask("service:rules", "person:103", &["location"]);
    let said = home.expect(&person(MEMBER), "POST", explain, Some(mine.clone()), 200).await;
    assert_eq!(
        said,
        json!({
            "allowed": false, "because": ["special-categories-need-consent"], "refusal": "consent",
            "missing": "automation",
        })
    );
    let said = home.expect(&person(ADMIN), "POST", explain, Some(mine.clone()), 200).await;
    assert_eq!(said["refusal"], "consent");
    home.expect(&person(OTHER), "POST", explain, Some(mine), 403).await;
    let myself = json!({ "action": "entity.write", "resource": { "space": "household" } });
    let said = home.expect(&person(OTHER), "POST", explain, Some(myself.clone()), 200).await;
    assert_eq!(said, json!({ "allowed": true, "because": ["members-share-the-household"] }));
    home.expect(&Caller::anonymous(), "POST", explain, Some(myself), 401).await;
    for wrong in [ask("robot:1", "household", &[]), ask("service:rules", "mars", &[]), json!({})] {
        home.expect(&person(ADMIN), "POST", explain, Some(wrong), 422).await;
    }
    let audit = home.expect(&person(MEMBER), "GET", "/audit", None, 200).await;
    assert_eq!(audit["items"], json!([]), "a question is no access");
    // What somebody consented to for a third party is nobody else's business; their own question is theirs.
    let about_other = |principal: &str| {
        let mut question = ask(principal, "person:104", &[]);
        question["caller"]["purpose"] = json!("use");
        question
    };
    home.consent(OTHER, json!({ "grantee": "plugin:rss", "purpose": "use" })).await;
    home.expect(&person(MEMBER), "POST", explain, Some(about_other("plugin:rss")), 403).await;
    let mine = about_other(&format!("person:{MEMBER}"));
    let said = home.expect(&person(MEMBER), "POST", explain, Some(mine), 200).await;
    assert_eq!(said["allowed"], false);
    for (field, value) in [
        ("labels", json!(vec!["x"; 101])),
        ("labels", json!(["x".repeat(101)])),
        ("class", json!("x".repeat(101))),
        ("id", json!("x".repeat(501))),
        ("keeper", json!("x".repeat(501))),
    ] {
        let mut question = json!({ "action": "entity.read", "resource": { "space": "household" } });
        question["resource"][field] = value;
        home.expect(&person(MEMBER), "POST", explain, Some(question), 422).await;
    }
}

#[tokio::test]
async fn of_consents_that_hold_no_more_the_newest_are_remembered_as_the_reason() {
    let home = Home::start().await;
    home.sql(
        "INSERT INTO policy.consent
         SELECT lpad(to_hex(number), 32, '0')::uuid, 103, 'plugin:p' || number, 'use', '{}', '{}', now(), NULL, '',
                now(), now()
           FROM generate_series(1, 1500) AS number",
    )
    .await;
    home.sql("UPDATE policy.revision SET number = number + 1").await;
    let node = open(&home.spine.spine).await;
    let asks = |number: u32| {
        let plugin = Principal::Plugin(format!("p{number}"));
        node.decide(&Caller::new(plugin, Purpose::USE), READ, &entity(own(MEMBER)))
    };
    assert!(lacks_consent(&asks(1_500)) && lacks_consent(&asks(1_301)));
    assert_eq!(asks(1_300).refusal, Some(contracts::access::Refusal::Policy));
    // Nor do they count against those that a person may give.
    home.consent(MEMBER, json!({ "grantee": "plugin:p1", "purpose": "use" })).await;
}

#[tokio::test]
async fn who_is_no_person_has_nothing_of_their_own() {
    let home = Home::start().await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    let operator = Caller::new(Principal::Operator, Purpose::OPERATE);
    for path in ["/consents", "/audit"] {
        home.expect(&app, "GET", path, None, 403).await;
        home.expect(&operator, "GET", path, None, 403).await;
        home.expect(&Caller::anonymous(), "GET", path, None, 401).await;
    }
    let spaces = home.expect(&app, "GET", "/spaces", None, 200).await;
    assert_eq!(spaces["items"].as_array().unwrap().len(), 1);
}
