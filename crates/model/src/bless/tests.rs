use super::*;
use crate::build_options::BuildOptions;
use crate::isolation::Isolation;
use crate::link::Link;
use crate::outcome::{Outcome, Repeated, Verdict};
use crate::report::{Part, ProgramOrigin, Run, RunVerdict, SCHEMA, Suite, Test, Verdicts, Versions};

const TARGETS: [&str; 2] = ["one", "two"];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The files of both targets; those that are not given are empty.
fn files(given: &[(&str, &str)]) -> Vec<ExpectationFile> {
    let file = |layer, target: Option<&str>, name: String| {
        let text = given.iter().find(|(of, _)| *of == name).map_or("", |(_, text)| text);
        ExpectationFile { layer, target: target.map(str::to_owned), name, text: text.into() }
    };
    let qemu = TARGETS.map(|name| file(Layer::Emulator, Some(name), format!("qemu/{name}")));
    let own = TARGETS.map(|name| file(Layer::Target, Some(name), name.into()));
    [file(Layer::Emulator, None, "qemu/all".into())].into_iter().chain(qemu).chain(own).collect()
}

fn test(text: &str) -> Test {
    let (name, what) = text.split_once(':').unwrap();
    let (outcome, tries, reason) = match what {
        "pass" => (Outcome::Pass, None, None),
        "fail" => (Outcome::Fail, None, None),
        "crash" => (Outcome::Crash, None, Some("SIGSEGV".to_owned())),
        "timeout" => (Outcome::Timeout, None, Some("killed after 300 s".to_owned())),
        "missing" => (Outcome::Missing, None, None),
        "skip" => (Outcome::Skipped, None, None),
        "ignored" => (Outcome::Ignored, None, None),
        flaky => {
            let (failures, runs) = flaky.split_once('/').unwrap();
            let tries = Repeated { runs: runs.parse().unwrap(), failures: failures.parse().unwrap(), others: 0 };
            (Outcome::Fail, Some(tries), None)
        }
    };
    Test {
        name: name.into(),
        outcome: Some(outcome),
        verdict: Verdict::Regression,
        wall_s: 0.0,
        reason,
        tries,
        log: None,
    }
}

/// A run such as `one qemu dynamic`, with tests such as `a:fail` or, failed in 2 of 4 runs, `a:2/4`.
fn run(name: &str, tests: &str) -> Run {
    let words: Vec<&str> = name.split(' ').collect();
    let tests: Vec<Test> = tests.split_whitespace().map(test).collect();
    let suite = Suite {
        suite: "std".into(),
        listed: tests.len(),
        passed: 0,
        failed: 0,
        crashed: 0,
        timed_out: 0,
        missing: 0,
        ignored: 0,
        skipped: 0,
        not_run: 0,
        wall_s: 0.0,
        cpu_s: 0.0,
        cached: false,
        part: words.contains(&"part").then(|| Part {
            partition: "slice:1/2".parse().unwrap(),
            of: 2 * tests.len(),
            names: String::new(),
        }),
        partial: words.contains(&"filtered"),
        verdicts: Verdicts::default(),
        tests,
    };
    Run {
        target: words[0].into(),
        triple: String::new(),
        runner: words[1].replace("ssh", "ssh:board").parse().unwrap(),
        machines: Vec::new(),
        emulator: None,
        link: if words[2] == "static" { Link::Static } else { Link::Dynamic },
        isolation: Isolation::default(),
        origin: ProgramOrigin::Built,
        programs: None,
        selection: None,
        spawns: Some(true),
        steps: Vec::new(),
        smoke: Vec::new(),
        suites: vec![suite],
        notes: Vec::new(),
        verdict: if words.contains(&"incomplete") { RunVerdict::Incomplete } else { RunVerdict::Expected },
        error: None,
    }
}

fn report(runs: &[(&str, &str)]) -> Report {
    Report {
        schema: SCHEMA.into(),
        hosts: Vec::new(),
        pins: Versions { qemu: Some("11.1.3".into()), ..Versions::default() },
        build: BuildOptions::default(),
        wall_s: 0.0,
        runs: runs.iter().map(|(name, tests)| run(name, tests)).collect(),
    }
}

