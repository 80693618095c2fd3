//! Other versions of the emulator, as controls: a test that passes with one of them fails because of the emulator in
//! use.

use std::path::PathBuf;

use anyhow::{Result, bail};
use bringup_model::pins::QemuControl;
use bringup_runner::exec::PATH;
use bringup_runner::files::sha256_file;
use bringup_runner::interrupt::is_interrupt;

use super::{Emulator, Emulators, PROGRAMS, emulator, is_static, named_in, take_forced, unpack};
use crate::source::fetch::{Cache, OFFLINE};

/// The folder, in the cache, of packages for controls. It is separate, so that a control is never used as the newest
/// emulator.
const FOLDER: &str = "qemu-control";

/// A control's origin, and why the control is missing.
pub type MissingControl = (String, anyhow::Error);

impl Emulators<'_> {
    /// Emulators `qemu-NAME` other than `ours`, each once: the given ones (paths of programs or of their folders), the
    /// distribution's, and those of the packages in the pins. Two of one version are one if their files are equal. Fails
    /// only if interrupted.
    pub fn controls(
        &self,
        name: &str,
        ours: &Emulator,
        given: &[PathBuf],
    ) -> Result<Vec<Result<Emulator, MissingControl>>> {
        let program = format!("qemu-{name}");
        let say = &*self.say;
        let mut all = Vec::new();
        let given =
            given.iter().map(|path| (path.display().to_string(), take_forced(path, &program, "--control-qemu")));
        let installed = which::which_in(&program, Some(PATH), "/").ok();
        let installed = installed.map(|path| (path.display().to_string(), emulator(path)));
        let packaged = self.pin.controls.iter().map(|pin| {
            let origin = format!("package {} of {}", pin.package, pin.suites.join(", "));
            (origin, packaged(&program, pin, Cache::new(self.cache), self.offline, say))
        });
        for (origin, found) in given.chain(installed).chain(packaged) {
            match found {
                Err(error) if is_interrupt(&error) => return Err(error),
                Err(error) => all.push(Err((origin, error))),
                Ok(found) => {
                    let known = all.iter().filter_map(|other: &Result<Emulator, MissingControl>| other.as_ref().ok());
                    let mut is_known = false;
                    for other in known.chain([ours]) {
                        is_known |= found.is_same(other)?;
                    }
                    if !is_known {
                        all.push(Ok(found));
                    }
                }
            }
        }
        Ok(all)
    }
}

impl Emulator {
    /// Whether the other one has this version and the same bytes.
    fn is_same(&self, other: &Self) -> Result<bool> {
        let equal = || Ok::<_, anyhow::Error>(sha256_file(&self.path)? == sha256_file(&other.path)?);
        Ok(self.version == other.version && (self.path == other.path || equal()?))
    }
}

/// The emulator of a package. Fetches the package unless it is in the cache.
fn packaged(program: &str, pin: &QemuControl, cache: Cache, offline: bool, say: &dyn Fn(&str)) -> Result<Emulator> {
    let place = cache.root().join(FOLDER).join(pin.name());
    if !place.exists() {
        if offline {
            bail!(OFFLINE);
        }
        let lock = cache.lock(say)?;
        // Another run may have unpacked it meanwhile.
        if !place.exists() {
            let folder = cache.part_folder(&lock)?;
            let (_, tree) = unpack(&pin.package, &pin.suites, cache, folder.path(), say)?;
            fs_err::create_dir_all(cache.root().join(FOLDER))?;
            fs_err::rename(&tree, &place)?;
        }
    }
    let Some(path) = named_in(&place.join(PROGRAMS), program) else {
        bail!("the package contains no {program}");
    };
    if !is_static(&path)? {
        bail!("{program} in the package is not statically linked");
    }
    emulator(path)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fake, pin};
    use super::*;

    const NAME: &str = "no-such-machine";

    #[test]
    fn each_other_version_serves_once_and_what_is_not_had_is_told() {
        let cache = tempfile::tempdir().unwrap();
        let put = |folder: &str, version: &str| {
            let path = cache.path().join(folder).join("qemu-no-such-machine");
            fake(&path, &format!("echo version {version}"));
            path
        };
        let ours =
            Emulator { path: put("ours", "11.1.3"), version: "11.1.3".parse().unwrap(), described: String::new() };
        let wrapper = cache.path().join("wrapper/qemu-no-such-machine");
        fake(&wrapper, "echo version 11.1.3; : # another one");
        let given =
            [put("old", "7.2.22"), put("same", "11.1.3"), put("again", "7.2.22"), wrapper, cache.path().join("none")];
        let mut pin = pin();
        pin.controls = vec![QemuControl { package: "p".into(), suites: vec!["s".into()] }];
        let emulators = Emulators { pin: &pin, cache: cache.path(), offline: true, say: Box::new(|_| ()) };
        let found = emulators.controls(NAME, &ours, &given).unwrap();
        let told: Vec<String> = found
            .into_iter()
            .map(|control| match control {
                Ok(found) => found.version.to_string(),
                Err((origin, why)) => format!("{origin}: {why:#}").lines().next().unwrap_or_default().to_owned(),
            })
            .collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert_eq!(told[..2], ["7.2.22", "11.1.3"]);
        assert!(told[2].contains("none: using the emulator that --control-qemu names: "), "{}", told[2]);
        assert_eq!(told[3], format!("package p of s: {OFFLINE}"));
    }
}
