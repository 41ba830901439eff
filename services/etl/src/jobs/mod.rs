//! What the service does in the background.

mod drop_replaced;
mod follow_account;
mod process_incoming_data;
mod rerun_mapping;

pub(crate) use drop_replaced::DropReplaced;
pub(crate) use follow_account::FollowAccount;
pub(crate) use process_incoming_data::ProcessIncomingData;
pub(crate) use rerun_mapping::RerunMapping;
