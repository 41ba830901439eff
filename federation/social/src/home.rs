//! For tests: a whole node of ours on a fresh database, and people who live there.

#![cfg(test)]

use std::sync::LazyLock;

use activitypub::keys::{Ed25519SigningKey, RsaSigningKey};
use spine::http::{GuardedClient, HttpPolicy, PlainHttp};
use spine::ledger::{self, Query};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Roles, Running, Runtime};
use url::Url;

use crate::service::MIGRATIONS;
use crate::store::write_local_accounts::{self, NewLocal};
use crate::{AccountId, Social, SocialSettings};

/// Where it says that it is; nothing listens there.
pub(crate) const HERE: &str = "http://127.0.0.1:9";

/// Making RSA keys takes a while: all local accounts of all tests share one.
static RSA: LazyLock<RsaSigningKey> = LazyLock::new(|| RsaSigningKey::generate().unwrap());
static ED25519: LazyLock<Ed25519SigningKey> =
    LazyLock::new(|| Ed25519SigningKey::generate().unwrap());

/// A node that may ask servers on loopback, with its workers.
pub(crate) struct Home {
    pub(crate) social: Social,
    pub(crate) running: Running,
    pub(crate) test: TestSpine,
}

impl Home {
    pub(crate) async fn start(clock: Clock) -> Self {
        let test = TestSpine::start_with(&[("social", &MIGRATIONS)], clock, None).await.unwrap();
        let mut policy = HttpPolicy::new("test/1.0");
        policy.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
        policy.allow_plain_http = PlainHttp::AllowedNetworksOnly;
        let settings = SocialSettings {
            origin: Url::parse(HERE).unwrap(),
            title: "Home".to_owned(),
            description: String::new(),
            contact_email: "admin@home.example".to_owned(),
            source_url: None,
            media_folder: std::env::temp_dir().join("sovereign-social-tests"),
            max_post_characters: 500,
            max_media_attachments: 4,
            max_image_bytes: 1 << 24,
            max_video_bytes: 1 << 24,
            registrations_open: false,
            approval_required: false,
        };
        let client = GuardedClient::new(policy).unwrap();
        let social = Social::open(test.spine.clone(), settings, client).await.unwrap();
        let runtime = crate::service::register(Runtime::new(test.spine.clone()), &social);
        let running = runtime.start(Roles::ALL).await.unwrap();
        Self { social, running, test }
    }

    /// What can still be read of the events of a type.
    pub(crate) async fn readable(&self, kind: &str) -> Vec<String> {
        let query = Query { kind: Some(kind.to_owned()), ..Query::default() };
        let events = ledger::list(self.social.spine(), &query, 1_000).await.unwrap();
        events
            .iter()
            .filter_map(|recorded| Some(recorded.event.data.as_ref()?.get().to_owned()))
            .collect()
    }

    /// One of our accounts.
    pub(crate) async fn add_account(&self, name: &str, locked: bool) -> AccountId {
        let spine = self.social.spine();
        let id = spine.snowflakes().next().0;
        let uri = format!("{HERE}/users/{name}");
        let seal = |key: Vec<u8>| spine.seal_secret(&key).unwrap();
        let new = NewLocal {
            id,
            uri: &uri,
            url: &format!("{HERE}/@{name}"),
            username: name,
            kind: "Person",
            display_name: name,
            locked,
            inbox_url: &format!("{uri}/inbox"),
            shared_inbox_url: &format!("{HERE}/inbox"),
            outbox_url: &format!("{uri}/outbox"),
            followers_url: &format!("{uri}/followers"),
            following_url: &format!("{uri}/following"),
            featured_url: &format!("{uri}/collections/featured"),
            created_at: spine.clock().now(),
            rsa_key_sealed: &seal(RSA.to_pkcs8_der().unwrap()),
            rsa_public_pem: &RSA.public_key_pem(),
            ed25519_key_sealed: &seal(ED25519.to_pkcs8_der().unwrap()),
            ed25519_multibase: &ED25519.public_multibase(),
        };
        let mut tx = spine.begin(Cause::system()).await.unwrap();
        assert!(write_local_accounts::insert_local(tx.conn(), &new).await.unwrap());
        tx.commit().await.unwrap();
        AccountId::from_number(id)
    }
}
