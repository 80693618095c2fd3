//! cargo's commands in a user's workspace, by the toolchain folder alone: for s390x and a 32-bit target, in both link
//! modes. And that the stock compiler stays a stable one for them.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real commands::` builds the toolchains if they are not there.

#![expect(clippy::print_stdout, reason = "it prints its table")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bringup_runner::exec::{Cmd, Output};

use crate::driver::{bringup, printed, succeeds, with_network};

const TARGETS: [(&str, &str, &str); 2] =
    [("s390x", "s390x-alpine-linux-musl", "big"), ("armv7", "armv7-alpine-linux-musleabihf", "little")];
const MODES: [(&str, &str); 2] = [("dynamic", ""), ("static", "-Ctarget-feature=+crt-static")];

/// The files of a workspace: a library with all kinds of tests and a build script, a program, a proc macro, and a tool
/// of the host.
const FILES: [(&str, &str); 12] = [
    (
        "Cargo.toml",
        "[workspace]\nmembers = ['app', 'derive', 'tool']\nresolver = '3'\n[profile.thin]\ninherits = 'release'\nlto = 'thin'\n\
         [profile.fat]\ninherits = 'release'\nlto = 'fat'\n",
    ),
    (
        "app/Cargo.toml",
        "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2024'\n[dependencies]\nderive = { path = '../derive' }\n\
         [[bench]]\nname = 'speed'\nharness = false\n",
    ),
    (
        "app/build.rs",
        "fn main() {\n    println!(\"cargo::rustc-env=BUILT_ON={}\", std::env::consts::ARCH);\n    \
         println!(\"cargo::rerun-if-changed=build.rs\");\n}\n",
    ),
    (
        "app/src/lib.rs",
        "//! Adds.\n\n/// Adds.\n///\n/// ```\n/// assert_eq!(app::add(1, 2), 3);\n/// assert_eq!(std::env::consts::ARCH, app::ARCH);\n\
         /// ```\n///\n/// ```compile_fail\n/// app::add(());\n/// ```\n#[must_use]\npub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n\n\
         /// Where it runs.\npub const ARCH: &str = std::env::consts::ARCH;\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
         fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n}\n",
    ),
    (
        "app/src/main.rs",
        "fn main() {\n    let (endian, same) = (endian(), env!(\"BUILT_ON\") == std::env::consts::ARCH);\n    \
         let args = std::env::args().skip(1).collect::<Vec<_>>();\n    \
         println!(\"{endian} {} {same} {args:?}\", app::add(1, 2));\n}\n\n\
         fn endian() -> &'static str {\n    if cfg!(target_endian = \"big\") {\n        \"big\"\n    } else {\n        \
         \"little\"\n    }\n}\n",
    ),
    (
        "app/tests/integration.rs",
        "use derive::Named;\n\n#[derive(Named)]\nstruct Thing;\n\n#[test]\nfn is_named() {\n    assert_eq!(Thing::NAME, \"Thing\");\n}\n\n\
         #[test]\nfn starts_the_program() {\n    assert!(std::path::Path::new(env!(\"CARGO_BIN_EXE_app\")).exists());\n}\n",
    ),
    ("app/benches/speed.rs", "fn main() {\n    println!(\"speed of {}\", app::ARCH);\n}\n"),
    (
        "derive/Cargo.toml",
        "[package]\nname = 'derive'\nversion = '0.1.0'\nedition = '2024'\n[lib]\nproc-macro = true\n",
    ),
    (
        "derive/src/lib.rs",
        "//! A proc macro.\n\nuse proc_macro::TokenStream;\n\n/// Gives a type its name.\n#[proc_macro_derive(Named)]\n\
         pub fn named(item: TokenStream) -> TokenStream {\n    let name = item.into_iter().nth(1).unwrap();\n    \
         format!(\"impl {name} {{ const NAME: &str = \\\"{name}\\\"; }}\")\n        .parse()\n        .unwrap()\n}\n",
    ),
    ("tool/Cargo.toml", "[package]\nname = 'tool'\nversion = '0.1.0'\nedition = '2024'\n"),
    ("tool/src/main.rs", "fn main() {\n    println!(\"tool on {}\", std::env::consts::ARCH);\n}\n"),
    ("probe.rs", "#![feature(never_type)]\npub fn f() -> ! { loop {} }\n"),
];

