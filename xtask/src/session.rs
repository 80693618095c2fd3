//! One invocation: where things are, what the host has, and the plan of what is to be built.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};

use crate::cli::{Cli, TargetNames};
use crate::emulator::{self, Emulator};
use crate::exit::{self, Coded};
use crate::fetch::{Fetched, Fetcher, Patience};
use crate::host::{self, Host, Rust};
use crate::model::patch_name::PatchName;
use crate::model::pins::{LIBRARY, Pins, Source};
use crate::model::series::Series;
use crate::model::target::Target;
use crate::render::progress::Ui;
use crate::run::jobs::Jobs;
use crate::step::std::{Library, Std};
use crate::step::test_programs::TestPrograms;
use crate::step::toolchain::Toolchain;
use crate::step::{Builder, Clang, Plan, StepId, musl::Musl, patch::Patch, runtimes::Runtimes, sysroot::Sysroot};
use crate::store::Store;
use crate::test_set::unpack::{self, Unpacked};
use crate::{config, patch, spec};

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
    /// The options that chose a version, or left patches out, as they would have to be given again.
    pub options: Vec<String>,
    rust: OnceLock<Rust>,
    host: OnceLock<Host>,
}

/// The steps of one target.
#[derive(Debug, Clone, Copy)]
pub struct TargetSteps {
    /// What lacks only std: enough for C.
    pub sysroot: StepId,
    /// The toolchain.
    pub toolchain: StepId,
    /// The test programs.
    pub test_programs: StepId,
}

/// Targets and the plan that covers them.
pub struct Planned {
    /// Every step.
    pub plan: Plan,
    /// Each target and its last steps.
    pub targets: Vec<(Target, TargetSteps)>,
    /// The step that gives the patched Rust source.
    pub rust_source: StepId,
    /// How each source was had, for the report's first step: wall seconds of fetching.
    pub fetch_wall_s: f64,
}

