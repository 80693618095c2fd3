//! Versions of sources, series with patches left out, proofs and rebases, through the command line.

use bringup_tests::{Archive, Project, project};

const PATCH: &str = "patches/musl/1.2.6/0001-malloc-give-back-something.patch";
const PROOF: &str = "proofs/malloc.sh";

#[test]
fn a_proof_fails_without_its_patch_and_passes_with_it() {
    let project = project!();
    let output = project.run(&["patch", "prove"], 0);
    let rows: Vec<&str> = output.stdout.lines().filter(|line| line.contains("0001-malloc")).collect();
    assert_eq!(rows.len(), 2, "{}", output.stdout);
    for (row, target) in rows.iter().zip(["fake", "twin"]) {
        let words = [target, "dynamic", "fails: the script exited with status 1", "passes", "proven"];
        assert!(words.iter().all(|word| row.contains(word)), "{row}");
    }
    output.says(&["no memory for fake-alpine-linux-musl"]);
    // What it showed is kept.
    project.fail("cargo-build", "this is not to be called");
    let again = project.run(&["patch", "prove", "musl/1", "--target", "twin"], 0);
    assert!(again.stdout.contains("twin") && !again.stdout.contains("fake "), "{}", again.stdout);
    project.assert_clean();
}

#[test]
fn a_proof_that_shows_nothing_is_told() {
    let project = project!();
    project.write(PROOF, "true\n");
    let output = project.run(&["patch", "prove", "--target", "fake"], 10);
    assert!(output.stdout.contains("no longer needed"), "{}", output.stdout);
    project.write(PROOF, "echo never; false\n");
    let output = project.run(&["patch", "prove", "--target", "fake"], 100);
    assert!(output.stdout.contains("fails: the script exited with status 1  fails"), "{}", output.stdout);
    output.says(&["| never"]);
    project.edit(PATCH, "Targets: all", "Targets: twin");
    let output = project.run(&["patch", "prove", "--target", "fake"], 4);
    assert!(output.stdout.contains("not run"), "{}", output.stdout);
    output.says(&["the patch is for none of these targets"]);
}

#[test]
fn what_does_not_build_is_told() {
    let project = project!();
    project.fail("malloc.c", "the compiler crashed");
    let output = project.run(&["patch", "prove", "--target", "fake"], 100);
    assert!(output.stdout.contains("fails: it does not build"), "{}", output.stdout);
    output.says(&["step `musl fake` failed"]);
}

#[test]
fn references_of_a_patch_are_checked() {
    let project = project!();
    project.run(&["patch", "check"], 0);
    let text = project.read(PATCH);
    let wrong = |from: &str, to: &str, expected: &str| {
        project.write(PATCH, text.replace(from, to));
        project.run(&["patch", "check"], 101).says(&[PATCH, expected]);
        project.write(PATCH, &text);
    };
    wrong("Targets: all", "Targets: fake z80", "Targets: there is no target `z80`");
    wrong("Proof: proofs/malloc.sh", "Proof: proofs/none.c", "Proof: entity not found");
    wrong("Proof: proofs/malloc.sh\n", "", "the trailer `Proof:` is missing");
    project.write(PROOF, "#@ link: both\n");
    project
        .run(&["patch", "check"], 101)
        .says(&["Proof: proofs/malloc.sh:1: `both`: expected dynamic, static or both"]);
}

#[test]
fn patches_are_left_out_when_asked() {
    let project = project!();
    let plan = |args: &[&str]| project.run(&[&["plan", "fake"], args].concat(), 0).stdout;
    let whole = plan(&[]);
    let without = plan(&["--without", "musl/1"]);
    assert_ne!(whole, without);
    assert_eq!(plan(&["--without", "musl"]), without);
    project.run(&["plan", "--without", "musl/2"], 2).says(&["musl 1.2.6 has no patch `musl/2`", "0001-malloc"]);
    project.run(&["plan", "--without", "glibc"], 2).says(&["unknown source `glibc`"]);
    let patch = "musl/0001-malloc-give-back-something.patch";
    project
        .run(&["test", "fake", "--suite", "std", "--link", "dynamic", "--without", "musl"], 0)
        .says(&[&format!("note: fake qemu dynamic: built without patch {patch}")]);
    assert_eq!(project.report()["build"]["left_out"], serde_json::json!([patch]));
}

#[test]
fn only_what_changes_a_tree_is_built_again() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    let plan = || project.run(&["plan", "fake"], 0).stdout;
    let before = plan();
    assert!(before.lines().any(|line| line.starts_with("done  std fake")), "{before}");
    for (from, to) in [
        ("Inappropriate [example]", "Denied"),
        ("The caller asked for memory.", "The caller has asked for memory."),
        ("Subject: [PATCH] malloc", "Subject: [PATCH] stdlib"),
        ("Date: Fri, 2 Jan 2026", "Date: Sat, 3 Jan 2026"),
    ] {
        project.edit(PATCH, from, to);
        assert_eq!(plan(), before, "{to}");
    }
    project.edit(PATCH, "+    return (void *)size;", "+    return (void *)(size);");
    assert!(plan().lines().any(|line| line.starts_with("run   std fake")), "{}", plan());
    // A verb of patches has unpacked the pristine source since.
    project.run(&["patch", "status"], 0);
    let why = project.run(&["why", "fake"], 0).stdout;
    assert!(why.contains("+ patch of src/malloc.c: +    return (void *)(size);"), "{why}");
}

