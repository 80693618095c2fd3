//! The protocol of Rust's own test harness: how to list tests, how to run them, and what comes back.
//!
//! Results come as one JSON object a line on standard output, which the tests write to as well. So an event may have
//! anything before it on its line, and the parser finds it there.

#[cfg(test)]
mod tests;

use serde::Deserialize;

/// Arguments that make a test program list its tests.
pub const LIST: [&str; 1] = ["--list"];

/// Arguments that a test program must refuse, with the exit status [`FAILED`].
pub const WRONG: [&str; 2] = ["--format", "none"];

/// Arguments that make a test program run exactly the tests with these names, `threads` at once. A program with an `only`
/// test gets no name, as when cargo runs it: the test may start its own program with its own arguments, and so itself
/// again, without end (`process_spawning` of std from 1.99 on).
pub fn run<'a>(tests: impl IntoIterator<Item = &'a str>, only: bool, threads: usize) -> Vec<String> {
    let options = ["-Z", "unstable-options", "--format=json", "--report-time", "--color=never", "--exact"];
    let options = options.map(str::to_owned).into_iter().chain([format!("--test-threads={threads}"), "--".into()]);
    options.chain(tests.into_iter().filter(|_| !only).map(str::to_owned)).collect()
}

/// The variable that allows JSON output in the harness of a stable toolchain.
pub const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// The exit status of a program with a test that failed.
pub const FAILED: i32 = 101;

/// The most bytes that are kept of the output of one test.
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// A line longer than this is no event, or one whose end is not needed.
const LINE_LIMIT: usize = 4 * 1024 * 1024;

/// The beginning of an event.
const EVENT: &[u8] = br#"{ "type": ""#;

/// Names in the output of [`LIST`]. Benchmarks are listed too: the harness runs each once, as a test.
pub fn listed(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let name = |line: &str| line.strip_suffix(": test").or_else(|| line.strip_suffix(": benchmark")).map(str::to_owned);
    text.lines().filter_map(name).collect()
}

/// The number of tests and benchmarks at the end of the output of [`LIST`].
pub fn listed_count(output: &[u8]) -> Option<usize> {
    let number = |text: &str, word: &str| -> Option<usize> {
        text.strip_suffix('s').unwrap_or(text).strip_suffix(word)?.parse().ok()
    };
    let count = |line: &str| {
        let (tests, benchmarks) = line.split_once(", ")?;
        Some(number(tests, " test")? + number(benchmarks, " benchmark")?)
    };
    String::from_utf8_lossy(output).lines().rev().find_map(count)
}

/// Something that a test program reports.
#[derive(Debug, Clone, PartialEq)]
pub enum TestEvent {
    /// The program is about to run this many tests.
    Begun(usize),
    /// A test has started.
    Started(String),
    /// A test has ended.
    Done(Done),
    /// The program has reported all of its tests.
    Finished(Counts),
}

/// The counts in a program's last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Whether it says that all is well.
    pub ok: bool,
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that were ignored.
    pub ignored: usize,
    /// Tests that were not requested.
    pub left_out: usize,
}

/// The end of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Its name.
    pub name: String,
    /// How it went.
    pub result: TestResult,
    /// Seconds, if the program measured them.
    pub seconds: Option<f64>,
    /// The text of `#[ignore = "…"]`, or of a failure.
    pub message: Option<String>,
    /// What it printed, as far as the harness captured it.
    pub output: String,
}

/// What the harness reports about a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestResult {
    /// `ok`
    Pass,
    /// `failed`
    Fail,
    /// `ignored`
    Ignored,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: Option<String>,
    exec_time: Option<f64>,
    stdout: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    test_count: usize,
    #[serde(default)]
    passed: usize,
    #[serde(default)]
    failed: usize,
    #[serde(default)]
    ignored: usize,
    #[serde(default)]
    filtered_out: usize,
}

impl Line {
    /// The event, if it is of interest. `prefix` is removed from the names.
    fn event(self, prefix: &str) -> Option<TestEvent> {
        let name = |name: String| name.strip_prefix(prefix).map(str::to_owned).unwrap_or(name);
        let result = match (self.kind.as_str(), self.event.as_str()) {
            ("suite", "started") => return Some(TestEvent::Begun(self.test_count)),
            ("suite", "ok" | "failed") => {
                let Self { event, passed, failed, ignored, filtered_out: left_out, .. } = self;
                return Some(TestEvent::Finished(Counts { ok: event == "ok", passed, failed, ignored, left_out }));
            }
            ("test", "started") => return self.name.map(name).map(TestEvent::Started),
            ("test", "ok") => TestResult::Pass,
            ("test", "failed") => TestResult::Fail,
            ("test", "ignored") => TestResult::Ignored,
            _ => return None,
        };
        Some(TestEvent::Done(Done {
            name: name(self.name?),
            result,
            seconds: self.exec_time,
            message: self.message.or(self.reason),
            output: bounded(self.stdout.unwrap_or_default()),
        }))
    }
}

