//! The floor: a plain table with a unique event id and a partial index, and plain statements.

use spine::testing::TestSpine;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use std::str::FromStr;
use uuid::Uuid;

use crate::Outcome;

/// A payload of the size that jobs have.
pub const PAYLOAD: &str = r#"{"account":"01890a5d-ac96-774b-bcce-b302099a8057","number":123456}"#;

/// The bare table in the bench's database.
pub struct Bare {
    /// Connections that wait for the disk at every commit.
    pub durable: PgPool,
    /// Connections whose commits may be lost in a crash, for claims and completions.
    pub relaxed: PgPool,
}

impl Bare {
    pub async fn create(test: &TestSpine, connections: u32) -> Outcome<Self> {
        let options = PgConnectOptions::from_str(&test.settings.database_url)?;
        let pool = |options| {
            PgPoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false)
                .connect_with(options)
        };
        let durable = pool(options.clone()).await?;
        let relaxed = pool(options.options([("synchronous_commit", "off")])).await?;
        sqlx::raw_sql(
            "CREATE SCHEMA bare;
             CREATE TABLE bare.job (
                 id uuid PRIMARY KEY,
                 event_id uuid NOT NULL UNIQUE,
                 kind text NOT NULL,
                 lane smallint NOT NULL,
                 priority smallint NOT NULL,
                 state smallint NOT NULL,
                 attempt integer NOT NULL DEFAULT 0,
                 run_at timestamptz NOT NULL,
                 lease_until timestamptz,
                 payload text NOT NULL
             ) WITH (fillfactor = 70);
             CREATE INDEX ready ON bare.job (lane, priority DESC, run_at, id) WHERE state = 0;",
        )
        .execute(&durable)
        .await?;
        Ok(Self { durable, relaxed })
    }

    /// One job, on disk when this returns.
    pub async fn insert(&self) -> Outcome {
        insert(&mut *self.durable.acquire().await?).await
    }

    /// The same with a transaction around it, as any service that also changes rows has.
    pub async fn insert_in_transaction(&self) -> Outcome {
        let mut transaction = self.durable.begin().await?;
        insert(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Many jobs in one statement, on disk when this returns.
    pub async fn insert_many(&self, count: usize) -> Outcome {
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
        let events: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
        let payloads = vec![PAYLOAD; count];
        sqlx::query(
            "INSERT INTO bare.job (id, event_id, kind, lane, priority, state, run_at, payload)
             SELECT id, event_id, 'bench.noop', 2, 0, 0, now(), payload
               FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS n (id, event_id, payload)
                 ON CONFLICT (event_id) DO NOTHING",
        )
        .bind(ids)
        .bind(events)
        .bind(payloads)
        .execute(&self.durable)
        .await?;
        Ok(())
    }

    /// Claims up to `count` jobs.
    pub async fn claim(&self, count: usize) -> Outcome<Vec<(Uuid, String)>> {
        let jobs = sqlx::query_as(
            "UPDATE bare.job
                SET state = 1, attempt = attempt + 1, lease_until = now() + interval '1 minute'
              WHERE id IN (SELECT id FROM bare.job
                            WHERE lane = 2 AND state = 0 AND run_at <= now()
                            ORDER BY priority DESC, run_at, id
                            LIMIT $1
                              FOR UPDATE SKIP LOCKED)
             RETURNING id, payload",
        )
        .bind(i64::try_from(count)?)
        .fetch_all(&self.relaxed)
        .await?;
        Ok(jobs)
    }

    /// Completes these jobs; the commit may be lost in a crash.
    pub async fn complete(&self, jobs: &[(Uuid, String)]) -> Outcome {
        complete(&mut *self.relaxed.acquire().await?, jobs).await
    }

    /// Completes these jobs in a transaction that waits for the disk, as one with effects must.
    pub async fn complete_with_effects(&self, jobs: &[(Uuid, String)]) -> Outcome {
        let mut connection = self.durable.acquire().await?;
        let mut transaction = connection.begin().await?;
        complete(&mut transaction, jobs).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets all jobs.
    pub async fn clear(&self) -> Outcome {
        sqlx::raw_sql("TRUNCATE bare.job").execute(&self.durable).await?;
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection) -> Outcome {
    sqlx::query(
        "INSERT INTO bare.job (id, event_id, kind, lane, priority, state, run_at, payload)
         VALUES ($1, $2, 'bench.noop', 2, 0, 0, now(), $3)
             ON CONFLICT (event_id) DO NOTHING",
    )
    .bind(Uuid::now_v7())
    .bind(Uuid::now_v7())
    .bind(PAYLOAD)
    .execute(connection)
    .await?;
    Ok(())
}

async fn complete(connection: &mut PgConnection, jobs: &[(Uuid, String)]) -> Outcome {
    let ids: Vec<Uuid> = jobs.iter().map(|(id, _)| *id).collect();
    sqlx::query("UPDATE bare.job SET state = 2, lease_until = NULL WHERE id = ANY ($1)")
        .bind(ids)
        .execute(connection)
        .await?;
    Ok(())
}
