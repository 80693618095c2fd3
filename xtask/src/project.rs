//! The project's files: read, checked, and turned into values.

pub mod config;
pub mod expect;
pub mod spec;
