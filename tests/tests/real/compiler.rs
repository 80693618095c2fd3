//! The real thing, as far as it is done in a minute: the settings of a compiler, and what x.py makes of them and of the real source.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real compiler::`

use std::path::PathBuf;

use crate::driver::{bringup, printed, project};

const TARGETS: [&str; 3] = ["armv7", "s390x", "x86_64"];

#[test]
fn x_py_takes_the_settings_and_plans_std_for_every_target() {
    let file = printed(&bringup(&["build", "--compiler", "bootstrap", "--dry-run"]).args(TARGETS));
    let settings: toml::Table = fs_err::read_to_string(file.trim()).unwrap().parse().unwrap();
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
    let text = printed(&bringup(&["plan", "--inputs", "--compiler", "bootstrap"]).args(TARGETS));
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
