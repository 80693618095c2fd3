//! Triage: a failing test under controls, and whose fault it is found to be.

use bringup_tests::{Output, Project, patch, project};
use rustix::process::Signal;

/// A project whose std has this test, among others, built for the target `fake`.
fn with_test(test: &str) -> Project {
    let project = project!();
    project.tests("std", &format!("pass_a {test}"));
    project.run(&["plan", "fake"], 0);
    project
}

fn triage(project: &Project, args: &[&str]) -> Output {
    project.run(&[&["triage", "fake"], args].concat(), 0)
}

/// An emulator of an older version, which differs.
fn old_emulator(project: &Project) -> String {
    let fake = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake");
    let text = format!(
        "if [ \"$1\" = --version ]; then echo qemu-fake version 7.2.22; exit; fi\nexport FAKE_EMULATOR=old\nexec {} \"$@\"",
        fake.display()
    );
    project.script("programs/qemu-old", &text).display().to_string()
}

fn page(project: &Project, test: &str) -> String {
    project.read(&format!("out/triage/fake-std-{test}-dynamic.md"))
}

#[test]
fn a_planted_flaky_test_is_flaky_at_its_rate() {
    let project = with_test("third_b");
    // The first of three fails, of 11 runs the 1st, 4th, 7th and 10th.
    let output = triage(&project, &["std", "third_b"]);
    output.prints(&["flaky, at a rate of 36 %", "failed in 4 of 11 runs without any change"]);
    assert!(page(&project, "third_b").contains("caught of third_b"));
    project.assert_clean();
}

#[test]
fn what_an_older_emulator_passes_is_the_emulators() {
    let project = with_test("emulator_b");
    let old = old_emulator(&project);
    let output = triage(&project, &["std", "emulator_b", "--control-qemu", &old]);
    output.prints(&[
        "unavailable: twin would fit, but is not built",
        "emulator, QEMU 11.1.3 has the fault and 7.2.22 does not",
    ]);
    let page = page(&project, "emulator_b");
    let expected = [
        "| other emulator | fake | QEMU 7.2.22",
        "1 fake_call() = 0",
        "caught of emulator_b",
        "\"$QEMU_OLD_7_2_22\" -L \"$FAKE/sysroot\"",
    ];
    for text in expected {
        assert!(page.contains(text), "{text} is not in:\n{page}");
    }
    // Settled: nothing was built at another opt-level.
    assert_eq!(project.steps().iter().filter(|step| step.starts_with("std/")).count(), 1);

    // The other way round.
    let output = triage(&project, &["std", "emulator_b", "--qemu", &old]);
    output.prints(&["not seen again", "failed in none of 11 runs, nor under load."]);
}

/// An emulator that starts the default one, changes what programs see, and reports the same version.
fn wrapper(project: &Project) -> String {
    let fake = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake");
    let text = format!("export FAKE_WRAPPER=1\nexec {} \"$@\"", fake.display());
    project.script("programs/qemu-fake", &text).display().to_string()
}

#[test]
fn a_given_emulator_of_the_same_version_is_compared_with_the_default_one() {
    let project = with_test("wrapped_b");
    let wrapper = wrapper(&project);
    project.run(&["test", "fake", "--suite", "std", "--link", "dynamic", "--qemu", &wrapper], 100);
    // The last report says which emulator ran.
    let output = triage(&project, &["std", "wrapped_b"]);
    output.says(&["using the emulator of the last report: ", "programs/qemu-fake"]);
    output.prints(&["emulator, QEMU 11.1.3 of ", "/programs has the fault and 11.1.3 of "]);
    let page = project.read("out/triage/fake-std-wrapped_b-dynamic-qemu-11.1.3.md");
    assert!(page.contains("--qemu \"$QEMU_FAKE_11_1_3\""), "{page}");
    // What is in its place now is another one.
    let old = old_emulator(&project);
    fs_err::copy(old, &wrapper).unwrap();
    let output = triage(&project, &["std", "wrapped_b"]);
    output.says(&["std wrapped_b: the emulator is qemu-fake version 7.2.22 (sha256 ", "; the last report's was "]);
    fs_err::remove_file(&wrapper).unwrap();
    project.run(&["triage", "fake", "std", "wrapped_b"], 96).says(&["the last report names it", "--qemu"]);
}

