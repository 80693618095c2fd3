//! The tests that a program contains, by its own file: what the program says of itself, it says through the emulator.
//!
//! rustc's harness keeps a table of pointers in the program's data, sorted by the tests' names. Each points to the
//! description of a test, which has at fixed places the test's name and its source file, both as pointer and length.
//! Where in a description they are, rustc does not promise. So the table is recognised by what no other data has: the
//! longest row of pointers to data with a source file at one place, and ascending names at another.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, Rela as _};
use object::{Endianness, FileKind, ReadRef as _};

/// What every program with libtest's harness has in it, and no other.
const HARNESS: &[u8] = b"RUST_TEST_THREADS";

/// The most words of a description that are looked at.
const WORDS: u64 = 32;

/// The longest name of a test or of a source file.
const LONGEST: u64 = 4096;

/// The fewest tests of a table: where only one pointer has the form of one, it may be anything.
const FEWEST: usize = 2;

/// The names of a program's tests, in its order. `None` if it has no harness, or at most one test.
///
/// # Errors
///
/// If it is no ELF file.
pub(crate) fn tests(bytes: &[u8]) -> Result<Option<Vec<String>>> {
    if memchr::memmem::find(bytes, HARNESS).is_none() {
        return Ok(None);
    }
    let image = match FileKind::parse(bytes).context("reading its first bytes")? {
        FileKind::Elf32 => Image::read::<elf::FileHeader32<Endianness>>(bytes, 4)?,
        FileKind::Elf64 => Image::read::<elf::FileHeader64<Endianness>>(bytes, 8)?,
        other => bail!("it is of the kind {other:?}"),
    };
    let names = image.table();
    Ok((names.len() >= FEWEST).then(|| names.into_iter().map(str::to_owned).collect()))
}

/// A program as it is in memory after it was loaded at address 0.
struct Image {
    endian: Endianness,
    /// Bytes of a pointer.
    width: u64,
    segments: Vec<Segment>,
}

struct Segment {
    start: u64,
    bytes: Vec<u8>,
    writable: bool,
}

/// What may be the description of a test: strings in it, by their place.
struct Description<'a> {
    files: BTreeSet<u64>,
    names: Vec<(u64, &'a str)>,
}

/// A row of pointers to descriptions.
#[derive(Default)]
struct Row<'a> {
    /// The places of a source file in all of them.
    files: BTreeSet<u64>,
    /// The places of names in all of them, each with the names, which ascend.
    names: Vec<(u64, Vec<&'a str>)>,
}

impl Image {
    fn read<Header: FileHeader<Endian = Endianness>>(bytes: &[u8], width: u64) -> Result<Self> {
        let header = Header::parse(bytes)?;
        let endian = header.endian()?;
        let (mut segments, mut relocations) = (Vec::new(), (0, 0));
        for header in header.program_headers(endian, bytes)? {
            if header.p_type(endian) == elf::PT_LOAD {
                let data = header.data(endian, bytes).ok().context("a segment lies outside of the file")?;
                let writable = header.p_flags(endian).0 & elf::PF_W.0 != 0;
                segments.push(Segment { start: header.p_vaddr(endian).into(), bytes: data.to_vec(), writable });
            }
            for entry in header.dynamic(endian, bytes)?.unwrap_or_default() {
                match entry.tag(endian) {
                    elf::DT_RELA => relocations.0 = entry.val(endian),
                    elf::DT_RELASZ => relocations.1 = entry.val(endian),
                    _ => {}
                }
            }
        }
        let mut image = Self { endian, width, segments };
        // Relocations of the other form have what they add in place, where it is read.
        let table = image.bytes(relocations.0, relocations.1).unwrap_or_default().to_vec();
        let count = table.len() / size_of::<Header::Rela>();
        let table = table.as_slice().read_slice_at::<Header::Rela>(0, count);
        for relocation in table.ok().context("its relocations cannot be read")? {
            if relocation.r_sym(endian, header.is_mips64el(endian)) == 0 {
                image.put(relocation.r_offset(endian).into(), relocation.r_addend(endian).into());
            }
        }
        Ok(image)
    }

    /// The names in the longest row; of the places that have names, the first.
    fn table(&self) -> Vec<&str> {
        let mut longest = Row::default();
        for segment in self.segments.iter().filter(|segment| segment.writable) {
            let mut row = Row::default();
            let first = segment.start.next_multiple_of(self.width);
            for slot in (first..segment.end()).step_by(usize::try_from(self.width).unwrap_or(8)) {
                let description = self.pointer(slot).and_then(|place| self.description(place));
                if !description.as_ref().is_some_and(|description| row.extend(description)) {
                    longest.or_longer(std::mem::replace(&mut row, description.map(Row::from).unwrap_or_default()));
                }
            }
            longest.or_longer(row);
        }
        longest.names.into_iter().next().map(|(_, names)| names).unwrap_or_default()
    }

