//! The ABI of an ELF file: the header, and the sections that the target's `[elf.abi]` names.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bringup_model::target::{self, AbiEncoding, AbiSection, AbiValue, AllowedValues};
use object::read::elf::{AttributesSection, FileHeader, SectionHeader as _};
use object::{Endianness, elf};

/// The ABI's fields of a file.
pub(super) struct Abi {
    pub machine: String,
    pub class: u8,
    pub big_endian: bool,
    /// Whether the file is relocatable: an object that is not linked yet.
    object: bool,
    flags: u32,
    /// The values of each section: tag or offset, and number. A text has no number.
    sections: BTreeMap<String, Vec<(u64, Option<u64>)>>,
}

impl Abi {
    /// Reads the header, and those sections that the rules name.
    pub(super) fn read<Header: FileHeader<Endian = Endianness>>(
        header: &Header,
        bytes: &[u8],
        class: u8,
        wanted: &BTreeMap<String, AbiSection>,
    ) -> Result<Self> {
        let endian = header.endian()?;
        let machine = header.e_machine(endian);
        let name = machine.name().and_then(|name| name.strip_prefix("EM_"));
        let object = header.e_type(endian) == elf::ET_REL;
        let mut sections = BTreeMap::new();
        // Most targets name no section, and a file need not have section headers.
        if !wanted.is_empty() {
            let table = header.sections(endian, bytes)?;
            for (name, AbiSection { encoding, .. }) in wanted.iter().filter(|(_, it)| object || !it.objects_only) {
                let Some((_, section)) = table.section_by_name(endian, name.as_bytes()) else { continue };
                let values = match encoding {
                    AbiEncoding::Attributes { vendor, .. } => {
                        attributes(&section.attributes(endian, bytes)?, vendor, encoding)
                    }
                    AbiEncoding::Bytes => section.data(endian, bytes).map(record),
                };
                sections.insert(name.clone(), values.with_context(|| format!("reading its section {name}"))?);
            }
        }
        Ok(Self {
            machine: name.map_or_else(|| machine.0.to_string(), Into::into),
            class,
            big_endian: endian == Endianness::Big,
            object,
            flags: header.e_flags(endian).0,
            sections,
        })
    }

    /// The broken rules, one sentence each.
    pub(super) fn broken(&self, expected: &target::Elf) -> Vec<String> {
        let mut broken = Vec::new();
        if self.machine != expected.machine {
            broken.push(format!("machine is {}, expected {}", self.machine, expected.machine));
        }
        if self.class != expected.class {
            broken.push(format!("class is {} bits, expected {}", self.class, expected.class));
        }
        if self.big_endian != expected.big_endian {
            let name = |big| if big { "big" } else { "little" };
            broken.push(format!("byte order is {}, expected {}", name(self.big_endian), name(expected.big_endian)));
        }
        // On another machine, flags and sections have other meanings.
        if self.machine != expected.machine {
            return broken;
        }
        let flags = if self.object { &expected.object_flags } else { &expected.flags };
        if !flags.contains(&self.flags) {
            broken.push(format!(
                "e_flags is {:#x}, expected {}",
                self.flags,
                either(flags, |flags| format!("{flags:#x}"))
            ));
        }
        for (name, section) in expected.abi.iter().filter(|(_, it)| self.object || !it.objects_only) {
            let found = self.sections.get(name).map_or(&[][..], Vec::as_slice);
            let wrong = section.values.iter().filter_map(|(value, rule)| Some((value, differs(found, rule)?)));
            broken.extend(wrong.map(|(value, how)| format!("{name}: {value} {how}")));
        }
        broken
    }
}

/// Reads the values of a vendor, for the whole file and for its parts. Fails if a part differs.
fn attributes<Header: FileHeader>(
    section: &AttributesSection<'_, Header>,
    vendor: &str,
    encoding: &AbiEncoding,
) -> object::Result<Vec<(u64, Option<u64>)>> {
    /// `Tag_compatibility` has a number and a text, for every vendor.
    const COMPATIBILITY: u64 = 32;
    let mut values = Vec::new();
    for subsection in section.subsections()? {
        let subsection = subsection?;
        if subsection.vendor() != vendor.as_bytes() {
            continue;
        }
        for part in subsection.subsubsections() {
            let mut reader = part?.attributes();
            while let Some(tag) = reader.read_tag()? {
                let number = if encoding.is_text(tag) { None } else { Some(reader.read_integer()?) };
                if number.is_none() || tag == COMPATIBILITY {
                    reader.read_string()?;
                }
                values.push((tag, number));
            }
        }
    }
    Ok(values)
}

fn record(bytes: &[u8]) -> Vec<(u64, Option<u64>)> {
    (0..).zip(bytes.iter().map(|byte| Some(u64::from(*byte)))).collect()
}

/// How a value breaks the rule, if it does.
fn differs(found: &[(u64, Option<u64>)], rule: &AbiValue) -> Option<String> {
    if rule.with.is_some_and(|tag| !found.iter().any(|(place, _)| *place == tag)) {
        return None;
    }
    let expected = || match &rule.allowed {
        AllowedValues::OneOf(values) => either(values, u64::to_string),
        AllowedValues::AtMost(most) => format!("at most {most}"),
    };
    let mut values = found.iter().filter(|(place, _)| *place == rule.place).filter_map(|(_, value)| *value).peekable();
    if values.peek().is_none() {
        return (!rule.allowed.allows(0)).then(|| format!("is absent, expected {}", expected()));
    }
    let wrong = values.find(|value| !rule.allowed.allows(*value))?;
    Some(format!("is {wrong}, expected {}", expected()))
}

fn either<T>(values: &[T], name: impl Fn(&T) -> String) -> String {
    values.iter().map(name).collect::<Vec<_>>().join(" or ")
}
