//! Building and running the programs of one link mode.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bringup_model::link::Link;
use bringup_model::outcome::Outcome;
use bringup_model::pins::LibcSwitch;
use bringup_model::report::SmokeCheck;
use bringup_model::text::difference;
use bringup_runner::exec::{Cmd, NETWORK_ENV, Output, describe};
use bringup_runner::interrupt::Interrupted;
use bringup_runner::jobs::Share;

use super::corpus::CorpusMode;
use super::elf::{self, ElfKind, Rules};
use super::{BuiltProgram, Findings, ProgramLanguage, Smoke};

mod cxx;
#[cfg(test)]
mod tests;

/// Time limit of a program. Under an emulator, each takes less than a second.
const LIMIT: Duration = Duration::from_mins(1);
/// The name of musl's C library as a needed library. It has no SONAME, so the linker uses the file's name.
const LIBC: &str = "libc.so";
/// The shared library of the smoke programs, a cdylib.
const PLUGIN: &str = "libplugin.so";
/// The program that is linked against std's shared library.
const PREFER_DYNAMIC: &str = "hello-prefer-dynamic";

/// One link mode's build and checks.
pub(super) struct Mode<'a> {
    smoke: &'a Smoke<'a>,
    link: Link,
    folder: PathBuf,
    findings: &'a mut Findings,
}

/// Why a check failed; `None` if it passed.
type CheckFailure = Option<String>;

/// A program of the workspace.
struct SmokeProgram {
    name: String,
    /// What it must print on standard output.
    expected: String,
}

impl<'a> Mode<'a> {
    /// Empties the mode's folder, because cargo would not notice another std.
    pub(super) fn new(smoke: &'a Smoke<'a>, link: Link, findings: &'a mut Findings) -> Result<Self> {
        let folder = smoke.work.join(link.word());
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        Ok(Self { smoke, link, folder, findings })
    }

    /// Builds, runs and audits everything of this mode.
    pub(super) fn run(mut self) -> Result<()> {
        let problem = self.build()?;
        self.add("build", problem);
        self.c_programs()?;
        self.cxx_programs()?;
        self.corpus()?;
        let needed = self.needed();
        for program in self.programs()? {
            let file = self.built(&program.name);
            self.check_program(&program, &file, &[])?;
            self.audit(&program.name, &file, ElfKind::Program, needed.clone())?;
        }
        // Shared libraries require a dynamic loader, so the static mode has none.
        if self.link == Link::Dynamic {
            self.audit(PLUGIN, &self.built(PLUGIN), ElfKind::Library, needed)?;
            self.shared_std()?;
            self.audit(LIBC, &self.smoke.toolchain.join("sysroot/usr/lib").join(LIBC), ElfKind::Libc, Vec::new())?;
        }
        Ok(())
    }

    fn needed(&self) -> Vec<String> {
        match self.link {
            Link::Dynamic => vec![LIBC.into()],
            Link::Static => Vec::new(),
        }
    }

    /// Builds the C programs with the driver alone. The arguments are those of the cc crate for clang, Rust's triple
    /// included.
    fn c_programs(&mut self) -> Result<()> {
        for program in listed(&self.smoke.sources.join("c"))? {
            let file = self.folder.join(&program.name);
            match self.tool(&self.c_compiler(&program.name))? {
                Some(problem) => self.add(&program.name, Some(problem)),
                None => self.check_program(&program, &file, &[])?,
            }
            self.audit(&program.name, &file, ElfKind::Program, self.needed())?;
        }
        Ok(())
    }

    /// The command that builds a C program.
    fn c_compiler(&self, name: &str) -> Cmd {
        let Smoke { sources, toolchain, target, .. } = self.smoke;
        Cmd::new(toolchain.join("bin").join(target.driver()))
            .arg(format!("--target={}", target.triple))
            .args([
                "-std=c11",
                "-O2",
                "-fPIE",
                self.link.driver_flag(),
                "-Wall",
                "-Werror",
                "-Wl,-z,now",
                "-pthread",
                "-o",
            ])
            .arg(self.folder.join(name))
            .arg(sources.join("c").join(name).with_extension("c"))
            .arg("-lm")
            .dir(&self.folder)
    }

    /// Builds and runs the C corpus.
    pub(super) fn corpus(&mut self) -> Result<()> {
        let found = CorpusMode { smoke: self.smoke, link: self.link, folder: &self.folder.join("corpus") }.run()?;
        self.findings.checks.extend(found.checks);
        self.findings.cpu += found.cpu;
        Ok(())
    }

