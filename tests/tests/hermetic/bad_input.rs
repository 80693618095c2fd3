//! Bad input gets a clear error and loses nothing: mended, the same command succeeds.

use bringup_tests::{Archive, Output, Project, cases, project};

/// Runs a command that must fail without a trace, and again once the input is mended.
fn fails_until_mended(project: &Project, args: &[&str], code: i32, mend: impl FnOnce()) -> Output {
    let output = project.run(args, code);
    project.assert_clean();
    mend();
    project.run(args, 0);
    project.assert_clean();
    output
}

fn has_step(project: &Project, step: &str) -> bool {
    project.steps().iter().any(|name| name.starts_with(step))
}

#[test]
fn an_unknown_target_gets_the_nearest_names() {
    let project = project!();
    project.run(&["build", "fakt"], 2).says(&["error: unknown target `fakt`", "hint: did you mean `fake`?"]);
    project.run(&["test", "fake", "zzz"], 2).says(&["unknown target `zzz`", "hint: the targets are fake, twin"]);
    assert!(!project.path("out/patch").exists());
}

#[test]
fn a_fault_in_a_toml_file_is_pointed_at() {
    let project = project!();
    let faults = [
        ("targets/fake/target.toml", "since =", "snice =", "unknown field `snice`"),
        ("targets/fake/target.toml", "class = 64", "class = \"64\"", "invalid type"),
        ("targets/fake/target.toml", "[musl]", "[musl", ""),
        ("bringup.toml", "minimum =", "minimun =", "unknown field `minimun`"),
        ("bringup.toml", "test-seconds = 5", "test-seconds = \"5\"", "invalid type"),
    ];
    for (file, right, wrong, expected) in faults {
        project.edit(file, right, wrong);
        let line = 1 + project.read(file).lines().position(|line| line.contains(wrong)).unwrap();
        let output = fails_until_mended(&project, &["plan", "fake"], 2, || project.edit(file, wrong, right));
        output.says(&[
            &format!("{}: TOML parse error at line {line}", project.path(file).display()),
            wrong,
            "^",
            expected,
        ]);
    }
    // What the grammar allows and the meaning does not.
    let faults = [
        (
            "targets/fake/target.toml",
            "endian = \"big\"",
            "endian = \"middle\"",
            "[elf] endian: expected `big` or `little`, not `middle`",
        ),
        ("targets/fake/target.toml", "endian = \"big\"", "endian = \"big\"\nflags = []", "[elf] flags: an empty list"),
        ("bringup.toml", "test-seconds = 5", "test-seconds = 0", "[limits] test-seconds: a limit of 0"),
        ("bringup.toml", "minimum = \"11.1\"", "minimum = \"new\"", "[qemu] minimum: "),
        ("bringup.toml", "library = [", "libary = [", "[[rust]] 1.95.0: the layer `library`"),
        (
            "bringup.toml",
            "path = \"sources/rust.tar.gz\"",
            "path = \"sources/rust.tar.gz\"\nlayers = [\"bootstrap\"]",
            "[[rust]] 1.95.0: an origin names the unknown layer `bootstrap`",
        ),
        (
            "bringup.toml",
            "path = \"sources/rust.tar.gz\"",
            "apt = \"rustc\"\ndeb = \"rust-src\"",
            "[[rust.origin]] number 1 of 1.95.0: expected exactly one of `path`, `url`, `rustup`, `apt`, `deb`",
        ),
    ];
    for (file, right, wrong, expected) in faults {
        project.edit(file, right, wrong);
        let output = fails_until_mended(&project, &["plan", "fake"], 2, || project.edit(file, wrong, right));
        output.says(&[&format!("{}: {expected}", project.path(file).display())]);
    }
}

