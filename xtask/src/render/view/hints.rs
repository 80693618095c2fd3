//! Hints: the commands that a user needs next.

use std::collections::BTreeSet;

use bringup_model::link::Link;
use bringup_model::report::{Report, Run, SmokeCheck, TestSelection};
use bringup_model::suite::Ui;

use super::{UnexpectedKind, UnexpectedResult, unexpected};
use crate::render::command_line;

/// The hints for the worst results.
pub fn hints(report: &Report) -> Vec<String> {
    let items = unexpected(report);
    let of = |kind: UnexpectedKind| -> Vec<&UnexpectedResult<'_>> {
        items.iter().filter(|item| item.kind == kind).collect()
    };
    let regressions = of(UnexpectedKind::Regression);
    if let Some(first) = regressions.first() {
        let again = format!("to run it again: {}", rerun(report, first.run, &regressions));
        // Triage runs on this machine only, not from an archive, and not for rustc's own tests.
        let triable = |item: &&&UnexpectedResult| {
            item.run.machines.is_empty() && !item.run.is_of_archive() && Ui::of(item.suite).is_none()
        };
        let triage = |item: &&UnexpectedResult| {
            let mut words = words(["cargo", "xtask", "triage", &item.run.target, "--all"]);
            words.extend(item.run.surroundings());
            words.extend(report.build.arguments());
            format!("to find the cause: {}", command_line(&words))
        };
        return regressions.iter().find(triable).map(triage).into_iter().chain([again]).collect();
    }
    let again = |verb: &str, first: &Run, items: &[&UnexpectedResult<'_>], selected: Vec<String>| {
        let mut words = start(verb, first, items);
        words.extend(selected);
        words.extend(link_option(report, first, items));
        words.extend(first.arguments());
        words.extend(built(report, first));
        command_line(&words)
    };
    let mut smoke = of(UnexpectedKind::Smoke);
    if let Some(&first) = smoke.first() {
        // The same command continues what is incomplete.
        let alone = first.run.selection.as_ref().filter(|selection| selection.verb() == "smoke");
        if alone.is_some() {
            smoke.extend(of(UnexpectedKind::Incomplete));
        }
        let crates = once(smoke.iter().filter_map(|item| SmokeCheck::crate_of(item.name))).join(",");
        let selected = if crates.is_empty() {
            alone.map(TestSelection::suite_option).unwrap_or_default()
        } else {
            vec!["--crates".to_owned(), crates]
        };
        return vec![format!("to run it again: {}", again("smoke", first.run, &smoke, selected))];
    }
    let incomplete = of(UnexpectedKind::Incomplete);
    if let Some(first) = incomplete.first() {
        // The smoke checks run on this machine only, and only for programs built here.
        let elsewhere = !first.run.machines.is_empty() || first.run.is_of_archive();
        let usual = if elsewhere { "test" } else { "bringup" };
        let (verb, selected) = match &first.run.selection {
            Some(selection) => {
                let rerun = selection.rerun.then(|| "--rerun".to_owned());
                let options = [selection.suite_option(), selection.test_options(), selection.manner_options()];
                (selection.verb(), options.concat().into_iter().chain(rerun).collect())
            }
            None => (usual, Vec::new()),
        };
        let again = again(verb, first.run, &incomplete, selected);
        return vec![format!("to continue from the last complete step: {again}")];
    }
    let outdated = |run: &&Run| run.suites.iter().any(|suite| suite.verdicts.outdated() > 0);
    let outdated: Vec<&Run> = report.runs.iter().filter(outdated).collect();
    let Some(first) = outdated.first() else { return Vec::new() };
    let (place, file) =
        if first.is_of_archive() { (", in the project", &["--report", "REPORT.JSON"][..]) } else { ("", &[][..]) };
    let mut words = words(["cargo", "xtask", "bless"]);
    words.extend(once(outdated.iter().map(|run| run.target.as_str())));
    words.extend(file.iter().map(|&word| word.to_owned()));
    words.extend(report.build.arguments());
    vec![format!("to accept these results{place}: {}", command_line(&words))]
}

/// The command for the regressions of all runs with the runner and the link mode of `like`.
fn rerun(report: &Report, like: &Run, regressions: &[&UnexpectedResult<'_>]) -> String {
    let alike: Vec<_> =
        regressions.iter().copied().filter(|item| is_alike(item.run, like) && item.run.link == like.link).collect();
    let mut words = start("test", like, &alike);
    words.extend(["--suite".to_owned(), once(alike.iter().map(|item| item.suite)).join(",")]);
    let names: BTreeSet<&str> = alike.iter().map(|item| item.name).collect();
    if let (Some(&name), 1) = (names.first(), names.len()) {
        // It would be in another part of what the filter leaves.
        words.extend(["--filter".to_owned(), name.to_owned()]);
    } else {
        words.extend(like.selection.iter().flat_map(TestSelection::test_options));
    }
    words.extend(like.selection.iter().flat_map(TestSelection::manner_options));
    words.extend(["--link".to_owned(), like.link.to_string()]);
    words.extend(like.arguments());
    words.extend(built(report, like));
    command_line(&words)
}

/// A verb with the targets of those results whose runs have the options of `like`. An archive has one target, and may be
/// used without a project.
fn start(verb: &str, like: &Run, items: &[&UnexpectedResult<'_>]) -> Vec<String> {
    if like.is_of_archive() {
        return words(["bringup", verb]);
    }
    let alike = items.iter().filter(|item| is_alike(item.run, like));
    let targets = once(alike.map(|item| item.run.target.as_str()));
    [words(["cargo", "xtask", verb]), targets].concat()
}

/// `--link`, if the results or the report have one link mode only.
fn link_option(report: &Report, like: &Run, items: &[&UnexpectedResult<'_>]) -> Vec<String> {
    let links: BTreeSet<Link> =
        items.iter().filter(|item| is_alike(item.run, like)).map(|item| item.run.link).collect();
    let ran: BTreeSet<Link> = report.runs.iter().filter(|run| is_alike(run, like)).map(|run| run.link).collect();
    // Without the option, a command uses every mode. An old report with one mode does not say whether it was asked for.
    let matters = like.selection.is_some() || ran.len() > 1;
    match links.first() {
        Some(link) if links.len() == 1 && matters => vec!["--link".into(), link.to_string()],
        _ => Vec::new(),
    }
}

fn is_alike(run: &Run, like: &Run) -> bool {
    let how = |run: &Run| {
        (run.runner.clone(), run.machines.clone(), run.isolation, run.origin.clone(), run.selection.clone())
    };
    how(run) == how(like)
}

/// The build options, for a command that builds. Those of an archive were chosen when it was packed.
fn built(report: &Report, run: &Run) -> Vec<String> {
    if run.is_of_archive() { Vec::new() } else { report.build.arguments() }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// Removes repeated words; the first of each stays.
fn once<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for word in words {
        if !once.iter().any(|known| known == word) {
            once.push(word.to_owned());
        }
    }
    once
}
