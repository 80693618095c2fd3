//! Flakes, stress, parts for several machines, and what an interrupt leaves of a suite.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Output, Project, cases, project};
use rustix::process::Signal;
use serde_json::Value;

fn suite(report: &Value, name: &str) -> Value {
    let suites = report["runs"][0]["suites"].as_array().unwrap();
    suites.iter().find(|suite| suite["suite"] == name).unwrap().clone()
}

fn test(report: &Value, name: &str) -> Value {
    let suite = suite(report, "std");
    suite["tests"].as_array().unwrap().iter().find(|test| test["name"] == name).unwrap().clone()
}

const ONE: [&str; 4] = ["test", "fake", "--link", "dynamic"];

fn run(project: &Project, options: &[&str], code: i32) -> Value {
    project.run(&[&ONE, options].concat(), code);
    project.report()
}

#[test]
fn what_fails_unexpectedly_runs_again_alone() {
    let project = project!();
    project.tests("std", "pass_a flaky_b fail_c");
    let report = run(&project, &[], 100);
    let flaky = test(&report, "flaky_b");
    assert_eq!((flaky["outcome"].as_str(), flaky["verdict"].as_str()), (Some("fail"), Some("flake")), "{flaky}");
    assert_eq!(flaky["tries"], serde_json::json!({"runs": 4, "failures": 2}));
    let failing = test(&report, "fail_c");
    assert_eq!((failing["verdict"].as_str(), &failing["tries"]["failures"]), (Some("regression"), &Value::from(4)));
    assert_eq!(
        (&suite(&report, "std")["passed"], &suite(&report, "std")["failed"]),
        (&Value::from(3), &Value::from(2)),
        "a flake is no pass"
    );
    project.assert_clean();

    // A flake alone is nothing to fail for, but the files have to say so; then it is known.
    project.tests("std", "pass_a flaky_b");
    project.run(&ONE, 10).says(&["flake", "flaky_b", "fail (failed 2 of 4 runs)"]);
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  flaky_b  flake\n");
    assert_eq!(project.report()["runs"][0]["verdict"], "flake");
    let report = run(&project, &["--rerun"], 0);
    assert_eq!(test(&report, "flaky_b")["tries"], serde_json::json!({"runs": 4, "failures": 2}));
}

#[test]
fn a_known_flake_that_always_fails_is_shown_until_its_entry_says_so() {
    let project = project!();
    project.tests("std", "pass_a fail_b");
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_b  flake  link=dynamic\n");
    for _ in 0..2 {
        let output = project.run(&ONE, 10);
        output.says(&[
            "flake",
            "fail (failed 4 of 4 runs): it never passed, so this is no flake",
            "expects `flake`: x",
        ]);
        let report = project.report();
        assert_eq!(test(&report, "fail_b")["tries"], serde_json::json!({"runs": 4, "failures": 4}));
        assert_eq!(report["runs"][0]["verdict"], "flake");
        assert_eq!(suite(&report, "std")["verdicts"]["constant"], 1);
    }
    project.run(&["bless", "fake", "--yes"], 0);
    assert_eq!(project.read("targets/fake/expect.txt"), "# Reason: x\nstd  fail_b  fail   link=dynamic\n");
    project.run(&ONE, 0);
}

#[test]
fn failures_of_several_kinds_are_a_flake() {
    let project = project!();
    project.tests("std", "pass_a worse_b");
    let bless = |entry: &str| {
        project.write("targets/fake/expect.txt", entry);
        let report = run(&project, &["--rerun"], 10);
        let worse = test(&report, "worse_b");
        assert_eq!((worse["outcome"].as_str(), worse["verdict"].as_str()), (Some("fail"), Some("flake")), "{worse}");
        assert_eq!(worse["tries"], serde_json::json!({"runs": 4, "failures": 4, "others": 3}));
        assert!(worse["reason"].as_str().unwrap().contains("1 fail, 3 crash (SIGSEGV)"), "{worse}");
        project.run(&["bless", "fake", "--yes"], 0);
        project.read("targets/fake/expect.txt")
    };
    assert_eq!(
        bless("# Reason: x\nstd  worse_b  crash  link=dynamic\n"),
        "# Reason: x\nstd  worse_b  flake  link=dynamic\n"
    );
    let blessed = bless("");
    assert!(
        blessed.contains("# Seen: failed 4 of 4 runs: 1 fail, 3 crash (SIGSEGV)\nstd  worse_b  flake"),
        "{blessed}"
    );
}