#[test]
fn a_version_is_pinned_once() {
    let project = project!();
    project.pin_more("musl", "1.2.6", b"whatever");
    project.run(&["plan", "fake"], 2).says(&["bringup.toml: [[musl]]: 1.2.6 is pinned twice"]);
    project.run(&["plan", "--musl", "1.2.4"], 2);
}

#[test]
fn a_fault_in_the_expectations_is_found_before_anything_is_built() {
    let project = project!();
    let file = "targets/fake/expect.txt";
    let faults = [
        ("# Bug: x\nstd  a::b  fial\n", "targets/fake/expect.txt:2:12: unknown word `fial`"),
        ("std  a::b  fail\n", "targets/fake/expect.txt:1:"),
        ("# Reason: x\nstdd  a::b  fail\n", "stdd"),
    ];
    cases(faults.map(|fault| (fault.0, fault)), |(text, expected)| {
        project.write(file, text);
        project.run(&["test", "fake"], 2).says(&[expected]);
        assert!(project.steps().is_empty());
    });
    project.write(file, "# Reason: x\nstd  pass_a  fail\n");
    project.write("qemu/fake.expect.txt", "# Reason: x\nstd  pass_a  fail\n");
    project.run(&["test", "fake"], 2).says(&["pass_a"]);
    fs_err::remove_file(project.path(file)).unwrap();
    fs_err::remove_file(project.path("qemu/fake.expect.txt")).unwrap();
    project.run(&["test", "fake"], 0);
}

#[test]
fn a_missing_tool_gets_the_command_that_installs_it() {
    let project = project!();
    project.script("tools/apt-get", "");
    project.script("tools/apt-cache", "echo Package: found");
    let tools = ["clang-22", "ld.lld-22", "make"];
    let away = |tool: &str| (project.host("tools").join(tool), project.host(tool));
    for (from, to) in tools.map(away) {
        fs_err::rename(from, to).unwrap();
    }
    let mend = || tools.map(away).iter().for_each(|(from, to)| fs_err::rename(to, from).unwrap());
    let output = fails_until_mended(&project, &["build", "fake"], 96, mend);
    output.says(&[
        "the host lacks clang, lld (of LLVM 22 or newer), make",
        "hint: ",
        "apt-get install",
        "clang-22 lld-22 llvm-22 make",
        "doctor --install",
    ]);
}

#[test]
fn an_llvm_that_is_too_old_does_not_count_and_is_not_installed() {
    let project = project!();
    for tool in ["clang", "ld.lld", "llvm-ar", "llvm-ranlib", "llvm-objdump", "llvm-mc"] {
        fs_err::remove_file(project.host(&format!("tools/{tool}-22"))).unwrap();
        project.script(&format!("tools/{tool}"), "echo 'version 19.1.7'");
    }
    project.script("tools/apt-get", "echo \"$*\" >>$(dirname \"$0\")/../trace");
    project.script("tools/apt-cache", "case \"$*\" in *-19) echo Package: found ;; *) exit 100 ;; esac");
    let missing = "clang, lld, llvm-ar, llvm-ranlib, llvm-objdump, llvm-mc";
    project.run(&["build", "fake"], 96).says(&[&format!("the host lacks {missing} (of LLVM 22 or newer)")]);
    let said = project.run(&["doctor"], 96).stdout;
    assert!(said.contains("✗ clang        none from 22 on"), "{said}");
    if rustix::process::geteuid().is_root() {
        let output = project.run(&["doctor", "--install"], 96);
        output.says(&["the package lists have no LLVM 22 or newer", "hint: add a package source that has it"]);
        assert_eq!(fs_err::read_to_string(project.host("trace")).unwrap(), "update\n");
    }
}

#[test]
fn another_compiler_than_the_pinned_one_is_refused() {
    let project = project!();
    project.edit("bringup.toml", "version = \"1.95.0\"", "version = \"1.96.0\"");
    let mend = || project.edit("bringup.toml", "version = \"1.96.0\"", "version = \"1.95.0\"");
    let output = fails_until_mended(&project, &["build", "fake"], 96, mend);
    output.says(&["rustc 1.95.0 is in use", "hint: rustup toolchain install 1.96.0"]);
}

