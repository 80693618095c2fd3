//! The real thing: a toolchain that is given away, unpacked elsewhere, compiles and links on its own.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real dist::` builds the compiler if it is not there.

use std::path::Path;
use std::time::Duration;

use bringup_runner::exec::Cmd;

use crate::driver::{bringup, emulator, printed, succeeds, with_network};

/// Their emulators and triples.
const TARGETS: [(&str, &str); 2] = [("s390x", "s390x-alpine-linux-musl"), ("arm", "armv7-alpine-linux-musleabihf")];

/// A program with a proc macro, a build script that compiles C, threads and unwinding; and a plugin that it loads.
const CRATES: [(&str, &str); 9] = [
    ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"macros\", \"plugin\"]\nresolver = \"3\"\n"),
    (
        "app/Cargo.toml",
        "[package]\nname = \"app\"\nedition = \"2024\"\n\
         [dependencies]\nmacros = { path = \"../macros\" }\n[build-dependencies]\ncc = \"1\"\n",
    ),
    ("app/build.rs", "fn main() { cc::Build::new().file(\"src/half.c\").compile(\"half\"); }\n"),
    ("app/src/half.c", "#include <math.h>\n#include <stddef.h>\nint half(int x) { return (int)floor(x / 2.0); }\n"),
    (
        "app/src/main.rs",
        r#"use std::ffi::{CString, c_char, c_int, c_void};
unsafe extern "C" {
    safe fn half(x: c_int) -> c_int;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}
#[derive(macros::Name)]
struct Needle;
fn main() {
    let thread = std::thread::spawn(|| std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(7))));
    let caught = thread.join().unwrap().unwrap_err().downcast::<i32>().unwrap();
    println!("{} {} {caught}", Needle::NAME, half(85));
    if let Some(path) = std::env::args().nth(1) {
        let path = CString::new(path).unwrap();
        let twice = unsafe { dlsym(dlopen(path.as_ptr(), 2), c"twice".as_ptr()) };
        assert!(!twice.is_null());
        let twice: extern "C" fn(c_int) -> c_int = unsafe { std::mem::transmute(twice) };
        println!("{}", twice(21));
    }
}
"#,
    ),
    ("macros/Cargo.toml", "[package]\nname = \"macros\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n"),
    (
        "macros/src/lib.rs",
        r#"use proc_macro::{TokenStream, TokenTree};
#[proc_macro_derive(Name)]
pub fn name(input: TokenStream) -> TokenStream {
    let name = input.into_iter().filter_map(|token| match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    });
    let name = name.last().unwrap();
    format!("impl {name} {{ const NAME: &str = \"{name}\"; }}").parse().unwrap()
}
"#,
    ),
    ("plugin/Cargo.toml", "[package]\nname = \"plugin\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n"),
    (
        "plugin/src/lib.rs",
        "#[unsafe(no_mangle)]\npub extern \"C\" fn twice(x: i32) -> i32 { format!(\"{}\", x * 2).parse().unwrap() }\n",
    ),
];

#[test]
fn it_works_wherever_it_is_unpacked() {
    succeeds(&bringup(&["fetch"]));
    let archive = printed(&bringup(&["dist", "--compiler", "bootstrap", "s390x", "armv7"]));
    let archive = Path::new(archive.trim());
    let name = archive.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.xz").unwrap();
    let work = tempfile::tempdir().unwrap();
    succeeds(&Cmd::new("tar").arg("-xf").arg(archive).dir(work.path()));
    let toolchain = work.path().join("moved to");
    std::fs::rename(work.path().join(name), &toolchain).unwrap();
    let crates = work.path().join("crates");
    for (name, text) in CRATES {
        let path = crates.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    for (name, triple) in TARGETS {
        let emulator = emulator(name);
        let run = |link: &str, args: &[&Path]| {
            let program = crates.join(link).join(triple).join("release/app");
            // What is linked statically needs no C library at hand.
            let sysroot = toolchain.join("lib/bringup").join(triple).join("sysroot");
            let cmd = Cmd::new(&emulator);
            let cmd = if link == "static" { cmd } else { cmd.arg("-L").arg(sysroot) };
            printed(&cmd.arg(program).args(args).timeout(Duration::from_mins(1)))
        };
        for (link, flags) in [("dynamic", ""), ("static", "-Ctarget-feature=+crt-static")] {
            // No variable that switches on what is unstable; of this machine, nothing but the usual search path.
            let cargo = Cmd::new(toolchain.join("bin/cargo")).args(["build", "--release", "--target", triple]);
            let cargo = cargo.args(if link == "static" { &["--package=app"][..] } else { &["--workspace"] });
            let cargo = cargo.arg("--target-dir").arg(crates.join(link)).dir(&crates).env("RUSTFLAGS", flags);
            let cargo = cargo.env("PATH", "/usr/bin:/bin").env("HOME", work.path());
            succeeds(&with_network(cargo).timeout(Duration::from_mins(30)));
            assert_eq!(run(link, &[]), "Needle 42 7\n");
        }
        let plugin = crates.join("dynamic").join(triple).join("release/libplugin.so");
        assert_eq!(run("dynamic", &[&plugin]), "Needle 42 7\n42\n");
    }
}
