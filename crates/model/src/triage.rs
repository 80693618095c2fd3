//! Triage: finds the cause of a failure from the test's results under controls.
//!
//! A control is a run of the test with one change. Cheap controls run first, and [`judge`] derives a diagnosis from the
//! results so far.

mod manner;
mod row;
mod sentence;
#[cfg(test)]
mod tests;

pub use self::manner::Manner;
pub use self::row::{Control, ControlResult, ControlRow, EmulatorBuild, Setting};
pub use self::sentence::counted_patches;
use super::outcome::Tries;

/// The architectures that share a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All architectures.
    Everywhere,
    /// Architectures with this word size.
    WordSize,
    /// Architectures with this byte order.
    ByteOrder,
    /// Only this architecture.
    Architecture,
}

/// The cause of a failure, as far as the controls show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// The test sometimes fails without any change.
    Flaky,
    /// The test fails only under load.
    Load,
    /// The test depends on the tests that run before it in the same process.
    Company,
    /// The sandbox lacks a feature that the test requires, or has one that disturbs the test.
    Isolation,
    /// The emulator.
    Emulator,
    /// The emulator, or a feature that the sandbox cannot provide under the emulator.
    EmulatorOrIsolation,
    /// This machine: the test fails only natively.
    Host,
    /// Our own patches: these, of which one or more are to blame.
    Patches(Vec<String>),
    /// The compiler's code generation at this opt-level.
    CodeGeneration,
    /// One link mode, in one of these scopes.
    Link(Vec<Scope>),
    /// Something that the architectures of this scope share.
    Scope(Scope),
    /// One of these scopes; empty if no scope agrees with the results.
    Undecided(Vec<Scope>),
    /// The test did not fail again under any control.
    NotSeen,
    /// The test could not run as in the failing run.
    NotRun,
}

impl Diagnosis {
    /// Whether our patches can still be the cause, as far as the other controls show.
    pub fn may_be_patches(&self) -> bool {
        matches!(self, Self::Undecided(_) | Self::Scope(_) | Self::Link(_))
    }

    /// Whether the generated code can still be the cause. A wrong optimization hardly fails alike on all machines.
    pub fn may_be_code(&self) -> bool {
        match self {
            Self::Undecided(_) => true,
            Self::Scope(scope) => *scope != Scope::Everywhere,
            Self::Link(scopes) => scopes.len() != 1,
            _ => false,
        }
    }
}

/// A diagnosis and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The cause of the failure.
    pub diagnosis: Diagnosis,
    /// The diagnosis and its evidence in one sentence.
    pub sentence: String,
}

/// Word size and byte order of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataLayout {
    /// The word size in bits: 32 or 64.
    pub class: u8,
    /// Whether the byte order is big-endian.
    pub big_endian: bool,
}

/// Derives a finding from the results in `rows`. `test` is the subject of the sentence, and `layouts` are the layouts of the
/// other targets.
pub fn judge(test: &str, rows: &[ControlRow], layouts: &[DataLayout]) -> Finding {
    let alone = rows.iter().find(|row| row.control == Control::Alone);
    let Some((base, Some(alone))) = alone.map(|row| (row, row.setting.as_ref())) else {
        let sentence = format!("not run: {test} could not run as in the failing run.");
        return Finding { diagnosis: Diagnosis::NotRun, sentence };
    };
    if let ControlResult::Unavailable(why) = &base.result {
        let sentence = format!("not run: {test} could not run as in the failing run: {why}.");
        return Finding { diagnosis: Diagnosis::NotRun, sentence };
    }
    let analysis = Analysis { rows, base: alone, layouts };
    let diagnosis = analysis.diagnosis();
    let sentence = format!("{}: {test} {}.", analysis.head(&diagnosis), analysis.evidence(&diagnosis));
    Finding { diagnosis, sentence }
}

/// Whether the test fails in a row as without a change, or passes; nothing if it does neither.
pub fn compare(rows: &[ControlRow], row: &ControlRow) -> Option<bool> {
    let base = rows.iter().find(|row| row.control == Control::Alone)?.setting.as_ref()?;
    let analysis = Analysis { rows, base, layouts: &[] };
    if row.passes() { Some(false) } else { analysis.alike(row).then_some(true) }
}

/// The results of the controls, compared with the failing setting.
struct Analysis<'a> {
    rows: &'a [ControlRow],
    base: &'a Setting,
    layouts: &'a [DataLayout],
}