/// A toolchain and a user's workspace.
struct User {
    toolchain: PathBuf,
    triple: &'static str,
    work: tempfile::TempDir,
}

impl User {
    fn new(name: &str, triple: &'static str) -> Self {
        Self::with(name, triple, &[])
    }

    /// With these options of `build`.
    fn with(name: &str, triple: &'static str, options: &[&str]) -> Self {
        let toolchain = printed(&bringup(&[&["build", name], options].concat())).trim().into();
        let work = tempfile::tempdir().unwrap();
        for (name, text) in FILES {
            write(work.path(), name, text);
        }
        Self { toolchain, triple, work }
    }

    /// A program of the toolchain, in the workspace.
    fn program(&self, name: &str, args: &[&str]) -> Cmd {
        let cmd = Cmd::new(self.toolchain.join("bin").join(name)).args(args).dir(self.work.path());
        // Beside the network, this is what a user's environment has.
        let cmd =
            cmd.env("HOME", self.work.path().join("home")).env("CARGO_HOME", self.work.path().join("home/.cargo"));
        with_network(cmd).timeout(Duration::from_mins(30))
    }

    /// cargo for the target. The arguments after the command follow `--target`.
    fn cargo(&self, flags: &str, args: &[&str]) -> Cmd {
        let (command, rest) = args.split_at(if args[0] == "nextest" { 2 } else { 1 });
        let cmd = self.program("cargo", &[command, &["--target", self.triple], rest].concat());
        if flags.is_empty() { cmd } else { cmd.env("RUSTFLAGS", flags).env("RUSTDOCFLAGS", flags) }
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned()).join("\n")
}

#[test]
fn cargos_commands_work() {
    for (name, triple, endian) in TARGETS {
        commands_work(&User::new(name, triple), name, endian, true);
    }
}

/// Builds the compiler first, unless it is there: see `compiler::`.
#[test]
fn cargos_commands_work_with_our_own_compiler() {
    for (name, triple, endian) in TARGETS {
        let user = User::with(name, triple, &["--compiler", "bootstrap"]);
        commands_work(&user, name, endian, false);
        let output = user.cargo("", &["clippy"]).output().unwrap();
        assert!(!output.finished.status.success() && text(&output).contains("Clippy must be built with the compiler"));
    }
}

