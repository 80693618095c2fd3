//! The real thing: what is built and run from the real sources. Minutes, and the network.

mod acceptance;
mod compiler;
mod dist;
mod end_to_end;
mod triage;
