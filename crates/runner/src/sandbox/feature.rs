//! The parts of a sandbox: shell commands with their values, and the namespaces that they need.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::exec::quote_bytes;
use crate::runner::Runner;
use crate::test_set::in_sysroot;

/// Length of the part of an ELF header that identifies the target: identification, type and machine.
const ELF_HEADER: usize = 20;

/// The longest path of an interpreter that the kernel accepts.
const INTERPRETER_LIMIT: usize = 127;

/// One part of a sandbox: shell commands that use these values, and the namespaces that they need.
pub(super) struct Feature {
    pub unshare: &'static [&'static str],
    pub script: String,
    pub values: Vec<OsString>,
}

/// Lines of a script that take back what the shell adds to the environment, for programs that look at all of it. Reading
/// leaves out the zero bytes.
const OWN_ENVIRONMENT: &str = "given=\n\
                               while IFS= read -r line || [ \"$line\" ]; do given=$given$line; done </proc/$$/environ\n\
                               case $given in *PWD=*) ;; *) unset PWD ;; esac\n";

/// Registers the emulator for files like the sample, through a script that adds its options.
pub(super) fn register(runner: &Runner, sample: &Path, folder: &Path) -> Result<Result<Feature, String>> {
    let header = elf_header(sample)?;
    let interpreter = folder.join("emulator");
    let too_long =
        interpreter.as_os_str().len() > INTERPRETER_LIMIT || interpreter.as_os_str().as_bytes().contains(&b':');
    if too_long {
        return Ok(Err(format!("the kernel does not accept {} as an interpreter", interpreter.display())));
    }
    let mut text = format!("#!/bin/sh\n{OWN_ENVIRONMENT}program=$1 name=$2\nshift 2\nexec").into_bytes();
    text.extend(shell_words(&runner.emulator()));
    text.extend(b" -0 \"$name\" \"$program\" \"$@\"\n");
    write_script(&interpreter, &text)?;
    let mount = folder.join("binfmt");
    fs_err::create_dir(&mount)?;
    let line = format!(":bringup:M::{}:{}:{}:P", magic(&header), mask(), interpreter.display());
    let script = "mount -t binfmt_misc binfmt_misc \"@0\"\nprintf %s \"@1\" >\"@0/register\"\n";
    Ok(Ok(Feature { unshare: &["--mount"], script: script.into(), values: vec![mount.into(), line.into()] }))
}

/// Overlays a folder of the system with a folder whose files come first. Paths are relative to the working folder,
/// because `:` and `,` have a meaning for mount.
pub(super) fn overlay(layer: PathBuf, place: &Path) -> Feature {
    let script = "back=$PWD\ncd \"@1\"\nplace=$(pwd -P)\ncd \"@0\"\n\
                  mount -t overlay overlay -o lowerdir=.:\"$place\" \"$place\"\ncd \"$back\"\n";
    Feature { unshare: &["--mount"], script: script.into(), values: vec![layer.into(), place.into()] }
}

/// Mounts the files of a folder over those of `/etc` that exist.
pub(super) fn bind(layer: PathBuf) -> Feature {
    let script = "for file in \"@0\"/*; do\n\
                  if [ -f \"/etc/${file##*/}\" ]; then mount --bind \"$file\" \"/etc/${file##*/}\"; fi\ndone\n";
    Feature { unshare: &["--mount"], script: script.into(), values: vec![layer.into()] }
}

/// The folder of a loader, which must be an absolute path.
pub(super) fn folder_of(loader: &str) -> Result<&Path> {
    anyhow::ensure!(loader.starts_with('/'), "{loader} is not the path of a loader");
    Ok(place_of(loader))
}

/// Creates a folder that contains only the loader.
pub(super) fn copy_loader(sysroot: &Path, loader: &str, folder: &Path) -> Result<PathBuf> {
    let file = Path::new(loader).file_name().with_context(|| format!("{loader} is not the path of a loader"))?;
    let layer = folder.join("loader");
    fs_err::create_dir(&layer)?;
    fs_err::copy(in_sysroot(sysroot, loader), layer.join(file))?;
    Ok(layer)
}

/// The path of musl's loader on a target system, if the sysroot has it.
pub(super) fn musl_loader(sysroot: &Path) -> Result<Option<String>> {
    let folder = sysroot.join("lib");
    // A sysroot for static programs has no such folder.
    if !folder.is_dir() {
        return Ok(None);
    }
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("ld-musl-") {
            return Ok(Some(format!("/lib/{}", name.to_string_lossy())));
        }
    }
    Ok(None)
}

/// The folder that the loader is in.
pub(super) fn place_of(loader: &str) -> &Path {
    Path::new(loader).parent().unwrap_or(Path::new("/"))
}

/// Whether the host would start such a file itself: an emulator registered for it would also catch the host's own
/// programs.
pub(super) fn is_own_kind(file: &Path) -> Result<bool> {
    Ok(elf_header(file)? == elf_header(Path::new("/proc/self/exe"))?)
}

fn elf_header(file: &Path) -> Result<[u8; ELF_HEADER]> {
    let mut header = [0; ELF_HEADER];
    std::io::Read::read_exact(&mut fs_err::File::open(file)?, &mut header)
        .with_context(|| format!("{} is too short for an ELF file", file.display()))?;
    // ABI, padding and type do not distinguish machines.
    header[7..18].fill(0);
    Ok(header)
}

fn magic(header: &[u8]) -> String {
    header.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

fn mask() -> String {
    let mut mask = [0xff; ELF_HEADER];
    mask[7..18].fill(0);
    magic(&mask)
}

pub(super) fn write_script(path: &Path, text: &[u8]) -> Result<()> {
    fs_err::write(path, text)?;
    Ok(fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

/// Words for the shell, each after a space.
pub(super) fn shell_words(words: &[OsString]) -> Vec<u8> {
    words.iter().flat_map(|word| [vec![b' '], quote_bytes(word)].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Cmd;

    #[test]
    fn a_program_sees_the_environment_that_it_was_given() {
        let script = format!("{OWN_ENVIRONMENT}exec /usr/bin/env");
        for given in [&[][..], &["A=x\ny"], &["PWD=/"]] {
            let cmd = Cmd::new("env").arg("-i").args(given).args(["/bin/sh", "-c", &script]).dir("/");
            assert_eq!(cmd.read().unwrap(), given.concat(), "{given:?}");
        }
    }

    #[test]
    fn the_loader_is_named_as_the_sysroot_has_it() {
        let sysroot = tempfile::tempdir().unwrap();
        assert_eq!(musl_loader(sysroot.path()).unwrap(), None);
        fs_err::create_dir(sysroot.path().join("lib")).unwrap();
        assert_eq!(musl_loader(sysroot.path()).unwrap(), None);
        fs_err::write(sysroot.path().join("lib/libc.so"), "").unwrap();
        fs_err::write(sysroot.path().join("lib/ld-musl-i386.so.1"), "").unwrap();
        assert_eq!(musl_loader(sysroot.path()).unwrap().as_deref(), Some("/lib/ld-musl-i386.so.1"));
    }
}
