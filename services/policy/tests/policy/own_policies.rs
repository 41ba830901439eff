//! The household's own policies.

use contracts::access::{Caller, Policy as _, Principal, Purpose, Resource, SpaceId, actions};
use serde_json::json;
use spine::Snowflake;

use crate::support::*;

#[tokio::test]
async fn own_policies_permit_and_what_they_forbid_is_forbidden() {
    let home = Home::start().await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    home.put_policy("guest-app", r#"permit (principal == App::"9", action == Action::"entity.read", resource in Space::"household");"#).await;
    let decision = home.decide(&app, READ, &entity(SpaceId::household()));
    assert_eq!(decision.because, ["own/guest-app"]);
    assert!(!home.allows(&app, WRITE, &entity(SpaceId::household())));
    home.put_policy(
        "no-secrets",
        r#"forbid (principal, action in Action::"see", resource) when { resource.labels.contains("secret") };"#,
    )
    .await;
    let refused = home.decide(&person(MEMBER), READ, &labelled(own(MEMBER), "secret"));
    assert!(!refused.allowed);
    assert_eq!(refused.because, ["own/no-secrets"]);
    let permitted = home.service.permitted(&person(MEMBER), READ);
    assert!(!permitted.admits(&own(MEMBER), &["secret".to_owned()]));
    assert!(permitted.admits(&own(MEMBER), &["other".to_owned()]));
    // An own policy cannot open special categories.
    home.put_policy("everything", "permit (principal, action, resource);").await;
    assert!(home.allows(&rules_for(MEMBER), READ, &entity(own(MEMBER))));
    assert!(lacks_consent(&home.decide(
        &rules_for(MEMBER),
        READ,
        &labelled(own(MEMBER), "health")
    )));
    home.expect(&person(ADMIN), "DELETE", "/policies/no-secrets", None, 204).await;
    assert!(home.allows(&person(MEMBER), READ, &labelled(own(MEMBER), "secret")));
}

#[tokio::test]
async fn an_own_policy_that_looks_at_the_time_is_asked_each_time() {
    let home = Home::start().await;
    home.put_policy(
        "until-noon",
        r#"permit (principal == App::"9", action == Action::"entity.read", resource)
           when { context.time < datetime("2026-03-01T12:30:00Z") };"#,
    )
    .await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    let both = || {
        let one = home.allows(&app, READ, &entity(own(MEMBER)));
        assert_eq!(one, home.service.permitted(&app, READ).admits(&own(MEMBER), &[]));
        one
    };
    assert!(both());
    home.spine.clock.advance(chrono::Duration::hours(1));
    assert!(!both());
}

#[tokio::test]
async fn nobody_locks_everybody_out_of_the_policies() {
    let home = Home::start().await;
    home.put_policy("nothing", "forbid (principal, action, resource);").await;
    assert!(!home.allows(&person(OWNER), READ, &entity(own(OWNER))));
    assert!(!home.allows(&person(ADMIN), actions::POLICY_WRITE, &Resource::of_node("policy", "x")));
    home.expect(&person(OWNER), "DELETE", "/policies/nothing", None, 204).await;
    assert!(home.allows(&person(OWNER), READ, &entity(own(OWNER))));
}

#[tokio::test]
async fn a_policy_that_does_not_hold_changes_nothing() {
    let home = Home::start().await;
    for text in [
        "permit (principal",
        r#"permit (principal == Robot::"1", action, resource);"#,
        r#"forbid (principal, action, resource) when { resource.id == "1" };"#,
        "permit (principal == ?principal, action, resource);",
        "",
        "\0",
    ] {
        let body = Some(json!({ "text": text }));
        let said = home.expect(&person(OWNER), "PUT", "/policies/bad", body.clone(), 422).await;
        assert_eq!(said["type"], "urn:sovereign:problem:invalid-policy", "{text:?}");
        let said = home.expect(&person(MEMBER), "POST", "/policy/validate", body, 200).await;
        assert_eq!(said["valid"], false);
    }
    let large = json!({ "text": format!("// {}", "x".repeat(64 << 10)) });
    home.expect(&person(OWNER), "PUT", "/policies/bad", Some(large), 422).await;
    home.expect(&person(OWNER), "GET", "/policies/bad", None, 404).await;
    let good = json!({ "text": "permit (principal, action, resource);" });
    home.expect(&person(MEMBER), "PUT", "/policies/mine", Some(good.clone()), 403).await;
    home.expect(&person(OWNER), "PUT", "/policies/No%20Name", Some(good.clone()), 422).await;
    home.expect(&person(OWNER), "PUT", "/policies/the-operator-operates", Some(good.clone()), 409)
        .await;
    let said = home.expect(&person(MEMBER), "POST", "/policy/validate", Some(good), 200).await;
    assert_eq!(said["valid"], true);
}

#[tokio::test]
async fn a_policy_that_this_version_cannot_read_closes_everything_until_an_owner_mends_it() {
    let home = Home::start().await;
    home.sql(
        "INSERT INTO policy.own_policy VALUES ('old', 1, 'permit (principal, robot, resource);', 'person:101', now())",
    )
    .await;
    home.sql("UPDATE policy.revision SET number = number + 1").await;
    let node = open(&home.spine.spine).await;
    let decide = |caller, resource| node.decide(caller, READ, resource);
    let refused = decide(&person(MEMBER), &entity(own(MEMBER)));
    assert!(!refused.allowed);
    assert_eq!(refused.because, ["own/old/outdated"]);
    assert!(node.permitted(&person(OWNER), READ).is_nothing());
    node.settled().await.unwrap();
    home.expect(&person(OWNER), "DELETE", "/policies/old", None, 204).await;
    let again = open(&home.spine.spine).await;
    assert!(again.decide(&person(MEMBER), READ, &entity(own(MEMBER))).allowed);
}

#[tokio::test]
async fn a_text_that_goes_deep_is_refused() {
    let home = Home::start().await;
    for part in ["(", "[", "!", "-", "true && ", "if true then true else "] {
        let text = format!(
            "permit (principal, action, resource) when {{ {}true }};",
            part.repeat(60_000 / part.len())
        );
        let body = Some(json!({ "text": text }));
        home.expect(&person(OWNER), "PUT", "/policies/deep", body.clone(), 422).await;
        let said = home.expect(&person(MEMBER), "POST", "/policy/validate", body, 200).await;
        assert_eq!(said["valid"], false);
    }
}

#[tokio::test]
async fn a_policy_that_looks_at_one_thing_is_about_that_thing_only() {
    let home = Home::start().await;
    home.put_policy(
        "one",
        r#"permit (principal == App::"9", action == Action::"entity.read", resource)
           when { {"Value": resource.id}["Value"] == "e1" };"#,
    )
    .await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    for _ in 0..2 {
        assert!(home.allows(&app, READ, &entity(own(MEMBER))));
        assert!(!home.allows(&app, READ, &Resource::new("entity", "e2", own(MEMBER))));
    }
}

#[tokio::test]
async fn policies_have_versions_and_are_listed_with_the_programs() {
    let home = Home::start().await;
    let text = |label: &str| {
        format!(
            r#"forbid (principal, action, resource) when {{ resource.labels.contains("{label}") }};"#
        )
    };
    home.put_policy("mine", &text("a")).await;
    home.put_policy("mine", &text("a")).await;
    let kept = home.expect(&person(MEMBER), "GET", "/policies/mine", None, 200).await;
    assert_eq!(kept["version"], 1, "the same again is no new version");
    home.put_policy("mine", &text("b")).await;
    let kept = home.expect(&person(MEMBER), "GET", "/policies/mine", None, 200).await;
    assert_eq!((kept["version"].as_i64(), kept["text"].as_str()), (Some(2), Some(&*text("b"))));
    assert_eq!(kept["changed_by"], format!("person:{OWNER}"));
    let mut names = Vec::new();
    let mut path = "/policies?limit=4".to_owned();
    loop {
        let page = home.expect(&person(MEMBER), "GET", &path, None, 200).await;
        names.extend(
            page["items"].as_array().unwrap().iter().map(|policy| policy["name"].to_string()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/policies?limit=4&cursor={next}");
    }
    assert!(names.len() > 20 && names.last().unwrap() == "\"mine\"", "{names:?}");
    let mut once = names.clone();
    once.dedup();
    assert_eq!(once, names);
}
