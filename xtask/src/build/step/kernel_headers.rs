//! `kernel_headers`: the Linux kernel's headers for one target, checked against the target and the pinned version.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::Source;
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;

use super::clang::Clang;
use super::{Step, StepId, Work, tree};

/// The folder of the headers in the step's folder, and in the package.
pub const INCLUDE: &str = "usr/include";
/// The folder in the package with a folder for each architecture.
const ARCHITECTURES: &str = "usr/lib/linux/uapi";
/// The start of a line that the probe prints for each fault.
const FAULT: &str = "fault:";

/// The headers for one target.
pub struct KernelHeadersStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// The pinned version.
    pub version: String,
    /// The step of the unpacked headers of all architectures.
    pub source: StepId,
    /// The step of the patched musl source, which has the architecture's system calls, too.
    pub musl: StepId,
}

impl Step for KernelHeadersStep {
    fn name(&self) -> &'static str {
        "kernel_headers"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        let Target { linux, musl, elf, .. } = &self.target;
        let inputs = self.clang.inputs().add("version", &self.version).add("arch", &linux.arch);
        inputs
            .add("musl arch", &musl.arch)
            .add("class", elf.class.to_string())
            .add("big endian", elf.big_endian.to_string())
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.source, self.musl]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let source = work.path(self.source)?;
        check_version(&source.join(INCLUDE), &self.version)?;
        let own = source.join(ARCHITECTURES).join(&self.target.linux.arch);
        if !own.join("asm").is_dir() {
            return Err(no_arch(&self.target, &folders(&source.join(ARCHITECTURES))?));
        }
        let faults = self.probe(work, &own, &source.join(INCLUDE))?;
        if let Some(first) = faults.first() {
            let Target { name, linux, .. } = &self.target;
            let more = if faults.len() > 1 { format!(", and {} more", faults.len() - 1) } else { String::new() };
            let what = format!(
                "targets/{name}/target.toml: [linux] arch: the kernel headers of `{}` \
                 are not for this target: {first}{more}",
                linux.arch
            );
            return Err(CodedError::error(exit::USAGE, what));
        }
        tree::link(&source.join(INCLUDE), &work.out.join(INCLUDE))?;
        tree::link(&own, &work.out.join(INCLUDE))
    }
}

impl KernelHeadersStep {
    /// What of the headers does not fit the target: the size of `long`, the byte order, the numbers of system calls,
    /// the flags of processor features.
    fn probe(&self, work: &Work, own: &Path, include: &Path) -> Result<Vec<String>> {
        let bits = work.path(self.musl)?.join("arch").join(&self.target.musl.arch).join("bits");
        let read = |name: &str| fs_err::read_to_string(bits.join(name)).unwrap_or_default();
        let elf = &self.target.elf;
        let text = probe_text(elf.class, elf.big_endian, &read("syscall.h.in"), &read("hwcap.h"));
        let (probe, printed) = (work.scratch.join("kernel.c"), work.scratch.join("kernel.i"));
        fs_err::write(&probe, text)?;
        let cmd = Cmd::new(self.clang.path()).args(self.clang.target_args());
        let cmd = cmd.args(["-E", "-P", "-nostdinc", "-I"]).arg(own).arg("-I").arg(include);
        work.run(&cmd.arg(&probe).arg("-o").arg(&printed)).with_context(|| {
            format!("reading the kernel headers of `{}` for {}", self.target.linux.arch, self.target.name)
        })?;
        let printed = fs_err::read_to_string(printed)?;
        Ok(printed.lines().filter_map(|line| line.strip_prefix(FAULT)).map(|fault| fault.trim().to_owned()).collect())
    }
}

/// Fails if the pinned source does not unpack the headers of the target's architecture. Reads no file, so that a wrong
/// name is found before anything is fetched.
pub fn check_arch(source: &Source, target: &Target) -> Result<()> {
    let folders = || source.layers.iter().flat_map(|layer| &layer.folders);
    let known: Vec<&str> =
        folders().filter_map(|folder| folder.strip_prefix(ARCHITECTURES)?.strip_prefix('/')).collect();
    // A source without a list of folders is unpacked as a whole.
    if folders().next().is_none() || known.contains(&target.linux.arch.as_str()) {
        return Ok(());
    }
    Err(no_arch(target, &known.join(", ")))
}

fn no_arch(target: &Target, known: &str) -> anyhow::Error {
    let Target { name, linux, .. } = target;
    let what = format!(
        "targets/{name}/target.toml: [linux] arch: the kernel headers have no architecture `{}`\n\
         hint: bringup.toml unpacks {known}",
        linux.arch
    );
    CodedError::error(exit::USAGE, what)
}