#[test]
fn a_wrong_sha256_names_both_and_nothing_is_unpacked() {
    let project = project!();
    let archive = fs_err::read(project.path("sources/musl.tar.gz")).unwrap();
    let pins = project.read("bringup.toml");
    let other = Project::archive("musl").file("top/more", b"more").bytes();
    project.pin("musl", &other);
    let (right, wrong) = (project.read("bringup.toml"), pins);
    let hash = |pins: &str| pins.split("sha256 = \"").nth(2).unwrap()[..64].to_owned();
    project.write("bringup.toml", &wrong);
    let output = fails_until_mended(&project, &["build", "fake"], 101, || {
        assert!(!has_step(&project, "patch"), "nothing is unpacked");
        project.write("sources/musl.tar.gz", archive);
    });
    let both = format!("wrong sha256: it is {}, expected {}", hash(&right), hash(&wrong));
    output.says(&["fetching musl 1.2.6: every origin failed", "sources/musl.tar.gz: ", &both, "hint: get the archive"]);
}

#[test]
fn a_broken_or_hostile_archive_is_refused() {
    let project = project!();
    let whole = Project::archive("musl").bytes();
    let musl = || Project::archive("musl");
    let archives: [(Vec<u8>, &[&str]); 7] = [
        (whole[..whole.len() / 2].to_vec(), &["the archive is truncated", "hint: delete"]),
        (b"<html>not found</html>".to_vec(), &["expected a tar archive"]),
        (musl().file("top/../../evil", b"x").bytes(), &["entry `top/../../evil`", "refused: `..` leads out"]),
        (musl().file("/tmp/evil", b"x").bytes(), &["entry `/tmp/evil`", "refused: it is an absolute path"]),
        (musl().symlink("top/passwd", "/etc/passwd").bytes(), &["symbolic link to `/etc/passwd`, an absolute path"]),
        (musl().symlink("top/up", "../..").bytes(), &["symbolic link to `../..`, which leads out of the tree"]),
        (
            musl().symlink("top/x", "src").file("top/x/evil", b"x").bytes(),
            &["entry `top/x/evil`", "written through the symbolic link `x`"],
        ),
    ];
    for (archive, expected) in archives {
        project.pin("musl", &archive);
        let output = project.run(&["build", "fake"], 101);
        output.says(&["step `patch musl` failed", "unpacking ", "sources/musl.tar.gz"]);
        output.says(expected);
        project.assert_clean();
        assert!(!has_step(&project, "patch/musl"), "{:?}", project.steps());
    }
    project.pin("musl", &whole);
    project.run(&["build", "fake"], 0);
}

#[test]
fn an_archive_without_the_wanted_folders_is_refused() {
    let project = project!();
    let archive = Project::archive("llvm").bytes();
    project.pin("llvm", &Archive::of_folder(&project.path("targets"), "top").bytes());
    let output = fails_until_mended(&project, &["build", "fake"], 101, || project.pin("llvm", &archive));
    output.says(&["step `patch llvm` failed", "`compiler-rt/lib/builtins` is not in the archive"]);
}