#[test]
fn a_test_that_depends_on_the_tests_before_it_is_found_out() {
    let project = project!();
    project.tests("std", "a_pass lonely_b");
    project.run(&["plan", "fake"], 0);
    let output = triage(&project, &["std", "lonely_b"]);
    output.prints(&[
        "after others (1 test)",
        "order of tests, it depends on",
        "fails in 11 runs alone, and passes after 1 other test.",
    ]);
    // The other way round, also when a test before it ends the process.
    project.tests("std", "a_pass segv_b spoiled_c");
    let output = triage(&project, &["std", "spoiled_c"]);
    output.prints(&["order of tests, ", "passes in 11 runs alone, and fails after 1 other test."]);
    assert!(page(&project, "spoiled_c").contains("caught of spoiled_c"));
    // What is known to end the process is left out at once.
    project.write("targets/fake/expect.txt", "# Reason: known\nstd segv_b crash\n");
    triage(&project, &["std", "spoiled_c"]).prints(&["after others (1 test)"]);
}

#[test]
fn a_patch_of_ours_is_blamed_for_what_passes_without_it() {
    let project = with_test("libc_b");
    let output = triage(&project, &["std", "libc_b"]);
    let patch = "musl/0001-malloc-give-back-something.patch";
    output.prints(&["without patch musl/1 ", &format!("our patch {patch}: std libc_b on fake")]);
    let page = page(&project, "libc_b");
    let expected = [
        &format!("FAKE_WITHOUT_MUSL_1=$(cargo xtask build fake --rust 1.95.0 --musl 1.2.6 --without {patch})"),
        "-L \"$FAKE_WITHOUT_MUSL_1/sysroot\" \"$FAKE_TESTS/dynamic/",
        "| other opt-level |  |  |  | unavailable: the other controls already give a verdict",
    ];
    for text in expected {
        assert!(page.contains(text), "{text} is not in:\n{page}");
    }
    // musl alone was built anew.
    assert_eq!(project.steps().iter().filter(|step| step.starts_with("std/")).count(), 1);
}

#[test]
fn the_patch_of_std_is_found_when_it_may_go_deep() {
    let project = with_test("library_b");
    let change = |from: &str, to: &str| patch("library/std/src/lib.rs", from, to);
    project.patches(&[
        ("0001-one.patch", &change("//! std", "//! std, changed")),
        ("0002-two.patch", &change("//! std, changed", "//! std, patched")),
    ]);
    let output = triage(&project, &["std", "library_b"]);
    output.prints(&["our patches, one or more of 2 patches (rust/1 to rust/2): std"]);
    let output = triage(&project, &["std", "library_b", "--deep"]);
    output.prints(&["our patch rust/0002-two.patch: std library_b on fake"]);
}

#[test]
fn the_opt_level_is_tried_when_nothing_else_settles_it() {
    let project = with_test("level_b");
    let programs = project.host("programs");
    std::fs::create_dir(programs.join("opt0")).unwrap();
    for name in ["coretests", "alloctests", "std", "env", "plain"] {
        std::fs::hard_link(programs.join(name), programs.join("opt0").join(name)).unwrap();
    }
    std::fs::copy(programs.join("std.tests"), programs.join("opt0/std.tests")).unwrap();
    let output = triage(&project, &["std", "level_b"]);
    output.prints(&[
        "fake at opt-level 0",
        "code generation or the emulation of the code: std level_b on fake",
        "passes at opt-level 0",
    ]);
    // The usual one is what it was: nothing is built anew.
    project.run(&["test", "fake"], 100).says(&["Cached"]);
}

#[test]
fn all_unexpected_failures_of_the_last_report_are_triaged_as_they_failed() {
    let project = with_test("static_b segv_c");
    project.write("targets/fake/expect.txt", "# Reason: known\nstd pass_a fail\n");
    project.run(&["test", "fake", "--suite", "std"], 100);
    let output = triage(&project, &["--all"]);
    output.prints(&["std segv_c on fake", "crash (SIGSEGV)"]);
    output.prints(&["std static_b on fake", "link mode static", "but passes linked dynamic"]);
    let crash = page(&project, "segv_c");
    let expected = ["Where it stopped", "Not captured: connecting to QEMU's gdb stub", "last words of segv_c"];
    for text in expected {
        assert!(crash.contains(text), "{text} is not in:\n{crash}");
    }
    assert!(!output.stdout.contains("pass_a"), "{}", output.stdout);
    project.tests("std", "pass_a");
    project.write("targets/fake/expect.txt", "");
    project.run(&["test", "fake", "--suite", "std", "--rerun"], 0);
    project.run(&["triage", "fake", "--all"], 4).says(&["no unexpected failure of fake"]);
}

#[test]
fn other_targets_are_built_only_when_it_may_go_deep() {
    let project = with_test("fail_b");
    triage(&project, &["std", "fail_b"]).prints(&["twin would fit", "undecided, "]);
    let output = triage(&project, &["std", "fail_b", "--deep"]);
    output.prints(&["same kind of target   twin", "on twin and without patch musl/1"]);
}

