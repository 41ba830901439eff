//! The database or NATS goes away and comes back.

use std::time::{Duration, Instant};

use spine::testing::{TestSpine, database_server, nats_server};
use spine::{Cause, Clock, Spine};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::support::*;

/// A way to a server that can be cut.
struct Way {
    address: String,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(server: &str) -> Self {
        let url = Url::parse(server).unwrap();
        let target =
            format!("{}:{}", url.host_str().unwrap(), url.port().expect("a port in the address"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut own = url.clone();
        own.set_host(Some("127.0.0.1")).unwrap();
        own.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let open = watch::Sender::new(true);
        let state = open.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), state.subscribe());
                tokio::spawn(async move {
                    if !*state.borrow_and_update() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { address: own.to_string(), open }
    }

    fn cut(&self) {
        self.open.send_replace(false);
    }

    fn mend(&self) {
        self.open.send_replace(true);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_is_away_events_are_accepted_and_handled_when_it_is_back() {
    let way = Way::to(&nats_server()).await;
    let test =
        TestSpine::start_with(&[], Clock::system(), Some(way.address.clone())).await.unwrap();
    let spine = &test.spine;
    sqlx::raw_sql(
        "CREATE TABLE effect (place bigint GENERATED ALWAYS AS IDENTITY, consumer text,
                              number bigint, text text)",
    )
    .execute(spine.pool())
    .await
    .unwrap();
    let running = Running::start(spine, vec![Recorder::new("test.patient")]).await;
    for number in 0..5 {
        write_note(spine, number).await;
    }
    until_seen(spine, "test.patient", 5).await;
    until("all is well", || async { spine.health().await.is_ok() }).await;
    way.cut();
    until("its absence is noticed", || async { spine.health().await.is_err() }).await;
    let begun = Instant::now();
    for number in 5..25 {
        write_note(spine, number).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for NATS");
    assert_eq!(effects(spine, "test.patient").await.len(), 5);
    way.mend();
    until_seen(spine, "test.patient", 25).await;
    assert_eq!(effects(spine, "test.patient").await, (0..25).collect::<Vec<i64>>());
    until("all is well again", || async { spine.health().await.is_ok() }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_without_nats_and_finds_it_later() {
    let way = Way::to(&nats_server()).await;
    way.cut();
    let test =
        TestSpine::start_with(&[], Clock::system(), Some(way.address.clone())).await.unwrap();
    write_note(&test.spine, 1).await;
    assert!(test.spine.health().await.is_err());
    way.mend();
    until("NATS is found", || async { test.spine.health().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_database_is_an_error_within_seconds_and_comes_back() {
    let way = Way::to(&database_server()).await;
    let test = Adapter::Embedded.node().await;
    let mut settings = test.settings.clone();
    let mut url = Url::parse(&settings.database_url).unwrap();
    let near = Url::parse(&way.address).unwrap();
    url.set_host(near.host_str()).unwrap();
    url.set_port(near.port()).unwrap();
    settings.database_url = url.to_string();
    let spine = Spine::connect(settings, test.clock.clone()).await.unwrap();
    let running = Running::start(&spine, vec![Recorder::new("test.survivor")]).await;
    write_note(&spine, 0).await;
    until_seen(&test.spine, "test.survivor", 1).await;

    way.cut();
    let begun = Instant::now();
    let mut failed = false;
    for _ in 0..3 {
        let outcome = match spine.begin(Cause::system()).await {
            Ok(mut tx) => {
                tx.record(&note(99)).unwrap();
                tx.commit().await
            }
            Err(error) => Err(error),
        };
        let error = outcome.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        failed = true;
    }
    assert!(failed && begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(spine.health().await.unwrap_err().is_unavailable());
    way.mend();
    write_note(&test.spine, 1).await;
    until("it writes again", || async {
        match spine.begin(Cause::system()).await {
            Ok(mut tx) => {
                tx.record(&note(2)).unwrap();
                tx.commit().await.is_ok()
            }
            Err(_) => false,
        }
    })
    .await;
    until_seen(&test.spine, "test.survivor", 3).await;
    let seen = effects(&test.spine, "test.survivor").await;
    assert_eq!(seen[..3], [0, 1, 2]);
    running.stop().await;
}