/// Runs cargo's commands, `clippy` if the toolchain has it.
fn commands_work(user: &User, name: &str, endian: &str, has_clippy: bool) {
    let triple = user.triple;
    let architecture = triple.split('-').next().unwrap().replace("armv7", "arm");
    let runs = format!("{endian} 3 false [\"x y\"]");
    let speed = format!("speed of {architecture}");
    let commands: [(&[&str], &str); 16] = [
        (&["check", "--workspace", "--all-targets"], "Finished"),
        (&["clippy", "--workspace", "--", "-D", "warnings"], "Finished"),
        (&["doc", "--no-deps"], "Generated"),
        (&["build", "-p", "app"], "Finished"),
        (&["run", "-p", "app", "--", "x y"], &runs),
        (&["run", "-p", "app", "--profile", "thin", "--", "x y"], &runs),
        (&["run", "-p", "app", "--profile", "fat", "--", "x y"], &runs),
        (&["rustc", "-p", "app", "--lib", "--", "-Cdebuginfo=0"], "Finished"),
        (&["test", "-p", "app", "--lib"], "test tests::adds ... ok"),
        (&["test", "-p", "app", "--test", "integration"], "2 passed"),
        (&["test", "-p", "app", "--doc"], "add (line 5) ... ok"),
        (&["test", "-p", "app", "--doc"], "compile fail ... ok"),
        (&["bench", "-p", "app", "--bench", "speed"], &speed),
        (&["nextest", "run", "-p", "app"], "3 tests run: 3 passed"),
        (&["tree", "-p", "app"], "derive v0.1.0 (proc-macro)"),
        (&["install", "--path", "app", "--root", "installed"], "Installed package `app v0.1.0"),
    ];
    for (mode, flags) in MODES {
        for (args, expected) in commands.into_iter().filter(|(args, _)| has_clippy || args[0] != "clippy") {
            let output = user.cargo(flags, args).output().unwrap();
            let said = text(&output);
            assert!(output.finished.status.success() && said.contains(expected), "{name} {mode}: {args:?}\n{said}");
            println!("{name} {mode}: cargo {}: ok", args.join(" "));
        }
        let _ = fs_err::remove_dir_all(user.work.path().join("installed"));
    }
    // Rust and C code could be optimized together.
    let by_linker = ["run", "-q", "-p", "app", "--release", "--target-dir", "by-linker", "--", "x y"];
    assert_eq!(printed(&user.cargo("-Clinker-plugin-lto", &by_linker)).trim(), runs);
    // libstd.so is found, too.
    succeeds(&user.cargo("-Cprefer-dynamic", &["run", "-p", "app", "--target-dir", "shared"]));

    // Host and target at once, and what does not depend on a target.
    let host = std::env::consts::ARCH;
    let tool = printed(&user.program("cargo", &["run", "-q", "-p", "tool"]));
    assert_eq!(tool, format!("tool on {host}\n"));
    let host = printed(&Cmd::new(user.toolchain.join("bin/rustc")).args(["--print=host-tuple"]));
    succeeds(&user.program("cargo", &["build", "--workspace", "--target", triple, "--target", host.trim()]));
    succeeds(&user.program("cargo", &["fmt", "--all", "--check"]));
    let metadata = user.program("cargo", &["metadata", "--format-version=1", "--filter-platform", triple]);
    assert!(printed(&metadata).contains("\"derive\""));
}

#[test]
fn what_cannot_work_says_so() {
    let (name, triple, _) = TARGETS[0];
    let user = User::new(name, triple);
    let refused = |flags: &str, args: &[&str], expected: &str| {
        let output = user.cargo(flags, args).output().unwrap();
        let said = text(&output);
        assert!(!output.finished.status.success() && said.contains(expected), "{args:?}\n{said}");
        println!("{name}: cargo {} {flags}: {expected}", args.join(" "));
    };
    refused("", &["miri", "test"], "Miri requires a nightly compiler");
    refused("", &["build", "-Zbuild-std"], "std is a part of this toolchain");
    refused("-Zsanitizer=address", &["build"], "the option `Z` is only accepted on the nightly compiler");
    // The emulator that the user names goes first.
    let output =
        user.cargo("", &["run", "-p", "app"]).env("CARGO_TARGET_S390X_ALPINE_LINUX_MUSL_RUNNER", "/bin/echo mine");
    assert!(printed(&output).starts_with("mine target/"));
    write(user.work.path(), ".cargo/config.toml", &format!("[target.{triple}]\nrunner = ['/bin/echo', 'theirs']\n"));
    assert!(printed(&user.cargo("", &["run", "-p", "app"])).starts_with("theirs target/"));
}

