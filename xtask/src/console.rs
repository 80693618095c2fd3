//! Progress on standard error: on a terminal, one live line for each running step; elsewhere, plain
//! lines.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::render::table::paint;

/// Writes progress, notes and warnings. Clones share the same lines and may be used in any thread.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    out: Mutex<Box<dyn Write + Send>>,
    /// None without a terminal.
    live: Option<MultiProgress>,
    color: bool,
    quiet: bool,
    cached: AtomicUsize,
}

impl Console {
    /// Writes to standard error. `quiet` leaves only warnings, failures and results.
    pub fn new(color: bool, is_tty: bool, quiet: bool) -> Self {
        let choice = if color { ColorChoice::Always } else { ColorChoice::Never };
        let live = is_tty && !quiet;
        let live = live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self::to(Box::new(AutoStream::new(std::io::stderr(), choice)), live, color, quiet)
    }

    /// Chooses by standard error: live on a terminal, in colour unless `NO_COLOR` or the like forbids it.
    pub fn for_stderr(quiet: bool) -> Self {
        let stderr = std::io::stderr();
        let color = AutoStream::choice(&stderr) != ColorChoice::Never;
        Self::new(color, stderr.is_terminal(), quiet)
    }

    fn to(out: Box<dyn Write + Send>, live: Option<MultiProgress>, color: bool, quiet: bool) -> Self {
        Self(Arc::new(Shared { out: Mutex::new(out), live, color, quiet, cached: AtomicUsize::new(0) }))
    }

    pub fn color(&self) -> bool {
        self.0.color
    }

    /// Starts a step's line.
    pub fn step(&self, label: &str) -> StepHandle {
        let bar = self.0.live.as_ref().map(|live| {
            let bar = live.add(ProgressBar::new_spinner().with_style(live_line()));
            bar.set_prefix(self.verb("Running", label, AnsiColor::Cyan));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() && !self.0.quiet {
            self.line(&self.verb("Running", label, AnsiColor::Cyan));
        }
        StepHandle { console: self.clone(), label: label.to_owned(), bar }
    }

    /// Counts a step that was already done. It gets no line.
    pub fn cached(&self) {
        self.0.cached.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows the number of cached steps, once. Dropping the last clone does the same.
    pub fn finish(&self) {
        self.0.finish();
    }

    /// Shows a note, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.0.quiet {
            self.line(text);
        }
    }

    /// Shows a warning.
    pub fn warn(&self, text: &str) {
        self.line(&format!("{} {text}", paint("warning:", AnsiColor::Yellow.on_default().bold(), self.0.color)));
    }

    /// Shows a result, even if quiet.
    pub fn show(&self, text: &str) {
        self.line(text.trim_end());
    }

    fn verb(&self, verb: &str, label: &str, color: AnsiColor) -> String {
        self.0.verb(verb, label, color)
    }

    fn line(&self, text: &str) {
        self.0.line(text);
    }
}

impl Shared {
    fn verb(&self, verb: &str, label: &str, color: AnsiColor) -> String {
        let style = Style::new().bold().fg_color(Some(color.into()));
        format!("{} {label}", paint(&format!("{verb:>12}"), style, self.color))
    }

    /// Writes the whole text at once, never between the live lines.
    fn line(&self, text: &str) {
        let write = || {
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            // A closed pipe must not end the run.
            let _ = out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush());
        };
        match &self.live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }

