//! Who may do what.

use contracts::access::{
    Caller, Policy as _, Principal, Purpose, Refusal, Resource, SpaceId, actions,
};
use serde_json::json;
use spine::Snowflake;
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn people_have_their_own_space_the_household_and_what_is_public() {
    let home = Home::start().await;
    let member = person(MEMBER);
    for space in [own(MEMBER), SpaceId::household()] {
        assert!(home.allows(&member, READ, &entity(space.clone())));
        assert!(home.allows(&member, WRITE, &entity(space)));
    }
    assert!(home.allows(&member, READ, &entity(SpaceId::public())));
    assert!(!home.allows(&member, WRITE, &entity(SpaceId::public())));
    let refused = home.decide(&person(OWNER), READ, &entity(own(MEMBER)));
    assert_eq!(refused.refusal, Some(Refusal::Policy), "an owner is no exception");
    assert!(refused.because.is_empty());
    let because = home.decide(&member, READ, &entity(own(MEMBER))).because;
    assert_eq!(because, ["people-use-their-own-space"]);
}

#[tokio::test]
async fn only_owner_and_admins_run_the_household() {
    let home = Home::start().await;
    let run = [
        (actions::PLUGIN_WRITE, "plugin"),
        (actions::POLICY_WRITE, "policy"),
        (actions::CONNECTOR_WRITE, "connector"),
        (actions::CHANNEL_WRITE, "channel"),
        (actions::MAPPING_WRITE, "mapping"),
        (actions::SEARCH_REBUILD, "search"),
        (actions::AUDIT_READ, "audit"),
    ];
    for (action, kind) in run {
        let resource = Resource::of_node(kind, "x");
        assert!(home.allows(&person(OWNER), action, &resource), "{action}");
        assert!(home.allows(&person(ADMIN), action, &resource), "{action}");
        assert!(!home.allows(&person(MEMBER), action, &resource), "{action}");
    }
    assert!(home.allows(&person(MEMBER), actions::PLUGIN_READ, &Resource::of_node("plugin", "x")));
    let account = Resource::new("connector", "mail", own(MEMBER));
    assert!(home.allows(&person(MEMBER), actions::CONNECTOR_WRITE, &account), "their own");
}

#[tokio::test]
async fn a_service_that_tries_anothers_data_is_refused() {
    let home = Home::start().await;
    let theirs = entity(own(MEMBER));
    assert!(home.allows(&rules_for(MEMBER), READ, &theirs));
    for tried in [
        // Not for somebody, for somebody else, for another purpose, more than reading.
        Caller::service("rules", Purpose::AUTOMATION),
        rules_for(OTHER),
        Caller::service("rules", Purpose::USE).on_behalf_of(MEMBER),
        Caller::service("search", Purpose::SYNC),
        Caller::service("rulez", Purpose::AUTOMATION).on_behalf_of(MEMBER),
    ] {
        assert!(!home.allows(&tried, READ, &theirs), "{tried:?}");
    }
    assert!(!home.allows(&rules_for(MEMBER), WRITE, &theirs));
    assert!(home.allows(&Caller::service("search", Purpose::INDEX), READ, &theirs));
    assert!(!home.allows(&Caller::service("search", Purpose::INDEX), WRITE, &theirs));
    let message = Resource::new("message", "m", own(MEMBER));
    let communication = Caller::service("communication", Purpose::COMMUNICATE);
    assert!(home.allows(&communication, actions::MESSAGE_SEND, &message));
    let sends = Caller::service("communication", Purpose::USE);
    assert!(!home.allows(&sends, actions::MESSAGE_SEND, &message));
    assert!(home.allows(&sends.clone().on_behalf_of(MEMBER), actions::MESSAGE_SEND, &message));
    assert!(!home.allows(&sends.on_behalf_of(OTHER), actions::MESSAGE_SEND, &message));
    let health = message.clone().labelled(["health".to_owned()]);
    assert!(lacks_consent(&home.decide(&rules_for(MEMBER), actions::MESSAGE_SEND, &health)));
    assert!(!home.allows(
        &Caller::service("search", Purpose::INDEX),
        actions::MESSAGE_READ,
        &message
    ));
    for service in ["data", "etl"] {
        assert!(home.allows(&Caller::service(service, Purpose::SYNC), WRITE, &theirs), "{service}");
        assert!(!home.allows(&Caller::service(service, Purpose::OPERATE), WRITE, &theirs));
    }
}