#[test]
fn stable_stays_stable() {
    for (name, triple, _) in TARGETS {
        let user = User::new(name, triple);
        // What rustc says, for the host and for the target.
        let rustc = |target: Option<&str>, args: &[&str], env: &[(&str, &str)]| {
            let target: Vec<&str> = target.map_or_else(Vec::new, |triple| vec!["--target", triple]);
            let cmd = user.program("rustc", &[&target, args].concat());
            let output = env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)).output().unwrap();
            (output.finished.status.success(), text(&output).trim().to_owned())
        };
        let source = |text: &str| write(user.work.path(), "source.rs", text);
        let file = ["--crate-type=lib", "--edition=2024", "source.rs", "--emit=metadata"];
        let refused = [
            ("#![feature(never_type)]", "", "E0554"),
            // Stable since 1.88: the attribute alone is refused.
            ("#![feature(let_chains)]", "", "E0554"),
            ("#![cfg_attr(all(), feature(core_intrinsics))]", "", "E0554"),
            ("pub fn f() -> ! { core::intrinsics::abort() }", "", "use of unstable library feature `core_intrinsics`"),
            ("pub fn f(_: !) {}", "", "the `!` type is experimental"),
            // The message has the path of a file of std.
            ("pub fn f(a: Vec<u8>) { a + a; }", "", "/library/alloc/src/vec/mod.rs:"),
            ("#[cfg(target_thread_local)] pub fn f() {}", "", "E0658"),
            ("", "-Zls=root", "the option `Z` is only accepted on the nightly compiler"),
            ("", "-Zallow-features=never_type", "the option `Z` is only accepted on the nightly compiler"),
            ("", "--env-set=A=b", "the flag `env-set`"),
            ("", "--print=target-spec-json", "print option"),
            ("", "--emit=thin-link-bitcode", "thin-link-bitcode requested"),
            ("", "--extern=priv:x=y", "`--extern` options"),
            ("", "--edition=future", "the crate requires edition future"),
            ("", "-Csymbol-mangling-version=legacy", "requires `-Z unstable-options`"),
            ("", "-Cpanic=immediate-abort", "requires `-Zunstable-options`"),
            ("", "-Clinker-flavor=gnu-lld-cc", "is unstable"),
            ("", "-Clink-self-contained=+linker", "are stable"),
            ("", "-lstatic:+as-needed=x", "as-needed"),
            ("", "-lstatic:+unheard-of=x", "unheard-of"),
            ("", "-ldylib:+as-needed=x", "only accepted on the nightly compiler"),
            ("", "-llink-arg=x", "only accepted on the nightly compiler"),
            ("", "--error-format=human-unicode", "is unstable"),
            ("", "--remap-path-scope=documentation", "documentation"),
        ];
        for (program, option, expected) in refused {
            source(program);
            let has_edition = option.starts_with("--edition");
            let wanted = |word: &&str| !(has_edition && word.starts_with("--edition"));
            let option = Some(option).filter(|option| !option.is_empty());
            let args: Vec<&str> = file.into_iter().filter(wanted).chain(option).collect();
            let on_host = rustc(None, &args, &[]);
            let on_target = rustc(Some(triple), &args, &[]);
            assert!(!on_target.0 && on_target.1.contains(expected), "{program}{option:?}\n{}", on_target.1);
            assert_eq!(on_host, on_target, "{program}{option:?}");
        }
        // What the compiler accepts is the same, and nothing shows that it was told more.
        source(
            "#[unsafe(no_mangle)] pub fn g() { f() }\n#[inline(never)] pub fn f() { let _: [u8; N] = [0; 1]; }\n\
                const N: usize = if option_env!(\"RUSTC_BOOTSTRAP\").is_none() && option_env!(\"LD_PRELOAD\").is_none() { 1 } else { 2 };",
        );
        let plain = ["--crate-type=lib", "source.rs", "--emit=obj", "-o", "source.o", "-Ccodegen-units=1"];
        // In the old way or in the new one: the version decides.
        let mangled = |target: Option<&str>| {
            assert_eq!(rustc(target, &plain, &[]), (true, String::new()));
            let object = fs_err::read(user.work.path().join("source.o")).unwrap();
            let has = |name: &[u8]| object.windows(name.len()).any(|bytes| bytes == name);
            (has(b"_ZN6source"), has(b"_RNvC"))
        };
        let on_target = mangled(Some(triple));
        assert_eq!(on_target, mangled(None), "what mangles names depends on the target");
        assert!(on_target.0 != on_target.1, "{on_target:?}");
        let (_, cfg) = rustc(Some(triple), &["--print=cfg"], &[]);
        for gated in ["overflow_checks", "relocation_model", "target_thread_local", "ub_checks", "\"thumb-mode\""] {
            assert!(!cfg.contains(gated), "{gated}");
        }
        // What the linker and others that the compiler starts see.
        source("fn main() {}");
        write(user.work.path(), "linker", "#!/bin/sh\nexport -p | grep -E 'RUSTC_BOOTSTRAP|LD_PRELOAD'; exit 3\n");
        succeeds(&Cmd::new("chmod").args(["755"]).arg(user.work.path().join("linker")));
        let (ended, said) = rustc(Some(triple), &["source.rs", "-Clinker=./linker"], &[]);
        assert!(!ended && !said.contains("RUSTC_BOOTSTRAP") && !said.contains("take_spec"), "{said}");
        // Who asks for it gets it.
        let features = ["--crate-type=lib", "probe.rs", "--emit=metadata"];
        assert!(!rustc(Some(triple), &features, &[]).0);
        assert!(rustc(Some(triple), &features, &[("RUSTC_BOOTSTRAP", "1")]).0);
        assert!(
            rustc(Some(triple), &[&features[..], &["--crate-name=one"]].concat(), &[("RUSTC_BOOTSTRAP", "two,one")]).0
        );
        assert!(
            !rustc(Some(triple), &[&features[..], &["--crate-name=one"]].concat(), &[("RUSTC_BOOTSTRAP", "two")]).0
        );
        assert!(!rustc(Some(triple), &features, &[("RUSTC_BOOTSTRAP", "-1")]).0);

        other_programs_stay_stable(&user, triple);
    }
}

