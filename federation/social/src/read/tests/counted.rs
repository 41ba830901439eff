//! How many statements a reading needs: the same for one row as for forty.

use std::cell::Cell;
use std::sync::LazyLock;

use tracing::callsite::rebuild_interest_cache;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Metadata, Subscriber};

use super::Node;
use crate::read::Page;
use crate::{PostId, Visibility};

tokio::task_local! {
    /// Statements of the reading that is counted. Other tests, and what the node does beside it on
    /// the same thread, have none.
    static COUNT: Cell<usize>;
}

/// Counts statements by the lines that the database driver writes about them.
struct Statements;

impl Subscriber for Statements {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Whether somebody counts is to be asked each time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && COUNT.try_with(|_| ()).is_ok()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        COUNT.with(|count| count.set(count.get() + 1));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// One listener for all threads: with one a test, whichever thread reached a line first would
/// decide for the whole process whether anybody listens to it.
static LISTENER: LazyLock<()> = LazyLock::new(|| set_global_default(Statements).unwrap());

/// How many statements a reading needs.
async fn counted<T>(reading: impl Future<Output = T>) -> (T, usize) {
    LazyLock::force(&LISTENER);
    // Lines that were reached while the listener was set may have missed it.
    rebuild_interest_cache();
    let counted = async {
        let read = reading.await;
        (read, COUNT.with(Cell::get))
    };
    COUNT.scope(Cell::new(0), counted).await
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
    let mut counts = Vec::new();
    for limit in [1, 40] {
        for warm in [false, true] {
            if !warm {
                node.social.forget_cached();
            }
            let (home, count) = counted(node.social.home(viewer, &Page::first(limit))).await;
            assert_eq!(home.unwrap().items.len(), limit as usize);
            counts.push(count);
        }
    }
    // Cold: page, standings, five for bodies, accounts, votes, filters. Warm: page, standings, votes.
    assert_eq!(counts, [10, 3, 10, 3]);

    let key = Page::default();
    node.social.home_json(viewer, &key).await.unwrap();
    let (kept, count) = counted(node.social.home_json(viewer, &key)).await;
    kept.unwrap();
    assert_eq!(count, 0, "a kept page needs no statement");
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
