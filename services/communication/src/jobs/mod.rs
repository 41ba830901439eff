//! The service's jobs.

mod erase_channel;
mod forget_channel;
mod keep_house;
mod send_message;

pub(crate) use erase_channel::EraseChannel;
pub(crate) use forget_channel::ForgetChannel;
pub(crate) use keep_house::KeepHouse;
pub(crate) use send_message::SendMessage;
