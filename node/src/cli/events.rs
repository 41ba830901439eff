//! `sovereign events`.

mod stream;

use std::str::FromStr;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use spine::bus::{self, ReplayRange};
use spine::ledger::{self, Query, Recorded};
use spine::{EventId, Spine};

use super::backend::Backend;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List events, the newest first
    List {
        /// Only of this type, such as social.PostStored.v1
        #[arg(long)]
        kind: Option<String>,
        /// Only about this subject
        #[arg(long)]
        subject: Option<String>,
        /// Only from this time on, such as 2026-11-22T10:00:00Z
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Only before this time
        #[arg(long)]
        to: Option<DateTime<Utc>>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one event with its payload
    Show {
        /// The event's id
        id: EventId,
    },
    /// List the consumers of events, how far each is and what holds it up
    Consumers,
    /// List events that a consumer could not handle
    Dead {
        /// Only of this consumer
        #[arg(long)]
        consumer: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Have dead events tried again
    Retry {
        #[command(flatten)]
        which: DeadOnes,
    },
    /// Give dead events up for good; they stay in the ledger
    Discard {
        #[command(flatten)]
        which: DeadOnes,
    },
    /// Deliver a range of events again to one consumer, seen before or not
    Replay {
        /// The consumer's name, see `events consumers`
        #[arg(long)]
        consumer: String,
        /// The first event: its id, or a time
        #[arg(long, value_name = "EVENT|TIME", required_unless_present = "all")]
        from: Option<Edge>,
        /// The last event: its id, or a time before which it happened (default: now)
        #[arg(long, value_name = "EVENT|TIME")]
        to: Option<Edge>,
        /// Every event there is
        #[arg(long, conflicts_with_all = ["from", "to"])]
        all: bool,
    },
    /// List replays and how far each is
    Replays {
        /// At most this many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show how far the ledger is published to NATS, and whether the stream agrees with it
    Relay,
    /// Have the stream on NATS made anew from the ledger, after the database was restored
    RebuildStream {
        /// Yes, delete the stream
        #[arg(long)]
        yes: bool,
    },
}

/// Which dead events are meant.
#[derive(Debug, Args)]
pub struct DeadOnes {
    /// The consumer's name
    #[arg(long)]
    consumer: String,
    /// Only these events
    events: Vec<EventId>,
    /// All of the consumer's
    #[arg(long, conflicts_with = "events")]
    all: bool,
}

impl DeadOnes {
    fn events(&self) -> anyhow::Result<Option<&[EventId]>> {
        if self.events.is_empty() && !self.all {
            bail!("say which: events' ids, or --all");
        }
        Ok((!self.all).then_some(self.events.as_slice()))
    }
}

/// An end of a range.
#[derive(Clone, Copy, Debug)]
pub enum Edge {
    /// An event.
    Event(EventId),
    /// A time.
    Time(DateTime<Utc>),
}

impl FromStr for Edge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Event(id));
        }
        text.parse()
            .map(Self::Time)
            .map_err(|_| "neither an event's id nor a time such as 2026-11-22T10:00:00Z".to_owned())
    }
}

/// An event as it is printed.
#[derive(Serialize)]
struct Row {
    id: String,
    position: String,
    time: String,
    kind: String,
    source: String,
    subject: String,
}

impl From<&Recorded> for Row {
    fn from(recorded: &Recorded) -> Self {
        let event = &recorded.event;
        Self {
            id: event.id.to_string(),
            position: recorded.position.to_string(),
            time: time(event.time),
            kind: event.kind.to_string(),
            source: event.source.to_string(),
            subject: event.subject.to_string(),
        }
    }
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let Backend { spine, .. } = backend;
    match command {
        Command::List { kind, subject, from, to, limit } => {
            let query = Query { kind, subject, from, to, before: None };
            let events = ledger::list(&spine, &query, limit).await?;
            let rows: Vec<Row> = events.iter().map(Row::from).collect();
            output.many(&rows, &["time", "kind", "subject", "id"], "No such events.")
        }
        Command::Show { id } => show(&recorded(&spine, id).await?, output),
        Command::Consumers => consumers(&spine, output).await,
        Command::Dead { consumer, limit } => dead(&spine, consumer.as_deref(), limit, output).await,
        Command::Retry { which } => {
            let count = bus::retry_dead(&spine, &which.consumer, which.events()?).await?;
            output.one(&json!({ "retried": count }), &format!("To be tried again: {count}"))
        }
        Command::Discard { which } => {
            let count = bus::drop_dead(&spine, &which.consumer, which.events()?).await?;
            output.one(&json!({ "discarded": count }), &format!("Given up: {count}"))
        }
        Command::Replay { consumer, from, to, all } => {
            let range = match from {
                Some(from) if !all => range(&spine, from, to).await?,
                _ => ReplayRange::All,
            };
            let id = bus::replay(&spine, &consumer, range).await?;
            let text = format!(
                "Replay {id} is asked for; a process that runs {consumer} begins within a second. \
                 See: sovereign events replays"
            );
            output.one(&json!({ "replay": id }), &text)
        }
        Command::Replays { limit } => replays(&spine, limit, output).await,
        Command::Relay => stream::relay(&spine, output).await,
        Command::RebuildStream { yes } => stream::rebuild(&spine, yes, output).await,
    }
}

