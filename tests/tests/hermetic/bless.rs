//! `bless`: the expectation files are rewritten by a report, and what it showed is expected from then on.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use bringup_tests::{Project, project};
use rustix::process::Signal;
use serde_json::json;

const EXPECT: &str = "targets/fake/expect.txt";
const EMULATOR: &str = "qemu/fake.expect.txt";
const ASKED: &str = "Write these changes? [y/N]";

/// A project whose last report has a test of every kind.
fn eventful() -> Project {
    let project = project!();
    project.tests("std", "pass_a fail_b fail_c segv_d exit3_e static_f pass_g fail_h");
    let text = "\
# What is known of the target fake.

# Bug: https://example.org/1
# Since: fake 1
std  pass_a    fail
std  fail_b    fail

# Reason: it is of an older release
std  gone_z    crash
std  left_*    skip

# Reason: it was seen to die
std  fail_c    crash    runner=qemu
std  static_f  fail
std  pass_g    flake
";
    project.write(EXPECT, text);
    project.run(&["test", "fake", "--suite", "std"], 100);
    project
}

#[test]
fn what_was_seen_is_expected_from_then_on() {
    let project = eventful();
    let output = project.run(&["bless", "fake", "--yes"], 0);
    output.says(&["rewritten: targets/fake/expect.txt", "hint: replace each TODO by a reason"]);
    insta::assert_snapshot!(format!("{}-- the file\n{}", output.stdout, project.read(EXPECT)));

    project.run(&["test", "fake", "--suite", "std", "--rerun"], 0);
    let again = project.run(&["bless"], 0);
    again.says(&["nothing to bless: the expectation files match the report"]);
    assert_eq!(again.stdout, "");
    project.run(&["target", "check", "fake"], 2).says(&["targets/fake/expect.txt:12: the reason is still TODO"]);
    let explained = project.read(EXPECT).replace("TODO", "known");
    project.write(EXPECT, explained);
    project.run(&["target", "check", "fake"], 0);
}

#[test]
fn a_flake_gets_its_rate_and_the_emulators_file_what_is_its_fault() {
    let project = project!();
    // It counts its runs, whatever it is linked with.
    project.tests("std", "pass_a flaky_b fail_c");
    let run = ["test", "fake", "--suite", "std", "--link", "dynamic"];
    project.run(&run, 100);
    project.write(EXPECT, "# Reason: x\nstd  pass_a  fail  link=dynamic\n");
    let output = project.run(&["bless", "--yes", "--emulator"], 0);
    output.says(&["rewritten: qemu/fake.expect.txt, targets/fake/expect.txt"]);
    insta::assert_snapshot!(project.read(EMULATOR));
    assert!(!project.path(EXPECT).exists());
    project.run(&run, 0);
}

#[test]
fn nothing_is_written_unasked() {
    let project = eventful();
    let before = project.read(EXPECT);
    let shown = project.run(&["bless"], 10);
    shown.says(&["warning: nothing is written: there is no terminal for the question", "hint: `--yes`"]);
    assert!(
        shown.stdout.starts_with("--- a/targets/fake/expect.txt\n+++ b/targets/fake/expect.txt\n@@ "),
        "{}",
        shown.stdout
    );
    assert_eq!(project.read(EXPECT), before);
    for answer in ["n\n", "\n", "yo\n", "\u{4}"] {
        let output = project.cmd(&["bless"]).typing(answer).run().ends_with(10);
        output.says(&[ASKED, "nothing is written"]);
        assert_eq!((output.stdout.as_str(), project.read(EXPECT)), (shown.stdout.as_str(), before.clone()));
    }
    let run = project.cmd(&["bless"]).typing("").start();
    run.wait_for(ASKED);
    run.signal(Signal::INT);
    run.wait().ends_with(130).says(&["error: interrupted"]);
    assert_eq!(project.read(EXPECT), before);

    // Nor what has changed since it was asked.
    let run = project.cmd(&["bless"]).typing("").start();
    run.wait_for(ASKED);
    project.write(EXPECT, format!("{before}\n"));
    run.types("y\n");
    run.wait().ends_with(101).says(&["writing targets/fake/expect.txt: it has changed meanwhile", "hint: "]);
    assert_eq!(project.read(EXPECT), format!("{before}\n"));

    project.cmd(&["bless"]).typing("Yes\n").run().ends_with(0).says(&[ASKED, "rewritten: "]);
    project.run(&["test", "fake", "--suite", "std"], 0);
}

