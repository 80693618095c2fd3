//! Patches that do not fit, or cannot be read: each ends in one sentence that says why.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Archive, Project, cases, project};

const PATCH: &str = "patches/musl/1.2.6/0001-malloc-give-back-something.patch";
const SERIES: &str = "patches/musl/1.2.6/series";

/// Two equal blocks.
const TWICE: &str = "one\ntwo\nthree\nold\nfour\nfive\nsix\n\none\ntwo\nthree\nold\nfour\nfive\nsix\n";

/// A second patch over musl, without an `index` line, as a hand would write it.
fn second_patch(project: &Project, diff: &str) -> String {
    let name = "0002-second.patch";
    let mail = project.read(PATCH);
    let (mail, _) = mail.split_once("diff --git").unwrap();
    let mail = mail.replace("malloc: give back something", "second");
    project.write(&format!("patches/musl/1.2.6/{name}"), format!("{mail}{diff}"));
    let first = PATCH.rsplit('/').next().unwrap();
    project.write(SERIES, format!("{first}\n{name}\n"));
    format!("patches/musl/1.2.6/{name}")
}

fn hunk(line: u32) -> String {
    let lines = " one\n two\n three\n-old\n+new\n four\n five\n six\n";
    format!("diff --git a/twice.txt b/twice.txt\n--- a/twice.txt\n+++ b/twice.txt\n@@ -{line},7 +{line},7 @@\n{lines}")
}

/// A project whose musl has the two blocks, and a patch to the second.
fn with_twice() -> (Project, String) {
    let project = project!();
    project.pin("musl", &Project::archive("musl").file("top/twice.txt", TWICE.as_bytes()).bytes());
    let file = second_patch(&project, &hunk(9));
    project.run(&["patch", "check"], 101).says(&[&file, "no `index` line for twice.txt"]);
    project.run(&["patch", "apply", "musl"], 0);
    project.run(&["patch", "refresh", "musl"], 0).prints(&["changed 0002-second.patch"]);
    project.run(&["patch", "check"], 0);
    (project, file)
}

#[test]
fn a_hunk_that_lands_elsewhere_is_not_built() {
    let (project, file) = with_twice();
    project.run(&["build", "fake"], 0);
    project.edit(&file, "@@ -9,7 +9,7 @@", "@@ -2,7 +2,7 @@");
    let sentence = "0002-second.patch applies, but twice.txt becomes ";
    let landed = "twice.txt, line 2: @@ -2,7 +2,7 @@ six has landed at line 1";
    project.run(&["build", "fake"], 101).says(&["patching musl 1.2.6: ", sentence, landed, "hint: "]);
    project.run(&["patch", "check"], 101).says(&["1 fault in the series", &file, sentence, landed]);
    project.run(&["patch", "status"], 0).prints(&["0002-second.patch", "elsewhere"]);
    project.run(&["patch", "apply", "musl"], 101).says(&[
        sentence,
        landed,
        "work/musl-1.2.6 has all patches",
        "git show",
    ]);
    // The first block is changed in the tree. Accepting the change gives new ids at the same place.
    project.run(&["patch", "refresh", "musl"], 0);
    project.run(&["patch", "check"], 0);
    assert!(project.read(&file).contains("@@ -1,7 +1,7 @@"), "{}", project.read(&file));
    project.assert_clean();
}

#[test]
fn ids_of_a_file_hold_unless_a_patch_to_it_is_left_out() {
    let project = project!();
    let free = "diff --git a/src/malloc.c b/src/malloc.c\n--- a/src/malloc.c\n+++ b/src/malloc.c\n@@ -4,4 +4,5 @@\n     \
                return (void *)size;\n }\n \n void free(void *memory) {\n+    // kept\n }\n";
    let free = free.replace("@@ -4,4 +4,5 @@\n     return (void *)size;\n }\n", "@@ -5,4 +5,5 @@\n }\n");
    second_patch(&project, &free);
    project.run(&["patch", "apply", "musl"], 0);
    project.run(&["patch", "refresh", "musl"], 0);
    project.run(&["patch", "check"], 0);
    project.run(&["build", "fake", "--without", "musl/1"], 0);
    project.run(&["build", "fake"], 0);
}

#[test]
fn what_upstream_has_already_is_told() {
    let project = project!();
    let malloc = "#include <stdio.h>\n\nvoid *malloc(unsigned long size) {\n    return (void *)size;\n}\n\nvoid free(void *memory) {\n}\n";
    project.copy_source("musl", "newer");
    project.write("newer/src/malloc.c", malloc);
    project.pin("musl", &Archive::of_folder(&project.path("newer"), "top").bytes());
    let sentence = "0001-malloc-give-back-something.patch does not apply: the change is already in the source";
    project.run(&["build", "fake"], 101).says(&[sentence, "hint: ", "`git am --skip` drops it"]);
    project.run(&["patch", "check"], 101).says(&[PATCH, sentence]);
    project.run(&["patch", "status"], 0).prints(&["no: the source has it"]);
    project.run(&["patch", "apply", "musl"], 101).says(&[sentence, "hint: `git am --skip`"]);
}

