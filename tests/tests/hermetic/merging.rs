//! Reports that are merged: what they have in common, what differs, and what is refused.

use std::path::Path;

use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::diff::diff;
use bringup_model::report::merge::merge;
use bringup_model::report::{Part, Report, Run, RunVerdict};
use xtask::render::{markdown, terminal};

use crate::render::{passing, report, run, suite, test};

#[test]
fn reports_without_a_common_run_are_merged() {
    let qemu = report(vec![run("s390x", "qemu", RunVerdict::Expected), run("riscv64", "qemu", RunVerdict::Expected)]);
    let mut native = report(vec![run("s390x", "native", RunVerdict::Expected)]);
    native.pins.qemu = None;
    native.hosts[0].triple = "s390x-unknown-linux-gnu".into();
    native.hosts[0].tools.insert("clang".into(), "21.1.0".into());
    let merged = merge(vec![native.clone(), qemu.clone()]).unwrap();
    let runs: Vec<_> = merged.runs.iter().map(|run| format!("{} {}", run.target, run.runner.word())).collect();
    assert_eq!(runs, ["riscv64 qemu", "s390x native", "s390x qemu"]);
    assert_eq!(merged.pins, qemu.pins);
    assert_eq!(merged.hosts, [native.hosts[0].clone(), qemu.hosts[0].clone()]);

    let twice = merge(vec![qemu.clone(), native.clone(), qemu.clone()]).unwrap_err();
    assert_eq!(twice.to_string(), "the reports cannot be merged: riscv64 qemu dynamic");
    native.pins.musl = "1.2.5".into();
    let pins = merge(vec![qemu.clone(), native]).unwrap_err();
    assert_eq!(pins.to_string(), "the reports cannot be merged: one has musl 1.2.6, another musl 1.2.5");
    assert_eq!(merge(Vec::new()).unwrap_err().to_string(), "there is no report to merge");
    let mut patched = qemu.clone();
    (patched.build.left_out, patched.runs) = (vec!["musl/0001-a.patch".into()], Vec::new());
    let options = merge(vec![qemu, patched]).unwrap_err();
    let expected =
        "the reports cannot be merged: one was built with no options, another with --without musl/0001-a.patch";
    assert_eq!(options.to_string(), expected);
}

#[test]
fn reports_of_several_machines_are_merged() {
    let on = |machine: &str, part: Option<&str>, test: &str| {
        let mut std = suite("std", passing(&[test]));
        let whole = |partition: &str| Part { partition: partition.parse().unwrap(), of: 2, names: "digest".into() };
        std.part = part.map(whole);
        let runner = format!("ssh:{machine}");
        report(vec![Run {
            machines: vec![machine.into()],
            suites: vec![std],
            ..run("s390x", &runner, RunVerdict::Expected)
        }])
    };
    let wholes = [on("boardA", None, "a"), on("boardB", None, "b")];
    let merged = merge(wholes.to_vec()).unwrap();
    let machines = |report: &Report| report.runs.iter().map(|run| run.machines.join(" and ")).collect::<Vec<_>>();
    assert_eq!(machines(&merged), ["boardA", "boardB"]);
    let text = markdown::render(&merged);
    assert!(text.contains("| ssh:boardA |") && text.contains("| ssh:boardB |"), "{text}");
    // The one is not compared with the other, where a report has both.
    assert!(diff(&merged, &merged).to_string().ends_with(" 0 vanished, 2 the same\n"));
    let twice = merge(vec![wholes[1].clone(), wholes[0].clone(), wholes[1].clone()]).unwrap_err();
    assert!(format!("{twice:#}").ends_with("several reports have this run"), "{twice:#}");

    let parts = [on("boardB", Some("slice:2/2"), "b"), on("boardA", Some("slice:1/2"), "a")];
    let mut merged = merge(parts.to_vec()).unwrap();
    assert_eq!(machines(&merged), ["boardA and boardB"]);
    let std = &mut merged.runs[0].suites[0];
    std.tests[0] = test("a", Some(Outcome::Fail), Verdict::Regression, "");
    let text = terminal::render(&merged, Path::new("out/report"), false);
    assert!(text.ends_with("--filter a --link dynamic --runner ssh:boardA\n"), "{text}");
}