fn bless_both(files: &[ExpectationFile], report: &Report, layer: Layer) -> Result<Blessing, String> {
    let known = names(&TARGETS);
    let targets: Vec<String> =
        known.iter().filter(|name| report.runs.iter().any(|run| run.target == **name)).cloned().collect();
    bless(&BlessRequest { files, report, targets: &targets, all_targets: &known, layer })
}

/// The files that change, and what is left, for a report of these runs.
fn blessed(given: &[(&str, &str)], runs: &[(&str, &str)], layer: Layer) -> (Vec<(String, String)>, Vec<String>) {
    let blessing = bless_both(&files(given), &report(runs), layer).unwrap();
    let left = blessing.unblessed.iter().map(|left| format!("{} {}: {}", left.target, left.test, left.why));
    (blessing.files.into_iter().map(|file| (file.name, file.text)).collect(), left.collect())
}

/// What becomes of the file of target one, which alone may change, with nothing left.
fn rewritten(before: &str, runs: &[(&str, &str)]) -> String {
    let (files, left) = blessed(&[("one", before)], runs, Layer::Target);
    assert_eq!(left, [""; 0]);
    assert!(files.iter().all(|(name, _)| name == "one"), "{files:?}");
    files.into_iter().next().map_or_else(|| before.into(), |(_, text)| text)
}

const BOTH: [&str; 2] = ["one qemu dynamic", "one qemu static"];

fn in_both(before: &str, tests: &str) -> String {
    rewritten(before, &BOTH.map(|name| (name, tests)))
}

#[test]
fn what_is_as_expected_changes_nothing() {
    let text = "# Reason: x\nstd a fail\nstd b* skip\nstd c flake";
    assert_eq!(in_both(text, "a:fail bb:skip c:pass d:pass e:ignored"), text);
    assert_eq!(in_both(text, "a:fail bb:skip c:1/4"), text);
    assert_eq!(in_both(text, "a:fail bb:ignored c:ignored"), text);
    assert_eq!(in_both(text, "a:ignored c:pass bb:skip"), "# Reason: x\nstd b* skip\nstd c flake");
}

#[test]
fn lines_go_and_their_block_with_the_last_of_them() {
    let text = "# About this file.\n\n# Reason: x\nstd a fail\n\n# Bug: y\n# Since: z\nstd  b   crash\nstd\tc fail  \n# Reason: w\nstd d* flake\n";
    assert_eq!(in_both(text, "a:fail b:crash c:pass dd:pass"), text.replace("std\tc fail  \n", ""));
    assert_eq!(in_both(text, "a:pass b:crash c:fail dd:pass"), text.replace("# Reason: x\nstd a fail\n\n", ""));
    assert_eq!(
        in_both(text, "a:fail b:pass c:pass dd:pass"),
        "# About this file.\n\n# Reason: x\nstd a fail\n\n# Reason: w\nstd d* flake\n"
    );
    // The last block, and what no test program lists.
    let last = "\n# Reason: x\n\n# Reason: x\nstd a fail\n\n# Reason: y\nstd b skip\nstd c* flake\n\n";
    assert_eq!(in_both(last, "a:fail"), "\n# Reason: x\n\n# Reason: x\nstd a fail\n");
    assert_eq!(in_both(last, "z:pass"), "\n# Reason: x\n");
    assert_eq!(
        in_both("# Reason: x\r\nstd a fail\r\nstd b fail\r\n", "a:pass b:fail"),
        "# Reason: x\r\nstd b fail\r\n"
    );
    assert_eq!(in_both("# Reason: x\nstd a fail", "a:pass"), "");
}

#[test]
fn a_test_that_does_otherwise_changes_its_word_in_its_place() {
    let text = "# Reason: x\nstd  a    crash    spawn=yes\r\nstd b fail  ";
    let after = "# Reason: x\nstd  a    fail     spawn=yes\r\nstd b timeout\n";
    assert_eq!(in_both(text, "a:fail b:timeout"), after);
    let after = format!("{text}link=static\nstd b crash  link=dynamic\n").replace("  link=s", "link=s");
    assert_eq!(rewritten(text, &[(BOTH[0], "a:crash b:crash")]), after.replace("b fail", "b fail  "));
    let now = |before: &str, what: &str| in_both(&format!("# Reason: x\nstd  t  {before}\n"), &format!("t:{what}"));
    for (before, what, after) in [
        ("crash", "fail", "fail"),
        ("timeout", "fail", "fail"),
        ("fail", "crash", "crash"),
        ("fail", "timeout", "timeout"),
        ("crash", "timeout", "timeout"),
        ("fail", "2/4", "flake"),
        ("fail  spawn=yes", "timeout", "timeout  spawn=yes"),
        ("timeout  spawn=yes", "fail", "fail     spawn=yes"),
        ("fail spawn=yes", "timeout", "timeout spawn=yes"),
        ("crash   spawn=yes", "timeout", "timeout  spawn=yes"),
    ] {
        assert_eq!(now(before, what), format!("# Reason: x\nstd  t  {after}\n"), "{before} / {what}");
    }
}

