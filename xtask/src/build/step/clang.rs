//! Compiling C for a target.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;

use super::Work;
use crate::host::survey::HostTools;

/// clang, the other tools of LLVM, and the flags of one target.
#[derive(Debug, Clone)]
pub struct Clang {
    path: PathBuf,
    lld: PathBuf,
    ar: PathBuf,
    ranlib: PathBuf,
    headers: PathBuf,
    identity: Vec<String>,
    target: String,
    flags: Vec<String>,
}

impl Clang {
    /// The host's clang, with the flags of `target`.
    pub fn new(host: &HostTools, target: &Target) -> Result<Self> {
        let names = ["clang", "lld", "llvm-ar"];
        let identity =
            names.into_iter().map(|name| Ok(format!("{name} {}", host.tool(name)?.line))).collect::<Result<_>>()?;
        Ok(Self {
            path: host.path("clang")?.into(),
            lld: host.path("lld")?.into(),
            ar: host.path("llvm-ar")?.into(),
            ranlib: host.path("llvm-ranlib")?.into(),
            headers: host.clang_headers.clone(),
            identity,
            target: target.c.target.clone(),
            flags: target.c.flags.clone(),
        })
    }

    /// The inputs that decide the compiler's output: versions and flags.
    pub fn inputs(&self) -> Inputs {
        Inputs::new().list("tool", &self.identity).add("c target", &self.target).list("c flag", &self.flags)
    }

    /// The arguments that select target and linker.
    pub fn target_args(&self) -> Vec<String> {
        let mut args = vec![format!("--target={}", self.target)];
        args.extend(self.flags.iter().cloned());
        args
    }

    /// clang's name of the target.
    pub fn triple(&self) -> &str {
        &self.target
    }

    /// Path of the compiler.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the linker.
    pub fn lld(&self) -> &Path {
        &self.lld
    }

    /// Path of the archiver.
    pub fn ar(&self) -> &Path {
        &self.ar
    }

    /// Path of the archive indexer.
    pub fn ranlib(&self) -> &Path {
        &self.ranlib
    }

    /// Path of another program of LLVM, from the folder and with the suffix of the archiver, if it is there.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let suffix = self.ar.file_name()?.to_str()?.strip_prefix("llvm-ar")?;
        Some(self.ar.with_file_name(format!("{name}{suffix}"))).filter(|path| path.is_file())
    }

    /// The compiler's own headers.
    pub fn headers(&self) -> &Path {
        &self.headers
    }

    /// The name of the folder, in `lib` of the resource folder, where this clang looks for the target's compiler-rt.
    pub fn runtime_folder(&self) -> Result<String> {
        Cmd::new(&self.path)
            .args(self.target_args())
            .arg("-print-target-triple")
            .read()
            .context("asking clang for its name of the target")
    }

    /// Compiles each source to `NAME.o` in `objects`, in parallel, and returns the objects' paths in the order of the
    /// sources.
    pub fn compile(&self, work: &Work, sources: &[CSource], objects: &Path) -> Result<Vec<PathBuf>> {
        fs_err::create_dir_all(objects)?;
        let paths: Vec<PathBuf> = sources.iter().map(|source| objects.join(format!("{}.o", source.object))).collect();
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let worker = || {
            while let Some((source, object)) = {
                let i = next.fetch_add(1, Ordering::Relaxed);
                sources.get(i).zip(paths.get(i))
            } {
                let cmd = Cmd::new(&self.path)
                    .args(self.target_args())
                    .args(&source.flags)
                    .arg("-c")
                    .arg(&source.path)
                    .arg("-o")
                    .arg(object);
                if let Err(error) = work.run(&cmd) {
                    next.store(sources.len(), Ordering::Relaxed);
                    if let Ok(mut failure) = failure.lock() {
                        failure.get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..work.jobs.total() {
                scope.spawn(worker);
            }
        });
        match failure.into_inner().ok().flatten() {
            Some(error) => Err(error),
            None => Ok(paths),
        }
    }

    /// Packs objects into a static library, without times and owners.
    pub fn archive(&self, work: &Work, library: &Path, objects: &[PathBuf]) -> Result<()> {
        work.run(&Cmd::new(&self.ar).arg("rcsD").arg(library).args(objects)).map(drop)
    }
}

/// A file to compile.
#[derive(Debug, Clone)]
pub struct CSource {
    /// The file.
    pub path: PathBuf,
    /// Name of the object file, without `.o`.
    pub object: String,
    /// Flags for this file.
    pub flags: Vec<String>,
}
