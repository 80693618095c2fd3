//! The rules for the target's ELF files, and the audit that finds broken rules.

mod abi;
mod needs;
mod objects;
#[cfg(test)]
mod tests;
mod time32;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use abi::Abi;
use anyhow::{Context as _, Result, bail};
use bringup_model::exit::{self, CodedError};
use bringup_model::target;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, StringTable};

pub use needs::needs;
pub use objects::{abi_faults, audit_objects, is_empty_library};
pub use time32::{compatibility_symbols, time32_faults};

/// The role of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElfKind {
    /// An executable.
    Program,
    /// A shared library.
    Library,
    /// musl's libc.so: a shared library that is the program interpreter and binds itself before anything else runs.
    Libc,
}

/// The rules for one file.
#[derive(Debug, Clone)]
pub struct Rules<'a> {
    /// The ABI of all files of the target.
    pub elf: &'a target::Elf,
    /// The file's role.
    pub kind: ElfKind,
    /// The program interpreter that the file must name, if any.
    pub interpreter: Option<&'a str>,
    /// The libraries that the file must name as needed, in any order.
    pub needed: Vec<String>,
    /// Folders of the build host. The file must not contain paths in them.
    pub forbidden: &'a [PathBuf],
}

/// The parts of a file that the rules concern.
struct ElfSummary {
    abi: Abi,
    kind: elf::FileType,
    segments: Vec<(elf::ProgramType, elf::ProgramFlags)>,
    interpreter: Option<String>,
    needed: Vec<String>,
    soname: Option<String>,
    search_paths: Vec<String>,
    text_relocations: bool,
    binds_now: bool,
    pie: bool,
}

/// The broken rules, one sentence each.
pub fn audit(bytes: &[u8], rules: &Rules<'_>) -> Vec<String> {
    let file = match read(bytes, &rules.elf.abi) {
        Ok(file) => file,
        Err(error) => return vec![format!("not a readable ELF file: {error:#}")],
    };
    let mut broken = file.abi.broken(rules.elf);
    let mut rule = |holds: bool, text: &dyn Fn() -> String| {
        if !holds {
            broken.push(text());
        }
    };
    rule(file.kind == elf::ET_DYN, &|| format!("type is {:?}, expected ET_DYN: it is bound to one address", file.kind));
    let program = rules.kind == ElfKind::Program;
    rule(!program || file.pie, &|| "DF_1_PIE is not set: not marked as position-independent executable".into());
    rule(file.interpreter.as_deref() == rules.interpreter, &|| {
        let name = |path: Option<&str>| path.unwrap_or("none").to_owned();
        format!("interpreter is {}, expected {}", name(file.interpreter.as_deref()), name(rules.interpreter))
    });
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    rule(sorted(&file.needed) == sorted(&rules.needed), &|| {
        format!("NEEDED is [{}], expected [{}]", file.needed.join(", "), rules.needed.join(", "))
    });
    let segment = |kind| file.segments.iter().find(|(it, _)| *it == kind).map(|(_, flags)| *flags);
    rule(segment(elf::PT_GNU_RELRO).is_some(), &|| "no PT_GNU_RELRO segment".into());
    rule(rules.kind == ElfKind::Libc || file.binds_now, &|| {
        "bound lazily (neither BIND_NOW nor DF_1_NOW): RELRO is partial".into()
    });
    rule(!file.text_relocations, &|| "relocations in read-only segments (TEXTREL)".into());
    rule(file.search_paths.is_empty(), &|| format!("library search path (RPATH): {}", file.search_paths.join(", ")));
    rule(segment(elf::PT_GNU_STACK).is_some(), &|| "no PT_GNU_STACK segment: the stack may be executable".into());
    rule(!segment(elf::PT_GNU_STACK).is_some_and(|flags| has(flags, elf::PF_X)), &|| "the stack is executable".into());
    let mixed = |flags| has(flags, elf::PF_W) && has(flags, elf::PF_X);
    let loaded = || file.segments.iter().filter(|(kind, _)| *kind == elf::PT_LOAD);
    rule(!loaded().any(|(_, flags)| mixed(*flags)), &|| "a segment is writable and executable".into());
    let leaks = rules.forbidden.iter().filter_map(|folder| leak(bytes, folder));
    broken.extend(leaks.map(|path| format!("names a path of the build host: {path}")));
    broken
}

/// The library's SONAME. `None` if it has none: then other files need it by its file name.
pub fn soname(bytes: &[u8]) -> Result<Option<String>> {
    Ok(read(bytes, &BTreeMap::new())?.soname)
}

