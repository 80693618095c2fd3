//! The real series over the real sources, as a maintainer has them in a fresh clone.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real patches::` fetches every pinned source, if it is not in
//! the cache.

#![expect(clippy::print_stdout, reason = "it prints what it has done")]

use std::collections::BTreeMap;
use std::path::Path;

use bringup_runner::exec::Cmd;

use crate::driver::{bringup_in, printed, project, succeeds};

/// The files below a folder and their contents, by their paths below it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            found.insert(name, fs_err::read(path).unwrap());
        }
    }
    found
}

/// What a clone has and these verbs read.
fn clone_into(folder: &Path) {
    for name in ["patches", "proofs", "targets"] {
        for (file, content) in files(&project().join(name)) {
            let path = folder.join(name).join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
    }
    for name in ["bringup.toml", "rust-toolchain.toml"] {
        fs_err::copy(project().join(name), folder.join(name)).unwrap();
    }
    // What a user has put beside the project is an origin, too.
    if project().join("sources").is_dir() {
        std::os::unix::fs::symlink(project().join("sources"), folder.join("sources")).unwrap();
    }
}

#[test]
fn every_series_is_applied_and_written_back_byte_for_byte() {
    let clone = tempfile::tempdir().unwrap();
    clone_into(clone.path());
    let before = files(&clone.path().join("patches"));
    let run = |args: &[&str]| printed(&bringup_in(clone.path(), args));
    let series: Vec<&String> = before.keys().filter(|file| file.ends_with("/series")).collect();
    assert!(series.len() >= 5, "{series:?}");
    for file in series {
        let parts: Vec<&str> = file.split('/').collect();
        let [source, version, _] = parts[..] else { panic!("{file}") };
        let option = format!("--{source}");
        // LLVM has one version, and no option.
        let choice: &[&str] = if source == "llvm" { &[] } else { &[&option, version] };
        let tree = run(&[&["patch", "apply", source], choice].concat());
        let git = Cmd::new("git").args(["rev-list", "base..HEAD"]).dir(tree.trim()).inherit("PATH");
        let commits = printed(&git).lines().count();
        let folder = file.trim_end_matches("series");
        let patches = before.keys().filter(|file| file.starts_with(folder)).count() - 1;
        println!("{source} {version}: {commits} of {patches} patches are in the working tree");
        assert!(commits > 0);
        let refreshed = run(&[&["patch", "refresh", source], choice].concat());
        assert_eq!(refreshed, format!("{patches} unchanged\n"), "{file}");
        assert!(files(&clone.path().join("patches")) == before, "`patch refresh` of {file} has changed a file");
        let again = succeeds(&bringup_in(clone.path(), &[&["patch", "apply", source], choice].concat()));
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(said.contains("has these patches already"), "{said}");
    }
    run(&["clean"]);
    assert!(files(&clone.path().join("work")).len() > 100, "`clean` leaves working trees alone");
}
