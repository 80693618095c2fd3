//! Expectation files: what `target check` refuses that a run puts up with, and what both refuse.

use bringup_tests::{Project, cases, project};

const EXPECT: &str = "targets/fake/expect.txt";
const UNCHECKED: &str = "no complete run is recorded here";

fn expect(project: &Project, text: &str) {
    project.write(EXPECT, text);
}

#[test]
fn duplicates_and_contradictions_are_refused_with_both_places() {
    let project = project!();
    let seconds = [
        ("std  pass_a  fail", "a duplicate: qemu/all.expect.txt:2 says `fail` for `std pass_a`"),
        ("std  pass_a  crash  link=static", "a contradiction: qemu/all.expect.txt:2 says `fail` for `std pass_a`"),
        ("std  pass_*  skip", "a contradiction: qemu/all.expect.txt:2 says `fail` for `std pass_a`"),
    ];
    cases(seconds.map(|second| (second.0, second)), |(second, expected)| {
        project.write("qemu/all.expect.txt", "# Reason: x\nstd  pass_a  fail\n");
        expect(&project, &format!("# Reason: y\n\t{second}\n"));
        for args in [&["test", "fake"][..], &["target", "check"]] {
            let line = format!("2 | \t{second}\n  | \t{}\n", "^".repeat(second.len()));
            project.run(args, 2).says(&[&format!("error: {EXPECT}:2:2: {expected}"), &line]);
        }
    });
    // Where only one of them holds, there is no question which.
    expect(
        &project,
        "# Reason: y\nstd  pass_a  crash  runner=native\nstd  pass_b  fail  qemu<11\nstd  pass_b  crash  qemu>=11\n",
    );
    project
        .run(&["target", "check", "fake"], 0)
        .says(&["fake: spec, baseline, settings, limits and expectations are sound"]);
    assert!(project.steps().is_empty());
}

#[test]
fn a_reason_to_do_is_good_for_a_run_but_not_for_the_check() {
    let project = project!();
    project.tests("std", "pass_a fail_b fail_c");
    expect(&project, "# Reason: TODO\n# Seen: x\nstd  fail_b  fail\n\n# Bug: TODO: report\nstd  fail_c  fail\n");
    project.run(&["test", "fake"], 0);
    let output = project.run(&["target", "check"], 2);
    output.says(&[
        "twin: spec, baseline, settings, limits and expectations are sound",
        "error: targets/fake/expect.txt:1: the reason is still TODO",
        "targets/fake/expect.txt:5: the reason is still TODO",
    ]);
    expect(&project, "# Reason: no TODO\nstd  fail_b  fail\n\n# Bug: https://example.org\nstd  fail_c  fail\n");
    project.run(&["target", "check"], 0);
    // What is wrong for all targets is said once.
    project.write("qemu/all.expect.txt", "# Reason: TODO\nstd  pass_a  flake\n");
    let said = project.run(&["target", "check"], 2).stderr;
    assert_eq!(said.matches("qemu/all.expect.txt:1: ").count(), 1, "{said}");
}

#[test]
fn an_entry_of_an_unknown_test_is_refused_once_the_tests_are_known() {
    let project = project!();
    expect(
        &project,
        "# Reason: x\nstd  gone_b  fail\n\n# Reason: x\nstd  pass_*  flake\nstd  left_*  skip  link=static\n",
    );
    project.run(&["target", "check"], 0).says(&[&format!("fake: std: {UNCHECKED}")]);
    // What is not all of the suite does not tell.
    project.run(&["test", "fake", "--suite", "std", "--filter", "pass"], 0);
    project.run(&["test", "fake", "--suite", "core"], 0);
    project.run(&["test", "twin", "--suite", "std"], 0);
    project.run(&["target", "check"], 0).says(&[&format!("fake: std: {UNCHECKED}")]);

    project.run(&["test", "fake", "--suite", "std"], 10).says(&["stale", "gone_b"]);
    let output = project.run(&["target", "check"], 2);
    output.says(&[
        &format!("error: {EXPECT}:2: no test program of fake lists `std gone_b`"),
        &format!("{EXPECT}:6: no test program of fake lists `std left_*`"),
    ]);
    assert!(!output.stderr.contains(UNCHECKED), "{}", output.stderr);
    project.run(&["target", "check", "twin"], 0);

    // The newest record counts: these programs differ, and list other tests.
    project.tests("std", "pass_a gone_b left_c");
    project.edit("targets/fake/target.toml", "-march=one", "-march=two");
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 10);
    project.run(&["target", "check"], 0);
}

#[test]
fn a_file_of_the_emulator_is_called_after_a_target() {
    let project = project!();
    for name in ["all.expect.txt", "fake.expect.txt", "README.md"] {
        project.write(&format!("qemu/{name}"), "# nothing here\n");
    }
    project.run(&["target", "check"], 0);
    project.write("qemu/fakee.expect.txt", "");
    project.write("qemu/zzz.expect.txt", "");
    project.run(&["target", "check", "twin"], 2).says(&[
        "error: qemu/fakee.expect.txt: there is no target `fakee`\nhint: did you mean `fake`?",
        "qemu/zzz.expect.txt: there is no target `zzz`\nhint: the targets are fake, twin",
    ]);
}

#[test]
fn an_entry_of_a_test_that_is_ignored_goes() {
    let project = project!();
    project.tests("std", "pass_a ignored_b ignored_c");
    expect(&project, "# Reason: x\nstd  ignored_b  fail\nstd  ignored_c  flake\n");
    project.run(&["test", "fake", "--suite", "std"], 10).says(&["improvement", "ignored_b", "ignored; its entry says"]);
    project.run(&["bless", "--yes"], 0);
    assert_eq!(project.read(EXPECT), "# Reason: x\nstd  ignored_c  flake\n");
    project.run(&["test", "fake", "--suite", "std"], 0);
}
