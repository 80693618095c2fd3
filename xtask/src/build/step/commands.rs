//! The scripts for cargo's commands: `clippy`, `fmt`, `miri`, and the runner of `run`, `test` and `bench`.

use std::path::Path;

use anyhow::Result;
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::rust_wrapper::{Wrapped, component, fill};
use crate::host::survey::Rust;

#[cfg(test)]
mod tests;

const FORWARD: &str = include_str!("commands/forward.sh");
const CLIPPY: &str = include_str!("commands/clippy.sh");
const REFUSE: &str = include_str!("commands/refuse.sh");
const CARGO: &str = include_str!("commands/cargo.sh");
const CARGO_TARGET: &str = include_str!("commands/cargo_target.sh");
const RUN: &str = include_str!("commands/run.sh");
const NATIVE: &str = include_str!("commands/native.sh");

/// A command that does not work with a toolchain.
struct Refused {
    /// The program that cargo starts for it.
    program: &'static str,
    why: &'static str,
    hint: &'static str,
}

const MIRI: Refused = Refused {
    program: "cargo-miri",
    why: "cargo miri: Miri requires a nightly compiler and builds a std of its own, and this toolchain is a stable one",
    hint: "hint: cargo +nightly miri, without this toolchain",
};

const NO_CLIPPY: Refused = Refused {
    program: "cargo-clippy",
    why: "cargo clippy: Clippy must be built with the compiler, and this toolchain's compiler was built without it",
    hint: "hint: use a toolchain that was built with --compiler stock",
};

impl Refused {
    fn script(&self) -> (String, String) {
        let [why, hint] = [self.why, self.hint].map(|text| quote(text.as_ref()));
        (self.program.into(), fill(REFUSE, &[("@name@", self.program), ("@why@", &why), ("@hint@", &hint)]))
    }
}

/// Name and text of the scripts that refuse commands, for a compiler that Bringup has built.
pub fn refusals() -> Vec<(String, String)> {
    [NO_CLIPPY, MIRI].iter().map(Refused::script).collect()
}

/// Name and text of the scripts for cargo's commands, except those that start the stock compiler. `stock` says whether
/// the toolchain has the stock compiler, and the lines `here` set `$here` to the toolchain's folder.
pub(super) fn scripts(here: &str, rust: &Rust, stock: bool) -> Vec<(String, String)> {
    let installed = |template: &str, name: &str, part: &str| {
        let (program, hint) = (quote(rust.bin(name).as_os_str()), quote(component(part, rust).as_ref()));
        let values = [("@here@", here), ("@name@", name), ("@program@", &program), ("@hint@", &hint)];
        (name.to_owned(), fill(template, &values))
    };
    let mut scripts: Vec<_> = ["rustfmt", "cargo-fmt"].map(|name| installed(FORWARD, name, "rustfmt")).into();
    if stock {
        scripts.extend([installed(CLIPPY, "cargo-clippy", "clippy"), MIRI.script()]);
    } else {
        scripts.extend(refusals());
    }
    scripts
}

/// Lines of the script `cargo`, after those that set `$here`: the search path, and the runners of these targets.
pub fn cargo_lines<'a>(triples: impl IntoIterator<Item = &'a str>) -> String {
    let of_target = |triple: &str| {
        let (variable, runner) = (variable(triple), runner_name(triple));
        fill(CARGO_TARGET, &[("@triple@", triple), ("@variable@", &variable), ("@runner@", &runner)])
    };
    std::iter::once(CARGO.to_owned()).chain(triples.into_iter().map(of_target)).collect()
}

/// The variable that tells cargo the runner.
fn variable(triple: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace(['-', '.'], "_"))
}

/// The name of the runner in `bin`.
pub fn runner_name(triple: &str) -> String {
    format!("{triple}-run")
}

