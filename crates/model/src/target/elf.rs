//! `[elf]`: how the ELF files of a target identify their ABI.

use std::collections::BTreeMap;

use serde::Deserialize;

#[cfg(test)]
mod tests;

/// `[elf]` as parsed, before validation.
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

/// Rules for every ELF file of the target.
#[derive(Debug, Clone)]
pub struct Elf {
    /// `EM_` constant without its prefix: `S390`, `X86_64`.
    pub machine: String,
    /// The ELF class in bits: 32 or 64.
    pub class: u8,
    /// Whether the byte order is big-endian.
    pub big_endian: bool,
    /// The allowed `e_flags` of a linked file.
    pub flags: Vec<u32>,
    /// The allowed `e_flags` of an object; they can differ, because a linker may add flags.
    pub object_flags: Vec<u32>,
    /// Sections that describe the ABI, by name.
    pub abi: BTreeMap<String, AbiSection>,
}

/// A section that describes the ABI.
#[derive(Debug, Clone)]
pub struct AbiSection {
    /// How the section is decoded.
    pub encoding: AbiEncoding,
    /// Whether linked files are not checked: some linkers only concatenate the sections of the objects.
    pub objects_only: bool,
    /// The values to check, by name.
    pub values: BTreeMap<String, AbiValue>,
}

/// How a section encodes its values.
#[derive(Debug, Clone)]
pub enum AbiEncoding {
    /// Build attributes: pairs of tag and value, in subsections of a vendor.
    /// See "Addenda to, and Errata in, the ABI for the Arm Architecture"; other ABIs use the same encoding.
    Attributes {
        /// The vendor whose subsection is checked.
        vendor: String,
        /// Tags up to 32 whose values are text. Each ABI defines its own; above 32, every odd tag has a text.
        text_tags: Vec<u64>,
    },
    /// A record with bytes at fixed offsets.
    Bytes,
}

/// One value of a section, and the allowed numbers.
#[derive(Debug, Clone)]
pub struct AbiValue {
    /// The attribute's tag, or the byte's offset in the record.
    pub place: u64,
    /// The allowed numbers.
    pub allowed: AllowedValues,
    /// The value is only checked in files that also have this tag.
    pub with: Option<u64>,
}

/// Which numbers are allowed. A missing attribute counts as 0, as its specification defines.
#[derive(Debug, Clone)]
pub enum AllowedValues {
    /// One of these.
    OneOf(Vec<u64>),
    /// This number or a smaller one.
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
            other => return Err(format!("[elf] endian: expected `big` or `little`, not `{other}`")),
        };
        if !matches!(self.class, 32 | 64) {
            return Err(format!("[elf] class: expected 32 or 64, not {}", self.class));
        }
        let object_flags = self.object_flags.unwrap_or_else(|| self.flags.clone());
        for (key, flags) in [("flags", &self.flags), ("object-flags", &object_flags)] {
            if flags.is_empty() {
                return Err(format!("[elf] {key}: an empty list rejects every file"));
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
            None => return Err("text-tags: only attributes have tags, and attributes require a `vendor`".into()),
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
                return Err(format!("the value of tag {tag} is text, and only numbers can be checked"));
            }
            (AbiEncoding::Attributes { .. }, Some(tag), None, _) => tag,
            (AbiEncoding::Attributes { .. }, ..) => return Err("with a `vendor`, `tag` is required".into()),
            (AbiEncoding::Bytes, None, Some(byte), None) => byte as u64,
            (AbiEncoding::Bytes, ..) => {
                return Err("without a `vendor`, `byte` is required and tags are not allowed".into());
            }
        };
        let allowed = match (self.is, self.max) {
            (Some(values), None) if !values.is_empty() => AllowedValues::OneOf(values),
            (None, Some(most)) => AllowedValues::AtMost(most),
            _ => return Err("expected either `is`, a list of values, or `max`".into()),
        };
        Ok(AbiValue { place, allowed, with: self.with })
    }
}

impl AbiEncoding {
    /// Whether the tag's value is text rather than a number.
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