#[test]
fn a_file_keeps_its_place_and_rights_and_goes_when_it_has_nothing_to_say() {
    let project = project!();
    let entry = "# Reason: x\nstd  pass_a  fail\n";
    project.write("shared.txt", format!("{entry}std  pass_b  flake\n"));
    let rights = std::fs::Permissions::from_mode(0o640);
    fs_err::set_permissions(project.path("shared.txt"), rights.clone()).unwrap();
    std::os::unix::fs::symlink("../../shared.txt", project.path(EXPECT)).unwrap();
    project
        .run(&["test", "fake", "--suite", "std"], 10)
        .says(&["hint: to accept these results: cargo xtask bless fake"]);
    project.run(&["bless", "--yes"], 0);
    assert_eq!(project.read("shared.txt"), "# Reason: x\nstd  pass_b  flake\n");
    assert_eq!(fs_err::metadata(project.path(EXPECT)).unwrap().permissions().mode() & 0o777, rights.mode());
    assert!(project.path(EXPECT).is_symlink());

    fs_err::remove_file(project.path(EXPECT)).unwrap();
    project.write(EXPECT, entry);
    let output = project.run(&["bless", "--yes"], 0);
    assert_eq!(
        output.stdout,
        format!("--- a/{EXPECT}\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-# Reason: x\n-std  pass_a  fail\n")
    );
    assert!(!project.path(EXPECT).exists());
    let left = fs_err::read_dir(project.path("targets/fake")).unwrap().count();
    assert_eq!(left, 1, "nothing but target.toml");
}

#[test]
fn a_part_takes_nothing_away_and_what_cannot_be_expected_is_told() {
    let project = project!();
    project.tests("std", "pass_a pass_b fail_c silent_d");
    let text = "# Reason: x\nstd  pass_a  fail\nstd  gone_z  fail\n";
    project.write(EXPECT, text);
    let run = ["test", "fake", "--suite", "std", "--link", "dynamic"];
    project.run(&[&run[..], &["--filter", "_"]].concat(), 101);
    let output = project.run(&["bless", "--yes"], 10);
    output.says(&[
        "warning: left as it is: its program did not report it, and no entry can expect a missing test\n  fake  std  silent_d\n",
        "warning: left as it is: the run qemu dynamic is incomplete, so no entry is removed\n  fake  std  pass_a\n",
        "rewritten: ",
    ]);
    let more = format!("{text}\n# Reason: TODO\nstd  fail_c  fail  link=dynamic\n");
    assert_eq!(project.read(EXPECT), more);
    project.run(&["bless", "--yes"], 10).says(&["left as it is", "nothing else to bless"]);

    // Parts that make a whole are one.
    project.tests("std", "pass_a pass_b fail_c");
    let files = ["slice:1/2", "slice:2/2"].map(|part| {
        project.cmd(&[&run[..], &["--partition", part]].concat()).run();
        let file = format!("{}.json", part.replace(['/', ':'], "-"));
        project.write(&file, project.read("out/report/report.json"));
        let output = project.cmd(&["bless", "--yes", "--report", &file]).run();
        assert_eq!(project.read(EXPECT), more, "{}", output.stderr);
        file
    });
    let merged = project.run(&["report", "merge", &files[0], &files[1]], 0).stdout;
    project.write("merged.json", merged);
    project.run(&["bless", "--yes", "--report", "merged.json"], 0);
    assert_eq!(
        project.read(EXPECT),
        more.replace("pass_a  fail", "pass_a  fail  link=static").replace("std  gone_z  fail\n", "")
    );
}

#[test]
fn the_file_for_all_targets_needs_all_of_them() {
    let project = project!();
    project.write("qemu/all.expect.txt", "# Reason: x\nstd  pass_a  fail\nstd  pass_b  flake\n");
    project.run(&["test", "fake", "--suite", "std"], 10);
    project.run(&["bless", "--yes"], 10).says(&[
        "left as it is: qemu/all.expect.txt is for all targets, and twin did not run under qemu dynamic",
        "fake  std  pass_a",
    ]);
    project.run(&["test", "--suite", "std"], 10);
    project.run(&["bless", "fake", "--yes"], 10).says(&["twin did not run"]);
    project.run(&["bless", "--yes"], 0);
    assert_eq!(project.read("qemu/all.expect.txt"), "# Reason: x\nstd  pass_b  flake\n");
    project.run(&["test", "--suite", "std"], 0);
}

#[test]
fn wrong_input_is_refused_and_changes_nothing() {
    let project = eventful();
    let before = project.read(EXPECT);
    let mut text = String::new();
    let mut refused = |args: &[&str], code: i32| {
        let args = [&["bless", "--yes"], args].concat();
        let said = project.run(&args, code).stderr.replace(project.base().to_str().unwrap(), "BASE");
        let _ = writeln!(text, "$ cargo xtask {}\n{said}", args.join(" "));
        assert_eq!(project.read(EXPECT), before);
    };
    refused(&["fakt"], 2);
    refused(&["twin"], 2);
    refused(&["--report", "no/such.json"], 2);
    project.write("text.json", "no report");
    refused(&["--report", "text.json"], 2);
    let report = project.report().to_string();
    project.write("newer.json", report.replace("bringup-report/2", "bringup-report/3"));
    refused(&["--report", "newer.json"], 2);
    project.write("foreign.json", report.replace("\"target\":\"fake\"", "\"target\":\"elsewhere\""));
    refused(&["--report", "foreign.json"], 2);
    project.write("older.json", report.replace("\"spawns\":true", "\"spawns\":null"));
    project.write("older.json", project.read("older.json").replace("\"spawns\":false", "\"spawns\":null"));
    refused(&["--report", "older.json"], 2);
    project.write("empty.json", {
        let mut report = project.report();
        report["runs"] = json!([]);
        report.to_string()
    });
    refused(&["--report", "empty.json"], 2);
    project.write(EMULATOR, "# Reason: x\nstd  fail_b  crash\n");
    refused(&[], 2);
    insta::assert_snapshot!(text);
}

