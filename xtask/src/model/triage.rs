//! Triage: whose fault a failure is, by what the test does under controls.
//!
//! A control is the test run with one thing changed. What may be changed is tried from the cheap to the dear, and
//! [`judge`] says what follows from the rows so far.

mod sentence;
#[cfg(test)]
mod tests;

use std::fmt;

use super::link::Link;
use super::outcome::{Outcome, Tries};
use super::version::Version;

/// Where and how a test runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The target's name.
    pub target: String,
    /// Its word size: 32 or 64.
    pub class: u8,
    /// Its byte order.
    pub big_endian: bool,
    /// The emulator's version; none natively.
    pub emulator: Option<Version>,
    /// How the program is linked.
    pub link: Link,
    /// std's and the program's opt-level, where it is not the usual one.
    pub opt_level: Option<String>,
    /// What the sandbox does not give: `binfmt_misc`, `network of its own`.
    pub lacking: Vec<String>,
}

/// What a row of the table is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// As in the run, alone and single-threaded.
    Alone,
    /// The same again, several times.
    Repeated,
    /// Many copies at once.
    Load,
    /// With other isolation.
    Isolation,
    /// Another version of the emulator.
    Emulator,
    /// The target that this machine runs, natively.
    Native,
    /// The same target under the emulator.
    Emulated,
    /// The other link mode.
    Link,
    /// A target of the same word size and byte order.
    SameKind,
    /// A target of the other byte order.
    OtherOrder,
    /// A target of the other word size.
    OtherWord,
    /// std and the test built at another opt-level.
    OptLevel,
}

impl Control {
    /// In a few words, for the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Repeated => "again",
            Self::Load => "under load",
            Self::Isolation => "isolation",
            Self::Emulator => "other emulator",
            Self::Native => "natively",
            Self::Emulated => "same, emulated",
            Self::Link => "other link mode",
            Self::SameKind => "same kind of target",
            Self::OtherOrder => "other byte order",
            Self::OtherWord => "other word size",
            Self::OptLevel => "other opt-level",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is there for.
    pub control: Control,
    /// Where the test ran; nothing where that was not settled before the control was found not to be had.
    pub setting: Option<Setting>,
    /// What came of it.
    pub seen: Seen,
    /// Seconds that it took, building included.
    pub wall_s: f64,
}

/// What came of a control.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The test ran.
    Ran {
        /// How often, and how often it failed.
        tries: Tries,
        /// Its outcome; that of the first failure, if there was one.
        outcome: Outcome,
        /// Why, for a failure, where known.
        reason: Option<String>,
    },
    /// The control could not be had, and why.
    NotHad(String),
}

/// Where a failure belongs among architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To all of them.
    Everywhere,
    /// To those of this word size.
    WordSize,
    /// To those of this byte order.
    ByteOrder,
    /// To this one.
    Architecture,
}

/// Whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It comes and goes by itself.
    Flaky,
    /// It comes with load.
    Load,
    /// The sandbox lacks something, or has something too much.
    Isolation,
    /// The emulator's.
    Emulator,
    /// This machine's: it fails natively only.
    Host,
    /// The compiler's, at this opt-level.
    CodeGeneration,
    /// It belongs to one link mode, and to one of these scopes.
    Link(Vec<Scope>),
    /// It belongs to this scope.
    Scope(Scope),
    /// One of these scopes; none if nothing fits.
    Undecided(Vec<Scope>),
    /// It does not fail here, in whatever way it was tried.
    NotSeen,
    /// It could not be run as in the run.
    NotRun,
}

impl Verdict {
    /// Whether dearer controls would add nothing.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Undecided(_) | Self::Scope(Scope::Architecture) => false,
            Self::Link(scopes) => scopes.len() == 1,
            _ => true,
        }
    }
}

/// A verdict and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose fault it is.
    pub verdict: Verdict,
    /// That in one sentence, with what it rests on.
    pub sentence: String,
}

impl Row {
    fn tries(&self) -> Option<Tries> {
        match &self.seen {
            Seen::Ran { tries, .. } => Some(*tries),
            Seen::NotHad(_) => None,
        }
    }

    fn fails(&self) -> bool {
        self.tries().is_some_and(|tries| tries.failures == tries.runs)
    }

