//! report.html: one file that needs no other, for the browser of whoever was sent it.

use std::fmt::{self, Display, Write as _};

use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Report, Run, Suite, Test};

use super::table::{Cell, Tone};
use super::view::{self, Kind, visible};

/// The whole page.
pub fn render(report: &Report) -> String {
    let mut page = Page(String::new());
    page.header(report);
    page.section("Matrix", |page| {
        page.table(&view::matrix(report), usize::MAX);
        page.put(format_args!("<p class=\"note\">{}</p>\n", Text(view::LEGEND)));
        for note in view::notes(report) {
            page.put(format_args!("<p class=\"note\">{}</p>\n", Text(&note)));
        }
    });
    page.section("Unexpected results", |page| page.unexpected(report));
    page.section("Tests that did not simply pass", |page| {
        for run in &report.runs {
            run.suites.iter().for_each(|suite| page.remarkable(run, suite));
        }
    });
    page.section("Cost", |page| page.costs(report));
    page.put(format_args!("</main>\n</body>\n</html>\n"));
    page.0
}

const STYLE: &str = "\
:root { color-scheme: light dark; --text: #1c1e21; --soft: #626a73; --back: #fff; --line: #d9dde1; --panel: #f5f6f8;
  --good: #17703a; --odd: #8a5a00; --bad: #b3201f; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e6e9; --soft: #9aa3ad; --back: #16181b; --line: #353a40;
  --panel: #1f2226; --good: #5fce88; --odd: #e5b454; --bad: #ff8078; --link: #7db9f5; } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 75rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: 13px/1.5 ui-monospace, monospace; } td code { overflow-wrap: break-word; } .run { white-space: nowrap; }
pre { background: var(--panel); padding: .6rem .8rem; margin: .3rem 0; overflow-x: auto; white-space: pre-wrap; }
details { margin: .4rem 0; } summary { cursor: pointer; }
a { color: var(--link); } .note { color: var(--soft); }
.good { color: var(--good); } .odd { color: var(--odd); } .bad { color: var(--bad); font-weight: 600; }
";

struct Page(String);

impl Page {
    fn put(&mut self, html: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(html);
    }

