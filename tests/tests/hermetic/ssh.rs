//! The runner `ssh:HOST`, against a real sshd: what runs there is told of as if it ran here.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use bringup_tests::{Invocation, Project, Sshd, cases, project};
use rustix::process::Signal;
use serde_json::Value;

/// A project and a machine on which its test programs run.
struct Setup {
    project: Project,
    sshd: Sshd,
}

impl Setup {
    fn new() -> Self {
        Self::with(&[], "")
    }

    /// With these scripts among the machine's tools, and more lines in its sshd's configuration.
    fn with(tools: &[(&str, &str)], config: &str) -> Self {
        let project = project!();
        // Within the project's surroundings, by which the fake test programs find their tests.
        let [cache, temporary, bin] = ["there/cache", "there/tmp", "there/bin"].map(|name| project.base().join(name));
        for folder in [&temporary, &bin] {
            fs_err::create_dir_all(folder).unwrap();
        }
        for (name, text) in tools {
            project.script(&format!("../there/bin/{name}"), text);
        }
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let env = [("XDG_CACHE_HOME", cache.as_path()), ("TMPDIR", &temporary), ("PATH", Path::new(&path))];
        Self { sshd: Sshd::configured(&env, config), project }
    }

    fn test(&self, options: &[&str]) -> Invocation {
        let (config, runner) = (self.sshd.config(), format!("ssh:{}", Sshd::HOST));
        let start = ["test", "fake", "--runner", &runner, "--ssh-config", config.to_str().unwrap()];
        self.project.cmd(&[&start, options].concat())
    }

