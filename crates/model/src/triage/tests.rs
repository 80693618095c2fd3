use super::*;
use crate::link::Link;
use crate::outcome::Outcome;

const NEW: &str = "11.1.3";
const OLD: &str = "7.2.22";
const BINFMT: &str = "binfmt_misc";

/// The layouts of the targets.
const LAYOUTS: [DataLayout; 3] = [
    DataLayout { class: 32, big_endian: false },
    DataLayout { class: 64, big_endian: false },
    DataLayout { class: 64, big_endian: true },
];

/// `s390x`, under QEMU 11.1.3, linked dynamically, with nothing lacking.
fn base() -> Setting {
    at("s390x")
}

fn at(target: &str) -> Setting {
    let (class, big_endian) = match target {
        "s390x" | "mips64" => (64, true),
        "armv7" | "armhf" | "x86" => (32, false),
        _ => (64, false),
    };
    let machine = if target.starts_with("arm") { "ARM".into() } else { target.to_uppercase() };
    let emulator = Some(build(NEW, "usual"));
    let target = target.into();
    let (link, opt_level, lacking, without, company) = (Link::Dynamic, None, Vec::new(), Vec::new(), 0);
    Setting { target, machine, class, big_endian, emulator, link, opt_level, lacking, without, company }
}

fn build(version: &str, folder: &str) -> EmulatorBuild {
    EmulatorBuild { version: version.parse().unwrap(), folder: folder.into() }
}

fn under(version: &str, setting: Setting) -> Setting {
    Setting { emulator: Some(build(version, version)), ..setting }
}

fn natively(target: &str) -> Setting {
    Setting { emulator: None, ..at(target) }
}

fn without_binfmt(setting: Setting) -> Setting {
    Setting { lacking: vec![BINFMT.into()], ..setting }
}

/// Failures and runs.
fn row(control: Control, setting: Setting, failures: usize, runs: usize) -> ControlRow {
    let manner = Manner { outcome: Outcome::Fail, reason: None, place: None };
    let result = ControlResult::Ran { runs, failures: vec![manner; failures] };
    ControlRow { control, setting: Some(setting), result, wall_s: 0.1 }
}

fn fails(control: Control, setting: Setting) -> ControlRow {
    row(control, setting, 1, 1)
}

fn passes(control: Control, setting: Setting) -> ControlRow {
    row(control, setting, 0, 1)
}

/// One run that failed in this manner.
fn failing(outcome: Outcome, reason: &str) -> ControlResult {
    ControlResult::Ran { runs: 1, failures: vec![Manner { outcome, reason: Some(reason.into()), place: None }] }
}

fn not_had(control: Control, why: &str) -> ControlRow {
    ControlRow { control, setting: None, result: ControlResult::Unavailable(why.into()), wall_s: 0.0 }
}

/// A test that fails always in this setting.
fn always(setting: &Setting, more: impl IntoIterator<Item = ControlRow>) -> Finding {
    let rows = [fails(Control::Alone, setting.clone()), row(Control::Repeated, setting.clone(), 10, 10)];
    judge("the test", &rows.into_iter().chain(more).collect::<Vec<_>>(), &LAYOUTS)
}

fn is(finding: &Finding, verdict: &Diagnosis, sentence: &str) {
    assert_eq!((&finding.diagnosis, finding.sentence.as_str()), (verdict, sentence));
}

#[test]
fn a_test_that_comes_and_goes_is_flaky_whatever_else_is_seen() {
    let rows = [
        passes(Control::Alone, base()),
        row(Control::Repeated, base(), 3, 10),
        passes(Control::Emulator, under(OLD, base())),
    ];
    let sentence = "flaky, at a rate of 27 %: the test on s390x under QEMU 11.1.3 linked dynamic failed in 3 of 11 runs without any change.";
    is(&judge("the test", &rows, &LAYOUTS), &Diagnosis::Flaky, sentence);
}

#[test]
fn a_test_that_passes_alone_is_one_of_load_or_is_not_seen_again() {
    let unchanged = [passes(Control::Alone, base()), row(Control::Repeated, base(), 0, 10)];
    let with = |load: ControlRow| judge("the test", &[unchanged.to_vec(), vec![load]].concat(), &LAYOUTS);
    let sentence = "load: the test on s390x under QEMU 11.1.3 linked dynamic failed 2 of 8 copies run at once, and in 0 of 11 runs alone.";
    is(&with(row(Control::Load, base(), 2, 8)), &Diagnosis::Load, sentence);
    let sentence =
        "not seen again: the test on s390x under QEMU 11.1.3 linked dynamic failed in none of 11 runs, nor under load.";
    is(&with(row(Control::Load, base(), 0, 8)), &Diagnosis::NotSeen, sentence);
    assert_eq!(with(not_had(Control::Load, "no network")).diagnosis, Diagnosis::NotSeen);
}

