//! One report with everything in it, through every renderer.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bringup_model::build_options::BuildOptions;
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::diff::diff;
use bringup_model::report::{
    ProgramOrigin, Report, ReportHost, Run, RunVerdict, SCHEMA, SmokeCheck, StepTime, Suite, Test, Verdicts, Versions,
};
use bringup_model::runner_spec::RunnerSpec;
use xtask::render::{html, json, junit, markdown, terminal};

/// A name as no test should have, but some program will.
const ODD: &str = "fmt::odd<&'a T>|`x`\u{1b}[31m\u{ffff}\"é";

pub(crate) fn test(name: &str, outcome: Option<Outcome>, verdict: Verdict, reason: &str) -> Test {
    let log = outcome.is_some_and(Outcome::is_failure).then(|| format!("logs/s390x/{}.txt", name.replace("::", "-")));
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    Test { name: name.into(), outcome, verdict, wall_s: 0.25, reason, tries: None, log }
}

pub(crate) fn suite(name: &str, tests: Vec<Test>) -> Suite {
    let outcomes = |wanted| tests.iter().filter(|test| test.outcome == Some(wanted)).count();
    let verdicts = |wanted| tests.iter().filter(|test| test.verdict == wanted).count();
    Suite {
        suite: name.into(),
        listed: tests.iter().filter(|test| test.outcome.is_some()).count(),
        passed: outcomes(Outcome::Pass),
        failed: outcomes(Outcome::Fail),
        crashed: outcomes(Outcome::Crash),
        timed_out: outcomes(Outcome::Timeout),
        missing: outcomes(Outcome::Missing),
        ignored: outcomes(Outcome::Ignored),
        skipped: outcomes(Outcome::Skipped),
        not_run: 0,
        wall_s: 31.42,
        cpu_s: 58.0,
        cached: false,
        part: None,
        partial: false,
        verdicts: Verdicts {
            expected: verdicts(Verdict::Expected),
            regression: verdicts(Verdict::Regression),
            improvement: verdicts(Verdict::Improvement),
            flake: verdicts(Verdict::Flake),
            stale: verdicts(Verdict::Stale),
            new_flakes: 0,
            constant: 0,
        },
        tests,
    }
}

pub(crate) fn run(target: &str, runner: &str, verdict: RunVerdict) -> Run {
    Run {
        target: target.into(),
        triple: format!("{target}-alpine-linux-musl"),
        runner: runner.parse().unwrap(),
        machines: Vec::new(),
        emulator: None,
        link: Link::Dynamic,
        programs: None,
        isolation: Isolation::default(),
        origin: ProgramOrigin::Built,
        selection: None,
        spawns: None,
        steps: Vec::new(),
        smoke: Vec::new(),
        suites: Vec::new(),
        notes: if runner == "native" { vec!["no network of their own: unshare: refused".into()] } else { Vec::new() },
        verdict,
        error: None,
    }
}

fn step((step, label): (&str, &str), wall_s: f64, cached: bool) -> StepTime {
    StepTime { step: step.into(), label: label.into(), wall_s, cpu_s: wall_s * 1.5, cached }
}

fn smoke(check: &str, detail: &str) -> SmokeCheck {
    let outcome = if detail.is_empty() { Outcome::Pass } else { Outcome::Fail };
    SmokeCheck { check: check.into(), outcome, detail: detail.into(), values: 0 }
}

pub(crate) fn passing(names: &[&str]) -> Vec<Test> {
    names.iter().map(|name| test(name, Some(Outcome::Pass), Verdict::Expected, "")).collect()
}

/// No run but those given, all of them as expected.
pub(crate) fn report(runs: Vec<Run>) -> Report {
    let tools = [("clang", "22.1.8"), ("make", "4.3")];
    Report {
        schema: SCHEMA.into(),
        hosts: vec![ReportHost {
            triple: "x86_64-unknown-linux-gnu".into(),
            kernel: "6.18.0".into(),
            jobs: 2,
            tools: tools.map(|(tool, version)| (tool.into(), version.into())).into(),
        }],
        pins: Versions {
            rust: "1.95.0".into(),
            rust_toolchain: None,
            musl: "1.2.6".into(),
            llvm: "22.1.8".into(),
            qemu: Some("11.1.3".into()),
        },
        build: BuildOptions::default(),
        wall_s: 157.0,
        runs,
    }
}

