//! What a command ran of each target, so that another command can repeat it.

use serde::{Deserialize, Serialize};

use crate::partition::Partition;
use crate::suite::{self, Ui};

/// What to run of every target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestSelection {
    /// Whether to run the smoke checks.
    pub smoke: bool,
    /// Whether to run the C corpus alone. It requires no toolchain for Rust or C++.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corpus: bool,
    /// Crates from the registry to test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crates: Vec<String>,
    /// Suites to run, in order.
    pub suites: Vec<String>,
    /// Run only tests whose name contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Run only this part of the tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Number of tests that run at once in one process.
    pub threads: usize,
    /// Number of times that every test runs; nothing for a usual run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stress: Option<usize>,
    /// Whether to ignore recorded results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rerun: bool,
}

impl TestSelection {
    /// Whether every test of a suite runs, once. Only then are outcomes recorded or taken from a record.
    pub fn is_whole(&self) -> bool {
        self.filter.is_none() && self.partition.is_none() && self.stress.is_none()
    }

    /// Whether some suite has rustc's own tests.
    pub fn has_ui(&self) -> bool {
        self.suites.iter().any(|suite| Ui::of(suite).is_some())
    }

    /// The verb that runs this.
    pub fn verb(&self) -> &'static str {
        match (self.smoke || self.corpus || !self.crates.is_empty(), self.suites.is_empty()) {
            (true, true) => "smoke",
            (true, false) => "bringup",
            (false, _) => "test",
        }
    }

    /// `--corpus` or `--crates`, or `--suite` unless the suites are the default.
    pub fn suite_option(&self) -> Vec<String> {
        if self.corpus {
            return vec!["--corpus".into()];
        }
        if !self.crates.is_empty() {
            return vec!["--crates".into(), self.crates.join(",")];
        }
        let default = self.suites.is_empty() || self.suites == suite::library();
        if default { Vec::new() } else { vec!["--suite".into(), self.suites.join(",")] }
    }

    /// The options that select the tests within the suites.
    pub fn test_options(&self) -> Vec<String> {
        let filter = self.filter.iter().flat_map(|filter| ["--filter".to_owned(), filter.clone()]);
        let partition = self.partition.iter().flat_map(|part| ["--partition".to_owned(), part.to_string()]);
        filter.chain(partition).collect()
    }

    /// The options that say how often the tests run, and beside what.
    pub fn manner_options(&self) -> Vec<String> {
        let threads = (self.threads != 1).then(|| ["--test-threads".to_owned(), self.threads.to_string()]);
        let stress = self.stress.map(|times| ["--stress".to_owned(), times.to_string()]);
        threads.into_iter().chain(stress).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stored_as_documented_and_asked_for_again() {
        let whole = TestSelection {
            smoke: true,
            corpus: false,
            crates: Vec::new(),
            suites: suite::library().into_iter().map(str::to_owned).collect(),
            filter: None,
            partition: None,
            threads: 1,
            stress: None,
            rerun: false,
        };
        let part = TestSelection {
            smoke: false,
            corpus: false,
            crates: Vec::new(),
            suites: vec!["std".into()],
            filter: Some("net::".into()),
            partition: Some("slice:2/4".parse().unwrap()),
            threads: 2,
            stress: Some(5),
            rerun: true,
        };
        let none = TestSelection { suites: Vec::new(), ..whole.clone() };
        let corpus = TestSelection { smoke: false, corpus: true, ..none.clone() };
        let crates = TestSelection { smoke: false, crates: vec!["a".into(), "b".into()], ..none.clone() };
        for (selection, json, verb, options) in [
            (
                &whole,
                r#"{"smoke":true,"suites":["core","alloc","std","std_detect","test"],"threads":1}"#,
                "bringup",
                "",
            ),
            (
                &part,
                r#"{"smoke":false,"suites":["std"],"filter":"net::","partition":"slice:2/4","threads":2,"stress":5,"rerun":true}"#,
                "test",
                "--suite std --filter net:: --partition slice:2/4 --test-threads 2 --stress 5",
            ),
            (&none, r#"{"smoke":true,"suites":[],"threads":1}"#, "smoke", ""),
            (&corpus, r#"{"smoke":false,"corpus":true,"suites":[],"threads":1}"#, "smoke", "--corpus"),
            (&crates, r#"{"smoke":false,"crates":["a","b"],"suites":[],"threads":1}"#, "smoke", "--crates a,b"),
        ] {
            assert_eq!(serde_json::to_string(selection).unwrap(), json);
            assert_eq!(serde_json::from_str::<TestSelection>(json).unwrap(), *selection);
            assert_eq!(selection.verb(), verb);
            let all = [selection.suite_option(), selection.test_options(), selection.manner_options()].concat();
            assert_eq!(all.join(" "), options);
        }
    }
}
