//! What is on its way to a server that does not answer, and is taken back meanwhile.

use chrono::Duration;
use spine::work::admin::Pausable;
use spine::{BatchJob, Cause, Claimed, Clock, Job, JobId};

use super::deliveries::{clock, followed_author};
use super::{FollowOptions, Inbox, ProfileChange, World};
use crate::Visibility;
use crate::outbound::{Deliver, FederatePost, UndoFollow};

/// Lets time pass until everything that waits for the server has been tried again.
async fn later(world: &World, clock: &Clock) {
    for _ in 0..3 {
        clock.advance(Duration::hours(1));
        world.running.settle().await;
    }
}

#[tokio::test]
async fn what_a_deleted_account_was_about_to_say_is_not_said() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, fan) = followed_author(&world, &inbox).await;
    let note = world.note(fan, &format!("{}/1", inbox.origin), Visibility::Public);
    let theirs = world.insert(&[note]).await[0].post;
    let gone = world.publish(author, "gone before").await;
    world.running.settle().await;
    inbox.delivered();

    inbox.will_answer(std::iter::repeat_n((503, None), 6));
    world.publish(author, "a secret").await;
    world.social.boost(author, theirs, None).await.unwrap();
    world.social.favourite(author, theirs).await.unwrap();
    world.social.follow(author, fan, FollowOptions::default()).await.unwrap();
    let change = ProfileChange { note: Some("a secret".to_owned()), ..Default::default() };
    world.social.update_profile(author, change).await.unwrap();
    world.social.delete_post(author, gone).await.unwrap();
    world.running.settle().await;
    assert_eq!(inbox.kinds().len(), 6);
    world.social.delete_local_account(author).await.unwrap();
    world.running.settle().await;
    later(&world, &clock).await;
    let mut told: Vec<String> = inbox
        .delivered()
        .iter()
        .map(|delivered| format!("{} {}", delivered.body["type"], delivered.body["object"]))
        .collect();
    told.sort();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|one| one.starts_with("\"Delete\"")), "{told:?}");
    let kept = "SELECT count(*) FROM social.outgoing_activity WHERE body LIKE '%secret%'";
    assert_eq!(world.count(kept).await, 0);
}

#[tokio::test]
async fn only_the_last_word_about_a_relation_arrives() {
    let clock = clock();
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    let other = world.remote(&inbox.account("other")).await;
    let note = world.note(other, &format!("{}/1", inbox.origin), Visibility::Public);
    let post = world.insert(&[note]).await[0].post;
    let social = &world.social;
    let say = async |what: &str| {
        match what {
            "Follow" => social.follow(author, other, FollowOptions::default()).await.unwrap(),
            "unfollow" => social.unfollow(author, other).await.unwrap(),
            "Like" => social.favourite(author, post).await.unwrap(),
            "unlike" => social.unfavourite(author, post).await.unwrap(),
            "Announce" => _ = social.boost(author, post, None).await.unwrap(),
            "unboost" => social.unboost(author, post).await.unwrap(),
            "Block" => social.block(author, other).await.unwrap(),
            _ => social.unblock(author, other).await.unwrap(),
        }
        world.running.settle().await;
    };
    for (done, undone) in
        [("Follow", "unfollow"), ("Like", "unlike"), ("Announce", "unboost"), ("Block", "unblock")]
    {
        inbox.will_answer([(503, None), (503, None)]);
        say(done).await;
        say(undone).await;
        assert_eq!(inbox.kinds(), [done, "Undo"]);
        later(&world, &clock).await;
        assert_eq!(inbox.kinds(), ["Undo"], "{done} was taken back");

        say(done).await;
        assert_eq!(inbox.kinds(), [done]);
        inbox.will_answer([(503, None), (503, None)]);
        say(undone).await;
        say(done).await;
        assert_eq!(inbox.kinds(), ["Undo", done]);
        later(&world, &clock).await;
        let mut arrived = inbox.kinds();
        arrived.sort();
        match done {
            // An Undo of a boost ends that one alone, whenever it comes.
            "Announce" => assert_eq!(arrived, ["Announce", "Undo"]),
            _ => assert_eq!(arrived, [done], "it holds again"),
        }
        say(undone).await;
        inbox.delivered();
    }
}

#[tokio::test]
async fn an_undo_that_was_not_made_yet_does_not_end_the_next_follow() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, fan) = followed_author(&world, &inbox).await;
    world.social.follow(author, fan, FollowOptions::default()).await.unwrap();
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Follow"]);
    let jobs = Pausable::Lane(UndoFollow::LANE);
    spine::work::admin::pause(world.social.spine(), &jobs).await.unwrap();
    world.social.unfollow(author, fan).await.unwrap();
    world.social.follow(author, fan, FollowOptions::default()).await.unwrap();
    spine::work::admin::resume(world.social.spine(), &jobs).await.unwrap();
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Follow"]);
}

#[tokio::test]
async fn a_post_deleted_while_it_goes_out_does_not_go_out() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let (author, _) = followed_author(&world, &inbox).await;
    // Nothing is delivered before the deletion is through: what then still goes out is too much.
    let lanes = [FederatePost::LANE, Deliver::LANE].map(Pausable::Lane);
    for lane in &lanes {
        spine::work::admin::pause(world.social.spine(), lane).await.unwrap();
    }
    let post = world.publish(author, "a mistake").await;
    // What the job does, in a transaction that stays open until the deletion waits for it.
    let mut open = world.begin().await;
    let job = Claimed {
        id: JobId::new(),
        attempt: 1,
        cause: Cause::system(),
        job: FederatePost { post },
    };
    for outcome in FederatePost::run(&world.social, &[job], &mut open).await.unwrap() {
        outcome.unwrap();
    }
    let social = world.social.clone();
    let deletion = tokio::spawn(async move { social.delete_post(author, post).await });
    let meet = async {
        while !deletion.is_finished() && !somebody_waits(&world).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), meet).await.unwrap();
    open.commit().await.unwrap();
    deletion.await.unwrap().unwrap();
    let bodies = "SELECT count(*) FROM social.outgoing_activity WHERE body LIKE '%mistake%'";
    assert_eq!(world.count(bodies).await, 0);
    for lane in &lanes {
        spine::work::admin::resume(world.social.spine(), lane).await.unwrap();
    }
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Delete"]);
}

async fn somebody_waits(world: &World) -> bool {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    world.count(waiting).await > 0
}
