//! Ctrl-C and kill -9 in every step, then the same command again; and two runs at once.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use bringup_tests::{Project, Running, project};
use rustix::process::Signal;

/// Where a fake tool waits, and the step that it works for.
const GATES: [(&str, &str); 6] = [
    ("git-apply", "patch musl"),
    ("int_util.c", "runtimes fake"),
    ("crt1.c", "musl fake"),
    ("print-target-triple", "sysroot fake"),
    ("cargo-build", "std fake"),
    ("cargo-test", "test_programs fake-core"),
];

/// A project, and the results of a run that nothing disturbs. They are gone from out/ again.
fn undisturbed() -> (Project, BTreeMap<String, String>) {
    let project = project!();
    project.run(&["test", "fake"], 0);
    let results = project.results();
    project.run(&["clean"], 0);
    (project, results)
}

/// Interrupts a run while something that it waits for does not end by itself.
fn interrupt(run: Running, signal: Signal) {
    run.signal(signal);
    run.wait()
        .ends_with(130)
        .says(&["error: interrupted; run the same command again to continue after the last complete step"]);
}

/// A project in which a test that hangs is not ended by its limit before the test that waits for it gives up.
fn without_time_limits() -> Project {
    let project = project!();
    project.edit("bringup.toml", "test-seconds = 5", "test-seconds = 900");
    project.edit("bringup.toml", "program-seconds = 60", "program-seconds = 900");
    project
}

#[test]
fn ctrl_c_in_every_step_and_again() {
    let (project, results) = undisturbed();
    for (number, (gate, step)) in GATES.into_iter().enumerate() {
        project.hold(gate);
        let run = project.cmd(&["test", "fake"]).start();
        project.wait_held(gate);
        run.wait_for(&format!("Running {step}"));
        interrupt(run, [Signal::INT, Signal::TERM, Signal::HUP][number % 3]);
        project.assert_clean();
        project.release();
        project.run(&["test", "fake"], 0);
        assert_eq!(project.results(), results, "after Ctrl-C in {step}");
        project.run(&["clean"], 0);
    }
}

#[test]
fn kill_in_every_step_and_again() {
    let (project, results) = undisturbed();
    for (gate, step) in GATES {
        project.hold(gate);
        let run = project.cmd(&["test", "fake"]).start();
        project.wait_held(gate);
        run.signal(Signal::KILL);
        run.wait().killed_by(Signal::KILL);
        project.assert_no_processes();
        project.release();
        project.run(&["test", "fake"], 0);
        assert_eq!(project.results(), results, "after a kill in {step}");
        project.run(&["clean"], 0);
    }
}

#[test]
fn kill_at_any_moment_and_again() {
    let (project, results) = undisturbed();
    for moment in 0..14 {
        let run = project.cmd(&["test", "fake"]).start();
        std::thread::sleep(Duration::from_millis(20 * moment));
        run.signal(Signal::KILL);
        run.wait();
    }
    project.run(&["test", "fake"], 0);
    assert_eq!(project.results(), results);
    project.assert_no_processes();
}

#[test]
fn ctrl_c_and_kill_in_a_suite_leave_no_test_behind() {
    let project = without_time_limits();
    project.run(&["test", "fake"], 0);
    for signal in [Signal::INT, Signal::KILL] {
        project.tests("std", "pass_a hang_b");
        let run = project.cmd(&["test", "fake", "--rerun"]).start();
        project.wait_for_process("hang_b");
        if signal == Signal::INT {
            interrupt(run, signal);
            project.assert_clean();
        } else {
            run.signal(signal);
            run.wait().killed_by(signal);
            project.assert_no_processes();
        }
        project.tests("std", "pass_a");
        project.run(&["test", "fake", "--rerun"], 0).says(&["Cached 17 steps"]);
        // Also what the killed run has left in the temporary folder.
        project.assert_clean();
    }
}

#[test]
fn ctrl_c_reaches_what_tests_have_daemonized() {
    let project = without_time_limits();
    project.tests("std", "daemon_a hang_b");
    let run = project.cmd(&["test", "fake", "--suite", "std"]).start();
    project.wait_for_process("hang_b");
    project.wait_for_process("sleep 98761");
    interrupt(run, Signal::INT);
    project.assert_clean();
}

