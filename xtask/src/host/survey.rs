//! What the host has: the stock Rust toolchain, LLVM's tools, git and make, and what test programs are isolated with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::compiler::{Compiler, CompilerBuild, Llvm};
use bringup_model::exit::{self, CodedError};
use bringup_model::version::Version;
use bringup_runner::exec::{Cmd, PATH};

use super::tools::{BOOTSTRAP, BUNDLED_LLVM, EXTRAS, llvm_releases};

/// What test programs are isolated with.
const ISOLATION: [&str; 2] = ["unshare", "ip"];

/// How long a tool may take to give its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those of the extras that are ssh's.
const SSH: [&str; 2] = ["ssh", "sshd"];

/// Those of the extras that are LLVM's, of the same release as the other tools of LLVM.
const LLVM_EXTRAS: [&str; 2] = ["llvm-config", "clang++"];

/// A program and the version it gives.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Absolute path.
    pub path: PathBuf,
    /// First line of what `--version` prints.
    pub line: String,
    /// The version in it.
    pub version: Option<Version>,
}

/// The stock Rust toolchain.
#[derive(Debug, Clone)]
pub struct Rust {
    /// Its folder.
    pub sysroot: PathBuf,
    /// `release:` of `rustc -vV`.
    pub release: String,
    /// `commit-hash:` of `rustc -vV`.
    pub commit: String,
    /// `host:` of `rustc -vV`.
    pub triple: String,
}

impl Rust {
    /// Asks `rustc` what it is. The toolchain is the one that cargo runs us with, else the one on the search path.
    pub fn find(root: &Path) -> Result<Self> {
        let beside_cargo = std::env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
        let rustc = beside_cargo.filter(|path| path.is_file()).unwrap_or_else(|| "rustc".into());
        let rustc = if rustc.is_absolute() {
            rustc
        } else {
            which::which("rustc").context("looking for rustc on the search path")?
        };
        // rustup's proxy needs to know where its toolchains are, and picks by the project's folder.
        let ask = |arg: &str| {
            Cmd::new(&rustc).arg(arg).dir(root).inherit("HOME").inherit("RUSTUP_HOME").inherit("RUSTUP_TOOLCHAIN")
        };
        // rustup's proxy takes most of the time: ask both questions at once.
        let (verbose, sysroot) = std::thread::scope(|scope| {
            let sysroot = scope.spawn(|| ask("--print=sysroot").read().context("asking rustc for its sysroot"));
            (ask("-vV").read(), sysroot.join())
        });
        let verbose = verbose.context("asking rustc for its version")?;
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("`rustc -vV` gives no `{name}`"))
        };
        let sysroot = sysroot.unwrap_or_else(|_| bail!("asking rustc for its sysroot"))?;
        Ok(Self {
            sysroot: sysroot.into(),
            release: field("release")?,
            commit: field("commit-hash")?,
            triple: field("host")?,
        })
    }

    /// Its cargo for a workspace of Rust's own source, with this home.
    pub fn cargo(&self, home: &Path) -> Cmd {
        // Run from the root folder, so that no .cargo/config.toml above the clone is read.
        let cmd = Cmd::new(self.bin("cargo")).dir("/").env("CARGO_HOME", home);
        let cmd = cmd.env("RUSTC", self.bin("rustc")).env("RUSTC_BOOTSTRAP", "1");
        crate::source::fetch::NETWORK_ENV.iter().copied().fold(cmd, Cmd::inherit)
    }

    /// Path of one of its programs.
    pub fn bin(&self, name: &str) -> PathBuf {
        self.sysroot.join("bin").join(name)
    }
}

/// All that building needs of the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The stock Rust toolchain.
    pub rust: Rust,
    /// By the name used in reports: clang, lld, llvm-ar, llvm-ranlib, git, make, unshare, ip.
    tools: BTreeMap<&'static str, Tool>,
    /// Those of [`EXTRAS`] that were looked for and are there.
    extras: BTreeMap<&'static str, Tool>,
    /// clang's folder of built-in headers.
    pub clang_headers: PathBuf,
}

impl Host {
    /// Paths of the tools; all are there, see [`survey`].
    pub fn tool(&self, name: &'static str) -> Result<&Tool> {
        let found = self.tools.get(name).or_else(|| self.extras.get(name));
        found.with_context(|| format!("the host lacks {name}"))
    }

