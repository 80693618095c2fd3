//! Texts that people read, as they are: help, plan, and errors.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;

use bringup_tests::{Project, project};

/// A screen of a usual terminal.
const SCREEN: usize = 40;

/// What the program and every verb print for a flag that asks for help, with no line of more than 100 characters.
fn printed(flag: &str, most_lines: usize) -> String {
    let project = project!();
    let mut text = String::new();
    for verb in with_subcommands(&xtask::cli::command("bringup")) {
        let args: Vec<&str> = verb.iter().map(String::as_str).chain([flag]).collect();
        let printed = project.run(&args, 0).stdout;
        assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");
        assert!(printed.lines().count() <= most_lines, "{printed}");
        let _ = writeln!(text, "$ bringup {}\n{printed}", args.join(" "));
    }
    text
}

#[test]
fn help() {
    insta::assert_snapshot!(printed("--help", usize::MAX));
}

#[test]
fn short_help() {
    insta::assert_snapshot!(printed("-h", SCREEN));
}

#[test]
fn every_verb_and_every_option_says_what_it_does() {
    fn check(command: &clap::Command) {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name}");
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{name} {}: {help:?}", arg.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    let mut command = xtask::cli::command("bringup");
    command.build();
    check(&command);
}

#[test]
fn help_names_the_program_as_it_was_started() {
    let project = project!();
    for (package, name) in [("xtask", "cargo xtask"), ("other", "bringup")] {
        let help = |args: &[&str]| project.cmd(args).env("CARGO_PKG_NAME", package).run().ends_with(0).stdout;
        assert!(help(&["--help"]).contains(&format!("\nUsage: {name} [OPTIONS]")), "{name}");
        assert!(help(&["--help"]).contains(&format!("\n  {name} report --format markdown ")), "{name}");
        assert!(help(&["patch", "prove", "-h"]).contains(&format!("\nUsage: {name} patch prove [")), "{name}");
    }
}

/// The words of every command line that has a help text: none for the program itself, then those of each verb.
fn with_subcommands(command: &clap::Command) -> Vec<Vec<String>> {
    let below = |verb: &clap::Command| {
        let name = verb.get_name().to_owned();
        with_subcommands(verb).into_iter().map(move |words| [vec![name.clone()], words].concat()).collect::<Vec<_>>()
    };
    [vec![Vec::new()], command.get_subcommands().flat_map(below).collect()].concat()
}

#[test]
fn plan() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    let printed = project.run(&["plan"], 0).stdout;
    insta::assert_snapshot!(without_digests(&project, &printed));
}

#[test]
fn why() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    project.edit("targets/fake/target.toml", "-march=one", "-march=two");
    project.edit("targets/fake/target.toml", "vendor = \"alpine\"", "vendor = \"other\"");
    let printed = project.run(&["why", "fake"], 0).stdout;
    insta::assert_snapshot!(without_digests(&project, &printed));
}

#[test]
fn errors() {
    let project = project!();
    let mut text = String::new();
    let mut show = |args: &[&str], code: i32| {
        let said = project.run(args, code).stderr;
        let _ = writeln!(text, "$ cargo xtask {}\n{}", args.join(" "), without_digests(&project, &said));
    };
    show(&["build", "twins"], 2);
    let file = "targets/fake/target.toml";
    project.edit(file, "since =", "snice =");
    show(&["build", "fake"], 2);
    project.edit(file, "snice =", "since =");
    project.edit(file, "[spec.set]", "[spec.set]\nbogus = true");
    show(&["target", "check"], 2);
    project.edit(file, "\nbogus = true", "");
    project.edit("bringup.toml", "path = \"sources/musl.tar.gz\"", "url = \"http://127.0.0.1:9/musl.tar.gz\"");
    show(&["--quiet", "build", "fake", "--offline"], 101);
    project.edit("bringup.toml", "url = \"http://127.0.0.1:9/musl.tar.gz\"", "path = \"sources/musl.tar.gz\"");
    project.fail("crt1.c", "crt1.c:1:1: error: no start");
    // One at a time, and nothing of the other's.
    show(&["--quiet", "--jobs", "1", "build", "fake"], 101);
    insta::assert_snapshot!(text);
}

/// A text that is the same in every folder, and whatever the digests are.
fn without_digests(project: &Project, text: &str) -> String {
    let text = text.replace(project.base().to_str().unwrap(), "BASE");
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut shown = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (word, end) = word.split_at(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
        let digest = word.len() >= 16 && word.chars().all(hex);
        shown += if digest { "DIGEST" } else { word };
        shown += end;
    }
    shown
}
