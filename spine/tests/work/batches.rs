//! Batch jobs: many items in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::testing::TestSpine;
use spine::work::admin::State;
use spine::{BatchJob, Cause, Claimed, JobError, Lane, Roles, Running, Runtime, Spine, Tx};

use super::support::{Stage, WORKERS, because, effects, jobs, make_effect_table, settings};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Write {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Good,
    /// Says itself that it gives up.
    Refused,
    /// Fails the whole batch.
    Poison,
    /// Panics.
    Bomb,
    /// Meets a full disk.
    DiskFull,
}

#[async_trait]
impl BatchJob for Write {
    type Context = Arc<Stage>;
    const KIND: &'static str = "test.write";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 1;
    const BATCH: usize = 20;

    async fn run(
        stage: &Arc<Stage>,
        items: &[Claimed<Self>],
        tx: &mut Tx,
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        stage.note(format!("batch of {}", items.len()));
        let mut outcomes = Vec::new();
        for item in items {
            match item.job.kind {
                Kind::Good => {
                    sqlx::query("INSERT INTO effect (name) VALUES ($1)")
                        .bind(&item.job.name)
                        .execute(tx.conn())
                        .await?;
                    outcomes.push(Ok(()));
                }
                Kind::Refused => outcomes.push(Err(JobError::give_up("refused"))),
                Kind::Poison => return Err(JobError::retry("poison")),
                Kind::Bomb => panic!("bomb"),
                Kind::DiskFull => {
                    sqlx::query("SELECT fail('53100')").execute(tx.conn()).await?;
                    sqlx::query("INSERT INTO effect (name) VALUES ($1)")
                        .bind(&item.job.name)
                        .execute(tx.conn())
                        .await?;
                    outcomes.push(Ok(()));
                }
            }
        }
        Ok(outcomes)
    }
}

pub async fn start(spine: &Spine, stage: &Arc<Stage>) -> Running {
    let roles = Roles { relay: false, ..WORKERS };
    Runtime::new(spine.clone())
        .work_settings(settings())
        .batch_job::<Write>(Arc::new(Arc::clone(stage)))
        .start(roles)
        .await
        .unwrap()
}

pub async fn write(spine: &Spine, kinds: &[Kind]) {
    let mut tx = spine.begin(Cause::system()).await.unwrap();
    for (number, kind) in kinds.iter().enumerate() {
        let item = Write { name: format!("{number:02}"), kind: *kind };
        tx.schedule_item(&item, because()).unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn items_are_done_many_at_a_time_in_the_order_they_came() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_effect_table(&test.spine).await;
    let stage = Stage::closed();
    write(&test.spine, &[Kind::Good; 45]).await;
    let running = start(&test.spine, &stage).await;
    running.settle().await;
    assert_eq!(effects(&test.spine).await.len(), 45);
    assert!(stage.log().contains(&"batch of 20".to_owned()), "{:?}", stage.log());
    assert!(jobs(&test.spine).await.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_poisonous_item_fails_only_itself() {
    for poison in [Kind::Poison, Kind::Bomb] {
        let test = TestSpine::start(&[]).await.unwrap();
        make_effect_table(&test.spine).await;
        let stage = Stage::closed();
        let mut kinds = [Kind::Good; 10];
        kinds[4] = poison;
        write(&test.spine, &kinds).await;
        let running = start(&test.spine, &stage).await;
        running.settle().await;
        let names = effects(&test.spine).await;
        assert_eq!(names, ["00", "01", "02", "03", "05", "06", "07", "08", "09"]);
        let left = jobs(&test.spine).await;
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].state, left[0].failures), (State::Dead, 1));
        running.stop().await;
    }
}

#[tokio::test]
async fn an_item_that_refuses_leaves_the_others_done() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_effect_table(&test.spine).await;
    let stage = Stage::closed();
    write(&test.spine, &[Kind::Good, Kind::Refused, Kind::Good]).await;
    let running = start(&test.spine, &stage).await;
    running.settle().await;
    assert_eq!(effects(&test.spine).await, ["00", "02"]);
    assert_eq!(stage.log(), ["batch of 3"]);
    let left = jobs(&test.spine).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].last_error.as_deref(), Some("refused"));
    running.stop().await;
}
