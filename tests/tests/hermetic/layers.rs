//! Sources whose origins do not all have every layer, and patches of layers that cannot be had.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Archive, Project, patch, project};

const RUSTC: &str = "compiler/rustc/src/main.rs";
const STD: &str = "library/std/src/lib.rs";

/// A project whose first origin of Rust has only the library, with a patch to the compiler before one to std.
fn project() -> Project {
    let project = project!();
    project.copy_source("rust", "library-only");
    for other in ["compiler", "src", "vendor", "x.py"] {
        let path = project.path("library-only").join(other);
        if path.is_dir() { fs_err::remove_dir_all(path).unwrap() } else { fs_err::remove_file(path).unwrap() }
    }
    let archive = Archive::of_folder(&project.path("library-only"), "top").bytes();
    let hash = project.keep("sources/library.tar.gz", &archive);
    let first = "[[rust.origin]]\npath = \"sources/rust.tar.gz\"";
    let library = format!(
        "[[rust.origin]]\npath = \"sources/library.tar.gz\"\nsha256 = \"{hash}\"\nlayers = [\"library\"]\n\n{first}"
    );
    project.edit("bringup.toml", first, &library);
    let [rustc, std] = [patch(RUSTC, "// rustc", "// rustc, patched"), patch(STD, "//! std", "//! std, patched")];
    project.patches(&[("0001-rustc.patch", &rustc), ("0002-std.patch", &std)]);
    project.run(&["patch", "apply", "rust"], 0).says(&["working tree of rust 1.95.0: made"]);
    project.run(&["patch", "refresh", "rust"], 0);
    project.run(&["patch", "check"], 0);
    project
}

/// The files of Rust's series and their texts.
fn series(project: &Project) -> Vec<(String, String)> {
    let list = project.read("patches/rust/1.95.0/series");
    let text = |name: &str| (name.to_owned(), project.read(&format!("patches/rust/1.95.0/{name}")));
    list.lines().map(text).collect()
}

#[test]
fn the_origin_with_all_layers_is_taken() {
    let project = project();
    let before = series(&project);
    assert_eq!(before.len(), 2);
    let tree = project.run(&["patch", "apply", "rust"], 0);
    tree.says(&["has these patches already"]);
    let tree = std::path::Path::new(tree.stdout.trim());
    assert!(fs_err::read_to_string(tree.join(RUSTC)).unwrap().contains("patched"));
    project.run(&["patch", "refresh", "rust"], 0).prints(&["2 unchanged"]);
    assert_eq!(series(&project), before);
    project.run(&["fetch", "--all"], 0);
    assert!(!project.run(&["fetch", "--all"], 0).stderr.contains("only the layer"));
}

#[test]
fn what_can_be_had_is_applied_and_no_patch_is_lost() {
    let project = project();
    let before = series(&project);
    fs_err::remove_file(project.path("sources/rust.tar.gz")).unwrap();
    fs_err::remove_dir_all(project.path("work")).unwrap();
    fs_err::remove_dir_all(project.path("out")).unwrap();
    let output = project.run(&["patch", "apply", "rust"], 0);
    output.says(&[
        "note: rust 1.95.0: only the layer library; compiler cannot be had:",
        "sources/rust.tar.gz: the file does not exist",
        "without 1 patch of the other layers",
    ]);
    let tree = std::path::Path::new(output.stdout.trim());
    assert!(fs_err::read_to_string(tree.join(STD)).unwrap().contains("patched"));
    assert!(!tree.join(RUSTC).exists());
    project.run(&["patch", "refresh", "rust"], 0).prints(&["2 unchanged"]);
    assert_eq!(series(&project), before);
    project.run(&["patch", "apply", "rust"], 0).says(&["has these patches already"]);
    project.run(&["fetch", "--all"], 0).says(&["rust 1.95.0: only the layer library, without compiler"]);
    project
        .run(&["patch", "check"], 0)
        .says(&["rust 1.95.0: 1 patch not checked: compiler cannot be had: ", "rust 1.95.0: 1 patch checked"]);
    let status = project.run(&["patch", "status"], 0);
    status.prints(&["rust/1.95.0/0001-", "not tried", "rust/1.95.0/0002-", "yes"]);
    // std is built all the same.
    project.run(&["build", "fake"], 0);
    // Nothing can be had.
    fs_err::remove_file(project.path("sources/library.tar.gz")).unwrap();
    project.run(&["clean"], 0);
    project.run(&["patch", "apply", "rust"], 101).says(&["fetching rust 1.95.0: every origin failed"]);
}

#[test]
fn a_rebase_says_what_it_does_not_check() {
    let project = project();
    let hash = project.keep("sources/rust.tar.gz", &fs_err::read(project.path("sources/rust.tar.gz")).unwrap());
    let pin = format!(
        "[[rust]]\nversion = \"1.96.0\"\nlayers.library = [\"library\"]\n[[rust.origin]]\npath = \"sources/rust.tar.gz\"\nsha256 = \"{hash}\"\n\n[[musl]]\n"
    );
    project.edit("bringup.toml", "[[musl]]\n", &pin);
    let output = project.run(&["patch", "rebase", "--rust", "1.96.0", "--write"], 0);
    output.prints(&["0001-", "not checked", "rust 1.96.0 has no layer compiler", "0002-", "applies"]);
    assert!(!output.stdout.contains("+0 -0"), "{}", output.stdout);
    output.says(&["1 patch written", "not checked, and so not written: 1 patch"]);
    assert_eq!(project.read("patches/rust/1.96.0/series").lines().count(), 1);
}
