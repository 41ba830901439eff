//! What came of it.

use uuid::Uuid;

/// What came of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Created,
    Changed,
    Unchanged,
    Deleted,
    /// Something newer was known already.
    Outdated,
    /// It changed since it was seen.
    ChangedMeanwhile,
    /// Its content was erased and does not come back, or it is gone.
    Gone,
}

/// What came of an intent, and of which entity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// The entity; nil where there is none.
    pub(crate) entity: Uuid,
    pub(crate) outcome: Outcome,
}
