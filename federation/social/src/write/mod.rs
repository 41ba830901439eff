//! Changes of rows, each with its events and jobs, inside the caller's transaction: shared by local commands and applied activities.
