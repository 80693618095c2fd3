//! Building: steps, and the folder of their results.

pub mod step;
pub mod store;
