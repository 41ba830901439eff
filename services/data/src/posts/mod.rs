//! Posts and their authors land in the same graph as everything else.
//!
//! What the whole world may read lands in the space `public`; what a person of this node writes for followers
//! or for some people lands in that person's own space, where nobody else sees it. What others write for
//! followers or for some people does not land: it was sent to certain people to be read, and an entity that
//! rules act on, search finds and apps read would be more than that. It stays in the social service, which
//! shows it to those alone. With a post that is deleted goes all that is known of it here, and with an
//! account its author.

mod drafts;
mod handler;
mod jobs;

pub(crate) use handler::PostsHandler;
pub(crate) use jobs::{DropPost, LandPost};