#[test]
fn a_patch_that_does_not_apply_names_file_and_hunk() {
    let project = project!();
    let file = "patches/musl/1.2.6/0001-malloc-give-back-something.patch";
    project.edit(file, "-    return 0;", "-    return 1;");
    let mend = || project.edit(file, "-    return 1;", "-    return 0;");
    let output = project.run(&["build", "fake"], 101);
    output.says(&[
        "step `patch musl` failed",
        "patching musl 1.2.6: 0001-malloc-give-back-something.patch does not apply",
        "src/malloc.c, line 1: @@ -1,7 +1,7 @@",
        "return 1;",
        "hint: `cargo xtask patch apply musl --musl 1.2.6`",
    ]);
    assert!(!has_step(&project, "patch/musl"));
    project.run(&["patch", "check"], 101).says(&["0001-malloc-give-back-something.patch", "does not apply"]);
    let rows = project.run(&["patch", "status"], 0).stdout;
    assert_eq!(rows.lines().nth(1).unwrap().split_whitespace().nth(1), Some("no"), "{rows}");
    fails_until_mended(&project, &["build", "fake"], 101, mend);

    project.write("patches/musl/1.2.6/series", "0001-no-such.patch\n");
    project.run(&["build", "fake"], 101).says(&["series:1: 0001-no-such.patch is listed but not in the folder"]);
}

#[test]
fn a_spec_that_rustc_refuses_is_refused_in_its_words() {
    let project = project!();
    project.edit("targets/fake/target.toml", "[spec.set]", "[spec.set]\nbogus = 1");
    let mend = || project.edit("targets/fake/target.toml", "[spec.set]\nbogus = 1", "[spec.set]");
    for args in [&["plan", "fake"][..], &["target", "check"], &["test", "fake"]] {
        project.run(args, 2).says(&[
            "rustc 1.95.0 rejects the spec of fake:",
            "error: error loading target specification: bogus: unknown field `bogus`",
            "hint: correct [spec] in targets/fake/target.toml",
        ]);
    }
    assert!(project.steps().is_empty(), "nothing is built for it");
    fails_until_mended(&project, &["build", "fake"], 2, mend);

    // A spec of its own.
    project.edit("targets/fake/target.toml", "base = \"fake-unknown-linux-musl\"", "file = \"spec.json\"");
    project.run(&["build", "fake"], 2).says(&["making the target spec of fake", "spec.json", "No such file"]);
    project.write("targets/fake/spec.json", "{\"arch\": ");
    project.run(&["build", "fake"], 2).says(&["making the target spec of fake: reading ", "spec.json", "line 1"]);
    project.write("targets/fake/spec.json", "{\"arch\": \"fake\"}");
    project.run(&["build", "fake"], 0);
}

/// Whatever the verb, and also where only a step finds it.
#[test]
fn a_fault_in_target_toml_ends_every_verb_with_2() {
    let verbs: [(&str, &[&str]); 13] = [
        ("plan", &["plan", "fake"]),
        ("why", &["why", "fake"]),
        ("target show", &["target", "show", "fake"]),
        ("target check", &["target", "check", "fake"]),
        ("fetch", &["fetch"]),
        ("build", &["build", "fake"]),
        ("build, two targets", &["build", "fake", "twin"]),
        ("build, bootstrap", &["build", "--compiler", "bootstrap", "fake"]),
        ("smoke", &["smoke", "fake"]),
        ("test", &["test", "fake"]),
        ("bringup", &["bringup", "fake"]),
        ("archive", &["archive", "fake"]),
        ("dist", &["dist", "--compiler", "bootstrap", "fake"]),
    ];
    let musl = "[musl]\narch = \"fake\"\n";
    let loader = "loader = \"/lib/ld-musl-fake.so.1\"";
    let difference = "[[runtimes.difference]]\nkinds = [\"code\"]\nsymbols = [\"__add\"]\nreason = \" \"";
    // What is found before a step, and what only a step finds; and the verbs that do not look so far.
    let none: &[&str] = &[];
    let no_steps: &[&str] = &["plan", "why", "target show", "target check", "fetch"];
    let faults = [
        ("an unknown key", "since =", "snice =", none),
        ("a wrong value", "endian = \"big\"", "endian = \"middle\"", none),
        ("a key of the spec", "[spec.set]", "[spec.set]\nbogus = 1", none),
        ("a spec that is missing", "base = \"fake-unknown-linux-musl\"", "file = \"spec.json\"", none),
        ("an intended difference", musl, &format!("{difference}\n{musl}"), none),
        ("a loader", loader, "loader = \"/lib/ld-musl-none.so.1\"", no_steps),
    ];
    for (fault, right, wrong, blind) in faults {
        let project = project!();
        project.edit("targets/fake/target.toml", right, wrong);
        for (verb, args) in verbs.iter().filter(|(verb, _)| !blind.contains(verb)) {
            let output = project.cmd(args).run();
            assert_eq!(output.status.code(), Some(2), "{fault}, {verb}: {}", output.stderr);
        }
    }
}

