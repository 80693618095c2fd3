//! What tells std's libc that musl's `time_t` has 64 bits on every architecture. Versions of libc differ in it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::version::Version;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LibcSwitchFile {
    since: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    cfg: Vec<String>,
}

/// `[[std.libc]]`: how std is built with a version of the libc crate, up to the next entry's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibcSwitch {
    /// The first version of libc for which this holds.
    pub since: Version,
    /// Environment variables for its build script.
    pub env: BTreeMap<String, String>,
    /// Names for `--cfg`.
    pub cfg: Vec<String>,
}

/// Checks that each entry is for later versions than the one before.
pub(super) fn validate_switches(files: Vec<LibcSwitchFile>) -> Result<Vec<LibcSwitch>, String> {
    let mut switches: Vec<LibcSwitch> = Vec::new();
    for LibcSwitchFile { since, env, cfg } in files {
        let since: Version = since.parse().map_err(|error| format!("[[std.libc]] since: {error}"))?;
        if let Some(last) = switches.last().filter(|last| last.since >= since) {
            return Err(format!("[[std.libc]] {since} comes after {}: expected the oldest first", last.since));
        }
        switches.push(LibcSwitch { since, env, cfg });
    }
    Ok(switches)
}

/// The part of a Cargo.lock that counts here.
#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<LockedCrate>,
}

#[derive(Deserialize)]
struct LockedCrate {
    name: String,
    version: String,
}

impl LibcSwitch {
    /// The entry for a version of libc; nothing if it is older than all.
    pub fn of<'a>(all: &'a [Self], version: &Version) -> Option<&'a Self> {
        all.iter().rev().find(|switch| switch.since <= *version)
    }

    /// The entry for the libc in the text of a Cargo.lock; nothing if it has none.
    ///
    /// # Errors
    ///
    /// If the text is not a lock file, or the version is not numbers with dots.
    pub fn of_lock<'a>(all: &'a [Self], text: &str) -> Result<Option<&'a Self>, String> {
        let lock: LockFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let Some(libc) = lock.package.into_iter().find(|package| package.name == "libc") else { return Ok(None) };
        Ok(Self::of(all, &libc.version.parse().map_err(|error| format!("libc: {error}"))?))
    }

    /// Its flags for rustc.
    pub fn flags(&self) -> impl Iterator<Item = String> {
        self.cfg.iter().map(|cfg| format!("--cfg={cfg}"))
    }
}

impl std::fmt::Display for LibcSwitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.since)?;
        self.env.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))?;
        self.flags().try_for_each(|flag| write!(f, " {flag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LibcSwitch>, String> {
        #[derive(Deserialize)]
        struct File {
            libc: Vec<LibcSwitchFile>,
        }
        validate_switches(toml::from_str::<File>(text).unwrap().libc)
    }

    #[test]
    fn the_last_entry_that_is_not_newer_counts() {
        let all =
            read("[[libc]]\nsince = '0.2.183'\nenv = { A = '1' }\n[[libc]]\nsince = '0.2.187'\ncfg = ['b', 'c']\n");
        let all = all.unwrap();
        let of = |version: &str| LibcSwitch::of(&all, &version.parse().unwrap()).map(ToString::to_string);
        assert_eq!(of("0.2.182"), None);
        for version in ["0.2.183", "0.2.186"] {
            assert_eq!(of(version).as_deref(), Some("0.2.183: A=1"));
        }
        for version in ["0.2.187", "0.2.1000", "1.0"] {
            assert_eq!(of(version).as_deref(), Some("0.2.187: --cfg=b --cfg=c"));
        }
        let lock = "[[package]]\nname = 'libc'\nversion = '0.2.190'\n";
        assert_eq!(LibcSwitch::of_lock(&all, lock).unwrap(), Some(&all[1]));
        assert_eq!(LibcSwitch::of_lock(&all, &lock.replace("libc", "other")).unwrap(), None);
        assert!(
            LibcSwitch::of_lock(&all, &lock.replace("0.2.190", "1.0.0-alpha.1")).unwrap_err().starts_with("libc: ")
        );
        let error = read("[[libc]]\nsince = '0.2.9'\n[[libc]]\nsince = '0.2.9'\n").unwrap_err();
        assert_eq!(error, "[[std.libc]] 0.2.9 comes after 0.2.9: expected the oldest first");
        assert!(read("[[libc]]\nsince = 'new'\n").unwrap_err().starts_with("[[std.libc]] since: `new` is not"));
    }
}
