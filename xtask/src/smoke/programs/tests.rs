//! A fake toolchain of shell scripts. Its cargo "builds" shell scripts, which the runner starts directly.

use std::fmt::Write as _;

use bringup_model::target::{Target, TargetFile};
use bringup_runner::jobs::Jobs;

use super::*;

struct Fixture {
    root: tempfile::TempDir,
    target: Target,
}

impl Fixture {
    /// Sources that expect `programs` to print the lines given, and `hello` beside them.
    fn new(programs: &[(&str, &str)]) -> Self {
        let root = tempfile::Builder::new().prefix("smoke ü ").tempdir().unwrap();
        for folder in ["sources/programs/src/bin", "sources/dynamic/src/bin", "toolchain/bin"] {
            fs_err::create_dir_all(root.path().join(folder)).unwrap();
        }
        for (name, expected) in programs.iter().chain(&[("hello", "hello\n")]) {
            let file = root.path().join("sources/programs/src/bin").join(name).with_extension("out");
            fs_err::write(file, expected).unwrap();
        }
        let file: TargetFile = toml::from_str(include_str!("../../../../targets/s390x/target.toml")).unwrap();
        Self { root, target: file.validate("s390x").unwrap() }
    }

    /// Written by a child: a file that another thread's child still holds open for writing cannot be started.
    fn tool(&self, name: &str, script: &str) {
        let file = self.root.path().join("toolchain/bin").join(name);
        let write = r#"printf '#!/bin/sh\n%s' "$2" >"$1" && chmod +x "$1""#;
        Cmd::new("sh").args(["-c", write, "sh"]).arg(file).arg(script).read().unwrap();
    }

    /// Writes a cargo that makes a program of each pair of name and body.
    fn cargo(&self, programs: &[(&str, &str)]) {
        let mut script = String::from(
            "while [ $# -gt 0 ]; do [ \"$1\" = --target-dir ] && out=$2; [ \"$1\" = --target ] && triple=$2; shift; done\n\
             mkdir -p \"$out/$triple/release\"; cd \"$out/$triple/release\"\n\
             make() { { echo '#!/bin/sh'; echo \"$2\"; } >\"$1\"; chmod +x \"$1\"; }\n",
        );
        for (name, body) in programs {
            writeln!(script, "make {name} '{body}'").unwrap();
        }
        self.tool("cargo", &script);
    }

    fn run(&self) -> Vec<SmokeCheck> {
        let path = |name: &str| self.root.path().join(name);
        let smoke = Smoke {
            sources: &path("sources"),
            toolchain: &path("toolchain"),
            target: &self.target,
            runner: &|program, _| Ok(Cmd::new(program)),
            cargo_home: &path("cargo-home"),
            offline: true,
            libc: &[],
            work: &path("work"),
            log: &path("log"),
            forbidden: &[],
            jobs: &Jobs::new(1, 0, |_| ()).unwrap(),
        };
        Link::ALL.into_iter().flat_map(|link| smoke.run(link).unwrap().checks).collect()
    }
}

fn find<'a>(checks: &'a [SmokeCheck], name: &str) -> &'a SmokeCheck {
    checks.iter().find(|check| check.check == name).unwrap_or_else(|| panic!("no {name} in {checks:#?}"))
}