    /// Builds the workspace as a user of the toolchain does. The toolchain's cargo tells build scripts the C compiler
    /// and archiver.
    fn build(&mut self) -> Result<CheckFailure> {
        let Smoke { sources, toolchain, target, cargo_home, offline, libc, .. } = self.smoke;
        let lock = sources.join("Cargo.lock");
        // If it is missing, cargo says so.
        let libc = LibcSwitch::of_lock(libc, &fs_err::read_to_string(&lock).unwrap_or_default());
        let libc = libc.map_err(|error| anyhow!("reading {}: {error}", lock.display()))?;
        let flags: Vec<OsString> =
            self.rustflags().into_iter().chain(libc.iter().flat_map(|libc| libc.flags()).map(Into::into)).collect();
        let cmd = Cmd::new(toolchain.join("bin/cargo"))
            .args(["build", "--release", "--locked", "--keep-going", "--target", &target.triple])
            .args(offline.then_some("--offline"))
            .args(self.packages().iter().flat_map(|package| ["--package", package]))
            .arg("--manifest-path")
            .arg(sources.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.folder)
            // Keeps cargo from reading the user's configuration, in the home folder and in the folders above the
            // working folder.
            .env("CARGO_HOME", cargo_home)
            .dir("/")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsStr::new("\x1f")));
        let cmd = libc.iter().flat_map(|libc| &libc.env).fold(cmd, |cmd, (key, value)| cmd.env(key, value));
        self.tool(&cmd.inherit_all(NETWORK_ENV))
    }

    fn packages(&self) -> &'static [&'static str] {
        packages(self.link)
    }

    /// Sets the link mode explicitly, whatever the target's default is. Remaps the path of the sources, because only
    /// the toolchain's own paths are audited.
    fn rustflags(&self) -> [OsString; 3] {
        let mut remap = self.smoke.sources.as_os_str().to_owned();
        remap.push("=/smoke");
        [self.link.rustc_flag().into(), "--remap-path-prefix".into(), remap]
    }

    /// The Rust programs of this mode.
    fn programs(&self) -> Result<Vec<SmokeProgram>> {
        rust_programs(self.smoke.sources, self.link)
    }

    /// The path where cargo writes a file.
    fn built(&self, name: &str) -> PathBuf {
        self.folder.join(&self.smoke.target.triple).join("release").join(name)
    }

    /// Checks std as a shared library: builds `hello` again with rustc alone, and audits libstd.so.
    fn shared_std(&mut self) -> Result<()> {
        let sources = self.smoke.sources;
        let hello = self.programs()?.into_iter().find(|program| program.name == "hello");
        let hello = hello.with_context(|| format!("there is no program `hello` in {}", sources.display()))?;
        let program = SmokeProgram { name: PREFER_DYNAMIC.into(), ..hello };
        let file = self.folder.join(&program.name);
        let folder = self.libraries();
        let library = one_libstd(&folder);
        match self.tool(&self.dynamic_compiler(&file))? {
            Some(problem) => self.add(&program.name, Some(problem)),
            None => self.check_program(&program, &file, &[folder])?,
        }
        let name = match &library {
            Ok(path) => needed_as(path),
            Err(_) => "libstd.so".into(),
        };
        self.audit(&program.name, &file, ElfKind::Program, vec![name, LIBC.into()])?;
        match library {
            Ok(path) => self.audit("libstd.so", &path, ElfKind::Library, vec![LIBC.into()])?,
            Err(problem) => self.add("libstd.so elf", Some(problem)),
        }
        Ok(())
    }

    /// The command that builds `hello` against std's shared library.
    fn dynamic_compiler(&self, file: &Path) -> Cmd {
        let Smoke { sources, toolchain, target, .. } = self.smoke;
        Cmd::new(toolchain.join("bin/rustc"))
            .args(["--edition=2024", "-O", "-Cprefer-dynamic", "--target", &target.triple])
            .args(self.rustflags())
            .arg("-o")
            .arg(file)
            .arg(sources.join("programs/src/bin/hello.rs"))
            .dir(&self.folder)
    }

    /// The folder of std's libraries.
    fn libraries(&self) -> PathBuf {
        self.smoke.toolchain.join("lib/rustlib").join(&self.smoke.target.triple).join("lib")
    }

    /// Builds the program of one check. An error text says why there is none.
    pub(super) fn one(mut self, name: &str) -> Result<Result<BuiltProgram, String>> {
        let sources = self.smoke.sources;
        let named = |programs: Vec<SmokeProgram>, name: &str| programs.into_iter().find(|program| program.name == name);
        let file = self.folder.join(name);
        let (problem, program, file, lib_dirs) = if let Some(program) = named(listed(&sources.join("c"))?, name) {
            (self.tool(&self.c_compiler(name))?, program, file, Vec::new())
        } else if name == PREFER_DYNAMIC
            && let Some(hello) = named(self.programs()?, "hello")
        {
            (self.tool(&self.dynamic_compiler(&file))?, hello, file, vec![self.libraries()])
        } else if let Some(program) = named(self.programs()?, name) {
            (self.build()?, program, self.built(name), Vec::new())
        } else {
            return Ok(Err(format!("{}/{name} is no program", self.link)));
        };
        Ok(match problem {
            Some(problem) if !file.exists() => Err(format!("building {}/{name}: {problem}", self.link)),
            _ => Ok(BuiltProgram { file, expected: program.expected, lib_dirs }),
        })
    }

    fn check_program(&mut self, program: &SmokeProgram, file: &Path, libraries: &[PathBuf]) -> Result<()> {
        let problem = if file.exists() {
            let cmd = (self.smoke.runner)(file, libraries)?.timeout(LIMIT).within(self.smoke.jobs, Share::Program);
            let output = cmd.output().with_context(|| format!("running the smoke program {}", program.name))?;
            self.log(&cmd, &output)?;
            self.findings.cpu += output.finished.cpu;
            judge(&output, &program.expected)
        } else {
            Some("it was not built".into())
        };
        self.add(&program.name, problem);
        Ok(())
    }

    fn audit(&mut self, name: &str, file: &Path, kind: ElfKind, needed: Vec<String>) -> Result<()> {
        let problem = if file.exists() {
            let target = self.smoke.target;
            let dynamic_program = kind == ElfKind::Program && self.link == Link::Dynamic;
            let interpreter = dynamic_program.then_some(target.musl.loader.as_str());
            let rules = Rules { elf: &target.elf, kind, interpreter, needed, forbidden: self.smoke.forbidden };
            let broken = elf::audit(&fs_err::read(file)?, &rules);
            (!broken.is_empty()).then(|| broken.join("\n"))
        } else {
            Some(format!("there is no {}", file.display()))
        };
        self.add(&format!("{name} elf"), problem);
        Ok(())
    }

    /// Runs a tool of the toolchain. A missing or failing tool is a failed check. An interrupt is an error.
    fn tool(&mut self, cmd: &Cmd) -> Result<CheckFailure> {
        let output = match cmd.clone().within(self.smoke.jobs, Share::Tool).output() {
            Ok(output) => output,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => return Ok(Some(format!("{error:#}"))),
        };
        self.log(cmd, &output)?;
        self.findings.cpu += output.finished.cpu;
        Ok((!output.finished.status.success()).then(|| failure(&output)))
    }

    fn log(&self, cmd: &Cmd, output: &Output) -> Result<()> {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(self.smoke.log)?;
        writeln!(file, "$ {}", cmd.display())?;
        file.write_all(&output.stdout)?;
        file.write_all(&output.stderr)?;
        writeln!(file, "= {}", describe(&output.finished))?;
        Ok(())
    }

    fn add(&mut self, name: &str, problem: CheckFailure) {
        let outcome = if problem.is_none() { Outcome::Pass } else { Outcome::Fail };
        let check = format!("{}/{name}", self.link.word());
        self.findings.checks.push(SmokeCheck { check, outcome, detail: problem.unwrap_or_default(), values: 0 });
    }
}

