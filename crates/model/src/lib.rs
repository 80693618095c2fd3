//! Bringup's data and rules: what its files say, what its steps take as input, and what its reports hold. Nothing in this
//! crate does IO, so every rule can be tested without files and processes.
//!
//! The modules form layers. A module uses only those of its own layer and of the layers above it in this list:
//!
//! 1. Terms: [`link`], [`isolation`], [`compiler`], [`version`], [`partition`], [`suite`], [`exit`], [`text`], [`digest`],
//!    [`path_filter`], [`pattern`].
//! 2. Choices of the user and formats of files: [`build_options`], [`runner_spec`], [`pins`], [`release`], [`target`],
//!    [`limits`], [`series`], [`patch_name`], [`proof`], [`archive_manifest`], [`dist_manifest`].
//! 3. Results and expectations: [`outcome`], [`expectation`].
//! 4. The report: [`report`], which reads, compares and merges `report.json`.
//! 5. Rules over results: [`judge`] gives each test its verdict, [`bless`] rewrites expectation files, and [`triage`] finds the
//!    cause of a failure.

#![warn(clippy::missing_errors_doc)]

pub mod archive_manifest;
pub mod bless;
pub mod build_options;
pub mod compiler;
pub mod corpus;
pub mod digest;
pub mod dist_manifest;
pub mod exit;
pub mod expectation;
pub mod isolation;
pub mod judge;
pub mod limits;
pub mod link;
pub mod outcome;
pub mod partition;
pub mod patch_name;
pub mod path_filter;
pub mod pattern;
pub mod pins;
pub mod proof;
pub mod release;
pub mod report;
pub mod runner_spec;
mod schema;
pub mod series;
pub mod suite;
pub mod target;
pub mod text;
pub mod triage;
pub mod version;