    fn passes(&self) -> bool {
        self.tries().is_some_and(|tries| tries.failures == 0)
    }
}

/// What follows from these rows for `test`, which is named as the sentence is to name it.
pub fn judge(test: &str, rows: &[Row]) -> Finding {
    let alone = rows.iter().find(|row| row.control == Control::Alone);
    let Some((base, Some(alone))) = alone.map(|row| (row, row.setting.as_ref())) else {
        let sentence = format!("not run: {test} could not be run as in the run.");
        return Finding { verdict: Verdict::NotRun, sentence };
    };
    if let Seen::NotHad(why) = &base.seen {
        let sentence = format!("not run: {test} could not be run as in the run: {why}.");
        return Finding { verdict: Verdict::NotRun, sentence };
    }
    let case = Case { rows, base: alone };
    let verdict = case.verdict();
    let sentence = format!("{}: {test} {}.", case.head(&verdict), case.evidence(&verdict));
    Finding { verdict, sentence }
}

/// The rows, seen from the failing setting.
struct Case<'a> {
    rows: &'a [Row],
    base: &'a Setting,
}

impl<'a> Case<'a> {
    fn verdict(&self) -> Verdict {
        let rate = self.rate();
        if rate.differ() {
            return Verdict::Flaky;
        }
        if rate.failures == 0 {
            let loaded = self.of(Control::Load).any(|(row, _)| !row.passes());
            return if loaded { Verdict::Load } else { Verdict::NotSeen };
        }
        if self.isolation().is_some() {
            return Verdict::Isolation;
        }
        let same_program = |at: &&Setting| self.differs(at) == [Difference::Runner];
        if self.passing().any(|at| same_program(&at)) {
            // Natively it fails, under an emulator it does not.
            return if self.base.emulator.is_some() { Verdict::Emulator } else { Verdict::Host };
        }
        if self.base.emulator.is_some() && self.emulation_is_to_blame() {
            return Verdict::Emulator;
        }
        if self.passing().any(|at| self.differs(at) == [Difference::OptLevel]) {
            return Verdict::CodeGeneration;
        }
        let scopes = self.scopes();
        if self.passing().any(|at| self.differs(at) == [Difference::Link]) {
            return Verdict::Link(scopes);
        }
        match scopes[..] {
            [scope] => Verdict::Scope(scope),
            _ => Verdict::Undecided(scopes),
        }
    }

    /// How often the test failed where nothing was changed.
    fn rate(&self) -> Tries {
        let unchanged = self.rows.iter().filter(|row| matches!(row.control, Control::Alone | Control::Repeated));
        let add =
            |sum: Tries, more: Tries| Tries { runs: sum.runs + more.runs, failures: sum.failures + more.failures };
        unchanged.filter_map(Row::tries).fold(Tries { runs: 0, failures: 0 }, add)
    }

    fn of(&self, control: Control) -> impl Iterator<Item = (&'a Row, &'a Setting)> {
        self.ran().filter(move |(row, _)| row.control == control)
    }

    fn ran(&self) -> impl Iterator<Item = (&'a Row, &'a Setting)> {
        self.rows.iter().filter_map(|row| row.tries().and(row.setting.as_ref()).map(|setting| (row, setting)))
    }

