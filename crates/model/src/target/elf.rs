//! `[elf]`: what the ELF files of a target say of their ABI.

use std::collections::BTreeMap;

use serde::Deserialize;

#[cfg(test)]
mod tests;

/// `[elf]` as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ElfFile {
    machine: String,
    class: u8,
    endian: String,
    #[serde(default = "no_flags")]
    flags: Vec<u32>,
    object_flags: Option<Vec<u32>>,
    #[serde(default)]
    abi: BTreeMap<String, SectionFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SectionFile {
    vendor: Option<String>,
    #[serde(default)]
    text_tags: Vec<u64>,
    #[serde(default)]
    objects_only: bool,
    values: BTreeMap<String, ValueFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueFile {
    tag: Option<u64>,
    byte: Option<usize>,
    is: Option<Vec<u64>>,
    max: Option<u64>,
    with: Option<u64>,
}

/// What every ELF file of the target must say.
#[derive(Debug, Clone)]
pub struct Elf {
    /// `EM_` constant without its prefix: `S390`, `X86_64`.
    pub machine: String,
    /// 32 or 64.
    pub class: u8,
    /// Byte order.
    pub big_endian: bool,
    /// The `e_flags` that a linked file may have.
    pub flags: Vec<u32>,
    /// The `e_flags` that an object may have: a linker may add some.
    pub object_flags: Vec<u32>,
    /// What sections tell of the ABI, by their names.
    pub abi: BTreeMap<String, AbiSection>,
}

/// A section that tells of the ABI.
#[derive(Debug, Clone)]
pub struct AbiSection {
    /// How it is to be read.
    pub encoding: AbiEncoding,
    /// Not looked at in linked files: of some sections a linker makes a mere string of all the objects'.
    pub objects_only: bool,
    /// The values that matter, by their names.
    pub values: BTreeMap<String, AbiValue>,
}

/// How a section's values are found.
#[derive(Debug, Clone)]
pub enum AbiEncoding {
    /// Build attributes: pairs of tag and value, in subsections of a vendor.
    /// See "Addenda to, and Errata in, the ABI for the Arm Architecture"; the others took over its encoding.
    Attributes {
        /// Whose subsection counts.
        vendor: String,
        /// Tags below 32 whose values are text. Above, all odd ones are; below, each ABI says by itself.
        text_tags: Vec<u64>,
    },
    /// A record of fixed places.
    Bytes,
}

/// One value and what is allowed.
#[derive(Debug, Clone)]
pub struct AbiValue {
    /// The attribute's tag, or the byte's offset in the record.
    pub place: u64,
    /// What is allowed.
    pub allowed: AllowedValues,
    /// Only in files that have this tag as well.
    pub with: Option<u64>,
}

/// Which values are allowed. One that is absent counts as 0, as the attributes' definition has it.
#[derive(Debug, Clone)]
pub enum AllowedValues {
    /// One of these.
    OneOf(Vec<u64>),
    /// This or less.
    AtMost(u64),
}

fn no_flags() -> Vec<u32> {
    vec![0]
}

impl ElfFile {
    pub(super) fn validate(self) -> Result<Elf, String> {
        let big_endian = match self.endian.as_str() {
            "big" => true,
            "little" => false,
            other => return Err(format!("[elf] endian: `{other}` is neither `big` nor `little`")),
        };
        if !matches!(self.class, 32 | 64) {
            return Err(format!("[elf] class: {} is neither 32 nor 64", self.class));
        }
        let object_flags = self.object_flags.unwrap_or_else(|| self.flags.clone());
        for (key, flags) in [("flags", &self.flags), ("object-flags", &object_flags)] {
            if flags.is_empty() {
                return Err(format!("[elf] {key}: an empty list allows no file at all"));
            }
        }
        let mut abi = BTreeMap::new();
        for (name, section) in self.abi {
            let section = section.validate().map_err(|why| format!("[elf.abi.\"{name}\"] {why}"))?;
            abi.insert(name, section);
        }
        Ok(Elf { machine: self.machine, class: self.class, big_endian, flags: self.flags, object_flags, abi })
    }
}

impl SectionFile {
    fn validate(self) -> Result<AbiSection, String> {
        let encoding = match self.vendor {
            Some(vendor) => AbiEncoding::Attributes { vendor, text_tags: self.text_tags },
            None if self.text_tags.is_empty() => AbiEncoding::Bytes,
            None => return Err("text-tags: only attributes have tags, and they need a `vendor`".into()),
        };
        let mut values = BTreeMap::new();
        for (name, value) in self.values {
            let value = value.validate(&encoding).map_err(|why| format!("{name}: {why}"))?;
            values.insert(name, value);
        }
        Ok(AbiSection { encoding, objects_only: self.objects_only, values })
    }
}

impl ValueFile {
    fn validate(self, encoding: &AbiEncoding) -> Result<AbiValue, String> {
        let place = match (encoding, self.tag, self.byte, self.with) {
            (AbiEncoding::Attributes { .. }, Some(tag), None, _) if encoding.is_text(tag) => {
                return Err(format!("the value of tag {tag} is text, only numbers are compared"));
            }
            (AbiEncoding::Attributes { .. }, Some(tag), None, _) => tag,
            (AbiEncoding::Attributes { .. }, ..) => return Err("with a `vendor`, give `tag`".into()),
            (AbiEncoding::Bytes, None, Some(byte), None) => byte as u64,
            (AbiEncoding::Bytes, ..) => return Err("without a `vendor`, give `byte` and no tags".into()),
        };
        let allowed = match (self.is, self.max) {
            (Some(values), None) if !values.is_empty() => AllowedValues::OneOf(values),
            (None, Some(most)) => AllowedValues::AtMost(most),
            _ => return Err("give either `is`, a list of values, or `max`".into()),
        };
        Ok(AbiValue { place, allowed, with: self.with })
    }
}

impl AbiEncoding {
    /// Whether the tag's value is text; all others are numbers.
    pub fn is_text(&self, tag: u64) -> bool {
        match self {
            Self::Attributes { text_tags, .. } => text_tags.contains(&tag) || (tag > 32 && tag % 2 == 1),
            Self::Bytes => false,
        }
    }
}

impl AllowedValues {
    /// Whether this value is allowed.
    pub fn allows(&self, value: u64) -> bool {
        match self {
            Self::OneOf(values) => values.contains(&value),
            Self::AtMost(most) => value <= *most,
        }
    }
}
