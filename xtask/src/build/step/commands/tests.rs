//! That cargo and the runner start as they should.

use std::path::PathBuf;

use bringup_model::target::{Target, TargetFile};
use bringup_runner::exec::{Cmd, Output};
use tempfile::TempDir;

use super::{RunnerScript, cargo_lines, has_settings, keep_settings, kept_settings, refusals, scripts, settings};
use crate::build::step::tests::write_script;
use crate::host::survey::Rust;

const TRIPLE: &str = "fake-alpine-linux-musl";
const HERE: &str = "here=$(cd \"${0%/*}/..\" && pwd -P)\n";
const VARIABLE: &str = "CARGO_TARGET_FAKE_ALPINE_LINUX_MUSL_RUNNER";

fn target() -> Target {
    let text = "triple = 'fake-alpine-linux-musl'\nbaseline.text = 'any'\nbaseline.has.x.c = ['__X__']\nspec.base = 'x'\nc.target = 'x'\n\
        [musl]\narch = 'x'\nloader = '/lib/ld-fake.so.1'\n[linux]\narch = 'x'\nmachine = 'x'\n[elf]\nmachine = 'X86_64'\nclass = 64\nendian = 'little'\n\
        [qemu]\nemulator = 'fake'\ncpu = 'old one'\nenv.QEMU_X = \"it's\"\n";
    toml::from_str::<TargetFile>(text).unwrap().validate("fake").unwrap()
}

/// A folder with a user's project, home and tools.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for folder in ["out/toolchain/one/bin", "home/.cargo", "project/inner/.cargo", "tools"] {
            fs_err::create_dir_all(place.path(folder)).unwrap();
        }
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(path)
    }

    fn script(&self, path: &str, text: &str) {
        write_script(&self.path(path), text);
    }

    fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("tools").display());
        let cmd = Cmd::new(self.path(program)).args(args).dir(self.path("project/inner"));
        let cmd = cmd.env("PATH", path).env("HOME", self.path("home"));
        env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)).output().unwrap()
    }

    fn prints(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> String {
        let output = self.run(program, args, env);
        assert!(output.finished.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().replace(self.path("").to_str().unwrap(), "BASE/")
    }
}

#[test]
fn cargo_gets_our_runner_unless_the_user_has_one() {
    let place = Place::new();
    let cargo = "out/toolchain/one/bin/cargo";
    let end = format!("echo \"${{{VARIABLE}-none}}\"\n");
    place.script(cargo, &format!("#!/bin/sh\n{}{}{end}", HERE, cargo_lines(["other-triple", TRIPLE])));
    let ours = "fake-alpine-linux-musl-run";
    assert_eq!(place.prints(cargo, &["test"], &[]), ours);
    assert_eq!(place.prints(cargo, &["test"], &[(VARIABLE, "")]), "");
    assert_eq!(place.prints(cargo, &["test"], &[(VARIABLE, "mine")]), "mine");

    let own = [
        "[target.fake-alpine-linux-musl]\nlinker = 'x'\nrunner = 'mine'",
        "[target]\nfake-alpine-linux-musl = { runner = 'mine' }",
        "target.\"fake-alpine-linux-musl\".runner = ['mine', '-x']",
        "[build]\njobs = 1\n  [target.'cfg(unix)']\n  runner = 'mine'",
    ];
    let others = [
        "[target.fake-alpine-linux-musl]\nlinker = 'x'\n[target.other]\nrunner = 'mine'",
        "[target.fake-alpine-linux-musl]\n# runner = 'mine'",
        "[alias]\nrunner = 'run'",
    ];
    for file in ["project/inner/.cargo/config.toml", "home/.cargo/config.toml", "home/.cargo/config"] {
        for (texts, expected) in [(&own[..], "none"), (&others[..], ours)] {
            for text in texts {
                fs_err::write(place.path(file), text).unwrap();
                assert_eq!(place.prints(cargo, &["test"], &[]), expected, "{file}:\n{text}");
            }
        }
        fs_err::remove_file(place.path(file)).unwrap();
    }
}

#[test]
fn cargo_finds_the_programs_of_its_folder() {
    let place = Place::new();
    let cargo = "out/toolchain/one/bin/cargo";
    let end = "echo \"$PATH $RUSTC_WORKSPACE_WRAPPER\"\n";
    place.script(cargo, &format!("#!/bin/sh\n{}{}{end}", HERE, cargo_lines(["other-triple", TRIPLE])));
    let printed = place.prints(cargo, &["check"], &[("RUSTC_WORKSPACE_WRAPPER", "/stock/bin/clippy-driver")]);
    let bin = "BASE/out/toolchain/one/bin";
    assert_eq!(printed, format!("{bin}:BASE/tools:/usr/bin:/bin:BASE/home/.cargo/bin {bin}/clippy-driver"));
    let printed = place.prints(cargo, &["check"], &[("RUSTC_WORKSPACE_WRAPPER", "mine"), ("CARGO_HOME", "/cargo")]);
    assert!(printed.ends_with(":/cargo/bin mine"), "{printed}");

    for args in [&["build", "-Zbuild-std"][..], &["-Z", "build-std=core", "build"]] {
        let refused = place.run(cargo, args, &[]);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            refused.finished.status.code() == Some(1) && text.contains("std is a part of this toolchain"),
            "{text}"
        );
    }
}

