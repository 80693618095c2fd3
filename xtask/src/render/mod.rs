//! Renderers: a [`Report`](bringup_model::report::Report) goes in, bytes come out. Nothing in here reads or writes a file;
//! [`progress`] alone prints, and only while a run is under way.

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod table;
pub mod terminal;
pub mod triage;
pub mod view;
