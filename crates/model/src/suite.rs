//! The suites that there are.

/// Each suite of the library and the package whose tests it is.
pub const LIBRARY: [(&str, &str); 3] = [("core", "coretests"), ("alloc", "alloctests"), ("std", "std")];

/// A suite of rustc's own tests, those in `tests/ui` of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ui {
    /// The tests that run a program of the target.
    Run,
    /// Those that only compile.
    Compile,
}

impl Ui {
    /// Both; every test is of one of them.
    pub const ALL: [Self; 2] = [Self::Run, Self::Compile];

    /// The suite of this name, if it is one of these.
    pub fn of(suite: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ui| ui.word() == suite)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "ui",
            Self::Compile => "ui-compile",
        }
    }

    /// The one that has the other tests.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Run => Self::Compile,
            Self::Compile => Self::Run,
        }
    }
}

/// Names of the library's suites: those that run where none is named.
pub fn library() -> Vec<&'static str> {
    LIBRARY.iter().map(|(suite, _)| *suite).collect()
}

/// Names of all suites.
pub fn all() -> Vec<&'static str> {
    library().into_iter().chain(Ui::ALL.map(Ui::word)).collect()
}
