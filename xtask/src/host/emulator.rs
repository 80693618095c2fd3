//! Finds the emulator: the one that the user names, the distribution's, or the newest of a newer suite.

mod control;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::QemuPin;
use bringup_model::report::UsedEmulator;
use bringup_model::target::Target;
use bringup_model::version::Version;
use bringup_runner::exec::{Cmd, PATH, describe};
use bringup_runner::files::sha256_file;
use bringup_runner::interrupt::is_interrupt;
use bringup_runner::runner::Runner;
use object::elf;
use object::read::elf::{ElfFile32, ElfFile64, FileHeader, ProgramHeader as _};

use crate::source::fetch::{Apt, AptPackage, Cache, OFFLINE, PackageKind};

/// An emulator that runs on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator {
    /// Path of the program.
    pub path: PathBuf,
    /// The version that it reports.
    pub version: Version,
    /// The line in which it reports it.
    pub described: String,
}

impl Emulator {
    /// The inputs that decide how a target's programs behave, with the hash of this emulator's file.
    pub fn inputs(&self, target: &Target, sha256: &str) -> Inputs {
        let env = target.qemu.env.iter().map(|(key, value)| format!("{key}={value}"));
        let inputs = Inputs::new().add("emulator", self.version.to_string());
        let inputs = inputs.add("emulator sha256", sha256);
        inputs.list("cpu", target.qemu.cpu.as_deref()).list("emulator env", env)
    }

    /// What a report says about it. Reads all of its bytes.
    pub fn identity(&self) -> Result<UsedEmulator> {
        Ok(UsedEmulator { version: self.described.clone(), sha256: sha256_file(&self.path)? })
    }

    /// The runner for programs of a target whose libraries are in `sysroot`.
    pub fn runner(&self, target: &Target, sysroot: PathBuf) -> Runner {
        let Self { path, version, .. } = self.clone();
        Runner::Qemu { path, version, sysroot, cpu: target.qemu.cpu.clone(), env: target.qemu.env.clone() }
    }
}

/// Finds emulators.
pub struct Emulators<'a> {
    /// The minimum version, and the packages to fetch.
    pub pin: &'a QemuPin,
    /// The folder of downloads.
    pub cache: &'a Path,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Gets notes about downloads.
    pub say: Box<dyn Fn(&str) + 'a>,
}

impl Emulators<'_> {
    /// Finds `qemu-NAME` for the emulator called `name`.
    ///
    /// A `forced` emulator, given as a program or its folder, is used in any version. Otherwise the first of these
    /// that is new enough is used: the distribution's, the newest in the cache, the package in the pinned suites.
    pub fn find(&self, name: &str, forced: Option<&Path>) -> Result<Emulator> {
        let program = format!("qemu-{name}");
        if let Some(path) = forced {
            return take_forced(path, &program, "--qemu");
        }
        let (pin, say) = (self.pin, &*self.say);
        let mut misses = Vec::new();
        let cache = Cache::new(self.cache);
        let installed = which::which_in(&program, Some(PATH), "/").ok();
        if installed.is_none() {
            misses.push(format!("{program} is not installed"));
        }
        for path in installed.into_iter().chain(unpacked(cache, &program, pin)?) {
            match new_enough(&path, pin) {
                Ok(found) => return Ok(found),
                Err(error) if is_interrupt(&error) => return Err(error),
                Err(error) => misses.push(format!("{error:#}")),
            }
        }
        for miss in &misses {
            say(miss);
        }
        let fetched = if self.offline { Err(anyhow::anyhow!(OFFLINE)) } else { fetch(&program, pin, cache, say) };
        match fetched {
            Ok(found) => Ok(found),
            Err(error) if is_interrupt(&error) => Err(error),
            Err(error) => {
                misses.push(format!("package {} of {}: {error:#}", pin.package, pin.suites.join(", ")));
                let minimum = &pin.minimum;
                let why = format!(
                    "finding {program}, at least {minimum}: no emulator found\n  {}\nhint: install {program} {minimum} or newer, or give one with --qemu PATH",
                    misses.join("\n  ")
                );
                Err(CodedError::error(exit::HOST, why))
            }
        }
    }
}

