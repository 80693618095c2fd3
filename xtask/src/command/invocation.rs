//! What a command line selects: a project, what to build of it, and where.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::build_options::BuildOptions;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::{ChannelName, RustRelease, Source};
use bringup_model::report::UsedToolchain;

use crate::build::store::Store;
use crate::build::{BuildChoice, Planner, Toolchains, Workspace};
use crate::cli::Cli;
use crate::console::Console;
use crate::project::{Project, config};
use crate::source::fetch::{Resolved, Unavailable};
use crate::trial::archive::unpack::{self, Unpacked};

/// What a command line selects. [`super::dispatch`] hands its parts to the verbs.
pub struct Invocation {
    /// The project, with the selected versions.
    pub project: Project,
    pub options: BuildChoice,
    pub workspace: Workspace,
    toolchains: Toolchains,
}

impl Invocation {
    /// Reads bringup.toml and chooses the folders.
    pub fn open(cli: &Cli) -> Result<Self> {
        let start = start_folder(cli)?;
        let root = config::find_root(&start)?;
        let out = root.join("out");
        let mut project = Project::open(root)?;
        let workspace = workspace(cli, &start, out)?;
        if let Some(version) = &cli.musl {
            project.pins.select("musl", version).map_err(|error| CodedError::error(exit::USAGE, error))?;
        }
        let mut options = options(cli)?;
        if let (None, Some(release)) = (&cli.musl, cli.verb.release()) {
            options.recorded.musl = project.select_musl_of(release)?;
        }
        let mut invocation = Self { project, options, workspace, toolchains: Toolchains::default() };
        match &cli.rust {
            Some(name) => invocation.select_rust(name)?,
            None if cli.verb.uses_rust() => invocation.settle_rust()?,
            None => {}
        }
        invocation.leave_out(cli.verb.uses_sources())?;
        Ok(invocation)
    }

    /// Selects the Rust that the user named: a pinned version, or what a channel is now, or was on a day.
    fn select_rust(&mut self, name: &str) -> Result<()> {
        let usage = |error| CodedError::error(exit::USAGE, error);
        let Some(channel) = ChannelName::parse(name) else {
            return self.project.pins.select("rust", name).map_err(usage);
        };
        let planner = self.planner();
        let Resolved { name: day, release } = planner.resolve(&channel.map_err(usage)?)?;
        self.toolchains = planner.toolchains();
        let is_it = |source: &&Source| source.release.as_ref().is_some_and(|pinned| pinned.commit == release.commit);
        let pinned = self.project.pins.all.iter().find(is_it).map(|source| source.version.clone());
        let commit = release.commit.get(..9).unwrap_or(&release.commit);
        self.workspace.console.note(&format!("rust {name}: {day}, which is {} ({commit})", release.version));
        let chosen = if let Some(version) = pinned {
            self.project.pins.select("rust", &version).map_err(usage)?;
            version
        } else {
            self.project.pins.select_channel(&day, Some(release));
            day.to_string()
        };
        self.options.recorded.rust = Some(chosen);
        Ok(())
    }

    /// Where the user named no version of Rust and the default one cannot be had, selects the newest pinned one that can.
    fn settle_rust(&mut self) -> Result<()> {
        let default = self.project.pins.rust.version.clone();
        let others = self.project.pins.versions("rust").into_iter().filter(|source| source.version != default);
        let versions: Vec<String> =
            std::iter::once(&default).chain(others.map(|source| &source.version)).cloned().collect();
        let mut first = None;
        for version in versions {
            self.project.pins.select("rust", &version).map_err(|error| CodedError::error(exit::USAGE, error))?;
            let planner = self.planner();
            let found = planner.rust().map(drop);
            self.toolchains = planner.toolchains();
            match found {
                Err(error) if Unavailable::of(&error).is_none() => return Err(error),
                Err(error) => {
                    first.get_or_insert(error);
                    continue;
                }
                Ok(()) if version == default => {}
                Ok(()) => {
                    let why = first.map(|error| format!("{error:#}")).unwrap_or_default();
                    self.workspace.console.note(&why);
                    self.options.recorded.rust = Some(version);
                    self.options.recorded.instead_of = Some(default);
                    self.remind();
                }
            }
            return Ok(());
        }
        // The first error is that of the default.
        first.map_or(Ok(()), Err)
    }

