//! Crates that are built with a patch, `patches/NAME-VERSION.patch` in the folder of the packages: those that do not know
//! a target yet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::{Digest, Inputs};
use bringup_runner::jobs::Share;

use super::CrateBench;
use crate::build::step::tree;
use crate::source::{git, registry};

/// The folder of the patches, in the folder of the packages, and of the patched crates, in the folder of builds.
const FOLDER: &str = "patches";

/// A patch for a crate.
pub struct CratePatch {
    /// The crate, as `NAME-VERSION`.
    name: String,
    file: PathBuf,
    /// What decides the patched crate.
    pub digest: Digest,
}

/// The patches in the folder of the packages, sorted by name.
///
/// # Errors
///
/// If they cannot be read.
pub fn patches(sources: &Path) -> Result<Vec<CratePatch>> {
    let folder = sources.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut patches = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "patch") {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let digest = Inputs::new().add("patch", fs_err::read_to_string(&file)?).digest();
            patches.push(CratePatch { name, file, digest });
        }
    }
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(patches)
}

impl CrateBench<'_> {
    /// The setting by which cargo takes the patched crates instead of the registry's; none without patches.
    pub(super) fn patched(&self, cpu: &mut Duration) -> Result<Option<String>> {
        let folders = self.patches.iter().map(|patch| self.patch(patch, cpu)).collect::<Result<Vec<_>>>()?;
        // A JSON list of strings is one of TOML too. `paths` changes neither the versions nor the lock file.
        Ok(if folders.is_empty() { None } else { Some(format!("paths={}", serde_json::to_string(&folders)?)) })
    }

    /// The folder of one patched crate, which is made if it is not there.
    fn patch(&self, patch: &CratePatch, cpu: &mut Duration) -> Result<PathBuf> {
        let CratePatch { name, file, digest } = patch;
        let folder = self.build.join(FOLDER).join(digest.as_str());
        let place = folder.join(name);
        if place.is_dir() {
            return Ok(place);
        }
        let source = self.unpacked(name, cpu)?;
        // Complete, or under another name.
        let new = folder.with_extension("new");
        if new.exists() {
            fs_err::remove_dir_all(&new)?;
        }
        tree::copy(&source, &new.join(name))?;
        let output = git::apply(&new.join(name), file)?;
        if !output.finished.status.success() {
            bail!("{} does not fit the crate{}", file.display(), output.last_lines());
        }
        fs_err::rename(&new, &folder)?;
        Ok(place)
    }

    /// The folder where cargo has unpacked a crate. It is asked to, if it has not.
    fn unpacked(&self, name: &str, cpu: &mut Duration) -> Result<PathBuf> {
        if let Some(folder) = registry::unpacked(self.cargo_home, name)? {
            return Ok(folder);
        }
        let cmd = self.cargo(&["fetch"]);
        let output = cmd.clone().within(self.jobs, Share::Tool).output()?;
        self.log(&cmd, &output)?;
        *cpu += output.finished.cpu;
        if !output.finished.status.success() {
            bail!("cannot fetch the crates of {}{}", self.sources.display(), output.last_lines());
        }
        let folder = registry::unpacked(self.cargo_home, name)?;
        folder.with_context(|| {
            let patches = self.sources.join(FOLDER);
            format!("{} has a patch for {name}, which is not in Cargo.lock", patches.display())
        })
    }
}

#[cfg(test)]
mod tests {
    use bringup_runner::exec::Cmd;

    use super::super::tests::with_bench;
    use super::*;

    const PATCH: &str = "Why.\n\n--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1 @@\n-old\n+new\n";

    /// What becomes of a patch for `a-1.0.0`, if cargo has unpacked a crate of this name with this content, or unpacks
    /// one when it is asked to fetch.
    fn patched(unpacked: &str, content: &str, fetched: &str) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let write = |name: &str, text: &str| {
            fs_err::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs_err::write(path(name), text).unwrap();
        };
        write("sources/patches/a-1.0.0.patch", PATCH);
        let lib = |name: &str| format!("home/registry/src/index/{name}/src/lib.rs");
        write(&lib(unpacked), content);
        let cargo = format!(
            "#!/bin/sh\n[ \"$1 $2 $3\" = 'fetch --locked --offline' ] || exit 3\ncd \"$CARGO_HOME/registry/src/index\" && mv {unpacked} {fetched}\n"
        );
        // Written by a child: a file that another thread's child still holds open for writing cannot be started.
        let write = r#"mkdir "$1/bin" && printf '%s' "$2" >"$1/bin/cargo" && chmod +x "$1/bin/cargo""#;
        Cmd::new("sh").args(["-c", write, "sh"]).arg(root.path()).arg(cargo).read().unwrap();
        let setting = with_bench(root.path(), |bench| {
            let setting = bench.patched(&mut Duration::default()).map_err(|error| format!("{error:#}"))?;
            assert_eq!(bench.patched(&mut Duration::default()).unwrap(), setting, "the second time");
            Ok::<_, String>(setting.unwrap())
        })?;
        let folders: Vec<PathBuf> = serde_json::from_str(setting.strip_prefix("paths=").unwrap()).unwrap();
        assert_eq!(fs_err::read_to_string(path(&lib("a-1.0.0"))).unwrap(), content, "cargo's own copy");
        Ok(fs_err::read_to_string(folders[0].join("src/lib.rs")).unwrap())
    }

    #[test]
    fn a_crate_with_a_patch_is_built_from_a_patched_copy() {
        assert_eq!(patched("a-1.0.0", "old\n", "exit").unwrap(), "new\n");
        assert_eq!(patched("b-1.0.0", "old\n", "a-1.0.0").unwrap(), "new\n", "after a fetch");
    }

    #[test]
    fn a_patch_without_a_crate_that_it_fits_is_an_error() {
        let error = patched("a-1.0.0", "other\n", "exit").unwrap_err();
        assert!(error.contains("patches/a-1.0.0.patch does not fit the crate\n  | "), "{error}");
        let error = patched("a-1.0.1", "old\n", "a-1.0.2").unwrap_err();
        assert!(error.ends_with("patches has a patch for a-1.0.0, which is not in Cargo.lock"), "{error}");
        let error = patched("a-1.0.1", "old\n", "nothing/there").unwrap_err();
        assert!(error.contains("cannot fetch the crates of "), "{error}");
    }
}
