//! What llvm-objdump prints.

use std::fmt::Write as _;
use std::path::Path;

#[cfg(test)]
mod tests;

/// An instruction, as llvm-objdump prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Instruction<'a> {
    /// Its bytes, in groups of 1, 2 or 4 bytes. A group of several bytes is a number.
    pub bytes: &'a str,
    /// Its name, without prefixes.
    pub mnemonic: &'a str,
}

/// Where an instruction is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The file, with the member if it is a library.
    file: &'a str,
    /// The symbol before it.
    pub symbol: &'a str,
}

/// The instructions of a listing, with their places.
pub(super) struct Listing<'a> {
    lines: std::str::Lines<'a>,
    place: Place<'a>,
}

/// What llvm-objdump prints for bytes that it cannot decode.
const UNKNOWN: &str = "<unknown>";

impl Instruction<'_> {
    /// Its name. Bytes that are no instruction of any processor are their own name: `<00 00>`.
    pub(super) fn name(&self) -> String {
        if self.mnemonic == UNKNOWN { format!("<{}>", self.bytes) } else { self.mnemonic.into() }
    }

    /// Whether its bytes are printed in groups of two, as LLVM prints those instruction sets in which instructions have
    /// two or four bytes.
    pub(super) fn in_halfwords(&self) -> bool {
        self.bytes.split(' ').next().is_some_and(|group| group.len() == 4)
    }
}

impl Place<'_> {
    /// The file's name, without its folder.
    pub(super) fn file_name(&self) -> String {
        Path::new(self.file).file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl<'a> Listing<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { lines: text.lines(), place: Place::default() }
    }
}

impl<'a> Iterator for Listing<'a> {
    type Item = (Instruction<'a>, Place<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        for line in self.lines.by_ref() {
            if let Some((file, _)) = line.split_once(":\tfile format ") {
                self.place = Place { file, symbol: "" };
            } else if let Some((_, symbol)) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
                self.place.symbol = symbol;
            } else if let Some(instruction) = instruction(line) {
                return Some((instruction, self.place));
            }
        }
        None
    }
}

/// Reads `   15c: 94000000     <TAB>bl<TAB>0x15c <submit+0x15c>`. Directives such as `.word`, for data, are none.
fn instruction(line: &str) -> Option<Instruction<'_>> {
    let (address, rest) = line.split_once(": ")?;
    if !address.trim_start().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut columns = rest.split('\t');
    let bytes = columns.next()?.trim();
    let first = columns.next()?;
    // A prefix stands before the name, followed by an empty column: `lock<TAB><TAB>cmpxchgl<TAB>%ecx, (%rdi)`.
    let mnemonic = match (columns.next(), columns.next()) {
        (Some(""), Some(name)) => name,
        _ => first,
    };
    let mnemonic = mnemonic.split(' ').next().unwrap_or_default();
    (!mnemonic.is_empty() && !mnemonic.starts_with('.')).then_some(Instruction { bytes, mnemonic })
}

/// The bytes in the order of the memory, in a line for llvm-mc: `0x00 0x00 0x00 0x94`.
pub(super) fn memory_order(printed: &str, big_endian: bool) -> String {
    let mut line = String::new();
    for group in printed.split(' ') {
        let bytes = || (0..group.len() / 2).map(|at| &group[2 * at..2 * at + 2]);
        let mut add = |byte: &str| {
            let _ = write!(line, "0x{byte} ");
        };
        if big_endian { bytes().for_each(&mut add) } else { bytes().rev().for_each(&mut add) }
    }
    line.push('\n');
    line
}
