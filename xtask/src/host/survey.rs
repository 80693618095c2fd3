//! Finds the host's tools: the stock Rust toolchain, LLVM's tools, git, make, cmake, python3, and the tools that isolate
//! test programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::compiler::{Compiler, CompilerBuild, Llvm};
use bringup_model::exit::{self, CodedError};
use bringup_model::version::Version;
use bringup_runner::exec::{Cmd, NETWORK_ENV, PATH};

use super::tools::{
    BOOTSTRAP, BUNDLED_LLVM, EXTRAS, LLVM_CONFIG, LLVM_TOOLS, PREFERRED_LLVM, is_llvm, list_missing, llvm_releases,
};

/// The tools that isolate test programs.
const ISOLATION: [&str; 2] = ["unshare", "ip"];

/// Time limit for a tool to print its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// The extras that belong to ssh.
const SSH: [&str; 2] = ["ssh", "sshd"];

/// The extras that belong to LLVM. They must have the same release as LLVM's other tools.
const LLVM_EXTRAS: [&str; 2] = [LLVM_CONFIG, "clang++"];

/// A program and its version.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Absolute path.
    pub path: PathBuf,
    /// The line with the version, from the output of `--version`.
    pub line: String,
    /// The version in that line.
    pub version: Option<Version>,
}

/// The stock Rust toolchain.
#[derive(Debug, Clone)]
pub struct Rust {
    /// Its folder, as `rustc --print=sysroot` prints it.
    pub sysroot: PathBuf,
    /// `release:` of `rustc -vV`.
    pub release: String,
    /// `commit-hash:` of `rustc -vV`.
    pub commit: String,
    /// `host:` of `rustc -vV`.
    pub triple: String,
}

impl Rust {
    /// Finds the toolchain: the one whose cargo runs us, or else the one on the search path. Asks its rustc for
    /// version and sysroot.
    pub fn find(root: &Path) -> Result<Self> {
        let beside_cargo = std::env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
        let rustc = beside_cargo.filter(|path| path.is_file()).unwrap_or_else(|| "rustc".into());
        let rustc = if rustc.is_absolute() {
            rustc
        } else {
            which::which("rustc").context("looking for rustc on the search path")?
        };
        Self::ask(&rustc, root)
    }

    /// The toolchain in this folder.
    pub fn of_sysroot(sysroot: &Path) -> Result<Self> {
        Self::ask(&sysroot.join("bin/rustc"), sysroot)
    }

    fn ask(rustc: &Path, folder: &Path) -> Result<Self> {
        // rustup's proxy reads these variables, and chooses the toolchain by the folder.
        let ask = |arg: &str| {
            Cmd::new(rustc).arg(arg).dir(folder).inherit("HOME").inherit("RUSTUP_HOME").inherit("RUSTUP_TOOLCHAIN")
        };
        // rustup's proxy takes most of the time, so both commands run at once.
        let (verbose, sysroot) = std::thread::scope(|scope| {
            let sysroot = scope.spawn(|| ask("--print=sysroot").read().context("asking rustc for its sysroot"));
            (ask("-vV").read(), sysroot.join())
        });
        let verbose = verbose.context("asking rustc for its version")?;
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("`rustc -vV` prints no `{name}`"))
        };
        let sysroot = sysroot.unwrap_or_else(|_| bail!("asking rustc for its sysroot"))?;
        Ok(Self {
            sysroot: sysroot.into(),
            release: field("release")?,
            commit: field("commit-hash")?,
            triple: field("host")?,
        })
    }

    /// A command of its cargo, for a workspace of Rust's source. `home` is cargo's home.
    pub fn cargo(&self, home: &Path) -> Cmd {
        // cargo runs in the root folder, so that it reads no .cargo/config.toml above the clone.
        let cmd = Cmd::new(self.bin("cargo")).dir("/").env("CARGO_HOME", home);
        let cmd = cmd.env("RUSTC", self.bin("rustc")).env("RUSTC_BOOTSTRAP", "1");
        cmd.inherit_all(NETWORK_ENV)
    }

    /// Path of one of its programs.
    pub fn bin(&self, name: &str) -> PathBuf {
        self.sysroot.join("bin").join(name)
    }
}

/// The host's tools that a build requires.
#[derive(Debug, Clone)]
pub struct HostTools {
    /// The stock Rust toolchain.
    pub rust: Rust,
    /// Tools by their name in reports: clang, lld, llvm-ar, llvm-ranlib, llvm-objdump, llvm-mc, git, make, cmake, python3, unshare, ip.
    tools: BTreeMap<&'static str, Tool>,
    /// The tools of [`EXTRAS`] that were looked for and found.
    extras: BTreeMap<&'static str, Tool>,
    /// clang's folder of built-in headers.
    pub clang_headers: PathBuf,
}