/// Every verdict, every outcome, a failed smoke check, an incomplete run, odd characters.
fn eventful() -> Report {
    use Outcome::{Crash, Fail, Ignored, Pass, Skipped, Timeout};
    use Verdict::{Expected, Flake, Improvement, Regression, Stale};
    let receive = "SO_RCVTIMEO reads back garbage <https://bugs.example/1?a=1&b=2>";
    let mut s390x = run("s390x", "qemu", RunVerdict::Regression);
    s390x.steps = vec![
        step(("patch", "rust"), 3.1, true),
        step(("musl", "s390x"), 27.149, false),
        step(("runtimes", "s390x"), 21.0, false),
        step(("std", "s390x"), 56.3, true),
        step(("smoke", "s390x qemu dynamic"), 12.0, false),
    ];
    s390x.smoke = vec![
        smoke("dynamic/hello", ""),
        smoke("static/hello elf", "DT_TEXTREL is present\nsection .text is writable: \u{1b}[1mWA\u{1b}[0m"),
    ];
    s390x.suites = vec![
        suite("core", {
            let mut tests = passing(&["coretests::alloc::a", "coretests::num::b"]);
            tests.push(test("coretests::slow", Some(Ignored), Expected, "too slow"));
            tests.push(test(ODD, Some(Crash), Regression, "SIGSEGV"));
            tests
        }),
        suite(
            "std",
            vec![
                test("env::tests::home", Some(Pass), Expected, ""),
                test("gone::tests::old", None, Stale, "needed by musl 1.2.4"),
                test("net::tcp::tests::timeouts", Some(Fail), Expected, receive),
                test("net::udp::tests::timeouts", Some(Pass), Improvement, receive),
                test("process::tests::fills_the_disk", Some(Skipped), Expected, "fills the disk"),
                test("sync::tests::hangs", Some(Timeout), Regression, "killed after 300 s"),
                test("thread::tests::park_timeout", Some(Fail), Flake, "depends on the load"),
                test("time::tests::monotonic", Some(Fail), Regression, ""),
            ],
        ),
    ];
    let mut x86_64 = run("x86_64", "native", RunVerdict::Expected);
    x86_64.steps = vec![step(("patch", "rust"), 3.1, false), step(("musl", "x86_64"), 25.0, true)];
    x86_64.smoke = vec![smoke("dynamic/hello", "")];
    x86_64.suites = vec![suite("core", passing(&["coretests::alloc::a", "coretests::num::b"]))];
    let mut riscv64 = run("riscv64", "qemu", RunVerdict::Incomplete);
    riscv64.error = Some("building musl for riscv64: `make` exited with status 2\n  | <stdin>:1: Error".into());
    report(vec![s390x, x86_64, riscv64])
}

#[test]
fn a_note_of_several_runs_is_told_once() {
    let mut runs = ["armv7", "armv7", "s390x", "s390x", "x86"].map(|target| run(target, "qemu", RunVerdict::Expected));
    for run in runs.iter_mut().step_by(2) {
        run.link = Link::Static;
    }
    let notes = [&["every", "arm"][..], &["every", "arm"], &["every"], &["every", "some"], &["every", "some"]];
    for (run, notes) in runs.iter_mut().zip(notes) {
        run.notes = notes.iter().map(|&note| note.into()).collect();
    }
    let text = terminal::render(&report(runs.into()), Path::new("out/report"), false);
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("  note: ")).collect();
    let expected = ["  note: all: every", "  note: armv7: arm", "  note: s390x qemu dynamic, x86 qemu static: some"];
    assert_eq!(told, expected);
}

#[test]
fn terminal_shows_cost_matrix_unexpected_results_and_a_hint() {
    let text = terminal::render(&eventful(), Path::new("out/report"), false);
    assert!(!text.contains('\u{1b}'), "an escape sequence of a test reached the terminal");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = terminal::render(&eventful(), Path::new("out/report"), false);
    let colored = terminal::render(&eventful(), Path::new("out/report"), true);
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mregression"));
    let mut stripped = String::new();
    for (index, part) in colored.split('\u{1b}').enumerate() {
        stripped += if index == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
    }
    assert_eq!(stripped, plain);
}

#[test]
fn many_regressions_do_not_flood_the_terminal() {
    let mut s390x = run("s390x", "qemu", RunVerdict::Regression);
    let failed = |number| test(&format!("t{number}"), Some(Outcome::Fail), Verdict::Regression, "");
    s390x.suites = vec![suite("core", (0..500).map(failed).collect())];
    let text = terminal::render(&report(vec![s390x]), Path::new("out/report"), false);
    assert!(text.contains("… and 460 more of kind regression"), "{text}");
    assert!(text.ends_with("to run it again: cargo xtask test s390x --suite core --link dynamic\n"), "{text}");
}

