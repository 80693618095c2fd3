//! The sentence of a finding: the diagnosis and its evidence.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Analysis, Control, ControlRow, DataLayout, Diagnosis, Difference, EmulatorBuild, Manner, Scope, Setting};
use crate::link::Link;
use crate::outcome::Tries;

impl<'a> Analysis<'a> {
    /// The diagnosis in a few words.
    pub(super) fn head(&self, diagnosis: &Diagnosis) -> String {
        match diagnosis {
            Diagnosis::Flaky => format!("flaky, at a rate of {}", percent(self.rate())),
            Diagnosis::Load => "load".into(),
            Diagnosis::Company => {
                "order of tests, it depends on the tests that run before it in the same process".into()
            }
            Diagnosis::Patches(patches) => patched(patches),
            Diagnosis::Isolation => match self.isolation() {
                Some((how, names)) => format!("host isolation, {} {how}", are(&names)),
                None => "host isolation".into(),
            },
            Diagnosis::Emulator => self.emulators(),
            Diagnosis::EmulatorOrIsolation => {
                let missing = self.passing().map(|at| self.missing(at)).find(|names| !names.is_empty());
                format!("emulator, or host isolation: {} missing under it", are(&missing.unwrap_or_default()))
            }
            Diagnosis::Host => "this machine, whose kernel or processor runs the test".into(),
            Diagnosis::CodeGeneration => format!("code generation{}", self.or("the emulation of the code")),
            Diagnosis::Link(scopes) => {
                let what = match self.base.link {
                    Link::Dynamic => "musl's dynamic loader or a shared library",
                    Link::Static => "start files or static libraries",
                };
                format!("link mode {} ({what}), {}", self.base.link, self.either(scopes))
            }
            Diagnosis::Scope(Scope::Everywhere) => "musl or std on every architecture".into(),
            Diagnosis::Scope(scope) => self.scope(*scope),
            Diagnosis::Undecided(scopes) if scopes.is_empty() => {
                "undecided, neither word size nor byte order explains it".into()
            }
            Diagnosis::Undecided(scopes) if self.passing().next().is_none() => {
                format!("undecided, nothing that was tried passes: {}", self.either(scopes))
            }
            Diagnosis::Undecided(scopes) => format!("undecided, {}", self.either(scopes)),
            Diagnosis::NotSeen => "not seen again".into(),
            Diagnosis::NotRun => "not run".into(),
        }
    }