impl<'a> Analysis<'a> {
    fn diagnosis(&self) -> Diagnosis {
        let rate = self.rate();
        if rate.differ() {
            return Diagnosis::Flaky;
        }
        if self.of(Control::Company).any(|(row, _)| if rate.failures == 0 { row.fails() } else { row.passes() }) {
            return Diagnosis::Company;
        }
        if rate.failures == 0 {
            let loaded = self.of(Control::Load).any(|(row, _)| !row.passes());
            return if loaded { Diagnosis::Load } else { Diagnosis::NotSeen };
        }
        if self.isolation().is_some() {
            return Diagnosis::Isolation;
        }
        let emulated = self.base.emulator.is_some();
        let just_runner = |at: &Setting| self.same_program(at) && self.differs(at).contains(&Difference::Runner);
        if self.passing().any(|at| just_runner(at) && self.missing(at).is_empty()) {
            // Without an emulator, the test fails natively and passes under an emulator.
            return if emulated { Diagnosis::Emulator } else { Diagnosis::Host };
        }
        if self.passing().any(just_runner) {
            return Diagnosis::EmulatorOrIsolation;
        }
        if let Some(native) = self.emulation_to_blame() {
            return if self.missing(native).is_empty() { Diagnosis::Emulator } else { Diagnosis::EmulatorOrIsolation };
        }
        let patches = self.patches();
        if !patches.is_empty() {
            return Diagnosis::Patches(patches);
        }
        if self.passing().any(|at| self.differs(at) == [Difference::OptLevel]) {
            return Diagnosis::CodeGeneration;
        }
        let scopes = self.scopes();
        if self.passing().any(|at| self.differs(at) == [Difference::Link]) {
            return Diagnosis::Link(scopes);
        }
        match scopes[..] {
            [scope] => Diagnosis::Scope(scope),
            _ => Diagnosis::Undecided(scopes),
        }
    }

    /// How often the test failed without a change.
    fn rate(&self) -> Tries {
        let add =
            |sum: Tries, more: Tries| Tries { runs: sum.runs + more.runs, failures: sum.failures + more.failures };
        self.unchanged().filter_map(ControlRow::tries).fold(Tries { runs: 0, failures: 0 }, add)
    }

    fn of(&self, control: Control) -> impl Iterator<Item = (&'a ControlRow, &'a Setting)> {
        self.ran().filter(move |(row, _)| row.control == control)
    }

    fn ran(&self) -> impl Iterator<Item = (&'a ControlRow, &'a Setting)> {
        self.rows.iter().filter_map(|row| row.tries().and(row.setting.as_ref()).map(|setting| (row, setting)))
    }

