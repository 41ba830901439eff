//! A node with the search service, for each adapter.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{Permitted, SpaceId};
use contracts::events::data::{
    EntitiesMerged, EntityChanged, EntityCreated, EntityDeleted, EntityVersion, MergeUndone,
};
use search::{Found, MeilisearchSettings, Question, Search, SearchSettings, TextQuery};
use serde_json::{Map, Value};
use spine::testing::TestSpine;
use spine::{Cause, Clock, EventData, Roles, Running, Runtime, Snowflake, Spine};
use uuid::Uuid;

use crate::meilisearch_server::MeilisearchServer;

pub(crate) const ANNA: Snowflake = Snowflake(1_001);
pub(crate) const BEN: Snowflake = Snowflake(1_002);

pub(crate) struct Stage {
    pub(crate) test: TestSpine,
    pub(crate) search: Search,
    pub(crate) running: Running,
    pub(crate) server: Option<MeilisearchServer>,
    pub(crate) settings: SearchSettings,
}

impl Stage {
    pub(crate) async fn postgres() -> Self {
        Self::start(SearchSettings::default(), None).await
    }

    pub(crate) async fn spoken() -> Self {
        let server = MeilisearchServer::start().await;
        let settings = SearchSettings { meilisearch: Some(server.settings()) };
        Self::start(settings, Some(server)).await
    }

    /// Another node with the same settings.
    pub(crate) async fn beside(&self) -> Self {
        Self::start(self.settings.clone(), None).await
    }

    /// On a real Meilisearch, where one is named.
    pub(crate) async fn real() -> Option<Self> {
        let url = std::env::var("SOVEREIGN_TEST_MEILISEARCH_URL").ok()?;
        let meilisearch = MeilisearchSettings {
            url: url.parse().unwrap(),
            key: std::env::var("SOVEREIGN_TEST_MEILISEARCH_KEY").ok(),
            prefix: format!("test-{}", Uuid::new_v4().simple()),
        };
        Some(Self::start(SearchSettings { meilisearch: Some(meilisearch) }, None).await)
    }

    async fn start(settings: SearchSettings, server: Option<MeilisearchServer>) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let schemas = [("search", &search::MIGRATIONS)];
        let test = TestSpine::start_with(&schemas, clock, None).await.unwrap();
        let search = Search::open(test.spine.clone(), settings.clone()).await.unwrap();
        let running = run(&test.spine, &search).await;
        Self { test, search, running, server, settings }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.test.spine.clock().now()
    }

    /// Waits until all is done, moving the clock over pauses, at most an hour.
    pub(crate) async fn settle_in_time(&self) {
        for _ in 0..60 {
            self.running.settle().await;
            self.test.clock.advance(TimeDelta::minutes(1));
        }
        self.running.settle().await;
    }

    pub(crate) async fn record(&self, events: &[impl EventData]) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        for event in events {
            tx.record(event).unwrap();
        }
        tx.commit().await.unwrap();
    }

    pub(crate) async fn create(&self, entity: &EntityVersion) {
        self.record(&[EntityCreated { now: entity.clone() }]).await;
    }

    pub(crate) async fn change(&self, entity: &EntityVersion) {
        self.record(&[EntityChanged { now: entity.clone(), changed: Vec::new() }]).await;
    }

    pub(crate) async fn delete(&self, entity: &EntityVersion) {
        self.record(&[EntityDeleted {
            entity: entity.entity,
            version: entity.version,
            r#type: entity.r#type.clone(),
            space: entity.space.clone(),
        }])
        .await;
    }

    pub(crate) async fn merge(&self, kept: Uuid, absorbed: Uuid) {
        self.record(&[EntitiesMerged { merge: Uuid::nil(), kept, absorbed }]).await;
    }

    pub(crate) async fn undo(&self, kept: Uuid, restored: Uuid) {
        self.record(&[MergeUndone { merge: Uuid::nil(), kept, restored }]).await;
    }

    pub(crate) async fn erase(&self, entity: Uuid) {
        let mut tx = self.test.spine.begin(Cause::system()).await.unwrap();
        Spine::erase(&mut tx, &format!("entity:{entity}")).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn ask(&self, question: Question, permitted: &Permitted) -> Found {
        self.search.search(&question, permitted).await.unwrap()
    }

    /// The titles that a text finds for somebody who may see all.
    pub(crate) async fn titles(&self, text: &str) -> Vec<String> {
        titles(&self.ask(question(text), &everything()).await)
    }
}

pub(crate) async fn run(spine: &Spine, search: &Search) -> Running {
    let runtime = search::register(Runtime::new(spine.clone()), search);
    runtime.start(Roles::ALL).await.unwrap()
}

pub(crate) fn question(text: &str) -> Question {
    Question { text: TextQuery::parse(text), limit: 50, ..Question::default() }
}

pub(crate) fn titles(found: &Found) -> Vec<String> {
    found.hits.iter().map(|hit| hit.document.title.clone()).collect()
}

pub(crate) fn everything() -> Permitted {
    Permitted {
        whole: vec![
            SpaceId::household(),
            SpaceId::public(),
            SpaceId::of_person(ANNA),
            SpaceId::of_person(BEN),
        ],
        ..Permitted::default()
    }
}

/// An entity of the household, recorded some minutes ago.
pub(crate) fn entity(minutes: i64, r#type: &str, data: Value) -> EntityVersion {
    let recorded_at =
        DateTime::from_timestamp(1_790_000_000, 0).unwrap() - TimeDelta::minutes(minutes);
    let Value::Object(data): Value = data else {
        return entity(minutes, r#type, Map::new().into());
    };
    EntityVersion {
        entity: Uuid::now_v7(),
        version: 1,
        r#type: r#type.to_owned(),
        space: SpaceId::household(),
        data,
        labels: Vec::new(),
        aliases: Vec::new(),
        keys: Vec::new(),
        valid_from: None,
        valid_to: None,
        recorded_at,
    }
}

/// Its next version.
pub(crate) fn next(entity: &EntityVersion, data: Value) -> EntityVersion {
    let mut next = entity.clone();
    next.version += 1;
    next.data = data.as_object().cloned().unwrap();
    next
}
