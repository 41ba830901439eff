//! The adapter to Redis or Valkey, for a node with many devices.
//!
//! A hash a subject holds its states; a sorted set a state holds its readings of a day. States are
//! compared by time where they are, in a script, so that an older report never overwrites a newer one,
//! whoever writes. Redis may lose everything at any time: a key says that it has all, and where it is
//! missing, all is told again from the events of a month.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::Permitted;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use sqlx::PgConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::StateStore;
use crate::PresentError;
use crate::state::{Key, Measure, READINGS, Reading, State};

/// Subjects that are read at a time for a list.
const PART: isize = 100;
/// How long a subject's states are kept beyond their expiry.
const KEPT: TimeDelta = TimeDelta::days(1);

/// Writes states, each unless a newer one is there. A value is its time in microseconds, a bar, and JSON.
const WRITE: &str = r"
for i = 0, #ARGV / 5 - 1 do
  local hash = KEYS[i * 2 + 2]
  local source = KEYS[i * 2 + 3]
  local subject, facet, at, state, kept =
    ARGV[i * 5 + 1], ARGV[i * 5 + 2], ARGV[i * 5 + 3], ARGV[i * 5 + 4], tonumber(ARGV[i * 5 + 5])
  local known = redis.call('HGET', hash, facet)
  if not known or tonumber(string.match(known, '^(%d+)|')) <= tonumber(at) then
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
redis.call('SET', KEYS[2], '1')
redis.call('DEL', KEYS[1])
return 1
";

/// Keeps everything on a Redis.
pub(crate) struct RedisStates {
    connection: ConnectionManager,
    prefix: String,
    write: Script,
    end: Script,
    /// What this process began to tell again.
    token: Mutex<Option<String>>,
}

impl RedisStates {
    /// Prepares a connection, which is made when it is needed.
    ///
    /// # Errors
    /// The URL is none of a Redis.
    pub(crate) fn new(url: &str, instance: Uuid) -> Result<Self, PresentError> {
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
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            // In braces: all keys lie on one node of a cluster, as scripts want it.
            prefix: format!("sovereign:{{{instance}}}:"),
            write: Script::new(WRITE),
            end: Script::new(END),
            token: Mutex::default(),
        })
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

    async fn of_subject(&self, subject: &str) -> Result<Vec<State>, PresentError> {
        let kept: BTreeMap<String, String> = redis::cmd("HGETALL")
            .arg(self.hash(subject))
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(kept.values().filter_map(|kept| parse(kept)).collect())
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
            let Some(last) = names.last() else { return Ok(found) };
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
            call.key(self.key("subjects"));
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

    async fn window(&self, key: &Key, from: DateTime<Utc>) -> Result<Vec<Measure>, PresentError> {
        let kept: Vec<(String, f64)> = redis::cmd("ZRANGEBYSCORE")
            .arg(self.readings(&key.subject, &key.facet))
            .arg(from.timestamp_micros())
            .arg("+inf")
            .arg("WITHSCORES")
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(measures(&kept))
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
        let mut connection = self.connection.clone();
        Ok(redis::cmd("EXISTS").arg(self.key("whole")).query_async(&mut connection).await?)
    }

    async fn begin_again(&self) -> Result<(), PresentError> {
        let token = Uuid::new_v4().to_string();
        redis::cmd("SET")
            .arg(self.key("telling"))
            .arg(&token)
            .query_async::<()>(&mut self.connection.clone())
            .await?;
        *self.token.lock().await = Some(token);
        Ok(())
    }

    async fn end_again(&self) -> Result<(), PresentError> {
        let token = self.token.lock().await.take().unwrap_or_default();
        let mut call = self.end.prepare_invoke();
        call.key(self.key("telling")).key(self.key("whole")).arg(token);
        let whole: bool = call.invoke_async(&mut self.connection.clone()).await?;
        if whole { Ok(()) } else { Err(PresentError::LostMeanwhile) }
    }
}

/// What readings amount to; they come in the order of time, as `event measure number`.
fn measures(kept: &[(String, f64)]) -> Vec<Measure> {
    struct Sum {
        count: u64,
        numbers: f64,
        measure: Measure,
    }
    let mut sums: HashMap<&str, Sum> = HashMap::new();
    for (member, score) in kept {
        let mut parts = member.splitn(3, ' ').skip(1);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let value: Option<f64> = value.parse().ok();
        #[expect(clippy::cast_possible_truncation, reason = "microseconds of our time fit")]
        let at = DateTime::from_timestamp_micros(*score as i64).unwrap_or_default();
        let sum = sums.entry(name).or_insert_with(|| Sum {
            count: 0,
            numbers: 0.0,
            measure: Measure {
                measure: name.to_owned(),
                count: 0,
                min: None,
                max: None,
                mean: None,
                last: None,
                last_at: at,
            },
        });
        sum.count += 1;
        let measure = &mut sum.measure;
        if let Some(value) = value {
            sum.numbers += value;
            measure.min = Some(measure.min.map_or(value, |min| min.min(value)));
            measure.max = Some(measure.max.map_or(value, |max| max.max(value)));
        }
        measure.last = value;
        measure.last_at = at;
    }
    let mut measures: Vec<Measure> = sums
        .into_values()
        .map(|sum| Measure {
            count: sum.count,
            #[expect(clippy::cast_precision_loss, reason = "no window has 2^52 readings")]
            mean: sum.measure.min.map(|_| sum.numbers / sum.count as f64),
            ..sum.measure
        })
        .collect();
    measures.sort_by(|a, b| a.measure.cmp(&b.measure));
    measures
}