/// Pins a second musl, whose malloc.c is this.
fn pin_second(project: &Project, malloc: &str) {
    project.copy_source("musl", "second");
    project.write("second/src/malloc.c", malloc);
    let archive = Archive::of_folder(&project.path("second"), "top").bytes();
    project.pin_more("musl", "1.2.7", &archive);
}

/// malloc.c with this result.
fn malloc(result: &str) -> String {
    let body = format!("void *malloc(unsigned long size) {{\n    return {result};\n}}\n");
    format!("#include <stdio.h>\n\n{body}\nvoid free(void *memory) {{\n}}\n")
}

#[test]
fn a_series_is_carried_over_to_another_version() {
    let project = project!();
    pin_second(&project, &format!("{}// New.\n", malloc("0")));
    project.run(&["patch", "rebase"], 2).says(&["there is nothing to rebase onto"]);
    project.run(&["patch", "rebase", "--musl", "1.3"], 2).says(&["musl 1.3 is not pinned", "has musl 1.2.6, 1.2.7"]);
    let output = project.run(&["patch", "rebase", "--musl", "1.2.7", "--write"], 0).stdout;
    assert!(output.contains("musl 1.2.6 -> 1.2.7") && output.contains("applies"), "{output}");
    project.run(&["patch", "check"], 0).says(&["musl 1.2.7: 1 patch checked"]);
    project.run(&["patch", "rebase", "--musl", "1.2.7", "--write"], 2).says(&["already exists"]);
    project.run(&["test", "fake", "--suite", "std", "--musl", "1.2.7"], 0);
    assert_eq!(project.report()["pins"]["musl"], "1.2.7");
}

#[test]
fn all_versions_are_fetched_when_asked() {
    let project = project!();
    pin_second(&project, &malloc("0"));
    assert!(!project.run(&["fetch"], 0).stderr.contains("musl 1.2.7"));
    project.run(&["fetch", "--all"], 0).says(&["musl 1.2.7: ", "sources/musl-1.2.7.tar.gz"]);
}

#[test]
fn what_upstream_has_or_has_changed_is_told() {
    let project = project!();
    pin_second(&project, &malloc("(void *)size"));
    let output = project.run(&["patch", "rebase", "--musl", "1.2.7"], 0).stdout;
    assert!(output.contains("upstream has it"), "{output}");
    let project = project!();
    pin_second(&project, &malloc("new(size)"));
    let output = project.run(&["patch", "rebase", "--musl", "1.2.7"], 0).stdout;
    assert!(output.contains("conflicts") && output.contains("src/malloc.c:4"), "{output}");
    // Written otherwise by upstream, as the patch knows.
    project.edit(PATCH, "Inappropriate [example]", "Backport [1.2.7]");
    let output = project.run(&["patch", "rebase", "--musl", "1.2.7"], 0).stdout;
    assert!(output.contains("upstream has it"), "{output}");
    project.edit(PATCH, "Backport [1.2.7]", "Backport [1.2.8]");
    let output = project.run(&["patch", "rebase", "--musl", "1.2.7"], 0).stdout;
    assert!(output.contains("conflicts"), "{output}");
}

#[test]
fn what_upstream_took_over_time_is_one_table() {
    let project = project!();
    assert_eq!(project.run(&["patch", "rebase", "--all"], 0).stdout, "");
    pin_second(&project, &malloc("(void *)size"));
    let hash = project.keep("sources/third.tar.gz", &{
        project.write("second/src/malloc.c", malloc("new(size)"));
        Archive::of_folder(&project.path("second"), "top").bytes()
    });
    let pin = format!(
        "[[musl]]\nversion = \"1.10\"\n[[musl.origin]]\npath = \"sources/third.tar.gz\"\nsha256 = \"{hash}\"\n"
    );
    project.write("bringup.toml", project.read("bringup.toml") + &pin);
    let table = project.run(&["patch", "rebase", "--all"], 0).stdout;
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    // In the order of the numbers, whatever the order in bringup.toml.
    assert_eq!(rows[0], ["patch of musl 1.2.6", "1.2.7", "1.10"], "{table}");
    assert_eq!(rows[1][1..], ["upstream has it", "conflicts"], "{table}");
    project.run(&["patch", "rebase", "--all", "--write"], 2);
}

#[test]
fn a_maintainer_is_told_what_to_look_at() {
    let project = project!();
    let row = |text: &str| {
        let output = project.run(&["patch", "watch"], 0).stdout;
        let row = output.lines().find(|line| line.contains("musl/0001-")).unwrap().to_owned();
        assert!(row.contains(text), "{text}\n{row}");
        row
    };
    let before = row("Inappropriate [example]");
    assert!(!before.contains("look") && !before.contains("https://"), "{before}");
    let mut last = "Inappropriate [example]";
    for (status, advice) in [
        ("Pending", "not sent yet: send it"),
        ("Submitted [https://example.org/1]", "whether it is merged"),
        ("Backport [1.2.7]", "drop it once the source has 1.2.7"),
        ("Denied", "whether the reason still holds"),
        ("Inappropriate [see https://example.org/2, alas]", "whether the cause is gone"),
        ("Inactive-Upstream", "whether there is a new upstream"),
    ] {
        project.edit(PATCH, last, status);
        row(advice);
        last = status;
    }
    project.edit(PATCH, last, "Submitted [(https://example.org/3).]");
    assert!(row("whether it is merged").ends_with(" https://example.org/3"));
    // A newer version has no such patch.
    pin_second(&project, &malloc("0"));
    row("whether it is merged; gone in 1.2.7");
    project.run(&["patch", "rebase", "--musl", "1.2.7", "--write"], 0);
    assert!(!row("whether it is merged").contains("gone"));
}
