//! The audit log: complete, in time, and tamper-evident.

use contracts::access::{Caller, Policy as _, Principal, Purpose, SpaceId, actions};
use policy::{Finding, Routine};
use serde_json::Value;
use spine::testing::TestSpine;

use crate::support::*;

/// A home whose log has some entries, each thousandth signed.
async fn with_entries(count: usize) -> Home {
    let home = Home::start().await;
    add_entries(&home, count).await;
    home
}

async fn add_entries(home: &Home, count: usize) {
    for number in 0..count {
        let resource = contracts::access::Resource::new("entity", number.to_string(), own(MEMBER));
        home.decide(&person(MEMBER), READ, &resource);
    }
    home.service.settled().await.unwrap();
}

/// Makes the log's tables as changeable as any.
async fn unlock(home: &Home) {
    for table in [
        "ALTER TABLE policy.audit_entry DISABLE TRIGGER ALL",
        "ALTER TABLE policy.audit_leaf DISABLE TRIGGER ALL",
        "ALTER TABLE policy.audit_checkpoint DISABLE TRIGGER ALL",
        "ALTER TABLE policy.audit_key DISABLE TRIGGER ALL",
    ] {
        home.sql(table).await;
    }
}

/// Cuts off the newest leaf with its entry.
async fn cut_leaf(home: &Home) {
    home.sql(
        "WITH gone AS (DELETE FROM policy.audit_leaf WHERE place =
            (SELECT max(place) FROM policy.audit_leaf) RETURNING entry)
         DELETE FROM policy.audit_entry WHERE id IN (SELECT entry FROM gone)",
    )
    .await;
}

/// Cuts off the newest checkpoint.
async fn cut_checkpoint(home: &Home) {
    home.sql("DELETE FROM policy.audit_checkpoint WHERE size = (SELECT max(size) FROM policy.audit_checkpoint)").await;
}

/// Cuts a hash off each tile.
async fn cut_tiles(home: &Home) {
    home.sql("UPDATE policy.audit_tile SET hashes = substring(hashes FOR length(hashes) - 32)")
        .await;
}

async fn findings(home: &Home) -> Vec<Finding> {
    home.service.verify_audit().await.unwrap().findings
}

#[tokio::test]
async fn an_untouched_log_verifies_over_many_checkpoints() {
    let home = with_entries(2_300).await;
    let waiting = home.service.verify_audit().await.unwrap();
    assert!(waiting.is_sound(), "{waiting:?}");
    // Much of it is sequenced by the service itself, which may be at it now.
    let report = loop {
        home.service.sequence_audit().await.unwrap();
        let report = home.service.verify_audit().await.unwrap();
        if report.waiting.is_empty() {
            break report;
        }
    };
    assert!(report.is_sound(), "{report:?}");
    assert!(report.leaves >= 2_300 && report.checkpoints >= 3 && report.waiting.is_empty());
    home.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    home.service.settled().await.unwrap();
    let report = home.service.verify_audit().await.unwrap();
    assert_eq!((report.waiting.len(), report.is_sound()), (1, true));
    assert_eq!(home.service.sequence_audit().await.unwrap(), 1);
    assert_eq!(home.service.sequence_audit().await.unwrap(), 0);
    let head = home.service.verify_audit().await.unwrap().head.unwrap();
    assert!(home.service.verify_audit_against(&[head]).await.unwrap().is_sound());
}

