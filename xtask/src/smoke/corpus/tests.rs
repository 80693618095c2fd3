//! Corpora of shell scripts: the fake compiler "builds" a script from its source.

use bringup_model::target::TargetFile;
use bringup_runner::jobs::Jobs;

use super::*;

struct Fixture {
    root: tempfile::TempDir,
    target: Target,
}

/// Makes of a source its text behind `#!/bin/sh`, unless the source says `fail`. `features/NAME.c` must be empty.
const COMPILER: &str = r#"flags="$*"
while [ $# -gt 0 ]; do
    case $1 in
    -o) out=$2; shift ;;
    *.c) sources="$sources $1" ;;
    esac
    shift
done
if grep -h fail $sources >&2; then exit 1; fi
{ echo '#!/bin/sh'; echo "flags='$flags'"; cat $sources; } >"$out"
chmod +x "$out"
"#;

impl Fixture {
    /// A corpus of these files, and a target with this `[corpus]`.
    fn new(files: &[(&str, &str)], settings: &str) -> Self {
        // The fake compiler does not quote.
        let root = tempfile::Builder::new().prefix("corpus-").tempdir().unwrap();
        for folder in ["sources/corpus/features", "toolchain/bin"] {
            fs_err::create_dir_all(root.path().join(folder)).unwrap();
        }
        for (name, text) in files {
            let file = root.path().join("sources/corpus").join(name);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }
        let target = include_str!("../../../../targets/s390x/target.toml");
        let target = format!("{}\n{settings}", target.split("[corpus").next().unwrap());
        let file: TargetFile = toml::from_str(&target).unwrap();
        let target = file.validate("s390x").unwrap();
        // Written by a child: a file that another thread's child still holds open for writing cannot be started.
        let write = r#"printf '#!/bin/sh\n%s' "$2" >"$1" && chmod +x "$1""#;
        let driver = root.path().join("toolchain/bin").join(target.driver());
        Cmd::new("sh").args(["-c", write, "sh"]).arg(driver).arg(COMPILER).read().unwrap();
        Self { root, target }
    }

    fn run(&self, link: Link) -> Result<Vec<SmokeCheck>> {
        let path = |name: &str| self.root.path().join(name);
        fs_err::create_dir_all(path("work")).unwrap();
        let smoke = Smoke {
            sources: &path("sources"),
            toolchain: &path("toolchain"),
            target: &self.target,
            // The compiler's scripts are started by name, for the reason above.
            runner: &|program, libraries| {
                let libraries = libraries.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>();
                Ok(Cmd::new("sh").arg(program).args(libraries))
            },
            cargo_home: &path("cargo-home"),
            offline: true,
            libc: &[],
            work: &path("work"),
            log: &path("log"),
            forbidden: &[],
            jobs: &Jobs::new(2, 0, |_| ()).unwrap(),
        };
        Ok(CorpusMode { smoke: &smoke, link, folder: &path("work/corpus") }.run()?.checks)
    }

    fn checks(&self, link: Link) -> Vec<SmokeCheck> {
        self.run(link).unwrap()
    }
}

fn detail<'a>(checks: &'a [SmokeCheck], name: &str) -> &'a str {
    let check = checks.iter().find(|check| check.check == name).unwrap_or_else(|| panic!("no {name} in {checks:#?}"));
    assert_eq!(check.outcome == Outcome::Pass, check.detail.is_empty(), "{check:#?}");
    &check.detail
}

const EXPECTED: &str = "add/f32/0 3f800000\nadd/f32/1 40000000\nadd/f16/0 3c00\n";

