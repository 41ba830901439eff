//! The rule of visibility, said twice: in Rust and in SQL.

use sqlx::QueryBuilder;

use super::Node;
use crate::store::visibility::{POST, push_admits};
use crate::visibility::Standing;
use crate::{AccountId, PostId, SocialError, Visibility};

const VISIBILITIES: [Visibility; 4] =
    [Visibility::Public, Visibility::Unlisted, Visibility::Private, Visibility::Direct];

/// Whether the pushed-down rule admits the viewer.
async fn sql_admits(node: &Node, viewer: Option<AccountId>, post: PostId) -> bool {
    let mut query = QueryBuilder::new(
        "SELECT count(*) FROM social.post p JOIN social.account a ON a.id = p.author_id WHERE p.id = ",
    );
    query.push_bind(post.number()).push(" AND ");
    push_admits(&mut query, node.social.asker(viewer), POST);
    let count: i64 =
        query.build_query_scalar().fetch_one(node.social.spine().pool()).await.unwrap();
    count == 1
}

#[tokio::test]
async fn sql_and_rust_agree_on_every_combination() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    let mut checked = 0;
    for combination in 0_u8..64 {
        let bit = |place: u8| combination & (1 << place) != 0;
        let domain = format!("host{combination}.far.example");
        let author = node.account(&format!("author{combination}"), Some(&domain)).await;
        let (follows, mentioned, blocked) = (bit(0), bit(1), bit(2));
        let (suspended, deleted, host_blocked) = (bit(3), bit(4), bit(5));
        if follows {
            node.follow(viewer, author).await;
        }
        if blocked {
            node.block(author, viewer).await;
        }
        if suspended {
            node.run(
                "UPDATE social.account SET suspended_at = now() WHERE id = $1",
                &[author.number()],
            )
            .await;
        }
        if deleted {
            node.run(
                "UPDATE social.account SET deleted_at = now() WHERE id = $1",
                &[author.number()],
            )
            .await;
        }
        if host_blocked {
            sqlx::query(
                "INSERT INTO social.domain_block (id, domain, created_at) VALUES ($1, $2, now())",
            )
            .bind(node.number())
            .bind(&domain)
            .execute(node.social.spine().pool())
            .await
            .unwrap();
        }
        let standing = Standing {
            is_author: false,
            follows_author: follows,
            is_mentioned: mentioned,
            blocked_by_author: blocked,
            author_is_gone: suspended || deleted || host_blocked,
        };
        let stranger = Standing { author_is_gone: standing.author_is_gone, ..Standing::default() };
        let own = Standing { is_author: true, ..standing };
        for visibility in VISIBILITIES {
            let post = node.post(author, visibility).await;
            if mentioned {
                node.mention(post, viewer).await;
            }
            for (asker, standing) in
                [(Some(viewer), standing), (None, stranger), (Some(author), own)]
            {
                let expected = visibility.admits(standing);
                assert_eq!(
                    sql_admits(&node, asker, post).await,
                    expected,
                    "SQL: {visibility:?} {standing:?}"
                );
                // A deleted author's own post has no author to show.
                let shown = expected && !deleted;
                let read = node.social.status(asker, post).await;
                assert_eq!(read.is_ok(), shown, "reading: {visibility:?} {standing:?}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 64 * 4 * 3);
}

#[tokio::test]
async fn a_blocked_domain_covers_its_subdomains_and_nothing_else() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    node.run(
        "INSERT INTO social.domain_block (id, domain, created_at) VALUES ($1, 'bad.example', now())",
        &[node.number()],
    )
    .await;
    for (domain, admitted) in [
        ("bad.example", false),
        ("sub.bad.example", false),
        ("notbad.example", true),
        ("bad.example.org", true),
    ] {
        let author = node.account("a", Some(domain)).await;
        let post = node.post(author, Visibility::Public).await;
        assert_eq!(sql_admits(&node, Some(viewer), post).await, admitted, "{domain}");
        assert_eq!(node.social.status(Some(viewer), post).await.is_ok(), admitted, "{domain}");
    }
}

#[tokio::test]
async fn a_boost_shows_nothing_that_its_viewer_may_not_see() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    let booster = node.account("booster", None).await;
    let author = node.account("author", None).await;
    let private = node.post(author, Visibility::Private).await;
    let boost = node.boost(booster, private).await;
    node.put_home(viewer, boost).await;
    assert!(matches!(node.social.status(Some(viewer), boost).await, Err(SocialError::NotFound)));
    assert_eq!(node.social.home(viewer, &Default::default()).await.unwrap().items.len(), 0);
    node.follow(viewer, author).await;
    let home = node.social.home(viewer, &Default::default()).await.unwrap().items;
    assert_eq!(home[0].reblog.as_ref().unwrap().id(), private);
}

#[tokio::test]
async fn mutes_blocks_and_domain_blocks_empty_timelines_and_notifications() {
    let node = Node::start().await;
    let viewer = node.account("viewer", None).await;
    for (index, statement) in [
        "INSERT INTO social.block (id, account_id, target_id, uri, created_at)
         VALUES ($1, $2, $3, '', now())",
        "INSERT INTO social.mute (id, account_id, target_id, created_at)
         VALUES ($1, $2, $3, now())",
        "INSERT INTO social.domain_block (id, account_id, domain, created_at)
         SELECT $1, $2, domain, now() FROM social.account WHERE id = $3",
    ]
    .into_iter()
    .enumerate()
    {
        let author = node.account("a", Some(&format!("host{index}.example"))).await;
        let friend = node.account(&format!("friend{index}"), None).await;
        let post = node.post(author, Visibility::Public).await;
        let boost = node.boost(friend, post).await;
        node.put_home(viewer, post).await;
        node.put_home(viewer, boost).await;
        node.notify(viewer, author, post).await;
        let lengths = async || {
            let social = &node.social;
            let home = social.home(viewer, &Default::default()).await.unwrap().items.len();
            let public = social
                .public(Some(viewer), &Default::default(), &Default::default())
                .await
                .unwrap()
                .items
                .len();
            let notifications = social
                .notifications(viewer, &Default::default(), &Default::default())
                .await
                .unwrap()
                .items
                .len();
            (home, public, notifications)
        };
        assert_eq!(lengths().await, (2, 1, 1));
        node.run(statement, &[node.number(), viewer.number(), author.number()]).await;
        assert_eq!(lengths().await, (0, 0, 0), "{statement}");
        // A link to the post still works.
        assert!(node.social.status(Some(viewer), post).await.is_ok());
    }
}
