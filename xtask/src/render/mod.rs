//! Renderers: a [`Report`](crate::model::report::Report) goes in, bytes come out. Nothing in here reads or writes a file.

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod table;
pub mod terminal;
pub mod view;
