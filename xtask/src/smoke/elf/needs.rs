//! What an ELF file requires of the system that it runs on.

use anyhow::{Result, bail};
use object::read::elf::{FileHeader, SectionHeader as _};
use object::{Endianness, FileKind, elf};

/// The libraries and symbol versions that a file requires.
#[derive(Debug, Default)]
pub struct ElfNeeds {
    /// The libraries that it names as needed.
    pub libraries: Vec<String>,
    /// The symbol versions that it requires, for example `GLIBC_2.34`.
    pub versions: Vec<String>,
}

/// Reads what a file requires. `None` if it is not an ELF file.
pub fn needs(bytes: &[u8]) -> Result<Option<ElfNeeds>> {
    let versions = match FileKind::parse(bytes) {
        Ok(FileKind::Elf32) => versions::<elf::FileHeader32<Endianness>>(bytes)?,
        Ok(FileKind::Elf64) => versions::<elf::FileHeader64<Endianness>>(bytes)?,
        _ => return Ok(None),
    };
    let libraries = super::read(bytes, &std::collections::BTreeMap::new())?.needed;
    Ok(Some(ElfNeeds { libraries, versions }))
}

fn versions<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Vec<String>> {
    let header = Header::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut versions = Vec::new();
    for section in sections.iter() {
        let Some((mut needs, link)) = section.gnu_verneed(endian, bytes)? else { continue };
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut names)) = needs.next()? {
            while let Some(name) = names.next()? {
                match name.name(endian, strings) {
                    Ok(name) => versions.push(super::text(name)),
                    Err(error) => bail!("reading a symbol's version: {error}"),
                }
            }
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_needs_its_libc_in_a_version() {
        assert!(needs(b"#!/bin/sh\n").unwrap().is_none());
        let own = needs(&std::fs::read("/proc/self/exe").unwrap()).unwrap().unwrap();
        if cfg!(target_env = "gnu") {
            assert!(own.libraries.iter().any(|name| name.starts_with("libc.so")), "{own:?}");
            assert!(own.versions.iter().any(|version| version.starts_with("GLIBC_2.")), "{own:?}");
        }
    }
}