/// The packages of the workspace in a link mode.
fn packages(link: Link) -> &'static [&'static str] {
    match link {
        Link::Dynamic => &["programs", "plugin", "dynamic"],
        Link::Static => &["programs"],
    }
}

fn rust_programs(sources: &Path, link: Link) -> Result<Vec<SmokeProgram>> {
    let folders = packages(link).iter().map(|package| sources.join(package).join("src/bin"));
    let listed: Vec<_> = folders.map(|folder| listed(&folder)).collect::<Result<_>>()?;
    Ok(listed.into_iter().flatten().collect())
}

/// The language of a check's program; none if the check runs no program.
pub(super) fn language(sources: &Path, link: Link, name: &str) -> Option<ProgramLanguage> {
    let has = |programs: Result<Vec<SmokeProgram>>| programs.is_ok_and(|all| all.iter().any(|one| one.name == name));
    if has(listed(&sources.join("c"))) {
        return Some(ProgramLanguage::C);
    }
    let rust = has(rust_programs(sources, link)) || (name == PREFER_DYNAMIC && link == Link::Dynamic);
    rust.then_some(ProgramLanguage::Rust)
}

/// The programs of a folder that have a file `.out` beside their source, sorted by name.
fn listed(folder: &Path) -> Result<Vec<SmokeProgram>> {
    let mut programs = Vec::new();
    // The package of a library has no such folder.
    if !folder.exists() {
        return Ok(programs);
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("out")) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            programs.push(SmokeProgram { name, expected: fs_err::read_to_string(&path)? });
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn one_libstd(folder: &Path) -> Result<PathBuf, String> {
    let is_libstd = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.extension() == Some(OsStr::new("so")) && (name == "libstd.so" || name.starts_with("libstd-"))
    };
    let entries = fs_err::read_dir(folder).map_err(|error| error.to_string())?;
    let found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_libstd).collect();
    match found.as_slice() {
        [path] => Ok(path.clone()),
        others => Err(format!("expected one libstd.so in {}, found {}", folder.display(), others.len())),
    }
}

/// The name that programs linked against the library name as needed.
fn needed_as(library: &Path) -> String {
    let own = fs_err::read(library).map_err(anyhow::Error::from).and_then(|bytes| elf::soname(&bytes));
    own.ok().flatten().unwrap_or_else(|| library.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn judge(output: &Output, expected: &str) -> CheckFailure {
    if !output.finished.status.success() {
        return Some(failure(output));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut text = difference(expected, &printed)?;
    text.push_str(&output.last_lines());
    Some(text)
}

fn failure(output: &Output) -> String {
    format!("it {}{}", describe(&output.finished), output.last_lines())
}