#[test]
fn link_modes_that_differ_are_told_apart() {
    let two = |before: &str, dynamic: &str, fixed: &str| {
        let runs = [(BOTH[0], format!("t:{dynamic}")), (BOTH[1], format!("t:{fixed}"))];
        let runs: Vec<(&str, &str)> = runs.iter().map(|(name, tests)| (*name, tests.as_str())).collect();
        rewritten(before, &runs)
    };
    let known = "# Reason: x\nstd t fail\n";
    assert_eq!(two(known, "fail", "pass"), "# Reason: x\nstd t fail  link=dynamic\n");
    assert_eq!(two(known, "pass", "fail"), "# Reason: x\nstd t fail  link=static\n");
    assert_eq!(two(known, "crash", "pass"), "# Reason: x\nstd t crash  link=dynamic\n");
    assert_eq!(two(known, "crash", "fail"), "# Reason: x\nstd t fail  link=static\nstd t crash  link=dynamic\n");
    assert_eq!(two(known, "1/4", "fail"), "# Reason: x\nstd t fail  link=static\nstd t flake  link=dynamic\n");
    let only = "# Reason: x\nstd t fail link=static\n";
    assert_eq!(two(only, "pass", "pass"), "");
    let todo = |entry: &str| format!("# Reason: TODO\n{entry}\n");
    assert_eq!(two(only, "fail", "fail"), format!("{only}\n{}", todo("std  t  fail  link=dynamic")));
    assert_eq!(two("", "fail", "fail"), todo("std  t  fail"));
    assert_eq!(two("", "fail", "pass"), todo("std  t  fail  link=dynamic"));
    assert_eq!(
        two("", "fail", "crash"),
        format!(
            "{}\n{}",
            todo("std  t  fail  link=dynamic"),
            "# Reason: TODO\n# Seen: SIGSEGV\nstd  t  crash  link=static\n"
        )
    );
    // What comes and goes passes now and then.
    assert_eq!(two("", "pass", "2/4"), todo("# Seen: failed 2 of 4 runs\nstd  t  flake"));
    assert_eq!(
        two("", "fail", "2/4"),
        format!(
            "{}\n{}",
            todo("std  t  fail  link=dynamic"),
            todo("# Seen: failed 2 of 4 runs\nstd  t  flake  link=static")
        )
    );
}

#[test]
fn what_was_not_seen_stays() {
    let known = "# Reason: x\nstd t fail\n";
    let dynamic = |tests| rewritten(known, &[(BOTH[0], tests)]);
    assert_eq!(dynamic("t:pass"), "# Reason: x\nstd t fail  link=static\n");
    assert_eq!(dynamic("t:crash"), "# Reason: x\nstd t fail  link=static\nstd t crash  link=dynamic\n");
    assert_eq!(dynamic("a:pass"), "", "that there is no such test is seen in either link mode");
    assert_eq!(rewritten("", &[(BOTH[0], "t:fail")]), "# Reason: TODO\nstd  t  fail  link=dynamic\n");
    // Other conditions, which do not hold here.
    let other = "# Reason: x\nstd t crash qemu<11\n";
    assert_eq!(rewritten(other, &[(BOTH[0], "t:pass"), (BOTH[1], "t:pass")]), other);
    let (files, left) = blessed(&[("one", other)], &[(BOTH[0], "t:fail")], Layer::Target);
    assert_eq!(files, []);
    assert_eq!(
        left,
        ["one t: its entry `crash` in one has conditions that do not hold in this run; change it by hand"]
    );
}

