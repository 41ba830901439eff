//! What the service learns from events, and how processes agree.

use contracts::access::{
    Access, Caller, Policy as _, Principal, Purpose, Resource, SpaceId, actions,
};
use contracts::events::devices::DeviceChanged;
use serde_json::json;
use spine::{Cause, Snowflake};
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

#[tokio::test]
async fn no_answer_leaves_a_process_that_has_not_heard_of_a_withdrawal() {
    let home = Home::start().await;
    let spine = home.spine.another().await.unwrap();
    let other = open(&spine).await;
    let body = json!({ "grantee": format!("person:{OTHER}"), "purpose": "use" });
    let (mut withdrawn, theirs) = (Vec::new(), entity(own(MEMBER)));
    for round in 0..10 {
        home.consent(MEMBER, body.clone()).await;
        until(|| other.decide(&person(OTHER), READ, &theirs).allowed).await;
        let unconcerned = Access::new(person(MEMBER), other.port());
        // Without an event, so that nobody tells the other process before it looks by itself.
        let mut tx = home.spine.spine.begin(Cause::system()).await.unwrap();
        for statement in [
            "UPDATE policy.consent SET withdrawn_at = given_at",
            "UPDATE policy.revision SET number = number + 1",
        ] {
            sqlx::query(statement).execute(tx.conn()).await.unwrap();
        }
        tx.commit().await.unwrap();
        // From here on nobody may see it any more, whatever that process still believes.
        let access = Access::new(person(OTHER), other.port());
        let answered = match round % 2 {
            0 => access.require(READ, &theirs).is_ok(),
            _ => access.permitted(READ).unwrap().admits(&own(MEMBER), &[]),
        };
        unconcerned.require(READ, &theirs).unwrap();
        let settled = access.settled().await;
        assert!(!answered || settled.is_err(), "{round}: it leaves");
        withdrawn.extend(settled.err().map(|problem| problem.status().as_u16()));
        // Who asks again is told why.
        let access = Access::new(person(OTHER), other.port());
        assert_eq!(access.require(READ, &theirs).unwrap_err().status(), 403);
        access.settled().await.unwrap();
        Access::new(person(MEMBER), other.port()).settled().await.unwrap();
    }
    assert!(withdrawn.len() > 2 && withdrawn.iter().all(|status| *status == 503), "{withdrawn:?}");
}

#[tokio::test]
async fn a_new_person_is_waited_for() {
    let home = Home::start().await;
    let new = Snowflake(400);
    let (plugins, write) = (Resource::of_node("plugin", "rss"), actions::PLUGIN_WRITE);
    assert!(!home.allows(&person(new), write, &plugins));
    home.register(new, "admin", "active").await;
    home.service.acquainted(new).await;
    assert!(home.allows(&person(new), write, &plugins));
    // Whoever is known is not waited for.
    home.service.acquainted(MEMBER).await;
}

#[tokio::test]
async fn who_was_let_in_just_now_is_waited_for_where_they_were_known_as_one_who_waits() {
    let home = Home::start().await;
    let new = Snowflake(401);
    // Nobody who is not known is waited for: they have what is theirs.
    home.service.admitted(new).await;
    home.register(new, "member", "pending").await;
    home.running.settle().await;
    assert!(!home.allows(&person(new), READ, &entity(own(new))));
    let approved = identity::PersonChanged { account: new, change: "approved".to_owned() };
    tokio::join!(home.service.admitted(new), home.publish(&approved));
    assert!(home.allows(&person(new), READ, &entity(own(new))));
}

#[tokio::test]
async fn who_is_gone_before_their_registration_was_read_is_nobody_new() {
    let home = Home::start().await;
    for (account, change) in [(Snowflake(300), "deleted"), (Snowflake(301), "suspended")] {
        home.change(account, change).await;
        assert!(!home.allows(&person(account), READ, &entity(own(account))), "{change}");
        assert!(!home.allows(&rules_for(account), READ, &entity(own(account))), "{change}");
    }
}

#[tokio::test]
async fn a_circle_whose_last_keeper_is_gone_has_a_new_one_and_goes_with_its_last_member() {
    let home = Home::start().await;
    let circle = home.circle(MEMBER, &[OTHER, ADMIN]).await;
    let path = format!("/spaces/circle:{circle}");
    home.change(MEMBER, "deleted").await;
    let space = home.expect(&person(OTHER), "GET", &path, None, 200).await;
    let members = space["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    // Both came at the same moment.
    assert_eq!((&members[0]["account"], &members[0]["keeper"]), (&json!("102"), &json!(true)));
    assert_eq!(members[1]["keeper"], false);
    home.expect(&person(ADMIN), "DELETE", &format!("{path}/members/{OTHER}"), None, 204).await;
    home.change(ADMIN, "deleted").await;
    let left = sqlx::query("SELECT FROM policy.circle WHERE removed_at IS NULL")
        .fetch_all(home.spine.spine.pool());
    assert!(left.await.unwrap().is_empty());
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
