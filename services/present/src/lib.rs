//! The state of now: presence, location, calls and devices, made from events.
