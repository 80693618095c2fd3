//! From nothing to a report with fake tools: what is built, what is not built again, and how runs end.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, project};
use serde_json::Value;

const STEPS: [&str; 17] = [
    "patch",
    "patch",
    "patch",
    "patch",
    "patch",
    "runtimes",
    "musl",
    "kernel_headers",
    "libcxx",
    "sysroot",
    "std",
    "toolchain",
    "test_programs",
    "test_programs",
    "test_programs",
    "test_programs",
    "test_programs",
];

/// The first run of a report of one target, which is alike in both link modes.
fn the_run(project: &Project) -> Value {
    let report = project.report();
    assert_eq!(report["schema"], "bringup-report/2");
    let runs = report["runs"].as_array().unwrap();
    let links: Vec<&Value> = runs.iter().map(|run| &run["link"]).collect();
    assert_eq!(links, ["dynamic", "static"]);
    assert_eq!(runs[0]["verdict"], runs[1]["verdict"]);
    runs[0].clone()
}

fn expect_text(project: &Project, text: &str) {
    project.write("targets/fake/expect.txt", text);
}

#[test]
fn from_nothing_to_a_report_and_nothing_twice() {
    let project = project!();
    let first = project.run(&["test", "fake"], 0);
    first.says(&["Running patch", "Running std fake", "Finished test_programs fake-std", "test fake dynamic std"]);
    assert_eq!(first.stdout, "", "nothing of it is data");
    project.assert_clean();
    assert_eq!(project.steps().len(), STEPS.len());

    let report = project.report();
    assert_eq!(report["pins"]["qemu"], "11.1.3");
    assert_eq!(report["hosts"][0]["tools"]["clang"], "22.1.8");
    let run = the_run(&project);
    let steps = run["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert!(names[0].starts_with("fetch"), "{names:?}");
    let of = |name: &str| names.iter().filter(|step| step.split(' ').next() == Some(name)).count();
    assert!(STEPS.iter().all(|step| of(step) == STEPS.iter().filter(|other| other == &step).count()), "{names:?}");
    assert!(steps.iter().skip(1).all(|step| step["cached"] == false), "{steps:?}");
    let listed: Vec<_> = run["suites"].as_array().unwrap().iter().map(adds_up).collect();
    assert_eq!(
        listed,
        [("core".into(), 3), ("alloc".into(), 2), ("std".into(), 6), ("std_detect".into(), 1), ("test".into(), 1)]
    );
    for name in ["report.html", "junit.xml"] {
        assert!(project.path("out/report").join(name).is_file(), "{name}");
    }

    let before = project.results();
    let second = project.run(&["test", "fake"], 0);
    second.says(&["Cached 27 steps", "cached: 28 steps"]);
    assert!(!second.stderr.contains("Running"), "{}", second.stderr);
    assert_eq!(project.results(), before);
    let run = the_run(&project);
    let all = |key: &str| run[key].as_array().unwrap().iter().all(|step| step["cached"] == true);
    assert!(all("steps") && all("suites"), "{run:#}");
}

/// Name and size of a suite whose counts must add up, also those of the tests in it.
fn adds_up(suite: &Value) -> (String, u64) {
    let count = |key: &str| suite[key].as_u64().unwrap();
    // Left out of the report where they are 0.
    let rare = ["missing", "not_run"].map(|key| suite.get(key).map_or(0, |count| count.as_u64().unwrap()));
    let outcomes = ["passed", "failed", "crashed", "timed_out", "ignored", "skipped"].map(count);
    assert_eq!(outcomes.iter().chain(&rare).sum::<u64>(), count("listed"), "{suite:#}");
    let tests = suite["tests"].as_array().unwrap();
    let stale = suite["verdicts"]["stale"].as_u64().unwrap();
    assert_eq!(tests.len() as u64, count("listed") + stale, "{suite:#}");
    let verdicts: u64 = suite["verdicts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(verdicts, tests.len() as u64, "{suite:#}");
    (suite["suite"].as_str().unwrap().into(), count("listed"))
}

#[test]
fn exit_codes_say_how_a_run_went() {
    let project = project!();
    let verdict = || the_run(&project)["verdict"].as_str().unwrap().to_owned();

    project.tests("std", "pass_a fail_b segv_c");
    project.run(&["test", "fake"], 100).says(&["regression", "fail_b", "segv_c", "hint: "]);
    assert_eq!(verdict(), "regression");
    the_run(&project)["suites"].as_array().unwrap().iter().for_each(|suite| drop(adds_up(suite)));

    // Known failures are as expected, under QEMU's name or the target's.
    expect_text(&project, "# Bug: https://example.org/1\nstd  fail_b  fail\n");
    project.write("qemu/fake.expect.txt", "# Reason: emulated badly\nstd  segv_c  crash\n");
    project.run(&["test", "fake"], 0);
    assert_eq!(verdict(), "expected");

    // Better than known, and known no more.
    project.tests("std", "pass_a fail_b");
    project.run(&["test", "fake", "--rerun"], 10).says(&["stale", "segv_c"]);
    project.tests("std", "pass_a fail_b segv_c");
    expect_text(&project, "# Reason: x\nstd  fail_b  fail\nstd  pass_a  fail\n");
    project.run(&["test", "fake", "--rerun"], 10).says(&["improvement", "pass_a"]);
    assert_eq!(verdict(), "improvement");

    // What is never reported is listed all the same. It contradicts the program's own counts.
    project.tests("std", "pass_a lost_b");
    project
        .run(&["test", "fake", "--rerun"], 101)
        .says(&["lost_b", "std: it counts 2 tests as passed, but reported 1"]);
    let std = the_run(&project)["suites"][2].clone();
    assert_eq!((adds_up(&std).0.as_str(), &std["missing"]), ("std", &1.into()));

    project.run(&["test", "fake", "--filter", "no_such_test"], 4).says(&["no test ran"]);
    project.run(&["test", "fake", "--suite", "core", "--filter", "pass_a"], 0);
    assert_eq!(adds_up(&the_run(&project)["suites"][0]), ("core".into(), 1));
    project.run(&["test", "fake", "--suite", "core,alloc", "--partition", "slice:2/2"], 0);
    assert_eq!(the_run(&project)["suites"].as_array().unwrap().len(), 2);
    project.assert_clean();
}

#[test]
fn a_failed_step_is_named_and_gone_once_mended() {
    let project = project!();
    project.fail("crt1.c", "crt1.c:1: this compiler is tired");
    let output = project.run(&["build", "fake"], 101);
    output.says(&["step `musl fake` failed", "compiling musl", "this compiler is tired", "whole log: "]);
    assert!(!output.stderr.contains("step `std fake` failed"), "{}", output.stderr);
    assert_eq!(output.stdout, "");
    project.assert_clean();
    assert!(project.steps().iter().any(|step| step.starts_with("runtimes/")), "what did not fail is kept");

    // `test` reports it, without a suite.
    project.run(&["test", "fake"], 101).says(&["this compiler is tired"]);
    let run = the_run(&project);
    assert_eq!((&run["verdict"], run["suites"].as_array().unwrap().len()), (&Value::from("incomplete"), 0));
    assert!(run["error"].as_str().unwrap().contains("step `musl fake` failed"), "{run:#}");

    project.release();
    project.run(&["build", "fake"], 0).says(&["Cached 7 steps"]);
    for (gate, step) in [("cargo-build", "std fake"), ("cargo-test", "test_programs fake-core")] {
        project.run(&["clean"], 0);
        project.fail(gate, "error[E0000]: no");
        project.run(&["test", "fake"], 101).says(&[&format!("step `{step}` failed"), "error[E0000]: no"]);
        project.assert_clean();
        project.release();
    }
    project.run(&["test", "fake"], 0);
}

#[test]
fn targets_share_sources_and_nothing_else() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    let before = project.results();
    let output = project.run(&["build", "fake", "twin"], 0);
    assert!(!output.stderr.contains("Running patch") && !output.stderr.contains(" fake"), "{}", output.stderr);
    output.says(&["Running runtimes twin", "Cached"]);
    let after = project.results();
    assert!(before.iter().all(|(path, content)| after.get(path) == Some(content)));
    // The folders of both, in the order they were asked for.
    let folders: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(folders.len(), 2);
    assert!(folders[0].contains("/toolchain/fake-") && folders[1].contains("/toolchain/twin-"), "{folders:?}");

    // One target's failure leaves the other alone.
    project.run(&["clean"], 0);
    project.fail("print-target-triple", "no");
    project.run(&["build"], 101).says(&["step `sysroot fake` failed"]);
    project.release();
    project.edit("targets/twin/target.toml", "-march=one", "-march=two");
    let output = project.run(&["test"], 0);
    for suite in ["test fake static std", "test twin static std"] {
        output.says(&[suite]);
    }
    assert_eq!(project.report()["runs"].as_array().unwrap().len(), 4);
}

#[test]
fn a_change_rebuilds_what_it_reaches() {
    let project = project!();
    let everything_runs = project.run(&["plan", "fake"], 0).stdout;
    assert!(everything_runs.lines().all(|line| line.starts_with("run ")), "{everything_runs}");
    project.run(&["why", "fake"], 0);
    project.run(&["test", "fake"], 0);
    let done = project.run(&["plan", "fake"], 0).stdout;
    assert!(done.lines().count() == STEPS.len() && done.lines().all(|line| line.starts_with("done")), "{done}");

    project.edit("targets/fake/target.toml", "-march=one", "-march=two");
    let why = project.run(&["why", "fake"], 0).stdout;
    let runtimes = why.split_once("runtimes fake: differs from out/runtimes/fake-").unwrap().1;
    assert!(runtimes.contains("\n  - c flag: -march=one\n  + c flag: -march=two\n"), "{why}");
    assert!(why.starts_with("patch rust: done\npatch musl: done\npatch llvm: done\n"), "{why}");
    let plan = project.run(&["plan", "fake"], 0).stdout;
    assert_eq!(plan.lines().filter(|line| line.starts_with("done")).count(), 5, "{plan}");
    project.run(&["build", "fake"], 0).says(&["Running runtimes", "Cached 5 steps"]);
    project.edit("targets/fake/target.toml", "-march=two", "-march=one");
    project.run(&["build", "fake"], 0).says(&["Cached 12 steps"]);

    // A patch is an input of whatever rests on its source.
    let file = "patches/musl/1.2.6/0001-malloc-give-back-something.patch";
    project.edit(file, "+    return (void *)size;", "+    return (void *)-size;");
    // The id of the file that the patch now makes.
    project.edit(file, "f652ae0f2be16400e6dd488dd8753d4e422ff214", "cef1a4b7aff50cfd11b9c0f387699f8de718d2c7");
    let plan = project.run(&["plan", "fake"], 0).stdout;
    assert!(plan.contains("done  patch rust") && plan.contains("run   patch musl"), "{plan}");
    project.run(&["build", "fake"], 0).says(&["Running patch musl", "Running std"]);
}

#[test]
fn a_suite_s_programs_are_built_for_runs_of_this_suite() {
    let project = project!();
    let output = project.run(&["test", "fake", "--suite", "alloc"], 0);
    output.says(&["Finished test_programs fake-alloc"]);
    assert!(!output.stderr.contains("test_programs fake-core"), "{}", output.stderr);
    let alone = project.report()["runs"][0]["programs"].clone();
    let output = project.run(&["test", "fake"], 0);
    output.says(&[
        "Finished test_programs fake-core",
        "Finished test_programs fake-std",
        "suite alloc fake qemu static",
    ]);
    assert!(!output.stderr.contains("Running test fake dynamic alloc"), "{}", output.stderr);
    // Reports of some suites merge with those of others.
    assert_eq!(project.report()["runs"][0]["programs"], alone);
}

#[test]
fn std_s_libc_is_told_what_its_version_requires() {
    let project = project!();
    let switch = |since: &str| {
        format!(
            "[[std.libc]]\nsince = \"{since}\"\nenv = {{ TELL_LIBC = \"{since}\" }}\ncfg = [\"since_{}\"]\n",
            since.len()
        )
    };
    let before = project.read("bringup.toml");
    let told = |versions: &[&str], expected: &str| {
        let switches: String = versions.iter().map(|since| switch(since)).collect();
        project.write("bringup.toml", format!("{before}\n{switches}"));
        project.run(&["build", "fake"], 0);
        let log = project.read("out/log/std-fake.log");
        assert!(log.contains(expected) == (versions[0] != "0.2.186"), "{log}");
    };
    // std has libc 0.2.185.
    told(&["0.2.9", "0.2.185", "0.2.1000"], "libc is told 0.2.185, rustc ");
    let log = project.read("out/log/std-fake.log");
    assert!(log.trim_end().ends_with("--cfg=since_7"), "{log}");
    told(&["0.2.186"], "libc is told");
    project.write("bringup.toml", format!("{before}\n{}{}", switch("0.2.9"), switch("0.2.3")));
    project.run(&["build", "fake"], 2).says(&["[[std.libc]] 0.2.3 comes after 0.2.9"]);
}
