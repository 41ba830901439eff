//! Every SQL statement of the service.
pub mod write_accounts;
pub mod write_edits;
pub mod write_follows;
pub mod write_home;
pub mod write_notifications;
pub mod write_posts;
pub mod write_reactions;
pub mod write_relations;
pub mod write_reports;
pub mod write_votes;
