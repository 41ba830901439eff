//! Heavy payloads: what is in memory is bounded by bytes.

use std::sync::Arc;

use spine::testing::TestSpine;
use spine::work::admin::State;
use spine::{Cause, Roles, Runtime};

use super::batches::{Kind, Write};
use super::support::{
    Script, Stage, WORKERS, act, because, effects, jobs, make_effect_table, settings, start, until,
};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn heavy_jobs_are_enqueued_and_claimed_in_portions_and_all_get_done() {
    let test = TestSpine::start(&[]).await.unwrap();
    let stage = Stage::closed();
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for part in 0..40 {
        let name = format!("{part:02}{}", "x".repeat(MIB));
        tx.schedule_with(&act(&name, Script::Wait), because()).unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(jobs(&test.spine).await.len(), 40);

    let running = start(&test.spine, &stage).await;
    until("as many run as may", async || stage.log().len() >= 7).await;
    let claimed = jobs(&test.spine).await.iter().filter(|job| job.state == State::Running).count();
    // Eight MiB that run, and eight ahead with the one that fills them up.
    assert!(claimed <= 16, "{claimed}");
    stage.gate.add_permits(40);
    running.settle().await;
    assert!(jobs(&test.spine).await.is_empty());
    let first: Vec<_> = stage.log().iter().map(|name| name[..2].to_owned()).collect();
    assert_eq!(first.len(), 40);
    assert!(first[..7].contains(&"00".to_owned()), "in order: {first:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_batch_of_heavy_items_is_a_small_one() {
    let test = TestSpine::start(&[]).await.unwrap();
    make_effect_table(&test.spine).await;
    let stage = Stage::closed();
    let mut tx = test.spine.begin(Cause::system()).await.unwrap();
    for part in 0..10 {
        let name = format!("{part}{}", "x".repeat(MIB * 2 / 5));
        tx.schedule_item(&Write { name, kind: Kind::Good }, because()).unwrap();
    }
    tx.commit().await.unwrap();
    let running = Runtime::new(test.spine.clone())
        .work_settings(settings())
        .batch_job::<Write>(Arc::new(Arc::clone(&stage)))
        .start(Roles { relay: false, ..WORKERS })
        .await
        .unwrap();
    running.settle().await;
    assert_eq!(effects(&test.spine).await.len(), 10);
    let log = stage.log();
    assert!(log.iter().all(|batch| batch == "batch of 2" || batch == "batch of 1"), "{log:?}");
    running.stop().await;
}
