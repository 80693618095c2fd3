//! Splitting a suite into parts, for several machines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One part of several: `slice:2/4` or `hash:2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Partition {
    /// How tests are assigned to parts.
    pub scheme: Scheme,
    /// The number of this part, from 1.
    pub part: usize,
    /// The number of all parts.
    pub parts: usize,
}

/// How tests are assigned to parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Round robin, in the order of the names: all parts have the same size.
    Slice,
    /// By a hash of the name: a test stays in its part when other tests are added or removed.
    Hash,
}

impl Partition {
    /// Whether this part has the test with this name, which is at `place`, from 0, in the sorted list of all names.
    pub fn has(self, place: usize, name: &str) -> bool {
        let number = match self.scheme {
            Scheme::Slice => place % self.parts,
            Scheme::Hash => {
                let value = number(&Sha256::digest(name));
                usize::try_from(value % self.parts as u64).unwrap_or(0)
            }
        };
        number == self.part - 1
    }

    /// Whether both are parts of the same division: the same scheme and number of parts.
    pub fn fits(self, other: Self) -> bool {
        (self.scheme, self.parts) == (other.scheme, other.parts)
    }
}

/// Digest of the sorted names of all tests to divide. It is the same for all parts of one division.
pub fn digest<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name);
        hash.update("\n");
    }
    format!("{:016x}", number(&hash.finalize()))
}

/// The first eight bytes of a hash, as a big-endian number.
fn number(hash: &[u8]) -> u64 {
    hash.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (scheme, rest) = text.split_once(':')?;
            let scheme = match scheme {
                "slice" => Scheme::Slice,
                "hash" => Scheme::Hash,
                _ => return None,
            };
            let (part, parts) = rest.split_once('/')?;
            // Rust's parser also accepts a `+`.
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let (part, parts) =
                (digits(part) && digits(parts)).then(|| Some((part.parse().ok()?, parts.parse().ok()?)))??;
            (1..=parts).contains(&part).then_some(Self { scheme, part, parts })
        };
        parse().ok_or_else(|| "expected slice:I/N or hash:I/N with I from 1 to N, e.g. slice:1/4".into())
    }
}

impl TryFrom<String> for Partition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Partition> for String {
    fn from(partition: Partition) -> Self {
        partition.to_string()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Slice => "slice",
            Scheme::Hash => "hash",
        };
        write!(f, "{scheme}:{}/{}", self.part, self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_of_exactly_one_part() {
        for scheme in ["slice", "hash"] {
            let parts: Vec<Partition> = (1..=3).map(|part| format!("{scheme}:{part}/3").parse().unwrap()).collect();
            let mut sizes = [0; 3];
            for place in 0..300 {
                let name = format!("a::test_{place}");
                let of: Vec<usize> = (0..3).filter(|&part| parts[part].has(place, &name)).collect();
                assert_eq!(of.len(), 1, "{scheme} {name}: {of:?}");
                sizes[of[0]] += 1;
            }
            assert!(sizes.iter().all(|&size| size > 70), "{scheme}: {sizes:?}");
        }
        // The part is the same on other machines and in later versions.
        assert!("hash:1/7".parse::<Partition>().unwrap().has(0, "net::tcp::tests::timeouts"));
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in [
            "slice:0/2",
            "slice:3/2",
            "hash:1",
            "1/2",
            "slices:1/2",
            "slice:1/2/3",
            "slice:-1/2",
            "slice:+1/2",
            "slice:1/+2",
        ] {
            assert!(text.parse::<Partition>().is_err(), "{text}");
        }
        for text in ["slice:1/2", "hash:2/2"] {
            assert_eq!(text.parse::<Partition>().unwrap().to_string(), text);
        }
    }
}
