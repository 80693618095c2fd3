//! Harnesses: how a test program lists its tests and tells of them.

pub mod compiletest;
pub mod libtest;
