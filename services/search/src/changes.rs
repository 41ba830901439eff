//! What events mean for the index.

use contracts::events::data::{
    EntitiesMerged, EntityChanged, EntityCreated, EntityDeleted, EntityVersion, MergeUndone,
};
use spine::event::SubjectErased;
use spine::{Event, EventData as _, Filter};
use uuid::Uuid;

use crate::{Document, SearchError};

/// The events that change the index.
pub(crate) const FILTER: Filter = Filter::Types(&[
    EntityCreated::TYPE,
    EntityChanged::TYPE,
    EntityDeleted::TYPE,
    EntitiesMerged::TYPE,
    MergeUndone::TYPE,
    SubjectErased::TYPE,
]);

/// A document as it is or as it goes. Of two about the same entity the one with the greater revision
/// counts, in whatever order they come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// The entity.
    pub(crate) id: Uuid,
    /// Twice the version, and one more where it is gone with it.
    pub(crate) revision: i64,
    /// The document; none where it is gone.
    pub(crate) document: Option<Document>,
}

/// An entity became part of another one, or is by itself again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absorption {
    /// Which one.
    pub(crate) entity: Uuid,
    /// Whether it is part of another one.
    pub(crate) active: bool,
    /// The event that says so; ids rise with time.
    pub(crate) event: Uuid,
}

/// What some events amount to.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Documents, one an entity.
    pub(crate) documents: Vec<Change>,
    /// Merges and their undoing, one an entity.
    pub(crate) absorptions: Vec<Absorption>,
    /// Entities that were erased: they go, whatever version they have.
    pub(crate) erased: Vec<Uuid>,
}

impl Changes {
    /// Reads events; what was erased meanwhile says nothing any more.
    ///
    /// # Errors
    /// A payload is not of its type's shape.
    pub(crate) fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, SearchError> {
        let mut changes = Self::default();
        for event in events {
            if let Some(created) = event.read::<EntityCreated>()? {
                changes.put(&created.now);
            } else if let Some(changed) = event.read::<EntityChanged>()? {
                changes.put(&changed.now);
            } else if let Some(deleted) = event.read::<EntityDeleted>()? {
                let revision = i64::from(deleted.version) * 2 + 1;
                changes.push(Change { id: deleted.entity, revision, document: None });
            } else if let Some(merged) = event.read::<EntitiesMerged>()? {
                changes.absorb(merged.absorbed, true, event.id.0);
            } else if let Some(undone) = event.read::<MergeUndone>()? {
                changes.absorb(undone.restored, false, event.id.0);
            } else if let Some(erased) = event.read::<SubjectErased>()?
                && let Some(entity) = erased.subject.strip_prefix("entity:")
                && let Ok(entity) = entity.parse()
            {
                // What was said before about it is not written down any more.
                changes.documents.retain(|change| change.id != entity);
                changes.erased.push(entity);
            }
        }
        Ok(changes)
    }

    /// Adds later changes.
    pub(crate) fn join(&mut self, later: Self) {
        self.documents.retain(|change| !later.erased.contains(&change.id));
        later.documents.into_iter().for_each(|change| self.push(change));
        for one in later.absorptions {
            self.absorb(one.entity, one.active, one.event);
        }
        self.erased.extend(later.erased);
    }

    fn put(&mut self, entity: &EntityVersion) {
        let revision = i64::from(entity.version) * 2;
        let document = Some(Document::of(entity));
        self.push(Change { id: entity.entity, revision, document });
    }

    fn push(&mut self, change: Change) {
        match self.documents.iter_mut().find(|known| known.id == change.id) {
            Some(known) if known.revision < change.revision => *known = change,
            Some(_) => {}
            None => self.documents.push(change),
        }
    }

    fn absorb(&mut self, entity: Uuid, active: bool, event: Uuid) {
        self.absorptions.retain(|known| known.entity != entity);
        self.absorptions.push(Absorption { entity, active, event });
    }
}
