//! The adapter to Redis or Valkey, for a node with many devices.
//!
//! A hash a subject holds its states; a sorted set a state holds its readings of a day. States are
//! compared by time where they are, in a script, so that an older report never overwrites a newer one,
//! whoever writes. Redis may lose everything at any time, or start again from a snapshot of an hour ago: a
//! key says which run of it was told all. Where it is missing or names another run, Redis is emptied and all
//! is told again from the events of a month; meanwhile nobody is told that nothing is known. The states that
//! matter are read from Postgres, which has them as well.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::Permitted;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use spine::Spine;
use sqlx::PgConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::StateStore;
use super::sums::Sums;
use crate::PresentError;
use crate::state::{Key, Measure, READINGS, Reading, State, latest, matters};
use crate::store::states;

/// Subjects that are read at a time for a list.
const PART: isize = 100;
/// How long a subject's states are kept beyond their expiry: longer than readings, so that these are found
/// by them when their source is forgotten.
const KEPT: TimeDelta = TimeDelta::days(2);
/// Readings are summed up for so long at a time.
const SLICE: TimeDelta = TimeDelta::minutes(15);
/// Keys that are looked at in one step when all are removed.
const STEP: usize = 1_000;

/// Writes states, each unless a newer one is there that is not of times to come. A value is its time in
/// microseconds, a bar, and JSON.
const WRITE: &str = r"
local latest = tonumber(ARGV[1])
for i = 0, (#ARGV - 1) / 5 - 1 do
  local hash = KEYS[i * 2 + 2]
  local source = KEYS[i * 2 + 3]
  local subject, facet, at, state, kept =
    ARGV[i * 5 + 2], ARGV[i * 5 + 3], ARGV[i * 5 + 4], ARGV[i * 5 + 5], tonumber(ARGV[i * 5 + 6])
  local known = redis.call('HGET', hash, facet)
  local before = known and tonumber(string.match(known, '^(%d+)|'))
  if not before or before <= tonumber(at) or before > latest then
    redis.call('HSET', hash, facet, at .. '|' .. state)
    redis.call('ZADD', KEYS[1], 0, subject)
    redis.call('SADD', source, subject .. ' ' .. facet)
    for _, key in ipairs({hash, source}) do
      if redis.call('PTTL', key) < kept then redis.call('PEXPIRE', key, kept) end
    end
  end
end
";

/// Says that everything is there, if what began to tell it did not get lost.
const END: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
return 1
";

/// Keeps everything on a Redis.
pub(crate) struct RedisStates {
    spine: Spine,
    connection: ConnectionManager,
    prefix: String,
    write: Script,
    end: Script,
    /// What this process began to tell again.
    telling: Mutex<Option<Telling>>,
}

/// All is being told again.
struct Telling {
    /// Its name.
    token: String,
    /// The run of the server that is told.
    run: String,
}

impl RedisStates {
    /// Prepares a connection, which is made when it is needed.
    ///
    /// # Errors
    /// The URL is none of a Redis.
    pub(crate) fn new(url: &str, instance: Uuid, spine: Spine) -> Result<Self, PresentError> {
        let client = Client::open(url).map_err(|error| {
            // The URL may hold a password.
            PresentError::Settings(format!("the URL of Redis cannot be used: {}", error.category()))
        })?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(3)))
            .set_response_timeout(Some(Duration::from_secs(5)))
            .set_number_of_retries(2)
            .set_max_delay(Duration::from_millis(500));
        Ok(Self {
            spine,
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            // In braces: all keys lie on one node of a cluster, as scripts want it.
            prefix: format!("sovereign:{{{instance}}}:"),
            write: Script::new(WRITE),
            end: Script::new(END),
            telling: Mutex::default(),
        })
    }

    /// Names this run of the server: another one may have less than this one.
    async fn run(&self) -> Result<String, PresentError> {
        let told = redis::cmd("INFO").arg("server").query_async(&mut self.connection.clone()).await;
        let told: String = match told {
            // Who may not ask knows of what is missing only.
            Err(error) if error.code() == Some("NOPERM") => String::new(),
            told => told?,
        };
        let run = told.lines().find_map(|line| line.strip_prefix("run_id:"));
        Ok(run.map_or("unknown", str::trim).to_owned())
    }

    /// What was read a moment ago is all there is.
    async fn was_whole(&self) -> Result<(), PresentError> {
        let whole: bool = redis::cmd("EXISTS")
            .arg(self.key("whole"))
            .query_async(&mut self.connection.clone())
            .await?;
        if whole { Ok(()) } else { Err(PresentError::NotWhole) }
    }

    /// Removes all that is of this node.
    async fn clear(&self) -> Result<(), PresentError> {
        let mut connection = self.connection.clone();
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(format!("{}*", self.prefix))
                .arg("COUNT")
                .arg(STEP)
                .query_async(&mut connection)
                .await?;
            if !keys.is_empty() {
                redis::cmd("UNLINK").arg(&keys).query_async::<()>(&mut connection).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    fn hash(&self, subject: &str) -> String {
        format!("{}state:{subject}", self.prefix)
    }

    fn readings(&self, subject: &str, facet: &str) -> String {
        format!("{}readings:{subject} {facet}", self.prefix)
    }

    fn source(&self, source: &str) -> String {
        format!("{}source:{source}", self.prefix)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn add_readings(
        &self,
        now: DateTime<Utc>,
        readings: &[Reading],
    ) -> Result<(), PresentError> {
        let oldest = now - READINGS;
        let mut pipe = redis::pipe();
        let mut sets: BTreeMap<String, ()> = BTreeMap::new();
        for reading in readings.iter().filter(|reading| reading.at > oldest) {
            let set = self.readings(&reading.key.subject, &reading.key.facet);
            let value = reading.value.map_or_else(String::new, |value| value.to_string());
            let member = format!("{} {} {value}", reading.event, reading.measure);
            pipe.zadd(&set, member, reading.at.timestamp_micros()).ignore();
            sets.insert(set, ());
        }
        for set in sets.into_keys() {
            pipe.zrembyscore(&set, "-inf", oldest.timestamp_micros()).ignore();
            pipe.pexpire(&set, READINGS.num_milliseconds()).ignore();
        }
        if pipe.is_empty() {
            return Ok(());
        }
        Ok(pipe.query_async::<()>(&mut self.connection.clone()).await?)
    }
}

/// A state as it is kept.
fn parse(kept: &str) -> Option<State> {
    serde_json::from_str(kept.split_once('|')?.1).ok()
}

#[async_trait]
impl StateStore for RedisStates {
    fn is_in_postgres(&self) -> bool {
        false
    }

    async fn read(&self, _: &mut PgConnection, keys: &[Key]) -> Result<Vec<State>, PresentError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.hget(self.hash(&key.subject), &key.facet);
        }
        let kept: Vec<Option<String>> = pipe.query_async(&mut self.connection.clone()).await?;
        Ok(kept.iter().flatten().filter_map(|kept| parse(kept)).collect())
    }

    async fn one(&self, key: &Key) -> Result<Option<State>, PresentError> {
        if matters(&key.facet) {
            return Ok(states::one(self.spine.pool(), key).await?);
        }
        let kept: Option<String> = redis::cmd("HGET")
            .arg(self.hash(&key.subject))
            .arg(&key.facet)
            .query_async(&mut self.connection.clone())
            .await?;
        if kept.is_none() {
            self.was_whole().await?;
        }
        Ok(kept.and_then(|kept| parse(&kept)))
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<State>, PresentError> {
        let kept: BTreeMap<String, String> = redis::cmd("HGETALL")
            .arg(self.hash(subject))
            .query_async(&mut self.connection.clone())
            .await?;
        self.was_whole().await?;
        let others = kept.values().filter_map(|kept| parse(kept));
        let mut found = states::of_subject(self.spine.pool(), subject).await?;
        found.retain(|state| matters(&state.facet));
        found.extend(others.filter(|state| !matters(&state.facet)));
        Ok(found)
    }

    async fn list(
        &self,
        permitted: &Permitted,
        after: &str,
        now: DateTime<Utc>,
        subjects: usize,
    ) -> Result<Vec<State>, PresentError> {
        let mut connection = self.connection.clone();
        let mut found = Vec::new();
        let (mut begin, mut shown) = (format!("({after}"), 0);
        loop {
            let names: Vec<String> = redis::cmd("ZRANGEBYLEX")
                .arg(self.key("subjects"))
                .arg(&begin)
                .arg("+")
                .arg("LIMIT")
                .arg(0)
                .arg(PART)
                .query_async(&mut connection)
                .await?;
            let Some(last) = names.last() else {
                self.was_whole().await?;
                return Ok(found);
            };
            begin = format!("({last}");
            let mut pipe = redis::pipe();
            for name in &names {
                pipe.hgetall(self.hash(name));
            }
            let kept: Vec<BTreeMap<String, String>> = pipe.query_async(&mut connection).await?;
            for kept in kept {
                let states = kept.values().filter_map(|kept| parse(kept));
                let states: Vec<State> = states
                    .filter(|state| state.holds(now))
                    .filter(|state| permitted.admits(&state.space, &state.labels))
                    .collect();
                if states.is_empty() {
                    continue;
                }
                found.extend(states);
                shown += 1;
                if shown == subjects {
                    self.was_whole().await?;
                    return Ok(found);
                }
            }
        }
    }

    async fn write(
        &self,
        _: &mut PgConnection,
        now: DateTime<Utc>,
        states: &[State],
        readings: &[Reading],
    ) -> Result<(), PresentError> {
        if !states.is_empty() {
            let mut call = self.write.prepare_invoke();
            call.key(self.key("subjects")).arg(latest(now).timestamp_micros());
            for state in states {
                let kept = (state.expires_at - now).max(TimeDelta::zero()) + KEPT;
                call.key(self.hash(&state.subject)).key(self.source(&state.source));
                call.arg(&state.subject)
                    .arg(&state.facet)
                    .arg(state.at.timestamp_micros())
                    .arg(serde_json::to_string(state)?)
                    .arg(kept.num_milliseconds());
            }
            call.invoke_async::<()>(&mut self.connection.clone()).await?;
        }
        self.add_readings(now, readings).await
    }

    async fn remove(&self, keys: &[Key]) -> Result<(), PresentError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.hdel(self.hash(&key.subject), &key.facet).ignore();
        }
        Ok(pipe.query_async::<()>(&mut self.connection.clone()).await?)
    }

    async fn forget(&self, who: &str) -> Result<(), PresentError> {
        let mut connection = self.connection.clone();
        let (reported, own): (Vec<String>, Vec<String>) = redis::pipe()
            .smembers(self.source(who))
            .hkeys(self.hash(who))
            .query_async(&mut connection)
            .await?;
        let mut pipe = redis::pipe();
        for (subject, facet) in reported.iter().filter_map(|one| one.split_once(' ')) {
            let kept: Option<String> = redis::cmd("HGET")
                .arg(self.hash(subject))
                .arg(facet)
                .query_async(&mut connection)
                .await?;
            // Somebody else may have reported it since.
            if kept.and_then(|kept| parse(&kept)).is_some_and(|state| state.source == who) {
                pipe.hdel(self.hash(subject), facet).ignore();
            }
            pipe.del(self.readings(subject, facet)).ignore();
        }
        for facet in own {
            pipe.del(self.readings(who, &facet)).ignore();
        }
        pipe.del(self.hash(who)).ignore();
        pipe.del(self.source(who)).ignore();
        pipe.zrem(self.key("subjects"), who).ignore();
        Ok(pipe.query_async::<()>(&mut connection).await?)
    }

    async fn window(
        &self,
        key: &Key,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Measure>, PresentError> {
        let mut connection = self.connection.clone();
        let set = self.readings(&key.subject, &key.facet);
        let mut sums = Sums::default();
        // A sensor may have a million readings a day: never all of them at once.
        let (mut begin, end) = (from, to + TimeDelta::microseconds(1));
        while begin < end {
            let next = (begin + SLICE).min(end);
            let kept: Vec<(String, f64)> = redis::cmd("ZRANGEBYSCORE")
                .arg(&set)
                .arg(begin.timestamp_micros())
                .arg(format!("({}", next.timestamp_micros()))
                .arg("WITHSCORES")
                .query_async(&mut connection)
                .await?;
            kept.iter().for_each(|(member, score)| sums.add(member, *score));
            begin = next;
        }
        self.was_whole().await?;
        Ok(sums.finish())
    }

    async fn sweep(&self) -> Result<(), PresentError> {
        // Keys end by themselves; names of subjects without states go here.
        let mut connection = self.connection.clone();
        let mut cursor = 0_u64;
        loop {
            let (next, part): (u64, Vec<(String, f64)>) = redis::cmd("ZSCAN")
                .arg(self.key("subjects"))
                .arg(cursor)
                .arg("COUNT")
                .arg(PART)
                .query_async(&mut connection)
                .await?;
            let mut pipe = redis::pipe();
            for (name, _) in &part {
                pipe.exists(self.hash(name));
            }
            if !part.is_empty() {
                let known: Vec<bool> = pipe.query_async(&mut connection).await?;
                let gone = part.iter().zip(known).filter(|(_, known)| !known);
                let gone: Vec<&String> = gone.map(|((name, _), _)| name).collect();
                if !gone.is_empty() {
                    let mut removed = redis::cmd("ZREM");
                    removed.arg(self.key("subjects")).arg(gone);
                    removed.query_async::<()>(&mut connection).await?;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    async fn is_whole(&self) -> Result<bool, PresentError> {
        let told: Option<String> = redis::cmd("GET")
            .arg(self.key("whole"))
            .query_async(&mut self.connection.clone())
            .await?;
        match told {
            Some(told) => Ok(told == self.run().await?),
            None => Ok(false),
        }
    }

    async fn begin_again(&self) -> Result<(), PresentError> {
        let telling = Telling { token: Uuid::new_v4().to_string(), run: self.run().await? };
        self.clear().await?;
        redis::cmd("SET")
            .arg(self.key("telling"))
            .arg(&telling.token)
            .query_async::<()>(&mut self.connection.clone())
            .await?;
        *self.telling.lock().await = Some(telling);
        Ok(())
    }

    async fn end_again(&self) -> Result<(), PresentError> {
        let Some(telling) = self.telling.lock().await.take() else {
            return Err(PresentError::LostMeanwhile);
        };
        let mut call = self.end.prepare_invoke();
        call.key(self.key("telling")).key(self.key("whole")).arg(telling.token).arg(telling.run);
        let whole: bool = call.invoke_async(&mut self.connection.clone()).await?;
        if whole { Ok(()) } else { Err(PresentError::LostMeanwhile) }
    }
}
