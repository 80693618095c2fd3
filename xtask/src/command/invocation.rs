//! What a command line selects: a project, what to build of it, and where.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::build_options::BuildOptions;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};

use crate::build::store::Store;
use crate::build::{BuildChoice, Planner, Workspace};
use crate::cli::Cli;
use crate::console::Console;
use crate::project::{Project, config};
use crate::trial::archive::unpack::{self, Unpacked};

/// What a command line selects. [`super::dispatch`] hands its parts to the verbs.
pub struct Invocation {
    /// The project, with the selected versions.
    pub project: Project,
    pub options: BuildChoice,
    pub workspace: Workspace,
}

impl Invocation {
    /// Reads bringup.toml and chooses the folders.
    pub fn open(cli: &Cli) -> Result<Self> {
        let start = start_folder(cli)?;
        let root = config::find_root(&start)?;
        let out = root.join("out");
        let mut project = Project::open(root)?;
        let workspace = workspace(cli, &start, out)?;
        for (name, version) in [("rust", &cli.rust), ("musl", &cli.musl)] {
            if let Some(version) = version {
                project.pins.select(name, version).map_err(|error| CodedError::error(exit::USAGE, error))?;
            }
        }
        let mut options = options(cli)?;
        if let (None, Some(release)) = (&cli.musl, cli.verb.release()) {
            options.recorded.musl = project.select_musl_of(release)?;
        }
        let mut invocation = Self { project, options, workspace };
        let left_out = invocation.planner().left_out()?;
        invocation.options.recorded.left_out = left_out;
        Ok(invocation)
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
        for (name, version) in [("rust", &pins.rust), ("musl", &pins.musl), ("llvm", &pins.llvm)] {
            project.pins.select(name, version).map_err(|error| {
                CodedError::error(exit::USAGE, format!("the archive {} contradicts itself: {error}", file.display()))
            })?;
        }
        let (left_out, compiler) = (unpacked.manifest.left_out.clone(), unpacked.manifest.compiler);
        let recorded = BuildOptions { rust: None, musl: None, left_out, compiler };
        // Nothing is built.
        let options = BuildChoice { without: Vec::new(), compiler: Compiler::Stock, recorded };
        Ok((Self { project, options, workspace }, unpacked))
    }

    pub fn planner(&self) -> Planner<'_> {
        Planner::new(&self.project, &self.options, &self.workspace)
    }
}

/// The build options, without the names of the omitted patches.
fn options(cli: &Cli) -> Result<BuildChoice> {
    let compiler = cli.compiler.choice().map_err(|error| CodedError::error(exit::USAGE, error))?;
    let (rust, musl) = (cli.rust.clone(), cli.musl.clone());
    let recorded = BuildOptions { rust, musl, left_out: Vec::new(), compiler };
    Ok(BuildChoice { without: cli.without.clone(), compiler, recorded })
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
