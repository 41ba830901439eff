//! Hosts that the whole node blocks.

use super::world::World;
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