/// The last line of a report with these tests in the suite std.
fn hint(runner: &str, link: Link, tests: Vec<Test>) -> String {
    let mut only = run("s390x", runner, RunVerdict::Regression);
    only.link = link;
    only.suites = vec![suite("std", tests)];
    let text = terminal::render(&report(vec![only]), Path::new("out/report"), false);
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_hint_is_the_command_that_reproduces() {
    let failed = |name: &str| test(name, Some(Outcome::Fail), Verdict::Regression, "");
    assert_eq!(
        hint("native", Link::Static, vec![failed("a b::c")]),
        "hint: to run it again: cargo xtask test s390x --suite std --filter 'a b::c' --link static --runner native"
    );
    let improved = || test("net::timeouts", Some(Outcome::Pass), Verdict::Improvement, "");
    assert_eq!(
        hint("qemu", Link::Dynamic, vec![failed("x"), improved(), failed("y")]),
        "hint: to run it again: cargo xtask test s390x --suite std --link dynamic"
    );
    let mut old = report(vec![run("s390x", "qemu", RunVerdict::Incomplete)]);
    old.build.musl = Some("1.2.5".into());
    old.build.left_out = vec!["musl/0001-a.patch".into()];
    let text = terminal::render(&old, Path::new("out/report"), false);
    assert!(text.ends_with("cargo xtask bringup s390x --musl 1.2.5 --without musl/0001-a.patch\n"), "{text}");
    let mut lost = run("s390x", "ssh:board", RunVerdict::Incomplete);
    lost.runner = RunnerSpec::Ssh { host: "board".into(), config: Some("a b".into()) };
    lost.machines = vec!["board".into()];
    lost.isolation = Isolation::None;
    let text = terminal::render(&report(vec![lost]), Path::new("out/report"), false);
    let again = "cargo xtask test s390x --runner ssh:board --ssh-config 'a b' --isolation none\n";
    assert!(text.ends_with(again), "{text}");
    let mut own = run("s390x", "qemu", RunVerdict::Regression);
    own.runner = RunnerSpec::Qemu { path: Some("bin/qemu".into()) };
    own.suites = vec![suite("std", vec![failed("x")])];
    let text = terminal::render(&report(vec![own]), Path::new("out/report"), false);
    assert!(text.contains("cargo xtask triage s390x --all --qemu bin/qemu\n"), "{text}");
    assert!(text.ends_with("cargo xtask test s390x --suite std --filter x --link dynamic --qemu bin/qemu\n"), "{text}");
    let bless = "hint: to accept these results: cargo xtask bless s390x";
    assert_eq!(hint("qemu", Link::Dynamic, vec![improved()]), bless);
    assert_eq!(hint("native", Link::Dynamic, vec![test("gone", None, Verdict::Stale, "")]), bless);
    let flaky = || test("park", Some(Outcome::Fail), Verdict::Flake, "");
    assert!(!hint("qemu", Link::Dynamic, vec![flaky()]).contains("hint:"));
    let runs = ["s390x", "x86_64", "s390x"].map(|target| {
        let mut unknown = suite("std", vec![flaky()]);
        unknown.verdicts.new_flakes = usize::from(target == "s390x");
        Run { suites: vec![unknown], ..run(target, "qemu", RunVerdict::Improvement) }
    });
    let text = terminal::render(&report(runs.into()), Path::new("out/report"), false);
    assert_eq!(text.lines().last(), Some(bless));
}

#[test]
fn junit_is_red_exactly_where_the_exit_code_is_not_0() {
    let xml = String::from_utf8(junit::render(&eventful()).unwrap()).unwrap();
    let invalid = |c: char| c != '\n' && (c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'));
    assert!(!xml.contains(invalid), "a character that XML forbids: {xml}");
    insta::assert_snapshot!(xml);
}

#[test]
fn html_is_one_file_and_escapes_everything() {
    let page = html::render(&eventful()).unwrap();
    for forbidden in ["<script", "http-equiv", "src=", "@import", "url(", "<stdin>", "<https", "odd<", "\u{1b}"] {
        assert!(!page.contains(forbidden), "{forbidden} in {page}");
    }
    insta::assert_snapshot!(page);
}

#[test]
fn html_links_no_address_with_a_scheme() {
    let mut report = eventful();
    report.runs[0].suites[0].tests[3].log = Some("javascript:alert('1')".into());
    let page = html::render(&report).unwrap();
    assert!(page.contains(r#"<a href="./javascript%3Aalert%28%271%27%29">log</a>"#), "{page}");
}

#[test]
fn markdown_is_the_matrix_and_what_is_unexpected() {
    insta::assert_snapshot!(markdown::render(&eventful()));
}

#[test]
fn the_matrix_in_a_document_is_replaced_and_nothing_else() {
    let document = format!("# Title\n\n{}\nold\n{}\n\nend\n", markdown::BEGIN, markdown::END);
    let updated = markdown::update(&document, &eventful()).unwrap();
    assert!(updated.starts_with("# Title\n\n<!-- bringup matrix -->\n| target |"), "{updated}");
    assert!(updated.ends_with("<!-- end of bringup matrix -->\n\nend\n") && !updated.contains("old"), "{updated}");
    assert_eq!(markdown::update(&updated, &eventful()).unwrap(), updated);
    let error = markdown::update("no markers", &eventful()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "looking for the lines `<!-- bringup matrix -->` and `<!-- end of bringup matrix -->`"
    );
}

#[test]
fn json_comes_back_as_it_went() {
    let report = eventful();
    let bytes = json::write(&report).unwrap();
    assert_eq!(json::read(&bytes, Path::new("report.json")).unwrap(), report);
    assert_eq!(json::write(&report).unwrap(), bytes);
    assert!(bytes.ends_with(b"}\n"));
}

/// The message for a report whose text was changed.
fn refusal(from: &str, to: &str) -> String {
    let text = String::from_utf8(json::write(&eventful()).unwrap_or_default()).unwrap_or_default();
    assert!(text.contains(from));
    let changed = text.replacen(from, to, 1);
    json::read(changed.as_bytes(), Path::new("old/report.json"))
        .map_or_else(|error| format!("{error:#}"), |_| "read".into())
}

#[test]
fn json_of_another_kind_is_refused_by_name() {
    let other = refusal("bringup-report/2", "bringup-report/3");
    assert!(other.starts_with("reading old/report.json: its schema `bringup-report/3` is unknown"), "{other}");
    assert!(other.contains("\nhint: "), "{other}");
    let none = refusal("\"schema\": \"bringup-report/2\",", "");
    assert_eq!(none, "reading old/report.json: it has no `schema` field, so it is not a report of Bringup");
    let unknown = refusal("\"kernel\"", "\"kernal\"");
    assert!(unknown.starts_with("reading old/report.json: unknown field `kernal`, expected one of"), "{unknown}");
    assert!(unknown.contains("line 6 column 14"), "{unknown}");
    let truncated = json::read(b"{\"schema\": \"bring", Path::new("cut.json")).unwrap_err();
    assert!(format!("{truncated:#}").starts_with("reading cut.json: EOF while parsing"), "{truncated:#}");
    let vanished = refusal("\"listed\": 4", "\"listed\": 5");
    assert_eq!(
        vanished,
        "reading old/report.json: suite core of s390x qemu dynamic: it lists 5 tests, but its outcomes add up to 4"
    );
}

#[test]
fn diff_lists_what_changed_appeared_and_vanished() {
    let before = eventful();
    let mut after = eventful();
    after.pins.qemu = Some("11.2.0".into());
    after.runs[0].smoke[1] = smoke("static/hello elf", "");
    let std = &mut after.runs[0].suites[1].tests;
    std[2] = test("net::tcp::tests::timeouts", Some(Outcome::Pass), Verdict::Improvement, "");
    std[3].wall_s = 99.0;
    std.remove(0);
    std.push(test("time::tests::new", Some(Outcome::Crash), Verdict::Regression, ""));
    after.runs[1].suites[0].suite = "alloc".into();
    let text = diff(&before, &after).to_string();
    let lines = [
        "pin       qemu: 11.1.3 -> 11.2.0",
        "vanished  x86_64 native dynamic  core  (whole suite)",
        "appeared  x86_64 native dynamic  alloc  (whole suite)",
        "changed   s390x qemu dynamic  smoke  static/hello elf  fail (regression) -> pass (expected)",
        "vanished  s390x qemu dynamic  std  env::tests::home  pass (expected)",
        "changed   s390x qemu dynamic  std  net::tcp::tests::timeouts  fail (expected) -> pass (improvement)",
        "appeared  s390x qemu dynamic  std  time::tests::new  crash (regression)",
        "2 changed, 1 appeared, 1 vanished, 12 the same",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    assert!(diff(&before, &before).is_empty() && !diff(&before, &after).is_empty());
    assert_eq!(diff(&before, &before).to_string(), "0 changed, 0 appeared, 0 vanished, 17 the same\n");
}