#[tokio::test]
async fn a_plugin_that_tries_anothers_data_is_refused() {
    let home = Home::start().await;
    let record = |keeper: &str| Resource::new("record", "r", own(MEMBER)).kept_by(keeper);
    assert!(home.allows(&plugin("rss"), actions::RECORD_READ, &record("plugin:rss")));
    for foreign in [
        record("plugin:ical"),
        record("rss"),
        record("service:rss"),
        Resource::new("record", "r", own(MEMBER)),
        Resource::new("record", "r", SpaceId::household()),
    ] {
        assert!(!home.allows(&plugin("rss"), actions::RECORD_READ, &foreign), "{foreign:?}");
    }
    let mine = entity(own(MEMBER)).kept_by("plugin:rss");
    let on_behalf = |account| plugin("rss").on_behalf_of(account);
    assert!(home.allows(&on_behalf(MEMBER), WRITE, &mine));
    assert!(!home.allows(&on_behalf(OTHER), WRITE, &mine), "more than who uses it could do");
    assert!(!home.allows(
        &plugin("rss"),
        actions::PLUGIN_WRITE,
        &Resource::of_node("plugin", "rss").kept_by("plugin:rss")
    ));
}

#[tokio::test]
async fn an_app_that_tries_anothers_data_is_refused() {
    let home = Home::start().await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    for space in [own(MEMBER), SpaceId::household()] {
        assert!(!home.allows(&app, READ, &entity(space.clone()).kept_by("app:9")));
        assert!(!home.allows(&app, WRITE, &entity(space)));
    }
    assert!(home.allows(&app, READ, &entity(SpaceId::public())));
    let through = |account, scope: &str| Caller {
        via: Some(Snowflake(9)),
        scopes: Some(vec![scope.to_owned()]),
        ..person(account)
    };
    assert!(home.allows(&through(MEMBER, "sovereign:read"), READ, &entity(own(MEMBER))));
    assert!(!home.allows(&through(OTHER, "sovereign:read"), READ, &entity(own(MEMBER))));
}

#[tokio::test]
async fn a_token_does_no_more_than_its_scopes() {
    let home = Home::start().await;
    let with = |scopes: &[&str]| Caller {
        scopes: Some(scopes.iter().map(ToString::to_string).collect()),
        ..person(MEMBER)
    };
    let reads = with(&["sovereign:read:entities"]);
    assert!(home.allows(&reads, READ, &entity(own(MEMBER))));
    let refused = home.decide(&reads, WRITE, &entity(own(MEMBER)));
    assert_eq!(refused.refusal, Some(Refusal::Scope("sovereign:write:entities")));
    // The scope comes first, also where the policy would refuse.
    let refused = home.decide(&with(&["read"]), READ, &entity(own(OTHER)));
    assert_eq!(refused.refusal, Some(Refusal::Scope("sovereign:read:entities")));
    assert!(home.service.permitted(&with(&["read"]), READ).is_nothing());
}

#[tokio::test]
async fn strangers_see_what_is_public_and_nothing_else() {
    let home = Home::start().await;
    let remote =
        Caller::new(Principal::Remote("https://a.example/u/b".to_owned()), Purpose::FEDERATE);
    for stranger in [remote, Caller::anonymous()] {
        assert!(home.allows(
            &stranger,
            actions::POST_READ,
            &Resource::new("post", "1", SpaceId::public())
        ));
        for space in [own(MEMBER), SpaceId::household()] {
            assert!(!home.allows(&stranger, READ, &entity(space)));
        }
        assert!(!home.allows(&stranger, WRITE, &entity(SpaceId::public())));
        assert_eq!(home.service.permitted(&stranger, READ).whole, [SpaceId::public()]);
    }
    let refused = home.decide(&Caller::anonymous(), READ, &entity(SpaceId::household()));
    assert_eq!(refused.refusal, Some(Refusal::WhoAsks));
}

#[tokio::test]
async fn devices_report_for_themselves() {
    let home = Home::start().await;
    let id = Uuid::now_v7();
    let device = Caller::new(Principal::Device(id), Purpose::USE).on_behalf_of(MEMBER);
    let report = |id: Uuid, account| Resource::new("device", id.to_string(), own(account));
    assert!(home.allows(&device, actions::DEVICE_REPORT, &report(id, MEMBER)));
    assert!(!home.allows(&device, actions::DEVICE_REPORT, &report(Uuid::now_v7(), MEMBER)));
    assert!(!home.allows(&device, actions::DEVICE_REPORT, &report(id, OTHER)));
    assert!(!home.allows(&device, READ, &entity(own(MEMBER))));
}