/// The only patch of the fixture's musl.
const PATCH: &str = "0001-malloc-give-back-something.patch";

#[test]
fn a_report_of_something_else_is_refused_with_the_command_that_takes_it() {
    let project = eventful();
    let before = project.read(EXPECT);
    let refused = |change: &dyn Fn(&mut serde_json::Value), args: &[&str], says: &[&str]| {
        let mut report = project.report();
        change(&mut report);
        project.write("other.json", report.to_string());
        let args = [&["bless", "--yes", "--report", "other.json"], args].concat();
        project.run(&args, 2).says(&[&["blessing other.json: it was made "], says].concat());
        assert_eq!(project.read(EXPECT), before);
    };
    let hint = "blesses it anyway";
    refused(
        &|report| report["pins"]["musl"] = "1.2.5".into(),
        &[],
        &["of musl 1.2.5, not 1.2.6", "cargo xtask bless fake --musl 1.2.5", hint],
    );
    refused(&|report| report["pins"]["llvm"] = "1".into(), &[], &["of llvm 1, not ", "hint: run the tests again"]);
    refused(
        &|report| {
            report["build"]["compiler"] = json!({"bootstrap": {"stage": 2, "llvm": "system"}});
        },
        &[],
        &["by the bootstrap compiler, not the stock one", "bless fake --compiler bootstrap --stage 2`"],
    );
    refused(
        &|report| report["build"]["left_out"] = json!(["musl/0001-x.patch"]),
        &[],
        &["without patch musl/0001-x.patch", "bless fake --without musl/0001-x.patch`"],
    );
    let whole = format!("with patch musl/{PATCH}");
    refused(&|_| (), &["--without", "musl/1"], &[&whole, "`cargo xtask bless fake`"]);
    // The same of an archive's tests.
    refused(
        &|report| {
            report["runs"][1]["origin"] = json!({"archive": {"file": "x"}});
            report["build"]["left_out"] = json!(["musl/0001-x.patch"]);
        },
        &[],
        &["without patch musl/0001-x.patch", "bless fake --without musl/0001-x.patch`"],
    );
    // The version that is built anyway may be named.
    let mut report = project.report();
    report["build"]["musl"] = "1.2.6".into();
    project.write("other.json", report.to_string());
    project.run(&["bless", "--yes", "--report", "other.json"], 0).says(&["rewritten"]);
}

#[test]
fn another_version_of_the_emulator_stays_as_it_was() {
    let project = project!();
    let text = "# Reason: x\nstd  pass_a  fail  qemu<11.2\n";
    project.write(EXPECT, text);
    project.run(&["test", "fake", "--suite", "std"], 10);
    project.run(&["bless", "--yes"], 10).says(&[
        "left as it is: its entry `fail` is for `qemu<11.2`, and the report covers only version 11.1.3; change it by hand",
        "fake  std  pass_a",
    ]);
    assert_eq!(project.read(EXPECT), text);
}

#[test]
fn a_file_of_another_editor_keeps_its_ways() {
    let project = project!();
    project.tests("std", "pass_a fail_b");
    project.write(EXPECT, "\u{feff}# Reason: x\r\nstd  pass_a  flake\r\n");
    project.run(&["test", "fake", "--suite", "std"], 100);
    project.run(&["bless", "--yes"], 0);
    let all = "\u{feff}# Reason: x\r\nstd  pass_a  flake\r\n\r\n# Reason: TODO\r\nstd  fail_b  fail\r\n";
    assert_eq!(project.read(EXPECT), all);
    project.run(&["test", "fake", "--suite", "std"], 0);
    project.write(EXPECT, "\u{feff}# Reason: x\nstd  pass_a  fail\n");
    project.run(&["test", "fake", "--suite", "std"], 100);
    project.run(&["bless", "--yes"], 0);
    assert_eq!(project.read(EXPECT), "\u{feff}\n# Reason: TODO\nstd  fail_b  fail\n".replacen('\n', "", 1));
    project.write(EXPECT, b"# Reason: \xff\nstd  pass_a  fail\n");
    for args in [&["bless", "--yes"][..], &["test", "fake"], &["target", "check"]] {
        project.run(args, 2).says(&["targets/fake/expect.txt: it is not UTF-8"]);
    }
}
