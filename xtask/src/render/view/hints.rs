//! What to do next.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bringup_model::report::{Report, Run};
use bringup_model::suite::Ui;
use bringup_runner::exec::quote;

use super::{Item, Kind, unexpected};

/// What to do next: the worst results decide it.
pub fn hints(report: &Report) -> Vec<String> {
    let items = unexpected(report);
    let of = |kind: Kind| -> Vec<&Item<'_>> { items.iter().filter(|item| item.kind == kind).collect() };
    let options = spaced(&report.options);
    let regressions = of(Kind::Regression);
    if let Some(first) = regressions.first() {
        let again = format!("to run it again: {}{options}", rerun(first.run, &regressions));
        // Triage does not run on another machine, not from an archive, and not for rustc's own tests.
        let triable =
            |item: &&&Item| item.run.machine.is_none() && !item.run.is_of_archive() && Ui::of(item.suite).is_none();
        let triage = |item: &&Item| {
            let (target, how) = (&item.run.target, spaced(&item.run.options));
            format!("to learn whose fault it is: cargo xtask triage {target} --all{how}{options}")
        };
        return regressions.iter().find(triable).map(triage).into_iter().chain([again]).collect();
    }
    let smoke = of(Kind::Smoke);
    if let Some(first) = smoke.first() {
        let again = start("smoke", first.run, &smoke);
        return vec![format!("to run it again: {again}{}{options}", how(first.run))];
    }
    let incomplete = of(Kind::Incomplete);
    if let Some(first) = incomplete.first() {
        // The smoke checks run here only, and only of what was built here.
        let verb = if first.run.machine.is_some() || first.run.is_of_archive() { "test" } else { "bringup" };
        let again = start(verb, first.run, &incomplete);
        return vec![format!("to go on from the last complete step: {again}{}{options}", how(first.run))];
    }
    let outdated = |run: &&Run| run.suites.iter().any(|suite| suite.verdicts.outdated() > 0);
    let outdated: Vec<&Run> = report.runs.iter().filter(outdated).collect();
    let Some(first) = outdated.first() else { return Vec::new() };
    let (place, file) = if first.is_of_archive() { (", in the project", " --report REPORT.JSON") } else { ("", "") };
    let targets = join(outdated.iter().map(|run| run.target.as_str()), " ");
    vec![format!("to expect what was seen{place}: cargo xtask bless {targets}{file}{options}")]
}

/// The command for the regressions of every run that has the runner and the link mode of `like`.
fn rerun(like: &Run, regressions: &[&Item<'_>]) -> String {
    let alike: Vec<_> =
        regressions.iter().copied().filter(|item| is_alike(item.run, like) && item.run.link == like.link).collect();
    let suites = join(alike.iter().map(|item| item.suite), ",");
    let mut command = format!("{} --suite {suites}", start("test", like, &alike));
    let names: BTreeSet<&str> = alike.iter().map(|item| item.name).collect();
    if let (Some(name), 1) = (names.first(), names.len()) {
        let _ = write!(command, " --filter {}", quote(name.as_ref()));
    }
    let _ = write!(command, " --link {}{}", like.link, how(like));
    command
}

/// A verb with the targets of those items whose runs were made as `like` was. An archive is of one target, and used where there may
/// be no project.
fn start(verb: &str, like: &Run, items: &[&Item<'_>]) -> String {
    if like.is_of_archive() {
        return format!("bringup {verb}");
    }
    let alike = items.iter().filter(|item| is_alike(item.run, like));
    format!("cargo xtask {verb} {}", join(alike.map(|item| item.run.target.as_str()), " "))
}

fn is_alike(run: &Run, like: &Run) -> bool {
    (&run.runner, &run.machine, &run.options) == (&like.runner, &like.machine, &like.options)
}

/// The options of a command that runs programs as this run did.
fn how(run: &Run) -> String {
    let mut words = String::new();
    if run.runner != "qemu" {
        let _ = write!(words, " --runner {}", run.runner);
        // Of merged parts, any of the machines.
        if let Some(machine) = run.machine.as_deref().and_then(|machines| machines.split(" / ").next()) {
            let _ = write!(words, ":{}", quote(machine.as_ref()));
        }
    }
    words + &spaced(&run.options)
}

fn spaced(options: &[String]) -> String {
    options.iter().flat_map(|option| [" ", option]).collect()
}

fn join<'a>(words: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let mut once: Vec<&str> = Vec::new();
    for word in words {
        if !once.contains(&word) {
            once.push(word);
        }
    }
    once.join(separator)
}
