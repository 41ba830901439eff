//! The plugins of the node as this process knows them: a call looks nothing up in the database.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::plugin::Installed;

/// Plugins by id. A newer state replaces an older one and never the other way round, in whatever order
/// they come; calls that run keep what they began with.
#[derive(Default)]
pub(crate) struct Catalogue(RwLock<HashMap<String, Entry>>);

enum Entry {
    Here(Arc<Installed>),
    /// Removed when it was at this revision.
    Gone(i64),
}

impl Entry {
    fn revision(&self) -> i64 {
        match self {
            Self::Here(installed) => installed.revision,
            Self::Gone(revision) => *revision,
        }
    }
}

impl Catalogue {
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Installed>> {
        match self.0.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            Some(Entry::Here(installed)) => Some(Arc::clone(installed)),
            Some(Entry::Gone(_)) | None => None,
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Installed>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let here = entries.values().filter_map(|entry| match entry {
            Entry::Here(installed) => Some(Arc::clone(installed)),
            Entry::Gone(_) => None,
        });
        let mut all: Vec<_> = here.collect();
        all.sort_unstable_by(|a, b| a.id().cmp(b.id()));
        all
    }

    /// It is so, unless something newer is known.
    pub(crate) fn put(&self, installed: Arc<Installed>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_newer =
            entries.get(installed.id()).is_none_or(|known| installed.revision > known.revision());
        if is_newer {
            entries.insert(installed.id().to_owned(), Entry::Here(installed));
        }
    }

    /// It is gone, unless something newer than `revision` is known.
    pub(crate) fn remove(&self, id: &str, revision: i64) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.get(id).is_none_or(|known| revision >= known.revision()) {
            entries.insert(id.to_owned(), Entry::Gone(revision));
        }
    }
}