#[tokio::test]
async fn the_log_refuses_changes_and_a_changed_entry_is_found() {
    let home = with_entries(10).await;
    home.service.sequence_audit().await.unwrap();
    for statement in [
        "UPDATE policy.audit_entry SET allowed = false",
        "DELETE FROM policy.audit_entry",
        "TRUNCATE policy.audit_entry",
        "DELETE FROM policy.audit_leaf",
        "UPDATE policy.audit_checkpoint SET note = ''",
        "UPDATE policy.audit_key SET origin = 'another'",
        "DELETE FROM policy.audit_key",
    ] {
        let refused = sqlx::query(statement).execute(home.spine.spine.pool()).await;
        assert!(refused.unwrap_err().to_string().contains("append-only"), "{statement}");
    }
    assert_eq!(findings(&home).await, []);
    home.sql("ALTER TABLE policy.audit_entry DISABLE TRIGGER ALL").await;
    home.sql("UPDATE policy.audit_entry SET purpose = 'sync' WHERE resource = '3'").await;
    let found = findings(&home).await;
    assert!(found.iter().any(|finding| matches!(finding, Finding::Changed { .. })), "{found:?}");
    // Nor does it help to change the leaf with it.
    home.sql("ALTER TABLE policy.audit_leaf DISABLE TRIGGER ALL").await;
    home.sql(
        "UPDATE policy.audit_leaf SET hash = sha256('forged'::bytea) WHERE entry =
           (SELECT id FROM policy.audit_entry WHERE resource = '3')",
    )
    .await;
    let found = findings(&home).await;
    assert!(
        found.iter().any(|finding| matches!(finding, Finding::Inconsistent { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_removed_entry_is_found_whether_it_has_its_place_or_waits() {
    let home = with_entries(10).await;
    home.sql("ALTER TABLE policy.audit_entry DISABLE TRIGGER ALL").await;
    home.sql("DELETE FROM policy.audit_entry WHERE resource = '2'").await;
    let found = findings(&home).await;
    assert!(matches!(found[..], [Finding::RemovedWaiting { .. }]), "{found:?}");
    home.service.sequence_audit().await.unwrap();
    home.sql("DELETE FROM policy.audit_entry WHERE resource = '3'").await;
    let found = findings(&home).await;
    assert!(found.iter().any(|finding| matches!(finding, Finding::Removed { .. })), "{found:?}");
    // Its leaf with it leaves a gap.
    home.sql("ALTER TABLE policy.audit_leaf DISABLE TRIGGER ALL").await;
    home.sql(
        "DELETE FROM policy.audit_leaf l WHERE NOT EXISTS
           (SELECT FROM policy.audit_entry e WHERE e.id = l.entry)",
    )
    .await;
    let found = findings(&home).await;
    assert!(
        found.iter().any(|finding| matches!(finding, Finding::MissingLeaf { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn swapped_entries_are_found() {
    let home = with_entries(10).await;
    home.service.sequence_audit().await.unwrap();
    home.sql("ALTER TABLE policy.audit_leaf DISABLE TRIGGER ALL").await;
    home.sql("ALTER TABLE policy.audit_leaf DROP CONSTRAINT audit_leaf_entry_key").await;
    home.sql(
        "UPDATE policy.audit_leaf l SET entry = o.entry, hash = o.hash FROM policy.audit_leaf o
          WHERE l.place IN (3, 4) AND o.place = 7 - l.place",
    )
    .await;
    let found = findings(&home).await;
    assert!(
        found.iter().any(|finding| matches!(finding, Finding::Inconsistent { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_forged_checkpoint_is_found_and_nothing_is_signed_on_top_of_it() {
    let home = with_entries(10).await;
    home.service.sequence_audit().await.unwrap();
    home.sql("ALTER TABLE policy.audit_checkpoint DISABLE TRIGGER ALL").await;
    home.sql(
        "UPDATE policy.audit_checkpoint SET note = replace(note, 'home.example', 'else.example')",
    )
    .await;
    let found = findings(&home).await;
    assert!(found.iter().any(|finding| matches!(finding, Finding::Forged { .. })), "{found:?}");
    home.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    home.service.settled().await.unwrap();
    assert!(home.service.sequence_audit().await.is_err());
}

#[tokio::test]
async fn a_cut_end_is_found_against_a_later_checkpoint() {
    let home = with_entries(10).await;
    home.service.sequence_audit().await.unwrap();
    let early = home.service.verify_audit().await.unwrap().head.unwrap();
    home.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    home.service.settled().await.unwrap();
    home.service.sequence_audit().await.unwrap();
    let late = home.service.verify_audit().await.unwrap().head.unwrap();
    unlock(&home).await;
    cut_leaf(&home).await;
    let found = findings(&home).await;
    assert!(found.iter().any(|finding| matches!(finding, Finding::Truncated { .. })), "{found:?}");
    cut_checkpoint(&home).await;
    let found = findings(&home).await;
    assert_eq!(found, [Finding::Tile { level: 0, number: 0 }], "its tile tells of a leaf more");
    // With that cut off too, only who kept the newest checkpoint can tell.
    cut_tiles(&home).await;
    assert_eq!(findings(&home).await, []);
    assert!(home.service.verify_audit_against(&[early]).await.unwrap().is_sound());
    let found = home.service.verify_audit_against(&[late]).await.unwrap().findings;
    assert!(matches!(found[..], [Finding::Truncated { .. }]), "{found:?}");
}

#[tokio::test]
async fn who_has_only_the_database_can_neither_cut_off_the_end_nor_put_another_log_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit-checkpoint");
    let home = Home::start_keeping(Some(file.clone())).await;
    add_entries(&home, 10).await;
    home.service.sequence_audit().await.unwrap();
    add_entries(&home, 1).await;
    home.service.sequence_audit().await.unwrap();
    let kept = std::fs::read_to_string(&file).unwrap();
    let report = home.service.verify_audit().await.unwrap();
    assert!(report.is_sound() && report.kept == 1, "{report:?}");
    assert_eq!(report.head.as_deref(), Some(kept.as_str()));

    unlock(&home).await;
    cut_leaf(&home).await;
    cut_checkpoint(&home).await;
    cut_tiles(&home).await;
    let found = findings(&home).await;
    assert!(matches!(found[..], [Finding::Truncated { .. }]), "{found:?}");
    // The log goes on, and what is kept stays the proof.
    add_entries(&home, 5).await;
    assert!(home.service.sequence_audit().await.unwrap() >= 5);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    let found = findings(&home).await;
    assert!(matches!(found[..], [Finding::Inconsistent { .. }]), "{found:?}");

    // Another log under another key, which is sound in itself.
    for table in ["entry", "waiting", "leaf", "tile", "checkpoint", "key"] {
        let statement = sqlx::AssertSqlSafe(format!("DELETE FROM policy.audit_{table}"));
        sqlx::query(statement).execute(home.spine.spine.pool()).await.unwrap();
    }
    let restarted = open_with(&home.spine.spine, Some(file.clone())).await;
    let found = restarted.verify_audit().await.unwrap().findings;
    assert!(matches!(found[..], [Finding::AnotherLog { .. }]), "{found:?}");
    restarted.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    restarted.settled().await.unwrap();
    restarted.sequence_audit().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    // A new log that begins without a kept head is a log of its own.
    std::fs::remove_file(&file).unwrap();
    restarted.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    restarted.settled().await.unwrap();
    restarted.sequence_audit().await.unwrap();
    let report = restarted.verify_audit().await.unwrap();
    assert!(report.is_sound() && report.kept == 1, "{report:?}");
}

#[tokio::test]
async fn tiles_that_no_log_of_this_size_has_are_found() {
    let home = with_entries(10).await;
    home.service.sequence_audit().await.unwrap();
    home.sql("INSERT INTO policy.audit_tile SELECT 0, 1, hashes FROM policy.audit_tile").await;
    home.sql(
        "INSERT INTO policy.audit_tile SELECT 9, 0, hashes FROM policy.audit_tile WHERE number = 0",
    )
    .await;
    let found = findings(&home).await;
    assert_eq!(
        found,
        [Finding::Tile { level: 0, number: 1 }, Finding::Tile { level: 9, number: 0 }]
    );
}

#[tokio::test]
async fn what_was_put_in_by_hand_and_damaged_tiles_are_found() {
    let home = with_entries(300).await;
    home.service.sequence_audit().await.unwrap();
    home.sql(
        "INSERT INTO policy.audit_entry SELECT gen_random_uuid(), time, principal, behalf, via, action,
                kind, resource, spaces, subject, purpose, allowed, policies
           FROM policy.audit_entry LIMIT 1",
    )
    .await;
    home.sql("UPDATE policy.audit_tile SET hashes = decode('00', 'hex') || substring(hashes FROM 2) WHERE level = 0 AND number = 0").await;
    let found = findings(&home).await;
    assert!(found.contains(&Finding::Tile { level: 0, number: 0 }), "{found:?}");
    assert!(found.iter().any(|finding| matches!(finding, Finding::Stray { .. })), "{found:?}");
}

#[tokio::test]
async fn the_person_concerned_reads_who_saw_their_data() {
    let home = Home::start().await;
    home.decide(&rules_for(MEMBER), READ, &entity(own(MEMBER)));
    home.decide(&person(OTHER), READ, &entity(own(MEMBER)));
    home.decide(&person(OTHER), READ, &entity(SpaceId::public()));
    home.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    home.service.permitted(&Caller::service("search", Purpose::INDEX), READ);
    home.service.settled().await.unwrap();
    let mut items: Vec<Value> = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    loop {
        let page = home.expect(&person(MEMBER), "GET", &path, None, 200).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/audit?limit=2&cursor={next}");
    }
    let told: Vec<(&str, bool)> = items
        .iter()
        .map(|entry| (entry["principal"].as_str().unwrap(), entry["allowed"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [("service:search", true), ("person:104", false), ("service:rules", true)]);
    assert_eq!(items[2]["purpose"], "automation");
    assert_eq!(items[2]["policies"][1], "rules-act-for-their-owner");
    assert_eq!(items[0]["policies"], serde_json::json!(["search-keeps-its-index"]));
    let all = home.expect(&person(MEMBER), "GET", "/audit?own=true", None, 200).await;
    assert!(all["items"].as_array().unwrap().len() > 3);
    let refused = home.expect(&person(ADMIN), "GET", "/audit?of=refused", None, 200).await;
    assert_eq!(refused["items"][0]["principal"], "person:104");
    home.expect(&person(MEMBER), "GET", "/audit?of=refused", None, 403).await;
    home.expect(&Caller::anonymous(), "GET", "/audit", None, 401).await;
}

#[tokio::test]
async fn a_list_that_the_tokens_scope_does_not_cover_is_a_refusal_like_any() {
    let home = Home::start().await;
    let app = Caller { scopes: Some(vec!["read".to_owned()]), ..person(MEMBER) };
    home.expect(&app, "GET", "/spaces", None, 403).await;
    home.service.settled().await.unwrap();
    let page = home.expect(&person(MEMBER), "GET", "/audit?own=true", None, 200).await;
    let mut entries = page["items"].as_array().unwrap().iter();
    let entry = entries.find(|entry| entry["action"] == "space.read").unwrap();
    assert_eq!(entry["allowed"], false);
}

#[tokio::test]
async fn strangers_cannot_fill_the_log_with_their_refusals() {
    let home = Home::start().await;
    let stranger = Caller::anonymous();
    for _ in 0..500 {
        home.decide(&stranger, READ, &entity(SpaceId::household()));
    }
    home.decide(&stranger, READ, &entity(own(MEMBER)));
    home.spine.clock.advance(chrono::Duration::minutes(1));
    home.decide(&stranger, READ, &entity(SpaceId::household()));
    home.service.settled().await.unwrap();
    let page = home.expect(&person(ADMIN), "GET", "/audit?of=refused&limit=200", None, 200).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 60 + 1 + 1 + 1);
    assert_eq!(items[0]["policies"], serde_json::json!(["more-refusals:440"]));
    let told = home.expect(&person(MEMBER), "GET", "/audit", None, 200).await;
    assert_eq!(told["items"][0]["principal"], "anonymous", "who is concerned is always told");
}

#[tokio::test]
async fn what_is_done_over_and_over_is_written_down_once_in_ten_minutes() {
    let home = Home::start().await;
    let routine = |principal: Principal, action, kind, what| Routine {
        principal,
        via: Some(spine::Snowflake(9)),
        scoped: true,
        action,
        kind,
        what,
    };
    let home_of = |account| {
        let (read, member) = (actions::SOCIAL_READ, Principal::Person(account));
        routine(member, read, "timeline", "timeline.home")
    };
    let entries = async || {
        home.service.settled().await.unwrap();
        let page = home.expect(&person(MEMBER), "GET", "/audit?own=true", None, 200).await;
        let items = page["items"].as_array().unwrap().clone();
        let items = items.into_iter().filter(|entry| entry["action"] != "audit.read");
        items.map(|entry| entry["allowed"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    for _ in 0..1_000 {
        assert!(home.service.permits(home_of(MEMBER)));
    }
    assert_eq!(entries().await, [true]);
    home.spine.clock.advance(chrono::Duration::minutes(10));
    assert!(home.service.permits(home_of(MEMBER)) && home.service.permits(home_of(MEMBER)));
    assert_eq!(entries().await, [true, true]);
    let write = || {
        let member = Principal::Person(MEMBER);
        home.service.permits(routine(member, actions::SOCIAL_WRITE, "status", "status.write"))
    };
    assert!(write());
    // Another's change is in force at once, and each refusal is an entry.
    home.put_policy(
        "quiet",
        r#"forbid (principal, action == Action::"social.write", resource) when { resource.kind == "status" };"#,
    )
    .await;
    assert!(!write() && !write());
    assert!(home.service.permits(home_of(MEMBER)));
    assert_eq!(entries().await, [true, false, false, true, true, true]);
    home.change(MEMBER, "suspended").await;
    assert!(!home.service.permits(home_of(MEMBER)));
    // Nobody in particular reads what is public; an app lets people join.
    let public = |principal| routine(principal, actions::SOCIAL_READ, "status", "status.read");
    let join = |principal| routine(principal, actions::SOCIAL_WRITE, "account", "account.create");
    let app = || Principal::App(spine::Snowflake(9));
    assert!(home.service.permits(public(Principal::Anonymous)));
    assert!(home.service.permits(public(app())) && home.service.permits(join(app())));
    assert!(!home.service.permits(join(Principal::Anonymous)));
}

#[tokio::test]
async fn every_minute_the_log_is_continued_and_its_head_is_shown() {
    let home = with_entries(3).await;
    home.expect(&person(MEMBER), "GET", "/audit/checkpoint", None, 404).await;
    home.service.settled().await.unwrap();
    home.spine.clock.advance(chrono::Duration::minutes(2));
    home.running.settle().await;
    let report = home.service.verify_audit().await.unwrap();
    assert!(report.leaves >= 3 && report.waiting.is_empty(), "{report:?}");
    home.expect(&person(MEMBER), "GET", "/audit/checkpoint", None, 200).await;
    let stranger = Caller::anonymous();
    home.expect(&stranger, "GET", "/audit/checkpoint", None, 401).await;
}

#[tokio::test]
async fn nothing_is_answered_while_the_audit_log_cannot_be_written() {
    let home = Home::start().await;
    home.sql("ALTER TABLE policy.audit_entry RENAME TO away").await;
    home.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    let problem = home.port().settled().await.unwrap_err();
    assert_eq!(problem.status(), 503);
    home.sql("ALTER TABLE policy.away RENAME TO audit_entry").await;
    let started = std::time::Instant::now();
    while home.service.settled().await.is_err() {
        assert!(started.elapsed().as_secs() < 20, "it never recovers");
    }
    let page = home.expect(&person(MEMBER), "GET", "/audit?own=true", None, 200).await;
    let mut written = page["items"].as_array().unwrap().iter();
    assert!(written.any(|entry| entry["resource"] == "e1"), "what waited was written");
}

#[tokio::test]
async fn a_database_that_is_away_is_told_to_who_waits() {
    let schemas = [("policy", &policy::MIGRATIONS)];
    let home = TestSpine::start(&schemas).await.unwrap();
    let service = open(&home.spine).await;
    home.spine.pool().close().await;
    service.decide(&person(MEMBER), READ, &entity(own(MEMBER)));
    assert_eq!(service.settled().await.unwrap_err().status(), 503);
}
