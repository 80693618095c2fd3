//! One invocation: where things are, what the host has, and the plan of what is to be built.

mod compiler;
mod plan;
mod ui;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, Coded};
use bringup_model::patch_name::PatchName;
use bringup_model::pins::{Pins, Source};
use bringup_model::series::Series;
use bringup_model::target::Target;
use bringup_runner::jobs::Jobs;

use crate::build::step::Builder;
use crate::build::store::Store;
use crate::cli::{Cli, TargetNames};
use crate::console::Ui;
use crate::host::emulator::{self, Emulator};
use crate::host::survey::{self, Host, Rust};
use crate::project::config;
use crate::source::patch;
use crate::trial::archive::unpack::{self, Unpacked};

pub use self::plan::{CompilerSteps, Patched, Planned, Sources, TargetSteps};
pub use self::ui::UiSteps;

/// What a report's notes say of a patch that was left out, before its name.
pub const LEFT_OUT: &str = "built without patch ";

/// What every command works with.
pub struct Session {
    /// The project's folder.
    pub root: PathBuf,
    /// The folder of results.
    pub out: PathBuf,
    /// The folder of downloads.
    pub cache: PathBuf,
    /// bringup.toml.
    pub pins: Pins,
    /// Progress.
    pub ui: Ui,
    /// Processors to use.
    pub jobs: usize,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Patches that are left out of their series.
    pub without: Vec<PatchName>,
    /// What Rust is compiled with.
    pub compiler: Compiler,
    /// The options that chose a version, or left patches out, as they would have to be given again.
    pub options: Vec<String>,
    rust: OnceLock<Rust>,
    host: OnceLock<Host>,
}

impl Session {
    /// Reads bringup.toml and settles the folders.
    pub fn open(cli: &Cli) -> Result<Self> {
        let start = start_folder(cli)?;
        let root = config::find_root(&start)?;
        let mut session = Self::new(cli, &start, root.clone(), root.join("out"))?;
        for (name, version) in [("rust", &cli.rust), ("musl", &cli.musl)] {
            if let Some(version) = version {
                session.pins.select(name, version).map_err(|error| Coded::error(exit::USAGE, error))?;
            }
        }
        session.without.clone_from(&cli.without);
        session.compiler = cli.compiler.choice().map_err(|error| Coded::error(exit::USAGE, error))?;
        session.options = options(cli);
        for name in &session.without {
            session.named_patches(name)?;
        }
        Ok(session)
    }

    /// Unpacks an archive of test programs, in which is what it takes of a project. Results go to the out folder of the
    /// project around, if there is one, else to `out` in the working folder.
    pub fn of_archive(cli: &Cli, file: &Path) -> Result<(Self, Unpacked)> {
        let start = start_folder(cli)?;
        let out = config::find_root(&start).unwrap_or_else(|_| start.clone()).join("out");
        let ui = Ui::for_stderr(cli.quiet);
        // It is opened again for the run.
        let unpacked = unpack::unpack(&open_store(&out, &ui)?, file)?;
        let mut session = Self::new(cli, &start, unpacked.folder.clone(), out)?;
        let pins = &unpacked.manifest.pins;
        for (name, version) in [("rust", &pins.rust), ("musl", &pins.musl), ("llvm", &pins.llvm)] {
            session.pins.select(name, version).map_err(|error| {
                Coded::error(exit::USAGE, format!("the archive {} contradicts itself: {error}", file.display()))
            })?;
        }
        Ok((session, unpacked))
    }

