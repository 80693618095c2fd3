//! `doctor`

use std::fmt::Write as _;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};

use crate::build::Planner;
use crate::cli::TargetNames;
use crate::console::Console;
use crate::host::emulator::Emulators;
use crate::host::install::Installer;
use crate::host::survey::{self, Rust, Survey};
use crate::host::tools;

pub fn run(planner: &Planner<'_>, install: bool) -> Result<u8> {
    if install {
        install_all(&planner.workspace.console, &survey::survey().missing_at_all(planner.options.compiler))?;
    }
    let survey = survey::survey();
    let mut text = String::new();
    let wanted = planner.project.pins.rust.release_name();
    let rust = planner.rust_that_is_there()?;
    let other = rust.as_ref().filter(|rust| rust.release != wanted);
    let _ = match &rust {
        Some(Rust { release, sysroot, .. }) => {
            writeln!(text, "{} {:<12} {release:<10} {}", mark(other.is_none()), "rustc", sysroot.display())
        }
        None => writeln!(text, "- {:<12} no {wanted}; `cargo xtask fetch` gets it", "rustc"),
    };
    for (name, tool) in survey.tools.iter().chain(&survey.extras) {
        let extra = tools::EXTRAS.iter().find(|(other, _)| other == name);
        let _ = match (tool, extra) {
            (Some(tool), _) => {
                let version = tool.version.as_ref().map_or_else(String::new, ToString::to_string);
                writeln!(text, "{} {name:<12} {version:<10} {}", mark(true), tool.path.display())
            }
            (None, None) if tools::is_llvm(name) => {
                writeln!(text, "{} {name:<12} none from {} on", mark(false), tools::PREFERRED_LLVM)
            }
            (None, None) => writeln!(text, "{} {name:<12} not found", mark(false)),
            (None, Some((_, user))) => writeln!(text, "- {name:<12} not found; only for {user}"),
        };
    }
    describe_emulators(planner, &mut text)?;
    super::print(&text)?;
    if let Some(Rust { release, .. }) = other {
        let hint = format!("hint: rustup toolchain install {wanted}");
        let error = format!("rustc {release} is in use, {wanted} is pinned\n{hint}");
        return Err(CodedError::error(exit::HOST, error));
    }
    report_missing(&survey)
}

/// Installs the tools that the main job requires.
pub fn setup(planner: &Planner<'_>) -> Result<()> {
    install_all(&planner.workspace.console, &survey::survey().missing_for(survey::uses(planner.options.compiler)))
}

fn install_all(console: &Console, missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let Some(installer) = Installer::find() else {
        return Err(CodedError::error(
            exit::HOST,
            format!(
                "the host lacks {}, and has neither apt-get nor apk\nhint: install clang, lld and llvm {} or newer, git, make and cmake with its own package manager",
                missing.join(", "),
                tools::PREFERRED_LLVM,
            ),
        ));
    };
    installer.install(missing, &|command| console.note(command)).map_err(|error| {
        // Every such failure means that the host lacks something.
        CodedError::error(exit::HOST, format!("{error:#}"))
    })
}

fn report_missing(survey: &Survey) -> Result<u8> {
    let missing = survey.missing();
    if missing.is_empty() {
        return Ok(exit::EXPECTED);
    }
    let hint = Installer::find().map_or_else(
        || "hint: install them with the host's package manager".into(),
        |installer| format!("hint: {}, or `cargo xtask doctor --install`", installer.command(&missing)),
    );
    Err(CodedError::error(exit::HOST, format!("the host lacks {}\n{hint}", tools::list_missing(&missing))))
}

/// One line for each emulator of the targets. A missing one is fetched when a run needs it.
fn describe_emulators(planner: &Planner<'_>, text: &mut String) -> Result<()> {
    let emulators = Emulators { offline: true, say: Box::new(|_| ()), ..planner.emulators() };
    for target in TargetNames::default().read(planner.project, &planner.workspace.console)? {
        let name = format!("qemu-{}", target.qemu.emulator);
        let found = emulators.find(&target.qemu.emulator, None).ok();
        let _ = match found {
            Some(found) => {
                writeln!(text, "{} {name:<12} {:<10} {}", mark(true), found.version.to_string(), found.path.display())
            }
            None => {
                writeln!(
                    text,
                    "- {name:<12} none from {} on; `cargo xtask fetch` gets it",
                    planner.project.pins.qemu.minimum
                )
            }
        };
    }
    Ok(())
}

fn mark(ok: bool) -> char {
    if ok { '✓' } else { '✗' }
}
