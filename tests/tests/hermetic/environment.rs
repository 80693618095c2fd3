//! Where the project lies and what the user's environment holds makes no difference.

use std::collections::BTreeSet;

use bringup_tests::project;

/// What a developer may have set for work of another kind. The fake tools fail if they see any of it.
const NONSENSE: [&str; 22] = [
    "AR",
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CC",
    "CFLAGS",
    "CPATH",
    "CXX",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "LANG",
    "LDFLAGS",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_TARGET_PATH",
    "TZ",
];

#[test]
fn the_users_environment_changes_nothing() {
    let project = project!();
    project.run(&["test", "fake"], 0);
    let results = project.results();
    project.run(&["clean"], 0);
    let run = NONSENSE.iter().fold(project.cmd(&["test", "fake"]), |run, key| run.env(key, "/nonsense/of/the/user"));
    // Of a library that is not there; the loader complains of it, and so would every child.
    let run = run.env("LD_PRELOAD", "/nonsense/preload.so").env("MAKEFLAGS", "--nonsense");
    let output = run.env("ENV", "/nonsense").env("BASH_ENV", "/nonsense").run().ends_with(0);
    assert_eq!(output.stderr.matches("/nonsense/preload.so").count(), 1, "{}", output.stderr);
    assert_eq!(project.results(), results);
    project.run(&["plan"], 0);
}

#[test]
fn a_project_may_lie_anywhere() {
    let plain = project!();
    let odd = project!("a clone é 'quoted'");
    let steps = |project: &bringup_tests::Project| {
        project.run(&["test", "fake"], 0);
        project.assert_clean();
        // The later ones hold paths of the fake tools, of which each project has its own.
        let shared = |name: &String| ["patch/", "runtimes/", "musl/"].iter().any(|step| name.starts_with(step));
        project.steps().into_iter().filter(shared).collect::<BTreeSet<_>>()
    };
    let expected = steps(&plain);
    assert_eq!(expected.len(), 7);
    assert_eq!(steps(&odd), expected, "the place is no input");
    odd.run(&["patch", "apply", "musl"], 0);
    odd.run(&["patch", "refresh", "musl"], 0);
    odd.run(&["patch", "check"], 0);
    odd.run(&["test", "fake"], 0).says(&["Cached 27 steps"]);

    // A clone that is moved keeps its results; scripts find their own folder.
    let moved = odd.base().join("moved");
    fs_err::rename(odd.path(""), &moved).unwrap();
    odd.cmd(&["test", "fake"]).dir(&moved).run().ends_with(0).says(&["Cached 27 steps"]);
    odd.cmd(&["test", "fake", "--rerun"]).dir(&moved).run().ends_with(0).says(&["Cached 17 steps"]);
}

#[test]
fn it_may_be_started_from_any_folder_of_the_project() {
    let project = project!();
    let within = project.path("targets/fake");
    let above = |args: &[&str]| project.cmd(args).dir(project.base()).run();
    let first = project.cmd(&["build", "fake"]).dir(&within).run().ends_with(0);
    for output in [above(&["-C", "project", "build", "fake"]), above(&["build", "fake", "-C", "project/targets"])] {
        assert_eq!(output.ends_with(0).stdout, first.stdout);
    }
    above(&["-C", "nowhere", "build"]).ends_with(101).says(&["nowhere"]);
    // The path of an emulator is relative to where it is typed.
    project.script("emulator", &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_fake-qemu")));
    project.cmd(&["test", "fake", "--qemu", "../../../host/emulator"]).dir(&within).run().ends_with(0).says(&[]);
}

#[test]
fn a_cache_folder_is_found_by_option_variable_and_default() {
    let project = project!();
    let elsewhere = |name: &str| {
        let folder = project.base().join(name);
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::rename(project.cache().join("qemu"), folder.join("qemu")).unwrap();
        let back = project.cache().join("qemu");
        (folder.clone(), move || fs_err::rename(folder.join("qemu"), back).unwrap())
    };
    let finds_it = |args: &[&str], variable: &str, value: &std::path::Path| {
        let args: Vec<&str> = args.iter().copied().chain(["doctor"]).collect();
        let printed = project.cmd(&args).env("BRINGUP_CACHE", "").env(variable, value).run().ends_with(0).stdout;
        assert!(printed.contains("✓ qemu-fake"), "{printed}");
    };
    let (folder, back) = elsewhere("by-option");
    finds_it(&["--cache", folder.to_str().unwrap()], "UNUSED", &folder);
    back();
    let (folder, back) = elsewhere("by-variable");
    finds_it(&[], "BRINGUP_CACHE", &folder);
    back();
    let (_, back) = elsewhere("home/.cache/bringup");
    finds_it(&[], "UNUSED", project.base());
    back();
    let (_, back) = elsewhere("xdg/bringup");
    finds_it(&[], "XDG_CACHE_HOME", &project.base().join("xdg"));
    back();
}

#[test]
fn quiet_leaves_results_and_errors() {
    let project = project!();
    let output = project.run(&["--quiet", "build", "fake"], 0);
    assert_eq!((output.stderr.as_str(), output.stdout.lines().count()), ("", 1));
    project.tests("std", "fail_a");
    let output = project.run(&["-q", "test", "fake"], 100);
    assert!(!output.stderr.contains("Running") && output.stderr.contains("regression"), "{}", output.stderr);
}

#[test]
fn signals_that_the_caller_ignores_are_none_of_the_programs_business() {
    let project = project!();
    project.tests("std", "heeds_usr1");
    let ignoring = ["/bin/sh", "-c", "trap '' USR1; exec \"$@\"", "sh"];
    project
        .wrapped(&ignoring, &["test", "fake", "--suite", "std", "--link", "dynamic"])
        .run()
        .ends_with(0)
        .says(&["expected"]);
}
