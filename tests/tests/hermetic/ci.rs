//! What `.ci/run` runs on the real project.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The verbs that it does not run, with the reason.
const NOT_RUN: &[(&str, &str)] =
    &[("dist", "it packs a compiler, which takes too long to build: see the long run in CONTRIBUTING.md")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The words of every verb without verbs of its own.
fn verbs(command: &clap::Command, above: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for verb in command.get_subcommands() {
        let path = [above, &[verb.get_name().to_owned()]].concat();
        let below = verbs(verb, &path);
        // `report` prints a report, and has verbs of its own.
        if below.is_empty() || !verb.is_subcommand_required_set() {
            found.push(path);
        }
        found.extend(below);
    }
    found
}

#[test]
fn every_verb_is_run_on_the_real_project() {
    let script = fs_err::read_to_string(root().join(".ci/run")).unwrap();
    // Of a module, or of some of its tests, as in `commands::` and `triage::known_wants`.
    let modules: BTreeSet<&str> =
        script.split_whitespace().filter_map(|word| word.split_once("::")).map(|(module, _)| module).collect();
    let real = |module: &&str| fs_err::read_to_string(root().join(format!("tests/tests/real/{module}.rs"))).unwrap();
    let tests: String = modules.iter().map(real).collect();
    let is_run = |verb: &[String]| {
        let typed = verb.join(" ");
        let in_script = ["", "--quiet "].iter().any(|option| {
            let text = format!("cargo xtask {option}{typed}");
            script
                .match_indices(&text)
                .any(|(at, _)| !script[at + text.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        });
        let words: Vec<String> = verb.iter().map(|word| format!("\"{word}\"")).collect();
        in_script || tests.contains(&format!("&[{}", words.join(", ")))
    };
    let all = verbs(&xtask::cli::command("bringup"), &[]);
    assert!(all.len() > 25, "{all:?}");
    let is_excused = |verb: &[String]| NOT_RUN.iter().any(|(name, _)| *name == verb.join(" "));
    let missing: Vec<String> =
        all.iter().filter(|verb| !is_run(verb) && !is_excused(verb)).map(|verb| verb.join(" ")).collect();
    assert!(missing.is_empty(), ".ci/run does not run: {missing:?}");
    for (name, why) in NOT_RUN {
        let verb: Vec<String> = name.split(' ').map(str::to_owned).collect();
        assert!(all.contains(&verb) && !is_run(&verb), "{name} is run, or is no verb: {why}");
    }
}
