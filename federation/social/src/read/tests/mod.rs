//! Readings against a real database. Rows are written by hand, so that these tests hold the reading
//! side alone.

mod cached;
mod counted;
mod entities;
mod found;
mod paging;
mod streams;
mod visible;

use chrono::{DateTime, Utc};
use spine::http::{GuardedClient, HttpPolicy};
use spine::testing::TestSpine;
use spine::{Clock, Snowflake};
use tempfile::TempDir;

use crate::service::MIGRATIONS;
use crate::{AccountId, PostId, Social, SocialSettings, Visibility};

/// A node on a database of its own, at a fixed time.
pub(crate) struct Node {
    pub social: Social,
    pub clock: Clock,
    pub folder: TempDir,
    next: std::cell::Cell<i64>,
    _spine: TestSpine,
}

/// 2026-11-22, when all of this happens.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_345_537, 0).unwrap()
}

impl Node {
    pub async fn start() -> Self {
        let clock = Clock::manual(now());
        let schemas = [("social", &MIGRATIONS)];
        let spine = TestSpine::start_with(&schemas, clock.clone(), None).await.unwrap();
        let folder = TempDir::new().unwrap();
        let settings = SocialSettings {
            origin: "https://here.example".parse().unwrap(),
            title: "Here".into(),
            description: "A home".into(),
            contact_email: "admin@here.example".into(),
            source_url: None,
            media_folder: folder.path().join("media"),
            max_post_characters: 5_000,
            max_media_attachments: 4,
            max_image_bytes: 16 << 20,
            max_video_bytes: 99 << 20,
            registrations_open: false,
            approval_required: true,
        };
        let client = GuardedClient::new(HttpPolicy::new("test")).unwrap();
        let social = Social::open(spine.spine.clone(), settings, client).await.unwrap();
        // Before everything that the service itself numbers.
        let start = Snowflake::lower_bound(now() - chrono::Duration::hours(1));
        let next = std::cell::Cell::new(start.0);
        Self { social, clock, folder, next, _spine: spine }
    }

    /// A number greater than those before.
    pub fn number(&self) -> i64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    pub async fn run(&self, statement: &'static str, numbers: &[i64]) {
        let mut query = sqlx::query(statement);
        for number in numbers {
            query = query.bind(number);
        }
        query.execute(self.social.spine().pool()).await.unwrap();
    }