#[test]
fn each_fault_of_a_program_is_a_failed_check_with_its_name() {
    let right = "echo add/f32/0 3f800000; echo add/f32/1 40000000; echo add/f16/0 3c00\n";
    let programs = [
        ("right", right),
        ("wrong", "echo add/f32/0 3f800000; echo add/f32/1 40000001; echo add/f16/0 3c00"),
        ("lost", "echo add/f32/0 3f800000; echo add/f16/0 3c00"),
        ("more", &format!("{right} echo add/f80/0 1")),
        ("crash", "echo add/f32/0 3f800000; echo broken >&2; kill -SEGV $$"),
        ("status", &format!("{right} exit 3")),
        ("broken", "fail: no such type"),
        ("silent", "true"),
    ];
    let mut files: Vec<(String, &str)> = Vec::new();
    for (name, text) in &programs {
        files.push((format!("{name}.c"), text));
        files.push((format!("{name}.expected"), EXPECTED));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let checks = Fixture::new(&files, "").checks(Link::Static);
    assert_eq!(checks.len(), programs.len() * LEVELS.len());
    for (way, _) in LEVELS {
        let detail = |name: &str| detail(&checks, &format!("static/corpus/{name}/{way}"));
        assert_eq!(detail("right"), "");
        assert_eq!(detail("wrong"), "1 of 3 values are wrong\n  add/f32/1: expected 40000000, got 40000001");
        assert_eq!(detail("lost"), "1 of 3 values are wrong\n  add/f32/1: missing, expected 40000000");
        assert_eq!(detail("more"), "1 of 3 values are wrong\n  unexpected line `add/f80/0 1`");
        let crash = detail("crash");
        assert!(crash.starts_with("it was killed by SIGSEGV after printing add/f32/0\n  | broken\n2 of 3"), "{crash}");
        assert_eq!(detail("status"), "it exited with status 3 after printing add/f16/0");
        assert_eq!(detail("broken"), "it was not built: clang exited with status 1\n  | fail: no such type");
        assert!(detail("silent").starts_with("3 of 3 values are wrong"), "{}", detail("silent"));
    }
    assert!(checks.iter().all(|check| check.values == 3));
}

#[test]
fn a_target_prints_the_lines_of_its_features() {
    let program = r"echo add/f32/0 3f800000; echo add/f32/1 40000000
        case $flags in *-DHAS_f16*) echo add/f16/0 3c00 ;; esac";
    let files = [("features/f16.c", ""), ("float.c", program), ("float.expected", EXPECTED)];
    let checks = Fixture::new(&files, "").checks(Link::Dynamic);
    assert_eq!(detail(&checks, "dynamic/corpus/features"), "");
    assert_eq!(detail(&checks, "dynamic/corpus/float/O2"), "");
    assert_eq!(checks[1].values, 3);

    // What target.toml says is compared with what the compiler has.
    let without = "[corpus.without]\nf16 = 'there is none'\n";
    let checks = Fixture::new(&files, without).checks(Link::Dynamic);
    let features = detail(&checks, "dynamic/corpus/features");
    assert!(
        features.starts_with("f16: the toolchain has it, but target.toml says: there is none\nhint: remove"),
        "{features}"
    );
    assert_eq!((detail(&checks, "dynamic/corpus/float/O2"), checks[1].values), ("", 2));

    let files = [("features/f16.c", "fail: no f16"), ("float.c", program), ("float.expected", EXPECTED)];
    let checks = Fixture::new(&files, "").checks(Link::Dynamic);
    let features = detail(&checks, "dynamic/corpus/features");
    assert!(features.starts_with("f16: the toolchain lacks it, and target.toml gives no reason"), "{features}");
    assert!(features.ends_with("| fail: no f16"), "{features}");
    assert_eq!(detail(&Fixture::new(&files, without).checks(Link::Dynamic), "dynamic/corpus/features"), "");
}

#[test]
fn a_known_cause_excuses_values_until_all_are_right() {
    let wrong = "echo add/f32/0 3f800000; echo add/f32/1 40000000; echo add/f16/0 0000";
    let files = [("float.c", wrong), ("float.expected", EXPECTED)];
    let known = "[corpus.wrong]\n'add+f16' = 'the compiler is wrong'\n";
    let checks = Fixture::new(&files, known).checks(Link::Static);
    assert_eq!((detail(&checks, "static/corpus/float/O2"), detail(&checks, "static/corpus/wrong")), ("", ""));

    let known = "[corpus.wrong]\n'add+f16' = 'the compiler is wrong'\nf64 = 'it was wrong'\n";
    let checks = Fixture::new(&files, known).checks(Link::Static);
    let expected = "f64: no value is wrong, but target.toml says: it was wrong\nhint: remove it from [corpus.wrong]";
    assert_eq!(detail(&checks, "static/corpus/wrong"), expected);
}

