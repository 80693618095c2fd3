//! Names for addresses in the program and in musl's libc.so, which is also its loader. The test programs need no other
//! library.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind};

/// Types of entries of the auxiliary vector, see getauxval(3).
const AT_BASE: u64 = 7;
const AT_ENTRY: u64 = 9;

/// A file that is mapped into a program.
#[derive(Debug)]
pub struct Module {
    /// File name.
    name: String,
    /// The offset of its addresses in memory.
    bias: u64,
    /// The range of its code, by the file's own addresses.
    code: Vec<(u64, u64)>,
    /// Address, size and name of every function.
    symbols: Vec<(u64, u64, String)>,
    entry: u64,
}

impl Module {
    /// Reads a file, without an offset.
    pub fn read(path: &Path) -> Result<Self> {
        let data = fs_err::read(path)?;
        let file = object::File::parse(&*data).with_context(|| format!("reading {} as an ELF file", path.display()))?;
        let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
        let code = code.map(|section| (section.address(), section.address() + section.size())).collect();
        let functions = file.symbols().chain(file.dynamic_symbols());
        let functions = functions.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
        let named = functions.filter_map(|symbol| {
            // Mapping symbols, such as `$t`, do not name functions.
            let name = symbol.name().ok().filter(|name| !name.is_empty() && !name.starts_with('$'))?;
            Some((symbol.address(), symbol.size(), format!("{:#}", rustc_demangle::demangle(name))))
        });
        let mut symbols: Vec<_> = named.collect();
        symbols.sort();
        symbols.dedup();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, bias: 0, code, symbols, entry: file.entry() })
    }

    fn holds(&self, address: u64) -> bool {
        let own = address.wrapping_sub(self.bias);
        self.code.iter().any(|(start, end)| (*start..*end).contains(&own))
    }

    fn name_of(&self, address: u64) -> String {
        let own = address.wrapping_sub(self.bias);
        let before = &self.symbols[..self.symbols.partition_point(|(start, ..)| *start <= own)];
        let within = |(start, size, _): &&(u64, u64, String)| *size == 0 || own < start + size;
        match before.iter().rev().take(8).find(within) {
            Some((start, _, name)) => format!("{name}+{:#x} ({})", own - start, self.name),
            None => format!("{own:#x} ({})", self.name),
        }
    }
}

/// The files that are mapped into a running program.
#[derive(Debug)]
pub struct Modules(Vec<Module>);

impl Modules {
    /// Locates `program` and `loader` by the auxiliary vector.
    pub fn locate(program: &Path, loader: &Path, auxv: &[u8], word: usize, big_endian: bool) -> Result<Self> {
        let words: Vec<u64> = auxv.chunks_exact(word).map(|bytes| number(bytes, big_endian)).collect();
        let value = |kind| words.chunks_exact(2).find(|pair| pair[0] == kind).map(|pair| pair[1]);
        let mut own = Module::read(program)?;
        let entry = value(AT_ENTRY).context("the auxiliary vector has no AT_ENTRY")?;
        own.bias = entry.wrapping_sub(own.entry);
        let mut modules = vec![own];
        if let Some(base) = value(AT_BASE).filter(|base| *base != 0) {
            let mut libc = Module::read(loader)?;
            libc.bias = base;
            modules.push(libc);
        }
        Ok(Self(modules))
    }

    /// The function at an address, with the offset in it and its file; none outside of code.
    pub fn name(&self, address: u64) -> Option<String> {
        self.0.iter().find(|module| module.holds(address)).map(|module| module.name_of(address))
    }

    /// The function of a possible return address. No call precedes a function's first instruction.
    pub fn caller(&self, address: u64) -> Option<String> {
        let begins = |module: &Module| {
            let own = address.wrapping_sub(module.bias);
            module.symbols.binary_search_by_key(&own, |(start, ..)| *start).is_ok()
        };
        if self.0.iter().any(|module| module.holds(address) && begins(module)) { None } else { self.name(address) }
    }
}

/// An unsigned number from its bytes.
pub fn number(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// The loader's file in a sysroot, by its path on a target system.
pub fn loader(sysroot: &Path, path: &str) -> PathBuf {
    sysroot.join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Module {
        let symbols = vec![(0x100, 0x10, "first".to_owned()), (0x120, 0, "second".to_owned())];
        Module { name: "program".into(), bias: 0x4000, code: vec![(0x100, 0x200)], symbols, entry: 0x100 }
    }

    #[test]
    fn an_address_is_named_by_the_function_around_it() {
        let modules = Modules(vec![module()]);
        let names = [0x4104, 0x4118, 0x4130, 0x4200, 0x104].map(|address| modules.name(address));
        let expected =
            [Some("first+0x4 (program)"), Some("0x118 (program)"), Some("second+0x10 (program)"), None, None];
        assert_eq!(names, expected.map(|name| name.map(Into::into)));
        let callers = [0x4120, 0x4124].map(|address| modules.caller(address));
        assert_eq!(callers, [None, Some("second+0x4 (program)".into())]);
    }

    #[test]
    fn numbers_have_an_order() {
        assert_eq!(number(&[1, 2, 3, 4], true), 0x0102_0304);
        assert_eq!(number(&[1, 2, 3, 4], false), 0x0403_0201);
    }

    #[test]
    fn our_own_program_is_read() {
        let own = std::env::current_exe().unwrap();
        let module = Module::read(&own).unwrap();
        assert!(module.symbols.iter().any(|(.., name)| name.contains("triage::symbols::tests::our_own_program")));
        let entry = module.entry.to_le_bytes();
        let auxv: Vec<u8> = [AT_ENTRY.to_le_bytes(), entry, [0; 8], [0; 8]].concat();
        let modules = Modules::locate(&own, &own, &auxv, 8, false).unwrap();
        assert!(modules.name(module.entry).is_some());
    }
}
