//! Reports that are merged: what they have in common, what differs, and what is refused.

use std::path::Path;

use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Part, Report, Run};
use xtask::render::{markdown, terminal};
use xtask::report_ops::{diff, merge};

use crate::render::{passing, report, run, suite, test};

#[test]
fn reports_without_a_common_run_are_merged() {
    let qemu = report(vec![run("s390x", "qemu", "expected"), run("riscv64", "qemu", "expected")]);
    let mut native = report(vec![run("s390x", "native", "expected")]);
    native.pins.qemu = None;
    native.host.triple = "s390x-unknown-linux-gnu".into();
    native.host.tools.insert("clang".into(), "21.1.0".into());
    let merged = merge(vec![native.clone(), qemu.clone()]).unwrap();
    let runs: Vec<_> = merged.runs.iter().map(|run| format!("{} {}", run.target, run.runner)).collect();
    assert_eq!(runs, ["riscv64 qemu", "s390x native", "s390x qemu"]);
    assert_eq!(merged.pins, qemu.pins);
    assert_eq!(merged.host.triple, "s390x-unknown-linux-gnu / x86_64-unknown-linux-gnu");
    assert_eq!(merged.host.tools["clang"], "21.1.0 / 22.1.8");
    assert_eq!(merged.host.tools["make"], "4.3");

    let twice = merge(vec![qemu.clone(), native.clone(), qemu.clone()]).unwrap_err();
    assert_eq!(twice.to_string(), "the reports cannot be merged: riscv64 qemu dynamic");
    native.pins.musl = "1.2.5".into();
    let pins = merge(vec![qemu.clone(), native]).unwrap_err();
    assert_eq!(pins.to_string(), "the reports cannot be merged: one is of musl 1.2.6, another of musl 1.2.5");
    assert_eq!(merge(Vec::new()).unwrap_err().to_string(), "there is no report to merge");
    let mut patched = qemu.clone();
    (patched.options, patched.runs) = (vec!["--without musl/1".into()], Vec::new());
    let options = merge(vec![qemu, patched]).unwrap_err();
    let expected = "the reports cannot be merged: one is of no options, another of --without musl/1";
    assert_eq!(options.to_string(), expected);
}

#[test]
fn reports_of_several_machines_are_merged() {
    let on = |machine: &str, part: Option<&str>, test: &str| {
        let mut std = suite("std", passing(&[test]));
        let whole = |partition: &str| Part { partition: partition.into(), of: 2, names: "digest".into() };
        std.part = part.map(whole);
        report(vec![Run { machine: Some(machine.into()), suites: vec![std], ..run("s390x", "ssh", "expected") }])
    };
    let wholes = [on("boardA", None, "a"), on("boardB", None, "b")];
    let merged = merge(wholes.to_vec()).unwrap();
    let machines = |report: &Report| report.runs.iter().map(|run| run.machine.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(machines(&merged), ["boardA", "boardB"]);
    let text = markdown::render(&merged);
    assert!(text.contains("| ssh:boardA |") && text.contains("| ssh:boardB |"), "{text}");
    // The one is not compared with the other, where a report has both.
    assert!(diff(&merged, &merged).to_string().ends_with(" 0 vanished, 2 the same\n"));
    let twice = merge(vec![wholes[1].clone(), wholes[0].clone(), wholes[1].clone()]).unwrap_err();
    assert!(format!("{twice:#}").ends_with("more than one report has this run"), "{twice:#}");

    let parts = [on("boardB", Some("slice:2/2"), "b"), on("boardA", Some("slice:1/2"), "a")];
    let mut merged = merge(parts.to_vec()).unwrap();
    assert_eq!(machines(&merged), ["boardA / boardB"]);
    let std = &mut merged.runs[0].suites[0];
    std.tests[0] = test("a", Some(Outcome::Fail), Verdict::Regression, "");
    let text = terminal::render(&merged, Path::new("out/report"), false);
    assert!(text.ends_with("--filter a --link dynamic --runner ssh:boardA\n"), "{text}");
}
