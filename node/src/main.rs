//! The program `sovereign`.
fn main() {}
