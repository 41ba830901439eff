//! The service's jobs.

mod forget_account;
mod keep_house;
mod schedule_syncs;
mod sync_account;

pub(crate) use forget_account::ForgetAccount;
pub(crate) use keep_house::KeepHouse;
pub(crate) use schedule_syncs::ScheduleSyncs;
pub(crate) use sync_account::{SyncAccount, SyncAccountNow, queue};
