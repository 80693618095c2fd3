//! The real thing: what is built and run from the real sources. Minutes, and the network.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod acceptance;
mod claims;
mod commands;
mod compiler;
mod dist;
mod driver;
mod end_to_end;
mod native;
mod patches;
mod triage;
mod upstream;