#[tokio::test]
async fn the_operator_operates_but_reads_no_special_category() {
    let home = Home::start().await;
    let operator = Caller::new(Principal::Operator, Purpose::OPERATE);
    assert!(home.allows(&operator, actions::PLUGIN_WRITE, &Resource::of_node("plugin", "x")));
    assert!(home.allows(&operator, READ, &entity(own(MEMBER))));
    assert!(lacks_consent(&home.decide(&operator, READ, &labelled(own(MEMBER), "health"))));
    let by_name = Caller::new(Principal::Operator, Purpose::USE);
    assert!(!home.allows(&by_name, READ, &entity(own(MEMBER))));
    let by_name = by_name.on_behalf_of(MEMBER);
    assert!(home.allows(&by_name, READ, &entity(own(MEMBER))));
    assert!(!home.allows(&by_name, READ, &entity(own(OTHER))));
    assert!(!home.allows(&by_name, actions::PLUGIN_WRITE, &Resource::of_node("plugin", "x")));
}

#[tokio::test]
async fn circles_are_shared_by_those_in_them_and_run_by_their_keepers() {
    let home = Home::start().await;
    let circle = home.circle(MEMBER, &[OTHER]).await;
    let space = SpaceId::of_circle(circle);
    for account in [MEMBER, OTHER] {
        assert!(home.allows(&person(account), WRITE, &entity(space.clone())));
        assert!(home.allows(&rules_for(account), READ, &entity(space.clone())));
    }
    assert!(!home.allows(&person(OWNER), READ, &entity(space.clone())));
    let run = Resource::new("space", space.as_str(), space.clone());
    assert!(home.allows(&person(MEMBER), actions::SPACE_WRITE, &run));
    assert!(!home.allows(&person(OTHER), actions::SPACE_WRITE, &run));
    let path = format!("/spaces/{space}/members/{OTHER}");
    home.expect(&person(OTHER), "DELETE", &path, None, 204).await;
    assert!(!home.allows(&person(OTHER), READ, &entity(space)), "they left");
}

#[tokio::test]
async fn a_consent_opens_and_its_withdrawal_closes_at_once() {
    let home = Home::start().await;
    let asks = person(OTHER);
    let theirs = entity(own(MEMBER));
    assert!(!home.allows(&asks, READ, &theirs));
    let consent = home
        .consent(MEMBER, json!({ "grantee": format!("person:{OTHER}"), "purpose": "use" }))
        .await;
    assert_eq!(home.decide(&asks, READ, &theirs).because, ["the-person-consented"]);
    assert!(!home.allows(&asks, WRITE, &theirs), "a consent is for seeing");
    assert!(!home.allows(&person(ADMIN), READ, &theirs), "it is for nobody else");
    let elsewhere = Caller { purpose: Purpose::SYNC, ..asks.clone() };
    assert!(!home.allows(&elsewhere, READ, &theirs), "it is for no other purpose");
    home.withdraw(MEMBER, consent).await;
    assert!(lacks_consent(&home.decide(&asks, READ, &theirs)));
}

#[tokio::test]
async fn plugins_apps_and_services_are_let_in_by_consent_only() {
    let home = Home::start().await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    let service = Caller::service("ai", Purpose::USE);
    for caller in [app, service, Caller { purpose: Purpose::USE, ..plugin("rss") }] {
        let theirs = entity(own(MEMBER));
        assert!(!home.allows(&caller, READ, &theirs), "{caller:?}");
        let body = json!({ "grantee": caller.principal.to_string(), "purpose": "use" });
        let consent = home.consent(MEMBER, body).await;
        assert!(home.allows(&caller, READ, &theirs), "{caller:?}");
        assert!(!home.allows(&caller, READ, &entity(own(OTHER))), "{caller:?}");
        home.withdraw(MEMBER, consent).await;
        assert!(!home.allows(&caller, READ, &theirs), "{caller:?}");
    }
}

#[tokio::test]
async fn special_categories_need_a_consent_for_all_but_their_owners_own_use() {
    let home = Home::start().await;
    for category in contracts::access::SPECIAL_CATEGORIES {
        let theirs = labelled(own(MEMBER), category);
        assert!(home.allows(&person(MEMBER), READ, &theirs));
        let refused = home.decide(&rules_for(MEMBER), READ, &theirs);
        assert_eq!(
            refused.refusal,
            Some(Refusal::Consent { purpose: "automation".to_owned() }),
            "{category}"
        );
        assert_eq!(refused.because, ["special-categories-need-consent"]);
        let body = json!({
            "grantee": "service:rules", "purpose": "automation", "categories": [category],
        });
        let consent = home.consent(MEMBER, body).await;
        assert!(home.allows(&rules_for(MEMBER), READ, &theirs));
        assert!(lacks_consent(&home.decide(
            &Caller::service("search", Purpose::INDEX),
            READ,
            &theirs
        )));
        home.withdraw(MEMBER, consent).await;
        assert!(lacks_consent(&home.decide(&rules_for(MEMBER), READ, &theirs)));
    }
}