/// Fails unless `linux/version.h` is of the pinned version.
fn check_version(include: &Path, version: &str) -> Result<()> {
    let path = include.join("linux/version.h");
    let text = fs_err::read_to_string(&path).context("looking for the kernel headers in the pinned archive")?;
    let code =
        text.lines().find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE")?.trim().parse::<u32>().ok());
    let code = code.with_context(|| format!("{} does not define LINUX_VERSION_CODE", path.display()))?;
    let of_pin =
        version_code(version).with_context(|| format!("bringup.toml: [[linux]] {version} is not a version"))?;
    if code != of_pin {
        let (major, minor, sublevel) = (code >> 16, (code >> 8) & 0xff, code & 0xff);
        bail!(
            "the pinned archive has the headers of linux {major}.{minor}.{sublevel}, but bringup.toml says {version}\n\
             hint: correct `version` in [[linux]], or its origins"
        );
    }
    Ok(())
}

/// The kernel's number of a version. The kernel counts the last part only up to 255.
fn version_code(version: &str) -> Option<u32> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor, sublevel) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    parts.next().is_none().then_some((major << 16) + (minor << 8) + sublevel.min(255))
}

/// A file for the preprocessor. It prints a line for each fault.
fn probe_text(class: u8, big_endian: bool, system_calls: &str, features: &str) -> String {
    let (endian, other) = if big_endian { ("big-endian", "LITTLE") } else { ("little-endian", "BIG") };
    let mut text = format!(
        "#include <asm/bitsperlong.h>\n#include <asm/byteorder.h>\n#include <asm/unistd.h>\n\
         #if __has_include(<asm/hwcap.h>)\n#include <asm/hwcap.h>\n#define HAS_FEATURES\n#endif\n\
         #if __BITS_PER_LONG != {class}\n{FAULT} long does not have {class} bits\n#endif\n\
         #ifdef __{other}_ENDIAN\n{FAULT} they are not {endian}\n#endif\n"
    );
    for (name, number) in defines(system_calls) {
        if name.starts_with("__NR_") && number.parse::<u32>().is_ok() {
            let call = name.trim_start_matches("__NR_");
            let _ = writeln!(
                text,
                "#if defined {name} && {name} != {number}\n\
                 {FAULT} the system call \"{call}\" is not number {number}\n#endif"
            );
        }
    }
    // Three architectures number the system calls alike.
    let features: Vec<String> = defines(features).map(|(name, _)| format!("!defined {name}")).collect();
    if !features.is_empty() {
        let none = features.join(" && ");
        let _ = writeln!(
            text,
            "#if defined HAS_FEATURES && {none}\n{FAULT} the processor features are of another architecture\n#endif"
        );
    }
    text
}

/// Name and value of each macro that `text` defines.
fn defines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("#define")?.trim().split_once(char::is_whitespace)?;
        Some((name, value.trim()))
    })
}

/// The names of the folders in `folder`, for a message.
fn folders(folder: &Path) -> Result<String> {
    if !folder.is_dir() {
        return Ok("none".into());
    }
    let names = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_number_of_a_version() {
        assert_eq!(version_code("6.12.117"), Some(396_405));
        assert_eq!(version_code("6.12"), Some(396_288));
        assert_eq!(version_code("4.14.300"), Some((4 << 16) + (14 << 8) + 255));
        for wrong in ["", "6", "6.x.1", "6.12.1.1"] {
            assert_eq!(version_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("linux")).unwrap();
        let file = folder.path().join("linux/version.h");
        fs_err::write(&file, "#define LINUX_VERSION_CODE 396405\n").unwrap();
        check_version(folder.path(), "6.12.117").unwrap();
        let error = check_version(folder.path(), "6.1.117").unwrap_err().to_string();
        assert!(error.contains("linux 6.12.117, but bringup.toml says 6.1.117"), "{error}");
        fs_err::write(&file, "").unwrap();
        assert!(check_version(folder.path(), "6.12.117").is_err());
    }

    #[test]
    fn names_with_a_number_are_probed() {
        let calls = "#define __NR_read\t\t0\n#define __NR_fcntl __NR3264_fcntl\n";
        let text = probe_text(64, true, calls, "#define HWCAP_ONE\t(1 << 0)\n");
        assert!(text.contains("__BITS_PER_LONG != 64") && text.contains("__LITTLE_ENDIAN"), "{text}");
        assert!(text.contains("__NR_read != 0") && !text.contains("fcntl"), "{text}");
        assert!(text.contains("&& !defined HWCAP_ONE"), "{text}");
    }
}