#[test]
fn what_another_version_passes_is_the_emulators() {
    let with =
        |more: ControlRow, setting: Setting| always(&setting, [more, passes(Control::Native, natively("x86_64"))]);
    let sentence = "emulator, QEMU 11.1.3 has the fault and 7.2.22 does not: the test on s390x under QEMU 11.1.3 linked dynamic \
        fails in 11 of 11 runs, but passes under QEMU 7.2.22 and on x86_64 natively.";
    is(&with(passes(Control::Emulator, under(OLD, base())), base()), &Diagnosis::Emulator, sentence);
    let sentence = "emulator, QEMU 7.2.22 has the fault and 11.1.3 fixes it: the test on s390x under QEMU 7.2.22 linked dynamic \
        fails in 11 of 11 runs, but passes under QEMU 11.1.3 and on x86_64 natively.";
    is(&with(passes(Control::Emulator, base()), under(OLD, base())), &Diagnosis::Emulator, sentence);
}

/// As it is on a machine of that kind: the host takes the programs for its own, so there is no `binfmt_misc` for them.
fn own(target: &str) -> Setting {
    without_binfmt(at(target))
}

#[test]
fn what_a_machine_passes_and_its_emulation_fails_is_the_emulators() {
    let rows = [
        fails(Control::Emulator, under(OLD, base())),
        passes(Control::Native, natively("x86_64")),
        fails(Control::Emulated, own("x86_64")),
    ];
    let finding = always(&base(), rows.clone());
    assert_eq!(finding.diagnosis, Diagnosis::Emulator);
    let head = "emulator, QEMU 7.2.22 and 11.1.3 have the fault and no tested version is without it: ";
    assert!(finding.sentence.starts_with(head), "{}", finding.sentence);
    let [_, rest @ ..] = rows.clone();
    let finding = always(&base(), rest);
    assert!(
        finding.sentence.starts_with("emulator, QEMU 11.1.3 has the fault and no other version was tested: "),
        "{finding:?}"
    );
    // On a host without binfmt_misc it may be that.
    let finding = always(&without_binfmt(base()), rows);
    assert_eq!(finding.diagnosis, Diagnosis::EmulatorOrIsolation);
    let head = "emulator, or host isolation: binfmt_misc is missing under it: ";
    assert!(finding.sentence.starts_with(head), "{}", finding.sentence);
}

#[test]
fn of_this_machines_own_kind_the_emulator_lacks_binfmt_misc_too() {
    let native = || passes(Control::Native, natively("x86_64"));
    assert_eq!(always(&own("x86_64"), [native()]).diagnosis, Diagnosis::EmulatorOrIsolation);
    let older = || under(OLD, own("x86_64"));
    assert_eq!(
        always(&own("x86_64"), [fails(Control::Emulator, older()), native()]).diagnosis,
        Diagnosis::EmulatorOrIsolation
    );
    let finding = always(&own("x86_64"), [passes(Control::Emulator, older()), native()]);
    assert!(finding.sentence.starts_with("emulator, QEMU 11.1.3 has the fault and 7.2.22 does not: "), "{finding:?}");
    // And what fails natively only is this machine's.
    assert_eq!(always(&natively("x86_64"), [passes(Control::Emulated, own("x86_64"))]).diagnosis, Diagnosis::Host);
}

#[test]
fn what_fails_otherwise_says_nothing() {
    let mut other = fails(Control::SameKind, at("x86"));
    other.result = failing(Outcome::Crash, "SIGSEGV");
    let finding = always(&at("armv7"), [other, passes(Control::OtherWord, at("x86_64"))]);
    assert_eq!(finding.diagnosis, Diagnosis::Undecided(vec![Scope::WordSize, Scope::Architecture]));
    assert!(
        finding.sentence.ends_with("fails in 11 of 11 runs, fails differently on x86, but passes on x86_64."),
        "{finding:?}"
    );
}

