//! The service's jobs.

mod erase;
mod forget_channel;
mod keep_house;
mod send_message;
mod take_in;

pub(crate) use erase::Erase;
pub(crate) use forget_channel::ForgetChannel;
pub(crate) use keep_house::KeepHouse;
pub(crate) use send_message::SendMessage;
pub(crate) use take_in::TakeIn;
