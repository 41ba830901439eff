//! What every measurement needs: samples, processor time, a table to print.

pub mod processor;
pub mod samples;
pub mod table;
