//! A report of the schema before this one, through every verb that takes a report. The file is what a run of s390x wrote,
//! whole: both link modes, three suites.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Read as _;

use bringup_tests::{Project, cases, project};
use serde_json::Value;

const STORED: &[u8] = include_bytes!("../../fixtures/reports/s390x-1.json.xz");
const OLD: &str = "old.json";

/// A project that has the report's target, with the old report as its last one and as a file beside.
fn with_old_report() -> Project {
    let project = project!();
    let mut text = String::new();
    liblzma::read::XzDecoder::new(STORED).read_to_string(&mut text).unwrap();
    assert!(text.contains("\"schema\": \"bringup-report/1\""));
    let target = project.read("targets/fake/target.toml").replace("fake-alpine-linux-musl", "s390x-alpine-linux-musl");
    project.write("targets/s390x/target.toml", target);
    project.write(OLD, &text);
    project.write("out/report/report.json", &text);
    project
}

#[test]
fn every_verb_reads_the_older_schema() {
    let project = with_old_report();
    let row = "s390x";
    let all = [
        ("the last report", &["report"][..], 0, &["s390x", "qemu", "dynamic", "30/0", "expected", "static"][..]),
        ("a file", &["report", OLD], 0, &["s390x", "qemu", "dynamic", "30/0", "expected", "static"]),
        ("as Markdown", &["report", OLD, "--format", "markdown"], 0, &["| s390x | qemu | dynamic |", "stock compiler"]),
        ("as HTML", &["report", OLD, "--format", "html"], 0, &["1.95.0, stock compiler", "Linux 6.18"]),
        ("as JUnit", &["report", OLD, "--format", "junit"], 0, &["s390x.qemu.dynamic.std"]),
        ("as JSON", &["report", OLD, "--format", "json"], 0, &["\"schema\": \"bringup-report/2\""]),
        ("diff", &["report", "diff", OLD, OLD], 0, &["0 changed, 0 appeared, 0 vanished, "]),
        ("merge", &["report", "merge", OLD], 0, &["\"schema\": \"bringup-report/2\""]),
        ("targets", &["targets"], 0, &["qemu dynamic", "qemu static", row, "expected", "expected"]),
        ("target show", &["target", "show", "s390x"], 0, &["qemu dynamic: expected", "qemu static: expected"]),
        ("bless", &["bless", "s390x", "--report", OLD], 10, &["+std  net::tcp::tests::timeouts       fail"]),
        ("bless the last", &["bless", "s390x"], 10, &["+std  net::tcp::tests::timeouts       fail"]),
        ("triage", &["triage", "s390x", "--all"], 4, &[]),
    ];
    cases(all.map(|(label, args, code, prints)| (label, (args, code, prints))), |(args, code, prints)| {
        let output = project.run(args, code);
        for text in prints {
            assert!(output.stdout.contains(text), "`{text}` is not in\n{}", output.stdout);
        }
    });
    project.run(&["triage", "s390x", "--all"], 4).says(&["the last report has no unexpected failure of s390x"]);
    project
        .run(&["triage", "s390x", "--all", "--without", "musl"], 2)
        .says(&["built with all patches, not all patches but"]);
    project.run(&["bless", "s390x", "--musl", "1.2.6"], 10).says(&["nothing is written"]);
}

#[test]
fn nothing_is_lost_on_the_way_to_this_schema() {
    let project = with_old_report();
    let new = project.run(&["report", OLD, "--format", "json"], 0).stdout;
    project.write("new.json", &new);
    assert_eq!(project.run(&["report", "new.json", "--format", "json"], 0).stdout, new);
    let [old, new]: [Value; 2] = [&project.read(OLD), &new].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(new["hosts"], serde_json::json!([old["host"]]));
    assert_eq!(new["build"], serde_json::json!({ "left_out": [], "compiler": "stock" }));
    for key in ["pins", "wall_s"] {
        assert_eq!(new[key], old[key], "{key}");
    }
    let runs = |report: &Value| report["runs"].as_array().unwrap().clone();
    assert_eq!(runs(&new).len(), runs(&old).len());
    for (mut new, old) in runs(&new).into_iter().zip(runs(&old)) {
        let new = new.as_object_mut().unwrap();
        assert_eq!(new.remove("runner").unwrap(), serde_json::json!({ "qemu": {} }));
        assert_eq!([new.remove("isolation").unwrap(), new.remove("origin").unwrap()], ["full", "built"]);
        let mut old = old.as_object().unwrap().clone();
        old.remove("runner");
        // The older schema has the label of a shared step in the step's name.
        for step in new["steps"].as_array_mut().unwrap() {
            let step = step.as_object_mut().unwrap();
            let label = step.remove("label").unwrap();
            let label = label.as_str().unwrap();
            if !label.starts_with("s390x") {
                step["step"] = format!("{} {label}", step["step"].as_str().unwrap()).into();
            }
        }
        assert_eq!(*new, old);
    }
    project.run(&["report", "diff", OLD, "new.json"], 0).prints(&["0 changed, 0 appeared, 0 vanished, "]);
}