#[test]
fn targets_of_one_machine_are_one_architecture() {
    let rows = |x86: ControlRow| [fails(Control::SameKind, at("armhf")), x86, passes(Control::OtherWord, at("x86_64"))];
    let finding = always(&at("armv7"), rows(passes(Control::SameKind, at("x86"))));
    assert!(
        finding.sentence.starts_with("this architecture (armv7 and armhf) alone or its emulation: "),
        "{finding:?}"
    );
    assert_eq!(
        always(&at("armv7"), rows(fails(Control::SameKind, at("x86")))).diagnosis,
        Diagnosis::Scope(Scope::WordSize)
    );
}

#[test]
fn isolation_goes_before_the_emulator() {
    let sentence = "host isolation, binfmt_misc is missing: the test on s390x under QEMU 11.1.3 linked dynamic fails in 11 of 11 \
        runs, and under QEMU 7.2.22, but passes with binfmt_misc.";
    let rows = [passes(Control::Isolation, base()), fails(Control::Emulator, without_binfmt(under(OLD, base())))];
    is(&always(&without_binfmt(base()), rows), &Diagnosis::Isolation, sentence);
    // Of two things only one was missing.
    let both = Setting { lacking: vec!["network".into(), BINFMT.into()], ..base() };
    let rows = [fails(Control::Isolation, without_binfmt(base())), passes(Control::Isolation, base())];
    let finding = always(&both, rows);
    assert!(finding.sentence.starts_with("host isolation, binfmt_misc is missing: "), "{}", finding.sentence);
    // It fails with it only.
    let finding = always(&base(), [passes(Control::Isolation, without_binfmt(base()))]);
    assert!(finding.sentence.starts_with("host isolation, binfmt_misc is in the way: "), "{}", finding.sentence);
}

#[test]
fn the_opt_level_points_at_code_generation() {
    let other = Setting { opt_level: Some("0".into()), ..base() };
    let rows = [
        fails(Control::Emulator, under(OLD, base())),
        fails(Control::Link, Setting { link: Link::Static, ..base() }),
        passes(Control::Native, natively("x86_64")),
        passes(Control::OptLevel, other.clone()),
    ];
    let sentence = "code generation or the emulation of the code: the test on s390x under QEMU 11.1.3 linked dynamic fails in 11 of 11 runs, and under \
        QEMU 7.2.22 and linked static, but passes on x86_64 natively and at opt-level 0.";
    is(&always(&base(), rows), &Diagnosis::CodeGeneration, sentence);
    assert_ne!(always(&base(), [fails(Control::OptLevel, other)]).diagnosis, Diagnosis::CodeGeneration);
}

#[test]
fn architectures_say_where_a_failure_belongs() {
    use Scope::{Architecture, ByteOrder, Everywhere, WordSize};
    // Seen from armv7, a 32-bit little-endian target: which others fail, which pass.
    let table: [(&[&str], &[&str], Diagnosis); 8] = [
        (&["x86_64", "s390x", "x86"], &[], Diagnosis::Scope(Everywhere)),
        (&["x86"], &["x86_64", "s390x"], Diagnosis::Scope(WordSize)),
        (&["x86", "x86_64"], &["s390x"], Diagnosis::Scope(ByteOrder)),
        (&[], &["x86", "x86_64"], Diagnosis::Scope(Architecture)),
        (&[], &["x86_64", "s390x"], Diagnosis::Undecided(vec![WordSize, Architecture])),
        (&["x86"], &[], Diagnosis::Undecided(vec![Everywhere, WordSize, ByteOrder])),
        (&[], &[], Diagnosis::Undecided(vec![Everywhere, WordSize, ByteOrder, Architecture])),
        (&["s390x"], &["x86_64"], Diagnosis::Undecided(vec![])),
    ];
    for (failing, passing, verdict) in table {
        let failing = failing.iter().map(|target| fails(Control::SameKind, at(target)));
        let passing = passing.iter().map(|target| passes(Control::OtherWord, at(target)));
        let finding = always(&at("armv7"), failing.chain(passing));
        assert_eq!(finding.diagnosis, verdict, "{}", finding.sentence);
    }
}

#[test]
fn an_undecided_sentence_says_what_would_decide() {
    let finding = always(&at("armv7"), [passes(Control::OtherWord, at("x86_64"))]);
    let sentence = "undecided, word size (32-bit) or this architecture (armv7) alone or its emulation (a 32-bit little-endian target would \
        decide): the test on armv7 under QEMU 11.1.3 linked dynamic fails in 11 of 11 runs, but passes on x86_64.";
    is(&finding, &Diagnosis::Undecided(vec![Scope::WordSize, Scope::Architecture]), sentence);
    assert!(finding.diagnosis.may_be_code() && finding.diagnosis.may_be_patches());
}