/// Whether fetching may touch the network, or only say what it would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Get the archives.
    Fetch,
    /// Say which archives would be used.
    Assume,
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
            notes.extend(files.iter().map(|file| format!("built without patch {}/{file}", name.source)));
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

    /// The host's tools, and a compiler of the pinned version; else an error that names what is lacking.
    pub fn host(&self) -> Result<&Host> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let rust = self.rust()?.clone();
        if rust.release != self.pins.rust.version {
            let wanted = &self.pins.rust.version;
            return Err(Coded::error(
                exit::HOST,
                format!(
                    "rustc {} is in use, but std {wanted} is built by rustc {wanted} only\nhint: rustup toolchain install {wanted}",
                    rust.release,
                ),
            ));
        }
        let host = host::survey().into_host(rust)?;
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

    /// The step that unpacks a source and applies `series`. An archive is only fetched for a step that is not done.
    pub fn patch_step(&self, source: &Source, series: &Series, sources: Sources) -> Result<Patch> {
        let say = self.say();
        let fetcher = Fetcher {
            root: &self.root,
            cache: &self.cache,
            sysroot: &self.rust()?.sysroot,
            suites: &self.pins.qemu.suites,
            offline: self.offline,
            patience: Patience::default(),
            say: &say,
        };
        let step = |archive: Fetched| Patch {
            source: source.name,
            archive: archive.path,
            sha256: archive.sha256,
            strip: archive.strip,
            unpack: source.unpack(),
            series: series.clone(),
        };
        let likely = step(fetcher.locate(source)?);
        let mut trial = Plan::new(&self.out);
        let id = trial.add(likely.clone(), &[]);
        if sources == Sources::Assume || trial.node(id).is_done() {
            return Ok(likely);
        }
        Ok(step(fetcher.fetch(source)?))
    }

    /// Makes the plan for `targets`: everything that could be wrong with the input is found here.
    pub fn plan(&self, targets: Vec<Target>, sources: Sources) -> Result<Planned> {
        // Before anything is fetched.
        let specs = targets.iter().map(|target| self.spec(target)).collect::<Result<Vec<_>>>()?;
        let mut plan = Plan::new(&self.out);
        let start = std::time::Instant::now();
        let patched = self.plan_sources(&mut plan, &self.series_in_use()?, sources)?;
        let fetch_wall_s = start.elapsed().as_secs_f64();
        let plan_one = |(target, spec): (Target, String)| {
            let steps = self.plan_target(&mut plan, &target, spec, patched)?;
            Ok((target, steps))
        };
        let targets = targets.into_iter().zip(specs).map(plan_one).collect::<Result<_>>()?;
        Ok(Planned { plan, targets, rust_source: patched.rust, fetch_wall_s })
    }

    /// Adds the steps of the sources with these patches, in the order of [`Session::sources`].
    pub fn plan_sources(&self, plan: &mut Plan, series: &[Series; 3], sources: Sources) -> Result<Patched> {
        let [rust, musl, llvm] = self.sources();
        // Of Rust, std's layer only: what changes the compiler is not for the library's tree.
        let rust = rust.with_layers(|layer| layer == LIBRARY);
        let mut add = |source: &Source, series: &Series| {
            let series = series.clone().within(source);
            Ok::<_, anyhow::Error>(plan.add(self.patch_step(source, &series, sources)?, &[]))
        };
        Ok(Patched { rust: add(&rust, &series[0])?, musl: add(musl, &series[1])?, llvm: add(llvm, &series[2])? })
    }

    /// A target's spec, resolved.
    pub fn spec(&self, target: &Target) -> Result<String> {
        spec::resolve(&self.root, target, &self.host()?.rust)
    }

    /// Adds the steps of one target with this spec, from these sources.
    pub fn plan_target(&self, plan: &mut Plan, target: &Target, spec: String, sources: Patched) -> Result<TargetSteps> {
        self.plan_target_at(plan, target, spec, sources, None)
    }

    /// The same, with std and its test programs built at another opt-level than usual.
    pub fn plan_target_at(
        &self,
        plan: &mut Plan,
        target: &Target,
        spec: String,
        sources: Patched,
        opt_level: Option<&str>,
    ) -> Result<TargetSteps> {
        let host = self.host()?;
        let clang = Clang::new(host, target)?;
        let make = host.path("make")?.to_owned();
        let path = |plan: &Plan, id: StepId| plan.path(id).to_owned();

        let step = Runtimes {
            target: target.clone(),
            clang: clang.clone(),
            make: make.clone(),
            exclude: self.pins.exclude_builtins.clone(),
            llvm: path(plan, sources.llvm),
            musl: path(plan, sources.musl),
        };
        let runtimes = plan.add(step, &[sources.llvm, sources.musl]);
        let step = Musl {
            target: target.clone(),
            clang: clang.clone(),
            make,
            source: path(plan, sources.musl),
            runtimes: path(plan, runtimes),
        };
        let musl = plan.add(step, &[sources.musl, runtimes]);
        let step = Sysroot {
            target: target.clone(),
            spec,
            clang,
            rust: host.rust.clone(),
            musl: path(plan, musl),
            runtimes: path(plan, runtimes),
        };
        let sysroot = plan.add(step, &[musl, runtimes]);
        let library = Library {
            triple: target.triple.clone(),
            rust: host.rust.clone(),
            source: path(plan, sources.rust),
            cargo_home: self.cargo_home(),
            env: self.pins.std_env.clone(),
            opt_level: opt_level.map(str::to_owned),
        };
        let step = Std { target: target.clone(), library: library.clone(), sysroot: path(plan, sysroot) };
        let std = plan.add(step, &[sources.rust, sysroot]);
        let step = Toolchain { target: target.clone(), sysroot: path(plan, sysroot), std: path(plan, std) };
        let toolchain = plan.add(step, &[sysroot, std]);
        let step =
            TestPrograms { target: target.clone(), library, std: path(plan, std), toolchain: path(plan, toolchain) };
        let test_programs = plan.add(step, &[sources.rust, std, toolchain]);
        Ok(TargetSteps { sysroot, toolchain, test_programs })
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

/// The steps that give the patched sources.
#[derive(Debug, Clone, Copy)]
pub struct Patched {
    /// Rust's library.
    pub rust: StepId,
    /// musl.
    pub musl: StepId,
    /// LLVM's runtimes.
    pub llvm: StepId,
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
    [version("rust", &cli.rust), version("musl", &cli.musl)].into_iter().flatten().chain(without).collect()
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
