//! What the service does in the background.

mod process_incoming_data;
mod rerun_mapping;

pub(crate) use process_incoming_data::ProcessIncomingData;
pub(crate) use rerun_mapping::RerunMapping;
