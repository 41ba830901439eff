//! Every list in every direction, without repeating or skipping.

use super::Node;
use crate::read::{AccountFilter, Cursor, Page, Paged, PublicFilter, TagFilter};
use crate::{AccountId, PostId, SocialError, Visibility};

const POSTS: usize = 500;

/// Walks a list down by `next` and up again by `prev`, and compares both with what it should hold,
/// newest first.
async fn walk<T, F>(expected: &[String], id: impl Fn(&T) -> String, fetch: F)
where
    F: AsyncFn(Page) -> Result<Paged<T>, SocialError>,
{
    for limit in [7, 20, 40] {
        let mut seen = Vec::new();
        let mut page = Page::first(limit);
        let mut newest = None;
        loop {
            let got = fetch(page).await.unwrap();
            assert!(!got.items.is_empty(), "a next page that is empty");
            newest = newest.or(got.prev);
            seen.extend(got.items.iter().map(&id));
            match got.next {
                Some(next) => page = Page { max_id: Some(next), ..Page::first(limit) },
                None => break,
            }
        }
        assert_eq!(seen, expected, "down by {limit}");

        // Up from the very beginning.
        let mut seen: Vec<String> = Vec::new();
        let mut from = Cursor::at(0);
        loop {
            let page = Page { min_id: Some(from), ..Page::first(limit) };
            let got = fetch(page).await.unwrap();
            assert!(got.prev.is_some(), "a client that asked from a place keeps one");
            let ids: Vec<String> = got.items.iter().map(&id).collect();
            if ids.is_empty() {
                assert_eq!(got.prev, newest, "the end is where the walk down began");
                break;
            }
            seen.splice(0..0, ids);
            from = got.prev.unwrap();
        }
        assert_eq!(seen, expected, "up by {limit}");
    }

    // The newest above a place, which is not the page next to it.
    let third = fetch(Page::first(3)).await.unwrap().next.unwrap();
    let page = Page { since_id: Some(third), ..Page::first(1) };
    let got = fetch(page).await.unwrap();
    assert_eq!(got.items.iter().map(&id).collect::<Vec<_>>(), expected[..1]);
    let page = Page { min_id: Some(third), ..Page::first(1) };
    let got = fetch(page).await.unwrap();
    assert_eq!(got.items.iter().map(&id).collect::<Vec<_>>(), expected[1..2]);
}

fn strings(ids: &[PostId]) -> Vec<String> {
    ids.iter().rev().map(ToString::to_string).collect()
}

#[tokio::test]
async fn timelines_page_in_all_directions_without_repeat_or_skip() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    let author = node.account("author", None).await;
    let blocked = node.account("blocked", Some("far.example")).await;
    node.block(viewer, blocked).await;
    let mut posts = Vec::new();
    for _ in 0..POSTS {
        posts.push(node.post(author, Visibility::Public).await);
    }
    // Between them lie posts that the viewer does not get: pages must be full all the same.
    let mut hidden = Vec::new();
    for _ in 0..30 {
        hidden.push(node.post(blocked, Visibility::Public).await);
        hidden.push(node.post(author, Visibility::Direct).await);
    }
    for _ in 0..5 {
        posts.push(node.post(author, Visibility::Public).await);
    }
    for post in posts.iter().chain(&hidden) {
        node.put_home(viewer, *post).await;
        node.tag(*post, "all").await;
    }
    let expected = strings(&posts);
    let social = &node.social;
    let id = |status: &crate::read::entities::Status| status.id().to_string();
    walk(&expected, id, async |page| social.home(viewer, &page).await).await;
    let filter = PublicFilter::default();
    walk(&expected, id, async |page| social.public(Some(viewer), &filter, &page).await).await;
    let filter = TagFilter::default();
    walk(&expected, id, async |page| social.tag(Some(viewer), "#All", &filter, &page).await).await;
    let any = TagFilter { any: vec!["other".into()], ..TagFilter::default() };
    walk(&expected, id, async |page| social.tag(Some(viewer), "all", &any, &page).await).await;
    let filter = AccountFilter::default();
    walk(&expected, id, async |page| {
        social.account_statuses(Some(viewer), author, &filter, &page).await
    })
    .await;
}

#[tokio::test]
async fn people_page_by_follow_and_marks_by_mark() {
    let node = Node::start().await;
    let star = node.account("star", None).await;
    let mut followers: Vec<AccountId> = Vec::new();
    for index in 0..120 {
        followers.push(node.account(&format!("fan{index}"), Some("far.example")).await);
    }
    // They follow in another order than they were made.
    followers.reverse();
    for follower in &followers {
        node.follow(*follower, star).await;
    }
    let expected: Vec<String> = followers.iter().rev().map(ToString::to_string).collect();
    let social = &node.social;
    walk(
        &expected,
        |account: &crate::read::entities::Shared<crate::read::entities::Account>| {
            account.id.to_string()
        },
        async |page| social.followers(None, star, &page).await,
    )
    .await;

    let mut posts = Vec::new();
    for _ in 0..90 {
        posts.push(node.post(star, Visibility::Public).await);
    }
    posts.reverse();
    for post in &posts {
        node.favourite(star, *post).await;
    }
    walk(
        &strings(&posts),
        |status: &crate::read::entities::Status| status.id().to_string(),
        async |page| social.favourites(star, &page).await,
    )
    .await;
}

#[tokio::test]
async fn notifications_page_in_all_directions() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let other = node.account("other", Some("far.example")).await;
    let mut expected = Vec::new();
    for _ in 0..100 {
        let post = node.post(other, Visibility::Public).await;
        expected.push(node.notify(me, other, post).await.to_string());
    }
    expected.reverse();
    let filter = crate::read::NotificationFilter::default();
    let social = &node.social;
    walk(
        &expected,
        |notification: &crate::read::entities::Notification| notification.id.to_string(),
        async |page| social.notifications(me, &filter, &page).await,
    )
    .await;
}