#[test]
fn a_patch_twice_in_a_series_is_told() {
    let project = project!();
    let text = project.read(PATCH);
    let file = second_patch(
        &project,
        text.split_once("diff --git").map(|(_, diff)| format!("diff --git{diff}")).unwrap().as_str(),
    );
    let twin = "0001-malloc-give-back-something.patch";
    project.run(&["patch", "check"], 101).says(&[&file, &format!("makes the same change as {twin}")]);
    project
        .run(&["build", "fake"], 101)
        .says(&["0002-second.patch does not apply: the change is already in the source", twin]);
}

#[test]
fn a_damaged_patch_is_refused_before_work_and_read_once_mended() {
    let project = project!();
    let good = project.read(PATCH);
    let faults: [(&str, String, &str, &str); 7] = [
        ("CRLF", good.replace('\n', "\r\n"), "1: the line ends are CRLF", "hint: `sed -i 's/\\r$//' patches/musl"),
        ("BOM", format!("\u{feff}{good}"), "1: the file begins with a byte order mark", "hint: `sed -i "),
        (
            "cut",
            good[..good.len() - 30].to_owned() + "\n",
            "17: @@ -1,7 +1,7 @@ promises 2 more old",
            "hint: take the patch again",
        ),
        ("newline", good.trim_end().to_owned(), "the last line has no newline", "hint: "),
        (
            "-p0",
            good.replace(" a/", " ").replace(" b/", " "),
            "lack the prefixes a/ and b/",
            "hint: make the patch again",
        ),
        (
            "base64",
            good.replace("Subject:", "Content-Transfer-Encoding: base64\nSubject:"),
            "4: the mail is encoded as base64",
            "hint: `git am` decodes it",
        ),
        ("empty", String::new(), "1: the file is empty", "hint: remove it"),
    ];
    cases(faults.map(|fault| (fault.0, fault)), |(_, text, sentence, hint)| {
        project.write(PATCH, text);
        for args in [&["plan", "fake"][..], &["patch", "check"], &["patch", "apply", "musl"]] {
            project.run(args, 101).says(&[PATCH, sentence, hint]);
        }
    });
    assert!(project.steps().is_empty(), "{:?}", project.steps());
    project.write(PATCH, good);
    project.run(&["plan", "fake"], 0);
}

#[test]
fn a_patch_that_no_tree_would_get_is_refused() {
    let project = project!();
    let text = bringup_tests::patch("README.md", "One", "Two");
    project.patches(&[("0001-readme.patch", &text)]);
    let sentence = "patches/rust/1.95.0/0001-readme.patch: README.md is in none of the layers of bringup.toml";
    project.run(&["plan", "fake"], 2).says(&[sentence]);
    project.run(&["build", "fake"], 2).says(&[sentence]);
}

#[test]
fn every_kind_of_change_is_applied_and_written_back() {
    let project = project!();
    project.pin(
        "musl",
        &Project::archive("musl").file("top/twice.txt", TWICE.as_bytes()).file("top/tool.sh", b"true\n").bytes(),
    );
    let diff = "diff --git a/tool.sh b/tool.sh\nold mode 100644\nnew mode 100755\n\
                diff --git a/twice.txt b/moved here.txt\nsimilarity index 100%\nrename from twice.txt\nrename to moved here.txt\n\
                diff --git a/COPYRIGHT b/COPYRIGHT\ndeleted file mode 100644\n--- a/COPYRIGHT\n+++ /dev/null\n@@ -1 +0,0 @@\n-COPYING\n\
                diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+tool.sh\n\\ No newline at end of file\n";
    let copyright = String::from_utf8(
        fs_err::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sources/musl/COPYRIGHT")).unwrap(),
    );
    let diff = diff.replace("COPYING", copyright.unwrap().trim_end());
    second_patch(&project, &diff);
    let tree = project.run(&["patch", "apply", "musl"], 0).stdout;
    let tree = std::path::Path::new(tree.trim());
    assert!(
        tree.join("moved here.txt").is_file() && !tree.join("COPYRIGHT").exists() && tree.join("link").is_symlink()
    );
    project.run(&["patch", "refresh", "musl"], 0);
    project.run(&["patch", "check"], 0);
    let before = project.read("patches/musl/1.2.6/0002-second.patch");
    project.run(&["patch", "apply", "musl"], 0).says(&["has these patches already"]);
    project.run(&["patch", "refresh", "musl"], 0).prints(&["2 unchanged"]);
    assert_eq!(project.read("patches/musl/1.2.6/0002-second.patch"), before);
    project.run(&["patch", "status"], 0).prints(&["0002-second.patch", "yes"]);
}
