//! The names of the test suites.

/// Each library suite with the package that holds its tests. `docs/rust.md` names the packages that are left out, and why.
pub const LIBRARY: [(&str, &str); 5] = [
    ("core", "coretests"),
    ("alloc", "alloctests"),
    ("std", "std"),
    // std's detection of the processor's features.
    ("std_detect", "std_detect"),
    // libtest, the harness of all suites.
    ("test", "test"),
];

/// A suite of rustc's own tests, from `tests/ui` in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ui {
    /// Tests that run a program of the target.
    Run,
    /// Tests that only compile.
    Compile,
}

impl Ui {
    /// Both suites; every test belongs to one of them.
    pub const ALL: [Self; 2] = [Self::Run, Self::Compile];

    /// The suite with this name; nothing if the name is not a ui suite.
    pub fn of(suite: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ui| ui.word() == suite)
    }

    /// The suite's name on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "ui",
            Self::Compile => "ui-compile",
        }
    }

    /// The suite that holds the other tests.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Run => Self::Compile,
            Self::Compile => Self::Run,
        }
    }
}

/// Names of the library suites, which run by default.
pub fn library() -> Vec<&'static str> {
    LIBRARY.iter().map(|(suite, _)| *suite).collect()
}

/// Names of all suites.
pub fn all() -> Vec<&'static str> {
    library().into_iter().chain(Ui::ALL.map(Ui::word)).collect()
}
