//! `sovereign jobs`.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Duration, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use spine::work::admin::{self, JobFilter, JobView, Pausable, State};
use spine::{JobId, Lane};

use super::backend::Backend;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List live jobs, the newest first
    List {
        #[command(flatten)]
        which: Which,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
    /// Count live jobs by lane, kind and state
    Count,
    /// Count done jobs by day
    History {
        /// How many days back
        #[arg(long, default_value_t = 7)]
        days: u16,
    },
    /// Show one job with its payload and its last error
    Show {
        /// The job's id
        id: JobId,
    },
    /// Make dead jobs ready again, with all their attempts
    Retry {
        #[command(flatten)]
        which: Selected,
    },
    /// Throw dead jobs away; the history remembers that they were
    Discard {
        #[command(flatten)]
        which: Selected,
    },
    /// Start no more jobs of a lane or a concurrency key
    Pause {
        #[command(flatten)]
        what: What,
    },
    /// Start jobs of a lane or a concurrency key again
    Resume {
        #[command(flatten)]
        what: What,
    },
    /// List what is paused
    Paused,
}

/// Which jobs are meant; everything given must agree.
#[derive(Debug, Default, Args)]
pub struct Which {
    /// ready, running, deferred, blocked or dead
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Only of this kind, such as social.apply_activity
    #[arg(long)]
    kind: Option<String>,
    /// realtime, interactive or background
    #[arg(long, value_parser = lane)]
    lane: Option<Lane>,
    /// Only with this concurrency key, such as host:mastodon.example
    #[arg(long)]
    key: Option<String>,
    /// Only where the last error contains this text
    #[arg(long)]
    error: Option<String>,
}

/// Which dead jobs are meant.
#[derive(Debug, Args)]
pub struct Selected {
    /// Only this job
    id: Option<JobId>,
    /// All dead jobs
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Only of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Only of this lane
    #[arg(long, value_parser = lane)]
    lane: Option<Lane>,
    /// Only with this concurrency key
    #[arg(long)]
    key: Option<String>,
    /// Only where the last error contains this text
    #[arg(long)]
    error: Option<String>,
    /// Only those that died more than so many hours ago
    #[arg(long, value_name = "HOURS")]
    older_than: Option<u32>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// A lane: realtime, interactive or background
    #[arg(value_parser = lane)]
    lane: Option<Lane>,
    /// A concurrency key, such as host:mastodon.example
    #[arg(long)]
    key: Option<String>,
}

fn state(name: &str) -> Result<State, String> {
    State::parse(name)
        .ok_or_else(|| format!("there are {}", State::ALL.map(State::name).join(", ")))
}

fn lane(name: &str) -> Result<Lane, String> {
    Lane::parse(name).ok_or_else(|| "there are realtime, interactive and background".to_owned())
}

impl From<Which> for JobFilter {
    fn from(which: Which) -> Self {
        Self {
            state: which.state,
            kind: which.kind,
            lane: which.lane,
            key: which.key,
            error: which.error,
            ..Self::default()
        }
    }
}

impl Selected {
    fn filter(self, now: DateTime<Utc>) -> anyhow::Result<JobFilter> {
        let is_open = self.id.is_none()
            && self.kind.is_none()
            && self.lane.is_none()
            && self.key.is_none()
            && self.error.is_none()
            && self.older_than.is_none();
        if is_open && !self.all {
            bail!("say which: a job's id, some of the options, or --all");
        }
        Ok(JobFilter {
            id: self.id,
            state: None,
            kind: self.kind,
            lane: self.lane,
            key: self.key,
            error: self.error,
            died_before: self.older_than.map(|hours| now - Duration::hours(hours.into())),
        })
    }
}

impl What {
    fn pausable(self) -> anyhow::Result<Pausable> {
        match (self.lane, self.key) {
            (Some(lane), _) => Ok(Pausable::Lane(lane)),
            (None, Some(key)) => Ok(Pausable::Key(key)),
            (None, None) => bail!("say what: a lane, or --key"),
        }
    }
}

/// A job as it is printed.
#[derive(Serialize)]
struct Row {
    id: String,
    kind: String,
    lane: &'static str,
    state: &'static str,
    attempts: String,
    enqueued_at: String,
    run_at: String,
    key: Option<String>,
    last_error: Option<String>,
}