impl HostTools {
    /// The tool of this name. Fails if it was not looked for or not found.
    pub fn tool(&self, name: &'static str) -> Result<&Tool> {
        let found = self.tools.get(name).or_else(|| self.extras.get(name));
        found.with_context(|| format!("the host lacks {name}"))
    }

    /// Fails unless the host has the tools for these uses; see [`EXTRAS`].
    pub fn need(&self, uses: &[&str]) -> Result<()> {
        let needed = EXTRAS.iter().filter(|(_, user)| uses.contains(user)).map(|(name, _)| *name);
        let missing: Vec<&str> = needed.filter(|name| !self.extras.contains_key(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(lacks(&missing)) }
    }

    /// Path of a tool.
    pub fn path(&self, name: &'static str) -> Result<&Path> {
        Ok(&self.tool(name)?.path)
    }

    /// The tools' names and versions, for the report.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = versions(self.tools.iter().map(|(name, tool)| (*name, tool)));
        versions.insert("rustc".into(), self.rust.release.clone());
        versions
    }
}

fn versions<'a>(tools: impl Iterator<Item = (&'static str, &'a Tool)>) -> BTreeMap<String, String> {
    let shown = |tool: &Tool| tool.version.as_ref().map_or_else(|| tool.line.clone(), ToString::to_string);
    tools.map(|(name, tool)| (name.to_owned(), shown(tool))).collect()
}

/// The triple and the versions, for the report, of a host that only runs test programs. The versions are those of the
/// isolation tools that the host has.
pub fn for_running() -> (String, BTreeMap<String, String>) {
    let env = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let tools = ISOLATION.map(|name| (name, tool(name)));
    let found = tools.iter().filter_map(|(name, tool)| Some((*name, tool.as_ref()?)));
    (format!("{}-unknown-linux-{env}", std::env::consts::ARCH), versions(found))
}

/// The uses of a run with this compiler; see [`EXTRAS`].
pub fn uses(compiler: Compiler) -> &'static [&'static str] {
    match compiler {
        Compiler::Stock => &[],
        Compiler::Bootstrap(CompilerBuild { llvm: Llvm::System, .. }) => &[BOOTSTRAP],
        Compiler::Bootstrap(CompilerBuild { llvm: Llvm::Bundled, .. }) => &[BOOTSTRAP, BUNDLED_LLVM],
    }
}

/// The tools that were looked for.
#[derive(Debug)]
pub struct Survey {
    /// Each tool that is always required, if found.
    pub tools: Vec<(&'static str, Option<Tool>)>,
    /// Each tool of [`EXTRAS`], if found.
    pub extras: Vec<(&'static str, Option<Tool>)>,
}

impl Survey {
    /// Names of missing tools, without extras.
    pub fn missing(&self) -> Vec<&'static str> {
        missing(&self.tools).collect()
    }

    /// Names of missing tools, with the extras for these uses.
    pub fn missing_for(&self, uses: &[&str]) -> Vec<&'static str> {
        let of_use = |name: &&str| EXTRAS.iter().any(|(extra, user)| extra == name && uses.contains(user));
        missing(&self.tools).chain(missing(&self.extras).filter(of_use)).collect()
    }

    /// Names of missing tools, with the extras for all uses. [`BUNDLED_LLVM`] only counts if this compiler is a use
    /// of it.
    pub fn missing_at_all(&self, compiler: Compiler) -> Vec<&'static str> {
        let users = EXTRAS.iter().map(|(_, user)| *user).filter(|user| *user != BUNDLED_LLVM);
        self.missing_for(&users.chain(uses(compiler).iter().copied()).collect::<Vec<_>>())
    }

    /// The host's tools. Fails if one is missing.
    pub fn into_host(self, rust: Rust) -> Result<HostTools> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(lacks(&missing));
        }
        let [tools, extras] = [self.tools, self.extras].map(|tools| -> BTreeMap<_, _> {
            tools.into_iter().filter_map(|(name, tool)| Some((name, tool?))).collect()
        });
        let clang = &tools.get("clang").context("the host lacks clang")?.path;
        let resources = Cmd::new(clang).arg("-print-resource-dir").read().context("asking clang for its headers")?;
        Ok(HostTools { rust, clang_headers: Path::new(&resources).join("include"), tools, extras })
    }
}

