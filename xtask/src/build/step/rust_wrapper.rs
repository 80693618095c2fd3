//! The scripts `rustc`, `rustdoc` and `clippy-driver`, which start the stock compiler for the target.
//!
//! rustc 1.95 accepts a spec from a file only with unstable options, and these only if `RUSTC_BOOTSTRAP` is set. That
//! variable would also permit everything else that is unstable. So a preloaded library shows it to the compiler once,
//! while the compiler checks its command line. Unstable options of the user would pass this check as well: unless the
//! command line is a usual one, the script first shows it to the compiler as it is installed.

use anyhow::Result;
use bringup_runner::exec::{Cmd, quote};

use super::{Clang, Work};
use crate::host::survey::Rust;
use crate::source::fetch::INSTALLED_MANIFEST;

#[cfg(test)]
mod tests;

/// The preloaded library, in the toolchain's folder.
const LIBRARY: &str = "lib/bringup/take_spec.so";

/// Its source.
pub(super) const SOURCE: &str = include_str!("rust_wrapper/take_spec.c");

const SCRIPT: &str = include_str!("rust_wrapper/compiler.sh");

/// A compiler that a script starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapped {
    Rustc,
    Rustdoc,
    ClippyDriver,
}

impl Wrapped {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Rustc, Self::Rustdoc, Self::ClippyDriver];

    /// The program's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rustc => "rustc",
            Self::Rustdoc => "rustdoc",
            Self::ClippyDriver => "clippy-driver",
        }
    }

    /// Patterns of the program's own options without unstable values.
    fn usual(self) -> &'static str {
        match self {
            Self::Rustc | Self::ClippyDriver => {
                "--emit=* | --print=cfg | --print=crate-name | --print=file-names | --print=split-debuginfo | --print=sysroot"
            }
            Self::Rustdoc => "--document-private-items | --output | --output=* | --test-args* | --test-run*",
        }
    }

    /// The text of the script that starts this program of `rust`. The lines `here` set `$here` to the toolchain's folder.
    pub(super) fn script(self, here: &str, triple: &str, rust: &Rust) -> String {
        let path = |name: &str| quote(rust.bin(name).as_os_str());
        let hint =
            if self == Self::ClippyDriver { component("clippy", rust) } else { "hint: install Rust again".into() };
        // Without it, rustdoc compiles doctests with the compiler beside itself.
        let builder = if self == Self::Rustdoc { " --test-builder \"$here/bin/rustc\"" } else { "" };
        let values = [
            ("@here@", here),
            ("@name@", self.name()),
            ("@program@", &path(self.name())),
            ("@hint@", &quote(hint.as_ref())),
            ("@triple@", triple),
            ("@file@", &spec_file(triple)),
            ("@usual@", self.usual()),
            // Clippy's driver takes rustc's options.
            ("@judge@", &path(if self == Self::Rustdoc { "rustdoc" } else { "rustc" })),
            ("@builder@", builder),
            ("@library@", LIBRARY),
        ];
        fill(SCRIPT, &values)
    }
}

/// A script's text, with these values instead of the names between `@`.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The hint for a program that belongs to a component of rustup.
pub(super) fn component(name: &str, rust: &Rust) -> String {
    if !rust.sysroot.join(INSTALLED_MANIFEST).is_file() {
        return format!("hint: Rust {} was fetched without {name}, because its release has none", rust.release);
    }
    let toolchain = rust.sysroot.file_name().unwrap_or_default().display();
    format!("hint: rustup component add {name} --toolchain {toolchain}")
}

/// The file of a target's spec, in the target's folder in `lib/rustlib`.
///
/// rustdoc finds the target of doctests only if it gets the spec as a file, and takes the file's name for the triple.
/// All compilers must get the same, because they compare how crates name their target.
pub(super) fn spec_file(triple: &str) -> String {
    format!("{triple}.json")
}

/// Compiles the preloaded library for the host.
pub(super) fn build_library(clang: &Clang, work: &Work) -> Result<()> {
    let (source, library) = (work.scratch.join("take_spec.c"), work.out.join(LIBRARY));
    fs_err::create_dir_all(library.parent().unwrap_or(&work.out))?;
    fs_err::write(&source, SOURCE)?;
    let cmd = Cmd::new(clang.path()).args(["-O2", "-shared", "-fPIC", "-nostdlib", "-ffreestanding"]);
    let cmd = cmd.arg(format!("--ld-path={}", clang.lld().display())).arg(source).arg("-o").arg(library);
    work.run(&cmd).map(drop)
}
