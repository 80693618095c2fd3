//! Which verb takes which options. Only verbs that build or plan take build options. A verb's short help shows only the global
//! options that matter to the verb.

use std::ffi::OsString;

use bringup_model::exit;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::name::{examples, invocation};
use super::{BUILD, Cli, GLOBAL};

/// The shared options that a verb takes, by their ids.
struct Takes {
    verb: &'static str,
    build: &'static [&'static str],
    /// Those that its short help shows; it accepts all of them.
    global: &'static [&'static str],
}

/// The verbs that do not take every shared option.
const TAKES: &[Takes] = &[
    Takes { verb: "doctor", build: &["rust", "compiler", "stage", "llvm"], global: &["directory", "cache", "quiet"] },
    Takes { verb: "targets", build: &[], global: &["directory"] },
    Takes { verb: "target show", build: &["rust"], global: &["directory"] },
    Takes { verb: "target check", build: &["rust"], global: &["directory", "offline", "cache", "quiet"] },
    Takes { verb: "target upstream", build: &["musl", "without"], global: ALL_GLOBAL },
    Takes { verb: "patch status", build: &[], global: ALL_GLOBAL },
    Takes { verb: "patch apply", build: &["rust", "musl"], global: ALL_GLOBAL },
    Takes { verb: "patch refresh", build: &["rust", "musl"], global: &["directory", "quiet"] },
    Takes { verb: "patch check", build: &[], global: ALL_GLOBAL },
    Takes { verb: "patch rebase", build: &["rust", "musl"], global: ALL_GLOBAL },
    Takes { verb: "patch watch", build: &["rust", "musl"], global: &["directory"] },
    Takes { verb: "report", build: &[], global: &["directory"] },
    Takes { verb: "report diff", build: &[], global: &["directory"] },
    Takes { verb: "report merge", build: &[], global: &["directory"] },
    Takes { verb: "bless", build: ALL_BUILD, global: &["directory", "quiet"] },
    Takes { verb: "plan", build: ALL_BUILD, global: &["directory", "quiet"] },
    Takes { verb: "why", build: ALL_BUILD, global: &["directory", "quiet"] },
    Takes { verb: "verify", build: &[], global: &["directory", "cache", "quiet"] },
    Takes { verb: "clean", build: &[], global: &["directory", "quiet"] },
    Takes { verb: "completions", build: &[], global: &[] },
    Takes { verb: "man", build: &[], global: &[] },
];

const ALL_BUILD: &[&str] = &["rust", "musl", "without", "skip_conflicts", "compiler", "stage", "llvm"];
const ALL_GLOBAL: &[&str] = &["directory", "offline", "jobs", "cache", "quiet"];

fn takes(verb: &str) -> (&'static [&'static str], &'static [&'static str]) {
    TAKES.iter().find(|takes| takes.verb == verb).map_or((ALL_BUILD, ALL_GLOBAL), |takes| (takes.build, takes.global))
}

/// The grammar of the program, under the name with which it was started.
pub fn command(program: &str) -> Command {
    let command = Cli::command().bin_name(program);
    let shared: Vec<Arg> = command.get_arguments().cloned().collect();
    let command = command.mut_subcommands(|verb| scoped(verb, "", &shared));
    command
        .after_help(format!("`{program} VERB -h` shows the options of a verb, `--help` explains them."))
        .after_long_help(closing(program))
        .mut_subcommand("triage", |verb| verb.after_long_help(examples(program, TRIAGE)))
}

/// Restricts a verb and its subcommands to the shared options that they take.
fn scoped(verb: Command, above: &str, shared: &[Arg]) -> Command {
    let path = format!("{above} {}", verb.get_name()).trim_start().to_owned();
    let is_group = verb.get_subcommands().next().is_some() && verb.is_subcommand_required_set();
    let (build, global) = takes(&path);
    let of = |heading: &'static str| shared.iter().filter(move |arg| arg.get_help_heading() == Some(heading)).cloned();
    // Only a verb without subcommands makes its options global. A group accepts them before the subcommand, but hides them.
    let builds = of(BUILD).filter(|arg| build.contains(&arg.get_id().as_str())).map(|arg| {
        // An error names this one where it helps.
        let is_rare = arg.get_id() == "skip_conflicts";
        if is_group { arg.hide(true) } else { arg.global(true).hide_short_help(is_rare) }
    });
    let globals = of(GLOBAL).map(|arg| {
        let is_shown = global.contains(&arg.get_id().as_str());
        arg.hide_short_help(!is_shown)
    });
    let builds: Vec<Arg> = builds.filter(|_| !is_group || path == "patch").collect();
    let conflicts = path == "test";
    let verb = verb.args(builds).args(globals).mut_subcommands(|below| scoped(below, &path, shared));
    if conflicts { verb.mut_arg("archive", |arg| arg.conflicts_with_all(ALL_BUILD)) } else { verb }
}

/// Parses a command line.
///
/// # Errors
/// For `--help` and `--version`, whose text is in the error, and for invalid arguments.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command(invocation());
    let matches = command.try_get_matches_from_mut(words)?;
    check_early(&mut command, &matches)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Rejects build options before a verb that does not take them; clap checks only those after the verb.
