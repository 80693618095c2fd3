//! That the scripts start a compiler as they should. The compiler is fake: it prints its arguments and environment.

use std::path::PathBuf;

use bringup_runner::exec::{Cmd, Output};
use tempfile::TempDir;

use super::{Wrapped, spec_file};
use crate::build::step::tests::write_script;
use crate::host::survey::Rust;
use crate::source::fetch::INSTALLED_MANIFEST;

const TRIPLE: &str = "fake-alpine-linux-musl";
const HERE: &str = "here=$(cd \"${0%/*}/..\" && pwd -P)\n";

/// Notes each start, rejects options with `unstable` in them, and otherwise prints what it got.
const COMPILER: &str = "#!/bin/sh\n\
    echo \"${0##*/} $*\" >>\"${0%/*}/starts\"\n\
    case \" $* \" in *' -Whelp '*) case $* in *unstable*) echo 'error: only on nightly' >&2 && exit 1 ;; esac && exit ;; esac\n\
    printf '<%s>' \"$@\"\n\
    echo \" preload=${LD_PRELOAD-none} bootstrap=${RUSTC_BOOTSTRAP-none}\"\n";

struct Toolchain {
    base: TempDir,
    here: PathBuf,
}

impl Toolchain {
    fn new(name: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        let here = base.path().canonicalize().unwrap().join(name);
        fs_err::create_dir_all(here.join("bin")).unwrap();
        let toolchain = Self { base, here };
        fs_err::create_dir_all(toolchain.rust().bin("rustc").parent().unwrap()).unwrap();
        for program in Wrapped::ALL {
            write_script(&toolchain.rust().bin(program.name()), COMPILER);
            let script = program.script(HERE, TRIPLE, &toolchain.rust());
            write_script(&toolchain.here.join("bin").join(program.name()), &script);
        }
        toolchain
    }

    fn rust(&self) -> Rust {
        let text = || "1.95.0".to_owned();
        Rust { sysroot: self.base.path().join("stock"), release: text(), commit: text(), triple: text() }
    }

    fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let cmd = Cmd::new(self.here.join("bin").join(program)).args(args).dir(self.base.path());
        env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)).output().unwrap()
    }

    /// What the compiler prints, with the toolchain's folder as `HERE`.
    fn prints(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> String {
        let output = self.run(program, args, env);
        assert!(output.finished.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().replace(self.here.to_str().unwrap(), "HERE").trim().to_owned()
    }

    /// The starts of compilers since the last call.
    fn starts(&self) -> Vec<String> {
        let file = self.rust().bin("starts");
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let _ = fs_err::remove_file(file);
        text.lines().map(|line| line.replace(self.here.to_str().unwrap(), "HERE")).collect()
    }
}

/// The spec's path, as [`Toolchain::prints`] shows it.
fn spec() -> String {
    format!("HERE/lib/rustlib/{TRIPLE}/{}", spec_file(TRIPLE))
}

const PRELOADED: &str = "preload=HERE/lib/bringup/take_spec.so";

#[test]
fn the_host_gets_the_stock_compiler() {
    let toolchain = Toolchain::new("toolchain");
    let prints = |args: &[&str]| toolchain.prints("rustc", args, &[]);
    assert_eq!(prints(&["a.rs"]), "<--sysroot><HERE><a.rs> preload=none bootstrap=none");
    assert_eq!(prints(&["--sysroot", "/x", "-Zunstable"]), "<--sysroot></x><-Zunstable> preload=none bootstrap=none");
    assert_eq!(prints(&["--target=other"]), "<--sysroot><HERE><--target=other> preload=none bootstrap=none");
    assert_eq!(toolchain.starts().len(), 3);
}

#[test]
fn the_target_gets_its_spec_from_a_stable_compiler() {
    let toolchain = Toolchain::new("toolchain");
    let file = toolchain.base.path().join("args");
    fs_err::write(&file, format!("--target\n{TRIPLE}\n-Zunstable-options\na b.rs")).unwrap();
    let file = format!("@{}", file.display());
    let joined = format!("--target={TRIPLE}");
    for args in [&["--target", TRIPLE, "a b.rs"][..], &[&joined, "a b.rs"], &[&file]] {
        let expected =
            format!("<--sysroot><HERE><-Zunstable-options><--target={}><a b.rs> {PRELOADED} bootstrap=none", spec());
        assert_eq!(toolchain.prints("rustc", args, &[]), expected, "{args:?}");
    }
    assert_eq!(toolchain.starts().len(), 3);

    // As rustdoc passes it on.
    let path = spec().replace("HERE", toolchain.here.to_str().unwrap());
    let printed = toolchain.prints("rustc", &["--target", &path], &[("LD_PRELOAD", "/other.so")]);
    assert!(printed.ends_with(&format!("<--target={}> {PRELOADED}:/other.so bootstrap=none", spec())), "{printed}");

    let printed = toolchain.prints("rustdoc", &["--target", TRIPLE], &[]);
    assert!(printed.contains("<-Zunstable-options><--test-builder><HERE/bin/rustc><--target="), "{printed}");
    let printed = toolchain.prints("clippy-driver", &["/x/rustc", "--target", TRIPLE], &[]);
    assert!(printed.starts_with("</x/rustc><--sysroot><HERE><-Zunstable-options>"), "{printed}");
}

#[test]
fn what_builds_use_costs_no_second_start() {
    let toolchain = Toolchain::new("toolchain");
    let usual = "--crate-name a --edition=2024 src/lib.rs --error-format=json \
        --json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib --emit=dep-info,metadata,link \
        -C opt-level=3 -C embed-bitcode=no -C debuginfo=2 --cfg feature=\"x\" --check-cfg cfg(docsrs,test) \
        -C metadata=0 -C extra-filename=-0 --out-dir /x -L dependency=/x --extern a=/x/liba.rmeta --cap-lints allow \
        -C target-cpu=z13 -C link-arg=-Wl,-O1 -C lto=thin -Dwarnings -l static=z -lgcc -C incremental=/x -C strip=debuginfo \
        - --print=file-names --print=sysroot --print=split-debuginfo --print=crate-name --print=cfg -Wwarnings --test";
    let args: Vec<&str> = usual.split_whitespace().chain(["--target", TRIPLE]).collect();
    toolchain.prints("rustc", &args, &[]);
    toolchain.prints("clippy-driver", &args, &[]);
    let documenting = "--edition=2024 --crate-type lib --crate-name a src/lib.rs -o /x --cfg x --check-cfg x \
        --error-format=json --json=diagnostic-rendered-ansi -C metadata=0 -L dependency=/x --extern a=/x --crate-version \
        1.0 --test --test-run-directory /x --test-runtool run --test-runtool-arg x --test-args y --color never";
    let args: Vec<&str> = documenting.split_whitespace().chain(["--target", TRIPLE]).collect();
    toolchain.prints("rustdoc", &args, &[]);
    assert_eq!(toolchain.starts().len(), 3);
}

#[test]
fn the_installed_compiler_judges_unusual_options() {
    let toolchain = Toolchain::new("toolchain");
    for (program, judge) in [("rustc", "rustc"), ("clippy-driver", "rustc"), ("rustdoc", "rustdoc")] {
        let refused = toolchain.run(program, &["--target", TRIPLE, "--test", "-Z", "unstable"], &[]);
        assert_eq!(refused.finished.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&refused.stderr), "error: only on nightly\n");
        assert_eq!(toolchain.starts(), [format!("{judge} -Z unstable -Whelp")], "{program} does not start after that");
    }
    let unusual = [
        "-Zx",
        "-Clinker-flavor=x",
        "-Clink-self-contained=x",
        "-Csymbol-mangling-version=x",
        "-Cpanic=immediate-abort",
        "-lstatic:+x=y",
        "-llink-arg=x",
        "--codegen=x",
        "--edition=future",
        "--emit=thin-link-bitcode",
        "--env-set=x",
        "--error-format=human-unicode",
        "--extern=priv:x",
        "--json=timings",
        "--print=target-spec-json",
        "--remap-path-scope=documentation",
        "--unheard-of",
    ];
    for option in unusual {
        toolchain.prints("rustc", &["--target", TRIPLE, option], &[]);
        let starts = toolchain.starts();
        assert_eq!((starts.len(), &starts[0]), (2, &format!("rustc {option} -Whelp")), "{option}");
    }
}