    /// Where the test was seen to pass, and something was changed.
    fn passing(&self) -> impl Iterator<Item = &'a Setting> {
        let changed = |at: &Setting| at != self.base;
        self.ran().filter(|(row, _)| row.passes()).map(|(_, at)| at).filter(move |at| changed(at))
    }

    fn failing(&self) -> impl Iterator<Item = &'a Setting> {
        let changed = |at: &Setting| at != self.base;
        self.ran().filter(|(row, _)| row.fails()).map(|(_, at)| at).filter(move |at| changed(at))
    }

    fn differs(&self, other: &Setting) -> Vec<Difference> {
        let base = self.base;
        let all = [
            (Difference::Target, base.target != other.target),
            (Difference::Runner, base.emulator != other.emulator),
            (Difference::Link, base.link != other.link),
            (Difference::OptLevel, base.opt_level != other.opt_level),
            (Difference::Isolation, base.lacking != other.lacking),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(difference, _)| difference).collect()
    }

    /// What the program needs of the sandbox and lacks, or has and should lack.
    fn isolation(&self) -> Option<(&'static str, Vec<&'a str>)> {
        let less = |of: &'a Setting, than: &Setting| {
            let names = of.lacking.iter().filter(|name| !than.lacking.contains(name));
            names.map(String::as_str).collect::<Vec<_>>()
        };
        // Another runner gives other isolation, and is no control if it takes some away.
        let mended = self.passing().filter(|at| {
            let differs = self.differs(at);
            let program = [Difference::Target, Difference::Link, Difference::OptLevel];
            let same_program = !program.iter().any(|difference| differs.contains(difference));
            same_program && differs.contains(&Difference::Isolation) && less(at, self.base).is_empty()
        });
        if let Some(at) = mended.min_by_key(|at| less(self.base, at).len()) {
            // What was given and did not help was not missing.
            let vain = self.failing().filter(|at| self.differs(at) == [Difference::Isolation]);
            let vain: Vec<&str> = vain.flat_map(|at| less(self.base, at)).collect();
            let missing = less(self.base, at).into_iter().filter(|name| !vain.contains(name)).collect();
            return Some(("missing", missing));
        }
        let worse = self.passing().find(|at| self.differs(at) == [Difference::Isolation])?;
        Some(("in the way", less(worse, self.base)))
    }

    /// Whether some target passes natively what it fails under the same emulator.
    fn emulation_is_to_blame(&self) -> bool {
        let native = self.of(Control::Native).filter(|(row, _)| row.passes());
        let emulated = |native: &Setting| {
            let same =
                |at: &Setting| Setting { emulator: None, ..at.clone() } == *native && at.emulator == self.base.emulator;
            self.of(Control::Emulated).any(|(row, at)| row.fails() && same(at))
        };
        native.into_iter().any(|(_, at)| emulated(at))
    }

    /// Other targets on which just the architecture is changed, and whether the test fails there.
    fn others(&self) -> Vec<(&'a Setting, bool)> {
        let comparable = |at: &Setting| {
            let differs = self.differs(at);
            let program = [Difference::Link, Difference::OptLevel].iter().any(|d| differs.contains(d));
            differs.contains(&Difference::Target) && !program
        };
        let lacks_more = |at: &Setting| at.lacking.iter().any(|name| !self.base.lacking.contains(name));
        let told = |(row, at): (&Row, &'a Setting)| {
            let says = if row.passes() { Some(false) } else { row.fails().then_some(true) };
            // What fails for want of something else says nothing.
            says.filter(|fails| !(*fails && lacks_more(at))).map(|fails| (at, fails))
        };
        self.ran().filter(|(_, at)| comparable(at)).filter_map(told).collect()
    }

    /// The scopes that agree with what other targets did.
    fn scopes(&self) -> Vec<Scope> {
        let others = self.others();
        let all = [Scope::Everywhere, Scope::WordSize, Scope::ByteOrder, Scope::Architecture];
        let agrees =
            |scope: &Scope| others.iter().all(|(at, fails)| self.expects(*scope, at.class, at.big_endian) == *fails);
        all.into_iter().filter(agrees).collect()
    }

    /// Whether a target of this kind should fail, if `scope` is where the failure belongs.
    fn expects(&self, scope: Scope, class: u8, big_endian: bool) -> bool {
        match scope {
            Scope::Everywhere => true,
            Scope::WordSize => class == self.base.class,
            Scope::ByteOrder => big_endian == self.base.big_endian,
            Scope::Architecture => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    Target,
    Runner,
    Link,
    OptLevel,
    Isolation,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHad(why) => write!(f, "not had: {why}"),
            Self::Ran { tries, outcome, reason } => {
                f.write_str(outcome.word())?;
                if tries.runs > 1 {
                    let count = if tries.failures == 0 { tries.runs } else { tries.failures };
                    write!(f, ", {count} of {} runs", tries.runs)?;
                }
                match reason.as_deref().and_then(|reason| reason.lines().next()) {
                    Some(reason) => write!(f, " ({reason})"),
                    None => Ok(()),
                }
            }
        }
    }
}
