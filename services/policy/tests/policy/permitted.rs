//! Lists and single decisions agree.

use contracts::access::{
    Action, Caller, Policy as _, Principal, Purpose, Resource, SPECIAL_CATEGORIES, SpaceId, actions,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use spine::Snowflake;

use crate::support::*;

const PEOPLE: [Snowflake; 5] = [OWNER, ADMIN, MEMBER, OTHER, Snowflake(999)];
const LABELS: [&str; 10] =
    ["health", "finance", "location", "minor", "intimate", "secret", "work", "a", "b", "c"];
const SEES: [Action; 9] = [
    actions::MESSAGE_SEND,
    actions::ENTITY_READ,
    actions::ENTITY_WRITE,
    actions::SEARCH_QUERY,
    actions::PRESENT_READ,
    actions::MESSAGE_READ,
    actions::POST_READ,
    actions::RULE_READ,
    actions::CONNECTOR_READ,
];

fn some_caller(random: &mut StdRng) -> Caller {
    let purposes = [
        Purpose::USE,
        Purpose::AUTOMATION,
        Purpose::SYNC,
        Purpose::INDEX,
        Purpose::COMMUNICATE,
        Purpose::OPERATE,
    ];
    let account = *PEOPLE.choose(random).unwrap();
    let principal = match random.random_range(0..9) {
        0 => Principal::Anonymous,
        1 => Principal::App(Snowflake(9)),
        2 => Principal::Plugin("rss".to_owned()),
        3 => Principal::Operator,
        4 => Principal::Remote("https://a.example/u/b".to_owned()),
        5 | 6 => {
            let names = ["rules", "search", "data", "communication", "present", "etl"];
            Principal::Service((*names.choose(random).unwrap()).into())
        }
        _ => Principal::Person(account),
    };
    let mut caller = Caller::new(principal, purposes.choose(random).unwrap().clone());
    if random.random_bool(0.4) {
        caller.behalf = Some(*PEOPLE.choose(random).unwrap());
    }
    if random.random_bool(0.2) {
        let scopes = ["sovereign:read", "sovereign:read:entities", "read"];
        caller.scopes = Some(vec![(*scopes.choose(random).unwrap()).to_owned()]);
    }
    caller
}

fn some_resource(random: &mut StdRng, action: Action, circles: &[uuid::Uuid]) -> Resource {
    let space = match random.random_range(0..6) {
        0 => SpaceId::public(),
        1 => SpaceId::household(),
        2 => SpaceId::of_circle(*circles.choose(random).unwrap()),
        _ => own(*PEOPLE[..4].choose(random).unwrap()),
    };
    let count = *[0, 0, 1, 1, 2, 3].choose(random).unwrap();
    let labels = (0..count).map(|_| (*LABELS.choose(random).unwrap()).to_owned());
    let kind = action.name.split('.').next().unwrap();
    Resource::new(kind, "1", space).labelled(labels.collect::<Vec<_>>())
}

/// Asks many random questions. What a list admits, a decision allows; and the other way round, but for
/// what a list cannot say.
async fn agree(home: &Home, (seed, questions): (u64, u32), circles: &[uuid::Uuid], exact: bool) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut allowed, mut admitted) = (0, 0);
    for question in 0..questions {
        let caller = some_caller(&mut random);
        let action = *SEES.choose(&mut random).unwrap();
        let resource = some_resource(&mut random, action, circles);
        let one = home.allows(&caller, action, &resource);
        let permitted = home.service.permitted(&caller, action);
        let list = permitted.admits(&resource.space, &resource.labels);
        assert!(one || !list, "{question}: {caller:?} {action} {resource:?}: {permitted:?}");
        if exact {
            assert!(list || !one, "{question}: {caller:?} {action} {resource:?}: {permitted:?}");
        }
        allowed += u32::from(one);
        admitted += u32::from(list);
        // Memory is bounded; so is what this test lets wait.
        if question % 500 == 0 {
            home.service.settled().await.unwrap();
        }
    }
    let some = questions / 15;
    assert!(allowed > some && admitted > some, "{allowed} {admitted}");
}

