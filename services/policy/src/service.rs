//! The policy service of one process.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::access::{Action, Caller, Decision, Permitted, Policy, Refusal, Resource};
use spine::{Problem, Spine, Tx};
use sqlx::PgConnection;
use tokio::sync::Notify;

use crate::audit::{Entry, LogKey, Queue, Report};
use crate::engine::{Judgement, Policies, Snapshot, SnapshotParts, Vocabulary};
use crate::{MIGRATIONS, PolicyError, audit, follow, store};

/// Settings of the policy service.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// The node's address (`https://node.example`): the audit log is named after it, once and for ever.
    pub origin: String,
}

/// The policy service. Cheap to clone.
#[derive(Clone)]
pub struct PolicyService(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) vocabulary: Arc<Vocabulary>,
    snapshot: RwLock<Arc<Snapshot>>,
    queue: Arc<Queue>,
    key: LogKey,
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
        let mut conn = spine.pool().acquire().await?;
        let revision = store::revision::current(spine.pool()).await?;
        let now = spine.clock().now();
        let snapshot = load(&mut conn, &vocabulary, None, (revision, now)).await?;
        drop(conn);
        let queue = Arc::new(Queue::new());
        let many = Arc::new(Notify::new());
        tokio::spawn(audit::write(
            Arc::clone(&queue),
            spine.pool().clone(),
            spine.clock().clone(),
            Arc::clone(&many),
        ));
        let snapshot = RwLock::new(Arc::new(snapshot));
        let service = Self(Arc::new(Inner { spine, vocabulary, snapshot, queue, key }));
        follow::start(&service, many);
        Ok(service)
    }

    /// As the port that services ask.
    pub fn port(&self) -> Arc<dyn Policy> {
        Arc::new(self.clone())
    }

    /// What decisions rest on, now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides from now on by this, unless something newer is here already.
    fn swap(&self, snapshot: Snapshot) {
        let mut current = self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        if current.revision < snapshot.revision {
            *current = Arc::new(snapshot);
        }
    }

    /// Says that this transaction changed what decisions rest on: they follow it from the commit on.
    /// To be called after the last change.
    pub(crate) async fn changed(&self, tx: &mut Tx) -> Result<(), PolicyError> {
        let revision = store::revision::count(tx.conn()).await?;
        let (before, now) = (self.snapshot(), self.0.spine.clock().now());
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
        let spine = &self.0.spine;
        audit::sequence(spine.worker_pool(), &self.0.key, spine.clock().now()).await
    }

    /// Proves that no audit entry that has its place was changed, removed or reordered, or says which.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_audit(&self) -> Result<Report, PolicyError> {
        self.verify_audit_against(&[]).await
    }

    /// The same, and that the log still contains the trees of these checkpoints, which somebody kept
    /// elsewhere: that its end was not cut off together with its newest checkpoints.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_audit_against(&self, kept: &[String]) -> Result<Report, PolicyError> {
        audit::verify(self.0.spine.worker_pool(), &self.0.key, kept).await
    }

    /// The audit log's public key, as others verify its checkpoints (`name+id+key`, C2SP signed-note).
    pub fn audit_key(&self) -> &str {
        self.0.key.verifier()
    }
}

#[async_trait]
impl Policy for PolicyService {
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision {
        let now = self.0.spine.clock().now();
        let judged = self.snapshot().judge(&self.0.vocabulary, caller, action, resource, now);
        let entry = Entry::of_decision(caller, action, resource, &judged, now);
        let written = entry.is_none_or(|entry| self.0.queue.push([entry]));
        if written { judged.decision() } else { not_written().decision() }
    }

    fn permitted(&self, caller: &Caller, action: Action) -> Permitted {
        let now = self.0.spine.clock().now();
        let seen = self.snapshot().permitted(&self.0.vocabulary, caller, action, now);
        let entries = Entry::of_query(caller, action, &seen.permitted, now);
        match self.0.queue.push(entries) {
            true => seen.permitted.clone(),
            false => Permitted::default(),
        }
    }

    async fn settled(&self) -> Result<(), Problem> {
        Ok(self.0.queue.settled().await?)
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