    /// Fails unless all that these uses need is there; see [`EXTRAS`].
    pub fn need(&self, uses: &[&str]) -> Result<()> {
        let needed = EXTRAS.iter().filter(|(_, user)| uses.contains(user)).map(|(name, _)| *name);
        let missing: Vec<&str> = needed.filter(|name| !self.extras.contains_key(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(lacks(&missing)) }
    }

    /// Path of a tool.
    pub fn path(&self, name: &'static str) -> Result<&Path> {
        Ok(&self.tool(name)?.path)
    }

    /// Names and versions, for the report.
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

/// The triple and the versions, for the report, of a host that only runs test programs: what isolates them, as far as it is
/// there.
pub fn for_running() -> (String, BTreeMap<String, String>) {
    let env = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let tools = ISOLATION.map(|name| (name, tool(name)));
    let found = tools.iter().filter_map(|(name, tool)| Some((*name, tool.as_ref()?)));
    (format!("{}-unknown-linux-{env}", std::env::consts::ARCH), versions(found))
}

/// What a run with this compiler is a use of; see [`EXTRAS`].
pub fn uses(compiler: Compiler) -> &'static [&'static str] {
    match compiler {
        Compiler::Stock => &[],
        Compiler::Bootstrap(CompilerBuild { llvm: Llvm::System, .. }) => &[BOOTSTRAP],
        Compiler::Bootstrap(CompilerBuild { llvm: Llvm::Bundled, .. }) => &[BOOTSTRAP, BUNDLED_LLVM],
    }
}

/// What a look at the host found.
#[derive(Debug)]
pub struct Survey {
    /// Each tool that is wanted, and what was found of it.
    pub tools: Vec<(&'static str, Option<Tool>)>,
    /// The same of [`EXTRAS`].
    pub extras: Vec<(&'static str, Option<Tool>)>,
}

impl Survey {
    /// Names of tools that were not found.
    pub fn missing(&self) -> Vec<&'static str> {
        missing(&self.tools).collect()
    }

    /// The same, with those that these uses need; see [`EXTRAS`].
    pub fn missing_for(&self, uses: &[&str]) -> Vec<&'static str> {
        let of_use = |name: &&str| EXTRAS.iter().any(|(extra, user)| extra == name && uses.contains(user));
        missing(&self.tools).chain(missing(&self.extras).filter(of_use)).collect()
    }

    /// The same, with those that any use needs but the rarest: that one only if this compiler is a case of it.
    pub fn missing_at_all(&self, compiler: Compiler) -> Vec<&'static str> {
        let users = EXTRAS.iter().map(|(_, user)| *user).filter(|user| *user != BUNDLED_LLVM);
        self.missing_for(&users.chain(uses(compiler).iter().copied()).collect::<Vec<_>>())
    }

    /// The host, if nothing is missing.
    pub fn into_host(self, rust: Rust) -> Result<Host> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(lacks(&missing));
        }
        let [tools, extras] = [self.tools, self.extras].map(|tools| -> BTreeMap<_, _> {
            tools.into_iter().filter_map(|(name, tool)| Some((name, tool?))).collect()
        });
        let clang = &tools.get("clang").context("the host lacks clang")?.path;
        let resources = Cmd::new(clang).arg("-print-resource-dir").read().context("asking clang for its headers")?;
        Ok(Host { rust, clang_headers: Path::new(&resources).join("include"), tools, extras })
    }
}

/// The error that names what is missing, and how to get it.
fn lacks(missing: &[&str]) -> anyhow::Error {
    let install = super::install::Installer::find();
    let command = install.map(|installer| installer.command(missing));
    let hint =
        command.map_or_else(String::new, |command| format!("\nhint: `{command}`, or `cargo xtask doctor --install`"));
    CodedError::error(exit::HOST, format!("the host lacks {}{hint}", missing.join(", ")))
}

fn missing(tools: &[(&'static str, Option<Tool>)]) -> impl Iterator<Item = &'static str> {
    tools.iter().filter(|(_, tool)| tool.is_none()).map(|(name, _)| *name)
}

/// Looks for every tool of every use; see [`survey_for`].
pub fn survey() -> Survey {
    let uses: Vec<&str> = EXTRAS.iter().map(|(_, user)| *user).collect();
    survey_for(&uses)
}

/// Looks for every tool that is always needed, and for those of [`EXTRAS`] that these uses need. All tools of LLVM are from
/// one release.
pub fn survey_for(uses: &[&str]) -> Survey {
    let suffixes: Vec<String> = llvm_releases().map(|release| format!("-{release}")).chain([String::new()]).collect();
    let llvm = [("clang", "clang"), ("lld", "ld.lld"), ("llvm-ar", "llvm-ar"), ("llvm-ranlib", "llvm-ranlib")];
    let found =
        |suffix: &String| llvm.iter().filter(|(_, program)| which::which(format!("{program}{suffix}")).is_ok()).count();
    // The first release that is whole; else the one that lacks least.
    let best = suffixes.iter().rev().max_by_key(|suffix| found(suffix)).cloned().unwrap_or_default();
    let wanted = llvm.iter().map(|(name, program)| (*name, format!("{program}{best}")));
    let others = ["git", "make"].into_iter().chain(ISOLATION).map(|name| (name, name.to_owned()));
    let wanted: Vec<(&'static str, String)> = wanted.chain(others).collect();
    // Asking each for its version takes tens of milliseconds: ask all at once.
    std::thread::scope(|scope| {
        let tools: Vec<_> =
            wanted.into_iter().map(|(name, program)| (name, scope.spawn(move || tool(&program)))).collect();
        let program_of =
            |name: &str| if LLVM_EXTRAS.contains(&name) { format!("{name}{best}") } else { name.to_owned() };
        let extras: Vec<_> = EXTRAS
            .into_iter()
            .filter(|(_, user)| uses.contains(user))
            .map(|(name, _)| {
                let program = program_of(name);
                (name, scope.spawn(move || if SSH.contains(&name) { ssh(name) } else { tool(&program) }))
            })
            .collect();
        let [tools, extras] = [tools, extras]
            .map(|asked| asked.into_iter().map(|(name, thread)| (name, thread.join().ok().flatten())).collect());
        Survey { tools, extras }
    })
}

fn tool(program: &str) -> Option<Tool> {
    let path = which::which(program).ok()?;
    // iproute2 knows only the short one.
    let printed = ["--version", "-V"].into_iter().find_map(|option| Cmd::new(&path).arg(option).read().ok())?;
    versioned(path, &printed)
}

/// One of ssh's programs. A server is on root's search path only, and each says its version in its own way, some as a complaint.
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
