//! What tests of the command line stand on: a project of its own for each test, fake tools, and runs that are watched.
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "helpers of tests: to panic is to fail the test")]

mod archive;
mod cases;
mod elf;
mod project;
mod run;
mod server;
pub mod source;
mod sshd;
pub mod suite;

pub use archive::{Archive, sha256};
pub use cases::cases;
pub use elf::ElfObject;
pub use project::{Programs, Project};
pub use run::{Invocation, Output, Running};
pub use server::FileServer;
pub use sshd::Sshd;

/// A patch over the first line of a file of the fake Rust source.
pub fn patch(file: &str, from: &str, to: &str) -> String {
    let next = if file.contains("library") { "" } else { "fn main() {}" };
    format!(
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n\
         From: A Maintainer <a@example.org>\n\
         Date: Mon, 5 Oct 2026 12:00:00 +0000\n\
         Subject: [PATCH] change {file}\n\n\
         A change.\n\n\
         Upstream-Status: Pending\nTargets: all\nProof: proofs/malloc.sh\n\n\
         diff --git a/{file} b/{file}\n\
         --- a/{file}\n+++ b/{file}\n@@ -1,2 +1,2 @@\n-{from}\n+{to}\n {next}\n"
    )
}

/// A [`Project`]; only a test knows where the programs under test are.
#[macro_export]
macro_rules! project {
    ($folder:expr) => {
        $crate::Project::new(
            $folder,
            $crate::Programs {
                bringup: env!("CARGO_BIN_EXE_bringup-under-test").into(),
                emulator: env!("CARGO_BIN_EXE_fake-qemu").into(),
                test_program: env!("CARGO_BIN_EXE_fake-libtest").into(),
            },
        )
    };
    () => {
        $crate::project!("project")
    };
}
