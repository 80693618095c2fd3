//! Compiles c.c, and makes bindings of c.h. Both must see the target's headers.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=c.h");
    println!("cargo::rerun-if-changed=c.c");
    cc::Build::new().file("c.c").warnings_into_errors(true).compile("layout");
    let types = ["mixed", "fields", "stat", "layout", "colour"];
    let builder = bindgen::Builder::default().header("c.h").allowlist_var("ANSWER").allowlist_function("layout|fields|sum");
    let builder = types.into_iter().fold(builder, bindgen::Builder::allowlist_type);
    let bindings = builder.generate().expect("making bindings of c.h");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    bindings.write_to_file(Path::new(&out).join("c.rs")).expect("writing c.rs");
}
