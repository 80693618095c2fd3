//! The table of targets, the targets of an Alpine release, and that the files about both agree.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, cases, project};

const RELEASES: &str = "targets/alpine.toml";
const FAKE: &str = "targets/fake/target.toml";
const TWIN: &str = "targets/twin/target.toml";

/// What `targets` prints before there is a report, and after runs that end well and badly.
#[test]
fn the_table_is_as_wide_as_its_content_and_knows_the_last_report() {
    let project = project!();
    let mut text = project.run(&["targets"], 0).stdout;
    project.tests("std", "fail_a");
    project.run(&["test", "fake", "--suite", "std"], 100);
    text += &project.run(&["targets"], 0).stdout;
    text += &project.run(&["target", "show", "fake"], 0).stdout;
    text += &project.run(&["target", "show", "twin"], 0).stdout;
    insta::assert_snapshot!(text);

    project.write("out/report/report.json", "{");
    project.run(&["targets"], 101).says(&["report.json"]);
}

#[test]
fn the_table_has_a_column_for_each_runner_and_link_mode_of_the_report() {
    let project = project!();
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic"], 0);
    let mut report = project.report();
    let mut run = report["runs"][0].clone();
    run["runner"] = "native".into();
    run["link"] = "static".into();
    run["target"] = "twin".into();
    run["verdict"] = "regression".into();
    report["runs"].as_array_mut().unwrap().push(run);
    project.write("out/report/report.json", report.to_string());
    let table = project.run(&["targets"], 0).stdout;
    let row = |at: usize| table.lines().nth(at).unwrap().split_whitespace().rev().take(4).collect::<Vec<_>>();
    assert_eq!(row(0), ["static", "native", "dynamic", "qemu"], "{table}");
    assert_eq!(row(1)[..2], ["-", "expected"], "{table}");
    assert_eq!(row(2)[..2], ["regression", "-"], "{table}");
}

/// The labels of the targets in a plan.
fn planned(project: &Project, args: &[&str]) -> Vec<String> {
    let plan = project.run(&[&["plan"], args].concat(), 0).stdout;
    let label = |line: &str| line.split_whitespace().nth(2).unwrap().to_owned();
    plan.lines().filter(|line| line.contains("  musl ")).map(label).collect()
}

#[test]
fn a_release_stands_for_the_targets_it_ships() {
    let project = project!();
    assert_eq!(planned(&project, &[]), ["fake", "twin"], "none means all, also those that Alpine has dropped");
    assert_eq!(planned(&project, &["--release", "3.14"]), ["fake", "twin"]);
    assert_eq!(planned(&project, &["--release", "edge"]), ["fake"]);

    let note = "note: Alpine 3.14 ships musl 1.2.2; this command uses musl 1.2.6 and Rust 1.95.0; bringup.toml does not pin musl 1.2.2";
    project.run(&["target", "check", "--release", "3.14"], 0).says(&[note, "fake: ", "twin: "]);
    let folders = project.run(&["build", "--release", "edge"], 0);
    assert!(folders.stdout.lines().count() == 1 && folders.stdout.contains("/fake-"), "{}", folders.stdout);
    folders.says(&["note: Alpine edge ships musl 1.2.6; this command uses musl 1.2.6 and Rust 1.95.0\n"]);
    project.run(&["why", "--release", "edge"], 0);
    // The fake host has no small programs for smoke: what is run tells which targets were meant.
    let verbs = [
        (["smoke", "--release", "edge"].as_slice(), 101),
        (&["bringup", "--release", "edge", "--suite", "core"], 101),
        (&["test", "--release", "edge", "--suite", "core"], 0),
    ];
    cases(verbs.map(|verb| (verb.0[0], verb)), |(args, code)| {
        project.run(args, code);
        let report = project.report();
        let runs: Vec<_> = report["runs"].as_array().unwrap().iter().map(|run| &run["target"]).collect();
        assert_eq!(runs, ["fake", "fake"]);
    });

    project.edit(RELEASES, "musl = \"1.2.2\", ", "");
    let quiet = project.run(&["target", "check", "--release", "3.14"], 0).stderr;
    assert!(!quiet.contains("ships musl"), "of this release the musl is not known: {quiet}");
}

/// The musl of a run, as its report has it: the version, and what the user asked for.
fn musl(project: &Project, args: &[&str]) -> (String, Option<String>) {
    project.run(&[&["test", "--suite", "std", "--link", "static"], args].concat(), 0);
    let report = project.report();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    (text(&report["pins"]["musl"]).unwrap(), text(&report["build"]["musl"]))
}