    /// The emulators with and without the fault.
    fn emulators(&self) -> String {
        let Some(ours) = &self.base.emulator else { return "emulator".into() };
        let builds = |of: &mut dyn Iterator<Item = &'a Setting>| {
            let same = of.filter(|at| at.target == self.base.target && at.link == self.base.link);
            same.filter_map(|at| at.emulator.as_ref()).collect::<BTreeSet<&EmulatorBuild>>()
        };
        let mut have = builds(&mut self.failing());
        have.insert(ours);
        let others = builds(&mut self.passing());
        let list = |builds: &BTreeSet<&EmulatorBuild>| {
            builds.iter().map(|build| self.version(build)).collect::<Vec<_>>().join(" and ")
        };
        let has = if have.len() == 1 { "has" } else { "have" };
        let have_it = format!("emulator, QEMU {} {has} the fault", list(&have));
        match others.last() {
            None if have.len() > 1 => format!("{have_it} and no tested version is without it"),
            None => format!("{have_it} and no other version was tested"),
            Some(newest) if newest.version > ours.version => {
                let fix = if others.len() == 1 { "fixes" } else { "fix" };
                format!("{have_it} and {} {fix} it", list(&others))
            }
            Some(_) => {
                let not = if others.len() == 1 { "does not" } else { "do not" };
                format!("{have_it} and {} {not}", list(&others))
            }
        }
    }

    /// An emulator's version, with its folder if two emulators of this version ran.
    fn version(&self, build: &EmulatorBuild) -> String {
        let ran = self.ran().filter_map(|(_, at)| at.emulator.as_ref());
        if ran.into_iter().any(|other| other.version == build.version && other.folder != build.folder) {
            return format!("{} of {}", build.version, build.folder);
        }
        build.version.to_string()
    }

    /// `under QEMU 11.1.3`, or `natively`.
    fn runner(&self, at: &Setting) -> String {
        at.emulator.as_ref().map_or_else(|| "natively".into(), |build| format!("under QEMU {}", self.version(build)))
    }

    fn scope(&self, scope: Scope) -> String {
        match scope {
            Scope::Everywhere => "on every architecture".into(),
            Scope::WordSize => format!("word size ({}-bit)", self.base.class),
            Scope::ByteOrder => format!("byte order ({})", order(self.base.big_endian)),
            Scope::Architecture => {
                let same = self.others().into_iter().filter(|(at, fails)| *fails && at.machine == self.base.machine);
                let same = same.map(|(at, _)| at.target.clone());
                let names = listed(std::iter::once(self.base.target.clone()).chain(same).collect());
                format!("this architecture ({names}) alone{}", self.or("its emulation"))
            }
        }
    }

    /// The emulation as a second cause, which a run under an emulator cannot rule out.
    fn or(&self, emulation: &str) -> String {
        if self.is_native_too() { String::new() } else { format!(" or {emulation}") }
    }

    /// The remaining scopes, and the targets that would decide between them.
    fn either(&self, scopes: &[Scope]) -> String {
        let names = match scopes {
            [] => return "as neither word size nor byte order explains".into(),
            [scope] => return self.scope(*scope),
            [Scope::Everywhere, Scope::WordSize, Scope::ByteOrder, Scope::Architecture] => "some architectures".into(),
            _ => scopes.iter().map(|scope| self.scope(*scope)).collect::<Vec<_>>().join(" or "),
        };
        let deciding = self.deciding(scopes);
        if deciding.is_empty() {
            return names;
        }
        let kind =
            |DataLayout { class, big_endian }: &DataLayout| format!("a {class}-bit {} target", order(*big_endian));
        let kinds = deciding.iter().map(kind).collect();
        format!("{names} ({} would decide)", listed(kinds))
    }

    /// The smallest set of layouts that distinguishes as many of the scopes as possible.
    fn deciding(&self, scopes: &[Scope]) -> Vec<DataLayout> {
        let layouts: Vec<DataLayout> = self.layouts.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let distinguished = |chosen: &Vec<DataLayout>| {
            let expected =
                |scope: &Scope| chosen.iter().map(|layout| self.expects(*scope, *layout)).collect::<Vec<_>>();
            scopes.iter().map(expected).collect::<BTreeSet<_>>().len()
        };
        let subset = |bits: usize| -> Vec<DataLayout> {
            let chosen = layouts.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
            chosen.map(|(_, layout)| *layout).collect()
        };
        let all = (0..1_usize << layouts.len()).map(subset);
        all.max_by_key(|chosen| (distinguished(chosen), Reverse(chosen.len()))).unwrap_or_default()
    }

    /// The evidence for the diagnosis.
    pub(super) fn evidence(&self, diagnosis: &Diagnosis) -> String {
        let rate = self.rate();
        let mut text = format!("on {} {} linked {}", self.base.target, self.runner(self.base), self.base.link);
        if let Some(level) = &self.base.opt_level {
            let _ = write!(text, " at opt-level {level}");
        }
        // Of several runs without patches, the one that says most.
        let most = self.failing().map(|at| at.without.len()).max().unwrap_or_default();
        let least = self.passing().map(|at| at.without.len()).filter(|count| *count > 0).min().unwrap_or_default();
        let telling = |at: &&Setting, count: usize| at.without.is_empty() || at.without.len() == count;
        let fails = listed(self.failing().filter(|at| telling(at, most)).map(|at| self.difference(at)).collect());
        let passes = listed(self.passing().filter(|at| telling(at, least)).map(|at| self.difference(at)).collect());
        match diagnosis {
            Diagnosis::Flaky => {
                let _ = write!(text, " failed in {} without any change", counted(rate));
            }
            Diagnosis::Load => {
                let load: Vec<Tries> = self.of(Control::Load).filter_map(|(row, _)| row.tries()).collect();
                let load = load.first().copied().unwrap_or(Tries { runs: 0, failures: 0 });
                let _ = write!(
                    text,
                    " failed {} of {} copies run at once, and in {} alone",
                    load.failures,
                    load.runs,
                    counted(rate)
                );
            }
            Diagnosis::NotSeen => {
                let tried = [(Control::Load, "under load"), (Control::Company, "after the tests before it")];
                let tried = tried.into_iter().filter(|(control, _)| self.of(*control).next().is_some());
                let tried: String = tried.flat_map(|(_, words)| [", nor ", words]).collect();
                let _ = write!(text, " failed in none of {} runs{tried}", rate.runs);
            }
            Diagnosis::Company => {
                let companies = self.of(Control::Company).map(|(_, at)| at.company);
                let before = companies.max().unwrap_or_default();
                let (alone, after) = if rate.failures > 0 { ("fails", "passes") } else { ("passes", "fails") };
                let others = crate::text::counted(before, "other test", "other tests");
                let _ = write!(text, " {alone} in {} runs alone, and {after} after {others}", rate.runs);
            }
            _ => {
                let _ = write!(text, " fails in {}", counted(rate));
                if let Some(why) = self.reason() {
                    let _ = write!(text, " ({why})");
                }
                if !fails.is_empty() {
                    let _ = write!(text, ", and {fails}");
                }
                let otherwise = listed(self.failing_otherwise().map(|at| self.difference(at)).collect());
                if !otherwise.is_empty() {
                    let _ = write!(text, ", fails differently {otherwise}");
                }
                match passes.as_str() {
                    "" => text.push_str(", and passes nowhere"),
                    passes => {
                        let _ = write!(text, ", but passes {passes}");
                    }
                }
            }
        }
        text
    }

    fn failing_otherwise(&self) -> impl Iterator<Item = &'a Setting> {
        self.ran().filter(|(row, _)| row.fails() && !self.alike(row)).map(|(_, at)| at).filter(|at| *at != self.base)
    }

    fn reason(&self) -> Option<&'a str> {
        self.unchanged().flat_map(ControlRow::manners).find_map(Manner::line)
    }

    /// How a setting differs from the failing one.
    fn difference(&self, at: &Setting) -> String {
        let differs = self.differs(at);
        let has = |difference| differs.contains(&difference);
        let mut words = Vec::new();
        if has(Difference::Target) {
            words.push(format!("on {}", at.target));
        }
        if has(Difference::Runner) {
            words.push(self.runner(at));
        }
        if has(Difference::Link) {
            words.push(format!("linked {}", at.link));
        }
        if let Some(level) = at.opt_level.as_ref().filter(|_| has(Difference::OptLevel)) {
            words.push(format!("at opt-level {level}"));
        }
        if differs == [Difference::Isolation] {
            words.extend(at.isolation_beside(self.base));
        }
        if has(Difference::Patches) {
            words.push(format!("without {}", counted_patches(&at.without)));
        }
        if has(Difference::Company) {
            words.push("after other tests".into());
        }
        words.join(" ")
    }
}

