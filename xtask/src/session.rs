//! One invocation: where things are, what the host has, and the plan of what is to be built.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

use crate::cli::{Cli, TargetNames};
use crate::emulator::{self, Emulator};
use crate::exit::{self, Coded};
use crate::fetch::{Fetched, Fetcher, Patience};
use crate::host::{self, Host, Rust};
use crate::model::pins::{Pins, Source};
use crate::model::series::Series;
use crate::model::target::Target;
use crate::render::progress::Ui;
use crate::run::jobs::Jobs;
use crate::step::std::{Library, Std};
use crate::step::test_programs::TestPrograms;
use crate::step::toolchain::Toolchain;
use crate::step::{Builder, Clang, Plan, StepId, musl::Musl, patch::Patch, runtimes::Runtimes, sysroot::Sysroot};
use crate::store::Store;
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
    rust: OnceLock<Rust>,
    host: OnceLock<Host>,
}

/// The steps of one target.
#[derive(Debug, Clone, Copy)]
pub struct TargetSteps {
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
        let start = match &cli.directory {
            Some(directory) => fs_err::canonicalize(directory)?,
            None => std::env::current_dir().context("finding the working folder")?,
        };
        let root = config::find_root(&start)?;
        let pins = config::pins(&root)?;
        let cache = match &cli.cache {
            Some(cache) => start.join(cache),
            None => default_cache(&start)?,
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let out = root.join("out");
        let jobs = cli.jobs.map_or(processors, usize::from);
        let ui = Ui::for_stderr(cli.quiet);
        Ok(Self {
            root,
            out,
            cache,
            pins,
            ui,
            jobs,
            offline: cli.offline,
            rust: OnceLock::new(),
            host: OnceLock::new(),
        })
    }

    /// Opens the out folder, waiting for another run that uses it.
    pub fn store(&self) -> Result<Store> {
        Store::open(&self.out, || self.ui.note("another run is using out/; waiting for it to end"))
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
            self.ui.note(&format!("note: Alpine {name} ships musl {musl}; this run builds {ours}"));
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
            unpack: source.unpack.clone(),
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
        let host = self.host()?;
        let specs =
            targets.iter().map(|target| spec::resolve(&self.root, target, &host.rust)).collect::<Result<Vec<_>>>()?;
        let mut plan = Plan::new(&self.out);
        let mut patched = Vec::new();
        let start = std::time::Instant::now();
        for source in [&self.pins.rust, &self.pins.musl, &self.pins.llvm] {
            let series = patch::load::load(&self.root, source.name, &source.version)?;
            patched.push(plan.add(self.patch_step(source, &series, sources)?, &[]));
        }
        let fetch_wall_s = start.elapsed().as_secs_f64();
        let [rust, musl, llvm] = patched[..] else { bail!("three sources are expected") };
        let sources = Patched { rust, musl, llvm };
        let targets = targets
            .into_iter()
            .zip(specs)
            .map(|(target, spec)| Ok((target.clone(), self.plan_target(&mut plan, &target, spec, sources)?)))
            .collect::<Result<_>>()?;
        Ok(Planned { plan, targets, rust_source: rust, fetch_wall_s })
    }

    fn plan_target(&self, plan: &mut Plan, target: &Target, spec: String, sources: Patched) -> Result<TargetSteps> {
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
        };
        let step = Std { target: target.clone(), library: library.clone(), sysroot: path(plan, sysroot) };
        let std = plan.add(step, &[sources.rust, sysroot]);
        let step = Toolchain { target: target.clone(), sysroot: path(plan, sysroot), std: path(plan, std) };
        let toolchain = plan.add(step, &[sysroot, std]);
        let step =
            TestPrograms { target: target.clone(), library, std: path(plan, std), toolchain: path(plan, toolchain) };
        let test_programs = plan.add(step, &[sources.rust, std, toolchain]);
        Ok(TargetSteps { toolchain, test_programs })
    }

    /// cargo's home for builds of std: its registry cache, and no configuration of the user.
    pub fn cargo_home(&self) -> PathBuf {
        self.cache.join("cargo")
    }

    /// The emulator that runs programs of `target`; see [`emulator::find`].
    pub fn emulator(&self, target: &Target, forced: Option<&Path>) -> Result<Emulator> {
        emulator::find(&target.qemu.emulator, &self.pins.qemu, &self.cache, self.offline, forced, &self.say())
    }

    fn say(&self) -> impl Fn(&str) + Sync + use<> {
        let ui = self.ui.clone();
        move |text| ui.note(text)
    }
}

#[derive(Clone, Copy)]
struct Patched {
    rust: StepId,
    musl: StepId,
    llvm: StepId,
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
