//! The objects that programs are linked from.
//!
//! Auditing linked files is not enough, because a linker may take the attributes from the first object alone.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::target;
use object::archive::MAGIC;
use object::elf;
use object::read::archive::ArchiveFile;
use walkdir::WalkDir;

use super::read;

#[cfg(test)]
mod tests;

/// The members of an rlib with the crate's metadata. They have no code, and need not be objects. Rust 1.98 has the second.
const METADATA: [&[u8]; 2] = [b"lib.rmeta", b"lib.rmeta-link"];

/// Finds the faults of an object.
pub type Check<'a> = dyn Fn(&[u8]) -> Vec<String> + 'a;

/// The faults of the objects in these folders and below, as files or as members of static libraries and rlibs. One
/// line for each fault, with the first object that has it.
pub fn audit_objects(folders: &[PathBuf], check: &Check) -> Result<Vec<String>> {
    let mut faults = Faults { check, objects: 0, found: Vec::new() };
    let mut empty = Vec::new();
    for folder in folders {
        let before = faults.objects;
        let files = folder.is_dir().then(|| WalkDir::new(folder).sort_by_file_name());
        for file in files.into_iter().flatten() {
            let file = file?;
            let is_object = file.path().extension().is_some_and(|it| it == "a" || it == "o" || it == "rlib");
            if !is_object || !file.file_type().is_file() {
                continue;
            }
            let name = file.file_name().to_string_lossy();
            let bytes = fs_err::read(file.path())?;
            if let Err(error) = faults.file(&name, &bytes) {
                faults.add(&name, format!("not a readable library: {error}"));
            }
        }
        if faults.objects == before {
            empty.push(format!("no object in {}", folder.display()));
        }
    }
    empty.extend(faults.lines());
    Ok(empty)
}

/// The faults of an object's ABI.
pub fn abi_faults(bytes: &[u8], expected: &target::Elf) -> Vec<String> {
    match read(bytes, &expected.abi) {
        Err(error) => vec![format!("not a readable ELF file: {error:#}")],
        Ok(file) if file.kind != elf::ET_REL => vec![format!("type is {:?}, expected ET_REL", file.kind)],
        Ok(file) => file.abi.broken(expected),
    }
}

/// Whether the file is a static library without members.
pub fn is_empty_library(path: &Path) -> Result<bool> {
    Ok(fs_err::metadata(path)?.len() <= MAGIC.len() as u64)
}

struct Faults<'a> {
    check: &'a Check<'a>,
    objects: usize,
    /// Each fault, with the first object that has it and the number of others.
    found: Vec<(String, String, usize)>,
}

impl Faults<'_> {
    /// Checks an object, or the members of a library.
    fn file(&mut self, name: &str, bytes: &[u8]) -> object::Result<()> {
        if !bytes.starts_with(&MAGIC) {
            self.object(name, bytes);
            return Ok(());
        }
        let archive = ArchiveFile::parse(bytes)?;
        for member in archive.members() {
            let member = member?;
            if !METADATA.contains(&member.name()) {
                let name = format!("{name}({})", String::from_utf8_lossy(member.name()));
                self.object(&name, member.data(bytes)?);
            }
        }
        Ok(())
    }

    fn object(&mut self, name: &str, bytes: &[u8]) {
        self.objects += 1;
        for fault in (self.check)(bytes) {
            self.add(name, fault);
        }
    }

    fn add(&mut self, name: &str, fault: String) {
        match self.found.iter_mut().find(|(text, ..)| *text == fault) {
            Some((_, _, others)) => *others += 1,
            None => self.found.push((fault, name.into(), 0)),
        }
    }

    fn lines(self) -> Vec<String> {
        let line = |(fault, first, others): (String, String, usize)| match others {
            0 => format!("{first}: {fault}"),
            _ => format!("{first} and {others} more: {fault}"),
        };
        self.found.into_iter().map(line).collect()
    }
}
