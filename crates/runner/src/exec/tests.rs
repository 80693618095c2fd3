//! What a supervisor does for a program: the same end, the whole cost, and nothing left.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use super::{Cmd, Finished, Flow};
use crate::process_tree;

fn sh(script: &str) -> Cmd {
    Cmd::new("sh").args(["-c", script])
}

fn finish(script: &str) -> Finished {
    sh(script).output().unwrap().finished
}

/// Whether a process below us has this word on its command line.
fn runs(word: &str) -> bool {
    let lines = process_tree::below(rustix::process::getpid()).into_iter().filter_map(process_tree::command_line);
    lines.into_iter().any(|line| line.split(' ').any(|part| part == word))
}

#[test]
fn it_ends_as_the_program_does() {
    for code in [0, 7, 255] {
        assert_eq!(finish(&format!("exit {code}")).status.code(), Some(code));
    }
    for signal in [1, 2, 6, 9, 11, 15, 17 + 19, 64] {
        let status = finish(&format!("kill -{signal} $$")).status;
        assert_eq!((status.signal(), status.core_dumped()), (Some(signal), false));
    }
    let error = Cmd::new("/nowhere/to be found").output().unwrap_err();
    assert!(format!("{error:#}").contains("starting `'/nowhere/to be found'`: No such file or directory"), "{error:#}");
}

#[test]
fn what_is_left_behind_is_named_and_killed() {
    let daemon = "setsid sh -c 'sleep 97303 & setsid sleep 97304 &' &";
    for (script, words) in [
        ("sleep 97301 &", &["97301"][..]),
        ("sleep 97302 >/dev/null 2>&1 &", &["97302"]),
        (&format!("({daemon}) >/dev/null 2>&1"), &["97303", "97304"]),
        (&format!("({daemon})"), &["97303", "97304"]),
        ("trap '' TERM INT HUP; setsid sh -c 'sleep 97305; :' & sleep 0.1", &["97305", "97305; :"]),
    ] {
        let output = sh(&format!("{script}\necho done; exit 3")).output().unwrap();
        assert_eq!((output.finished.status.code(), output.stdout.as_slice()), (Some(3), &b"done\n"[..]), "{script}");
        let left = &output.finished.left;
        assert_eq!(left.len(), words.len(), "{script}: {left:?}");
        for word in words {
            assert!(left.iter().any(|line| line.ends_with(word)), "{script}: {left:?}");
        }
        assert!(!words.iter().any(|word| runs(word)), "{script}");
    }
}

#[test]
fn what_ends_by_itself_is_not_left_behind() {
    let output = sh("(sleep 0.05; echo later) & (setsid sleep 0.05 >/dev/null 2>&1 &); echo now").output().unwrap();
    assert_eq!((output.finished.left, output.stdout), (vec![], b"now\nlater\n".to_vec()));
}

#[test]
fn a_time_limit_reaches_everything_below() {
    let script =
        "setsid sh -c 'trap \"\" TERM; sleep 97311 & wait' & trap '' TERM INT; setsid sleep 97311 & sleep 97311; wait";
    let finished = sh(script).timeout(Duration::from_millis(300)).output().unwrap().finished;
    assert_eq!((finished.timed_out, finished.status.signal()), (true, Some(9)));
    assert!(finished.left.is_empty(), "killed with the program, not left by it: {:?}", finished.left);
    assert!(!runs("97311"));
}

#[test]
fn a_program_that_forks_without_end_is_killed() {
    let mut bytes = 0;
    let forks = sh("while :; do echo; setsid sleep 97321 & setsid sleep 97321 >/dev/null 2>&1 & done");
    let finished = forks.stream(|_, chunk| {
        bytes += chunk.len();
        if bytes > 50 { Flow::Kill } else { Flow::Continue }
    });
    assert_eq!(finished.unwrap().status.signal(), Some(9));
    assert!(!runs("97321"));
}

#[test]
fn a_supervisor_that_does_nothing_is_helped() {
    let script = "kill -STOP $PPID; setsid sleep 97331 & sleep 97331";
    let finished = sh(script).timeout(Duration::from_millis(200)).output().unwrap().finished;
    assert_eq!((finished.timed_out, finished.status.signal()), (true, Some(9)));
    assert!(!runs("97331"));
}

#[test]
fn a_program_that_kills_its_supervisor_leaves_nothing() {
    let daemon = "setsid sleep 97351 & (setsid sh -c 'trap \"\" TERM; sleep 97351; :' &) >/dev/null 2>&1; sleep 0.1";
    let own = "read -r line </proc/$$/stat; set -- $line";
    let outer = "read -r line </proc/$PPID/stat; set -- $line";
    for (what, kill) in [
        ("the inner one", "kill -9 $PPID".to_owned()),
        ("the outer one", format!("{outer}; kill -9 $4")),
        ("the inner one, by a daemon", format!("(setsid sh -c 'sleep 0.2; {own}; kill -9 $4' &)")),
    ] {
        let finished = finish(&format!("{daemon}; {kill}; sleep 97351"));
        assert_eq!(finished.status.signal(), Some(9), "{what}");
        let end = Instant::now() + Duration::from_secs(20);
        while exists("97351") {
            assert!(Instant::now() < end, "{what} is killed, and processes are left");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether any process has this word on its command line, below us or not.
fn exists(word: &str) -> bool {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let lines = pids.filter_map(rustix::process::Pid::from_raw).filter_map(process_tree::command_line);
    lines.into_iter().any(|line| line.split(' ').any(|part| part == word))
}

#[test]
fn time_is_counted_that_no_parent_has_waited_for() {
    // An orphan that works until it has used five ticks, however long that takes. The shell waits for the end of its
    // output.
    let spin = "until read -r line </proc/$$/stat && set -- $line && [ $((${14} + ${15})) -ge 5 ]; do :; done";
    let counted = finish(&format!("spent=$( (setsid sh -c '{spin}' &) )"));
    let tick = Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap();
    assert!(counted.cpu >= 5 * tick, "{counted:?}");
}
