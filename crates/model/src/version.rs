//! Dotted version numbers, as tools print them.

use std::fmt;
use std::str::FromStr;

/// A version such as `11.1.3`: numbers separated by dots. Comparison is by number, and a missing number counts as 0.
#[derive(Debug, Clone, Eq)]
pub struct Version(Vec<u64>);

impl Version {
    /// The first version in `text` that has at least one dot, e.g. in the output of `--version`.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.contains('.'))
            .find_map(|word| word.parse().ok())
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.part(0)
    }

    fn part(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or(0)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split('.')
            .map(|part| {
                part.parse().map_err(|_| format!("`{text}` is not a version: expected numbers with dots, e.g. 11.1"))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let longest = self.0.len().max(other.0.len());
        (0..longest).map(|i| self.part(i)).cmp((0..longest).map(|i| other.part(i)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_number_by_number() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert!(v("7.2.22") < v("11.1"));
        assert!(v("11.1") < v("11.1.3"));
        assert_eq!(v("11.1"), v("11.1.0"));
        assert!("11.x".parse::<Version>().is_err());
    }

    #[test]
    fn is_found_in_what_a_tool_prints() {
        let found = |text| Version::find(text).map(|v| v.to_string());
        assert_eq!(found("qemu-s390x version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"), Some("7.2.22".into()));
        assert_eq!(found("Debian clang version 22.1.8 (1~deb12u1)"), Some("22.1.8".into()));
        assert_eq!(found("no version here"), None);
    }
}
