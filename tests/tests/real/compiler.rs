//! The real thing, as far as it is done in a minute: the settings of a compiler, and what x.py makes of them and of the real source.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real compiler::`
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bringup_runner::exec::{Cmd, Output};

const TARGETS: [&str; 3] = ["armv7", "s390x", "x86_64"];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn bringup(args: &[&str]) -> Output {
    let cmd = Cmd::new(env!("CARGO_BIN_EXE_bringup")).arg("-C").arg(project()).args(args).args(TARGETS);
    let kept = ["CARGO", "HOME", "RUSTUP_HOME", "XDG_CACHE_HOME", "BRINGUP_CACHE"];
    let cmd = kept.into_iter().chain(xtask::source::fetch::NETWORK_ENV.iter().copied()).fold(cmd, Cmd::inherit);
    let cmd = cmd.timeout(Duration::from_mins(30));
    let output = cmd.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.finished.status.success(), "{}: {:?}\n{text}", cmd.display(), output.finished.status);
    output
}

#[test]
fn x_py_takes_the_settings_and_plans_std_for_every_target() {
    let output = bringup(&["build", "--compiler", "bootstrap", "--dry-run"]);
    let file = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let settings: toml::Table = fs_err::read_to_string(&file).unwrap().parse().unwrap();
    assert_eq!(settings["rust"]["channel"].as_str(), Some("stable"));
    assert_eq!(settings["build"]["local-rebuild"].as_bool(), Some(true));
    let log = fs_err::read_to_string(project().join("out/log/x.py-dry-run.log")).unwrap();
    let compiler = log.find("Building stage1 compiler artifacts").unwrap_or_else(|| panic!("no compiler:\n{log}"));
    for target in TARGETS {
        let spec = bringup_spec(target);
        let triple = spec.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(settings["target"][triple.as_str()]["llvm-libunwind"].as_str(), Some("system"));
        let std = log.lines().find(|line| line.contains("library artifacts") && line.contains(&triple));
        let std = std.unwrap_or_else(|| panic!("no std for {triple}:\n{log}"));
        assert!(log.find(std).unwrap() > compiler, "{log}");
    }
}

/// The spec that x.py gets of a target.
fn bringup_spec(target: &str) -> PathBuf {
    let specs = project().join("out/x.py/specs");
    let mut all = fs_err::read_dir(specs).unwrap().map(|entry| entry.unwrap().path());
    all.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{target}-"))).unwrap()
}

/// Whoever changes one of these has the compiler built again, everywhere: it is not to happen by accident.
#[test]
fn what_decides_the_compiler_is_what_is_stored() {
    let output = bringup(&["plan", "--inputs", "--compiler", "bootstrap"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut kept = Vec::new();
    let mut of_compiler = false;
    for line in text.lines() {
        let is_step = !line.starts_with(' ');
        if is_step {
            let words: Vec<&str> = line.split_whitespace().collect();
            of_compiler = words[1] == "compiler" || words[1..3] == ["patch", "rustc"];
            continue;
        }
        // What differs from host to host, and with where the source was had.
        let (tag, _) = line.trim_start().split_once(':').unwrap();
        let varies = ["label", "sha256", "lacks", "tool", "script", "bootstrap.toml", "patch rustc"].contains(&tag);
        if of_compiler && !varies {
            kept.push(line.trim());
        }
    }
    insta::assert_snapshot!(kept.join("\n"));
}