/// The script that runs programs of a target, under the emulator or by the host's own processor.
#[derive(Debug, Clone, Copy)]
pub struct RunnerScript<'a> {
    /// The target.
    pub target: &'a Target,
    /// The triple of the host.
    pub host: &'a str,
    /// Lines that set `$here`.
    pub here: &'a str,
    /// The folder of the C library, in `$here`.
    pub sysroot: &'a str,
    /// Lines that set `$emulator` and `$cpu`, and the emulator's environment, if these are known.
    pub settings: &'a str,
}

impl RunnerScript<'_> {
    /// The text of the script.
    pub fn text(self) -> String {
        let Target { triple, musl, qemu, .. } = self.target;
        let architecture = |triple: &str| triple.split('-').next().map(str::to_owned);
        let is_native = architecture(triple) == architecture(self.host);
        let native = fill(NATIVE, &[("@loader@", &quote(musl.loader.as_ref())), ("@sysroot@", self.sysroot)]);
        let values = [
            ("@here@", self.here),
            ("@settings@", self.settings),
            ("@native@", if is_native { &*native } else { "" }),
            ("@triple@", triple),
            ("@runner@", &runner_name(triple)),
            ("@emulator@", &quote(format!("qemu-{}", qemu.emulator).as_ref())),
            ("@libraries@", &format!("lib/rustlib/{triple}/lib")),
            ("@sysroot@", self.sysroot),
            ("@variable@", &variable(triple)),
        ];
        fill(RUN, &values)
    }
}

/// Lines for [`RunnerScript::settings`] that read the settings which Bringup keeps in `out`, beside the steps' folders.
/// They are not a part of the toolchain: neither std nor the test programs depend on how programs are run.
pub(super) fn kept_settings(triple: &str) -> String {
    fill(
        "if [ -f \"$here/../../@folder@/@triple@\" ]; then . \"$here/../../@folder@/@triple@\"; fi\n",
        &[("@folder@", RUNNERS), ("@triple@", triple)],
    )
}

/// The folder of these settings in `out`, with a file for each triple.
const RUNNERS: &str = "runner";

/// The lines that set how the emulator at `path`, if it is known, runs a target's programs.
pub fn settings(target: &Target, path: Option<&Path>) -> String {
    let path = path.map(|path| format!("emulator={}\n", quote(path.as_os_str())));
    let cpu = target.qemu.cpu.as_ref().map(|cpu| format!("cpu={}\n", quote(cpu.as_ref())));
    let env = target.qemu.env.iter().map(|(key, value)| format!("{key}={}\nexport {key}\n", quote(value.as_ref())));
    path.into_iter().chain(cpu).chain(env).collect()
}

/// Keeps in `out` how Bringup runs a target's programs, so that `bin/TRIPLE-run` of its toolchains does the same.
pub fn keep_settings(out: &Path, target: &Target, emulator: &Path) -> Result<()> {
    let (folder, text) = (out.join(RUNNERS), settings(target, Some(emulator)));
    let file = folder.join(&target.triple);
    if fs_err::read_to_string(&file).is_ok_and(|kept| kept == text) {
        return Ok(());
    }
    fs_err::create_dir_all(&folder)?;
    let part = tempfile::NamedTempFile::new_in(folder)?;
    fs_err::write(part.path(), text)?;
    part.persist(file)?;
    Ok(())
}

/// Whether these settings are kept, and name an emulator that is still there.
pub fn has_settings(out: &Path, target: &Target) -> bool {
    let kept = fs_err::read_to_string(out.join(RUNNERS).join(&target.triple)).unwrap_or_default();
    let emulator = kept.lines().next().and_then(|line| line.strip_prefix("emulator="));
    emulator.is_some_and(|path| kept == settings(target, Some(Path::new(path))) && Path::new(path).is_file())
}

/// Name and text of the scripts that start the stock compiler.
pub(super) fn compilers(here: &str, triple: &str, rust: &Rust) -> Vec<(String, String)> {
    Wrapped::ALL.iter().map(|program| (program.name().to_owned(), program.script(here, triple, rust))).collect()
}
