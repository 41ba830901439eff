//! The policy service of one process.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::access::{Action, Caller, Decision, Permitted, Policy, Refusal, Resource};
use spine::{Problem, Snowflake, Spine, Tx};
use sqlx::PgConnection;
use tokio::sync::{Notify, watch};

use crate::audit::{Decided, LogKey, Queue, Report, Strangers, Witness};
use crate::engine::{Judgement, Policies, Snapshot, SnapshotParts, Vocabulary};
use crate::routine::Routines;
use crate::{MIGRATIONS, PolicyError, audit, follow, store};

/// How long a call waits for the policy to hear of a new person.
const ACQUAINTANCE: Duration = Duration::from_secs(5);

/// Settings of the policy service.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// The node's address (`https://node.example`): the audit log is named after it, once and for ever.
    pub origin: String,
    /// The file, outside of the database, that keeps the audit log's newest signed head.
    pub kept_head: Option<PathBuf>,
}

/// The policy service. Cheap to clone.
#[derive(Clone)]
pub struct PolicyService(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) vocabulary: Arc<Vocabulary>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// The snapshot's revision, for those who wait for a newer one.
    revision: watch::Sender<i64>,
    queue: Arc<Queue>,
    routines: Routines,
    strangers: Strangers,
    key: LogKey,
    witness: Witness,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl PolicyService {
    /// Brings the schema up to date, reads what decisions rest on, and starts to write the audit log and
    /// to follow what other processes change. All of that ends when the last clone is dropped.
    ///
    /// # Errors
    /// The database is away, a policy does not hold, or the audit log's key cannot be had.
    pub async fn open(spine: Spine, settings: PolicySettings) -> Result<Self, PolicyError> {
        spine::database::migrate(spine.pool(), "policy", &MIGRATIONS).await?;
        let key = LogKey::open(&spine, &settings.origin).await?;
        let vocabulary = Arc::new(Vocabulary::new()?);
        let revision = store::revision::current(spine.pool()).await?;
        let now = spine.clock().now();
        let mut conn = spine.pool().acquire().await?;
        let snapshot = load(&mut conn, &vocabulary, None, (revision, now)).await?;
        drop(conn);
        let many = Arc::new(Notify::new());
        let inner = Inner {
            spine,
            vocabulary,
            revision: watch::Sender::new(snapshot.revision),
            snapshot: RwLock::new(Arc::new(snapshot)),
            queue: Arc::default(),
            routines: Routines::default(),
            strangers: Strangers::default(),
            key,
            witness: Witness::new(settings.kept_head),
        };
        let service = Self(Arc::new(inner));
        let Inner { spine, queue, .. } = &*service.0;
        tokio::spawn(audit::write(
            Arc::clone(queue),
            Arc::downgrade(&service.0),
            (spine.pool().clone(), spine.clock().clone()),
            Arc::clone(&many),
        ));
        follow::start(&service, many);
        Ok(service)
    }

    /// As the port that services ask.
    pub fn port(&self) -> Arc<dyn Policy> {
        Arc::new(self.clone())
    }

    /// Waits until this person, whom identity lets in, is known here as somebody who may act: that takes a
    /// moment after they came to live on the node. Not for ever, as somebody who is not known has what is
    /// their own.
    pub async fn acquainted(&self, account: Snowflake) {
        let mut revision = self.0.revision.subscribe();
        let let_in = async {
            while !self.snapshot().is_member(account) {
                if revision.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(ACQUAINTANCE, let_in).await.is_err() {
            tracing::warn!(account.id = %account, "identity lets a person in whom the policy does not know so");
        }
    }

    /// Waits likewise, but only for somebody who is known as one who may not act: identity let them in
    /// just now, and its event is still on the way.
    pub async fn admitted(&self, account: Snowflake) {
        if self.snapshot().bars(account) {
            self.acquainted(account).await;
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.spine.clock().now()
    }

    pub(crate) fn routines(&self) -> &Routines {
        &self.0.routines
    }

    /// What decisions rest on, now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides from now on by this, unless something newer is here already.
    fn swap(&self, snapshot: Snapshot) {
        let mut current = self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        if current.revision < snapshot.revision {
            let revision = snapshot.revision;
            *current = Arc::new(snapshot);
            drop(current);
            self.0.revision.send_replace(revision);
        }
    }

    /// Says that this transaction changed what decisions rest on: they follow it from the commit on.
    /// To be called after the last change.
    pub(crate) async fn changed(&self, tx: &mut Tx) -> Result<(), PolicyError> {
        let revision = store::revision::count(tx.conn()).await?;
        let (before, now) = (self.snapshot(), self.now());
        let snapshot = load(tx.conn(), &self.0.vocabulary, Some(&before), (revision, now)).await?;
        let service = self.clone();
        tx.on_commit(move || service.swap(snapshot));
        Ok(())
    }

    /// Reads anew what decisions rest on, where another process changed it.
    pub(crate) async fn catch_up(&self) -> Result<(), PolicyError> {
        let before = self.snapshot();
        let revision = store::revision::current(self.0.spine.pool()).await?;
        if revision > before.revision {
            let mut conn = self.0.spine.pool().acquire().await?;
            let now = self.0.spine.clock().now();
            // What is committed while this reads may be in it already; it then reads once more.
            let snapshot =
                load(&mut conn, &self.0.vocabulary, Some(&before), (revision, now)).await?;
            self.swap(snapshot);
        }
        Ok(())
    }

    /// Queues decisions for the audit log. Whether there was room.
    fn write_down<I: IntoIterator<Item = Decided>>(&self, decided: I) -> bool {
        let Inner { queue, strangers, .. } = &*self.0;
        queue.push(decided.into_iter().flat_map(|one| {
            if !one.refuses_stranger() {
                return [Some(one), None].into_iter().flatten();
            }
            let now = self.now();
            let (is_entry, missed) = strangers.refused(now);
            let missed = missed.map(|missed| Decided::strangers(missed, now));
            [missed, is_entry.then_some(one)].into_iter().flatten()
        }))
    }

    /// Which of these decisions, now that the database is at this revision, hold no more: their places.
    pub(crate) async fn withdrawn(&self, decided: &[Arc<Decided>], revision: i64) -> Vec<usize> {
        let before = decided.iter().enumerate().filter(|(_, one)| one.revision < revision);
        let before: Vec<_> = before.filter(|(_, one)| one.allows()).collect();
        if before.is_empty() {
            return Vec::new();
        }
        if self.snapshot().revision < revision
            && let Err(error) = self.catch_up().await
        {
            tracing::warn!(%error, "decisions cannot be made again");
        }
        let (snapshot, now) = (self.snapshot(), self.now());
        // Whatever cannot be told is taken as withdrawn.
        let known = snapshot.revision >= revision;
        let withdrawn = before
            .into_iter()
            .filter(|(_, one)| !known || !one.still_holds(&snapshot, &self.0.vocabulary, now));
        withdrawn.map(|(place, _)| place).collect()
    }

    /// Decides without a trace in the audit log.
    pub(crate) fn judge(
        &self,
        caller: &Caller,
        action: Action,
        resource: &Resource,
    ) -> Arc<Judgement> {
        let now = self.0.spine.clock().now();
        self.snapshot().judge(&self.0.vocabulary, caller, action, resource, now)
    }

    /// Gives the audit entries that wait their places in the Merkle log, and signs its head. How many
    /// it was; none where another process does it at the moment.
    ///
    /// # Errors
    /// The database is away, or the log is damaged.
    pub async fn sequence_audit(&self) -> Result<usize, PolicyError> {
        let Inner { spine, key, witness, .. } = &*self.0;
        audit::sequence(spine.worker_pool(), key, witness, spine.clock().now()).await
    }

    /// Proves that no audit entry that has its place was changed, removed or reordered, and that the log
    /// goes on from the head that is kept outside of the database, or says what is wrong.
    ///
    /// # Errors
    /// The database is away, or the file with that head cannot be read.
    pub async fn verify_audit(&self) -> Result<Report, PolicyError> {
        self.verify_audit_against(&[]).await
    }

    /// The same, and that the log still contains the trees of these checkpoints, which somebody kept
    /// elsewhere: that its end was not cut off together with its newest checkpoints.
    ///
    /// # Errors
    /// The same.
    pub async fn verify_audit_against(&self, kept: &[String]) -> Result<Report, PolicyError> {
        // Read before the database is: what is there then is no older.
        let witnessed = self.0.witness.head().await?;
        let kept: Vec<String> = kept.iter().cloned().chain(witnessed).collect();
        audit::verify(self.0.spine.worker_pool(), &self.0.key, &kept).await
    }

    /// The audit log's newest signed head (C2SP tlog-checkpoint), where there is one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn audit_head(&self) -> Result<Option<String>, PolicyError> {
        let mut conn = self.0.spine.pool().acquire().await?;
        Ok(store::audit::last_checkpoint(&mut conn).await?)
    }

    /// The audit log's public key, as others verify its checkpoints (`name+id+key`, C2SP signed-note).
    pub fn audit_key(&self) -> &str {
        self.0.key.verifier()
    }
}

#[async_trait]
impl Policy for PolicyService {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        let (snapshot, now) = (self.snapshot(), self.now());
        let judged = snapshot.judge(&self.0.vocabulary, caller, action, resource, now);
        let asked = (caller, action, resource);
        let decided = Decided::one(asked, &judged, (snapshot.revision, now));
        let written = decided.is_none_or(|decided| self.write_down([decided]));
        if written { judged.decision() } else { not_written().decision() }
    }

    fn permitted(&self, caller: &Caller, action: Action) -> Permitted {
        let (snapshot, now) = (self.snapshot(), self.now());
        let seen = snapshot.permitted(&self.0.vocabulary, caller, action, now);
        let decided = Decided::list((caller, action), &seen, (snapshot.revision, now));
        match self.write_down(decided) {
            true => seen.permitted.clone(),
            false => Permitted::default(),
        }
    }

    async fn settled(&self) -> Result<(), Problem> {
        self.settled_since(self.mark()).await
    }

    fn mark(&self) -> u64 {
        self.0.queue.mark()
    }

    async fn settled_since(&self, mark: u64) -> Result<(), Problem> {
        Ok(self.0.queue.settled(mark).await?)
    }
}

/// What cannot be written down must not be.
fn not_written() -> Judgement {
    Judgement::refused(vec![audit::OVERFLOW.to_owned()], Refusal::Policy)
}

async fn load(
    conn: &mut PgConnection,
    vocabulary: &Arc<Vocabulary>,
    before: Option<&Snapshot>,
    (revision, now): (i64, DateTime<Utc>),
) -> Result<Snapshot, PolicyError> {
    let own = store::policies::all(conn).await?;
    let policies = match before.map(|before| &before.policies) {
        Some(policies) if policies.own() == own => Arc::clone(policies),
        _ => {
            // Typing many policies takes a while, which others need not wait for.
            let vocabulary = Arc::clone(vocabulary);
            let made = tokio::task::spawn_blocking(move || Policies::with(&vocabulary, own));
            made.await.map_err(|error| PolicyError::BuiltIn(error.to_string()))??
        }
    };
    let parts = SnapshotParts {
        revision,
        people: store::people::all(conn).await?,
        circles: store::circles::all(conn).await?,
        devices: store::devices::all(conn).await?,
        consents: store::consents::all(conn, now).await?,
        policies,
    };
    Snapshot::new(vocabulary, parts)
}
