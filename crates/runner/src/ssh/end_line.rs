//! The line that `run.sh` adds to a process's standard error, and its removal.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

/// What `run.sh` reports at the end of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndLine {
    pub status: ExitStatus,
    /// Whether it left a process behind, which was killed.
    pub left: bool,
    /// Processor time, including that of waited-for descendants.
    pub cpu: Duration,
}

impl EndLine {
    /// `STATUS LEFT USER SYSTEM`, times as the shell's `times` gives them.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let code: i32 = words.next()?.parse().ok()?;
        let left = words.next()? == "1";
        let cpu = words.filter_map(time).sum();
        // That is how a shell reports a signal; the highest is 64.
        let status = if (129..=192).contains(&code) { code - 128 } else { code << 8 };
        Some(Self { status: ExitStatus::from_raw(status), left, cpu })
    }
}

/// `1m2.345s`
fn time(word: &str) -> Option<Duration> {
    let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
    let seconds: f64 = seconds.replace(',', ".").parse().ok()?;
    Duration::try_from_secs_f64(minutes.parse::<f64>().ok()? * 60.0 + seconds).ok()
}

/// Passes a stream on without the end line, and without what ssh and login shells print before the process.
pub(super) struct Filter {
    /// The text after which the process starts.
    begin: Vec<u8>,
    begun: bool,
    /// The beginning of the end line.
    start: Vec<u8>,
    /// Not passed on: it may be the end line, or its beginning.
    kept: Vec<u8>,
}

impl Filter {
    pub fn new(mark: &str) -> Self {
        let [begin, start] = [format!("\n{mark} begins\n"), format!("\n{mark} ")].map(String::into_bytes);
        Self { begin, begun: false, start, kept: Vec::new() }
    }

    /// Takes a chunk and returns the part of the stream that cannot belong to the end line.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.kept.extend_from_slice(chunk);
        if !self.begun {
            let Some(at) = memchr::memmem::find(&self.kept, &self.begin) else { return Vec::new() };
            self.kept.drain(..at + self.begin.len());
            self.begun = true;
        }
        let whole = memchr::memmem::find(&self.kept, &self.start);
        let begun = || {
            let longest = self.kept.len().min(self.start.len() - 1);
            (1..=longest).rev().find(|&length| self.kept.ends_with(&self.start[..length]))
        };
        let end = whole.unwrap_or_else(|| self.kept.len() - begun().unwrap_or(0));
        self.kept.drain(..end).collect()
    }

    /// Whether the process was started.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// The end line, if it is complete.
    pub fn end_line(&self) -> Option<EndLine> {
        if !self.begun {
            return None;
        }
        let rest = self.kept.strip_prefix(self.start.as_slice())?;
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        EndLine::parse(&String::from_utf8_lossy(&rest[..end]))
    }

    /// What is left of the stream at its end.
    pub fn rest(&self) -> &[u8] {
        let after = |rest: &'_ [u8]| rest.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
        match self.kept.strip_prefix(self.start.as_slice()).filter(|_| self.begun) {
            Some(rest) => after(rest).map_or(&[], |end| &rest[end..]),
            None => &self.kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_line_is_found_however_it_is_cut() {
        let text = b"welcome\nmark begins\nsome\nmar error\nmark 139 1 0m1.500000s 1m0.25s\nssh: bye\n";
        for cut in 0..text.len() {
            let mut filter = Filter::new("mark");
            let mut passed = filter.feed(&text[..cut]);
            passed.extend(filter.feed(&text[cut..]));
            let end = filter.end_line().unwrap();
            passed.extend(filter.rest());
            assert_eq!(String::from_utf8_lossy(&passed), "some\nmar errorssh: bye\n");
            assert_eq!(end.status.signal(), Some(11));
            assert!(end.left && end.cpu == Duration::from_millis(61_750), "{end:?}");
        }
    }

    #[test]
    fn without_an_end_line_nothing_is_lost() {
        let mut filter = Filter::new("mark");
        assert_eq!((filter.feed(b"ssh: no\nmark 1 0\n"), filter.has_begun()), (Vec::new(), false));
        assert_eq!((filter.end_line(), filter.rest()), (None, &b"ssh: no\nmark 1 0\n"[..]));
        let mut filter = Filter::new("mark");
        let mut passed = filter.feed(b"\nmark begins\none\n");
        assert_eq!((passed.as_slice(), filter.has_begun()), (&b"one"[..], true));
        passed.extend(filter.feed(b"mar"));
        assert_eq!((filter.end_line(), passed.as_slice(), filter.rest()), (None, &b"one"[..], &b"\nmar"[..]));
    }

    #[test]
    fn a_status_is_an_exit_or_a_signal() {
        let status = |line| EndLine::parse(line).unwrap().status;
        assert_eq!(status("0 0 0m0s 0m0s").code(), Some(0));
        assert_eq!(status("101 0").code(), Some(101));
        assert_eq!(status("255 0").code(), Some(255));
        assert_eq!(status("137 0").signal(), Some(9));
        assert_eq!(EndLine::parse("x"), None);
    }
}
