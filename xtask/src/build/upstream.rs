//! Compares a static library with upstream's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bringup_model::digest::hex;
use bringup_model::target::{DifferenceKind, SymbolDifference};
use object::read::archive::ArchiveFile;
use object::{
    File, FileFlags, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionKind, SymbolFlags,
};

/// A static library, as far as it is compared.
#[derive(Debug, Default)]
pub struct StaticLibrary {
    defined: BTreeMap<String, DefinedSymbol>,
    /// The symbols that no object of it defines.
    required: BTreeSet<String>,
}

/// A global symbol that an object defines.
#[derive(Debug, PartialEq, Eq)]
struct DefinedSymbol {
    /// Type, binding and visibility; the header's flags and the ABI sections of the object.
    abi: BTreeMap<String, String>,
    /// Machine code of its section with relocations; nothing if it is no function.
    code: Option<Vec<u8>>,
    /// Its own bytes.
    size: u64,
}

impl StaticLibrary {
    /// Reads a static library. Fails if it defines no symbol, or one twice.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        let reading = || format!("reading {}", path.display());
        let mut library = Self::default();
        let mut required = BTreeSet::new();
        let archive = ArchiveFile::parse(&*bytes).with_context(reading)?;
        for member in archive.members() {
            let member = member.with_context(reading)?;
            let object = File::parse(member.data(&*bytes).with_context(reading)?).with_context(reading)?;
            library.add(&object, &mut required).with_context(reading)?;
        }
        ensure!(!library.defined.is_empty(), "{} defines no symbol", path.display());
        library.required = required.into_iter().filter(|name| !library.defined.contains_key(name)).collect();
        Ok(library)
    }

    /// The number of symbols that it defines.
    pub fn symbols(&self) -> usize {
        self.defined.len()
    }

    fn add(&mut self, object: &File<'_>, required: &mut BTreeSet<String>) -> Result<()> {
        let of_object = abi(object)?;
        for symbol in object.symbols().filter(object::ObjectSymbol::is_global) {
            let name = symbol.name()?.to_owned();
            if symbol.is_undefined() {
                required.insert(name);
                continue;
            }
            let mut abi = of_object.clone();
            if let SymbolFlags::Elf { st_info, st_other } = symbol.flags() {
                abi.insert("st_info".into(), format!("{st_info:#x}"));
                abi.insert("st_other".into(), format!("{st_other:#x}"));
            }
            let code = symbol.section_index().map(|index| code(object, index)).transpose()?.flatten();
            let before = self.defined.insert(name.clone(), DefinedSymbol { abi, code, size: symbol.size() });
            ensure!(before.is_none(), "two objects define {name}");
        }
        Ok(())
    }

    /// How this library differs from upstream's, sorted by symbol.
    pub fn differences(&self, upstream: &Self) -> Vec<SymbolDifference> {
        let mut found = Vec::new();
        let mut add = |kind, symbol: &str, detail: String| {
            found.push(SymbolDifference { kind, symbol: symbol.into(), detail });
        };
        for name in upstream.defined.keys().filter(|name| !self.defined.contains_key(*name)) {
            add(DifferenceKind::Missing, name, "only upstream defines it".into());
        }
        for name in self.required.difference(&upstream.required) {
            add(DifferenceKind::Required, name, "only ours requires it from elsewhere".into());
        }
        for name in upstream.required.difference(&self.required) {
            add(DifferenceKind::Required, name, "only upstream requires it from elsewhere".into());
        }
        for (name, ours) in &self.defined {
            let Some(theirs) = upstream.defined.get(name) else {
                add(DifferenceKind::Extra, name, "only ours defines it".into());
                continue;
            };
            let keys: BTreeSet<&String> = ours.abi.keys().chain(theirs.abi.keys()).collect();
            let shown =
                |symbol: &DefinedSymbol, key: &str| symbol.abi.get(key).map_or("none", String::as_str).to_owned();
            let differing = keys.into_iter().filter(|key| ours.abi.get(*key) != theirs.abi.get(*key));
            let differing: Vec<String> = differing
                .map(|key| format!("{key} is {}, upstream's {}", shown(ours, key), shown(theirs, key)))
                .collect();
            if !differing.is_empty() {
                add(DifferenceKind::Abi, name, differing.join("; "));
            }
            if ours.code != theirs.code || ours.size != theirs.size {
                let detail = format!("other machine code or size: {} bytes, upstream's {}", ours.size, theirs.size);
                add(DifferenceKind::Code, name, detail);
            }
        }
        found.sort_by(|a, b| (&a.symbol, a.kind).cmp(&(&b.symbol, b.kind)));
        found
    }
}

/// What an object says of its ABI: the header's flags, and the sections of attributes.
fn abi(object: &File<'_>) -> Result<BTreeMap<String, String>> {
    let mut facts = BTreeMap::new();
    facts.insert("architecture".into(), format!("{:?} {:?}", object.architecture(), object.endianness()));
    if let FileFlags::Elf { e_flags, .. } = object.flags() {
        facts.insert("e_flags".into(), format!("{e_flags:#x}"));
    }
    for section in object.sections() {
        let name = section.name()?;
        if name.ends_with("attributes") || name.ends_with("abiflags") {
            facts.insert(name.into(), hex(section.data()?));
        }
    }
    Ok(facts)
}

/// The bytes of a section of code, and its relocations. Nothing if the section has no code.
fn code(object: &File<'_>, index: object::SectionIndex) -> Result<Option<Vec<u8>>> {
    let section = object.section_by_index(index)?;
    if section.kind() != SectionKind::Text {
        return Ok(None);
    }
    let mut bytes = section.data()?.to_vec();
    for (offset, relocation) in section.relocations() {
        let target = match relocation.target() {
            RelocationTarget::Symbol(symbol) => {
                let symbol = object.symbol_by_index(symbol)?;
                let place = symbol.section_index().filter(|_| symbol.name().is_ok_and(str::is_empty));
                let section = place.map(|index| object.section_by_index(index)).transpose()?;
                section.map_or_else(|| symbol.name().map(str::to_owned), |it| it.name().map(str::to_owned))?
            }
            other => format!("{other:?}"),
        };
        let line = format!("{offset:#x} {:?} {target} {}\n", relocation.flags(), relocation.addend());
        bytes.extend_from_slice(line.as_bytes());
    }
    Ok(Some(bytes))
}
