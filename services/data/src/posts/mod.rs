//! Posts and their authors land in the same graph as everything else.

mod drafts;
mod handler;
mod jobs;

pub(crate) use handler::{ErasedHandler, PostsHandler};
pub(crate) use jobs::{DropPost, LandPost};