#[test]
fn commands_that_cannot_work_say_why() {
    let place = Place::new();
    let text = || "1.95.0".to_owned();
    let rust = Rust { sysroot: place.path("stable-x"), release: text(), commit: text(), triple: text() };
    fs_err::create_dir_all(place.path("stable-x/lib/rustlib")).unwrap();
    place.script("stable-x/lib/rustlib/multirust-channel-manifest.toml", "");
    let refused = |name: &str, text: &str| {
        place.script("program", text);
        let output = place.run("program", &[], &[]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.finished.status.success() && text.contains("\nhint: "), "{name}: {text}");
        text
    };
    let of = |stock: bool| scripts(HERE, &rust, stock).into_iter().chain(refusals()).collect::<Vec<_>>();
    for (name, script) in of(true).into_iter().chain(of(false)) {
        let text = refused(&name, &script);
        let expected = match &*name {
            "cargo-miri" => "nightly",
            "cargo-clippy" => "lippy",
            _ => "hint: rustup component add rustfmt --toolchain stable-x",
        };
        assert!(text.contains(expected), "{name}: {text}");
    }
    // What is there is started.
    fs_err::create_dir_all(place.path("stable-x/bin")).unwrap();
    place.script("stable-x/bin/cargo-clippy", "#!/bin/sh\necho \"$CARGO $*\"\n");
    let (_, script) = scripts(HERE, &rust, true).into_iter().find(|(name, _)| name == "cargo-clippy").unwrap();
    place.script("out/toolchain/one/bin/cargo-clippy", &script);
    let printed = place.prints("out/toolchain/one/bin/cargo-clippy", &["clippy", "-x"], &[]);
    assert_eq!(printed, "BASE/out/toolchain/one/bin/cargo clippy -x");
}

#[test]
fn the_runner_starts_the_emulator_that_bringup_uses() {
    let place = Place::new();
    let target = target();
    let script = |host: &str, settings: &str| {
        RunnerScript { target: &target, host, here: HERE, sysroot: "sysroot", settings }.text()
    };
    let run = "out/toolchain/one/bin/run";
    place.script(run, &script("other-unknown-linux-gnu", &kept_settings(TRIPLE)));

    let missing = place.run(run, &["/x/program"], &[]);
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(missing.finished.status.code() == Some(127) && text.contains("running /x/program: the emulator qemu-fake"));
    assert!(text.contains("hint: install QEMU") && text.contains(VARIABLE), "{text}");

    let emulator = "#!/bin/sh\necho \"${0##*/} $* $QEMU_X $LD_LIBRARY_PATH\"\n";
    place.script("tools/qemu-fake-static", emulator);
    let start = "-L BASE/out/toolchain/one/sysroot";
    let libraries = "BASE/out/toolchain/one/lib/rustlib/fake-alpine-linux-musl/lib";
    let printed = place.prints(run, &["program", "a b"], &[("LD_LIBRARY_PATH", "/x")]);
    assert_eq!(printed, format!("qemu-fake-static {start} program a b  {libraries}:/x"));

    place.script("our qemu", emulator);
    assert!(!has_settings(&place.path("out"), &target));
    keep_settings(&place.path("out"), &target, &place.path("our qemu")).unwrap();
    let ours = format!("our qemu {start} -cpu old one program it's {libraries}");
    assert_eq!(place.prints(run, &["program"], &[]), ours);
    // An emulator that has gone.
    fs_err::remove_file(place.path("our qemu")).unwrap();
    assert_eq!(
        place.prints(run, &["program"], &[]),
        format!("qemu-fake-static {start} -cpu old one program it's {libraries}")
    );

    place.script("q", emulator);
    keep_settings(&place.path("out"), &target, &place.path("q")).unwrap();
    assert!(has_settings(&place.path("out"), &target));
    fs_err::remove_file(place.path("q")).unwrap();
    assert!(!has_settings(&place.path("out"), &target));

    // In a distribution, the settings are in the script.
    place.script(run, &script("other-unknown-linux-gnu", &settings(&target, None)));
    assert_eq!(
        place.prints(run, &["program"], &[]),
        format!("qemu-fake-static {start} -cpu old one program it's {libraries}")
    );
}

#[test]
fn the_processor_runs_its_own_programs_without_an_emulator() {
    let place = Place::new();
    let target = target();
    let script = RunnerScript { target: &target, host: "fake-x", here: HERE, sysroot: "sysroot", settings: "" };
    let run = "out/toolchain/one/bin/run";
    place.script(run, &script.text());
    place.script("static", "#!/bin/sh\necho static $*\n");
    place.script("dynamic", "#!/bin/sh\n# /lib/ld-fake.so.1\necho dynamic $*\n");
    fs_err::create_dir_all(place.path("out/toolchain/one/sysroot/lib")).unwrap();
    place.script("out/toolchain/one/sysroot/lib/ld-fake.so.1", "#!/bin/sh\necho \"loader ${1##*/} $2\"\n");
    let program = |name: &str| place.path(name).to_str().unwrap().to_owned();
    assert_eq!(place.prints(run, &[&program("static"), "x"], &[]), "static x");
    assert_eq!(place.prints(run, &[&program("dynamic"), "x"], &[]), "loader dynamic x");
}
