//! report.html: one file for a browser, without any other file.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Report, Run, Suite, Test};
use bringup_model::text::counted;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, escape_formatter};

use super::table::{Cell, Tone};
use super::view::{self, UnexpectedKind, visible};

/// The whole page.
pub fn render(report: &Report) -> Result<String> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("link", |path: &str| link(path));
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &visible(text).into()),
        _ => escape_formatter(out, state, value),
    });
    let suites = report.runs.iter().flat_map(|run| run.suites.iter().filter_map(|suite| remarkable(run, suite)));
    let notes = [view::LEGEND.to_owned()].into_iter().chain(view::notes(report));
    let context = context! {
        facts => facts(report),
        matrix => matrix(report),
        notes => notes.collect::<Vec<_>>(),
        unexpected => view::unexpected_once(report).iter().map(unexpected).collect::<Vec<_>>(),
        hints => view::hints(report),
        suites => suites.collect::<Vec<_>>(),
        costs => costs(report),
    };
    environment.render_str(include_str!("report.html"), context).context("rendering report.html")
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let pins = &report.pins;
    let mut facts = vec![
        ("Rust", format!("{}, {} compiler", pins.rust, report.build.compiler.word())),
        ("musl", pins.musl.clone()),
        ("LLVM runtimes", pins.llvm.clone()),
    ];
    facts.extend(pins.qemu.clone().map(|qemu| ("QEMU", qemu)));
    for host in &report.hosts {
        facts.push(("Host", format!("{}, Linux {}, {}", host.triple, host.kernel, counted(host.jobs, "job", "jobs"))));
        let tools: Vec<_> = host.tools.iter().map(|(tool, version)| format!("{tool} {version}")).collect();
        facts.push(("Tools", tools.join(", ")));
    }
    facts
}

fn matrix(report: &Report) -> Vec<Vec<Value>> {
    let rows = view::matrix(report);
    let row = |row: Vec<Cell>| row.into_iter().map(|cell| context! { text => cell.text, tone => cell.tone.word() });
    rows.into_iter().map(|cells| row(cells).collect()).collect()
}

fn unexpected(item: &view::UnexpectedResult<'_>) -> Value {
    context! {
        tone => item.kind.tone().word(),
        word => item.kind.word(),
        run => item.runs(),
        suite => item.suite,
        name => item.name,
        detail => &item.detail,
        lines => matches!(item.kind, UnexpectedKind::Smoke | UnexpectedKind::Incomplete),
        log => item.log,
    }
}

/// The tests that failed, did not run, or have a verdict other than `expected`; none if there are no such tests.
fn remarkable(run: &Run, suite: &Suite) -> Option<Value> {
    let simple = |test: &&Test| test.outcome == Some(Outcome::Pass) && test.verdict == Verdict::Expected;
    let tests: Vec<Value> = suite.tests.iter().filter(|test| !simple(test)).map(remark).collect();
    let name = format!("{} {}", run.name(), suite.suite);
    (!tests.is_empty()).then(|| context! { name, listed => suite.listed, tests })
}

fn remark(test: &Test) -> Value {
    let tone = match test.verdict {
        Verdict::Expected => Tone::Plain,
        Verdict::Regression => Tone::Bad,
        Verdict::Improvement | Verdict::Flake | Verdict::Stale => Tone::Odd,
    };
    context! {
        name => &test.name,
        outcome => test.outcome.map_or("-", Outcome::word),
        tone => tone.word(),
        verdict => test.verdict.word(),
        wall_s => test.wall_s,
        reason => test.reason.as_deref().unwrap_or_default(),
        log => test.log.as_deref(),
    }
}

fn costs(report: &Report) -> Vec<Value> {
    let costs = view::costs(report).into_iter();
    costs
        .map(|cost| context! { name => cost.name, cached => cost.cached, wall_s => cost.wall_s, cpu_s => cost.cpu_s })
        .collect()
}

/// The address of a file beside the page, without a scheme.
fn link(path: &str) -> Value {
    let mut link = "./".to_owned();
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => link.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => link.push(byte.into()),
            // Writing to a string does not fail.
            byte => drop(write!(link, "%{byte:02X}")),
        }
    }
    Value::from_safe_string(link)
}
