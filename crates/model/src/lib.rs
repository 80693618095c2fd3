//! Pure data: what the files say, what the steps need, what the report holds. Nothing in here does IO.

pub mod bless;
pub mod compiler;
pub mod digest;
pub mod dist;
pub mod exit;
pub mod expectation;
pub mod isolation;
pub mod judge;
pub mod limits;
pub mod link;
pub mod manifest;
pub mod outcome;
pub mod part;
pub mod partition;
pub mod patch_name;
pub mod pins;
pub mod proof;
pub mod release;
pub mod report;
pub mod series;
pub mod suite;
pub mod target;
pub mod triage;
pub mod version;
