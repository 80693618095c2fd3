//! Names of patches on the command line: `rust/3`, `rust/0003-title`, or `rust` for all patches of a source.

use std::fmt;
use std::str::FromStr;

use super::series::Patch;

/// The name of a patch, or of all patches of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchName {
    /// `rust`, `musl` or `llvm`.
    pub source: String,
    /// The patch's number, or its file name with or without the extension; nothing means all patches.
    pub patch: Option<String>,
}

impl PatchName {
    /// Whether the name covers this patch of `source`.
    pub fn is(&self, source: &str, patch: &Patch) -> bool {
        self.source == source && self.patch.as_ref().is_none_or(|name| is_called(&patch.file, name))
    }
}

fn is_called(file: &str, name: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let of_file = file.split('-').next().and_then(number);
    file == name || file.strip_suffix(".patch") == Some(name) || (of_file.is_some() && number(name) == of_file)
}

impl FromStr for PatchName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (source, patch) = text.split_once('/').map_or((text, None), |(source, patch)| (source, Some(patch)));
        if source.is_empty() || patch.is_some_and(str::is_empty) {
            return Err("expected SOURCE or SOURCE/PATCH, e.g. rust/3".into());
        }
        Ok(Self { source: source.into(), patch: patch.map(Into::into) })
    }
}

impl fmt::Display for PatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.patch.iter().try_for_each(|patch| write!(f, "/{patch}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_named_by_number_and_file() {
        let patch = Patch { file: "0012-title.patch".into(), text: String::new() };
        let is = |name: &str| name.parse::<PatchName>().unwrap().is("rust", &patch);
        assert!(["rust", "rust/12", "rust/0012", "rust/0012-title", "rust/0012-title.patch"].into_iter().all(is));
        assert!(!["musl", "musl/12", "rust/2", "rust/1", "rust/title", "rust/0012-titl"].into_iter().any(is));
        assert!("rust/".parse::<PatchName>().is_err() && "/12".parse::<PatchName>().is_err());
    }
}
