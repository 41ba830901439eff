//! Every SQL statement of the service.

pub mod write_home;
pub mod write_notifications;
pub mod write_posts;
