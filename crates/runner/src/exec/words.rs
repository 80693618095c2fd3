//! Processes in words: how they ended, and what they were started with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;

use super::Finished;

/// How a process ended: `exited with status 3`, `was killed by SIGSEGV`.
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

/// The name of a signal: `SIGSEGV` for 11, `signal 64` where there is none.
pub(crate) fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), Into::into)
}

/// A word quoted for a shell where it needs to be, as text: bytes that are not UTF-8 are replaced.
pub fn quote(word: &OsStr) -> String {
    String::from_utf8_lossy(&quote_bytes(word)).into_owned()
}

/// The same, byte by byte: for scripts, whose paths may be anything.
pub(crate) fn quote_bytes(word: &OsStr) -> Vec<u8> {
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(byte)) {
        return bytes.to_owned();
    }
    let quoted = bytes.split(|byte| *byte == b'\'').collect::<Vec<_>>().join(br"'\''".as_slice());
    [b"'", quoted.as_slice(), b"'"].concat()
}

/// The beginning of a long text.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_need_it_are_quoted() {
        for (word, quoted) in
            [("-C=a/b,c+d@e%", "-C=a/b,c+d@e%"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("é", "'é'")]
        {
            assert_eq!(quote(word.as_ref()), quoted);
        }
        assert_eq!(quote_bytes(OsStr::from_bytes(b"\xff")), b"'\xff'");
    }
}
