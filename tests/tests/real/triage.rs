//! Known cases, triaged for real: what each is known to be has to come out.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real triage::` builds the test programs of s390x if they are
//! not there, and fetches other versions of QEMU. The test programs of `x86_64`, which serve as a control, must have been built by
//! `cargo xtask bringup x86_64 --runner native` before.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bringup_model::version::Version;
use bringup_runner::exec::Cmd;

use crate::driver::{bringup, emulator, printed, project};

/// The line of a triage's verdict.
fn verdict(target: &str, args: &[&str]) -> String {
    let text = printed(&bringup(&["triage", target]).args(args));
    let place = format!(" on {target} under QEMU ");
    let sentence = text.lines().find(|line| line.contains(&place)).map(str::to_owned);
    sentence.unwrap_or_else(|| panic!("there is no sentence in\n{text}"))
}

fn begins(sentence: &str, text: &str) {
    assert!(sentence.starts_with(text), "{sentence}");
}

/// The version of Rust that is tested here.
fn tested_rust() -> Version {
    let toolchain = printed(&bringup(&["build", "s390x"]));
    Version::find(&printed(&Cmd::new(PathBuf::from(toolchain.trim()).join("bin/rustc")).arg("-V"))).unwrap()
}

/// The patch of the tested Rust whose file name contains `word`. Each version's series has its own numbers.
fn rust_patch(word: &str) -> String {
    let folder = project().join(format!("patches/rust/{}", tested_rust()));
    let series = fs_err::read_to_string(folder.join("series")).unwrap();
    let file = series.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word} in\n{series}"));
    format!("rust/{}", file.split('-').next().unwrap().trim_start_matches('0'))
}

/// The older emulators that serve as controls are in the cache from here on.
fn old_emulators() -> PathBuf {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let cache = std::env::var_os("BRINGUP_CACHE").map_or_else(|| home.join(".cache/bringup"), PathBuf::from);
    cache.join("qemu-control/bookworm-qemu-user-static/usr/bin")
}

/// A folder with an emulator that starts the default one and loses the first line of what a program prints.
fn lossy_emulator() -> tempfile::TempDir {
    let emulator = emulator("s390x").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qemu-s390x");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec '{emulator}' --version\nout=$('{emulator}' \"$@\")\ncode=$?\nprintf '%s\\n' \"$out\" | sed 1d\nexit $code\n"
    );
    fs_err::write(&path, script).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn an_emulator_that_loses_output_is_told_from_the_one_that_it_starts() {
    let lossy = lossy_emulator();
    let path = lossy.path().display().to_string();
    let sentence = verdict("s390x", &["smoke", "dynamic/c-hello", "--qemu", &path]);
    begins(&sentence, "emulator, QEMU ");
    let (head, evidence) = sentence.split_once(": ").unwrap();
    assert!(head.contains(&format!(" of {path} has the fault and ")) && head.contains(" do not"), "{sentence}");
    assert!(evidence.contains("fails in 11 of 11 runs (line 1: expected `constructed 1`, "), "{sentence}");
}

#[test]
fn known_faults_of_the_emulator_come_out_right() {
    // getsockopt of SO_RCVTIMEO gives nothing back, whatever the target.
    for (target, test) in [("s390x", "net::tcp::tests::timeouts"), ("x86_64", "net::udp::tests::timeouts")] {
        let sentence = verdict(target, &["std", test]);
        begins(&sentence, "emulator, QEMU 10.0.");
        assert!(sentence.contains(" have the fault and 7.2."), "{sentence}");
    }
    // The ioctl of a pidfd is not known.
    let old = old_emulators().display().to_string();
    // The tests have moved.
    let folder = if tested_rust() >= Version::find("1.98.1").unwrap() { "process::unix" } else { "pal::unix::linux" };
    let test = format!("sys::{folder}::pidfd::tests::test_command_pidfd");
    let sentence = verdict("s390x", &["std", &test, "--qemu", &old]);
    begins(&sentence, "emulator, QEMU 7.2.");
    assert!(sentence.contains(" fix it: "), "{sentence}");
}

#[test]
fn known_wants_of_the_host_come_out_right() {
    // The program starts itself.
    let sentence = verdict("s390x", &["std", "process_spawning::issue_15149", "--isolation", "none"]);
    begins(&sentence, "host isolation, binfmt_misc is missing: ");
    // This machine takes what the emulator runs for its own, and has not its loader.
    let sentence = verdict("x86_64", &["std", "process_spawning::issue_15149"]);
    begins(&sentence, "emulator, or host isolation: binfmt_misc is missing under it: ");
}

#[test]
fn known_faults_of_musl_and_std_come_out_right() {
    // CRTJMP of musl 1.2.5 jumps into the void: its dynamic loader never comes to the program.
    let without = ["--proof", "musl/1", "--musl", "1.2.5", "--without", "musl/1", "--limit", "5"];
    begins(&verdict("s390x", &without), "link mode dynamic (musl's dynamic loader or a shared library), ");
    // A futex whose timeout has 32 bits where time_t has 64.
    let futex = rust_patch("futex");
    let without = ["--proof", &futex, "--without", &futex, "--deep"];
    begins(&verdict("armv7", &without), "word size (32-bit): ");
}
