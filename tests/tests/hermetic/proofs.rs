//! Proofs of patches to a compiler and to the program that builds it.

use bringup_tests::{Project, patch, project};

const RUSTC: &str = "compiler/rustc/src/main.rs";
const XPY: &str = "src/bootstrap/src/main.rs";

/// The fake compiler is what it was built from.
const OF_COMPILER: &str = "#@ needs: compiler\ngrep 'patched' \"${RUSTC%/bin/rustc}/lib/librustc_driver-0123.so\"\n";

/// A project with one patch over rustc, and this as its proof.
fn with_rustc_patch(proof: &str) -> Project {
    let project = project!();
    project.write("proofs/malloc.sh", "true\n");
    project.write("proofs/rustc.sh", proof);
    let rustc = patch(RUSTC, "// rustc", "// rustc, patched").replace("malloc.sh", "rustc.sh");
    project.patches(&[("0001-rustc.patch", &rustc)]);
    project
}

/// What `patch prove` prints of these patches, for the target `fake`.
fn prove(project: &Project, args: &[&str], code: i32) -> bringup_tests::Output {
    let base = ["patch", "prove", "--target", "fake", "--compiler", "bootstrap"];
    project.run(&[&base[..], args].concat(), code)
}

/// The cells of the one row about this patch.
fn row(output: &bringup_tests::Output, patch: &str) -> Vec<String> {
    let rows: Vec<&str> = output.stdout.lines().filter(|line| line.contains(patch)).collect();
    assert_eq!(rows.len(), 1, "{}", output.stdout);
    rows[0].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).skip(1).map(str::to_owned).collect()
}

fn count(project: &Project, step: &str) -> usize {
    project.steps().iter().filter(|name| name.starts_with(&format!("{step}/"))).count()
}

#[test]
fn a_patch_to_the_compiler_is_held_against_the_installed_one() {
    let project = with_rustc_patch(OF_COMPILER);
    let output = prove(&project, &["rust/1"], 0);
    let cells = ["host", "all of the compiler", "fails: the script exited with status 2", "passes", "proven"];
    assert_eq!(row(&output, "rust/1.95.0/0001-rustc.patch"), cells);
    // It takes one compiler, and no toolchain of the target.
    assert_eq!((count(&project, "compiler"), count(&project, "sysroot")), (1, 0));
    project.assert_clean();
    // The stock compiler has not got the patch.
    let output = project.run(&["patch", "prove", "rust/1", "--target", "fake"], 4);
    assert!(output.stdout.contains("not run"), "{}", output.stdout);
    output
        .says(&["the patch changes the compiler, but the compiler is the stock one", "hint: add --compiler bootstrap"]);
    project.run(&["patch", "prove", "--each"], 2).says(&["--each requires a built compiler"]);
    // The installed one is a control only if it is the same but for the patches.
    fs_err::rename(project.path("patches/rust/1.95.0"), project.path("patches/rust/1.96.0")).unwrap();
    project.edit("bringup.toml", "version = \"1.95.0\"", "version = \"1.96.0\"");
    prove(&project, &["rust/1"], 4).says(&["there is only rustc 1.95.0, not 1.96.0", "with --each"]);
}

#[test]
fn a_compiler_is_built_without_each_patch_if_asked() {
    let project = with_rustc_patch(OF_COMPILER);
    let first = project.read("patches/rust/1.95.0/0001-rustc.patch");
    let second = patch(RUSTC, "// rustc, patched", "// rustc, patched twice");
    project.patches(&[("0001-rustc.patch", &first), ("0002-again.patch", &second)]);
    let output = prove(&project, &["--each", "rust/1"], 0);
    let cells = ["host", "it and 1 more", "fails: the script exited with status 1", "passes", "proven"];
    assert_eq!(row(&output, "0001-rustc.patch"), cells);
    output.says(&["left out too: 0002-again.patch"]);
    assert_eq!(count(&project, "compiler"), 2);
    // Each has a log of its own.
    let logs = fs_err::read_dir(project.path("out/log")).unwrap();
    let logs = logs.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("compiler-"));
    assert_eq!(logs.count(), 2);

    project.write("proofs/malloc.sh", OF_COMPILER.replace("patched", "twice"));
    assert_eq!(row(&prove(&project, &["--each", "rust/2"], 0), "0002-again.patch")[1], "it");
    project.write("proofs/malloc.sh", OF_COMPILER);
    let output = prove(&project, &["--each", "rust/2"], 10);
    assert_eq!(row(&output, "0002-again.patch")[2..], ["passes", "passes", "no longer needed"]);
}

