//! A compiler that is built: what it is made of, what it is kept for, and what can go wrong.

use std::os::unix::fs::PermissionsExt as _;

use bringup_tests::{Project, patch, project};
use rustix::process::Signal;

/// The steps with this name.
fn steps(project: &Project, name: &str) -> Vec<String> {
    project.steps().into_iter().filter(|step| step.starts_with(&format!("{name}/"))).collect()
}

/// A build with a compiler of its own.
fn build(project: &Project, code: i32) -> bringup_tests::Output {
    project.run(&["build", "--compiler", "bootstrap", "fake"], code)
}

#[test]
fn one_compiler_is_built_and_is_that_of_every_target() {
    let project = project!();
    let output = project.run(&["build", "--compiler", "bootstrap", "fake", "twin"], 0);
    assert_eq!(steps(&project, "compiler").len(), 1);
    for folder in output.stdout.lines().map(std::path::Path::new) {
        let rustc = fs_err::read_to_string(folder.join("bin/rustc")).unwrap();
        assert!(rustc.contains("The fake compiler of stage 1"), "{rustc}");
        let triple = folder.file_name().unwrap().to_str().unwrap().split('-').next().unwrap();
        let driver = folder.join(format!("lib/rustlib/x86_64-unknown-linux-gnu/bin/{triple}-alpine-linux-musl-clang"));
        assert_eq!(fs_err::metadata(driver).unwrap().permissions().mode() & 0o111, 0o111);
        assert!(folder.join(format!("lib/rustlib/{triple}-alpine-linux-musl/lib/libstd-0123.rlib")).is_file());
        // What leads back into the source is not taken over.
        assert!(!folder.join("lib/rustlib/src").exists());
    }
    // The compiler's source is that of the compiler, without what it is not built from.
    let sources = steps(&project, "patch");
    let whole = sources.iter().find(|step| project.path("out").join(step).join("x.py").exists()).unwrap();
    assert!(!project.path("out").join(whole).join("vendor").exists());
    assert!(!project.path("out").join(whole).join("src/llvm-project").exists());
    project.assert_clean();
    // Nothing is left to do, and no tool is asked to do it.
    project.fail("x.py", "not again");
    assert_eq!(project.run(&["build", "--compiler", "bootstrap", "fake", "twin"], 0).stdout, output.stdout);
}

#[test]
fn only_what_is_its_own_makes_it_another_compiler() {
    let project = project!();
    build(&project, 0);
    let (compiler, std) = (steps(&project, "compiler"), steps(&project, "std"));

    let std_patch = patch("library/std/src/lib.rs", "//! std", "//! std, patched");
    project.patches(&[("0001-std.patch", &std_patch)]);
    project.edit("targets/fake/target.toml", "vendor = \"alpine\"", "vendor = \"other\"");
    build(&project, 0);
    assert_eq!(steps(&project, "compiler"), compiler);
    assert_eq!(steps(&project, "std").len(), std.len() + 1);

    let rustc = patch("compiler/rustc/src/main.rs", "// rustc", "// rustc, patched");
    project.patches(&[("0001-std.patch", &std_patch), ("0002-rustc.patch", &rustc)]);
    build(&project, 0);
    assert_eq!(steps(&project, "compiler").len(), 2);
    project.edit("bringup.toml", "[qemu]", "[compiler.rust]\nlto = \"off\"\n[qemu]");
    build(&project, 0);
    assert_eq!(steps(&project, "compiler").len(), 3);
    project.run(&["build", "--compiler", "bootstrap", "--stage", "2", "fake"], 0);
    assert_eq!(steps(&project, "compiler").len(), 4);
}

#[test]
fn what_an_interrupted_build_has_done_is_not_done_again() {
    let project = project!();
    project.hold("x.py");
    let run = project.cmd(&["build", "--compiler", "bootstrap", "fake"]).start();
    project.wait_held("x.py");
    run.signal(Signal::INT);
    assert_eq!(run.wait().status.code(), Some(130));
    project.assert_no_processes();
    assert!(steps(&project, "compiler").is_empty());
    project.release();
    build(&project, 0);
    assert!(project.read("out/log/compiler-x86_64-unknown-linux-gnu.log").contains("x.py: goes on"));
    // What is complete needs no more room than it takes.
    assert_eq!(fs_err::read_dir(project.path("out/unfinished")).unwrap().count(), 0);
}

#[test]
fn the_tests_run_with_it_and_the_report_says_so() {
    let project = project!();
    project.run(&["test", "fake"], 0);
    let mut stock = project.report();
    project.run(&["test", "--compiler", "bootstrap", "fake"], 0);
    let mut built = project.report();
    let making = serde_json::json!({"bootstrap": {"stage": 1, "llvm": "system"}});
    assert_eq!((&stock["build"]["compiler"], &built["build"]["compiler"]), (&"stock".into(), &making));
    for report in [&mut stock, &mut built] {
        let names = |run: &serde_json::Value| -> Vec<String> {
            let suites = run["suites"].as_array().unwrap().iter();
            let tests = suites.flat_map(|suite| suite["tests"].as_array().unwrap());
            tests.map(|test| format!("{} {}", test["name"], test["outcome"])).collect()
        };
        *report = report["runs"].as_array().unwrap().iter().flat_map(names).collect::<Vec<_>>().into();
    }
    assert_eq!(stock, built);
}

