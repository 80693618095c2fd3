//! Merges reports: of different targets, runners and link modes, and of parts that several machines ran.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::diff::changed_pins;
use super::{Part, Report, Run, RunVerdict, Suite, UsedEmulator, Verdicts};
use crate::link::Link;
use crate::partition::Partition;

/// Merges reports with the same versions and build options. If several reports have the same run, they must come from
/// different machines, or be the parts of one division: with the same test programs, and each test in one part.
///
/// # Errors
///
/// Fails if there is no report, or if the reports do not fit together.
pub fn merge(reports: Vec<Report>) -> Result<Report> {
    let mut reports = reports.into_iter();
    let mut merged = reports.next().context("there is no report to merge")?;
    for report in reports {
        // A report without emulated runs has no emulator version, and fits any.
        let pins = changed_pins(&merged, &report);
        let differing = pins.iter().find(|(name, old, new)| *name != "qemu" || (old != "none" && new != "none"));
        if let Some((name, old, new)) = differing {
            bail!("the reports cannot be merged: one has {name} {old}, another {name} {new}");
        }
        ensure!(
            merged.build == report.build,
            "the reports cannot be merged: one was built with {}, another with {}",
            options(&merged),
            options(&report)
        );
        merged.pins.qemu = merged.pins.qemu.or(report.pins.qemu);
        merged.runs.extend(report.runs);
        for host in report.hosts {
            if !merged.hosts.contains(&host) {
                merged.hosts.push(host);
            }
        }
        // The machines run at the same time.
        merged.wall_s = merged.wall_s.max(report.wall_s);
    }
    check_emulators(&merged.runs)?;
    // The machine comes last: whole runs differ by it, and the parts of one run may have several.
    merged.runs.sort_by(|a, b| (id(a), &a.machines).cmp(&(id(b), &b.machines)));
    let groups: Vec<Vec<Run>> = merged.runs.chunk_by(|a, b| id(a) == id(b)).map(<[Run]>::to_vec).collect();
    merged.runs.clear();
    for runs in groups {
        let name = runs[0].name();
        let joined = join_runs(runs).with_context(|| format!("the reports cannot be merged: {name}"))?;
        merged.runs.extend(joined);
    }
    Ok(merged)
}

/// Fails if programs of one target ran under several emulators: their results cannot be compared.
fn check_emulators(runs: &[Run]) -> Result<()> {
    let mut used: BTreeMap<&str, &UsedEmulator> = BTreeMap::new();
    for run in runs {
        let Some(emulator) = &run.emulator else { continue };
        let first = *used.entry(&run.target).or_insert(emulator);
        ensure!(
            first.sha256 == emulator.sha256,
            "the reports cannot be merged: programs of {} ran under {first}, others under {emulator}",
            run.target
        );
    }
    Ok(())
}

fn options(report: &Report) -> String {
    let words = report.build.arguments();
    if words.is_empty() { "no options".into() } else { words.join(" ") }
}

/// Joins parts into one run. Whole runs stay as they are, one for each machine.
fn join_runs(runs: Vec<Run>) -> Result<Vec<Run>> {
    let has_parts = |run: &Run| run.suites.iter().any(|suite| suite.part.is_some());
    let parts = runs.iter().filter(|run| has_parts(run)).count();
    let again = runs.windows(2).any(|pair| pair[0].machines == pair[1].machines);
    // An incomplete run without suites may be a part or a whole.
    if (parts > 0 || again)
        && let Some(run) = runs.iter().find(|run| run.verdict == RunVerdict::Incomplete)
    {
        bail!("one report has an incomplete run: {}", run.error.as_deref().unwrap_or("the reason is missing"));
    }
    if parts == 0 {
        ensure!(!again, "several reports have this run");
        return Ok(runs);
    }
    ensure!(parts == runs.len(), "one report has the whole, another only a part");
    Ok(vec![join_parts(runs)?])
}