#[test]
fn what_a_program_does_decides() {
    let names = ["crash", "good", "missing", "status", "wrong"];
    let fixture = Fixture::new(&names.map(|name| (name, "one\ntwo\n")));
    fixture.cargo(&[
        ("crash", "echo one; kill -SEGV $$"),
        ("good", "echo one; echo two"),
        ("status", "echo one; echo two; echo it broke >&2; exit 3"),
        ("wrong", "echo one; echo three; echo four"),
    ]);
    let checks = fixture.run();
    for link in ["dynamic", "static"] {
        let check = |name: &str| find(&checks, &format!("{link}/{name}"));
        assert_eq!(check("build").outcome, Outcome::Pass);
        assert_eq!((check("good").outcome, check("good").detail.as_str()), (Outcome::Pass, ""));
        for name in ["crash", "missing", "status", "wrong"] {
            assert_eq!(check(name).outcome, Outcome::Fail, "{name}");
        }
        assert_eq!(check("crash").detail, "it was killed by SIGSEGV\n  | one");
        assert_eq!(check("missing").detail, "it was not built");
        assert_eq!(check("status").detail, "it exited with status 3\n  | one\n  | two\n  | it broke");
        assert_eq!(check("wrong").detail, "line 2: expected `two`, printed `three`\n  | one\n  | three\n  | four");
        assert!(check("good elf").detail.starts_with("not a readable ELF file"), "{}", check("good elf").detail);
        assert_eq!(check("missing elf").outcome, Outcome::Fail);
    }
}

#[test]
fn a_toolchain_that_builds_nothing_fails_every_check_of_a_good_one() {
    let fixture = Fixture::new(&[]);
    fixture.cargo(&[("hello", "echo hello")]);
    fixture.tool("rustc", "echo no such option >&2; exit 1");
    let names = |checks: &[SmokeCheck]| checks.iter().map(|check| check.check.clone()).collect::<Vec<_>>();
    let good = fixture.run();
    assert_eq!(
        names(&good),
        [
            "dynamic/build",
            "dynamic/hello",
            "dynamic/hello elf",
            "dynamic/libplugin.so elf",
            "dynamic/hello-prefer-dynamic",
            "dynamic/hello-prefer-dynamic elf",
            "dynamic/libstd.so elf",
            "dynamic/libc.so elf",
            "static/build",
            "static/hello",
            "static/hello elf",
        ]
    );
    assert_eq!(find(&good, "dynamic/hello-prefer-dynamic").detail, "it exited with status 1\n  | no such option");

    fixture.tool("cargo", "echo error: no linker >&2; exit 101");
    let failing = fixture.run();
    assert_eq!(names(&failing), names(&good));
    assert!(failing.iter().all(|check| check.outcome == Outcome::Fail), "{failing:#?}");
    assert_eq!(find(&failing, "static/build").detail, "it exited with status 101\n  | error: no linker");

    fs_err::remove_dir_all(fixture.root.path().join("toolchain")).unwrap();
    let none = fixture.run();
    assert_eq!(names(&none), names(&good));
    assert!(none.iter().all(|check| check.outcome == Outcome::Fail), "{none:#?}");
    assert!(find(&none, "dynamic/build").detail.contains("starting `"), "{}", find(&none, "dynamic/build").detail);
}

#[test]
fn every_link_mode_is_asked_for_in_so_many_words() {
    let fixture = Fixture::new(&[]);
    fixture.tool("cargo", "printf '%s' \"$CARGO_ENCODED_RUSTFLAGS $CARGO_HOME $*\"; exit 1");
    let checks = fixture.run();
    for (link, flag, package) in [("dynamic", "-crt-static\x1f", "plugin"), ("static", "+crt-static\x1f", "programs")] {
        let detail = &find(&checks, &format!("{link}/build")).detail;
        let package = format!("--package {package}");
        for part in [flag, "=/smoke ", "/cargo-home ", "--locked", "--offline", &package] {
            assert!(detail.contains(part), "no `{part}` in {detail}");
        }
    }
    assert!(!find(&checks, "static/build").detail.contains("plugin"));
}

#[test]
fn only_lines_that_differ_are_told() {
    let output = |printed: &str| Cmd::new("printf").args(["%s", printed]).output().unwrap();
    assert_eq!(judge(&output("a\nb\n"), "a\nb\n"), None);
    let missing = judge(&output("a\n"), "a\nb\n").unwrap();
    assert!(missing.starts_with("line 2: expected `b`, printed nothing"), "{missing}");
    let end = judge(&output("a"), "a\n").unwrap();
    assert!(end.starts_with("the final newline"), "{end}");
}
