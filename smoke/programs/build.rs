//! Runs on the host: compiles the C half of `c_object` and the C++ half of `cxx_object`, and writes a source file for
//! `build_script`.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=c");
    // Debug information would name the folder of the sources.
    let mut build = cc::Build::new();
    build.std("c11").flag("-fexceptions").warnings_into_errors(true).debug(false);
    build.file("c/both_ways.c").compile("both_ways");

    println!("cargo::rerun-if-changed=cxx");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++20").warnings_into_errors(true).debug(false);
    build.file("cxx/both_ways.cpp").compile("cxx_both_ways");

    let (target, endian) = (var("TARGET"), var("CARGO_CFG_TARGET_ENDIAN"));
    let generated = format!("pub const TARGET: &str = {target:?};\npub const ENDIAN: &str = {endian:?};\n");
    std::fs::write(PathBuf::from(var("OUT_DIR")).join("generated.rs"), generated).expect("writing generated.rs");
    println!("cargo::rustc-env=SMOKE_FROM_BUILD_SCRIPT=an environment variable");
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
