//! What the service learns from events, and how processes agree.

use contracts::access::{Caller, Policy as _, Principal, Purpose, Resource, SpaceId, actions};
use contracts::events::devices::DeviceChanged;
use serde_json::json;
use spine::Snowflake;
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn who_waits_is_suspended_or_gone_does_nothing() {
    let home = Home::start().await;
    let new = Snowflake(200);
    let may = |space: SpaceId| home.allows(&person(new), READ, &entity(space));
    assert!(may(own(new)), "their event may come a moment after them; what is theirs is theirs");
    assert!(!may(SpaceId::household()));
    home.register(new, "member", "pending").await;
    home.running.settle().await;
    assert!(!may(own(new)) && !may(SpaceId::household()));
    home.change(new, "approved").await;
    assert!(may(own(new)) && may(SpaceId::household()));
    home.change(new, "password").await;
    assert!(may(own(new)));
    home.change(new, "suspended").await;
    assert!(!may(own(new)) && !home.allows(&rules_for(new), READ, &entity(own(new))));
    assert!(may(SpaceId::public()));
    home.change(new, "restored").await;
    assert!(may(own(new)));
    home.change(new, "deleted").await;
    assert!(!may(own(new)));
    home.change(new, "restored").await;
    assert!(!may(own(new)), "gone is gone");
}

#[tokio::test]
async fn with_a_person_go_their_circles_and_consents() {
    let home = Home::start().await;
    let circle = home.circle(MEMBER, &[OTHER]).await;
    home.consent(OTHER, json!({ "grantee": format!("person:{MEMBER}"), "purpose": "use" })).await;
    assert!(home.allows(&person(MEMBER), READ, &entity(own(OTHER))));
    home.change(OTHER, "deleted").await;
    assert!(!home.allows(&person(MEMBER), READ, &entity(own(OTHER))));
    let path = format!("/spaces/circle:{circle}");
    let space = home.expect(&person(MEMBER), "GET", &path, None, 200).await;
    assert_eq!(space["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_device_that_was_removed_reports_no_more() {
    let home = Home::start().await;
    let device = Uuid::now_v7();
    let changed =
        |change: &str| DeviceChanged { device, person: MEMBER, change: change.to_owned() };
    let caller = Caller::new(Principal::Device(device), Purpose::USE);
    let reports = |account| {
        let resource = Resource::new("device", device.to_string(), own(account));
        home.allows(&caller, actions::DEVICE_REPORT, &resource)
    };
    home.publish(&changed("registered")).await;
    home.running.settle().await;
    assert!(reports(MEMBER) && !reports(OTHER));
    home.publish(&changed("removed")).await;
    home.running.settle().await;
    assert!(!reports(MEMBER));
}

#[tokio::test]
async fn another_process_follows_within_moments() {
    let home = Home::start().await;
    let spine = home.spine.another().await.unwrap();
    let other = open(&spine).await;
    let allowed = || other.decide(&person(OTHER), READ, &entity(own(MEMBER))).allowed;
    assert!(!allowed());
    let grantee = format!("person:{OTHER}");
    let consent = home.consent(MEMBER, json!({ "grantee": grantee, "purpose": "use" })).await;
    until(allowed).await;
    home.withdraw(MEMBER, consent).await;
    until(|| !allowed()).await;
    home.put_policy("open", &format!(
        r#"permit (principal == Person::"{OTHER}", action == Action::"entity.read", resource in Space::"person:{MEMBER}");"#
    )).await;
    until(allowed).await;
    home.change(OTHER, "suspended").await;
    until(|| !allowed()).await;
    // Whoever starts later knows it all.
    let third = open(&home.spine.another().await.unwrap()).await;
    assert!(!third.decide(&person(OTHER), READ, &entity(own(MEMBER))).allowed);
    home.change(OTHER, "restored").await;
    until(allowed).await;
}

/// Waits until the condition holds.
async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "it never holds");
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
