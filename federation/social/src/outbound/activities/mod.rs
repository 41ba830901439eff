//! Activities that a command sends itself: one file each.

mod block;
mod delete;
mod featured;
mod flag;
mod follow;
mod like;
mod move_account;
mod undo_boost;
mod vote;

pub(crate) use block::{block, undo_block};
pub(crate) use delete::{MOST_INVOLVED, delete_account, delete_post};
pub(crate) use featured::featured;
pub(crate) use flag::flag;
pub(crate) use follow::{follow, follow_of};
pub(crate) use like::{like, undo_like};
pub(crate) use move_account::move_account;
pub(crate) use undo_boost::{Boost, take_back_boost};
pub(crate) use vote::vote;

use activitypub::builders::Addressing;
use activitypub::vocabulary;
use url::Url;

use super::address;
use crate::store::write_commands::ActorRow;
use crate::{SocialError, Visibility};

/// Where an account's followers are listed.
fn followers_url(actor: &ActorRow) -> Result<Url, SocialError> {
    match &actor.followers_url {
        Some(url) => address(url),
        None => address(&format!("{}/followers", actor.uri)),
    }
}

/// `to` and `cc` of something with this visibility.
fn addressing(visibility: Visibility, followers: &Url, mentions: &[Url]) -> Addressing {
    let visibility = match visibility {
        Visibility::Public => vocabulary::Visibility::Public,
        Visibility::Unlisted => vocabulary::Visibility::Unlisted,
        Visibility::Private => vocabulary::Visibility::Private,
        Visibility::Direct => vocabulary::Visibility::Direct,
    };
    Addressing::of(visibility, followers, mentions)
}