/// `a is`, `a and b are`.
fn are(names: &[&str]) -> String {
    format!("{} {}", names.join(" and "), if names.len() > 1 { "are" } else { "is" })
}

/// The patches to blame, for the head of the sentence.
fn patched(patches: &[String]) -> String {
    match patches {
        [patch] => format!("our patch {patch}"),
        patches => format!("our patches, one or more of {}", counted_patches(patches)),
    }
}

/// `patch musl/1`, or `3 patches (musl/1 to musl/3)`, by source.
pub fn counted_patches(patches: &[String]) -> String {
    let source = |patch: &String| patch.split_once('/').map(|(source, _)| source.to_owned());
    let of_one = |patches: &[String]| match patches {
        [patch] => format!("patch {}", short(patch)),
        [first, .., last] => format!("{} patches ({} to {})", patches.len(), short(first), short(last)),
        [] => "no patch".into(),
    };
    listed(patches.chunk_by(|one, next| source(one) == source(next)).map(of_one).collect())
}

/// `musl/1` for `musl/0001-a.patch`, as the option `--without` takes it.
fn short(patch: &str) -> String {
    let parts = patch.split_once('/').and_then(|(source, file)| {
        let number: usize = file.split_once('-')?.0.parse().ok()?;
        Some(format!("{source}/{number}"))
    });
    parts.unwrap_or_else(|| patch.to_owned())
}

/// `a, b and c`, each once.
fn listed(names: Vec<String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    match unique.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

fn order(big_endian: bool) -> &'static str {
    if big_endian { "big-endian" } else { "little-endian" }
}

/// `3 of 11 runs`.
fn counted(tries: Tries) -> String {
    format!("{} of {} runs", tries.failures, tries.runs)
}

fn percent(tries: Tries) -> String {
    // The numbers of runs are far below the limit of exact floats.
    #[expect(clippy::cast_precision_loss)]
    let rate = 100.0 * tries.failures as f64 / tries.runs.max(1) as f64;
    format!("{rate:.0} %")
}