    /// What the machine keeps of test programs.
    fn copies(&self) -> Vec<PathBuf> {
        let folder = self.project.base().join("there/cache/bringup/programs");
        let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Fails if a process is left, or a folder of one.
    fn assert_clean(&self) {
        self.project.assert_clean();
        let left: Vec<_> = fs_err::read_dir(self.project.base().join("there/tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The tests of the report's suites: `dynamic core coretests::pass_a pass: reason`.
fn tests(report: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for run in report["runs"].as_array().unwrap() {
        for suite in run["suites"].as_array().unwrap() {
            for test in suite["tests"].as_array().unwrap() {
                let [link, suite, name] = [&run["link"], &suite["suite"], &test["name"]].map(word);
                // What was left behind over there has no name here.
                let reason = word(&test["reason"]).replace("sleep 98761", "a process on the other machine");
                lines.push(format!("{link} {suite} {name} {}: {reason}", word(&test["outcome"])));
            }
        }
    }
    lines
}

#[test]
fn what_runs_there_is_told_of_as_if_it_ran_here() {
    let setup = Setup::new();
    let Setup { project, .. } = &setup;
    project.tests("std", "abort_a exit0_a exit3_a fail_a folders_a hang_a ignored_a lock_a pass_a segv_a");
    project.tests("env", "flood_a leak_a pass_a");
    project.run(&["test", "fake"], 100);
    let here = project.report();
    setup.test(&[]).run().ends_with(100).says(&["copying the test programs of fake to board", "--runner ssh:board"]);
    let there = project.report();
    assert_eq!(tests(&there), tests(&here));
    let run = &there["runs"][0];
    assert_eq!((&run["runner"]["ssh"]["host"], &run["machines"]), (&"board".into(), &serde_json::json!(["board"])));
    assert_eq!(run["programs"], here["runs"][0]["programs"]);
    assert!(run["notes"].to_string().contains("the tests run on board (kernel "), "{}", run["notes"]);
    let of_std = run["suites"][2]["tests"].as_array().unwrap();
    let log = |name: &str| {
        let test = of_std.iter().find(|test| test["name"] == name).unwrap();
        project.read(&format!("out/report/{}", test["log"].as_str().unwrap()))
    };
    assert!(log("segv_a").ends_with("last words of segv_a\n"), "{}", log("segv_a"));
    assert_eq!(log("fail_a"), "caught of fail_a\nuncaught of fail_a\n");
    setup.assert_clean();
}

#[test]
fn programs_are_copied_once_and_outcomes_taken_over() {
    let setup = Setup::new();
    setup.project.note_starts();
    let output = setup.test(&[]).run().ends_with(0);
    assert_eq!(output.stderr.matches("copying").count(), 1, "both link modes share a copy:\n{}", output.stderr);
    assert!(setup.project.starts().iter().all(|start| start.contains("/there/cache/bringup/programs/fake-")));
    let copies = setup.copies();
    assert_eq!(copies.len(), 1, "{copies:?}");
    for options in [&["--rerun"][..], &[]] {
        let output = setup.test(options).run().ends_with(0);
        assert!(!output.stderr.contains("copying"), "{}", output.stderr);
        // Without a test to run, one program shows that it could.
        assert_eq!(setup.project.starts().len() == 1, options.is_empty());
    }
    assert_eq!(setup.copies(), copies);
    setup.assert_clean();
}

#[test]
fn an_expectation_of_the_runner_holds_there_only() {
    let setup = Setup::new();
    setup.project.tests("std", "pass_a fail_b");
    setup.project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_b  fail  runner=native\n");
    setup.project.run(&["test", "fake"], 100).says(&["regression"]);
    setup.test(&[]).run().ends_with(0).says(&[]);
    // What is the emulator's fault is not this machine's.
    setup.project.write("targets/fake/expect.txt", "");
    setup.project.write("qemu/fake.expect.txt", "# Reason: x\nstd  fail_b  fail\n");
    setup.project.run(&["test", "fake"], 0);
    setup.test(&[]).run().ends_with(100).says(&["regression"]);
}

#[test]
fn whatever_ends_the_run_ends_what_it_runs_there() {
    let ends = [("SIGINT", (Signal::INT, Some(130))), ("SIGKILL", (Signal::KILL, None))];
    cases(ends, |(signal, code)| {
        let setup = Setup::new();
        setup.project.tests("std", "hang_a pass_b");
        let run = setup.test(&["--suite", "std"]).start();
        setup.project.wait_for_process("hang_a");
        run.signal(signal);
        let output = run.wait();
        assert_eq!(output.status.code(), code, "{output:?}");
        setup.project.assert_no_processes();
        if code.is_some() {
            setup.assert_clean();
        }
        let left: Vec<_> = fs_err::read_dir(setup.project.base().join("there/tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn a_lost_connection_is_no_test_s_fault() {
    let setup = Setup::new();
    setup.project.tests("std", "hang_a pass_b");
    let run = setup.test(&["--suite", "std"]).start();
    setup.project.wait_for_process("hang_a");
    setup.sshd.cut();
    let config = setup.sshd.config();
    let again = format!("cargo xtask test fake --suite std --runner ssh:board --ssh-config {}\n", config.display());
    run.wait().ends_with(101).says(&["the connection to board was lost", "hint: ", &again]);
    let runs = setup.project.report()["runs"].clone();
    let runs = runs.as_array().unwrap();
    assert!(
        runs.iter().all(|run| run["verdict"] == "incomplete" && run["suites"] == serde_json::json!([])),
        "{runs:?}"
    );
    setup.assert_clean();
}

#[test]
fn what_was_complete_when_the_connection_was_lost_is_told_of() {
    let setup = Setup::new();
    setup.project.tests("coretests", "pass_a fail_b");
    setup.project.tests("std", "hang_a pass_b");
    let run = setup.test(&["--link", "static"]).start();
    setup.project.wait_for_process("hang_a");
    setup.sshd.cut();
    run.wait().ends_with(101).says(&["regression", "fail_b", "incomplete", "the connection to board was lost"]);
    let report = setup.project.report();
    assert_eq!(report["runs"][0]["verdict"], "incomplete");
    let lines = tests(&report);
    assert_eq!(lines.iter().filter(|line| line.contains(" core ") || line.contains(" alloc ")).count(), lines.len());
    assert_eq!(report["runs"][0]["suites"].as_array().unwrap().len(), 2, "{lines:?}");
}

#[test]
fn a_machine_that_stops_answering_is_no_test_s_fault() {
    let setup = Setup::new();
    setup.project.edit("bringup.toml", "test-seconds = 5", "test-seconds = 2");
    setup.project.tests("std", "hang_a pass_b");
    let run = setup.test(&["--suite", "std"]).start();
    setup.project.wait_for_process("hang_a");
    setup.sshd.freeze();
    run.wait().ends_with(101).says(&["the connection to board was lost: it does not answer"]);
    let runs = setup.project.report()["runs"].clone();
    let incomplete = |run: &Value| run["verdict"] == "incomplete" && run["suites"] == serde_json::json!([]);
    assert!(runs.as_array().unwrap().iter().all(incomplete), "{runs:?}");
    setup.sshd.cut();
    setup.assert_clean();
}

#[test]
fn many_processors_get_as_many_sessions_as_the_machine_allows() {
    let allowed = [("as many sessions as is usual", ""), ("2 sessions", "MaxSessions 2\n")];
    cases(allowed, |allowed| {
        let setup = Setup::with(&[("nproc", "echo 16")], allowed);
        setup.project.edit("bringup.toml", "test-seconds = 5", "test-seconds = 60");
        let tests: Vec<String> = (0..26).map(|number| format!("nap_{number}")).collect();
        setup.project.tests("std", &tests.join(" "));
        // Each in a process of its own.
        setup.test(&["--suite", "std", "--link", "dynamic", "--stress", "1"]).run().ends_with(0).says(&[]);
        let run = &setup.project.report()["runs"][0];
        assert!(run["notes"].to_string().contains("16 at a time"), "{}", run["notes"]);
        assert_eq!(run["suites"][0]["passed"], 28);
        setup.assert_clean();
    });
}

#[test]
fn what_is_lacking_there_is_told_of_before_anything_is_built() {
    let setup = Setup::new();
    // Where even root cannot make a folder.
    let temporary = setup.project.base().join("there/tmp");
    fs_err::remove_dir(&temporary).unwrap();
    fs_err::write(&temporary, "").unwrap();
    setup.test(&[]).run().ends_with(96).says(&["connecting to board: its folder ", "/there/tmp cannot be written to"]);
    assert!(setup.project.steps().is_empty(), "{:?}", setup.project.steps());
}

#[test]
fn a_copy_that_failed_leaves_nothing_there() {
    let full = "mkdir half; echo x >half/x; echo 'tar: x: No space left on device' >&2; exit 1";
    let setup = Setup::with(&[("tar", full)], "");
    let cache = setup.project.base().join("there/cache/bringup/programs");
    // Of a shell that is long gone, and of one that is still at it.
    for left in [".part-999999999", &format!(".part-{}", std::process::id())] {
        fs_err::create_dir_all(cache.join(left)).unwrap();
    }
    let output = setup.test(&["--suite", "std"]).run().ends_with(101);
    output.says(&["No space left on device", "the disk is full there: make room on board"]);
    assert!(!output.stderr.contains("cargo xtask clean"), "{}", output.stderr);
    assert_eq!(setup.copies(), [cache.join(format!(".part-{}", std::process::id()))]);
}

#[test]
fn a_machine_that_cannot_be_reached_is_told_of_before_anything_is_built() {
    let setup = Setup::new();
    let config = setup.sshd.config();
    fs_err::write(config.with_file_name("known_hosts"), "").unwrap();
    setup.test(&[]).run().ends_with(96).says(&[
        "connecting to board",
        "Host key verification failed",
        "hint: `ssh board true`",
    ]);
    drop(setup.sshd);
    let project = setup.project;
    let refused = |options: &[&str], code: i32, says: &[&str]| {
        project.run(&[&["test", "fake"], options].concat(), code).says(says);
    };
    let elsewhere = project.base().join("ssh_config");
    fs_err::write(&elsewhere, "Host board\n    HostName 127.0.0.1\n    Port 1\n").unwrap();
    let config = elsewhere.to_str().unwrap();
    refused(&["--runner", "ssh:board", "--ssh-config", config], 96, &["connecting to board", "Connection refused"]);
    refused(&["--runner", "ssh:"], 2, &["expected qemu, native or ssh:HOST"]);
    refused(&["--runner", "ssh:-oProxyCommand=x"], 2, &["expected qemu, native or ssh:HOST"]);
    refused(&["--ssh-config", config], 2, &["--ssh-config is for --runner ssh:HOST only"]);
    project
        .run(&["smoke", "fake", "--runner", "ssh:board"], 2)
        .says(&["do not run on another machine", "hint: `test`"]);
    assert!(project.steps().is_empty(), "{:?}", project.steps());
}

#[test]
fn a_machine_of_another_kind_is_told_of_before_any_test() {
    let setup = Setup::new();
    let program = setup.project.host("programs/alloctests");
    fs_err::remove_file(&program).unwrap();
    fs_err::write(&program, b"\x7fELF of another machine").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(&program, executable).unwrap();
    setup.test(&[]).run().ends_with(96).says(&["board (", "cannot run programs of fake", "hint: "]);
    setup.assert_clean();
}

#[test]
fn an_archive_may_run_there_too() {
    let setup = Setup::new();
    let archive = setup.project.run(&["archive", "fake"], 0).stdout;
    setup.test(&["--archive", archive.trim_end()]).run().ends_with(0).says(&["copying", "fake    ssh"]);
    // The same programs, whoever built them.
    let output = setup.test(&["--rerun"]).run().ends_with(0);
    assert!(!output.stderr.contains("copying"), "{}", output.stderr);
}