#[test]
fn an_emulator_that_is_too_old_or_not_there_is_told_first() {
    let project = project!();
    let emulator = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake");
    let right = fs_err::read_link(&emulator).unwrap();
    let old = project.script("old", "echo qemu-fake version 7.2.22");
    project.emulator("11.1.3", &old);
    let args = ["test", "fake", "--offline"];
    let output = fails_until_mended(&project, &args, 96, || {
        assert!(project.steps().is_empty(), "it is found before anything is built");
        project.emulator("11.1.3", &right);
    });
    output.says(&[
        "finding qemu-fake, at least 11.1: no emulator found",
        "qemu-fake is not installed",
        "qemu-fake 7.2.22 at ",
        "--offline",
        "hint: install qemu-fake 11.1 or newer, or give one with --qemu PATH",
    ]);

    let forced = |path: &str| project.cmd(&["test", "fake", "--qemu", path]).run();
    forced("no/such").ends_with(96).says(&["using the emulator that --qemu names", "no/such", "hint: --qemu takes"]);
    forced("bringup.toml").ends_with(96).says(&["bringup.toml is not an executable file"]);
    let none = project.script("none", "echo hello");
    forced(none.to_str().unwrap()).ends_with(96).says(&["prints no version but `hello`"]);
    // A forced one is taken whatever its version.
    let wrapper = format!("case $1 in --version) echo version 7.2.22 ;; *) exec {} \"$@\" ;; esac", right.display());
    let older = project.script("older", &wrapper);
    project.cmd(&["test", "fake", "--qemu", older.to_str().unwrap()]).run().ends_with(0).says(&[]);
    assert_eq!(project.report()["pins"]["qemu"], "7.2.22");
}

#[test]
fn offline_every_miss_is_listed() {
    let project = project!();
    let pins = project.read("bringup.toml");
    let mut urls = pins.clone();
    for source in ["rust", "musl", "llvm"] {
        let path = format!("path = \"sources/{source}.tar.gz\"");
        urls = urls.replace(&path, &format!("url = \"http://127.0.0.1:9/{source}.tar.gz\""));
    }
    let more = format!("[[musl.origin]]\napt = \"musl\"\nsha256 = \"{}\"\n\n[[llvm]]", "0".repeat(64));
    project.write("bringup.toml", urls.replace("[[llvm]]", &more));
    let args = ["build", "fake", "--offline"];
    project.run(&args, 101).says(&[
        "fetching rust 1.95.0: every origin failed",
        "http://127.0.0.1:9/rust.tar.gz: ",
        "--offline",
    ]);
    // From the cache it is served, whatever its name there.
    let keep = |source: &str| {
        let file = project.path("sources").join(format!("{source}.tar.gz"));
        let hash = bringup_runner::files::sha256_file(&file).unwrap();
        let folder = project.cache().join("archives");
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::copy(file, folder.join(format!("{hash}-{source}"))).unwrap();
    };
    keep("rust");
    project.run(&args, 101).says(&[
        "fetching musl 1.2.6: every origin failed",
        "http://127.0.0.1:9/musl.tar.gz: the network is forbidden (--offline)",
        "apt's source package musl: the network is forbidden (--offline)",
        "hint: get the archive with sha256",
    ]);
    keep("musl");
    keep("llvm");
    project.run(&args, 0);
    project.assert_clean();
}
