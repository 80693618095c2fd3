//! The tools that Bringup uses: which not every use needs, and which releases of LLVM will do.

use std::path::PathBuf;

/// The LLVM release that Bringup is tried with; other versions are taken when it is not there.
pub const PREFERRED_LLVM: u64 = 22;
/// LLVM releases that are looked for, by the suffix that distributions give the programs.
const LLVM_RELEASES: std::ops::RangeInclusive<u64> = 15..=30;

/// What not every use of Bringup needs, and which does.
pub const EXTRAS: [(&str, &str); 7] = [
    ("ssh", "the runner ssh:HOST"),
    ("sshd", "Bringup's own tests"),
    ("python3", BOOTSTRAP),
    ("llvm-config", BOOTSTRAP),
    ("clang++", BOOTSTRAP),
    ("cmake", BUNDLED_LLVM),
    ("ninja", BUNDLED_LLVM),
];
/// The use that builds a compiler.
pub const BOOTSTRAP: &str = "--compiler bootstrap";
/// The use that builds LLVM for it as well.
pub const BUNDLED_LLVM: &str = "--llvm bundled";

/// Releases of LLVM in the order of preference.
pub fn llvm_releases() -> impl Iterator<Item = u64> {
    std::iter::once(PREFERRED_LLVM).chain(LLVM_RELEASES.rev().filter(|&release| release != PREFERRED_LLVM))
}

/// Where a program is on the user's search path, on which [`super::survey`] looks for it; its bare name if it is not there.
pub fn program(name: &str) -> PathBuf {
    which::which(name).unwrap_or_else(|_| name.into())
}