/// The error that names missing tools, with a hint that installs them.
fn lacks(missing: &[&str]) -> anyhow::Error {
    let install = super::install::Installer::find();
    let command = install.map(|installer| installer.command(missing));
    let hint =
        command.map_or_else(String::new, |command| format!("\nhint: `{command}`, or `cargo xtask doctor --install`"));
    CodedError::error(exit::HOST, format!("the host lacks {}{hint}", list_missing(missing)))
}

fn missing(tools: &[(&'static str, Option<Tool>)]) -> impl Iterator<Item = &'static str> {
    tools.iter().filter(|(_, tool)| tool.is_none()).map(|(name, _)| *name)
}

/// Looks for the tools of all uses; see [`survey_for`].
pub fn survey() -> Survey {
    let uses: Vec<&str> = EXTRAS.iter().map(|(_, user)| *user).collect();
    survey_for(&uses)
}

/// Looks for the tools that are always required, and for those of [`EXTRAS`] that these uses require. All tools of
/// LLVM are from one release.
pub fn survey_for(uses: &[&str]) -> Survey {
    let suffixes: Vec<String> = llvm_releases().map(|release| format!("-{release}")).chain([String::new()]).collect();
    let found = |suffix: &String| {
        LLVM_TOOLS.iter().filter(|(_, program)| which::which(format!("{program}{suffix}")).is_ok()).count()
    };
    // The first release with all tools, or else the one with most.
    let best = suffixes.iter().rev().max_by_key(|suffix| found(suffix)).cloned().unwrap_or_default();
    let wanted = LLVM_TOOLS.iter().map(|(name, program)| (*name, format!("{program}{best}")));
    // libc++'s CMake files require Python.
    let others = ["git", "make", "cmake", "python3"].into_iter().chain(ISOLATION).map(|name| (name, name.to_owned()));
    let wanted: Vec<(&'static str, String)> = wanted.chain(others).collect();
    // Asking one tool for its version takes tens of milliseconds, so all are asked at once.
    std::thread::scope(|scope| {
        let tools: Vec<_> =
            wanted.into_iter().map(|(name, program)| (name, scope.spawn(move || new_enough(name, &program)))).collect();
        let program_of =
            |name: &str| if LLVM_EXTRAS.contains(&name) { format!("{name}{best}") } else { name.to_owned() };
        let extras: Vec<_> = EXTRAS
            .into_iter()
            .filter(|(_, user)| uses.contains(user))
            .map(|(name, _)| {
                let program = program_of(name);
                let look = match name {
                    _ if SSH.contains(&name) => ssh,
                    LLVM_CONFIG => llvm_config,
                    _ => tool,
                };
                (name, scope.spawn(move || look(&program)))
            })
            .collect();
        let [tools, extras] = [tools, extras]
            .map(|asked| asked.into_iter().map(|(name, thread)| (name, thread.join().ok().flatten())).collect());
        Survey { tools, extras }
    })
}

/// A tool that is always required. One of LLVM that has no release in its name may be too old.
fn new_enough(name: &str, program: &str) -> Option<Tool> {
    let is_old = |tool: &Tool| tool.version.as_ref().is_some_and(|version| version.major() < PREFERRED_LLVM);
    tool(program).filter(|tool| !(is_llvm(name) && is_old(tool)))
}

fn tool(program: &str) -> Option<Tool> {
    let path = which::which(program).ok()?;
    // iproute2 only supports `-V`.
    let printed = ["--version", "-V"].into_iter().find_map(|option| Cmd::new(&path).arg(option).read().ok())?;
    versioned(path, &printed)
}

/// llvm-config. Some distributions have it in another package than the headers and libraries that it describes; then it
/// is of no use.
fn llvm_config(program: &str) -> Option<Tool> {
    let found = tool(program)?;
    let headers = Cmd::new(&found.path).arg("--includedir").read().ok()?;
    Path::new(&headers).join("llvm/Config/llvm-config.h").is_file().then_some(found)
}

/// One of ssh's programs. The server is only on root's search path. Both print their version to standard error, and
/// some servers fail then.
fn ssh(program: &str) -> Option<Tool> {
    let path = which::which(program).or_else(|_| which::which_in(program, Some(PATH), "/")).ok()?;
    let output = Cmd::new(&path).arg("-V").merge_stderr().timeout(PATIENCE).output().ok()?;
    versioned(path, &String::from_utf8_lossy(&output.stdout))
}

fn versioned(path: PathBuf, printed: &str) -> Option<Tool> {
    let line = printed.lines().find(|line| Version::find(line).is_some())?.trim().to_owned();
    let version = Version::find(&line);
    Some(Tool { path, line, version })
}
