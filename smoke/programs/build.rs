//! Runs on the host: compiles the C half of `c_object`, and writes a source file for `build_script`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=c");
    let out = PathBuf::from(var("OUT_DIR"));
    let target = var("TARGET").into_string().expect("TARGET is ASCII");

    let object = out.join("both_ways.o");
    let compiler = var(&format!("CC_{}", target.replace(['-', '.'], "_")));
    let status = Command::new(&compiler)
        .args(["-std=c11", "-O2", "-fPIC", "-fexceptions", "-Wall", "-Werror", "-c", "c/both_ways.c", "-o"])
        .arg(&object)
        .status()
        .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
    assert!(status.success(), "{} failed: {status}", compiler.display());
    println!("cargo::rustc-link-arg-bin=c_object={}", object.display());

    let endian = var("CARGO_CFG_TARGET_ENDIAN").into_string().expect("ASCII");
    let generated = format!("pub const TARGET: &str = {target:?};\npub const ENDIAN: &str = {endian:?};\n");
    std::fs::write(out.join("generated.rs"), generated).expect("writing generated.rs");
    println!("cargo::rustc-env=SMOKE_FROM_BUILD_SCRIPT=an environment variable");
}

fn var(name: &str) -> OsString {
    println!("cargo::rerun-if-env-changed={name}");
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"))
}