#[test]
fn what_is_missing_is_a_regression_whatever_is_known_of_it() {
    let project = project!();
    project.tests("std", "pass_a lost_b");
    let known = ["", "fail", "crash", "timeout", "flake"];
    cases(known.map(|word| (format!("known as `{word}`"), word)), |word| {
        let entry = if word.is_empty() { String::new() } else { format!("# Reason: x\nstd  lost_b  {word}\n") };
        project.write("targets/fake/expect.txt", entry);
        // The counts of the program say that it ran.
        let report = run(&project, &["--rerun"], 101);
        let lost = test(&report, "lost_b");
        let found = (lost["outcome"].as_str(), lost["verdict"].as_str());
        assert_eq!(found, (Some("missing"), Some("regression")));
    });
}

#[test]
fn stress_gives_rates_and_is_not_recorded() {
    let project = project!();
    project.tests("std", "pass_a flaky_b");
    let report = run(&project, &["--suite", "std", "--stress", "6"], 10);
    let tries = |name| test(&report, name)["tries"].clone();
    assert_eq!(tries("pass_a"), serde_json::json!({"runs": 6, "failures": 0}));
    assert_eq!(tries("flaky_b"), serde_json::json!({"runs": 6, "failures": 3}));
    assert_eq!(project.outcomes(), [""; 0]);
}

#[test]
fn an_interrupt_keeps_what_is_known_by_then() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    project.tests("std", "pass_a pass_b hang_z");
    let interrupted = project.cmd(&["test", "fake", "twin", "-j", "1"]).start();
    project.wait_for_process("hang_z");
    interrupted.signal(Signal::INT);
    interrupted.wait().ends_with(130).says(&["interrupted"]);
    let report = project.report();
    let runs = report["runs"].as_array().unwrap();
    let of = |run: &Value| format!("{} {} {}", run["target"], run["link"], run["verdict"]).replace('"', "");
    let expected =
        ["fake dynamic", "fake static", "twin dynamic", "twin static"].map(|run| format!("{run} incomplete"));
    assert_eq!(runs.iter().map(of).collect::<Vec<_>>(), expected);
    let has_std = |run: &&Value| run["suites"].as_array().unwrap().iter().any(|suite| suite["suite"] == "std");
    let run = runs.iter().find(has_std).unwrap_or_else(|| panic!("{report:#}"));
    let std = run["suites"].as_array().unwrap().iter().find(|suite| suite["suite"] == "std").unwrap();
    assert_eq!(std["listed"], 5, "{std:#}");
    let not_run = std["not_run"].as_u64().unwrap();
    assert!((1..=5).contains(&not_run) && std["passed"].as_u64().unwrap() + not_run == 5, "{std:#}");
    project.assert_clean();
    // It can be read again.
    project.run(&["report"], 101).stdout.contains("interrupted before its end").then_some(()).unwrap();

    project.tests("std", "pass_a pass_b pass_z");
    project.run(&["test", "fake", "twin"], 0);
}

