//! tokio's own tests of `net` and `time`.
#![cfg(test)]
#![allow(warnings, reason = "the tests are tokio's")]

include!(concat!(env!("OUT_DIR"), "/tests.rs"));
