//! Limits of tests: the defaults in bringup.toml, and the overrides in limits.toml files.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The limits of a test program's process, together with its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Seconds for one test.
    pub test_seconds: u64,
    /// Seconds after which a test is reported as slow; it continues to run.
    pub slow_seconds: u64,
    /// Seconds for the process.
    pub program_seconds: u64,
    /// MiB of resident memory.
    pub memory_mib: u64,
    /// Processes at once.
    pub processes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// MiB of output.
    pub output_mib: u64,
    /// MiB of files in the process's private folders.
    pub disk_mib: u64,
}

impl Limits {
    /// Rejects limits that every test would exceed.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the first limit that is 0, or about a process limit below the limit of one test.
    pub fn check(mut self) -> Result<(), String> {
        let (program, test) = (self.program_seconds, self.test_seconds);
        match self.named().into_iter().find(|(_, value)| **value == 0) {
            Some((name, _)) => Err(format!("{name}: a limit of 0 would fail every test")),
            None if program < test => Err(format!("program-seconds: {program} is less than test-seconds, {test}")),
            None => Ok(()),
        }
    }

    /// The limits with their names in files.
    fn named(&mut self) -> [(&'static str, &mut u64); 8] {
        [
            ("test-seconds", &mut self.test_seconds),
            ("slow-seconds", &mut self.slow_seconds),
            ("program-seconds", &mut self.program_seconds),
            ("memory-mib", &mut self.memory_mib),
            ("processes", &mut self.processes),
            ("open-files", &mut self.open_files),
            ("output-mib", &mut self.output_mib),
            ("disk-mib", &mut self.disk_mib),
        ]
    }
}

/// A limits.toml as parsed, before validation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverridesFile {
    #[serde(default)]
    limit: Vec<OverrideFile>,
}

#[derive(Debug, Clone, Deserialize)]
struct OverrideFile {
    suite: String,
    test: String,
    reason: String,
    /// The limits by name.
    #[serde(flatten)]
    limits: BTreeMap<String, u64>,
}

/// A validated limits.toml.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<Override>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Override {
    suite: String,
    /// The test's name, without the `*` of a wildcard.
    name: String,
    wildcard: bool,
    limits: BTreeMap<String, u64>,
}

impl OverridesFile {
    /// Checks the rules that serde cannot express. `suites` are the known suites, and `defaults` the limits without overrides.
    ///
    /// # Errors
    ///
    /// Returns one sentence, without the file's name, and sometimes a hint, about the first override that breaks a rule.
    pub fn validate(self, suites: &[&str], defaults: Limits) -> Result<Overrides, String> {
        let mut overrides: Vec<Override> = Vec::new();
        for file in self.limit {
            let title = format!("[[limit]] {} {}", file.suite, file.test);
            let checked = file.validate(suites, defaults).map_err(|error| format!("{title}: {error}"))?;
            let same = |other: &Override| {
                (&other.suite, &other.name, other.wildcard) == (&checked.suite, &checked.name, checked.wildcard)
            };
            if overrides.iter().any(same) {
                return Err(format!("{title}: appears twice"));
            }
            overrides.push(checked);
        }
        // Later overrides win, so longer names come later and the exact name comes last.
        overrides.sort_by_key(|entry| (!entry.wildcard, entry.name.len()));
        Ok(Overrides(overrides))
    }
}

impl OverrideFile {
    fn validate(self, suites: &[&str], defaults: Limits) -> Result<Override, String> {
        if !suites.contains(&self.suite.as_str()) {
            return Err(format!("unknown suite `{}`\nhint: the suites are {}", self.suite, suites.join(", ")));
        }
        let (name, wildcard) = self.test.strip_suffix('*').map_or((&*self.test, false), |name| (name, true));
        if name.contains('*') {
            return Err("a `*` is only allowed at the end of `test`".into());
        }
        if self.test.is_empty() {
            return Err("`test` is empty\nhint: `*` means every test of the suite".into());
        }
        if self.reason.trim().is_empty() {
            return Err("`reason` is empty\nhint: say why the defaults do not fit".into());
        }
        let mut limits = defaults;
        let known = limits.named().map(|(name, _)| name);
        if let Some(unknown) = self.limits.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown key `{unknown}`\nhint: the limits are {}", known.join(", ")));
        }
        if self.limits.is_empty() {
            return Err(format!("the limit is missing\nhint: the limits are {}", known.join(", ")));
        }
        let checked = Override { suite: self.suite, name: name.to_owned(), wildcard, limits: self.limits };
        checked.apply(&mut limits);
        limits.check()?;
        Ok(checked)
    }
}

impl Override {
    fn matches(&self, suite: &str, test: &str) -> bool {
        self.suite == suite && if self.wildcard { test.starts_with(&self.name) } else { test == self.name }
    }

