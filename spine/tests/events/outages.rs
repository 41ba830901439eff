//! The database or NATS goes away and comes back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use spine::testing::{TestSpine, database_server, nats_server};
use spine::{Cause, Clock, Event, Filter, Handler, HandlerError, Spine, Tx};
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

/// What a way does with those who are on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    /// They are thrown off, and nobody else gets in.
    Cut,
}

/// A way to a server that can be cut.
struct Way {
    address: SocketAddr,
    passage: watch::Sender<Passage>,
    /// How often everybody was left without an answer.
    silences: watch::Sender<u32>,
}

impl Way {
    async fn to(place: Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Self {
            address,
            passage: watch::Sender::new(Passage::Open),
            silences: watch::Sender::new(0),
        };
        let (passage, silences) = (way.passage.clone(), way.silences.clone());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (place, mut passage) = (place.clone(), passage.subscribe());
                let mut silences = silences.subscribe();
                tokio::spawn(async move {
                    if *passage.borrow_and_update() == Passage::Cut {
                        return;
                    }
                    let fell_silent = tokio::select! {
                        // Either end may leave as it likes.
                        _ = place.join(&mut near) => false,
                        _ = passage.wait_for(|passage| *passage == Passage::Cut) => false,
                        _ = silences.changed() => true,
                    };
                    if fell_silent {
                        // The server is rid of them; they never hear of it.
                        std::future::pending::<()>().await;
                    }
                    drop(near);
                });
            }
        });
        way
    }

    fn nats_url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The address of a database on this way.
    fn database_url(&self, own: &str) -> String {
        let mut url = Url::parse(own).unwrap();
        // The folder of a socket may be named in place of the host or beside it.
        let rest: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "host" && name != "port")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_host(Some(&self.address.ip().to_string())).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.query_pairs_mut().clear().extend_pairs(rest);
        url.into()
    }

    fn cut(&self) {
        self.passage.send_replace(Passage::Cut);
    }

    fn mend(&self) {
        self.passage.send_replace(Passage::Open);
    }

    /// As if the server's host had vanished and another one taken its place: who is on the way gets
    /// no answer and is told of no end, who comes anew is served.
    fn fall_silent(&self) {
        self.silences.send_modify(|count| *count += 1);
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
    settings.database_url = way.database_url(&settings.database_url);
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

/// Stays with its first event until it may go on.
struct Lingering {
    came: watch::Sender<bool>,
    may_go_on: watch::Receiver<bool>,
    lingered: AtomicBool,
}

#[async_trait]
impl Handler for Lingering {
    fn name(&self) -> &'static str {
        "test.lingering"
    }

    fn filter(&self) -> Filter {
        Filter::All
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        if !self.lingered.swap(true, Ordering::Relaxed) {
            self.came.send_replace(true);
            self.may_go_on.clone().wait_for(|may| *may).await.unwrap();
        }
        for event in events {
            sqlx::query("INSERT INTO effect (consumer, number) VALUES ($1, $2)")
                .bind(self.name())
                .bind(i64::from(event.read::<NoteWritten>().unwrap().unwrap().number))
                .execute(tx.conn())
                .await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_database_vanished_without_a_word_goes_on_at_the_one_that_came_after() {
    let way = Way::to(Place::of_database()).await;
    let test = Adapter::Embedded.node().await;
    let mut settings = test.settings.clone();
    settings.database_url = way.database_url(&settings.database_url);
    let spine = Spine::connect(settings, test.clock.clone()).await.unwrap();
    let (came, go_on) = (watch::Sender::new(false), watch::Sender::new(false));
    let lingering = Lingering {
        came: came.clone(),
        may_go_on: go_on.subscribe(),
        lingered: AtomicBool::new(false),
    };
    let running = Running::start(&spine, vec![lingering]).await;
    write_note(&test.spine, 1).await;
    came.subscribe().wait_for(|came| *came).await.unwrap();
    // In the middle of a transaction: its next statement waits for ever.
    way.fall_silent();
    go_on.send_replace(true);
    until_seen(&test.spine, "test.lingering", 1).await;
    // So does the shared reader of the ledger's end, until it gives its connection up.
    write_note(&test.spine, 2).await;
    until_seen(&test.spine, "test.lingering", 2).await;
    assert_eq!(effects(&test.spine, "test.lingering").await, [1, 2]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_asked_to_end_the_sessions_of_a_host_that_vanished() {
    let test = Adapter::Embedded.node().await;
    // On a Unix socket the settings are taken and mean nothing, which is why their present values
    // say less than those that a reset would bring back.
    let asked: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, reset_val FROM pg_settings
          WHERE name LIKE 'tcp%' AND source = 'client' ORDER BY name",
    )
    .fetch_all(test.spine.worker_pool())
    .await
    .unwrap();
    let expected = [
        ("tcp_keepalives_count", "3"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_user_timeout", "30000"),
    ];
    assert_eq!(asked, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
