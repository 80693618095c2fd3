//! Harnesses: how a test program lists its tests, reports on them, and ends.

pub mod compiletest;
pub(crate) mod end;
pub(crate) mod follow;
pub(crate) mod list;
pub(crate) mod protocol;
pub(crate) mod table;
