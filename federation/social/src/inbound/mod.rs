//! What other servers tell us: the inbox, then one file an activity.