#[test]
fn the_settings_are_those_of_the_pins_and_the_targets() {
    let project = project!();
    project.edit("bringup.toml", "[qemu]", "[compiler.rust]\ncodegen-units = 4\n[qemu]");
    let output = project.run(&["build", "--compiler", "bootstrap", "--dry-run", "fake"], 0);
    let text = fs_err::read_to_string(output.stdout.trim()).unwrap();
    assert!(project.path("out/x.py/specs/fake-alpine-linux-musl.json").is_file());
    assert!(steps(&project, "compiler").is_empty());
    let text = text.replace(project.base().to_str().unwrap(), "[base]");
    let at = text.find("toolchain/fake-").unwrap() + "toolchain/fake-".len();
    insta::assert_snapshot!(text.replace(&text[at..at + 16], "[digest]"));
    project.fail("x.py-dry-run", "unknown key `lot`");
    let output = project.run(&["build", "--compiler", "bootstrap", "--dry-run", "fake"], 101);
    output.says(&["planning the build with x.py", "unknown key `lot`"]);
    project.run(&["build", "--dry-run", "fake"], 2).says(&["hint: add --compiler bootstrap"]);
}

#[test]
fn what_an_origin_lacks_is_made_up_for() {
    let project = project!();
    let origin = "path = \"sources/rust.tar.gz\"\n";
    project.edit("bringup.toml", origin, &format!("{origin}lacks = [\"src/tools/miri/\", \".gitmodules\"]\n"));
    build(&project, 0);
    let sources = steps(&project, "patch");
    let whole = sources.iter().find(|step| project.path("out").join(step).join("x.py").exists()).unwrap();
    assert!(!project.read(&format!("out/{whole}/Cargo.toml")).contains("miri"));
    assert!(project.path("out").join(whole).join("src/tools/miri").is_dir());
    assert_eq!(project.read(&format!("out/{whole}/.gitmodules")), "path = src/tools/miri\n");
    // A wrong list is not a reason to break a source that is whole.
    project.edit("bringup.toml", "src/tools/miri/", "library/std/");
    build(&project, 101).says(&["`lacks` in bringup.toml names library/std/, which the archive has"]);
}

#[test]
fn a_host_or_a_target_it_cannot_be_built_with_is_refused_before_any_work() {
    let project = project!();
    let refused = |code: i32, says: &[&str]| {
        build(&project, code).says(says);
        assert!(project.steps().is_empty(), "{:?}", project.steps());
    };
    let [config, moved] = ["tools/llvm-config-22", "tools/moved"].map(|tool| project.host(tool));
    fs_err::rename(&config, &moved).unwrap();
    refused(96, &["the host lacks llvm-config"]);
    // Without the headers that it tells of.
    project.script("tools/llvm-config-22", "echo 22.1.8");
    refused(96, &["the host lacks llvm-config with LLVM's headers"]);
    let headers = project.host("llvm");
    let tells = |of: &str| {
        let of = format!("case $1 in --includedir) echo '{}' ;; {of} esac", headers.display());
        project.script("tools/llvm-config-22", &of);
    };
    tells("*) echo 14.0.6 ;;");
    refused(96, &["is of LLVM 14.0.6", "rustc 1.95.0 requires LLVM 20 or newer", "--llvm bundled"]);
    tells("--version) echo 22.1.8 ;; *) echo X86 ;;");
    refused(96, &["lacks the back end Fake, which fake requires; it has X86"]);
    fs_err::rename(&moved, &config).unwrap();

    project.edit("targets/fake/target.toml", "backend = \"Fake\"", "");
    refused(2, &["targets/fake/target.toml: ", "backend"]);
    project.edit("targets/fake/target.toml", "[llvm]\n", "[llvm]\nbackend = \"Fake\"\n");
    project.edit("targets/fake/target.toml", "vendor = \"alpine\"", "bogus = \"alpine\"");
    refused(
        2,
        &[
            "rustc 1.95.0 rejects the spec of fake",
            "unknown field `bogus`",
            "correct [spec] in targets/fake/target.toml",
        ],
    );
    project.edit("targets/fake/target.toml", "bogus = \"alpine\"", "vendor = \"alpine\"");

    for options in [&["--stage", "2"], &["--llvm", "system"]] {
        let args = [&["build", "fake"][..], options].concat();
        project.run(&args, 2).says(&["hint: add --compiler bootstrap"]);
    }
    project.edit("bringup.toml", "version = \"1.95.0\"", "version = \"1.97.0\"");
    refused(96, &["rustc 1.95.0 is in use, but building rustc 1.97.0 requires rustc 1.96 or 1.97"]);
}

#[test]
fn a_failed_build_names_the_patch_and_not_all_that_x_py_says() {
    let project = project!();
    let rustc = patch("compiler/rustc/src/main.rs", "// rustc", "// rustc, patched");
    project.patches(&[("0001-rustc.patch", &rustc)]);
    let error = "   Compiling rustc v0.0.0\nerror[E0425]: cannot find value `nothing`\n  --> compiler/rustc/src/main.rs:1:9\n   |\nBuild completed unsuccessfully";
    project.fail("x.py", error);
    let output = build(&project, 101);
    output.says(&[
        "rust 1.95.0 does not compile: error[E0425]: cannot find value `nothing`",
        "--> compiler/rustc/src/main.rs:1:9",
        "it is changed by 0001-rustc.patch",
        "hint: `cargo xtask patch apply rust --rust 1.95.0`",
    ]);
    assert!(!output.stderr.contains("completed unsuccessfully"), "{}", output.stderr);
    project.fail("x.py", "error: could not compile `rustc_middle` (lib)\nCaused by: process didn't exit successfully (signal: 9, SIGKILL: kill)");
    build(&project, 101).says(&["not enough memory", "fewer `--jobs`", "codegen-units"]);
    project.fail("x.py", "rustc-LLVM ERROR: IO failure on output stream: No space left on device");
    build(&project, 101).says(&["the disk is full"]);
}