impl Emulators<'_> {
    /// The emulators in the unpacked packages, without `qemu-`. Empty if none is unpacked.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let folder = self.cache.join("qemu");
        for package in folder.is_dir().then(|| fs_err::read_dir(&folder)).transpose()?.into_iter().flatten() {
            let programs = package?.path().join(PROGRAMS);
            for program in programs.is_dir().then(|| fs_err::read_dir(&programs)).transpose()?.into_iter().flatten() {
                let name = program?.file_name().to_string_lossy().into_owned();
                names.extend(name.strip_prefix("qemu-").map(str::to_owned));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// The emulator that the user gives with `option`: the program or its folder.
fn take_forced(path: &Path, program: &str, option: &str) -> Result<Emulator> {
    // Tests run in other folders, so the path must be absolute.
    let mut path = std::path::absolute(path).with_context(|| format!("finding {}", path.display()))?;
    if path.is_dir() {
        path = named_in(&path, program).unwrap_or_else(|| path.join(program));
    }
    let usable = || -> Result<Emulator> {
        let data = fs_err::metadata(&path)?;
        if !data.is_file() || data.permissions().mode() & 0o111 == 0 {
            bail!("{} is not an executable file", path.display());
        }
        emulator(path.clone())
    };
    usable().map_err(|error| {
        if is_interrupt(&error) {
            return error;
        }
        let hint = format!("hint: {option} takes the path of {program} or of its folder");
        CodedError::error(exit::HOST, format!("using the emulator that {option} names: {error:#}\n{hint}"))
    })
}

fn new_enough(path: &Path, pin: &QemuPin) -> Result<Emulator> {
    let found = emulator(path.to_owned())?;
    if found.version < pin.minimum {
        let program = path.file_name().unwrap_or_default().display();
        bail!("{program} {} at {}, at least {} is required", found.version, path.display(), pin.minimum);
    }
    Ok(found)
}

/// The emulator in this file, by what it prints about itself.
fn emulator(path: PathBuf) -> Result<Emulator> {
    let printed = printed(&path)?;
    let described = printed.lines().next().unwrap_or_default().to_owned();
    let version = Version::find(&printed);
    let version =
        version.with_context(|| format!("`{} --version` prints no version but `{described}`", path.display()))?;
    Ok(Emulator { path, version, described })
}

/// The first line of `--version`, with the versions of the emulator and of its package.
pub fn described(path: &Path) -> Result<String> {
    Ok(printed(path)?.lines().next().unwrap_or_default().to_owned())
}

fn printed(path: &Path) -> Result<String> {
    let cmd = Cmd::new(path).arg("--version").timeout(Duration::from_secs(10)).merge_stderr();
    let output = cmd.output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.finished.status.success() || output.finished.timed_out {
        bail!("`{}` {}", cmd.display(), describe(&output.finished));
    }
    Ok(printed)
}

/// The emulators in the cache whose folder is named after a version that is new enough, newest first.
fn unpacked(cache: Cache, program: &str, pin: &QemuPin) -> Result<Vec<PathBuf>> {
    let folder = cache.root().join("qemu");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs_err::read_dir(&folder)? {
        let entry = entry?;
        let path = in_package(&entry.path(), program);
        if let Ok(version) = entry.file_name().to_string_lossy().parse::<Version>()
            && version >= pin.minimum
            && path.is_file()
        {
            found.push((version, path));
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The emulator `qemu-NAME` in a folder, if there is one and it runs.
pub fn in_folder(folder: &Path, name: &str) -> Option<Emulator> {
    let path = named_in(folder, &format!("qemu-{name}"))?;
    emulator(path).ok()
}

/// The program in a folder. Some distributions append `-static` to its name.
fn named_in(folder: &Path, program: &str) -> Option<PathBuf> {
    let names = [program.to_owned(), format!("{program}-static")];
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The folder of programs in a package.
const PROGRAMS: &str = "usr/bin";

fn in_package(package: &Path, program: &str) -> PathBuf {
    package.join(PROGRAMS).join(program)
}

/// Unpacks the newest package into the cache. Its programs must be statically linked, because they run without the
/// package's distribution.
fn fetch(program: &str, pin: &QemuPin, cache: Cache, say: &dyn Fn(&str)) -> Result<Emulator> {
    let lock = cache.lock(say)?;
    if let Some(found) = unpacked(cache, program, pin)?.iter().find_map(|path| new_enough(path, pin).ok()) {
        // Another run was faster.
        return Ok(found);
    }
    let folder = cache.part_folder(&lock)?;
    let (item, tree) = unpack(&pin.package, &pin.suites, cache, folder.path(), say)?;
    let fresh = in_package(&tree, program);
    if !fresh.is_file() {
        bail!("{} contains no {program}", item.file_name);
    }
    if !is_static(&fresh)? {
        bail!("{program} in {} is not statically linked", item.file_name);
    }
    let found = new_enough(&fresh, pin).with_context(|| format!("in {}", item.file_name))?;
    let place = cache.root().join("qemu").join(found.version.to_string());
    if place.exists() {
        // The old folder lacks this emulator, or its emulator does not run.
        fs_err::remove_dir_all(&place)?;
    }
    fs_err::create_dir_all(cache.root().join("qemu"))?;
    fs_err::rename(&tree, &place)?;
    Ok(Emulator { path: in_package(&place, program), ..found })
}

/// Downloads the newest package of these suites into `folder`, and unpacks it there.
fn unpack(
    package: &str,
    suites: &[String],
    cache: Cache,
    folder: &Path,
    say: &dyn Fn(&str),
) -> Result<(AptPackage, PathBuf)> {
    let item = Apt::open(cache, PackageKind::Binaries, suites, say)?.package(package, folder)?;
    let file = folder.join(&item.file_name);
    if sha256_file(&file)? != item.sha256 {
        bail!("{} does not have the sha256 in apt's list", item.file_name);
    }
    say(&format!("unpacking {}", item.file_name));
    let tree = folder.join("tree");
    Cmd::new("dpkg-deb").arg("-x").arg(&file).arg(&tree).read()?;
    Ok((item, tree))
}

/// Whether the ELF file names no program interpreter.
fn is_static(path: &Path) -> Result<bool> {
    let data = fs_err::read(path)?;
    let context = || format!("reading {} as an ELF file", path.display());
    match object::FileKind::parse(&*data).with_context(context)? {
        object::FileKind::Elf32 => {
            let file = ElfFile32::<object::Endianness>::parse(&*data).with_context(context)?;
            Ok(!has_interpreter::<elf::FileHeader32<_>>(file.elf_program_headers(), file.endian()))
        }
        object::FileKind::Elf64 => {
            let file = ElfFile64::<object::Endianness>::parse(&*data).with_context(context)?;
            Ok(!has_interpreter::<elf::FileHeader64<_>>(file.elf_program_headers(), file.endian()))
        }
        _ => bail!("{} is not an ELF file", path.display()),
    }
}

fn has_interpreter<H: FileHeader>(headers: &[H::ProgramHeader], endian: H::Endian) -> bool {
    headers.iter().any(|header| header.p_type(endian) == elf::PT_INTERP)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    /// A name that no emulator has.
    const NAME: &str = "no-such-machine";

    pub(super) fn pin() -> QemuPin {
        let minimum = "11.1".parse().unwrap();
        QemuPin { minimum, package: "qemu-user".into(), suites: vec!["sid".into()], controls: Vec::new() }
    }

    /// Written by a child: while we have a program open for writing, another test's child may inherit it, and it cannot
    /// be started.
    pub(super) fn fake(path: &Path, script: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" >"$2" && chmod 755 "$2""#;
        Cmd::new("sh").args(["-c", write, "sh", script]).arg(path).read().unwrap();
    }

    fn find_offline(cache: &Path, forced: Option<&Path>) -> Result<Emulator, String> {
        let emulators = Emulators { pin: &pin(), cache, offline: true, say: Box::new(|_| ()) };
        emulators.find(NAME, forced).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_forced_one_is_used_whatever_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("qemu-no-such-machine");
        fake(&program, "echo qemu version 7.2.22");
        for forced in [&*program, folder.path()] {
            let found = find_offline(folder.path(), Some(forced)).unwrap();
            let described = "qemu version 7.2.22".into();
            assert_eq!(found, Emulator { path: program.clone(), version: "7.2.22".parse().unwrap(), described });
        }
    }

    #[test]
    fn a_forced_one_that_is_none_is_an_error_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("emulator");
        let refused = |expected: &str| {
            let error = find_offline(folder.path(), Some(&program)).unwrap_err();
            assert!(error.contains(expected) && error.contains("hint: --qemu"), "{error}");
        };
        refused("No such file");
        fake(&program, "echo hello");
        refused("prints no version but `hello`");
        fake(&program, "echo version 12.0; exit 3");
        refused("exited with status 3");
        fs_err::set_permissions(&program, Permissions::from_mode(0o644)).unwrap();
        refused("not an executable file");
    }

    #[test]
    fn the_newest_in_the_cache_is_used_if_it_is_new_enough() {
        let cache = tempfile::tempdir().unwrap();
        let put = |version: &str| {
            let path = cache.path().join("qemu").join(version).join("usr/bin/qemu-no-such-machine");
            fake(&path, &format!("echo version {version}"));
            path
        };
        put("9.0.1");
        let error = find_offline(cache.path(), None).unwrap_err();
        let expected = ["qemu-no-such-machine is not installed", OFFLINE, "at least 11.1", "--qemu PATH"];
        assert!(expected.iter().all(|words| error.contains(words)), "{error}");
        put("11.1.3");
        let newest = put("11.10");
        assert_eq!(find_offline(cache.path(), None).unwrap().path, newest);
        // A folder that says more than its emulator.
        fake(&newest, "echo version 7.2.22");
        assert_eq!(find_offline(cache.path(), None).unwrap().version, "11.1.3".parse().unwrap());
    }

    #[test]
    fn an_interpreter_is_seen() {
        let own = std::env::current_exe().unwrap();
        // The test program itself; it is dynamic unless the host's libc is musl.
        assert_eq!(is_static(&own).unwrap(), cfg!(target_feature = "crt-static"));
        assert!(is_static(Path::new("Cargo.toml")).is_err());
    }
}
