//! What local people do: one file a command.
//!
//! A command checks what its actor may do, changes rows through `write` in one transaction, and
//! schedules there what other servers must hear. When it returns, all of that is on disk, and this
//! process reads its own writes.

mod actor;
mod block;
mod block_domain;
mod block_hosts;
mod bookmark;
mod boost;
mod create_local_account;
mod delete_local_account;
mod delete_post;
mod edit_post;
mod favourite;
mod filters;
mod follow;
mod follow_requests;
mod lists;
mod markers;
mod mentions;
mod moderate;
mod move_account;
mod mute;
mod mute_conversation;
mod note;
mod pin;
mod post;
mod publish;
mod report;
mod tags;
#[cfg(test)]
mod tests;
mod transaction;
mod update_profile;
mod vote;

pub use crate::write::posts::MediaChange;
pub use block_hosts::HostBlocks;
pub use create_local_account::NewLocalAccount;
pub use edit_post::PostEdit;
pub use filters::{FilterChange, FilterExpiry, KeywordChange};
pub use follow::FollowOptions;
pub use lists::ListChange;
pub use mute::MuteOptions;
pub use publish::{NewPoll, NewPost};
pub use report::NewComplaint;
pub use update_profile::{PictureChange, ProfileChange, ProfileField};

pub(crate) use actor::Actors;
pub(crate) use publish::PublishQueue;
