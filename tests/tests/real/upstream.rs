//! The builtins of real targets, compared with upstream's own build.

use bringup_runner::exec::Cmd;

use crate::driver::{bringup, bringup_in, printed, project};

#[test]
fn builtins_are_upstreams_on_two_targets() {
    let said = printed(&bringup(&["target", "upstream", "s390x", "armv7"]));
    // Below a target's line are the intended differences: those of patches.
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines.len(), 2, "{said}");
    let symbols = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap();
    assert!(lines.iter().all(|line| symbols(line) > 150), "{said}");
}

/// The library is compiled for hard float, and its attributes say so, but its functions take floats in core registers.
#[test]
fn a_wrong_calling_convention_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let files = ["bringup.toml", "targets", "qemu", "patches", "proofs", "smoke"];
    let copy = Cmd::new("cp").args(["-r"]).args(files.map(|file| project().join(file))).arg(root);
    assert!(copy.output().unwrap().finished.status.success());
    let series = root.join("patches/llvm/22.1.8/series");
    let before = fs_err::read_to_string(&series).unwrap();
    fs_err::write(series, before + "planted.patch\n").unwrap();
    fs_err::write(root.join("patches/llvm/22.1.8/planted.patch"), PLANTED).unwrap();
    let output = bringup_in(root, &["target", "upstream", "armv7"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.finished.status.code(), Some(100), "{stderr}");
    for symbol in ["__powidf2", "__powisf2", "__divdc3", "__muldc3"] {
        assert!(stderr.contains(&format!("armv7: code {symbol}: ")), "{symbol}: {stderr}");
    }
    assert!(!stderr.contains("armv7: abi "), "no attribute shows it: {stderr}");
    assert!(!stderr.contains("code __udivdi3"), "{stderr}");
}

const PLANTED: &str = "\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A Maintainer <a@example.org>
Date: Mon, 5 Oct 2026 12:00:00 +0000
Subject: [PATCH] builtins: forget hard float

A planted fault.

Upstream-Status: Inappropriate [a planted fault]
Targets: armv7
Proof: proofs/llvm/clear-cache.c

diff --git a/compiler-rt/lib/builtins/CMakeLists.txt b/compiler-rt/lib/builtins/CMakeLists.txt
--- a/compiler-rt/lib/builtins/CMakeLists.txt
+++ b/compiler-rt/lib/builtins/CMakeLists.txt
@@ -1014,7 +1014,7 @@ else ()
       # Needed for clear_cache on debug mode, due to r7's usage in inline asm.
       # Release mode already sets it via -O2/3, Debug mode doesn't.
       if (COMPILER_RT_HAS_${arch}_ARMHF)
-        list(APPEND BUILTIN_CFLAGS_${arch} -fomit-frame-pointer -DCOMPILER_RT_ARMHF_TARGET)
+        list(APPEND BUILTIN_CFLAGS_${arch} -fomit-frame-pointer)
       endif()
 
       # For RISCV32 and 32-bit SPARC, we must force enable int128 for compiling long
";