    /// The changed settings in which the test passes.
    fn passing(&self) -> impl Iterator<Item = &'a Setting> {
        let changed = |at: &Setting| at != self.base;
        self.ran().filter(|(row, _)| row.passes()).map(|(_, at)| at).filter(move |at| changed(at))
    }

    /// The changed settings in which the test always fails with the same outcome.
    fn failing(&self) -> impl Iterator<Item = &'a Setting> {
        let changed = |at: &Setting| at != self.base;
        self.ran().filter(|(row, _)| self.alike(row)).map(|(_, at)| at).filter(move |at| changed(at))
    }

    /// Whether the test always fails, each time in a manner of the failing setting. Failures in other manners may have
    /// other causes.
    fn alike(&self, row: &ControlRow) -> bool {
        let known = |manner: &Manner| self.unchanged().flat_map(ControlRow::manners).any(|ours| manner.is_alike(ours));
        row.fails() && row.manners().iter().all(known)
    }

    /// The rows without a change.
    fn unchanged(&self) -> impl Iterator<Item = &'a ControlRow> {
        self.rows.iter().filter(|row| matches!(row.control, Control::Alone | Control::Repeated))
    }

    fn same_program(&self, at: &Setting) -> bool {
        let differs = self.differs(at);
        ![Difference::Target, Difference::Link, Difference::OptLevel, Difference::Patches]
            .iter()
            .any(|program| differs.contains(program))
    }

    fn differs(&self, other: &Setting) -> Vec<Difference> {
        let base = self.base;
        let all = [
            (Difference::Target, base.target != other.target),
            (Difference::Runner, base.emulator != other.emulator),
            (Difference::Link, base.link != other.link),
            (Difference::OptLevel, base.opt_level != other.opt_level),
            (Difference::Isolation, base.lacking != other.lacking),
            (Difference::Patches, base.without != other.without),
            (Difference::Company, base.company != other.company),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(difference, _)| difference).collect()
    }

    /// The sandbox features that make the test pass if only the isolation changes: `missing` ones, or ones `in the way`.
    fn isolation(&self) -> Option<(&'static str, Vec<&'a str>)> {
        let other = |at: &&Setting| self.differs(at) == [Difference::Isolation];
        let more = self.passing().filter(other).filter(|at| at.lacks_beside(self.base).is_empty());
        if let Some(at) = more.min_by_key(|at| self.base.lacks_beside(at).len()) {
            return Some(("missing", self.missing(at)));
        }
        let worse = self.passing().find(other)?;
        Some(("in the way", worse.lacks_beside(self.base)))
    }

    /// The features that only the failing setting lacks, except those that did not help when they were added alone.
    fn missing(&self, at: &Setting) -> Vec<&'a str> {
        let useless = self.failing().filter(|at| self.differs(at) == [Difference::Isolation]);
        let useless: Vec<&str> = useless.flat_map(|at| self.base.lacks_beside(at)).collect();
        self.base.lacks_beside(at).into_iter().filter(|name| !useless.contains(name)).collect()
    }

    /// The native setting of a target on which the test passes, and under the same emulator fails in the same manner.
    fn emulation_to_blame(&self) -> Option<&'a Setting> {
        self.base.emulator.as_ref()?;
        let emulated = |native: &Setting| {
            self.of(Control::Emulated).any(|(row, at)| {
                let same = (&at.target, at.link, &at.opt_level) == (&native.target, native.link, &native.opt_level);
                same && at.emulator == self.base.emulator && self.alike(row)
            })
        };
        self.of(Control::Native).filter(|(row, _)| row.passes()).map(|(_, at)| at).find(|at| emulated(at))
    }

    /// Whether the test fails in the same manner without an emulator, which then is not the cause.
    fn fails_natively(&self, target: &str) -> bool {
        self.failing().any(|at| at.emulator.is_none() && at.target == target && self.missing(at).is_empty())
    }

    /// Whether no emulator is the cause: the test fails natively, at least on another target.
    fn is_native_too(&self) -> bool {
        self.base.emulator.is_none() || self.failing().any(|at| at.emulator.is_none())
    }

    /// The patches to blame, as few as the controls show: the test passes without them, and fails with them.
    fn patches(&self) -> Vec<String> {
        let fails_linked = |link| self.failing().any(|at| self.differs(at) == [Difference::Link] && at.link == link);
        let only_patches = |at: &&Setting| match self.differs(at)[..] {
            [Difference::Patches] => true,
            [Difference::Link, Difference::Patches] => fails_linked(at.link),
            _ => false,
        };
        let passing: Vec<&Setting> = self.passing().filter(only_patches).collect();
        let Some(least) = passing.iter().min_by_key(|at| at.without.len()) else { return Vec::new() };
        let failing: Vec<&Setting> = self.failing().filter(only_patches).collect();
        let harmless = |patch: &String| failing.iter().any(|at| at.without.contains(patch));
        let guilty: Vec<String> = least.without.iter().filter(|patch| !harmless(patch)).cloned().collect();
        // The patches may only fail together.
        if guilty.is_empty() { least.without.clone() } else { guilty }
    }

    /// The settings that change only the target, each with whether the test fails there.
    fn others(&self) -> Vec<(&'a Setting, bool)> {
        let result = |(row, at): (&ControlRow, &'a Setting)| {
            let differs = self.differs(at);
            let other = [Difference::Link, Difference::OptLevel, Difference::Patches, Difference::Company];
            if !differs.contains(&Difference::Target) || other.iter().any(|other| differs.contains(other)) {
                return None;
            }
            let fails = if row.passes() { Some(false) } else { self.alike(row).then_some(true) }?;
            // That it passes natively says nothing about the target, if the emulator may be the cause.
            let comparable = match (&self.base.emulator, &at.emulator) {
                (Some(_), None) => fails,
                (Some(ours), Some(theirs)) => ours == theirs,
                (None, _) => true,
            };
            // A failure is no evidence if the setting also lacks other features, unless it fails without that lack too.
            let lacks = !at.lacks_beside(self.base).is_empty() && !self.fails_natively(&at.target);
            (comparable && !(fails && lacks)).then_some((at, fails))
        };
        self.ran().filter_map(result).collect()
    }

    /// The scopes that agree with the results of other targets.
    fn scopes(&self) -> Vec<Scope> {
        let others = self.others();
        let all = [Scope::Everywhere, Scope::WordSize, Scope::ByteOrder, Scope::Architecture];
        let agrees = |scope: &Scope| {
            others.iter().all(|(at, fails)| match scope {
                Scope::Architecture => (at.machine == self.base.machine) == *fails,
                scope => self.expects(*scope, at.layout()) == *fails,
            })
        };
        all.into_iter().filter(agrees).collect()
    }

    /// Whether the test should fail on another machine with this layout, if the failure has this scope.
    fn expects(&self, scope: Scope, layout: DataLayout) -> bool {
        match scope {
            Scope::Everywhere => true,
            Scope::WordSize => layout.class == self.base.class,
            Scope::ByteOrder => layout.big_endian == self.base.big_endian,
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
    Patches,
    Company,
}