async fn recorded(spine: &Spine, id: EventId) -> anyhow::Result<Recorded> {
    ledger::by_id(spine, id).await?.with_context(|| format!("there is no event {id}"))
}

fn show(recorded: &Recorded, output: &Output) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(Row::from(recorded))?;
    value["cause"] = serde_json::to_value(&*recorded.event.cause)?;
    value["data"] = match &recorded.event.data {
        Some(data) => serde_json::from_str(data.get())?,
        None => Value::Null,
    };
    value["erased"] = json!(recorded.event.data.is_none());
    let text = serde_json::to_string_pretty(&value)?;
    output.one(&value, &text)
}

/// Two events name places of the ledger; two times name what happened between them.
async fn range(spine: &Spine, from: Edge, to: Option<Edge>) -> anyhow::Result<ReplayRange> {
    match (from, to) {
        (Edge::Event(first), to) => {
            let first = recorded(spine, first).await?.position;
            let last = match to {
                Some(Edge::Event(last)) => recorded(spine, last).await?.position,
                Some(Edge::Time(_)) => bail!("give two events or two times"),
                None => ledger::head(spine).await?,
            };
            Ok(ReplayRange::Positions(first, last))
        }
        (Edge::Time(from), None) => {
            // A little ahead: what is recorded this second belongs to it.
            Ok(ReplayRange::Times(from, spine.clock().now() + chrono::Duration::seconds(1)))
        }
        (Edge::Time(from), Some(Edge::Time(to))) => Ok(ReplayRange::Times(from, to)),
        (Edge::Time(_), Some(Edge::Event(_))) => bail!("give two events or two times"),
    }
}

async fn consumers(spine: &Spine, output: &Output) -> anyhow::Result<()> {
    let rows: Vec<Value> = bus::consumers(spine)
        .await?
        .iter()
        .map(|consumer| {
            let (event, attempts, error) = match &consumer.failing {
                Some((event, attempts, error)) => (Some(event.to_string()), *attempts, Some(error)),
                None => (None, 0, None),
            };
            json!({
                "name": consumer.name,
                "position": consumer.position.to_string(),
                "moved_at": time(consumer.moved_at),
                "dead": consumer.dead,
                "failing_event": event,
                "failing_attempts": attempts,
                "failing_error": error,
            })
        })
        .collect();
    let columns = ["name", "position", "moved_at", "dead", "failing_event"];
    output.many(&rows, &columns, "No consumer ever registered.")
}

async fn dead(
    spine: &Spine,
    consumer: Option<&str>,
    limit: u32,
    output: &Output,
) -> anyhow::Result<()> {
    let rows: Vec<Value> = bus::dead_events(spine, consumer, limit)
        .await?
        .iter()
        .map(|dead| {
            json!({
                "consumer": dead.consumer,
                "event": dead.event.to_string(),
                "kind": dead.kind,
                "position": dead.position.to_string(),
                "attempts": dead.attempts,
                "died_at": time(dead.died_at),
                "retry_wanted": dead.retry_wanted,
                "error": dead.error,
            })
        })
        .collect();
    let columns = ["consumer", "event", "kind", "attempts", "died_at", "error"];
    output.many(&rows, &columns, "No dead events.")
}

async fn replays(spine: &Spine, limit: u32, output: &Output) -> anyhow::Result<()> {
    let rows: Vec<Value> = bus::replays(spine, limit)
        .await?
        .iter()
        .map(|replay| {
            json!({
                "id": replay.id,
                "consumer": replay.consumer,
                "position": replay.position.to_string(),
                "until": replay.until.to_string(),
                "delivered": replay.delivered,
                "finished_at": replay.finished_at.map(time),
            })
        })
        .collect();
    let columns = ["id", "consumer", "position", "until", "delivered", "finished_at"];
    output.many(&rows, &columns, "Nothing was ever replayed.")
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
