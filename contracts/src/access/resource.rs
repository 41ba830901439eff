//! With what something is done.

use spine::Snowflake;

use super::SpaceId;

/// Labels of data that needs a consent of its own for every purpose but its owner's use (GDPR, article 9, and what
/// people hold to be as close).
pub const SPECIAL_CATEGORIES: &[&str] = &["health", "finance", "location", "minor", "intimate"];

/// A thing of a kind, as the policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What kind: the first part of the action's name (`entity`, `rule`, `plugin`).
    pub kind: &'static str,
    /// Its id, or what tells it apart; `*` for the kind as such.
    pub id: String,
    /// Where it is.
    pub space: SpaceId,
    /// Its labels; those of [`SPECIAL_CATEGORIES`] are guarded more closely.
    pub labels: Vec<String>,
    /// The schema.org type of an entity, the facet of a state.
    pub class: Option<String>,
    /// The person whom the data is about, where known: their consent counts, and they may read who
    /// saw it.
    pub subject: Option<Snowflake>,
    /// The plugin, service or app that made it and keeps it, where it belongs to one.
    pub keeper: Option<String>,
}

impl Resource {
    /// A thing in a space. The space's person, where it is somebody's own, is its subject.
    pub fn new(kind: &'static str, id: impl Into<String>, space: SpaceId) -> Self {
        let subject = space.person();
        Self { kind, id: id.into(), space, labels: Vec::new(), class: None, subject, keeper: None }
    }

    /// A thing of the node itself, which the household shares: a plugin, a policy.
    pub fn of_node(kind: &'static str, id: impl Into<String>) -> Self {
        Self::new(kind, id, SpaceId::household())
    }

    /// With these labels.
    #[must_use]
    pub fn labelled(mut self, labels: impl IntoIterator<Item = String>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Of this class.
    #[must_use]
    pub fn of_class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// About this person.
    #[must_use]
    pub fn about(mut self, subject: Option<Snowflake>) -> Self {
        self.subject = subject;
        self
    }

    /// Kept by this plugin, service or app (as [`super::Principal`] writes it).
    #[must_use]
    pub fn kept_by(mut self, keeper: impl Into<String>) -> Self {
        self.keeper = Some(keeper.into());
        self
    }
}
