//! Renderers turn a [`Report`](bringup_model::report::Report) into bytes. They read and write no files; only the console
//! prints.

use bringup_runner::exec::quote;

mod crates;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub(crate) mod table;
pub mod terminal;
pub(crate) mod view;

/// Quotes arguments for a shell. Every command in a hint is made by this.
pub fn command_line(arguments: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = arguments.iter().map(|argument| quote(argument.as_ref().as_ref())).collect();
    words.join(" ")
}