#[test]
fn other_versions_of_the_emulator_were_not_looked_at() {
    for what in ["pass", "crash"] {
        let text = "# Reason: x\nstd t fail qemu<11.2\nstd gone fail qemu<11.2\n";
        let tests = format!("t:{what}");
        let (files, left) = blessed(&[("one", text)], &BOTH.map(|name| (name, tests.as_str())), Layer::Target);
        assert_eq!(
            files,
            [("one".into(), "# Reason: x\nstd t fail qemu<11.2\n".into())],
            "that it is gone is no version's"
        );
        let why = "its entry `fail` is for `qemu<11.2`, and the report covers only version 11.1.3; change it by hand";
        assert_eq!(left, [format!("one t: {why}")]);
    }
}

#[test]
fn runs_of_one_kind_must_agree() {
    let text = "# Reason: x\nstd t fail\n";
    let runs = |one, other| [("one native static", one), ("one ssh static", other)];
    for (one, other, how) in [
        ("t:pass", "t:fail", "it passes on native, it is as expected on ssh"),
        ("t:fail", "t:pass", "it is as expected on native, it passes on ssh"),
        ("t:crash", "t:pass", "it is `crash` on native, it passes on ssh"),
    ] {
        let (files, left) = blessed(&[("one", text)], &runs(one, other), Layer::Target);
        assert_eq!(files, []);
        let why = format!("the runners disagree (natively static): {how}");
        assert!(left.contains(&format!("one t: {why}")), "{left:?}");
        let (files, left) = blessed(&[], &runs(one, other), Layer::Target);
        assert_eq!(files, []);
        assert_eq!(left, ["one t: the runners disagree (natively static)"]);
    }
    assert_eq!(
        rewritten("# Reason: x\nstd t fail  link=static\n", &runs("t:pass", "t:pass")),
        "# Reason: x\nstd t fail  link=static  runner=qemu\n"
    );
}

#[test]
fn runners_are_told_apart() {
    let native = ["one native dynamic", "one native static"];
    let natively = |before: &str, tests: &str| rewritten(before, &native.map(|name| (name, tests)));
    assert_eq!(natively("", "t:fail"), "# Reason: TODO\nstd  t  fail  runner=native\n");
    assert_eq!(natively("# Reason: x\nstd t fail\n", "t:pass"), "# Reason: x\nstd t fail  runner=qemu\n");
    assert_eq!(natively("# Reason: x\nstd t fail runner=native\n", "t:pass"), "");
    let all = |before: &str, qemu: &str, natively: &str| {
        let runs: Vec<_> =
            BOTH.map(|name| (name, qemu)).into_iter().chain(native.map(|name| (name, natively))).collect();
        rewritten(before, &runs)
    };
    assert_eq!(all("", "t:fail", "t:fail"), "# Reason: TODO\nstd  t  fail\n");
    assert_eq!(all("", "t:fail", "t:pass"), "# Reason: TODO\nstd  t  fail  runner=qemu\n");
    assert_eq!(all("# Reason: x\nstd t fail\n", "t:fail", "t:pass"), "# Reason: x\nstd t fail  runner=qemu\n");
    assert_eq!(all("# Reason: x\nstd t fail\n", "t:pass", "t:pass"), "");
    // An entry that is for the other runner alone stays its own.
    let other = "# Reason: x\nstd t fail runner=native\n";
    assert_eq!(in_both(other, "t:fail"), format!("{other}\n# Reason: TODO\nstd  t  fail  runner=qemu\n"));
}

#[test]
fn the_emulators_own_entries_go_to_its_file() {
    let (files, left) = blessed(&[], &BOTH.map(|name| (name, "a:fail b:1/4")), Layer::Emulator);
    let text = "# Reason: TODO\nstd  a  fail\n\n# Reason: TODO\n# Seen: failed 1 of 4 runs\nstd  b  flake\n";
    assert_eq!(files, [("qemu/one".into(), text.into())]);
    assert_eq!(left, [""; 0]);
    let runs = [(BOTH[0], "a:fail b:fail"), ("one native dynamic", "a:fail b:pass")];
    let (files, left) = blessed(&[], &runs, Layer::Emulator);
    assert_eq!(files, [("qemu/one".into(), "# Reason: TODO\nstd  b  fail  link=dynamic\n".into())]);
    assert_eq!(left, ["one a: it also fails natively, so the emulator is not at fault"]);
}

