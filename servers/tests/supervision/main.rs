//! Real servers: started, killed in every way, started again.

mod nats;
mod parent;
mod postgres;
mod redis;