#[test]
fn a_control_that_cannot_be_built_is_a_row_that_says_so() {
    let project = with_test("fail_b");
    project.fail("cargo-build-twin-alpine-linux-musl", "no twin today");
    triage(&project, &["std", "fail_b", "--deep"]).prints(&["unavailable: step `std twin` failed"]);
    project.assert_clean();
}

#[test]
fn a_test_that_hangs_is_stopped_at_its_limit() {
    let project = with_test("hang_b");
    let output = triage(&project, &["std", "hang_b", "--limit", "1"]);
    output.prints(&[
        "alone",
        "timeout (no end within its time limit of 1 s)",
        "again",
        "timeout, 2 of 2 runs",
        "fails in 3 of 3 runs",
    ]);
    project.assert_clean();
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let project = with_test("hang_b");
    let running = project.cmd(&["triage", "fake", "std", "hang_b"]).start();
    project.wait_for_process("-- hang_b");
    running.signal(Signal::INT);
    let _ = running.wait().ends_with(130);
    project.assert_clean();
    assert!(!project.path("out/triage/fake-std-hang_b-dynamic.md").exists());
}

#[test]
fn isolation_can_be_switched_off_and_the_report_says_so() {
    let project = project!();
    project.run(&["test", "fake", "--suite", "std", "--isolation", "none"], 0);
    let notes = project.report()["runs"][0]["notes"].to_string();
    assert!(notes.contains("no network of their own for test programs (--isolation none)"), "{notes}");
    assert!(notes.contains("no binfmt_misc (--isolation none)"), "{notes}");
}

#[test]
fn what_makes_no_sense_is_refused_first() {
    let project = project!();
    project.run(&["triage", "fake"], 2).says(&["no test is named", "hint: "]);
    project.run(&["triage", "fake", "std"], 2).says(&["no test is named"]);
    project.run(&["triage", "fake", "nonsense", "a"], 2).says(&["there is no suite `nonsense`"]);
    project.run(&["triage", "fake", "--proof", "musl"], 2).says(&["malloc.sh is a script"]);
    project.run(&["triage", "nowhere", "std", "a"], 2).says(&["unknown target `nowhere`"]);
    assert!(project.steps().is_empty());
    project
        .run(&["triage", "fake", "std", "made_up"], 2)
        .says(&["has no test `made_up`", "hint: name it as the report"]);
}

#[test]
fn what_fails_in_company_only_is_one_of_load() {
    let project = with_test("crowd_b");
    let output = triage(&project, &["std", "crowd_b"]);
    output.prints(&["load: std crowd_b on fake", "copies run at once, and in 0 of 21 runs alone"]);
}

#[test]
fn limits_hold_in_a_triage_too() {
    let project = with_test("flood_b");
    project.edit("bringup.toml", "output-mib = 64", "output-mib = 2");
    let output = triage(&project, &["std", "flood_b"]);
    output.prints(&["crash (wrote more than 2 MiB of output)", "crash, 10 of 10 runs", "undecided, "]);
}

#[test]
fn there_is_nothing_to_triage_about_a_test_that_is_ignored() {
    let project = with_test("ignored_b");
    project.run(&["triage", "fake", "std", "ignored_b"], 4).says(&["std ignored_b is ignored on fake"]);
}

#[test]
fn one_that_cannot_be_triaged_does_not_keep_the_others() {
    let project = with_test("fail_b segv_c");
    project.run(&["test", "fake", "--suite", "std"], 100);
    // As after a change of the sources.
    project.tests("std", "pass_a segv_c");
    let output = project.run(&["triage", "fake", "--all"], 101);
    output.prints(&["std segv_c on fake", "crash (SIGSEGV)"]);
    output.says(&["std fail_b could not be triaged", "has no test `fail_b`", "1 of 2 tests could not be triaged"]);
}

#[test]
fn only_what_is_asked_for_of_the_last_report_is_triaged() {
    let project = with_test("static_b");
    project.run(&["triage", "fake", "--all"], 4).says(&["there is no report yet", "hint: cargo xtask test fake"]);
    project.run(&["triage", "fake", "static_b"], 2).says(&["the last report has no test `static_b` of fake"]);
    project.run(&["test", "fake", "--suite", "std"], 100);
    project.run(&["triage", "fake", "--all", "--link", "dynamic"], 4).says(&["no unexpected failure of fake"]);
    project.run(&["triage", "twin", "--all"], 4).says(&["the last report has no run of twin"]);
    triage(&project, &["static_b"]).prints(&["std static_b on fake", "linked static fails in 11 of 11 runs"]);
    // The programs of that report are others than these would be.
    let other = ["triage", "fake", "--all", "--without", "musl/1"];
    project
        .run(&other, 2)
        .says(&["the last report is about programs built with all patches, not all patches but musl/0001-", "hint: "]);
}