    /// Warns that another Rust than the default is used, if that is so.
    pub fn remind(&self) {
        let BuildOptions { rust: Some(rust), instead_of: Some(default), .. } = &self.options.recorded else { return };
        let text = format!("Rust {default}, the default, cannot be had: this is Rust {rust}");
        self.workspace.console.warn(&text);
    }

    /// Records the patches that are left out: those that the user names, and those that conflict with a channel's Rust.
    fn leave_out(&mut self, uses_sources: bool) -> Result<()> {
        let planner = self.planner();
        let mut left_out = planner.left_out()?;
        if uses_sources {
            left_out.extend(planner.tell_of_carried()?);
        }
        left_out.sort();
        self.toolchains = planner.toolchains();
        self.options.recorded.left_out = left_out;
        Ok(())
    }

    /// Unpacks an archive of test programs, which includes its project. Results go to the out folder of the surrounding project,
    /// if there is one, else to `out` in the working folder.
    pub fn of_archive(cli: &Cli, file: &Path) -> Result<(Self, Unpacked)> {
        let start = start_folder(cli)?;
        let out = config::find_root(&start).unwrap_or_else(|_| start.clone()).join("out");
        let workspace = workspace(cli, &start, out)?;
        // The run opens the store again.
        let store: Store = workspace.store()?;
        let unpacked = unpack::unpack(&store, file)?;
        drop(store);
        let mut project = Project::open(unpacked.folder.clone())?;
        let pins = &unpacked.manifest.pins;
        let contradicts = |error: String| {
            CodedError::error(exit::USAGE, format!("the archive {} contradicts itself: {error}", file.display()))
        };
        match ChannelName::parse(&pins.rust) {
            Some(day) => {
                project.pins.select_channel(&day.map_err(contradicts)?, pins.rust_toolchain.as_ref().map(named));
            }
            None => project.pins.select("rust", &pins.rust).map_err(contradicts)?,
        }
        for (name, version) in [("musl", &pins.musl), ("llvm", &pins.llvm)] {
            project.pins.select(name, version).map_err(contradicts)?;
        }
        let (left_out, compiler) = (unpacked.manifest.left_out.clone(), unpacked.manifest.compiler);
        let recorded = BuildOptions { rust: None, instead_of: None, musl: None, left_out, compiler };
        // Nothing is built.
        let options = BuildChoice { without: Vec::new(), skip_conflicts: false, compiler: Compiler::Stock, recorded };
        Ok((Self { project, options, workspace, toolchains: Toolchains::default() }, unpacked))
    }

    pub fn planner(&self) -> Planner<'_> {
        Planner::new(&self.project, &self.options, &self.workspace, self.toolchains.clone())
    }
}

/// The release of an archive's toolchain, which is not required again.
fn named(toolchain: &UsedToolchain) -> RustRelease {
    let UsedToolchain { release, commit } = toolchain.clone();
    RustRelease { version: release, commit, manifest: String::new(), path: String::new() }
}

/// The build options, without the names of the omitted patches.
fn options(cli: &Cli) -> Result<BuildChoice> {
    let compiler = cli.compiler.choice().map_err(|error| CodedError::error(exit::USAGE, error))?;
    let (rust, musl) = (cli.rust.clone(), cli.musl.clone());
    let recorded = BuildOptions { rust, instead_of: None, musl, left_out: Vec::new(), compiler };
    Ok(BuildChoice { without: cli.without.clone(), skip_conflicts: cli.skip_conflicts, compiler, recorded })
}

fn workspace(cli: &Cli, start: &Path, out: PathBuf) -> Result<Workspace> {
    let cache = match &cli.cache {
        Some(cache) => start.join(cache),
        None => default_cache(start)?,
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = cli.jobs.map_or(processors, usize::from);
    Ok(Workspace { out, cache, offline: cli.offline, jobs, console: Console::for_stderr(cli.quiet) })
}

/// The folder in which the command runs.
fn start_folder(cli: &Cli) -> Result<PathBuf> {
    match &cli.directory {
        Some(directory) => Ok(fs_err::canonicalize(directory)?),
        None => std::env::current_dir().context("finding the working folder"),
    }
}

fn default_cache(start: &Path) -> Result<PathBuf> {
    let from = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = from("BRINGUP_CACHE") {
        return Ok(start.join(cache));
    }
    let base = from("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| from("HOME").map(|home| home.join(".cache")));
    let none =
        "neither XDG_CACHE_HOME nor HOME is set\nhint: give a folder for downloads with --cache or BRINGUP_CACHE";
    Ok(base.context(none)?.join("bringup"))
}
