//! What tests of the command line stand on: a project of its own for each test, fake tools, and runs that are watched.
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "helpers of tests: to panic is to fail the test")]

mod archive;
mod project;
mod run;
mod sshd;

pub use archive::Archive;
pub use project::{Programs, Project};
pub use run::{Invocation, Output, Running};
pub use sshd::Sshd;

/// A [`Project`]; only a test knows where the programs under test are.
#[macro_export]
macro_rules! project {
    ($folder:expr) => {
        $crate::Project::new(
            $folder,
            $crate::Programs {
                bringup: env!("CARGO_BIN_EXE_bringup").into(),
                emulator: env!("CARGO_BIN_EXE_fake-qemu").into(),
                test_program: env!("CARGO_BIN_EXE_fake-libtest").into(),
            },
        )
    };
    () => {
        $crate::project!("project")
    };
}