#[test]
fn who_sets_the_variable_gets_what_it_permits() {
    let toolchain = Toolchain::new("toolchain");
    let args = ["--target", TRIPLE, "-Zunstable"];
    let all = toolchain.prints("rustc", &args, &[("RUSTC_BOOTSTRAP", "1")]);
    assert!(all.ends_with("<-Zunstable> preload=none bootstrap=1"), "{all}");
    assert_eq!(toolchain.starts().len(), 1);
    // The compiler knows which crates these are.
    let some = toolchain.prints("rustc", &args[..2], &[("RUSTC_BOOTSTRAP", "a,b")]);
    assert!(some.ends_with(&format!("{PRELOADED} bootstrap=a,b")), "{some}");
}

#[test]
fn the_folder_may_have_a_blank_in_its_path() {
    let toolchain = Toolchain::new("tool chain");
    fs_err::create_dir_all(toolchain.here.join("lib/bringup")).unwrap();
    fs_err::write(toolchain.here.join("lib/bringup/take_spec.so"), "").unwrap();
    let printed = toolchain.prints("rustc", &["--target", TRIPLE], &[("LD_PRELOAD", "/other.so")]);
    assert!(printed.contains(" preload=/proc/self/fd/") && printed.contains(":/other.so bootstrap=none"), "{printed}");
}

#[test]
fn what_is_missing_is_named() {
    let toolchain = Toolchain::new("toolchain");
    fs_err::remove_file(toolchain.rust().bin("clippy-driver")).unwrap();
    // A script is made where rustup has installed the toolchain, or where it was fetched.
    let manifest = toolchain.rust().sysroot.join(INSTALLED_MANIFEST);
    for (manifest_is_there, hint) in [
        (false, "hint: Rust 1.95.0 was fetched without clippy"),
        (true, "hint: rustup component add clippy --toolchain stock"),
    ] {
        if manifest_is_there {
            fs_err::create_dir_all(manifest.parent().unwrap()).unwrap();
            fs_err::write(&manifest, "").unwrap();
        }
        let script = Wrapped::ClippyDriver.script(HERE, TRIPLE, &toolchain.rust());
        write_script(&toolchain.here.join("bin/clippy-driver"), &script);
        let output = toolchain.run("clippy-driver", &["rustc"], &[]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.finished.status.code(), Some(127));
        assert!(text.contains("no clippy-driver") && text.contains(hint), "{text}");
    }
}