#[test]
fn a_file_for_all_targets_changes_only_if_all_agree() {
    let all = [("qemu/all", "# Reason: x\nstd t fail\nstd u fail\n")];
    let two = ["two qemu dynamic", "two qemu static"];
    let runs = |one: &'static str, other: &'static str| {
        BOTH.map(|name| (name, one)).into_iter().chain(two.map(|name| (name, other))).collect::<Vec<_>>()
    };
    let (files, left) = blessed(&all, &runs("t:pass u:fail", "t:pass u:fail"), Layer::Target);
    assert_eq!((files, left.len()), (vec![("qemu/all".into(), "# Reason: x\nstd u fail\n".into())], 0));
    let (files, left) = blessed(&all, &runs("t:pass u:crash", "t:fail u:crash"), Layer::Target);
    assert_eq!(files, [("qemu/all".into(), "# Reason: x\nstd t fail\nstd u crash\n".into())]);
    let why = "qemu/all is for all targets, and the targets disagree (under qemu dynamic): it passes on one, it is as expected on two";
    assert_eq!(left, [format!("one t: {why}")]);
    let (files, left) = blessed(&all, &BOTH.map(|name| (name, "t:pass u:fail")), Layer::Target);
    let why = "qemu/all is for all targets, and two did not run under qemu dynamic";
    assert_eq!((files, left), (vec![], vec![format!("one t: {why}")]));
}

#[test]
fn what_cannot_be_expected_is_left() {
    let text = "# Reason: x\nstd a fail\nstd d skip\n";
    let (files, left) =
        blessed(&[("one", text)], &[(BOTH[0], "a:missing b:missing c:skip d:fail e*:fail")], Layer::Target);
    assert_eq!(files, []);
    let reasons = [
        "a: its program did not report it, and no entry can expect a missing test",
        "b: its program did not report it, and no entry can expect a missing test",
        "d: it ran, although its entry says `skip`",
        "c: it did not run, and no entry can expect that",
        "e*: no entry can name it: a `*` is only allowed with skip and flake: name each test that is expected to fail",
    ];
    let mut reasons: Vec<String> = reasons.map(|reason| format!("one {reason}")).into();
    reasons.sort();
    let mut left = left;
    left.sort();
    assert_eq!(left, reasons);
}

#[test]
fn a_part_takes_nothing_away() {
    let text = "# Reason: x\nstd a fail\nstd b crash\nstd gone fail\nstd gone* skip link=static\n";
    for (word, why) in [
        ("part", "covers only part of the tests"),
        ("filtered", "covers only part of the tests"),
        ("incomplete", "is incomplete"),
    ] {
        let text =
            text.replace(" skip link=static", " flake link=static").replace("std gone fail\n", "std lost fail\n");
        let name = format!("one qemu dynamic {word}");
        let (files, left) = blessed(&[("one", &text)], &[(&name, "a:pass b:fail c:fail")], Layer::Target);
        let after = text.replace("b crash", "b crash  link=static\nstd b fail  link=dynamic");
        assert_eq!(files, [("one".into(), format!("{after}\n# Reason: TODO\nstd  c  fail  link=dynamic\n"))]);
        assert_eq!(left, [format!("one a: the run qemu dynamic {why}, so no entry is removed")]);
    }
}

#[test]
fn the_reason_of_an_entry_that_was_there_is_not_what_was_seen() {
    let mut report = report(&[(BOTH[0], "a:crash")]);
    report.runs[0].suites[0].tests[0].verdict = Verdict::Expected;
    let blessing = bless_both(&files(&[]), &report, Layer::Target).unwrap();
    assert_eq!(blessing.files[0].text, "# Reason: TODO\nstd  a  crash  link=dynamic\n");
}

#[test]
fn a_report_that_does_not_tell_how_it_was_made_is_refused() {
    let mut old = report(&[(BOTH[0], "a:fail")]);
    old.runs[0].spawns = None;
    let error = bless_both(&files(&[]), &old, Layer::Target).unwrap_err();
    assert!(error.contains("run one qemu dynamic does not say whether programs could start each other"), "{error}");
    assert!(error.ends_with("\nhint: run the tests again"), "{error}");
}

mod random;