#[test]
fn a_toolchain_with_the_built_compiler_is_held_against_that_with_the_installed_one() {
    // The same sysroot and the same std, but for who has compiled it.
    let project = with_rustc_patch("[ -f \"$SYSROOT/usr/lib/libc.a\" ] && grep 'fake compiler' \"$RUSTC\"\n");
    let output = prove(&project, &["rust"], 0);
    let cells =
        ["fake", "dynamic", "all of the compiler", "fails: the script exited with status 1", "passes", "proven"];
    assert_eq!(row(&output, "0001-rustc.patch"), cells);
    assert_eq!((count(&project, "compiler"), count(&project, "std"), count(&project, "musl")), (1, 2, 1));
}

#[test]
fn a_patch_to_x_py_takes_its_source_only() {
    let project = project!();
    let archive = Project::archive("rust").file(&format!("top/{XPY}"), b"// x.py\nfn main() {}\n");
    project.pin("rust", &archive.bytes());
    project.edit(
        "bringup.toml",
        "compiler = [\"compiler\"]",
        "compiler = [\"compiler\"]\nbootstrap = [\"src/bootstrap\"]",
    );
    let text = patch(XPY, "// x.py", "// x.py, patched").replace("malloc.sh", "xpy.sh");
    project.patches(&[("0001-xpy.patch", &text)]);
    let proof = format!(
        "#@ needs: source\nset -e\n\"$RUSTC\" -vV | grep -q 'release: 1.95.0'\n[ -x \"$CARGO\" ]\n\
         [ \"$HOME\" = \"$PWD\" ] && [ -n \"$CARGO_HOME\" ] && [ \"$PYTHONDONTWRITEBYTECODE\" ]\n\
         grep -q patched \"$SOURCE/{XPY}\" || exit 3\n"
    );
    project.write("proofs/xpy.sh", proof);
    let output = prove(&project, &["rust"], 0);
    let cells = ["host", "it", "fails: the script exited with status 3", "passes", "proven"];
    assert_eq!(row(&output, "0001-xpy.patch"), cells);
    assert_eq!((count(&project, "compiler"), count(&project, "sysroot")), (0, 0));
    // Who does not come to the point has not shown that the patch is needed.
    project.edit("proofs/xpy.sh", "exit 3", "exit 125");
    let output = prove(&project, &["rust"], 100);
    let cells = ["host", "it", "cannot tell: the script exited with status 125", "passes", "fails"];
    assert_eq!(row(&output, "0001-xpy.patch"), cells);
}

#[test]
fn a_patch_to_std_leaves_the_compiler_as_it_is() {
    let project = with_rustc_patch(OF_COMPILER);
    let rustc = project.read("patches/rust/1.95.0/0001-rustc.patch");
    let std = patch("library/std/src/lib.rs", "//! std", "//! std, patched").replace("malloc.sh", "std.sh");
    project.patches(&[("0001-rustc.patch", &rustc), ("0002-std.patch", &std)]);
    project.write("proofs/std.sh", "grep 'patched' \"${RUSTC%/bin/rustc}/lib/rustlib/$TRIPLE/lib/libstd-0123.rlib\"\n");
    let output = prove(&project, &["rust/2"], 0);
    let cells = ["fake", "dynamic", "it", "fails: the script exited with status 1", "passes", "proven"];
    assert_eq!(row(&output, "0002-std.patch"), cells);
    assert_eq!((count(&project, "compiler"), count(&project, "std")), (1, 2));
}