fn join_parts(runs: Vec<Run>) -> Result<Run> {
    let mut runs = runs.into_iter();
    let mut whole = runs.next().context("there is no run")?;
    let mut suites: BTreeMap<String, Vec<Suite>> = BTreeMap::new();
    let mut add =
        |parts: Vec<Suite>| parts.into_iter().for_each(|part| suites.entry(part.suite.clone()).or_default().push(part));
    let order: Vec<String> = whole.suites.iter().map(|suite| suite.suite.clone()).collect();
    add(std::mem::take(&mut whole.suites));
    if let Some(selection) = &mut whole.selection {
        selection.partition = None;
    }
    for run in runs {
        ensure!(
            run.programs == whole.programs,
            "the parts have different test programs: {} and {}",
            digest(&whole),
            digest(&run)
        );
        let isolation = [whole.isolation, run.isolation];
        ensure!(
            isolation[0] == isolation[1],
            "one part ran with --isolation {}, another with --isolation {}",
            isolation[0].word(),
            isolation[1].word()
        );
        if run.spawns != whole.spawns {
            // The machines differ, so there is no answer for the whole run.
            whole.spawns = None;
        }
        for machine in run.machines {
            if !whole.machines.contains(&machine) {
                whole.machines.push(machine);
            }
        }
        for check in run.smoke {
            match whole.smoke.iter_mut().find(|known| known.check == check.check) {
                Some(known) if check.outcome.is_failure() => *known = check,
                Some(_) => {}
                None => whole.smoke.push(check),
            }
        }
        for note in run.notes {
            if !whole.notes.contains(&note) {
                whole.notes.push(note);
            }
        }
        add(run.suites);
    }
    for (name, parts) in suites {
        whole.suites.push(join_suite(parts).with_context(|| format!("suite {name}"))?);
    }
    let ran = |suite: &Suite| suite.passed + suite.failures() > 0;
    // The judge accepts a single part without a test that ran.
    if let Some(empty) = whole.suites.iter().find(|suite| !suite.partial && !ran(suite)) {
        bail!("no part ran a test of {}", empty.suite);
    }
    ensure!(whole.suites.iter().any(ran), "no part ran a test");
    whole.suites.sort_by_key(|suite| order.iter().position(|name| *name == suite.suite));
    whole.verdict = RunVerdict::of(&whole.smoke, &whole.suites);
    Ok(whole)
}

fn digest(run: &Run) -> &str {
    run.programs.as_deref().unwrap_or("unknown programs")
}

/// Joins the parts of a suite, which must be all parts of one division, each once.
fn join_suite(parts: Vec<Suite>) -> Result<Suite> {
    let mut numbered = Vec::new();
    for suite in parts {
        let part = suite.part.clone().context("one report has the whole, another only a part")?;
        numbered.push((part.partition, part, suite));
    }
    numbered.sort_by_key(|(partition, ..)| partition.part);
    let (first, Part { of, names, .. }) = (numbered[0].0, numbered[0].1.clone());
    for (partition, part, _) in &numbered {
        ensure!(first.fits(*partition), "parts {first} and {partition} belong to different divisions");
        let count = part.of;
        ensure!(of == count, "part {first} divides {of} tests, part {partition} divides {count}");
        ensure!(
            !part.names.is_empty(),
            "part {partition} does not say which tests were divided\nhint: run that part again"
        );
        ensure!(
            names == part.names,
            "parts {first} and {partition} divide different tests: the filter or the programs differ"
        );
    }
    for pair in numbered.windows(2) {
        ensure!(pair[0].0 != pair[1].0, "part {} appears twice", pair[0].0);
    }
    let there: Vec<usize> = numbered.iter().map(|(partition, ..)| partition.part).collect();
    if let Some(lacking) = (1..=first.parts).find(|part| !there.contains(part)) {
        bail!("part {} is missing", Partition { part: lacking, ..first });
    }
    let mut suites = numbered.into_iter().map(|(.., suite)| suite);
    let mut whole = suites.next().context("there is no part")?;
    suites.for_each(|part| add(&mut whole, part));
    whole.tests.sort_by(|a, b| a.name.cmp(&b.name));
    // Every part reports the same stale expectations.
    whole.tests.dedup_by(|a, b| a.outcome.is_none() && b.outcome.is_none() && a.name == b.name);
    whole.verdicts.stale = whole.tests.iter().filter(|test| test.outcome.is_none()).count();
    if let Some(pair) = whole.tests.windows(2).find(|pair| pair[0].name == pair[1].name) {
        bail!("the test {} is in two parts", pair[0].name);
    }
    ensure!(whole.listed == of, "the parts have {} tests, but {of} tests were divided", whole.listed);
    whole.part = None;
    Ok(whole)
}

fn add(whole: &mut Suite, part: Suite) {
    whole.listed += part.listed;
    whole.passed += part.passed;
    whole.failed += part.failed;
    whole.crashed += part.crashed;
    whole.timed_out += part.timed_out;
    whole.missing += part.missing;
    whole.ignored += part.ignored;
    whole.skipped += part.skipped;
    whole.not_run += part.not_run;
    whole.wall_s = whole.wall_s.max(part.wall_s);
    whole.cpu_s += part.cpu_s;
    whole.cached &= part.cached;
    whole.partial |= part.partial;
    let Verdicts { expected, regression, improvement, flake, stale: _, new_flakes, constant } = part.verdicts;
    whole.verdicts.expected += expected;
    whole.verdicts.regression += regression;
    whole.verdicts.improvement += improvement;
    whole.verdicts.flake += flake;
    whole.verdicts.new_flakes += new_flakes;
    whole.verdicts.constant += constant;
    whole.tests.extend(part.tests);
}

fn id(run: &Run) -> (&str, &str, Link) {
    (&run.target, run.runner.word(), run.link)
}