#[tokio::test]
async fn the_location_of_a_person_is_a_special_category_however_it_is_labelled() {
    let home = Home::start().await;
    let state = |facet: &str| {
        Resource::new("present", format!("person:{MEMBER}"), own(MEMBER)).of_class(facet)
    };
    assert!(home.allows(&rules_for(MEMBER), actions::PRESENT_READ, &state("presence")));
    assert!(lacks_consent(&home.decide(
        &rules_for(MEMBER),
        actions::PRESENT_READ,
        &state("location")
    )));
    let body = json!({
        "grantee": "service:rules", "purpose": "automation", "categories": ["location"],
    });
    home.consent(MEMBER, body).await;
    assert!(home.allows(&rules_for(MEMBER), actions::PRESENT_READ, &state("location")));
}

#[tokio::test]
async fn in_a_shared_space_it_counts_whom_the_data_is_about() {
    let home = Home::start().await;
    let about = |subject| labelled(SpaceId::household(), "health").about(subject);
    assert!(home.allows(&person(MEMBER), READ, &about(Some(MEMBER))));
    assert!(home.allows(&person(MEMBER), READ, &about(None)));
    assert!(lacks_consent(&home.decide(&person(OTHER), READ, &about(Some(MEMBER)))));
    let body = json!({
        "grantee": format!("person:{OTHER}"), "purpose": "use", "categories": ["health"],
    });
    home.consent(MEMBER, body).await;
    assert!(home.allows(&person(OTHER), READ, &about(Some(MEMBER))));
}

#[tokio::test]
async fn a_consent_begins_and_ends_by_the_clock() {
    let home = Home::start().await;
    let minutes = |minutes| start_of_time() + chrono::Duration::minutes(minutes);
    let body = json!({
        "grantee": format!("person:{OTHER}"), "purpose": "use", "from": minutes(10), "until": minutes(20),
    });
    home.consent(MEMBER, body).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let one = home.allows(&person(OTHER), READ, &entity(own(MEMBER)));
        let list = home.service.permitted(&person(OTHER), READ).admits(&own(MEMBER), &[]);
        assert_eq!(one, list);
        seen.push(one);
        home.spine.clock.advance(chrono::Duration::minutes(5));
    }
    assert_eq!(seen, [false, false, true, true, false]);
    assert!(lacks_consent(&home.decide(&person(OTHER), READ, &entity(own(MEMBER)))));
}

#[tokio::test]
async fn a_consent_is_about_the_types_that_it_names() {
    let home = Home::start().await;
    let body = json!({
        "grantee": format!("person:{OTHER}"), "purpose": "use", "types": ["Event"],
    });
    home.consent(MEMBER, body).await;
    assert!(home.allows(&person(OTHER), READ, &entity(own(MEMBER)).of_class("Event")));
    assert!(!home.allows(&person(OTHER), READ, &entity(own(MEMBER)).of_class("Person")));
    assert!(!home.allows(&person(OTHER), READ, &labelled(own(MEMBER), "health").of_class("Event")));
}

#[tokio::test]
async fn whoever_acts_for_a_person_can_do_no_more_than_they() {
    let home = Home::start().await;
    // The service may, by consent of the one; the other, for whom it acts, may not.
    home.consent(MEMBER, json!({ "grantee": "service:rules", "purpose": "automation" })).await;
    assert!(!home.allows(&rules_for(OTHER), READ, &entity(own(MEMBER))));
    let consent = home
        .consent(MEMBER, json!({ "grantee": format!("person:{OTHER}"), "purpose": "use" }))
        .await;
    assert!(home.allows(&rules_for(OTHER), READ, &entity(own(MEMBER))));
    home.withdraw(MEMBER, consent).await;
    assert!(!home.allows(&rules_for(OTHER), READ, &entity(own(MEMBER))));
    let operator = Caller::new(Principal::Operator, Purpose::OPERATE).on_behalf_of(OTHER);
    assert!(!home.allows(&operator, READ, &entity(own(MEMBER))));
}
