//! The inputs of a result, as tagged values, and the digest over them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The file in the folder of a result that lists its inputs.
pub const INPUTS_FILE: &str = "inputs.json";

/// What goes into a step: tagged values, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs(Vec<(String, String)>);

impl Inputs {
    /// No inputs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value under a tag.
    #[must_use]
    pub fn add(mut self, tag: &str, value: impl Into<String>) -> Self {
        self.0.push((tag.into(), value.into()));
        self
    }

    /// Adds a list of values under one tag.
    #[must_use]
    pub fn list(self, tag: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        values.into_iter().fold(self, |inputs, value| inputs.add(tag, value))
    }

    /// Adds all inputs of another list.
    #[must_use]
    pub fn append(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// The tags and values.
    pub fn entries(&self) -> &[(String, String)] {
        &self.0
    }

    /// sha256 over the entries. A length precedes each tag and value, so two different lists never hash the same bytes.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for (tag, value) in &self.0 {
            for part in [tag, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        Digest(hex(&hash.finalize()))
    }
}

/// A sha256 in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// The first 16 digits, as in folder names.
    pub fn short(&self) -> &str {
        &self.0[..16]
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_join_alike_differ() {
        let a = Inputs::new().add("flag", "ab").add("flag", "c");
        let b = Inputs::new().add("flag", "a").add("flag", "bc");
        assert_ne!(a.digest(), b.digest());
        // Folder names in out/ contain the digest, so a change of the hash would rebuild everything.
        assert_eq!(a.digest().as_str(), "d87edbb4892556ced4e653104ad0e63d1bb48049ed27f6b2280e79bb11a9a157");
        assert_ne!(Inputs::new().add("x", "y").digest(), Inputs::new().add("y", "x").digest());
    }
}
