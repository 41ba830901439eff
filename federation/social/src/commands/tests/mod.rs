//! Commands and what follows from them, on a whole node with a real database. One test a rule.

mod accounts;
mod blocked_hosts;
mod deliveries;
mod fan_out;
mod filters;
mod posts;
mod reactions;
mod relations;
mod uploads;
mod withdrawn;
mod world;

use super::{
    FilterChange, FilterExpiry, FollowOptions, KeywordChange, MediaChange, MuteOptions,
    NewComplaint, NewLocalAccount, NewPoll, NewPost, PostEdit,
};
use super::{ListChange, ProfileChange, ProfileField};
use world::{HERE, Inbox, World};
