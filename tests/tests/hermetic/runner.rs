//! Runs fake test programs under a fake emulator: what is selected, in which processes it runs, and what surrounds them.

use std::path::{Path, PathBuf};

use bringup_model::outcome::Outcome;
use bringup_model::pins::Limits;
use bringup_runner::jobs::Jobs;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::suite::SuiteRun;
use bringup_tests::suite::{LIMITS, find, options, words};
use bringup_tests::{cases, fixture};

#[test]
fn names_selection_and_programs_without_a_harness() {
    let fixture = fixture!()
        .program("std", Some("net::a net::b pass_a"))
        .program("sync", Some("pass_a fail_b"))
        .program("fail-alone", None)
        .program("alone", None)
        .program("empty", Some(""));
    let suite = fixture.run(|_| {});
    let all = [
        "alone pass",
        "fail-alone fail",
        "net::a pass",
        "net::b pass",
        "pass_a pass",
        "sync::fail_b fail",
        "sync::pass_a pass",
    ];
    assert_eq!(words(&suite), all);
    assert_eq!(find(&suite, "fail-alone").reason.as_deref(), Some("exit status 1"));
    assert_eq!(suite.notes, ["empty: it lists no tests"]);
    assert!(suite.complete);

    let suite = fixture.run(|options| options.filter = Some("pass_a".into()));
    assert_eq!(words(&suite), ["pass_a pass", "sync::pass_a pass"]);
    assert!(!suite.complete);

    let suite = fixture.run(|options| options.skip = &|name| name.starts_with("net::"));
    assert_eq!(suite.tests.iter().filter(|test| test.outcome == Outcome::Skipped).count(), 2);

    let parts: Vec<_> =
        (1..=3).map(|part| fixture.run(|options| options.partition = format!("slice:{part}/3").parse().ok())).collect();
    let mut joined: Vec<String> = parts.iter().flat_map(words).collect();
    joined.sort();
    assert_eq!(joined, all);
    assert!(parts.iter().all(|part| part.complete && part.tests.len() + part.elsewhere.len() == all.len()));
}

#[test]
fn programs_of_one_name_are_two_programs() {
    let mut fixture = fixture!().program("std", Some("pass_a pass_b pass_c")).program("tests", Some("pass_a"));
    fixture.programs[1].name = "std".into();
    let suite = fixture.run(|options| options.filter = Some("pass_a".into()));
    assert_eq!(words(&suite), ["pass_a pass", "std::pass_a pass"]);
    assert!(suite.contradictions.is_empty(), "{:?}", suite.contradictions);
}

#[test]
fn a_program_that_cannot_list_counts_as_a_crash() {
    let programs = [
        ("unlistable", "bad crash", "SIGABRT when asked for its tests"),
        ("garbage", "bad crash", "lists no tests but says `Segmentation fault`"),
        ("hanging", "bad timeout", "no end within its time limit of 1 s when asked for its tests"),
        ("flooding", "bad crash", "wrote more than 5 MiB of output when asked for its tests"),
    ];
    cases(programs.map(|program| (program.0, program)), |(list, outcome, reason)| {
        let fixture = fixture!().program("bad", Some(list)).program("good", Some("pass_a"));
        let suite = fixture.run(|options| options.limits = &|_| Limits { output_mib: 5, ..LIMITS });
        assert_eq!(words(&suite), [outcome, "good::pass_a pass"]);
        assert_eq!(find(&suite, "bad").reason.as_deref(), Some(reason));
        assert!(!suite.complete);
    });
}

#[test]
fn a_program_that_does_not_even_say_that_it_has_no_tests_is_a_contradiction() {
    let suite = fixture!().program("mute", Some("mute")).program("good", Some("pass_a")).run(|_| {});
    assert_eq!(words(&suite), ["good::pass_a pass"]);
    assert_eq!(suite.contradictions, ["mute: the number at the end of its list is missing"]);
}

#[test]
fn a_process_out_of_time_does_not_cost_its_test() {
    let run = |tests| {
        fixture!().program("std", Some(tests)).run(|options| {
            options.jobs = Jobs::new(1, 0, |_| ()).unwrap();
            options.limits = &|_| Limits { test_seconds: 30, program_seconds: 2, ..LIMITS };
        })
    };
    let suite = run("slow_a slow_b slow_c slow_d slow_e");
    assert!(suite.tests.iter().all(|test| test.outcome == Outcome::Pass), "{:?}", suite.tests);

    // One that uses it all up by itself is told by which limit.
    let suite = run("hang_b pass_a");
    assert_eq!(words(&suite), ["hang_b timeout", "pass_a pass"]);
    let reason = find(&suite, "hang_b").reason.as_deref();
    assert_eq!(reason, Some("its process did not end within the 2 s of a program"));
}

