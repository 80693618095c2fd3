//! What each verb prints and does, apart from building and testing.

use bringup_tests::{Project, project};

#[test]
fn build_prints_a_toolchain_whose_programs_are_there() {
    let project = project!();
    let folder = project.run(&["build", "fake"], 0).stdout;
    let folder = std::path::Path::new(folder.trim_end());
    let programs = ["cargo", "rustc", "rustdoc", "fake-alpine-linux-musl-clang"];
    for program in programs {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs_err::metadata(folder.join("bin").join(program)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{program} cannot be started");
    }
    for file in ["sysroot/usr/lib/libc.a", "sysroot/usr/include/stdio.h", "sysroot/lib/ld-musl-fake.so.1"] {
        assert!(folder.join(file).is_file(), "{file} is not there");
    }
    let driver = fs_err::read_to_string(folder.join("bin").join(programs[3])).unwrap();
    assert!(driver.contains("-march=one") && driver.contains("--target=fake-linux-musl"), "{driver}");
    let libc = fs_err::read_to_string(folder.join("sysroot/usr/lib/libc.a")).unwrap();
    assert!(libc.contains("return (void *)size;"), "the patch is in it: {libc}");
}

#[test]
fn clean_keeps_the_downloads() {
    let project = project!();
    project.run(&["clean"], 0);
    project.run(&["build", "fake"], 0);
    project.run(&["clean"], 0).says(&["removed the contents of"]);
    assert!(project.steps().is_empty());
    assert!(project.cache().join("qemu/11.1.3").is_dir());
    project.run(&["build", "fake"], 0);
}

#[test]
fn a_target_is_shown_and_checked() {
    let project = project!();
    let shown = project.run(&["target", "show", "twin"], 0).stdout;
    assert!(shown.contains("/lib/ld-musl-twin.so.1") && shown.contains("EM_S390, 64 bit, big-endian"), "{shown}");
    let spec = project.run(&["target", "show", "twin", "--spec"], 0).stdout;
    let spec: serde_json::Value = serde_json::from_str(&spec).unwrap();
    let expected = serde_json::json!({
        "arch": "twin",
        "linker": "twin-alpine-linux-musl-clang",
        "llvm-target": "twin-unknown-linux-musl",
        "vendor": "alpine",
    });
    assert_eq!(spec, expected);
    project.run(&["target", "check"], 0).says(&["fake: ", "twin: "]);
}

#[test]
fn doctor_says_what_is_there() {
    let project = project!();
    let said = project.run(&["doctor"], 0).stdout;
    let lines =
        ["✓ rustc        1.95.0", "✓ clang        22.1.8", "✓ make", "✓ sshd         9.2", "✓ qemu-fake    11.1.3"];
    for line in lines {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    fs_err::remove_file(project.host("tools/git")).unwrap();
    let output = project.run(&["doctor"], 96);
    assert!(output.stdout.contains("✗ git          not found"), "{}", output.stdout);
    output.says(&["the host lacks git"]);
}

#[test]
fn doctor_installs_by_the_hosts_package_manager() {
    let project = project!();
    fs_err::remove_file(project.host("tools/git")).unwrap();
    // Root is asked for first; a test does not know whether it is root.
    let trace = project.host("trace");
    let script = format!("echo \"$*\" >>{}\ncase $1 in install) echo 'E: no' && exit 7 ;; esac", trace.display());
    project.script("tools/apt-get", &script);
    project.script("tools/apt-cache", "echo Package: found");
    let output = project.cmd(&["doctor", "--install"]).run().ends_with(96);
    if rustix::process::geteuid().is_root() {
        output.says(&["installing git", "exited with status 7", "E: no"]);
        let trace = fs_err::read_to_string(trace).unwrap();
        assert_eq!(trace, "update\ninstall --yes --no-install-recommends git\n");
    } else {
        output.says(&["requires root", "hint: sudo apt-get update && sudo apt-get install", "git"]);
    }
}

#[test]
fn what_not_every_use_needs_is_installed_by_doctor_alone() {
    let project = project!();
    for tool in ["ssh", "sshd"] {
        project.script(&format!("tools/{tool}"), "exit 1");
    }
    let said = project.run(&["doctor"], 0).stdout;
    assert!(said.contains("- ssh          not found; only for the runner ssh:HOST"), "{said}");
    let trace = project.host("trace");
    project.script("tools/apt-get", &format!("echo \"$*\" >>{}", trace.display()));
    project.script("tools/apt-cache", "echo Package: found");
    project.write("smoke/Cargo.toml", "[workspace]\n");
    // 100: the audit of the toolchain finds that the fake objects are no ELF files.
    project.run(&["bringup", "--setup", "fake", "--link", "static"], 100);
    assert!(!trace.exists(), "the main job does without");
    if rustix::process::geteuid().is_root() {
        project.run(&["doctor", "--install"], 0);
        let trace = fs_err::read_to_string(trace).unwrap();
        assert_eq!(trace, "update\ninstall --yes --no-install-recommends openssh-client openssh-server\n");
    } else {
        project.run(&["doctor", "--install"], 96).says(&["requires root", "openssh-client openssh-server"]);
    }
}

#[test]
fn shells_and_man_get_their_pages() {
    let project = project!();
    // They need no project.
    let print = |args: &[&str]| project.cmd(args).dir(project.base()).run().ends_with(0).stdout;
    assert!(print(&["completions", "bash"]).contains("complete -F _bringup"));
    assert!(print(&["completions", "fish"]).contains("complete -c bringup"));
    let (script, page) = (print(&["completions", "zsh"]), print(&["man"]));
    assert!(page.contains(".TH bringup 1 ") && page.contains("partition"), "{page}");
    for verb in xtask::cli::command("bringup").get_subcommands() {
        let name = verb.get_name();
        assert!(script.lines().any(|line| line.trim() == format!("({name})")), "{name}: {script}");
        assert!(page.contains(&format!(".TH bringup-{name} 1 ")), "{name}: {page}");
        for below in verb.get_subcommands() {
            assert!(page.contains(&format!(".TH bringup-{name}-{} 1 ", below.get_name())), "{name}: {page}");
        }
    }
}

#[test]
fn reports_are_shown_in_every_format() {
    let project = project!();
    project.run(&["report"], 2).says(&["there is no report at", "hint: `cargo xtask bringup` makes one"]);
    project.tests("std", "pass_a fail_b");
    project.run(&["test", "fake"], 100);
    let print = |format: &str| project.run(&["report", "--format", format], 100).stdout;
    assert!(print("terminal").contains("regression"));
    assert!(print("markdown").contains("| fake | qemu | dynamic |"));
    assert!(print("html").starts_with("<!"));
    assert_eq!(print("junit"), project.read("out/report/junit.xml"));
    assert_eq!(print("json"), project.read("out/report/report.json"));
    // Digit by digit, also what a quick reader of numbers takes for its neighbour.
    let mut report: serde_json::Value = serde_json::from_str(&print("json")).expect("a report");
    report["wall_s"] = serde_json::json!(1.007_328_054_999_999_9);
    project.write("exact.json", report.to_string());
    let exact = project.run(&["report", "exact.json", "--format", "json"], 100).stdout;
    assert!(exact.contains("\"wall_s\": 1.0073280549999999"), "{exact}");
    project.write("cut.json", &project.read("out/report/report.json")[..500]);
    project.run(&["report", "cut.json"], 2).says(&["cut.json"]);
}

#[test]
fn reports_are_compared_and_joined() {
    let project = project!();
    let keep = |target: &str, code: i32, name: &str| {
        project.run(&["test", target, "--suite", "std", "--rerun"], code);
        project.write(name, project.read("out/report/report.json"));
    };
    keep("fake", 0, "before.json");
    project.tests("std", "pass_a fail_b");
    keep("fake", 100, "after.json");
    let diff = project.run(&["report", "diff", "before.json", "after.json"], 0).stdout;
    assert!(diff.contains("fail_b") && diff.contains("pass_b") && !diff.contains("pass_a"), "{diff}");

    project.tests("std", "pass_a");
    keep("twin", 0, "twin.json");
    let merged = project.run(&["report", "merge", "after.json", "twin.json"], 0).stdout;
    project.write("all.json", &merged);
    let matrix = project.run(&["report", "all.json", "--format", "markdown"], 100).stdout;
    assert!(matrix.contains("| fake |") && matrix.contains("| twin |"), "{matrix}");
    project.run(&["report", "diff", "before.json", "no.json"], 2).says(&["there is no report at no.json"]);
}

#[test]
fn fetch_gets_sources_emulator_and_crates() {
    let project = project!();
    project.run(&["fetch"], 0).says(&["qemu-fake 11.1.3", "crates of out/patch/rust-"]);
    project.fail("cargo-fetch", "error: the registry is asleep");
    let output = project.run(&["fetch"], 101);
    output.says(&["fetching the crates of out/patch/rust-", "the registry is asleep"]);
    project.assert_clean();
}

const PATCH: &str = "patches/musl/1.2.6/0001-malloc-give-back-something.patch";

#[test]
fn a_patch_is_applied_edited_and_written_back() {
    let project = project!();
    let rows = project.run(&["patch", "status"], 0).stdout;
    let row = rows.lines().find(|line| line.contains("malloc: give back something")).unwrap();
    assert!(row.contains("Inappropriate") && row.contains("yes      +1 -1"), "{rows}");
    project.run(&["patch", "check"], 0).says(&["musl 1.2.6: 1 patch checked"]);

    let tree = project.run(&["patch", "apply", "musl"], 0).stdout;
    assert_eq!(tree, format!("{}\n", project.path("work/musl-1.2.6").display()));
    let names = |path: &str| {
        let mut names: Vec<_> =
            fs_err::read_dir(project.path(path)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let upstreams = [".git", "COPYRIGHT", "Makefile", "configure", "include", "src"];
    assert_eq!(names("work/musl-1.2.6"), upstreams, "as upstream has it");
    project.run(&["patch", "apply", "musl"], 0).says(&["has these patches already"]);

    let before = project.read(PATCH);
    project.run(&["patch", "refresh", "musl"], 0).says(&["the series matches the working tree"]);
    assert_eq!(project.read(PATCH), before);
    project.run(&["clean"], 0);
    assert!(project.path("work/musl-1.2.6/.git").is_dir(), "the working tree is the maintainer's");
    project
        .run(&["patch", "apply", "glibc"], 2)
        .says(&["unknown source `glibc`", "hint: the sources are rust, musl, llvm, linux"]);
}

#[test]
fn faults_of_a_patch_are_told() {
    let project = project!();
    project.edit(PATCH, "Upstream-Status: Inappropriate [example]\n", "");
    project.run(&["patch", "check"], 101).says(&[PATCH, "Upstream-Status"]);
    project.run(&["build", "fake"], 0);
}

#[test]
fn usage_errors_are_told_with_what_would_do() {
    let project = project!();
    let usage = |args: &[&str], expected: &[&str]| project.run(args, 2).says(expected);
    usage(&[], &["Usage: bringup"]);
    usage(&["biuld"], &["unrecognized subcommand 'biuld'", "'build'"]);
    usage(&["test", "--suite", "stdd"], &["invalid value 'stdd'", "core, alloc, std"]);
    usage(&["test", "--partition", "slice:3/2"], &["expected slice:I/N or hash:I/N with I from 1 to N"]);
    usage(&["build", "--jobs", "0"], &["invalid value '0'"]);
    usage(&["test", "--runner", "ssh:-v"], &["invalid value 'ssh:-v'", "expected qemu, native or ssh:HOST"]);
    usage(&["build", "--compiler", "stok"], &["[possible values: stock, bootstrap]"]);
    usage(&["targets", "--stage", "2"], &["unexpected argument '--stage'", "Usage: bringup targets"]);
    usage(&["--stage", "2", "targets"], &["'--stage' cannot be used with 'targets'", "Usage: bringup targets"]);
    usage(&["report", "--format", "pdf"], &["terminal, markdown, junit, html, json"]);
    assert!(!project.path("out").exists());
    let outside: &Project = &project;
    let output = outside.cmd(&["targets"]).dir(outside.base()).run().ends_with(101);
    output.says(&["no bringup.toml in", "hint: run inside a clone of Bringup, or give its folder with -C"]);
}