impl From<&JobView> for Row {
    fn from(job: &JobView) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind.clone(),
            lane: job.lane.name(),
            state: job.state.name(),
            attempts: format!("{}/{}", job.failures, job.max_attempts),
            enqueued_at: time(job.enqueued_at),
            run_at: time(job.run_at),
            key: job.key.clone(),
            last_error: job.last_error.as_ref().map(|error| error.chars().take(80).collect()),
        }
    }
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    let Backend { spine, .. } = backend;
    match command {
        Command::List { which, limit } => {
            let jobs = admin::list(spine.pool(), &which.into(), limit).await?;
            let rows: Vec<Row> = jobs.iter().map(Row::from).collect();
            let columns = ["id", "kind", "lane", "state", "attempts", "run_at", "last_error"];
            output.many(&rows, &columns, "No such jobs.")
        }
        Command::Count => {
            let counts: Vec<Value> = admin::counts(spine.pool())
                .await?
                .iter()
                .map(|count| {
                    json!({
                        "lane": count.lane.name(),
                        "kind": count.kind,
                        "state": count.state.name(),
                        "jobs": count.jobs,
                        "oldest": time(count.oldest),
                    })
                })
                .collect();
            output.many(&counts, &["lane", "kind", "state", "jobs", "oldest"], "No live jobs.")
        }
        Command::History { days } => {
            let since = spine.clock().now() - Duration::days(days.into());
            let rows: Vec<Value> = admin::history(spine.pool(), since)
                .await?
                .iter()
                .map(|day| {
                    json!({
                        "day": day.day.to_string(),
                        "lane": day.lane.name(),
                        "kind": day.kind,
                        "done": day.done,
                        "discarded": day.discarded,
                        "failures": day.failures,
                        "waited_ms": day.waited_ms,
                        "took_ms": day.took_ms,
                    })
                })
                .collect();
            let columns =
                ["day", "lane", "kind", "done", "discarded", "failures", "waited_ms", "took_ms"];
            output.many(&rows, &columns, "Nothing was done in that time.")
        }
        Command::Show { id } => {
            let filter = JobFilter { id: Some(id), ..JobFilter::default() };
            let jobs = admin::list(spine.pool(), &filter, 1).await?;
            let job = jobs.first().with_context(|| format!("there is no live job {id}"))?;
            show(job, output)
        }
        Command::Retry { which } => {
            let filter = which.filter(spine.clock().now())?;
            let retried = admin::retry_dead(&spine, &filter).await?;
            output.one(&json!({ "retried": retried }), &format!("Retried: {retried}"))
        }
        Command::Discard { which } => {
            let filter = which.filter(spine.clock().now())?;
            let discarded = admin::discard_dead(&spine, &filter).await?;
            output.one(&json!({ "discarded": discarded }), &format!("Thrown away: {discarded}"))
        }
        Command::Pause { what } => {
            let changed = admin::pause(&spine, &what.pausable()?).await?;
            output.one(
                &json!({ "changed": changed }),
                said(changed, "Paused.", "It was paused already."),
            )
        }
        Command::Resume { what } => {
            let changed = admin::resume(&spine, &what.pausable()?).await?;
            output.one(
                &json!({ "changed": changed }),
                said(changed, "Resumed.", "It was not paused."),
            )
        }
        Command::Paused => {
            let rows: Vec<Value> = admin::paused(spine.pool())
                .await?
                .iter()
                .map(|(what, since)| match what {
                    Pausable::Lane(lane) => json!({ "lane": lane.name(), "since": time(*since) }),
                    Pausable::Key(key) => json!({ "key": key, "since": time(*since) }),
                })
                .collect();
            output.many(&rows, &["lane", "key", "since"], "Nothing is paused.")
        }
    }
}

fn show(job: &JobView, output: &Output) -> anyhow::Result<()> {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
    let mut value = serde_json::to_value(Row::from(job))?;
    value["last_error"] = json!(job.last_error);
    value["priority"] = json!(job.priority);
    value["claimed_at"] = json!(job.claimed_at.map(time));
    value["died_at"] = json!(job.died_at.map(time));
    value["cause"] = job.cause.as_deref().map_or(Value::Null, parsed);
    value["losses"] = json!(job.losses);
    value["subject"] = json!(job.subject);
    value["erased"] = json!(job.payload.is_none());
    value["payload"] = job.payload.as_deref().map_or(Value::Null, parsed);
    let text = serde_json::to_string_pretty(&value)?;
    output.one(&value, &text)
}

fn said(changed: bool, yes: &'static str, no: &'static str) -> &'static str {
    if changed { yes } else { no }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