#[test]
fn parts_make_a_whole() {
    let project = project!();
    project.tests("std", "pass_a ignored_b fail_c segv_d pass_e flaky_f net::pass_g");
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_c  fail\nstd  segv_d  crash\nstd  gone  fail\n");
    for scheme in ["slice", "hash"] {
        let whole = run(&project, &["--rerun"], 10);
        let mut files = Vec::new();
        for part in 1..=3 {
            project.cmd(&[&ONE[..], &["--partition", &format!("{scheme}:{part}/3")]].concat()).run();
            files.push(format!("{scheme}-{part}.json"));
            project.write(&files[part - 1], project.read("out/report/report.json"));
        }
        let merge = |files: &[&str], code: i32| project.run(&[&["report", "merge"], files].concat(), code);
        let merged = merge(&[&files[2], &files[0], &files[1]], 0).stdout;
        let merged: Value = serde_json::from_str(&merged).unwrap();
        let names = |report: &Value, name: &str| {
            let tests = suite(report, name)["tests"].as_array().unwrap().clone();
            let words = tests.iter().map(|test| format!("{} {}", test["name"], test["verdict"]));
            words.collect::<Vec<_>>()
        };
        for name in ["core", "alloc", "std"] {
            let mut expected = names(&whole, name);
            expected.sort();
            assert_eq!(names(&merged, name), expected, "{scheme}");
        }
        for key in ["listed", "passed", "failed", "crashed", "ignored", "verdicts"] {
            assert_eq!(suite(&merged, "std")[key], suite(&whole, "std")[key], "{scheme} {key}");
        }
        assert_eq!(merged["runs"][0]["verdict"], "stale");

        merge(&[&files[0], &files[1]], 101).says(&[
            "the reports cannot be merged: fake qemu dynamic: suite alloc: ",
            &format!("part {scheme}:3/3 is missing"),
        ]);
        merge(&[&files[0]], 101).says(&[&format!("part {scheme}:2/3 is missing")]);
        merge(&[&files[0], &files[1], &files[2], &files[1]], 101).says(&[&format!("part {scheme}:2/3 appears twice")]);
        project.write("other.json", project.read(&files[2]).replace("\"programs\": \"", "\"programs\": \"f"));
        merge(&[&files[0], &files[1], "other.json"], 101).says(&["the parts have different test programs"]);
        project
            .write("other.json", project.read(&files[2]).replace(&format!("{scheme}:3/3"), &format!("{scheme}:3/4")));
        merge(&[&files[0], &files[1], "other.json"], 101).says(&["belong to different divisions"]);
    }
    project
        .run(&["report", "merge", "slice-1.json", "slice-2.json", "hash-3.json"], 101)
        .says(&["belong to different divisions"]);
}

/// Runs each part with these options, which must end with this code; the result is the file of its report.
fn keep(project: &Project, name: &str, options: &[&str], code: i32) -> String {
    run(project, options, code);
    let file = format!("{name}.json");
    project.write(&file, project.read("out/report/report.json"));
    file
}

fn merge(project: &Project, files: &[&str], code: i32) -> Output {
    project.run(&[&["report", "merge"], files].concat(), code)
}