/// Splits a program's standard output into events and noise, chunk by chunk.
#[derive(Debug)]
pub struct Parser {
    /// The beginning of every event.
    event: &'static [u8],
    /// The beginning of every name, which is removed.
    prefix: &'static str,
    line: Vec<u8>,
    /// Output that was no event.
    noise: Tail,
}

impl Default for Parser {
    fn default() -> Self {
        Self::of(EVENT, "")
    }
}

impl Parser {
    /// A parser for a harness whose protocol resembles that of Rust's own.
    pub fn of(event: &'static [u8], prefix: &'static str) -> Self {
        Self { event, prefix, line: Vec::new(), noise: Tail::default() }
    }

    /// Reads a chunk, and hands over each event when its line is complete, with the noise before it.
    pub fn feed(&mut self, mut chunk: &[u8], mut on_event: impl FnMut(TestEvent, &mut Tail)) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&chunk[..=end]);
            self.end_line(&mut on_event);
            chunk = &chunk[end + 1..];
        }
        self.line.extend_from_slice(chunk);
        if self.line.len() > LINE_LIMIT {
            self.shorten_line();
        }
    }

    /// Reads the last line, which may lack its end, after the program has ended.
    pub fn finish(&mut self, mut on_event: impl FnMut(TestEvent, &mut Tail)) {
        self.end_line(&mut on_event);
    }

    /// Takes the noise since it was last taken or cleared.
    pub fn take_noise(&mut self) -> Tail {
        std::mem::take(&mut self.noise)
    }

    fn end_line(&mut self, on_event: &mut impl FnMut(TestEvent, &mut Tail)) {
        let line = std::mem::take(&mut self.line);
        let mut rest = line.as_slice();
        while let Some(start) = find(rest, self.event) {
            self.noise.push(&rest[..start]);
            rest = &rest[start..];
            let mut messages = serde_json::Deserializer::from_slice(rest).into_iter::<Line>();
            let used = if let Some(Ok(message)) = messages.next() {
                if let Some(event) = message.event(self.prefix) {
                    on_event(event, &mut self.noise);
                }
                messages.byte_offset()
            } else {
                if let Some(event) = salvage(rest) {
                    on_event(event, &mut self.noise);
                }
                self.noise.push(&rest[..self.event.len()]);
                self.event.len()
            };
            rest = &rest[used..];
        }
        if rest != b"\n" {
            self.noise.push(rest);
        }
    }

    /// Keeps the part of an endless line that may be an event: the end of noise, or the beginning of a failure's
    /// output.
    fn shorten_line(&mut self) {
        let end = self.line.len() - self.event.len();
        let start = find(&self.line, self.event);
        let noise: Vec<u8> = self.line.drain(..start.unwrap_or(end)).collect();
        self.noise.push(&noise);
        if start.is_some() {
            // A piece of the output is cut out; `salvage` needs only the beginning of the event.
            let end = self.line.len().saturating_sub(self.event.len());
            self.line.drain(OUTPUT_LIMIT.min(end)..end);
        }
    }
}

/// Reads an event that another process has written into, or that was too long to keep: name and result come first.
fn salvage(line: &[u8]) -> Option<TestEvent> {
    // Compared as bytes first: a test may print the beginning of an event a million times.
    let rest = line[..line.len().min(OUTPUT_LIMIT)].strip_prefix(br#"{ "type": "test", "name": "#)?;
    let mut strings = serde_json::Deserializer::from_slice(rest).into_iter::<String>();
    let name = strings.next()?.ok()?;
    let rest = rest[strings.byte_offset()..].strip_prefix(br#", "event": ""#)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let result = match &rest[..end] {
        b"ok" => TestResult::Pass,
        b"failed" => TestResult::Fail,
        _ => return None,
    };
    let output = String::from_utf8_lossy(&rest[end + 1..]).into_owned();
    Some(TestEvent::Done(Done { name, result, seconds: None, message: None, output }))
}

/// The last bytes of a stream.
#[derive(Debug, Default, Clone)]
pub struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Appends, and drops what exceeds the limit from the beginning.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(OUTPUT_LIMIT)..]);
        // Cut only at twice the limit, so that small pieces do not move all bytes each time.
        if self.bytes.len() > 2 * OUTPUT_LIMIT {
            self.trim();
        }
        self.cut |= bytes.len() > OUTPUT_LIMIT;
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// As text, with a mark where the beginning is missing.
    pub fn text(mut self) -> String {
        self.trim();
        let text = String::from_utf8_lossy(&self.bytes);
        if self.cut { format!("[…]{text}") } else { text.into_owned() }
    }

    fn trim(&mut self) {
        let excess = self.bytes.len().saturating_sub(OUTPUT_LIMIT);
        self.cut |= excess > 0;
        self.bytes.drain(..excess);
    }
}

/// The beginning and the end of a test's output: a panic's message is at one of them.
fn bounded(text: String) -> String {
    if text.len() <= OUTPUT_LIMIT {
        return text;
    }
    let head = text.floor_char_boundary(OUTPUT_LIMIT / 2);
    let tail = text.ceil_char_boundary(text.len() - OUTPUT_LIMIT / 2);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
