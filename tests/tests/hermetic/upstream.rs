//! `target upstream`: the builtins, compared with upstream's own build.

use bringup_tests::{Archive, ElfObject, Project, project};

/// A project whose builtins are objects with symbols.
fn project_with_symbols() -> Project {
    let project = project!();
    let add = ElfObject::new(0).function("__add", &[1, 2]).function("__sub", &[3]).requires("abort");
    let soft = ElfObject::new(1).function("__add", &[1, 2, 4]).function("__sub", &[3]).requires("abort");
    let int = ElfObject::new(0).function("__int", &[5]);
    let files: [(&str, &[u8]); 6] = [
        ("add.c", &add.bytes()),
        ("add.c.soft", &soft.bytes()),
        ("int.c", &int.bytes()),
        ("int.c.soft", &int.bytes()),
        ("more.c", &ElfObject::new(0).function("__more", &[6]).bytes()),
        ("CMakeLists.txt", b"add.c\nint.c\n"),
    ];
    project.copy_source("llvm", "llvm");
    for (file, content) in files {
        project.write(&format!("llvm/compiler-rt/lib/builtins/{file}"), content);
    }
    project.pin("llvm", &Archive::of_folder(&project.path("llvm"), "top").bytes());
    project
}

/// A patch of CMakeLists.txt.
fn patch_list(project: &Project, hunk: &str) {
    let file = "compiler-rt/lib/builtins/CMakeLists.txt";
    let text = format!(
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n\
         From: A Maintainer <a@example.org>\nDate: Mon, 5 Oct 2026 12:00:00 +0000\n\
         Subject: [PATCH] change the list\n\nA change.\n\n\
         Upstream-Status: Pending\nTargets: all\nProof: proofs/malloc.sh\n\n\
         diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n{hunk}"
    );
    project.write("patches/llvm/22.1.8/series", "0001-change-the-list.patch\n");
    project.write("patches/llvm/22.1.8/0001-change-the-list.patch", text);
}

fn intend(project: &Project, entries: &str) {
    project.edit("targets/fake/target.toml", "[musl]\n", &format!("{entries}\n[musl]\n"));
}

#[test]
fn builtins_as_upstreams_pass_and_are_built_once() {
    let project = project_with_symbols();
    let output = project.run(&["target", "upstream", "fake"], 0);
    assert_eq!(output.stdout, "fake            3 symbols  as upstream's\n");
    let steps = project.steps();
    let of = |kind: &str| steps.iter().filter(|step| step.starts_with(kind)).count();
    assert_eq!((of("upstream/"), of("sysroot/"), of("std/")), (1, 1, 0), "{steps:?}");
    project.note_spans();
    project.run(&["target", "upstream", "fake"], 0);
    assert_eq!(project.spans().0, 0, "nothing is built again");
    project.assert_clean();
}

#[test]
fn a_dropped_and_an_added_file_are_named() {
    let project = project_with_symbols();
    patch_list(&project, "@@ -1,2 +1,2 @@\n add.c\n-int.c\n+more.c\n");
    let output = project.run(&["target", "upstream", "fake"], 100);
    output.says(&["fake: missing __int: only upstream defines it", "fake: extra __more: only ours defines it"]);
    assert!(output.stdout.contains("2 differences"), "{}", output.stdout);

    let intended = "[[runtimes.difference]]\nkinds = ['missing']\nsymbols = ['__int']\nreason = 'not wanted'\n\
                    [[runtimes.difference]]\nkinds = ['extra']\nsymbols = ['__more']\nreason = 'wanted'";
    intend(&project, intended);
    let output = project.run(&["target", "upstream", "fake"], 0);
    assert!(output.stdout.contains("2 intended differences"), "{}", output.stdout);
    assert!(output.stdout.contains("missing __int: only upstream defines it: not wanted"), "{}", output.stdout);
}

#[test]
fn a_soft_float_library_is_named() {
    let project = project_with_symbols();
    intend(&project, "[runtimes]\nflags = ['-mfake-soft']");
    let output = project.run(&["target", "upstream", "fake"], 100);
    output.says(&[
        "fake: abi __add: e_flags is 0x1, upstream's 0x0",
        "fake: code __add: other machine code or size: 3 bytes, upstream's 2",
        "hint: if a difference is intended",
    ]);
    assert!(!output.stderr.contains("__int"), "{}", output.stderr);
}

#[test]
fn an_intended_difference_that_does_not_occur_is_out_of_date() {
    let project = project_with_symbols();
    intend(&project, "[[runtimes.difference]]\nkinds = ['code']\nsymbols = ['__add']\nreason = 'a patch'");
    let output = project.run(&["target", "upstream", "fake"], 10);
    output.says(&["targets/fake/target.toml: [[runtimes.difference]] code __add: this difference does not occur"]);
}

#[test]
fn a_difference_of_all_targets_must_occur_on_one() {
    let project = project_with_symbols();
    patch_list(&project, "@@ -1,2 +1,3 @@\n add.c\n int.c\n+more.c\n");
    let entry = "[[runtimes.difference]]\nkinds = ['extra']\nsymbols = ['__more']\nreason = 'a patch'\n";
    project.edit("bringup.toml", "[qemu]", &format!("{entry}[qemu]"));
    let output = project.run(&["target", "upstream"], 0);
    assert_eq!(output.stdout.matches("extra __more: only ours defines it: a patch").count(), 2, "{}", output.stdout);
    project.edit("bringup.toml", "['__more']", "['__more', '__none']");
    project.run(&["target", "upstream", "fake"], 0);
    let output = project.run(&["target", "upstream"], 10);
    output.says(&["bringup.toml: [[runtimes.difference]] extra __none: this difference does not occur"]);
}

#[test]
fn a_build_of_upstreams_that_fails_is_a_failure() {
    let project = project_with_symbols();
    project.run(&["target", "upstream", "fake"], 0);
    project.fail("cmake", "CMake Error: no such thing");
    patch_list(&project, "@@ -1,2 +1,1 @@\n add.c\n-int.c\n");
    project.run(&["target", "upstream", "fake"], 101).says(&["configuring compiler-rt's builtins", "no such thing"]);
}

#[test]
fn the_temporary_folder_must_suit_cmake() {
    let project = project!();
    let folder = project.base().join("tmp with spaces");
    fs_err::create_dir(&folder).unwrap();
    let output = project.cmd(&["build", "fake"]).env("TMPDIR", &folder).run().ends_with(101);
    output.says(&["CMake does not support the temporary folder", "hint: set TMPDIR"]);
}