#[test]
fn what_comes_before_the_first_test_is_not_its_time() {
    let suite = fixture!().program("std", Some("lag_a pass_b")).run(|_| {});
    assert_eq!(words(&suite), ["lag_a pass", "pass_b pass"]);
}

#[test]
fn many_tests_are_spread_over_processes() {
    let tests: Vec<String> = (0..500).map(|number| format!("pass_{number}")).collect();
    let suite = fixture!()
        .program("std", Some(&tests.join(" ")))
        .run(|options| options.jobs = Jobs::new(4, 0, |_| ()).unwrap());
    assert_eq!(suite.listed, 500);
    assert!(suite.tests.iter().all(|test| test.outcome == Outcome::Pass));
}

#[test]
fn tests_that_share_the_hosts_network_run_one_after_the_other() {
    let fixture = fixture!().program("std", Some("net::work_a net::work_b")).program("net", Some("net::work_a"));
    let spans = fixture.folder().join("spans");
    fs_err::write(&spans, "").unwrap();
    let mut sandbox = fixture.sandbox();
    sandbox.network = false;
    let (options, work) = (options(3), fixture.folder().join("work"));
    SuiteRun::new(&fixture.programs, &sandbox, &options, &work).unwrap().run(&|_, _| {}).unwrap();
    let spans = fs_err::read_to_string(spans).unwrap();
    let times = |line: &str| line.split(' ').map(|time| time.parse().unwrap()).collect::<Vec<u128>>();
    let mut spans: Vec<_> = spans.lines().map(times).collect();
    spans.sort();
    assert!(spans.windows(2).all(|two| two[0][1] <= two[1][0]), "{spans:?}");
}

#[test]
fn stress_tells_how_often_a_test_fails() {
    let fixture = fixture!().program("std", Some("fail_a flaky_b pass_c segv_d")).program("alone", None);
    let suite = fixture.run(|options| options.stress = Some(4));
    let tries = |name| find(&suite, name).tries.unwrap();
    assert_eq!(["alone", "fail_a", "flaky_b", "pass_c", "segv_d"].map(|name| tries(name).failures), [0, 4, 2, 0, 4]);
    assert!(suite.tests.iter().all(|test| test.tries.unwrap().runs == 4));
    assert_eq!(words(&suite), ["alone pass", "fail_a fail", "flaky_b fail", "pass_c pass", "segv_d crash"]);

    // A timeout is no reason to stop.
    let suite = fixture!().program("std", Some("warms_a")).run(|options| options.stress = Some(3));
    let tries = find(&suite, "warms_a").tries.unwrap();
    assert_eq!((tries.runs, tries.failures), (3, 1));
}

#[test]
fn a_test_that_is_listed_twice_is_a_contradiction() {
    let suite = fixture!().program("std", Some("pass_a pass_a")).run(|_| ());
    assert_eq!(words(&suite), ["pass_a pass"]);
    assert!(suite.contradictions.contains(&"std: it lists pass_a twice".into()), "{:?}", suite.contradictions);
}

#[test]
fn the_native_runner_puts_the_loader_in_place() {
    let fixture = fixture!().program("alone", None);
    let sysroot = fixture.folder().join("sys root");
    fs_err::create_dir_all(sysroot.join("lib")).unwrap();
    fs_err::write(sysroot.join("lib/ld-fake.so.1"), "the loader").unwrap();
    let runner = Runner::Native { sysroot, loader: "/lib/ld-fake.so.1".into() };
    let program = &fixture.programs[0].path;
    let sandbox = Sandbox::prepare(&runner, program).unwrap();
    if sandbox.loader {
        let libraries = [PathBuf::from("/some where")];
        let show = "cat /lib/ld-fake.so.1; echo; echo $LD_LIBRARY_PATH";
        let cmd = sandbox.command(Path::new("/bin/sh"), ["-c", show], &libraries).unwrap();
        assert_eq!(cmd.read().unwrap(), "the loader\n/some where");
        assert!(!Path::new("/lib/ld-fake.so.1").exists(), "the host is as it was");
    } else {
        assert!(!sandbox.notes.is_empty());
    }
    assert_eq!(sandbox.command(program, [""; 0], &[]).unwrap().read().unwrap(), "no harness");
}