/// Fails unless this machine has the target's architecture, according to our own program's ELF header.
pub fn check_native(target: &target::Target) -> Result<()> {
    let own = read(&fs_err::read("/proc/self/exe")?, &BTreeMap::new())?.abi;
    let wanted = &target.elf;
    if (own.machine.as_str(), own.class, own.big_endian) == (wanted.machine.as_str(), wanted.class, wanted.big_endian) {
        return Ok(());
    }
    let why = format!(
        "{} is EM_{}, this machine is EM_{}: its programs do not run natively\nhint: leave out --runner native",
        target.name, wanted.machine, own.machine
    );
    Err(CodedError::error(exit::USAGE, why))
}

fn has(flags: elf::ProgramFlags, flag: elf::ProgramFlags) -> bool {
    flags.0 & flag.0 != 0
}

fn read(bytes: &[u8], abi: &BTreeMap<String, target::AbiSection>) -> Result<ElfSummary> {
    match FileKind::parse(bytes).context("reading its first bytes")? {
        FileKind::Elf32 => read_class::<elf::FileHeader32<Endianness>>(bytes, 32, abi),
        FileKind::Elf64 => read_class::<elf::FileHeader64<Endianness>>(bytes, 64, abi),
        other => bail!("it is of the kind {other:?}"),
    }
}

fn read_class<Header: FileHeader<Endian = Endianness>>(
    bytes: &[u8],
    class: u8,
    abi: &BTreeMap<String, target::AbiSection>,
) -> Result<ElfSummary> {
    let header = Header::parse(bytes)?;
    let endian = header.endian()?;
    let headers = header.program_headers(endian, bytes)?;
    let mut interpreter = None;
    let mut dynamic: Vec<(elf::DynamicTag, u64)> = Vec::new();
    for header in headers {
        if let Some(path) = header.interpreter(endian, bytes)? {
            interpreter = Some(text(path));
        }
        if let Some(entries) = header.dynamic(endian, bytes)? {
            let entries = entries.iter().map(|entry| (entry.tag(endian), entry.val(endian)));
            dynamic.extend(entries.take_while(|(tag, _)| *tag != elf::DT_NULL));
        }
    }
    let value = |wanted| dynamic.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let mut strings = StringTable::default();
    if let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) {
        for header in headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD) {
            if let Ok(Some(table)) = header.data_range(endian, bytes, address, size) {
                strings = StringTable::new(table, 0, size);
            }
        }
    }
    let named = |wanted: &[elf::DynamicTag]| -> Result<Vec<String>> {
        let entries = dynamic.iter().filter(|(tag, _)| wanted.contains(tag));
        let names = entries.map(|(_, offset)| strings.get((*offset).try_into().unwrap_or(u32::MAX)).map(text));
        names.collect::<Result<_, _>>().map_err(|()| anyhow::anyhow!("a name lies outside of the dynamic string table"))
    };
    let flag = |tag, bit| value(tag).is_some_and(|flags| flags & bit != 0);
    Ok(ElfSummary {
        abi: Abi::read(header, bytes, class, abi)?,
        kind: header.e_type(endian),
        segments: headers.iter().map(|header| (header.p_type(endian), header.p_flags(endian))).collect(),
        interpreter,
        needed: named(&[elf::DT_NEEDED])?,
        soname: named(&[elf::DT_SONAME])?.pop(),
        search_paths: named(&[elf::DT_RPATH, elf::DT_RUNPATH])?,
        text_relocations: value(elf::DT_TEXTREL).is_some() || flag(elf::DT_FLAGS, elf::DF_TEXTREL.0),
        binds_now: value(elf::DT_BIND_NOW).is_some()
            || flag(elf::DT_FLAGS, elf::DF_BIND_NOW.0)
            || flag(elf::DT_FLAGS_1, elf::DF_1_NOW.0),
        pie: flag(elf::DT_FLAGS_1, elf::DF_1_PIE.0),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first occurrence of `folder` or of a path in it.
fn leak(bytes: &[u8], folder: &Path) -> Option<String> {
    const LONGEST: usize = 200;
    let name = folder.as_os_str().as_bytes();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    // The root folder would match every absolute path.
    if name.is_empty() {
        return None;
    }
    memchr::memmem::find_iter(bytes, name).find_map(|start| {
        let after = bytes.get(start + name.len()).copied().unwrap_or(0);
        let rest = &bytes[start..(start + LONGEST).min(bytes.len())];
        let end = rest.iter().position(u8::is_ascii_control).unwrap_or(rest.len());
        matches!(after, b'/' | 0).then(|| text(&rest[..end]))
    })
}
