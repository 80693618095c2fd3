//! Real claims: what target.toml says is what the compilers, the emulator and the toolchain's instructions say, and
//! planted contradictions are found.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real claims::` builds s390x twice, if it is not there.

use std::os::unix::fs::symlink;
use std::path::Path;

use bringup_runner::exec::Output;

use crate::driver::{bringup, bringup_in, project, succeeds};

/// A project whose files are this clone's, except target.toml of `target`, in which `right` is replaced. Its results are in
/// `out` of this clone, because the steps' names tell them apart.
fn planted(target: &str, right: &str, wrong: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (project(), folder.path());
    for name in ["bringup.toml", "patches", "proofs", "qemu", "smoke", "out"] {
        symlink(from.join(name), to.join(name)).unwrap();
    }
    std::fs::create_dir(to.join("targets")).unwrap();
    for entry in std::fs::read_dir(from.join("targets")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != target {
            symlink(entry.path(), to.join("targets").join(entry.file_name())).unwrap();
        }
    }
    let own = to.join("targets").join(target);
    std::fs::create_dir(&own).unwrap();
    let file = from.join("targets").join(target).join("target.toml");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(right), "{target} has no {right}");
    std::fs::write(own.join("target.toml"), text.replacen(right, wrong, 1)).unwrap();
    folder
}

fn fails(root: &Path, args: &[&str], code: i32) -> String {
    let Output { finished, stderr, .. } = bringup_in(root, args).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(finished.status.code(), Some(code), "{args:?}: {stderr}");
    stderr
}

#[test]
fn every_target_is_what_it_claims_to_be() {
    succeeds(&bringup(&["target", "check"]));
}

/// Of each kind, and of each architecture at least one.
#[test]
fn a_planted_contradiction_is_named_with_both_values() {
    let cases: [(&str, &str, &str, &[&str]); 24] = [
        ("s390x", "-march=z196", "-march=z15", &["clang predefines __ARCH__ as 13, expected 9"]),
        ("s390x", "[spec.set]", "[spec.set]\ncpu = \"z13\"", &["rustc enables the target feature `vector`"]),
        ("s390x", "[spec.set]", "[spec.set]\ncpu = \"z99\"", &["rustc complains: 'z99' is not a recognized processor"]),
        (
            "s390x",
            "cpu = \"z196\"",
            "cpu = \"z99\"",
            &["LLVM's decoder complains: 'z99' is not a recognized processor"],
        ),
        ("s390x", "class = 64", "class = 32", &["[elf] class is 32, but the spec's target-pointer-width is 64"]),
        ("s390x", "endian = \"big\"", "endian = \"little\"", &["[elf] endian is little, but clang's is big"]),
        ("s390x", "arch = \"s390x\"", "arch = \"s390\"", &["musl has no architecture `s390`"]),
        ("s390x", "emulator = \"s390x\"", "emulator = \"s390\"", &["there is no qemu-s390", "did you mean `s390x`"]),
        ("s390x", "emulator = \"s390x\"", "emulator = \"s390x\"\ncpu = \"z99\"", &["unable to find CPU model 'z99'"]),
        ("x86", "\"-msse2\", ", "", &["[baseline.has] sse2: clang does not predefine __SSE2__"]),
        (
            "x86",
            "emulator = \"i386\"",
            "emulator = \"i386\"\ncpu = \"pentium\"",
            &["[baseline.has] sse2: `mfence`: the CPU `pentium`"],
        ),
        (
            "x86",
            "[spec.set]",
            "[spec.set]\ndata-layout = \"e-m:e-p:32:32-p270:32:32-p271:32:32-p272:64:64-i128:128-f64:32:64-f80:32-n8:16:32-S64\"",
            &["data-layout for target"],
        ),
        (
            "x86_64",
            "target = \"x86_64-linux-musl\"",
            "target = \"x86_64-linux-musl\"\nflags = [\"-mpopcnt\"]",
            &["clang predefines __POPCNT__ as 1"],
        ),
        (
            "x86_64",
            "target = \"x86_64-linux-musl\"",
            "target = \"x86_64-linux-musl\"\nflags = [\"-march=x86-65\"]",
            &["unknown target CPU 'x86-65'"],
        ),
        ("armv7", "-mfpu=vfpv3-d16", "-mfpu=neon", &["clang predefines __ARM_NEON as 1"]),
        (
            "armv7",
            "-mfloat-abi=hard",
            "-mfloat-abi=softfp",
            &["__ARM_PCS_VFP", "in an object of clang, .ARM.attributes: Tag_ABI_VFP_args"],
        ),
        ("armv7", "emulator = \"arm\"", "emulator = \"arm\"\ncpu = \"arm1176\"", &["thumb-2: `movw r0, #1`"]),
        ("armhf", "cpu = \"arm1176\"", "cpu = \"arm926\"", &["armv6: `rev r0, r0`"]),
        (
            "aarch64",
            "[spec.set]",
            "[spec.set]\nfeatures = \"+v8a,+outline-atomics,+lse\"",
            &["rustc enables the target feature `lse`"],
        ),
        ("riscv64", "-march=rv64gc", "-march=rv64gc_zba", &["clang predefines __riscv_zba"]),
        ("loongarch64", "-march=la64v1.0", "-march=la64v1.1", &["__loongarch_arch"]),
        (
            "mips64",
            "cpu = \"mips3\"",
            "cpu = \"mips4\"",
            &["[baseline.instructions] cpu is mips4, but clang compiles for mips3"],
        ),
        ("mips64", "-march=mips3", "-march=mips64", &["_MIPS_ARCH_MIPS64"]),
        ("ppc64le", "-mcpu=power8", "-mcpu=power9", &["clang predefines _ARCH_PWR9 as 1"]),
    ];
    for (target, right, wrong, expected) in cases {
        let root = planted(target, right, wrong);
        let stderr = fails(root.path(), &["target", "check", target], 2);
        for words in [&[&*format!("targets/{target}/target.toml: "), "hint: "], expected].concat() {
            assert!(stderr.contains(words), "{target}, {wrong}: expected `{words}` in\n{stderr}");
        }
    }
}

/// Compiled for a newer processor, no library of C is as the baseline says, in whatever link mode.
#[test]
fn instructions_beyond_the_baseline_are_found_in_the_static_mode_alone() {
    let root = planted("s390x", "-march=z196", "-march=z15");
    let stderr = fails(root.path(), &["smoke", "s390x", "--link", "static"], 100);
    assert!(stderr.contains("static/instructions"), "{stderr}");
    assert!(stderr.contains("is beyond the baseline: in "), "{stderr}");
    let stderr = fails(root.path(), &["smoke", "s390x", "--link", "dynamic"], 100);
    assert!(stderr.contains("dynamic/instructions"), "{stderr}");
}
