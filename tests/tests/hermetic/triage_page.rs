//! The page of a triage: what others need to see and to repeat it, and nothing of this machine.

use bringup_tests::{Project, patch, project};

/// A project whose std has this test, for the target `fake`.
fn with_test(test: &str) -> Project {
    let project = project!();
    project.tests("std", &format!("pass_a {test}"));
    project.run(&["plan", "fake"], 0);
    project
}

/// The page of this name, which tells nothing of where the project is.
fn page(project: &Project, name: &str) -> String {
    let page = project.read(&format!("out/triage/{name}.md"));
    let base = project.base().display().to_string();
    assert!(!page.contains(&base), "{base} is in:\n{page}");
    page
}

fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in:\n{page}");
    }
}

#[test]
fn a_crash_is_told_without_paths_of_this_machine() {
    let project = with_test("segv_b");
    project.run(&["triage", "fake", "std", "segv_b", "--limit", "7", "--without", "musl"], 0);
    let page = page(&project, "fake-std-segv_b-dynamic");
    assert_has(
        &page,
        &[
            "- compiler: the installed rustc\n",
            "- QEMU: qemu-x version 11.1.3 (fake)\n",
            "\nQEMU_FAKE_11_1_3=$(command -v qemu-fake)  # qemu-x version 11.1.3 (fake)\n",
            "\nFAKE=$(cargo xtask build fake --rust 1.95.0 --musl 1.2.6 --without musl/0001-malloc-give-back-something.patch)  # builds the toolchain",
            "\nFAKE_TESTS=out/test_programs/fake-",
            "\"$QEMU_FAKE_11_1_3\" -L \"$FAKE/sysroot\" \"$FAKE_TESTS/dynamic/",
            ", the failing one first:\n",
            "--link dynamic --limit 7 --rust 1.95.0 --musl 1.2.6 --without musl/0001-malloc-give-back-something.patch\n",
            // The emulator that has no stub says so.
            "Not captured: connecting to QEMU's gdb stub",
            "\n```\nfake-qemu: there is no gdb stub\n```\n",
        ],
    );
    assert!(!page.contains("- Bringup: "), "it is no repository:\n{page}");
}

#[test]
fn what_passes_is_not_said_to_fail() {
    let project = with_test("fail_b");
    project.run(&["triage", "fake", "std", "pass_a", "--isolation", "none"], 0).prints(&["not seen again"]);
    let page = page(&project, "fake-std-pass_a-dynamic-isolation-none");
    assert!(!page.contains("the failing one"), "{page}");
    assert_has(&page, &["# under load", "--isolation none"]);
}

#[test]
fn each_way_to_fail_has_a_page() {
    let project = with_test("fail_b");
    project.run(&["triage", "fake", "std", "fail_b"], 0);
    project.run(&["triage", "fake", "std", "fail_b", "--link", "static"], 0);
    let fake = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake").display().to_string();
    project.run(&["triage", "fake", "std", "fail_b", "--qemu", &fake, "--isolation", "network"], 0);
    for name in ["dynamic", "static", "dynamic-qemu-11.1.3-isolation-network"] {
        page(&project, &format!("fake-std-fail_b-{name}"));
    }
    let page = page(&project, "fake-std-fail_b-dynamic-qemu-11.1.3-isolation-network");
    assert_has(&page, &["--qemu \"$QEMU_FAKE_11_1_3\" --isolation network"]);
}

#[test]
fn a_proof_is_on_the_page_with_the_commit_and_the_patches() {
    let project = project!();
    let source = "// Compares a & b as Option<u8>.\nint main(void) { return 3; }\n";
    project.write("proofs/fails.c", source);
    let change = patch("library/core/src/lib.rs", "// core", "// core, patched").replace("malloc.sh", "fails.c");
    project.patches(&[("0001-core.patch", &change)]);
    project.run(&["triage", "fake", "--proof", "rust/1"], 0);
    let page = page(&project, "fake-proof-rust-fails-dynamic");
    assert_has(
        &page,
        &[
            "<details><summary>proofs/fails.c</summary>\n\n```c\n// Compares a & b as Option<u8>.\n",
            "<details><summary>Patches on the sources: ",
            "\npatches/rust/1.95.0/0001-core.patch\n",
            " -o fake-dynamic\n",
            " ./fake-dynamic\n",
        ],
    );
}