#[test]
fn a_program_has_its_own_flags_and_a_target_its_own_variants() {
    let program = "echo flags \"$(echo $flags | tr -d ' ' | sed 's/.*-Wno-atomic-alignment//; s/-o.*//')\"\n";
    let expected = |flags: &str| format!("flags {flags}\n");
    let files = [
        ("plain.c", program),
        ("plain.expected", &expected("-fno-crash-diagnostics-fPIE-static-pie-Wl,-z,now-O1-mspecial")),
        ("flagged.c", program),
        ("flagged.flags", "-pthread -lown\n"),
        ("flagged.expected", &expected("-fno-crash-diagnostics-fPIE-static-pie-Wl,-z,now-O2-pthread-lown")),
    ];
    let variant =
        "[[corpus.variant]]\nname = 'special'\nflags = ['-O1', '-mspecial']\nprograms = ['plain']\nreason = 'r'\n";
    let checks = Fixture::new(&files, variant).checks(Link::Static);
    let names: Vec<&str> = checks.iter().map(|check| check.check.as_str()).collect();
    let expected = ["flagged/O0", "flagged/O2", "flagged/Os", "plain/O0", "plain/O2", "plain/Os", "plain/special"];
    assert_eq!(names, expected.map(|name| format!("static/corpus/{name}")));
    assert_eq!(detail(&checks, "static/corpus/plain/special"), "");
    assert_eq!(detail(&checks, "static/corpus/flagged/O2"), "");
    assert_ne!(detail(&checks, "static/corpus/plain/O2"), "");
}

#[test]
fn libraries_of_a_program_are_shared_in_the_dynamic_mode_only() {
    let main = "case $flags in *-DSHARED*) echo kind shared ;; *) echo kind static ;; esac\n";
    let files = [
        ("many/main.c", main),
        ("many/libown.c", "echo library here\n"),
        ("many/plugin.c", "echo plugin here\n"),
        ("many.expected", "kind static\nlibrary here\nplugin here\n"),
    ];
    let fixture = Fixture::new(&files, "");
    assert_eq!(detail(&fixture.checks(Link::Static), "static/corpus/many/O2"), "");
    let dynamic = fixture.checks(Link::Dynamic);
    let wrong = detail(&dynamic, "dynamic/corpus/many/O2");
    for text in ["kind: expected static, got shared", "library: missing", "plugin: missing"] {
        assert!(wrong.contains(text), "{wrong}");
    }
    let log = fs_err::read_to_string(fixture.root.path().join("log")).unwrap();
    assert!(log.lines().any(|line| line.contains("main.c") && line.contains("O2/libown.so")), "{log}");
    assert!(!log.lines().any(|line| line.contains("main.c") && line.contains("plugin.so")), "{log}");
}

#[test]
fn a_name_that_the_corpus_lacks_is_refused_before_anything_is_built() {
    let files = [("features/f16.c", ""), ("float.c", "true"), ("float.expected", EXPECTED)];
    let variant = "[[corpus.variant]]\nname = 'v'\nflags = ['-O1']\nprograms = ['flaot']\nreason = 'r'\n";
    for (settings, text) in
        [("[corpus.without]\nf17 = 'r'\n", "f17: the corpus has no such feature"), (variant, "`flaot`")]
    {
        let fixture = Fixture::new(&files, settings);
        let error = format!("{:#}", fixture.run(Link::Static).unwrap_err());
        assert!(error.starts_with("targets/s390x/target.toml: [") && error.contains(text), "{error}");
        assert!(error.ends_with("hint: the features are f16"), "{error}");
        assert!(!fixture.root.path().join("log").exists());
    }
}

#[test]
fn a_program_without_expected_lines_is_an_error() {
    let fixture = Fixture::new(&[("float.c", "true")], "");
    let error = format!("{:#}", fixture.run(Link::Static).unwrap_err());
    assert!(error.starts_with("reading what the program float of the C corpus must print"), "{error}");
    // A line without a value is shown as a fault of the file.
    let fixture = Fixture::new(&[("float.c", "true"), ("float.expected", "add\n")], "");
    assert_eq!(detail(&fixture.checks(Link::Static), "static/corpus/float/O0"), "float.expected: `add` has no value");
}
