//! Renderers: a [`Report`](bringup_model::report::Report) goes in, bytes come out. Nothing in here reads or writes a file;
//! [`crate::console`] alone prints.

use bringup_runner::exec::quote;

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod table;
pub mod terminal;
pub mod triage;
pub mod view;

/// Arguments as a shell takes them. Every command that Bringup tells a user to run again is made of arguments by this.
pub fn command_line(arguments: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = arguments.iter().map(|argument| quote(argument.as_ref().as_ref())).collect();
    words.join(" ")
}