    fn new(cli: &Cli, start: &Path, root: PathBuf, out: PathBuf) -> Result<Self> {
        let pins = config::pins(&root)?;
        let cache = match &cli.cache {
            Some(cache) => start.join(cache),
            None => default_cache(start)?,
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            root,
            out,
            cache,
            pins,
            ui: Ui::for_stderr(cli.quiet),
            jobs: cli.jobs.map_or(processors, usize::from),
            offline: cli.offline,
            without: Vec::new(),
            compiler: Compiler::Stock,
            options: Vec::new(),
            rust: OnceLock::new(),
            host: OnceLock::new(),
        })
    }

    /// The sources in use: of each, the version that is built.
    pub fn sources(&self) -> [&Source; 3] {
        [&self.pins.rust, &self.pins.musl, &self.pins.llvm]
    }

    /// The source in use that is called so.
    pub fn source(&self, name: &str) -> Result<&Source> {
        let found = self.sources().into_iter().find(|source| source.name == name);
        let names = self.sources().map(|source| source.name).join(", ");
        found
            .ok_or_else(|| Coded::error(exit::USAGE, format!("unknown source `{name}`\nhint: the sources are {names}")))
    }

    /// The files of the patches that a name stands for; at least one.
    pub fn named_patches(&self, name: &PatchName) -> Result<Vec<String>> {
        let source = self.source(&name.source)?;
        let series = patch::load::load(&self.root, source.name, &source.version)?;
        let files = series.patches.iter().filter(|patch| name.is(source.name, patch)).map(|patch| patch.file.clone());
        let files: Vec<String> = files.collect();
        if files.is_empty() {
            let all: Vec<&str> = series.patches.iter().map(|patch| patch.file.as_str()).collect();
            let hint = if all.is_empty() { "it has none".into() } else { format!("it has\n  {}", all.join("\n  ")) };
            let text = format!("{} {} has no patch `{name}`\nhint: {hint}", source.name, source.version);
            return Err(Coded::error(exit::USAGE, text));
        }
        Ok(files)
    }

    /// What a report says of patches that are left out.
    pub fn left_out(&self) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for name in &self.without {
            let files = self.named_patches(name)?;
            notes.extend(files.iter().map(|file| format!("{LEFT_OUT}{}/{file}", name.source)));
        }
        Ok(notes)
    }

    /// The patches over a source, but those that the user leaves out.
    pub fn series(&self, source: &Source) -> Result<Series> {
        let series = patch::load::load(&self.root, source.name, &source.version)?;
        Ok(series.without(|patch| self.without.iter().any(|name| name.is(source.name, patch))))
    }

    /// Those of all sources in use, in the order of [`Session::sources`].
    pub fn series_in_use(&self) -> Result<[Series; 3]> {
        let [rust, musl, llvm] = self.sources().map(|source| self.series(source));
        Ok([rust?, musl?, llvm?])
    }

    /// Opens the out folder, waiting for another run that uses it.
    pub fn store(&self) -> Result<Store> {
        open_store(&self.out, &self.ui)
    }

    /// The stock Rust toolchain.
    pub fn rust(&self) -> Result<&Rust> {
        if let Some(rust) = self.rust.get() {
            return Ok(rust);
        }
        let rust = Rust::find(&self.root)?;
        Ok(self.rust.get_or_init(|| rust))
    }

    /// The host's tools, and a compiler that can compile the pinned source; else an error that names what is lacking.
    pub fn host(&self) -> Result<&Host> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let rust = self.rust()?.clone();
        self.check_release(&rust)?;
        let host = survey::survey().into_host(rust)?;
        Ok(self.host.get_or_init(|| host))
    }

    /// The named targets, or those of the named release; all if nothing is named.
    pub fn targets(&self, names: &TargetNames) -> Result<Vec<Target>> {
        let Some(name) = &names.release else { return config::targets(&self.root, &names.targets) };
        let release = config::release(&self.root, name)?;
        let ours = &self.pins.musl.version;
        if let Some(musl) = release.musl.filter(|musl| musl != ours) {
            let hint = if self.pins.find("musl", &musl).is_ok() {
                format!("; `--musl {musl}` builds that")
            } else {
                String::new()
            };
            self.ui.note(&format!("note: Alpine {name} ships musl {musl}; this run builds {ours}{hint}"));
        }
        config::targets(&self.root, &release.targets)
    }

    /// Builds plans into `store`.
    pub fn builder<'a>(&'a self, store: &'a Store) -> Result<Builder<'a>> {
        let ui = self.ui.clone();
        let jobs = Jobs::new(self.jobs, self.pins.memory_reserve, move |text| ui.warn(text))?;
        Ok(Builder { store, ui: &self.ui, jobs, offline: self.offline })
    }

    /// cargo's home for builds of std: its registry cache, and no configuration of the user.
    pub fn cargo_home(&self) -> PathBuf {
        self.cache.join("cargo")
    }

    /// The emulator that runs programs of `target`; see [`emulator::find`].
    pub fn emulator(&self, target: &Target, forced: Option<&Path>) -> Result<Emulator> {
        emulator::find(&target.qemu.emulator, &self.pins.qemu, &self.cache, self.offline, forced, &self.say())
    }

    /// Other versions of it, given and pinned ones; see [`emulator::controls`].
    pub fn control_emulators(
        &self,
        target: &Target,
        ours: &Emulator,
        given: &[PathBuf],
    ) -> Result<Vec<Result<Emulator, emulator::NotHad>>> {
        let pins = &self.pins.qemu.controls;
        emulator::controls(&target.qemu.emulator, ours, given, pins, &self.cache, self.offline, &self.say())
    }

    fn say(&self) -> impl Fn(&str) + Sync + use<> {
        let ui = self.ui.clone();
        move |text| ui.note(text)
    }
}

/// The folder that a command line is about.
fn start_folder(cli: &Cli) -> Result<PathBuf> {
    match &cli.directory {
        Some(directory) => Ok(fs_err::canonicalize(directory)?),
        None => std::env::current_dir().context("finding the working folder"),
    }
}

fn open_store(out: &Path, ui: &Ui) -> Result<Store> {
    Store::open(out, || ui.note("another run is using out/; waiting for it to end"))
}

/// The options of every verb that choose what is built.
fn options(cli: &Cli) -> Vec<String> {
    let version = |name: &str, version: &Option<String>| version.as_ref().map(|version| format!("--{name} {version}"));
    let without = cli.without.iter().map(|patch| format!("--without {patch}"));
    let versions = [version("rust", &cli.rust), version("musl", &cli.musl)].into_iter().flatten();
    versions.chain(without).chain(cli.compiler.words()).collect()
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

/// A path as people read it: relative to the project where it lies within.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