#[test]
fn a_release_is_tested_with_its_musl() {
    let project = project!();
    project.copy_source("musl", "older");
    project.write("older/src/older.c", "// Older.\n");
    project.pin_more("musl", "1.2.2", &bringup_tests::Archive::of_folder(&project.path("older"), "top").bytes());
    project.edit(RELEASES, "musl = \"1.2.2\", ", "musl = \"1.2.2\", rust = \"1.52\", ");
    let note = |args: &[&str], note: &str| project.run(&[&["plan"], args].concat(), 0).says(&[note]);
    let ships = "note: Alpine 3.14 ships musl 1.2.2 and Rust 1.52; this command uses musl";
    note(&["--release", "3.14"], &format!("{ships} 1.2.2 and Rust 1.95.0\n"));
    let musl_wins = format!("{ships} 1.2.6 and Rust 1.95.0; `--musl 1.2.2` selects the release's");
    note(&["--release", "3.14", "--musl", "1.2.6"], &musl_wins);
    let some = |version: &str| (version.to_owned(), Some(version.to_owned()));
    assert_eq!(musl(&project, &["--release", "3.14"]), some("1.2.2"));
    assert_eq!(musl(&project, &["--release", "3.14", "--musl", "1.2.6"]), some("1.2.6"));
    assert_eq!(musl(&project, &["--release", "edge"]), ("1.2.6".into(), None));
    // What repeats a run names the version, not the release.
    project.tests("std", "fail_a");
    project
        .run(&["test", "--suite", "std", "--link", "static", "--release", "3.14", "--rerun"], 100)
        .says(&["--musl 1.2.2"]);
}

#[test]
fn a_release_that_is_unknown_or_not_alone_is_a_usage_error() {
    let project = project!();
    let unknown = |name: &str, hint: &str| {
        project.run(&["plan", "--release", name], 2).says(&[&format!("error: unknown release `{name}`"), hint]);
    };
    unknown("v3.14", "hint: did you mean `3.14`");
    unknown("3.14.2", "hint: did you mean `3.14`");
    unknown("latest", "hint: the releases are 3.6, 3.14, 3.24, edge");
    for verb in ["bringup", "build", "smoke", "test", "plan", "why"] {
        let output = project.run(&[verb, "--release", "edge", "fake"], 2);
        output.says(&["'--release <VERSION>' cannot be used with '[TARGET]...'"]);
    }
    project.run(&["target", "check", "fake", "--release", "edge"], 2).says(&["cannot be used with"]);
    assert!(!project.path("out").exists());
}

/// Runs `target check` with `file` edited; it must be a usage error that starts with the file's name and says this.
fn fault(project: &Project, file: &str, right: &str, wrong: &str, expected: &str) {
    let before = project.read(file);
    project.edit(file, right, wrong);
    let output = project.cmd(&["target", "check"]).run();
    project.write(file, before);
    output.ends_with(2).says(&[&format!("error: {}: {expected}", project.path(file).display())]);
}

#[test]
fn since_and_until_must_agree_with_the_releases() {
    let project = project!();
    project.run(&["target", "check"], 0);
    let until = "until = \"3.14\"\n";
    fault(&project, FAKE, "\"3.6\"", "\"3.14\"", "since is 3.14, but targets/alpine.toml says 3.6");
    fault(&project, FAKE, "since = \"3.6\"\n", "", "since is none, but targets/alpine.toml says 3.6");
    fault(&project, TWIN, until, "", "until is none, but targets/alpine.toml says 3.14");
    fault(&project, TWIN, until, "until = \"3.24\"\n", "until is 3.24, but targets/alpine.toml says 3.14");
    // What they say is wrong by itself.
    fault(&project, TWIN, until, "until = \"3.5\"\n", "until: 3.5 is before since, 3.6");
    fault(&project, TWIN, "since = \"3.6\"\n", "", "until: 3.14, but since is missing");
    fault(
        &project,
        FAKE,
        "\"3.6\"",
        "\"v3.6\"",
        "since: `v3.6` is not a release of Alpine: expected e.g. 3.14, or edge",
    );
    fault(&project, FAKE, "\"one, hard float\"", "\" \"", "[baseline] text: expected the minimum processor");
    // All that is wrong is said at once, and only of what was asked for.
    project.edit(FAKE, "\"3.6\"", "\"3.14\"");
    project.edit(TWIN, until, "");
    project.run(&["target", "check"], 2).says(&["fake/target.toml: since is ", "\n", "twin/target.toml: until is "]);
    let output = project.run(&["target", "check", "twin"], 2);
    assert!(!output.stderr.contains("fake/target.toml"), "{}", output.stderr);
}

#[test]
fn the_releases_must_be_in_order_and_list_targets_that_are_there() {
    let project = project!();
    let faults = [
        (
            "\"twin\"",
            "\"ppc\"",
            "targets: release 3.6 has `ppc`, which has no folder\nhint: make targets/ppc/target.toml",
        ),
        ("\"3.6\"", "\"3.15\"", "version: 3.14 comes after 3.15"),
        ("\"3.24\"", "\"3.14\"", "version: 3.14 comes after 3.14"),
        ("\"3.6\"", "\"3.6.1\"", "version: `3.6.1` is not a release of Alpine"),
        ("targets = [\"fake\"]", "targets = [\"twin\"]", "targets: release 3.24 lacks `fake`, which 3.6 on has"),
        ("musl =", "mussl =", "TOML parse error at line 2"),
    ];
    cases(faults.map(|fault| (fault.1, fault)), |(right, wrong, expected)| {
        fault(&project, RELEASES, right, wrong, expected);
    });
    // Named targets and a release make no difference to that.
    project.edit(RELEASES, "\"twin\"", "\"gone\"");
    let expected = "alpine.toml: targets: release 3.6 has `gone`, which has no folder";
    project.run(&["target", "check", "fake"], 2).says(&[expected]);
    project.run(&["plan", "--release", "edge"], 2).says(&[expected]);
    project.run(&["plan", "fake"], 0);
}
