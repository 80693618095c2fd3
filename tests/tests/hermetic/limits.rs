//! Limits: what takes too much is killed by name, what takes long is named, and single tests may have limits of their own.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, cases, project};

const TESTS: &str = "drag_a eat_a files_a fill_a floods_a forks_a pass_a pass_b";

fn greedy() -> Project {
    let project = project!();
    project.tests("std", TESTS);
    for (default, bound) in [
        ("slow-seconds = 4", "slow-seconds = 1"),
        ("memory-mib = 1024", "memory-mib = 150"),
        ("processes = 100", "processes = 20"),
        ("open-files = 256", "open-files = 100"),
        ("output-mib = 64", "output-mib = 5"),
        ("disk-mib = 64", "disk-mib = 10"),
    ] {
        project.edit("bringup.toml", default, bound);
    }
    project
}

/// What the report has of std's tests.
fn tests(project: &Project) -> Vec<serde_json::Value> {
    let report = project.report();
    let suites = report["runs"][0]["suites"].as_array().unwrap();
    suites.iter().find(|suite| suite["suite"] == "std").unwrap()["tests"].as_array().unwrap().clone()
}

fn test(project: &Project, name: &str) -> serde_json::Value {
    tests(project).into_iter().find(|test| test["name"] == name).unwrap()
}

/// `NAME OUTCOME: REASON` of std's own tests.
fn outcomes(project: &Project) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    tests(project)
        .iter()
        .map(|test| format!("{} {}: {}", text(&test["name"]), text(&test["outcome"]), text(&test["reason"])))
        .filter(|line| !line.starts_with("env::") && !line.starts_with("plain "))
        .collect()
}

#[test]
fn each_limit_finds_the_test_that_exceeds_it() {
    let project = greedy();
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 100);
    let expected = [
        "drag_a pass: ",
        "eat_a crash: used more than 150 MiB of memory",
        "files_a fail: ",
        "fill_a crash: filled more than 10 MiB of disk",
        "floods_a crash: wrote more than 5 MiB of output",
        "forks_a crash: had more than 20 processes",
        "pass_a pass: ",
        "pass_b pass: ",
    ];
    assert_eq!(outcomes(&project), expected);
    let notes = project.report()["runs"][0]["notes"].to_string();
    assert!(notes.contains("drag_a is slow: it takes more than 1 s"), "{notes}");
    let log = test(&project, "files_a")["log"].as_str().unwrap().to_owned();
    let log = project.read(&format!("out/report/{log}"));
    assert!(log.contains("Too many open files"), "{log}");
    project.assert_clean();
}

#[test]
fn a_test_may_have_limits_of_its_own() {
    let project = greedy();
    let entry = |test: &str, limit: &str| {
        format!("[[limit]]\nsuite = \"std\"\ntest = \"{test}\"\n{limit}\nreason = \"It is made so.\"\n")
    };
    let emulator = [entry("f*", "processes = 60\ndisk-mib = 60\noutput-mib = 60"), entry("drag_a", "slow-seconds = 3")];
    project.write("qemu/limits.toml", emulator.concat());
    let target = [entry("eat_a", "memory-mib = 600"), entry("files_a", "open-files = 250")];
    project.write("targets/fake/limits.toml", target.concat());
    project
        .run(&["target", "check", "fake"], 0)
        .says(&["fake: spec, baseline, settings, limits and expectations are sound"]);
    project.note_starts();
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 0);
    assert!(outcomes(&project).iter().all(|line| line.ends_with(" pass: ")), "{:?}", outcomes(&project));
    assert!(!project.report()["runs"][0]["notes"].to_string().contains("slow"));
    let together =
        |start: &&String| start.contains("pass_b") && TESTS.split(' ').filter(|test| start.contains(test)).count() > 2;
    assert_eq!(project.starts().iter().find(together), None, "tests of different limits share no process");

    // Outcomes are those of the limits that they were seen with.
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 0);
    assert!(project.starts().is_empty());
    project.edit("targets/fake/limits.toml", "memory-mib = 600", "memory-mib = 120");
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 100);
    assert!(outcomes(&project).contains(&"eat_a crash: used more than 120 MiB of memory".to_owned()));
}

#[test]
fn times_may_be_a_tests_own() {
    let project = project!();
    project.tests("std", "hang_a nap_b nap_c nap_d nap_e nap_f nap_g pass_a pass_b slow_h");
    let entry = |test: &str, limits: &str| {
        format!("[[limit]]\nsuite = \"std\"\ntest = \"{test}\"\n{limits}\nreason = \"It is made so.\"\n")
    };
    let entries = [
        entry("hang_a", "test-seconds = 2"),
        entry("nap*", "test-seconds = 2\nprogram-seconds = 2"),
        entry("slow_h", "slow-seconds = 9\ntest-seconds = 9"),
    ];
    project.write("targets/fake/limits.toml", entries.concat());
    project.note_starts();
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic", "-j", "1"], 100);
    assert!(outcomes(&project).contains(&"hang_a timeout: no end within its time limit of 2 s".to_owned()));
    assert_eq!(outcomes(&project).iter().filter(|line| line.ends_with(" pass: ")).count(), 9);
    let starts = project.starts();
    // They sleep for 2.4 s.
    assert!(starts.iter().filter(|start| start.contains("nap_g")).count() > 1, "{starts:?}");
    // Those that may take longer than usual go first. A program that waits lends its job to the next one, that of the naps,
    // which may note its start earlier.
    let counts = |start: &&String| !start.contains("--list") && start.contains("/std ") && !start.contains("nap_");
    let first = starts.iter().find(counts);
    assert!(first.is_some_and(|start| start.ends_with("-- slow_h")), "{starts:?}");
}

#[test]
fn a_limit_that_the_machine_does_not_give_is_told() {
    let project = project!();
    project.edit("bringup.toml", "open-files = 256", "open-files = 99999999999");
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 0);
    let notes = project.report()["runs"][0]["notes"].to_string();
    assert!(notes.contains("open-files: this machine allows a process "), "{notes}");
}

#[test]
fn faults_of_limits_are_told_before_anything_is_built() {
    let project = project!();
    let entry = "[[limit]]\nsuite = \"std\"\ntest = \"a\"\nprocesses = 1\nreason = \"It is made so.\"\n";
    let faults = [
        ("qemu/limits.toml", entry.replace("std", "stb"), "qemu/limits.toml: [[limit]] stb a: unknown suite `stb`"),
        ("targets/fake/limits.toml", entry.repeat(2), "targets/fake/limits.toml: [[limit]] std a: appears twice"),
        ("targets/fake/limits.toml", entry.replace("reason", "#"), "missing field `reason`"),
        (
            "targets/fake/limits.toml",
            entry.replace("processes = 1", "program-seconds = 4"),
            "program-seconds: 4 is less than test-seconds, 5",
        ),
        ("bringup.toml", project.read("bringup.toml").replace("disk-mib", "disc-mib"), "unknown field `disc-mib`"),
        ("bringup.toml", project.read("bringup.toml").replace("disk-mib = 64", ""), "missing field `disk-mib`"),
    ];
    cases(faults.map(|fault| (fault.2, fault)), |(file, text, error)| {
        let before = (file == "bringup.toml").then(|| project.read(file));
        project.write(file, text);
        let outputs = [&["test", "fake"][..], &["target", "check", "fake"]].map(|verb| project.cmd(verb).run());
        match before {
            Some(before) => project.write(file, before),
            None => fs_err::remove_file(project.path(file)).unwrap(),
        }
        for output in outputs {
            output.ends_with(2).says(&[error]);
        }
    });
    assert!(project.steps().is_empty());
}