/// rustdoc and Clippy's driver.
fn other_programs_stay_stable(user: &User, triple: &str) {
    write(user.work.path(), "source.rs", "//! Text.\n#![feature(never_type)]");
    for (program, args) in [("rustdoc", &["source.rs"][..]), ("clippy-driver", &["source.rs", "--crate-type=lib"])] {
        let output = user.program(program, &[&["--target", triple], args].concat()).output().unwrap();
        assert!(!output.finished.status.success() && text(&output).contains("E0554"), "{program}: {}", text(&output));
    }
    write(user.work.path(), "source.rs", "//! Text.");
    for option in ["-Zunstable-options", "--show-coverage", "--output-format=json", "--test-builder=x"] {
        let output = user.program("rustdoc", &["--target", triple, "source.rs", option]).output().unwrap();
        let said = text(&output);
        let refused = ["unstable-options", "only accepted on the nightly compiler"];
        assert!(
            !output.finished.status.success() && refused.iter().any(|words| said.contains(words)),
            "{option}: {said}"
        );
    }
}

/// Crates whose build scripts try out the compiler. What they find depends on it, and not on the target.
const PROBES: &str = "[package]\nname = 'probes'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n[dependencies]\nanyhow = '=1.0.100'\n\
    eyre = '=0.6.12'\nnum-traits = '=0.2.19'\nproc-macro2 = '=1.0.103'\nrustversion = '=1.0.22'\nthiserror = '=2.0.17'\n\
    zerocopy = '=0.8.27'\n";

#[test]
fn build_scripts_find_the_same_compiler() {
    let (name, triple, _) = TARGETS[0];
    let user = User::new(name, triple);
    write(user.work.path(), "probes/Cargo.toml", PROBES);
    write(
        user.work.path(),
        "probes/src/main.rs",
        "#[rustversion::stable]\nfn main() {\n    println!(\"stable\");\n}\n",
    );
    let manifest = ["--manifest-path", "probes/Cargo.toml", "-q"];
    assert_eq!(printed(&user.program("cargo", &[&["run"], &manifest[..]].concat())), "stable\n");
    assert_eq!(printed(&user.cargo("", &[&["run"], &manifest[..]].concat())), "stable\n");
    let found = |folder: &str| {
        let mut found = BTreeSet::new();
        for entry in fs_err::read_dir(user.work.path().join("probes/target").join(folder).join("debug/build")).unwrap()
        {
            let path = entry.unwrap().path();
            let said = fs_err::read_to_string(path.join("output")).unwrap_or_default();
            let name = path.file_name().unwrap().to_str().unwrap().rsplit_once('-').unwrap().0.to_owned();
            let cfgs = said.lines().filter(|line| line.contains("rustc-cfg"));
            found.extend(cfgs.map(|line| format!("{name} {}", line.rsplit('=').next().unwrap())));
        }
        found
    };
    let (host, target) = (found(""), found(triple));
    println!("{target:?}");
    assert!(target.contains("proc-macro2 wrap_proc_macro"), "{target:?}");
    assert!(target.is_subset(&host), "the target's alone: {:?}", target.difference(&host));
}
