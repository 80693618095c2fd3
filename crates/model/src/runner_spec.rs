//! The runner that a user requests.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The runner of a target's programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RunnerSpec {
    /// QEMU user-mode emulation.
    Qemu {
        /// The emulator that the user named, or its folder; by default the host's.
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "lossy")]
        path: Option<PathBuf>,
    },
    /// The host itself, if its processor can run the target's programs.
    Native,
    /// Another machine, through ssh.
    Ssh {
        /// The machine's name for ssh.
        host: String,
        /// The configuration file that ssh reads instead of the user's.
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "lossy")]
        config: Option<PathBuf>,
    },
}

/// Replaces what is not UTF-8 in a path, because a report must be written in any case.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn lossy<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

impl RunnerSpec {
    /// The word for it in tables and file names: `qemu`, `native` or `ssh`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Qemu { .. } => "qemu",
            Self::Native => "native",
            Self::Ssh { .. } => "ssh",
        }
    }

    /// `--runner`, unless it is the default.
    pub fn choice(&self) -> Vec<String> {
        let runner = match self {
            Self::Qemu { .. } => return Vec::new(),
            Self::Native => self.word().to_owned(),
            Self::Ssh { host, .. } => format!("ssh:{host}"),
        };
        vec!["--runner".into(), runner]
    }

    /// The other options of the chosen runner: `--qemu`, `--ssh-config`.
    pub fn settings(&self) -> Vec<String> {
        let (option, path) = match self {
            Self::Qemu { path: Some(path) } => ("--qemu", path),
            Self::Ssh { config: Some(config), .. } => ("--ssh-config", config),
            _ => return Vec::new(),
        };
        vec![option.into(), path.to_string_lossy().into_owned()]
    }
}

impl Default for RunnerSpec {
    fn default() -> Self {
        Self::Qemu { path: None }
    }
}

impl FromStr for RunnerSpec {
    type Err = String;

    /// Parses the value of `--runner`: `qemu`, `native` or `ssh:HOST`.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("ssh:")) {
            ("qemu", _) => Ok(Self::default()),
            ("native", _) => Ok(Self::Native),
            // ssh would parse a name with a leading dash as an option.
            (_, Some(host)) if !host.is_empty() && !host.starts_with('-') => {
                Ok(Self::Ssh { host: host.into(), config: None })
            }
            _ => Err("expected qemu, native or ssh:HOST".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(config: Option<&str>) -> RunnerSpec {
        RunnerSpec::Ssh { host: "board".into(), config: config.map(Into::into) }
    }

    #[test]
    fn it_is_stored_as_documented_and_asked_for_again() {
        for (runner, json, arguments) in [
            (RunnerSpec::default(), r#"{"qemu":{}}"#, ""),
            (RunnerSpec::Qemu { path: Some("bin/q".into()) }, r#"{"qemu":{"path":"bin/q"}}"#, "--qemu bin/q"),
            (RunnerSpec::Native, r#""native""#, "--runner native"),
            (ssh(None), r#"{"ssh":{"host":"board"}}"#, "--runner ssh:board"),
            (ssh(Some("a b")), r#"{"ssh":{"host":"board","config":"a b"}}"#, "--runner ssh:board --ssh-config a b"),
        ] {
            assert_eq!(serde_json::to_string(&runner).unwrap(), json);
            assert_eq!(serde_json::from_str::<RunnerSpec>(json).unwrap(), runner);
            assert_eq!([runner.choice(), runner.settings()].concat().join(" "), arguments);
        }
        for wrong in [r#""qemu""#, r#""ssh""#, r#"{"ssh":{}}"#, r#"{"qemu":{"file":"x"}}"#, r#"{"native":{}}"#] {
            assert!(serde_json::from_str::<RunnerSpec>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_that_is_not_utf_8_does_not_keep_a_report_from_being_written() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"a\xff"));
        let json = serde_json::to_string(&RunnerSpec::Qemu { path: Some(path) }).unwrap();
        assert_eq!(json, "{\"qemu\":{\"path\":\"a\u{fffd}\"}}");
    }

    #[test]
    fn words_of_the_option() {
        assert_eq!("ssh:board".parse(), Ok(ssh(None)));
        for wrong in ["", "ssh", "ssh:", "ssh:-oProxyCommand=x", "Qemu"] {
            assert!(wrong.parse::<RunnerSpec>().is_err(), "{wrong}");
        }
    }
}