#[tokio::test]
async fn what_a_list_admits_is_exactly_what_decisions_allow() {
    let home = Home::start().await;
    let circles = [home.circle(MEMBER, &[OTHER]).await, home.circle(OWNER, &[ADMIN]).await];
    agree(&home, (1, 2_000), &circles, true).await;
    for grantee in ["person:104", "service:rules", "plugin:rss", "app:9"] {
        for purpose in ["use", "automation", "sync"] {
            home.consent(MEMBER, json!({ "grantee": grantee, "purpose": purpose })).await;
        }
    }
    agree(&home, (2, 2_000), &circles, true).await;
    home.put_policy(
        "labels",
        r#"
        forbid (principal, action in Action::"see", resource) when { resource.labels.contains("secret") };
        forbid (principal is Service, action, resource in Space::"household");
        permit (principal is App, action == Action::"entity.read", resource) when { resource.labels.contains("work") };
        permit (principal is Plugin, action in Action::"see", resource) unless { resource.labels.containsAny(["a", "b"]) };
        "#,
    )
    .await;
    // A permit for one label only is for decisions by id.
    agree(&home, (3, 600), &circles, false).await;
}

#[tokio::test]
async fn a_list_admits_nothing_that_a_decision_refuses_whatever_is_consented_and_forbidden() {
    let home = Home::start().await;
    let circles = [home.circle(MEMBER, &[OTHER]).await];
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..40 {
        let subject = *PEOPLE[..4].choose(&mut random).unwrap();
        let grantees = [
            "person:101",
            "person:103",
            "person:104",
            "service:rules",
            "service:search",
            "plugin:rss",
            "app:9",
        ];
        let grantee = *grantees.choose(&mut random).unwrap();
        if grantee == format!("person:{subject}") {
            continue;
        }
        let purpose = *["use", "automation", "index", "sync"].choose(&mut random).unwrap();
        let mut body = json!({ "grantee": grantee, "purpose": purpose });
        if random.random_bool(0.6) {
            body["categories"] = json!([SPECIAL_CATEGORIES.choose(&mut random).unwrap()]);
        }
        if random.random_bool(0.2) {
            body["types"] = json!(["Event"]);
        }
        home.consent(subject, body).await;
    }
    agree(&home, (8, 2_000), &circles, false).await;
    home.put_policy(
        "together",
        r#"
        permit (principal is App, action in Action::"see", resource) unless { resource.labels.contains("a") };
        permit (principal is App, action in Action::"see", resource) unless { resource.labels.contains("b") };
        permit (principal is Plugin, action in Action::"see", resource) when { resource.labels.isEmpty() };
        forbid (principal, action, resource) when { resource.labels.containsAll(["b", "c"]) };
        forbid (principal, action, resource) when { resource.labels.contains("work") && resource.special.contains("health") };
        "#,
    )
    .await;
    agree(&home, (9, 400), &circles, false).await;
    let app = Caller::new(Principal::App(Snowflake(9)), Purpose::USE);
    let both = ["a".to_owned(), "b".to_owned()];
    assert!(!home.allows(&app, READ, &entity(SpaceId::household()).labelled(both.clone())));
    assert!(!home.service.permitted(&app, READ).admits(&SpaceId::household(), &both));
}

#[tokio::test]
async fn lists_hide_special_categories_from_who_has_no_consent() {
    let home = Home::start().await;
    let mine = home.service.permitted(&person(MEMBER), READ);
    assert!(mine.whole.contains(&own(MEMBER)) && mine.partial.is_empty());
    let rules = home.service.permitted(&rules_for(MEMBER), READ);
    assert!(rules.partial.contains(&own(MEMBER)) && !rules.whole.contains(&own(MEMBER)));
    assert_eq!(rules.hidden_labels.len(), SPECIAL_CATEGORIES.len());
    let body = json!({
        "grantee": "service:rules", "purpose": "automation", "categories": ["location"],
    });
    home.consent(MEMBER, body).await;
    let index = home.service.permitted(&Caller::service("search", Purpose::INDEX), READ);
    assert_eq!(index.partial.len(), 5, "four people and the household: {index:?}");
}