    fn finish(&self) {
        let cached = self.cached.swap(0, Ordering::Relaxed);
        if cached > 0 && !self.quiet {
            let steps = if cached == 1 { "step" } else { "steps" };
            self.line(&self.verb("Cached", &format!("{cached} {steps}"), AnsiColor::Green));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Shows the error that ends the program, with its causes.
pub fn show_error(error: &anyhow::Error) {
    let mut out = anstream::stderr();
    // If standard error is closed, there is nowhere to report that.
    let _ = writeln!(out, "{} {error:#}", paint("error:", AnsiColor::Red.on_default().bold(), true));
}

fn live_line() -> ProgressStyle {
    let seconds = |state: &ProgressState, line: &mut dyn std::fmt::Write| {
        // A failure to draw a line is not an error.
        let _ = line.write_str(&seconds(state.elapsed()));
    };
    // Only a mistake in the constant makes this fail. Then the line is plain.
    let style = ProgressStyle::with_template("{prefix} {seconds} {wide_msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("seconds", seconds)
}

fn seconds(duration: Duration) -> String {
    format!("[{:5.1}s]", duration.as_secs_f64())
}

/// A running step. Dropping it removes its live line; the error that ends the step is reported elsewhere.
#[must_use = "a step that is dropped at once is never shown"]
pub struct StepHandle {
    console: Console,
    label: String,
    bar: Option<ProgressBar>,
}

impl StepHandle {
    /// Shows what the step is doing; only on a terminal.
    pub fn detail(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Shows a suite's progress.
    pub fn tests(&self, done: usize, listed: usize) {
        self.detail(&format!("{done}/{listed} tests"));
    }

    /// Ends the step. `cached` says that it was already done.
    pub fn done(mut self, wall: Duration, cached: bool) {
        self.clear();
        if cached {
            self.console.cached();
        } else if !self.console.0.quiet {
            let label = format!("{} {}", self.label, seconds(wall));
            self.console.line(&self.console.verb("Finished", &label, AnsiColor::Green));
        }
    }

    /// Ends the step as failed. The error itself is reported elsewhere.
    pub fn failed(mut self) {
        self.clear();
        self.console.line(&self.console.verb("Failed", &self.label, AnsiColor::Red));
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            if let Some(live) = &self.console.0.live {
                live.remove(&bar);
            }
        }
    }
}

impl Drop for StepHandle {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Result;

    use indicatif::TermLike;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What is on the screen: everything since a line was last cleared.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            60
        }

        fn move_cursor_up(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn story(ui: &Console) {
        ui.cached();
        let musl = ui.step("musl s390x");
        musl.detail("configure");
        ui.note("a note");
        ui.warn("a warning");
        musl.done(Duration::from_millis(27_149), false);
        ui.step("std s390x").failed();
        drop(ui.step("core s390x"));
        ui.cached();
    }

    #[test]
    fn plain_lines_where_there_is_no_terminal() {
        let sink = Sink::default();
        let ui = Console::to(Box::new(sink.clone()), None, false, false);
        story(&ui);
        drop(ui);
        let lines = [
            "     Running musl s390x",
            "a note",
            "warning: a warning",
            "    Finished musl s390x [ 27.1s]",
            "     Running std s390x",
            "      Failed std s390x",
            "     Running core s390x",
            "      Cached 2 steps",
        ];
        assert_eq!(sink.text().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn quiet_leaves_warnings_and_failures() {
        let sink = Sink::default();
        let ui = Console::to(Box::new(sink.clone()), None, false, true);
        story(&ui);
        ui.finish();
        assert_eq!(sink.text(), "warning: a warning\n      Failed std s390x\n");
    }

    #[test]
    fn colour_only_where_asked() {
        let sink = Sink::default();
        let ui = Console::to(Box::new(sink.clone()), None, true, false);
        story(&ui);
        ui.finish();
        assert!(sink.text().contains("\u{1b}["));
        assert!(anstream::adapter::strip_str(&sink.text()).to_string().contains("    Finished musl s390x [ 27.1s]\n"));
    }

    #[test]
    fn a_live_line_shows_the_detail_and_goes_away() {
        let screen = Screen::default();
        let sink = Sink::default();
        let live = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let ui = Console::to(Box::new(sink.clone()), Some(live), false, false);
        let suite = ui.step("std s390x");
        suite.tests(7, 1030);
        // The steady tick draws the line at the latest.
        std::thread::sleep(Duration::from_millis(500));
        let shown = screen.0.lock().unwrap().clone();
        assert!(shown.starts_with("     Running std s390x [") && shown.contains("7/1030 tests"), "{shown}");
        ui.note("between");
        suite.done(Duration::from_secs(31), false);
        assert_eq!(*screen.0.lock().unwrap(), "");
        assert_eq!(sink.text(), "between\n    Finished std s390x [ 31.0s]\n");
    }

    #[test]
    fn lines_of_many_threads_stay_whole() {
        let sink = Sink::default();
        let ui = Console::to(Box::new(sink.clone()), None, false, false);
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let ui = &ui;
                scope.spawn(move || (0..50).for_each(|note| ui.note(&format!("note {worker} {note}"))));
            }
        });
        let text = sink.text();
        assert_eq!(text.lines().count(), 400);
        assert!(text.lines().all(|line| line.starts_with("note ") && line.split(' ').count() == 3));
    }
}
