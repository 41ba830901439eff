//! What we tell other servers: activities made from events, delivered a job a host.