fn check_early(command: &mut Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    // Asking a level for an unknown option would panic.
    let is_given = |level: &ArgMatches, id: &str| {
        level.try_contains_id(id).is_ok() && level.value_source(id) == Some(ValueSource::CommandLine)
    };
    let (mut path, mut level, mut levels) = (Vec::new(), matches, vec![matches]);
    while let Some((name, below)) = level.subcommand() {
        path.push(name);
        level = below;
        levels.push(below);
    }
    let given = ALL_BUILD.iter().copied().filter(|id| levels.iter().any(|level| is_given(level, id)));
    let given: Vec<&str> = given.collect();
    let (build, _) = takes(&path.join(" "));
    if let Some(id) = given.iter().find(|id| !build.contains(id)) {
        let text = format!("the argument '--{id}' cannot be used with '{}'", path.join(" "));
        return Err(error(command, &path, ErrorKind::UnknownArgument, &text));
    }
    match given.first().filter(|_| path == ["test"] && is_given(level, "archive")) {
        Some(id) => {
            let text = format!("the argument '--{id}' cannot be used with '--archive <FILE>'");
            Err(error(command, &path, ErrorKind::ArgumentConflict, &text))
        }
        None => Ok(()),
    }
}

/// An error with the usage of the verb below `command` that `path` names.
fn error(command: &mut Command, path: &[&str], kind: ErrorKind, text: &str) -> clap::Error {
    match path.split_first().and_then(|(name, rest)| Some((command.find_subcommand_mut(name)?, rest))) {
        Some((verb, rest)) => error(verb, rest, kind, text),
        None => command.error(kind, text),
    }
}

fn closing(program: &str) -> String {
    let examples = examples(program, EXAMPLES);
    let codes = exit::help();
    format!("{examples}\n\nResults are in out/, the last report is in out/report/.\n\nExit codes:\n{codes}")
}

const EXAMPLES: &[(&str, &str)] = &[
    ("bringup --setup s390x", "from a fresh host to a report"),
    ("bringup x86_64 --runner native", "the same tests without an emulator"),
    ("test s390x --suite std --filter net::", "only these tests"),
    ("report --format markdown", "the last report as a table"),
    ("triage s390x --all", "whose fault the failures are"),
    ("bless s390x", "expect what the last run found"),
    ("archive s390x", "pack the tests for another machine"),
    ("test --archive s390x-DIGEST.tar.xz", "run them there"),
    ("why s390x", "what a change makes Bringup rebuild"),
];

const TRIAGE: &[(&str, &str)] = &[
    ("triage s390x std net::tcp::tests::timeouts", "one test"),
    ("triage armv7 --all", "every unexpected failure"),
    ("triage armv7 --proof rust/4 --without rust/4 --deep", "a patch's proof without the patch"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        command("bringup").debug_assert();
    }

    /// A verb that is renamed must not fall back to taking everything.
    #[test]
    fn what_verbs_take_names_verbs_and_options() {
        let command = command("bringup");
        for Takes { verb, build, global } in TAKES {
            let found = verb.split(' ').try_fold(&command, |command, name| command.find_subcommand(name));
            assert!(found.is_some(), "{verb}");
            assert!(build.iter().all(|id| ALL_BUILD.contains(id)), "{verb}");
            assert!(global.iter().all(|id| ALL_GLOBAL.contains(id)), "{verb}");
        }
        let ids = |heading| {
            let args = command.get_arguments().filter(move |arg| arg.get_help_heading() == Some(heading));
            args.map(|arg| arg.get_id().as_str()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(ids(BUILD), ALL_BUILD.iter().copied().collect());
        assert_eq!(ids(GLOBAL), ALL_GLOBAL.iter().copied().collect());
    }

    #[test]
    fn build_options_are_taken_before_and_after_a_verb_that_builds() {
        let parse = |line: &str| super::parse(line.split(' ').map(OsString::from));
        for line in ["bringup --musl 1 build", "bringup build --musl 1", "bringup --musl 2 build --musl 1"] {
            assert_eq!(parse(line).expect(line).musl.as_deref(), Some("1"), "{line}");
        }
        for line in ["bringup --rust 1 patch rebase", "bringup patch --rust 1 rebase", "bringup patch rebase --rust 1"]
        {
            assert_eq!(parse(line).expect(line).rust.as_deref(), Some("1"), "{line}");
        }
        for line in ["bringup --quiet -j 3 test --offline", "bringup test --quiet --offline -j 3"] {
            let cli = parse(line).expect(line);
            assert!(cli.quiet && cli.offline && cli.jobs == Some(3), "{line}");
        }
        for line in [
            "bringup --stage 2 targets",
            "bringup targets --stage 2",
            "bringup patch --without rust rebase",
            "bringup patch rebase --without rust",
            "bringup --musl 1 test --archive x",
            "bringup test --archive x --compiler bootstrap",
            "bringup report --rust 1 x.json",
            "bringup --rust 1 report diff a b",
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.use_stderr() && error.exit_code() == 2, "{line}: {error}");
        }
    }
}