    /// The strings at this place; nothing if there is no source file among them, or nothing else.
    fn description(&self, place: u64) -> Option<Description<'_>> {
        let mut found = Description { files: BTreeSet::new(), names: Vec::new() };
        for word in 0..WORDS {
            let Some(text) = self.text(place + word * self.width) else { continue };
            if text.strip_suffix(".rs").is_some() {
                found.files.insert(word);
            } else if is_path(text) {
                found.names.push((word, text));
            }
        }
        (!found.files.is_empty() && !found.names.is_empty()).then_some(found)
    }

    /// The string whose pointer and length are at this place.
    fn text(&self, place: u64) -> Option<&str> {
        let (start, length) = (self.word(place)?, self.word(place + self.width)?);
        let bytes = self.bytes(start, length).filter(|_| (1..LONGEST).contains(&length))?;
        std::str::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
    }

    /// The pointer at this place, if it points to data that a description may be in.
    fn pointer(&self, place: u64) -> Option<u64> {
        let target = self.word(place)?;
        let in_data = |segment: &Segment| segment.writable && (segment.start..segment.end()).contains(&target);
        (target.is_multiple_of(self.width) && self.segments.iter().any(in_data)).then_some(target)
    }

    fn word(&self, place: u64) -> Option<u64> {
        let bytes = self.bytes(place, self.width)?;
        Some(match (bytes.len(), self.endian) {
            (8, Endianness::Little) => u64::from_le_bytes(bytes.try_into().ok()?),
            (8, Endianness::Big) => u64::from_be_bytes(bytes.try_into().ok()?),
            (_, Endianness::Little) => u32::from_le_bytes(bytes.try_into().ok()?).into(),
            (_, Endianness::Big) => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        })
    }

    fn bytes(&self, start: u64, length: u64) -> Option<&[u8]> {
        self.segments.iter().find_map(|segment| {
            let start = usize::try_from(start.checked_sub(segment.start)?).ok()?;
            segment.bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
        })
    }

    /// Stores a word where a relocation is.
    fn put(&mut self, place: u64, value: i64) {
        let width = usize::try_from(self.width).unwrap_or(8);
        let bytes = match self.endian {
            Endianness::Little => value.to_le_bytes()[..width].to_vec(),
            Endianness::Big => value.to_be_bytes()[8 - width..].to_vec(),
        };
        for segment in &mut self.segments {
            let start = place.checked_sub(segment.start).and_then(|start| usize::try_from(start).ok());
            if let Some(word) = start.and_then(|start| segment.bytes.get_mut(start..start.checked_add(width)?)) {
                word.copy_from_slice(&bytes);
            }
        }
    }
}

/// Whether a test may have this name: its module path.
fn is_path(text: &str) -> bool {
    text.split("::").all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '#'))
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl<'a> From<Description<'a>> for Row<'a> {
    fn from(first: Description<'a>) -> Self {
        let names = first.names.into_iter().map(|(word, name)| (word, vec![name])).collect();
        Self { files: first.files, names }
    }
}

impl<'a> Row<'a> {
    /// Adds a description, if it fits to the others.
    fn extend(&mut self, next: &Description<'a>) -> bool {
        let ascending = |(word, names): &(u64, Vec<&str>)| {
            let name = next.names.iter().find(|(place, _)| place == word).map(|(_, name)| *name)?;
            names.last().is_some_and(|last| *last < name).then_some(name)
        };
        if self.files.is_disjoint(&next.files) || !self.names.iter().any(|names| ascending(names).is_some()) {
            return false;
        }
        self.files.retain(|place| next.files.contains(place));
        self.names.retain_mut(|names| ascending(names).map(|name| names.1.push(name)).is_some());
        true
    }

    fn length(&self) -> usize {
        self.names.first().map_or(0, |(_, names)| names.len())
    }

    /// Becomes the other row if that is longer.
    fn or_longer(&mut self, other: Self) {
        if other.length() > self.length() {
            *self = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_this_program_is_read() {
        let names = tests(&fs_err::read("/proc/self/exe").unwrap()).unwrap().unwrap();
        let own = "harness::table::tests::the_table_of_this_program_is_read";
        assert!(names.iter().any(|name| name == own), "{names:?}");
        let listed = crate::exec::Cmd::new("/proc/self/exe").arg("--list").read().unwrap();
        assert_eq!(names, crate::libtest::listed(listed.as_bytes()));
    }

    #[test]
    fn names_are_paths() {
        for name in ["a", "a::b_1", "a::r#fn::b"] {
            assert!(is_path(name), "{name}");
        }
        for text in ["", "failed to write whole buffer", "a::", "::a", "a:b", "a/b.c", "a-b"] {
            assert!(!is_path(text), "{text}");
        }
    }

    #[test]
    fn what_has_no_harness_has_no_tests() {
        assert_eq!(tests(b"#!/bin/sh\n").unwrap(), None);
        let error = tests(HARNESS).unwrap_err();
        assert!(format!("{error:#}").contains("reading its first bytes"), "{error:#}");
    }
}