    fn header(&mut self, report: &Report) {
        self.put(format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Bringup report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Bringup report</h1>\n"
        ));
        let (host, pins) = (&report.host, &report.pins);
        self.put(format_args!("<dl>\n"));
        self.fact("Rust", &format!("{}, {} compiler", pins.rust, report.compiler));
        self.fact("musl", &pins.musl);
        self.fact("LLVM runtimes", &pins.llvm);
        if let Some(qemu) = &pins.qemu {
            self.fact("QEMU", qemu);
        }
        self.fact("Host", &format!("{}, Linux {}, {} jobs", host.triple, host.kernel, host.jobs));
        let tools: Vec<_> = host.tools.iter().map(|(tool, version)| format!("{tool} {version}")).collect();
        self.fact("Tools", &tools.join(", "));
        self.put(format_args!("</dl>\n"));
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.put(format_args!("<dt>{}</dt><dd>{}</dd>\n", Text(name), Text(value)));
    }

    fn section(&mut self, title: &str, body: impl FnOnce(&mut Self)) {
        self.put(format_args!("<h2>{}</h2>\n", Text(title)));
        body(self);
    }

    /// A table whose first row is its header; columns from `numbers` on hold numbers.
    fn table(&mut self, rows: &[Vec<Cell>], numbers: usize) {
        self.put(format_args!("<div class=\"scroll\"><table>\n"));
        for (index, row) in rows.iter().enumerate() {
            let tag = if index == 0 { "th" } else { "td" };
            self.put(format_args!("<tr>"));
            for (column, cell) in row.iter().enumerate() {
                let class = if column >= numbers { "number" } else { cell.tone.word() };
                self.put(format_args!("<{tag} class=\"{class}\">{}</{tag}>", Text(&cell.text)));
            }
            self.put(format_args!("</tr>\n"));
        }
        self.put(format_args!("</table></div>\n"));
    }

    fn unexpected(&mut self, report: &Report) {
        let items = view::unexpected(report);
        if items.is_empty() {
            self.put(format_args!("<p class=\"good\">None.</p>\n"));
            return;
        }
        self.put(format_args!(
            "<div class=\"scroll\"><table>\n<tr><th>verdict</th><th>run</th><th>test</th><th>what happened</th></tr>\n"
        ));
        for item in &items {
            let (tone, word) = (item.kind.tone().word(), item.kind.word());
            let run = view::run_name(item.run);
            self.put(format_args!("<tr><td class=\"{tone}\">{word}</td><td class=\"run\">{}</td><td>", Text(&run)));
            self.put(format_args!("{} <code>{}</code></td><td>", Text(item.suite), Text(item.name)));
            if matches!(item.kind, Kind::Smoke | Kind::Incomplete) {
                self.put(format_args!("<pre>{}</pre>", Text(&item.detail)));
            } else {
                self.put(format_args!("{}", Text(&item.detail)));
            }
            self.log(item.log);
            self.put(format_args!("</td></tr>\n"));
        }
        self.put(format_args!("</table></div>\n"));
        for hint in view::hints(report) {
            self.put(format_args!("<p class=\"note\">hint: {}</p>\n", Text(&hint)));
        }
    }

    /// A foldable table of the tests that failed, were not run, or have any verdict but `expected`; nothing if there is none.
    fn remarkable(&mut self, run: &Run, suite: &Suite) {
        let simple = |test: &&Test| test.outcome == Some(Outcome::Pass) && test.verdict == Verdict::Expected;
        let tests: Vec<_> = suite.tests.iter().filter(|test| !simple(test)).collect();
        if tests.is_empty() {
            return;
        }
        let (run, name) = (view::run_name(run), &suite.suite);
        let (count, listed) = (tests.len(), suite.listed);
        self.put(format_args!(
            "<details>\n<summary>{} {}: {count} of {listed} tests</summary>\n",
            Text(&run),
            Text(name)
        ));
        self.put(format_args!("<div class=\"scroll\"><table>\n<tr><th>test</th><th>outcome</th><th>verdict</th>"));
        self.put(format_args!("<th class=\"number\">seconds</th><th>why</th></tr>\n"));
        for test in tests {
            let outcome = test.outcome.map_or("-", Outcome::word);
            let tone = match test.verdict {
                Verdict::Expected => Tone::Plain,
                Verdict::Regression => Tone::Bad,
                Verdict::Improvement | Verdict::Flake | Verdict::Stale => Tone::Odd,
            };
            self.put(format_args!("<tr><td><code>{}</code></td><td>{outcome}</td>", Text(&test.name)));
            self.put(format_args!("<td class=\"{}\">{}</td>", tone.word(), test.verdict.word()));
            self.put(format_args!("<td class=\"number\">{:.2}</td>", test.wall_s));
            self.put(format_args!("<td>{}", Text(test.reason.as_deref().unwrap_or_default())));
            self.log(test.log.as_deref());
            self.put(format_args!("</td></tr>\n"));
        }
        self.put(format_args!("</table></div>\n</details>\n"));
    }

    fn log(&mut self, log: Option<&str>) {
        if let Some(log) = log {
            self.put(format_args!(" <a href=\"{}\">log</a>", Link(log)));
        }
    }

    fn costs(&mut self, report: &Report) {
        let mut rows = vec![["step or suite", "", "wall s", "CPU s"].map(Cell::plain).into()];
        rows.extend(view::costs(report).iter().map(|cost| {
            let cached = if cost.cached { "cached" } else { "" };
            let (wall, cpu) = (format!("{:.1}", cost.wall_s), format!("{:.1}", cost.cpu_s));
            [cost.name.clone(), cached.into(), wall, cpu].map(Cell::plain).into()
        }));
        self.table(&rows, 2);
    }
}

/// Text that stays text.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in visible(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The address of a file beside the page; never one with a scheme.
struct Link<'a>(&'a str);

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("./")?;
        for byte in self.0.bytes() {
            match byte {
                b'/' | b'.' | b'-' | b'_' | b'~' => f.write_char(byte.into())?,
                byte if byte.is_ascii_alphanumeric() => f.write_char(byte.into())?,
                byte => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}
