//! The database or NATS goes away and comes back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use spine::testing::{TestSpine, database_server, nats_server};
use spine::{Cause, Clock, Event, HandlerError, Spine};
use sqlx::postgres::PgConnectOptions;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

use super::support::*;

/// Where a server listens.
#[derive(Clone)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

impl Place {
    fn of_database() -> Self {
        let options = PgConnectOptions::from_str(&database_server()).unwrap();
        match options.get_socket() {
            Some(folder) => Self::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Self::Tcp(format!("{}:{}", options.get_host(), options.get_port())),
        }
    }

    fn of_nats() -> Self {
        let url = Url::parse(&nats_server()).unwrap();
        Self::Tcp(format!("{}:{}", url.host_str().unwrap(), url.port().expect("a port")))
    }

    async fn join(self, near: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::Tcp(address) => {
                copy_bidirectional(near, &mut TcpStream::connect(address).await?).await?;
            }
            Self::Unix(path) => {
                copy_bidirectional(near, &mut UnixStream::connect(path).await?).await?;
            }
        }
        Ok(())
    }
}

/// A way to a server that can be cut.
struct Way {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(place: Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let state = open.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (place, mut state) = (place.clone(), state.subscribe());
                tokio::spawn(async move {
                    if !*state.borrow_and_update() {
                        return;
                    }
                    tokio::select! {
                        // Either end may leave as it likes.
                        _ = place.join(&mut near) => {}
                        _ = state.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    fn nats_url(&self) -> String {
        format!("nats://{}", self.address)
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
    let way = Way::to(Place::of_nats()).await;
    let test = TestSpine::start_with(&[], Clock::system(), Some(way.nats_url())).await.unwrap();
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
    let way = Way::to(Place::of_nats()).await;
    way.cut();
    let test = TestSpine::start_with(&[], Clock::system(), Some(way.nats_url())).await.unwrap();
    write_note(&test.spine, 1).await;
    assert!(test.spine.health().await.is_err());
    way.mend();
    until("NATS is found", || async { test.spine.health().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_database_is_an_error_within_seconds_and_comes_back() {
    let way = Way::to(Place::of_database()).await;
    let test = Adapter::Embedded.node().await;
    let mut settings = test.settings.clone();
    let own = PgConnectOptions::from_str(&settings.database_url).unwrap();
    settings.database_url = format!(
        "postgres://{}@{}/{}",
        own.get_username(),
        way.address,
        own.get_database().unwrap()
    );
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

#[tokio::test]
async fn an_event_is_not_put_away_because_the_database_is_full_or_others_are_in_the_way() {
    let test = Adapter::Embedded.node().await;
    let spine = &test.spine;
    sqlx::raw_sql(
        "CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no luck' USING ERRCODE = code; END $$",
    )
    .execute(spine.pool())
    .await
    .unwrap();
    let mut errors = Vec::new();
    // More than a recorder's patience has attempts.
    for code in ["53100", "25006", "40P01", "40001", "55P03"] {
        let asked = sqlx::query("SELECT fail($1)").bind(code).execute(spine.pool()).await;
        errors.push(asked.unwrap_err());
    }
    let errors = Mutex::new(errors);
    let next = move |_: &Event| errors.lock().unwrap().pop().map(HandlerError::from);
    let running = Running::start(spine, vec![Recorder::failing("test.patient", next)]).await;
    write_note(spine, 1).await;
    until_seen(spine, "test.patient", 1).await;
    let dead: i64 = sqlx::query_scalar("SELECT count(*) FROM spine.dead_event")
        .fetch_one(spine.pool())
        .await
        .unwrap();
    assert_eq!(dead, 0);
    running.stop().await;
}
