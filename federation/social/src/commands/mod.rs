//! What local people do: one file a command.