#[test]
fn a_link_mode_belongs_to_a_scope_too() {
    let rows = [
        passes(Control::Link, Setting { link: Link::Static, ..base() }),
        passes(Control::SameKind, at("mips64")),
        passes(Control::OtherWord, at("armv7")),
        passes(Control::Native, natively("x86_64")),
    ];
    let finding = always(&base(), rows.clone());
    let sentence = "link mode dynamic (musl's dynamic loader or a shared library), this architecture (s390x) alone or its emulation: the test on s390x \
        under QEMU 11.1.3 linked dynamic fails in 11 of 11 runs, but passes linked static, on mips64, on armv7 and on x86_64 natively.";
    is(&finding, &Diagnosis::Link(vec![Scope::Architecture]), sentence);
    let [link, _, rest @ ..] = rows;
    let finding = always(&base(), [link].into_iter().chain(rest));
    assert_eq!(finding.diagnosis, Diagnosis::Link(vec![Scope::WordSize, Scope::ByteOrder, Scope::Architecture]));
}

#[test]
fn what_lacks_more_and_what_could_not_be_had_say_nothing() {
    let rows = [
        passes(Control::SameKind, at("x86")),
        fails(Control::OtherWord, without_binfmt(at("x86_64"))),
        not_had(Control::Emulator, "the network is forbidden"),
    ];
    assert_eq!(always(&at("armv7"), rows).diagnosis, Diagnosis::Scope(Scope::Architecture));
    let finding = judge("the test", &[not_had(Control::Alone, "it does not build")], &LAYOUTS);
    is(&finding, &Diagnosis::NotRun, "not run: the test could not run as in the failing run.");
}

/// Without these of our patches.
fn without(patches: &[&str], setting: Setting) -> Setting {
    Setting { without: patches.iter().map(|patch| (*patch).to_owned()).collect(), ..setting }
}

#[test]
fn what_fails_natively_too_is_not_the_emulators_and_counts_without_binfmt_misc() {
    // As with a C library whose fchmod does nothing.
    let rows = [
        fails(Control::Emulator, under(OLD, base())),
        fails(Control::Native, natively("x86_64")),
        fails(Control::Emulated, own("x86_64")),
        fails(Control::Link, Setting { link: Link::Static, ..base() }),
    ];
    let sentence = "undecided, nothing that was tried passes: on every architecture or word size (64-bit) (a 32-bit little-endian \
        target would decide): the test on s390x under QEMU 11.1.3 linked dynamic fails in 11 of 11 runs, and under QEMU 7.2.22, \
        on x86_64 natively, on x86_64 and linked static, and passes nowhere.";
    is(&always(&base(), rows.clone()), &Diagnosis::Undecided(vec![Scope::Everywhere, Scope::WordSize]), sentence);
    let finding = always(&base(), rows.into_iter().chain([fails(Control::OtherWord, at("armv7"))]));
    assert_eq!(finding.diagnosis, Diagnosis::Scope(Scope::Everywhere));
    // What no other opt-level can change is not tried at one.
    assert!(!finding.diagnosis.may_be_code() && finding.diagnosis.may_be_patches());
    // Without the native failure, the emulated one may have the lack as its cause.
    let emulated = fails(Control::Emulated, own("x86_64"));
    let all = vec![Scope::Everywhere, Scope::WordSize, Scope::ByteOrder, Scope::Architecture];
    assert_eq!(always(&base(), [emulated]).diagnosis, Diagnosis::Undecided(all));
}

#[test]
fn a_test_that_does_otherwise_after_others_depends_on_them() {
    let after = || Setting { company: 12, ..base() };
    let finding = always(&base(), [passes(Control::Company, after()), passes(Control::Native, natively("x86_64"))]);
    let sentence = "order of tests, it depends on the tests that run before it in the same process: the test on s390x under QEMU \
        11.1.3 linked dynamic fails in 11 runs alone, and passes after 12 other tests.";
    is(&finding, &Diagnosis::Company, sentence);
    let alone = [passes(Control::Alone, base()), row(Control::Repeated, base(), 0, 10)];
    let load = row(Control::Load, base(), 0, 8);
    let company = |row: ControlRow| judge("the test", &[&alone[..], &[load.clone(), row]].concat(), &LAYOUTS);
    let sentence = "order of tests, it depends on the tests that run before it in the same process: the test on s390x under QEMU \
        11.1.3 linked dynamic passes in 11 runs alone, and fails after 12 other tests.";
    is(&company(row(Control::Company, after(), 2, 2)), &Diagnosis::Company, sentence);
    let finding = company(passes(Control::Company, after()));
    assert_eq!(finding.diagnosis, Diagnosis::NotSeen);
    assert!(finding.sentence.ends_with(", nor under load, nor after the tests before it."), "{finding:?}");
    // Of what fails in both, the others are not the cause.
    assert_ne!(always(&base(), [fails(Control::Company, after())]).diagnosis, Diagnosis::Company);
}