    fn apply(&self, limits: &mut Limits) {
        for (name, limit) in limits.named() {
            *limit = self.limits.get(name).copied().unwrap_or(*limit);
        }
    }
}

/// The limits of every test of a target.
#[derive(Debug, Clone)]
pub struct LimitTable {
    defaults: Limits,
    /// Later overrides win.
    overrides: Vec<Override>,
}

impl LimitTable {
    /// The limits from the defaults and these files. Later files win.
    pub fn new(defaults: Limits, files: impl IntoIterator<Item = Overrides>) -> Self {
        Self { defaults, overrides: files.into_iter().flat_map(|file| file.0).collect() }
    }

    /// The limits of the test with this name in the suite.
    pub fn for_test(&self, suite: &str, test: &str) -> Limits {
        let mut limits = self.defaults;
        self.overrides.iter().filter(|entry| entry.matches(suite, test)).for_each(|entry| entry.apply(&mut limits));
        limits
    }

    /// Everything that decides the limits of a suite's tests, as text. Equal texts mean equal limits.
    pub fn inputs(&self, suite: &str) -> Vec<String> {
        let of_suite = self.overrides.iter().filter(|entry| entry.suite == suite);
        let overrides =
            of_suite.map(|entry| format!("{}{} {:?}", entry.name, if entry.wildcard { "*" } else { "" }, entry.limits));
        std::iter::once(format!("{:?}", self.defaults)).chain(overrides).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Limits = Limits {
        test_seconds: 10,
        slow_seconds: 5,
        program_seconds: 60,
        memory_mib: 100,
        processes: 20,
        open_files: 30,
        output_mib: 2,
        disk_mib: 3,
    };

    fn parse(text: &str) -> Result<Overrides, String> {
        let file: OverridesFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        file.validate(&["core", "std"], DEFAULTS)
    }

    fn entry(test: &str, rest: &str) -> String {
        format!("[[limit]]\nsuite = \"std\"\ntest = \"{test}\"\nreason = \"why\"\n{rest}\n")
    }

    #[test]
    fn the_nearest_entry_of_the_latest_file_holds() {
        let first = [
            entry("fs::big", "memory-mib = 4"),
            entry("fs::*", "memory-mib = 3\nprocesses = 3"),
            entry("*", "memory-mib = 2\nprocesses = 2\ndisk-mib = 2"),
        ];
        let first = parse(&first.concat()).unwrap();
        let second = parse(&entry("fs::*", "memory-mib = 7")).unwrap();
        let table = LimitTable::new(DEFAULTS, [first.clone()]);
        assert_eq!(table.for_test("core", "fs::big"), DEFAULTS);
        let own = |memory_mib, processes| Limits { memory_mib, processes, disk_mib: 2, ..DEFAULTS };
        assert_eq!(table.for_test("std", "fs::big"), own(4, 3));
        assert_eq!(table.for_test("std", "fs::bigger"), own(3, 3));
        assert_eq!(table.for_test("std", "net::a"), own(2, 2));
        let both = LimitTable::new(DEFAULTS, [first, second]);
        assert_eq!(both.for_test("std", "fs::big"), own(7, 3));
        assert_eq!(table.inputs("core"), both.inputs("core"));
        assert_ne!(table.inputs("std"), both.inputs("std"));
    }

    #[test]
    fn faults_are_told() {
        let twice = entry("a", "processes = 1").repeat(2);
        for (text, error) in [
            (twice.as_str(), "[[limit]] std a: appears twice"),
            (&entry("a", ""), "[[limit]] std a: the limit is missing\nhint: the limits are test-seconds, slow-seconds"),
            (&entry("a", "memory-mb = 1"), "unknown key `memory-mb`"),
            (&entry("a", "processes = 0"), "processes: a limit of 0 would fail every test"),
            (&entry("a", "program-seconds = 9"), "program-seconds: 9 is less than test-seconds, 10"),
            (&entry("a", "test-seconds = 61"), "program-seconds: 60 is less than test-seconds, 61"),
            (&entry("a", "processes = -1"), "invalid value: integer `-1`, expected u64"),
            (&entry("a*b", "processes = 1"), "a `*` is only allowed at the end of `test`"),
            (&entry("", "processes = 1"), "`test` is empty"),
            (&entry("a", "processes = 1").replace("why", " "), "`reason` is empty"),
            (&entry("a", "processes = 1").replace("reason = \"why\"", ""), "missing field `reason`"),
            (&entry("a", "processes = 1").replace("std", "stb"), "unknown suite `stb`\nhint: the suites are core, std"),
            ("[limits]\na = 1", "unknown field `limits`"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(error), "{told}");
        }
    }
}