#[test]
fn a_part_may_be_empty_but_not_the_whole() {
    let project = project!();
    let suite_of = |name: &str, part: usize, parts: usize| {
        let partition = format!("slice:{part}/{parts}");
        keep(&project, &format!("{name}-{part}"), &["--suite", name, "--partition", &partition], 0)
    };
    let files: Vec<String> = (1..=4).map(|part| suite_of("alloc", part, 4)).collect();
    assert_eq!(suite(&project.report(), "alloc")["listed"], 0);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let merged: Value = serde_json::from_str(&merge(&project, &files, 0).stdout).unwrap();
    assert_eq!(suite(&merged, "alloc")["passed"], 2);
    // The first is ignored, the others are not.
    let files: Vec<String> = (1..=3).map(|part| suite_of("core", part, 3)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    merge(&project, &files, 0);

    project.run(&["test", "fake", "twin", "--suite", "alloc", "--partition", "slice:3/4"], 0);
    assert_eq!(project.report()["runs"].as_array().unwrap().len(), 4);
    project.run(&["test", "fake", "--filter", "nobody", "--partition", "slice:1/2"], 4);
    project.tests("alloctests", "ignored_a ignored_b");
    let files = [1, 2].map(|part| suite_of("alloc", part, 2));
    merge(&project, &[&files[0], &files[1]], 101).says(&["no part ran a test of alloc"]);
}

#[test]
fn a_program_that_cannot_list_its_tests_is_of_one_part() {
    let project = project!();
    project.tests("env", "unlistable");
    for scheme in ["slice", "hash"] {
        let files = [1, 2].map(|part| {
            let file = format!("{scheme}-{part}.json");
            project.cmd(&[&ONE[..], &["--suite", "std", "--partition", &format!("{scheme}:{part}/2")]].concat()).run();
            project.write(&file, project.read("out/report/report.json"));
            file
        });
        let merged: Value = serde_json::from_str(&merge(&project, &[&files[0], &files[1]], 0).stdout).unwrap();
        let std = suite(&merged, "std");
        assert_eq!((&std["crashed"], &std["partial"]), (&1.into(), &true.into()), "{std:#}");
    }
}

#[test]
fn parts_of_other_tests_are_refused() {
    let project = project!();
    project.tests("std", "pass_b1 pass_b2 pass_c1 pass_c2");
    let part = |number: usize, filter: &str| {
        let partition = format!("slice:{number}/2");
        let options = ["--suite", "std", "--partition", &partition, "--filter", filter];
        keep(&project, &format!("{filter}-{number}"), &options, 0)
    };
    // As many in each, so that counts do not tell.
    let (first, second, other) = (part(1, "pass_b"), part(2, "pass_b"), part(2, "pass_c"));
    merge(&project, &[&first, &second], 0);
    merge(&project, &[&first, &other], 101).says(&["std", "slice:1/2 and slice:2/2 divide different tests"]);
    let mut old: Value = serde_json::from_str(&project.read(&second)).unwrap();
    let part = old["runs"][0]["suites"][0]["part"].as_object_mut().unwrap();
    part.retain(|key, _| key == "partition" || key == "of");
    project.write(&second, old.to_string());
    merge(&project, &[&first, &second], 101).says(&["slice:2/2 does not say which tests were divided", "hint: "]);
}

#[test]
fn what_does_not_make_a_whole_is_told_alike_in_any_order() {
    let project = project!();
    let whole = keep(&project, "whole", &["--suite", "std"], 0);
    let first = keep(&project, "first", &["--suite", "std", "--partition", "slice:1/2"], 0);
    let second = keep(&project, "second", &["--suite", "std", "--partition", "slice:2/2"], 0);
    let mut lost = project.report();
    lost["runs"][0]["verdict"] = "incomplete".into();
    lost["runs"][0]["error"] = "the connection was lost".into();
    project.write("cut.json", lost.to_string());
    lost["runs"][0]["suites"] = serde_json::json!([]);
    project.write("lost.json", lost.to_string());
    let both = |one: &str, other: &str, says: &str| {
        for files in [[one, other], [other, one]] {
            merge(&project, &files, 101).says(&["the reports cannot be merged: fake qemu dynamic", says]);
        }
    };
    for incomplete in ["cut.json", "lost.json"] {
        for other in [&first, &whole, incomplete] {
            both(incomplete, other, "one report has an incomplete run: the connection was lost");
        }
    }
    both(&whole, &first, "one report has the whole, another only a part");
    both(&whole, &whole, "several reports have this run");
    both(&first, &first, "part slice:1/2 appears twice");
    merge(&project, &[&first, &second], 0);
}

#[test]
fn a_wrong_report_is_a_usage_error() {
    let project = project!();
    run(&project, &["--suite", "std"], 0);
    let refused = |file: &str, says: &[&str]| {
        for verb in [&["report"][..], &["report", "merge"], &["report", "diff", file]] {
            project.run(&[verb, &[file]].concat(), 2).says(says);
        }
    };
    project.write("list.json", "[]");
    refused("list.json", &["reading list.json: it is not a JSON object, so it is not a report of Bringup"]);
    refused(".", &[". is a folder", "hint: "]);
    refused("no.json", &["there is no report at no.json"]);
    // A test is gone, and the counts know nothing of it.
    let mut report = project.report();
    report["runs"][0]["suites"][0]["tests"].as_array_mut().unwrap().pop();
    project.write("fewer.json", report.to_string());
    refused("fewer.json", &["suite std of fake qemu dynamic: it counts 6 tests as `passed`, but lists 5"]);
    let mut report = project.report();
    report["runs"][0]["suites"][0]["tests"][0]["verdict"] = "regression".into();
    project.write("worse.json", report.to_string());
    refused("worse.json", &["it counts 6 tests as `expected`, but lists 5"]);
}