#[test]
fn what_passes_without_a_patch_of_ours_is_the_patchs() {
    let (one, two, three) = ("musl/0001-a.patch", "musl/0002-b.patch", "musl/0003-c.patch");
    let patch = |patches: &[&str]| without(patches, base());
    let everywhere = [fails(Control::Native, natively("x86_64")), fails(Control::OtherWord, at("armv7"))];
    let with = |rows: Vec<ControlRow>| always(&base(), everywhere.iter().cloned().chain(rows));
    let finding = with(vec![passes(Control::Patches, patch(&[one, two, three]))]);
    let sentence = "our patches, one or more of 3 patches (musl/1 to musl/3): the test on s390x under QEMU \
        11.1.3 linked dynamic fails in 11 of 11 runs, and on x86_64 natively and on armv7, but passes without 3 patches \
        (musl/1 to musl/3).";
    is(&finding, &Diagnosis::Patches([one, two, three].map(str::to_owned).into()), sentence);
    let finding = with(vec![
        passes(Control::Patches, patch(&[one, two, three])),
        fails(Control::Patches, patch(&[three])),
        passes(Control::Patches, patch(&[two, three])),
    ]);
    assert_eq!(finding.diagnosis, Diagnosis::Patches(vec![two.into()]));
    assert!(finding.sentence.starts_with("our patch musl/0002-b.patch: "), "{finding:?}");
    assert!(
        finding.sentence.ends_with("without patch musl/3, but passes without 2 patches (musl/2 to musl/3)."),
        "{finding:?}"
    );
    // A failure in another manner clears no patch.
    let mut other = fails(Control::Patches, patch(&[three]));
    other.result = failing(Outcome::Crash, "SIGSEGV");
    let finding = with(vec![passes(Control::Patches, patch(&[two, three])), other]);
    assert_eq!(finding.diagnosis, Diagnosis::Patches(vec![two.into(), three.into()]));
    assert_eq!(
        with(vec![fails(Control::Patches, patch(&[one, two, three]))]).diagnosis,
        Diagnosis::Scope(Scope::Everywhere)
    );
    // In the other link mode, only if it fails there with the patches.
    let linked = || Setting { link: Link::Static, ..base() };
    let relinked = || passes(Control::Patches, without(&[one], linked()));
    assert_eq!(always(&base(), [relinked()]).diagnosis, always(&base(), []).diagnosis);
    let finding = always(&base(), [relinked(), fails(Control::Link, linked())]);
    assert_eq!(finding.diagnosis, Diagnosis::Patches(vec![one.into()]));
}

#[test]
fn a_failure_for_another_reason_is_no_control() {
    let with = |reason: &str| {
        let (mut ours, mut theirs) = (fails(Control::Alone, at("armv7")), fails(Control::SameKind, at("x86")));
        ours.result = failing(Outcome::Fail, "assertion failed: a.is_ok()");
        theirs.result = failing(Outcome::Fail, reason);
        judge("the test", &[ours, theirs, passes(Control::OtherWord, at("x86_64"))], &LAYOUTS)
    };
    assert_eq!(with("assertion failed: a.is_ok()").diagnosis, Diagnosis::Scope(Scope::WordSize));
    let finding = with("no such file");
    assert_eq!(finding.diagnosis, Diagnosis::Undecided(vec![Scope::WordSize, Scope::Architecture]));
    assert!(finding.sentence.contains("fails differently on x86, but"), "{finding:?}");
}

#[test]
fn two_emulators_of_one_version_are_told_apart_by_their_folders() {
    let given = Setting { emulator: Some(build(NEW, "/given")), ..base() };
    let finding = always(&given, [passes(Control::Emulator, base())]);
    let sentence = "emulator, QEMU 11.1.3 of /given has the fault and 11.1.3 of usual does not: the test on s390x under QEMU 11.1.3 \
        of /given linked dynamic fails in 11 of 11 runs, but passes under QEMU 11.1.3 of usual.";
    is(&finding, &Diagnosis::Emulator, sentence);
}
