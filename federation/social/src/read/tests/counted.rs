//! How many statements a reading needs: the same for one row as for forty.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::Node;
use crate::read::Page;
use crate::{PostId, Visibility};

/// Counts statements by the lines that the database driver writes about them.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn forty_posts_need_as_many_statements_as_one() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    for index in 0..41 {
        // Everything that a post can have.
        let author = node.account(&format!("author{index}"), Some("far.example")).await;
        let post = node.post(author, Visibility::Public).await;
        node.mention(post, viewer).await;
        node.tag(post, "tag").await;
        node.poll(post, 10).await;
        let boost = node.boost(author, post).await;
        node.put_home(viewer, boost).await;
    }
    let statements = Statements::default();
    // With a single listener in the process, another test that reaches a line first would decide,
    // for all threads, that nobody listens to it. With two, both are asked.
    let _second = tracing::Dispatch::new(statements.clone());
    let _guard = tracing::subscriber::set_default(statements.clone());
    let mut counts = Vec::new();
    for limit in [1, 40] {
        for warm in [false, true] {
            if !warm {
                node.social.forget_cached();
            }
            let before = statements.0.load(Ordering::SeqCst);
            let home = node.social.home(viewer, &Page::first(limit)).await.unwrap();
            assert_eq!(home.items.len(), limit as usize);
            counts.push(statements.0.load(Ordering::SeqCst) - before);
        }
    }
    // Cold: page, standings, five for bodies, accounts, votes, filters. Warm: page, standings, votes.
    assert_eq!(counts, [10, 3, 10, 3]);

    let key = Page::default();
    node.social.home_json(viewer, &key).await.unwrap();
    let before = statements.0.load(Ordering::SeqCst);
    node.social.home_json(viewer, &key).await.unwrap();
    assert_eq!(statements.0.load(Ordering::SeqCst) - before, 0, "a kept page needs no statement");
}

#[tokio::test]
async fn a_row_that_cannot_be_shown_does_not_spoil_its_page() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    let author = node.account("author", None).await;
    let mut posts: Vec<PostId> = Vec::new();
    for _ in 0..3 {
        let post = node.post(author, Visibility::Public).await;
        node.put_home(viewer, post).await;
        posts.push(post);
    }
    let bad = posts[1].number();
    node.run(r#"UPDATE social.post SET emojis = '{"not": "a list"}' WHERE id = $1"#, &[bad]).await;
    assert_eq!(node.social.home(viewer, &Page::default()).await.unwrap().items.len(), 3);
    node.social.forget_cached();
    node.run("UPDATE social.post SET visibility = 9 WHERE id = $1", &[bad]).await;
    // Its own author may "see" it, and still cannot: nobody could decode it.
    let posts = node
        .social
        .account_statuses(Some(author), author, &Default::default(), &Page::first(2))
        .await
        .unwrap();
    assert_eq!(posts.items.len(), 1);
    assert!(posts.next.is_some(), "paging goes on behind it");
}
