//! Hosts that the whole node blocks.

use chrono::Duration;
use spine::Clock;

use super::world::{Inbox, World, remote_account};
use crate::SocialError;
use crate::commands::HostBlocks;

async fn blocked(world: &World) -> Vec<String> {
    world.texts("SELECT domain FROM social.domain_block WHERE account_id IS NULL ORDER BY 1").await
}

#[tokio::test]
async fn the_configuration_takes_back_what_it_blocked_and_nothing_else() {
    let world = World::start().await;
    let social = &world.social;
    let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    social.block_hosts(&hosts(&["Spam.Example"]), HostBlocks::Also("spam")).await.unwrap();
    let configured = hosts(&["a.example", "b.example", "A.example."]);
    for _ in 0..2 {
        social.block_hosts(&configured, HostBlocks::Configured).await.unwrap();
        assert_eq!(blocked(&world).await, ["a.example", "b.example", "spam.example"]);
    }
    social.block_hosts(&hosts(&["b.example"]), HostBlocks::Configured).await.unwrap();
    assert_eq!(blocked(&world).await, ["b.example", "spam.example"]);
    social.unblock_host("spam.example").await.unwrap();
    assert_eq!(blocked(&world).await, ["b.example"]);
    for odd in ["", "a/b", "127.0.0.1:9"] {
        let refused = social.block_hosts(&hosts(&[odd]), HostBlocks::Also("")).await;
        assert!(matches!(refused, Err(SocialError::Invalid(_))), "{odd}");
    }
}

async fn block(world: &World, host: &str) {
    world.social.block_hosts(&[host.to_owned()], HostBlocks::Also("")).await.unwrap();
}

#[tokio::test]
async fn a_delivery_on_its_way_ends_when_its_host_is_blocked() {
    let clock = Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let (world, inbox) = (World::start_on(clock.clone()).await, Inbox::start().await);
    let author = world.person("author").await;
    let fan = world.remote(&inbox.account("fan")).await;
    world.befriend(fan, author).await;
    world.running.settle().await;
    inbox.will_answer([(503, None)]);
    inbox.delivered();
    world.publish(author, "hello").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Create"]);
    block(&world, inbox.host()).await;
    clock.advance(Duration::hours(1));
    world.running.settle().await;
    assert!(inbox.kinds().is_empty(), "nothing goes there any more");
    let left = "SELECT count(*) FROM spine.job WHERE kind LIKE 'social.deliver%'";
    assert_eq!(world.count(left).await, 0, "and nothing waits to go there");
}

#[tokio::test]
async fn nothing_goes_to_somebody_whose_handle_or_id_or_inbox_is_of_a_blocked_host() {
    let (world, inbox) = (World::start().await, Inbox::start().await);
    let author = world.person("author").await;
    let mut away = remote_account("away", &inbox.origin, "handle.example");
    away.uri = "https://id.example/users/away".to_owned();
    let fan = world.remote(&away).await;
    world.befriend(fan, author).await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Accept"]);
    for host in ["handle.example", "id.example", inbox.host()] {
        block(&world, host).await;
        world.publish(author, host).await;
        world.running.settle().await;
        assert!(inbox.kinds().is_empty(), "{host}");
        world.social.unblock_host(host).await.unwrap();
    }
    world.publish(author, "friends again").await;
    world.running.settle().await;
    assert_eq!(inbox.kinds(), ["Create"]);
}