    /// An account; with a domain, a remote one.
    pub async fn account(&self, username: &str, domain: Option<&str>) -> AccountId {
        let id = self.number();
        let origin = domain.unwrap_or("here.example");
        sqlx::query(
            "INSERT INTO social.account (id, uri, url, username, domain, display_name, created_at)
             VALUES ($1, $2, $2, $3, $4, $3, $5)",
        )
        .bind(id)
        .bind(format!("https://{origin}/users/{username}"))
        .bind(username)
        .bind(domain)
        .bind(now())
        .execute(self.social.spine().pool())
        .await
        .unwrap();
        if domain.is_none() {
            self.run(
                "INSERT INTO social.local_account (account_id, rsa_key_sealed, rsa_public_pem,
                                                   ed25519_key_sealed, ed25519_multibase)
                 VALUES ($1, '', '', '', '')",
                &[id],
            )
            .await;
        }
        AccountId::from_number(id)
    }

    /// A post.
    pub async fn post(&self, author: AccountId, visibility: Visibility) -> PostId {
        self.write(author, visibility, None, None, "hello").await
    }

    /// A boost.
    pub async fn boost(&self, author: AccountId, of: PostId) -> PostId {
        self.write(author, Visibility::Public, Some(of), None, "").await
    }

    pub async fn write(
        &self,
        author: AccountId,
        visibility: Visibility,
        boost_of: Option<PostId>,
        reply_to: Option<PostId>,
        text: &str,
    ) -> PostId {
        let id = self.number();
        sqlx::query(
            "INSERT INTO social.post (id, uri, url, author_id, local, boost_of_id, in_reply_to_id,
                                      in_reply_to_account_id, conversation_id, visibility,
                                      content_html, content_text, created_at, received_at)
             SELECT $1, $2, $2, $3, a.domain IS NULL, $4, $5, parent.author_id,
                    coalesce(parent.conversation_id, $1), $6, '<p>' || $7 || '</p>', $7, $8, $8
               FROM social.account a LEFT JOIN social.post parent ON parent.id = $5
              WHERE a.id = $3",
        )
        .bind(id)
        .bind(format!("https://here.example/posts/{id}"))
        .bind(author.number())
        .bind(boost_of.map(PostId::number))
        .bind(reply_to.map(PostId::number))
        .bind(visibility as i16)
        .bind(text)
        .bind(now())
        .execute(self.social.spine().pool())
        .await
        .unwrap();
        PostId::from_number(id)
    }

    pub async fn put_home(&self, viewer: AccountId, post: PostId) {
        self.run(
            "INSERT INTO social.home_entry (account_id, post_id, author_id, boost_of_id)
             SELECT $1, id, author_id, boost_of_id FROM social.post WHERE id = $2",
            &[viewer.number(), post.number()],
        )
        .await;
    }

    pub async fn mention(&self, post: PostId, account: AccountId) {
        self.run(
            "INSERT INTO social.post_mention (post_id, account_id) VALUES ($1, $2)",
            &[post.number(), account.number()],
        )
        .await;
    }

    pub async fn tag(&self, post: PostId, name: &str) {
        sqlx::query("INSERT INTO social.post_tag (post_id, name) VALUES ($1, $2)")
            .bind(post.number())
            .bind(name)
            .execute(self.social.spine().pool())
            .await
            .unwrap();
    }

    pub async fn follow(&self, follower: AccountId, target: AccountId) {
        self.run(
            "INSERT INTO social.follow (id, follower_id, target_id, accepted, uri, created_at)
             VALUES ($1, $2, $3, true, '', now())",
            &[self.number(), follower.number(), target.number()],
        )
        .await;
    }

    pub async fn block(&self, account: AccountId, target: AccountId) {
        self.run(
            "INSERT INTO social.block (id, account_id, target_id, uri, created_at)
             VALUES ($1, $2, $3, '', now())",
            &[self.number(), account.number(), target.number()],
        )
        .await;
    }

    pub async fn favourite(&self, account: AccountId, post: PostId) {
        self.run(
            "INSERT INTO social.favourite (id, account_id, post_id, uri, created_at)
             VALUES ($1, $2, $3, '', now())",
            &[self.number(), account.number(), post.number()],
        )
        .await;
        self.run(
            "UPDATE social.post SET favourites_count = favourites_count + 1 WHERE id = $1",
            &[post.number()],
        )
        .await;
    }

    /// A notification of a mention.
    pub async fn notify(&self, account: AccountId, from: AccountId, post: PostId) -> i64 {
        let id = self.number();
        self.run(
            "INSERT INTO social.notification (id, account_id, kind, from_id, post_id, created_at)
             VALUES ($1, $2, 'mention', $3, $4, now())",
            &[id, account.number(), from.number(), post.number()],
        )
        .await;
        id
    }

    /// A poll with two options that ends after this many minutes.
    pub async fn poll(&self, post: PostId, minutes: i64) -> i64 {
        let id = self.number();
        sqlx::query(
            "INSERT INTO social.poll (id, post_id, multiple, ends_at, voters_count)
             VALUES ($1, $2, false, $3, 1)",
        )
        .bind(id)
        .bind(post.number())
        .bind(now() + chrono::Duration::minutes(minutes))
        .execute(self.social.spine().pool())
        .await
        .unwrap();
        self.run(
            "INSERT INTO social.poll_option (poll_id, position, title, votes_count)
             VALUES ($1, 0, 'yes', 1), ($1, 1, 'no', 0)",
            &[id],
        )
        .await;
        id
    }
}