#[test]
fn kill_at_any_moment_of_a_suite_leaves_nothing_and_changes_no_report() {
    const TEST: [&str; 6] = ["test", "fake", "--suite", "std", "--link", "dynamic"];
    let project = project!();
    project.tests("std", "nap_a pass_b nap_c pass_d");
    project.tests("env", "daemon_a");
    project.run(&TEST, 0);
    let report = || without_times(project.report());
    let start = Instant::now();
    let rerun = [&TEST[..], &["--rerun"]].concat();
    project.run(&rerun, 0);
    // How long a run takes at most; a moment is drawn from it, and it gives way if the run has ended before.
    let (mut whole, undisturbed) = (start.elapsed(), report());
    // Fixed, and as good as random.
    let mut seed = 20_260_101_u64;
    let mut killed = 0;
    while killed < 50 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = whole * u32::try_from(seed >> 40).unwrap() / (1 << 24);
        let run = project.cmd(&rerun).start();
        std::thread::sleep(moment);
        run.signal(Signal::KILL);
        let hit = run.wait().status.signal() == Some(Signal::KILL.as_raw());
        project.assert_no_processes();
        if !hit {
            whole = moment;
            continue;
        }
        killed += 1;
        if killed % 25 == 0 {
            project.run(&rerun, 0);
            assert_eq!(report(), undisturbed, "after {killed} kills");
        }
    }
    // What the killed runs recorded is that of whole runs.
    project.run(&TEST, 0);
    let mut undisturbed = undisturbed;
    // Only what was asked for differs.
    undisturbed["runs"][0]["selection"].as_object_mut().unwrap().remove("rerun");
    assert_eq!(report(), undisturbed);
}

/// The report but for what differs between any two runs.
fn without_times(mut value: serde_json::Value) -> serde_json::Value {
    match &mut value {
        serde_json::Value::Object(fields) => {
            fields.retain(|key, _| !["wall_s", "cpu_s", "steps", "cached"].contains(&key.as_str()));
            for field in fields.values_mut() {
                *field = without_times(field.take());
            }
        }
        serde_json::Value::Array(values) => {
            for value in values {
                *value = without_times(value.take());
            }
        }
        _ => {}
    }
    value
}

#[test]
fn two_runs_at_once_wait_for_each_other() {
    let (project, results) = undisturbed();
    project.hold("cargo-build");
    let first = project.cmd(&["test", "fake"]).start();
    project.wait_held("cargo-build");
    let second = project.cmd(&["test", "fake"]).start();
    let third = project.cmd(&["clean"]).start();
    for waiting in [&second, &third] {
        waiting.wait_for("another run is using out/; waiting for it to end");
    }
    interrupt(third, Signal::INT);
    project.release();
    first.wait().ends_with(0).says(&["Running std fake"]);
    second.wait().ends_with(0).says(&["Cached 27 steps"]);
    assert_eq!(project.results(), results);
    project.assert_clean();
}

/// Serves one archive: stalls in the middle of the first answer, and gives whole ones after that.
fn serve(archive: Vec<u8>) -> (String, std::sync::mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, stalled) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", archive.len());
            stream.write_all(head.as_bytes()).unwrap();
            if number < 2 {
                stream.write_all(&archive[..archive.len() / 2]).unwrap();
                send.send(stream).unwrap();
            } else {
                stream.write_all(&archive).unwrap();
            }
        }
    });
    (format!("http://{address}/musl.tar.gz"), stalled)
}

#[test]
fn ctrl_c_and_kill_in_a_download_and_again() {
    let (project, results) = undisturbed();
    let (url, stalled) = serve(fs_err::read(project.path("sources/musl.tar.gz")).unwrap());
    project.edit("bringup.toml", "path = \"sources/musl.tar.gz\"", &format!("url = \"{url}\""));
    let archives = || {
        let entries = fs_err::read_dir(project.cache().join("archives")).unwrap();
        let is_part = |entry: fs_err::DirEntry| entry.file_name().to_string_lossy().starts_with(".part-");
        entries.map(|entry| is_part(entry.unwrap())).collect::<Vec<_>>()
    };
    for signal in [Signal::INT, Signal::KILL] {
        let run = project.cmd(&["test", "fake"]).start();
        let _stream = stalled.recv_timeout(Duration::from_mins(3)).unwrap();
        if signal == Signal::INT {
            interrupt(run, signal);
            assert!(matches!(archives()[..], [] | [true]), "more than the start of one download is left");
            project.assert_clean();
        } else {
            run.signal(signal);
            run.wait().killed_by(signal);
        }
    }
    project.run(&["test", "fake"], 0);
    assert_eq!(project.results(), results);
    assert_eq!(archives(), [false], "the start of the download is used, or removed");
}
