//! Collects tokio's own tests of `net` and `time`, which its package holds.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What the names of the tests' files begin with.
const WANTED: [&str; 6] = ["net_", "tcp_", "time_", "udp", "uds_", "unix_"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let metadata = Command::new(env::var("CARGO").expect("cargo sets CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .output()
        .expect("starting cargo metadata");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).expect("reading cargo metadata");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let tokio = packages.iter().find(|package| package["name"] == "tokio").expect("the package tokio");
    let manifest = tokio["manifest_path"].as_str().expect("a path");
    let tests = Path::new(manifest).with_file_name("tests");
    let entries = fs::read_dir(&tests).expect("tokio's folder tests").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect();
    files.sort();
    let mut modules = String::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if WANTED.iter().any(|start| name.starts_with(start)) {
            writeln!(modules, "#[path = {file:?}]\nmod {name};").expect("writing to a string");
        }
    }
    assert!(!modules.is_empty(), "tokio's package has no tests");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("tests.rs"), modules).expect("writing tests.rs");
}
