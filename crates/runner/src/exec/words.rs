//! Processes in words: how they ended, and what they were started with.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;

use super::Finished;

/// How a process ended, in words: `exited with status 3`, `was killed by SIGSEGV`.
pub fn describe(finished: &Finished) -> String {
    if finished.timed_out {
        return format!("was killed at its time limit after {:.0} s", finished.wall.as_secs_f64());
    }
    if let Some(what) = finished.exceeded {
        return format!("was killed because it {what}");
    }
    match (finished.status.code(), finished.status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by {}", signal_name(signal)),
        (None, None) => "ended in an unknown way".into(),
    }
}

/// `SIGSEGV` for 11, and so on; `signal 64` where there is no name.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), Into::into)
}

/// A word as a shell would have to be given it.
pub fn quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A long text's beginning.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
