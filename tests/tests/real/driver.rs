//! Runs the program under test on this clone, and what it has built. Its environment is what it needs of the user's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bringup_runner::exec::{Cmd, NETWORK_ENV, Output};

/// This clone.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program under test in a project, for as long as the slowest build takes.
pub(crate) fn bringup_in(root: &Path, args: &[&str]) -> Cmd {
    let cmd = Cmd::new(env!("CARGO_BIN_EXE_bringup-under-test")).arg("-C").arg(root).args(args);
    let kept = ["CARGO", "HOME", "RUSTUP_HOME", "XDG_CACHE_HOME", "BRINGUP_CACHE"];
    with_network(kept.into_iter().fold(cmd, Cmd::inherit)).timeout(Duration::from_hours(3))
}

/// The program under test in this clone.
pub(crate) fn bringup(args: &[&str]) -> Cmd {
    bringup_in(&project(), args)
}

/// A command that finds its way out, whatever the user's network needs.
pub(crate) fn with_network(cmd: Cmd) -> Cmd {
    cmd.inherit_all(NETWORK_ENV)
}

/// Runs a command that must succeed.
pub(crate) fn succeeds(cmd: &Cmd) -> Output {
    let output = cmd.output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.finished.status.success(), "{}: {:?}\n{stdout}\n{stderr}", cmd.display(), output.finished.status);
    output
}

/// What a command prints, which must succeed.
pub(crate) fn printed(cmd: &Cmd) -> String {
    String::from_utf8(succeeds(cmd).stdout).unwrap()
}

/// Where `doctor` finds an emulator: `qemu-<name>`.
pub(crate) fn emulator(name: &str) -> PathBuf {
    let text = printed(&bringup(&["doctor"]));
    let line = text.lines().find(|line| line.contains(&format!("qemu-{name} ")));
    line.unwrap_or_else(|| panic!("no emulator in:\n{text}")).split_whitespace().last().unwrap().into()
}
