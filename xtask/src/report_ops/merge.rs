//! Joining reports: of different targets, runners and link modes, and of the parts that several machines ran of one.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::changed_pins;
use crate::model::judge;
use crate::model::link::Link;
use crate::model::partition::Partition;
use crate::model::report::{Host, Report, Run, Suite, Verdicts};
use crate::render::view::run_name;

/// Joins reports of the same pins and compiler. What differs between their hosts is listed side by side. Runs that
/// several reports have must be parts that make one whole: of the same test programs, each test in one of them.
pub fn merge(reports: Vec<Report>) -> Result<Report> {
    let mut reports = reports.into_iter();
    let mut merged = reports.next().context("there is no report to merge")?;
    for report in reports {
        // A report of native runs knows no emulator; it goes with any.
        let pins = changed_pins(&merged, &report);
        let differing = pins.iter().find(|(name, old, new)| *name != "qemu" || (old != "none" && new != "none"));
        if let Some((name, old, new)) = differing {
            anyhow::bail!("the reports cannot be merged: one is of {name} {old}, another of {name} {new}");
        }
        merged.pins.qemu = merged.pins.qemu.or(report.pins.qemu);
        merged.runs.extend(report.runs);
        merged.host = side_by_side(merged.host, report.host);
        // Several machines at once.
        merged.wall_s = merged.wall_s.max(report.wall_s);
    }
    merged.runs.sort_by(|a, b| id(a).cmp(&id(b)));
    let groups: Vec<Vec<Run>> = merged.runs.chunk_by(|a, b| id(a) == id(b)).map(<[Run]>::to_vec).collect();
    let join = |runs: Vec<Run>| {
        let name = run_name(&runs[0]);
        join_runs(runs).with_context(|| format!("the reports cannot be merged: {name}"))
    };
    merged.runs = groups.into_iter().map(join).collect::<Result<_>>()?;
    Ok(merged)
}

/// Makes one run of its parts.
fn join_runs(runs: Vec<Run>) -> Result<Run> {
    let has_parts = |run: &Run| run.suites.iter().any(|suite| suite.part.is_some());
    let mut runs = runs.into_iter();
    let mut whole = runs.next().context("there is no run")?;
    ensure!(runs.len() == 0 || has_parts(&whole), "more than one report has this run");
    if !has_parts(&whole) {
        return Ok(whole);
    }
    let mut suites: BTreeMap<String, Vec<Suite>> = BTreeMap::new();
    let mut add =
        |parts: Vec<Suite>| parts.into_iter().for_each(|part| suites.entry(part.suite.clone()).or_default().push(part));
    let order: Vec<String> = whole.suites.iter().map(|suite| suite.suite.clone()).collect();
    add(std::mem::take(&mut whole.suites));
    ensure!(
        whole.verdict != "incomplete",
        "a part of it is incomplete: {}",
        whole.error.as_deref().unwrap_or_default()
    );
    for run in runs {
        ensure!(has_parts(&run), "one report has it whole, another a part of it");
        ensure!(
            run.verdict != "incomplete",
            "a part of it is incomplete: {}",
            run.error.as_deref().unwrap_or_default()
        );
        ensure!(
            run.programs == whole.programs,
            "the parts are of different test programs, {} and {}",
            digest(&whole),
            digest(&run)
        );
        if run.spawns != whole.spawns {
            // Their machines differ, so it is not known of the whole.
            whole.spawns = None;
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
    whole.suites.sort_by_key(|suite| order.iter().position(|name| *name == suite.suite));
    let smoked = whole.smoke.iter().all(|check| !check.outcome.is_failure());
    whole.verdict = if smoked { judge::worst(&whole.suites).into() } else { "regression".into() };
    Ok(whole)
}

fn digest(run: &Run) -> &str {
    run.programs.as_deref().unwrap_or("unknown ones")
}

/// Makes a whole suite of its parts: all of one division, each once.
fn join_suite(parts: Vec<Suite>) -> Result<Suite> {
    let mut numbered = Vec::new();
    for suite in parts {
        let part = suite.part.clone().context("one report has it whole, another a part of it")?;
        let partition: Partition = part.partition.parse().map_err(anyhow::Error::msg)?;
        numbered.push((partition, part.of, suite));
    }
    numbered.sort_by_key(|(partition, ..)| partition.part);
    let (first, of) = (numbered[0].0, numbered[0].1);
    for (partition, count, _) in &numbered {
        ensure!(first.fits(*partition), "parts {first} and {partition} are not of one division");
        ensure!(of == *count, "the test programs list {of} tests in part {first}, {count} in part {partition}");
    }
    for pair in numbered.windows(2) {
        ensure!(pair[0].0 != pair[1].0, "part {} is there twice", pair[0].0);
    }
    let there: Vec<usize> = numbered.iter().map(|(partition, ..)| partition.part).collect();
    if let Some(lacking) = (1..=first.parts).find(|part| !there.contains(part)) {
        anyhow::bail!("part {} is not there", Partition { part: lacking, ..first });
    }
    let mut suites = numbered.into_iter().map(|(.., suite)| suite);
    let mut whole = suites.next().context("there is no part")?;
    suites.for_each(|part| add(&mut whole, part));
    whole.tests.sort_by(|a, b| a.name.cmp(&b.name));
    // Every part sees that no test program lists what an expectation names.
    whole.tests.dedup_by(|a, b| a.outcome.is_none() && b.outcome.is_none() && a.name == b.name);
    whole.verdicts.stale = whole.tests.iter().filter(|test| test.outcome.is_none()).count();
    if let Some(pair) = whole.tests.windows(2).find(|pair| pair[0].name == pair[1].name) {
        anyhow::bail!("the test {} is in two parts", pair[0].name);
    }
    ensure!(whole.listed == of, "the parts have {} tests, the test programs list {of}", whole.listed);
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
    let Verdicts { expected, regression, improvement, flake, stale: _, new_flakes } = part.verdicts;
    whole.verdicts.expected += expected;
    whole.verdicts.regression += regression;
    whole.verdicts.improvement += improvement;
    whole.verdicts.flake += flake;
    whole.verdicts.new_flakes += new_flakes;
    whole.tests.extend(part.tests);
}

fn id(run: &Run) -> (&str, &str, Link) {
    (&run.target, &run.runner, run.link)
}

fn side_by_side(mut host: Host, other: Host) -> Host {
    let join = |known: &mut String, other: String| {
        if !known.split(" / ").any(|part| part == other) {
            known.push_str(" / ");
            known.push_str(&other);
        }
    };
    join(&mut host.triple, other.triple);
    join(&mut host.kernel, other.kernel);
    host.jobs = host.jobs.max(other.jobs);
    for (tool, version) in other.tools {
        match host.tools.get_mut(&tool) {
            Some(known) => join(known, version),
            None => drop(host.tools.insert(tool, version)),
        }
    }
    host
}
