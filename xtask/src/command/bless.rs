//! `bless`: rewrites the expectation files to match a report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, bail};
use bringup_model::bless::{BlessRequest, Blessing, ExpectationFile, Unblessed, bless};
use bringup_model::build_options::BuildOptions;
use bringup_model::exit::{self, CodedError};
use bringup_model::expectation::Layer;
use bringup_model::report::{Report, Run, RunVerdict};
use bringup_model::runner_spec::RunnerSpec;
use bringup_runner::interrupt;
use rustix::event::{PollFd, PollFlags, poll};
use similar::TextDiff;

use crate::build::Planner;
use crate::cli::BlessArgs;
use crate::project::shown;
use crate::project::{config, expect};
use crate::render::command_line;
use crate::render::table::paint;
use crate::render::view::visible;

pub fn run(planner: &Planner<'_>, options: &BlessArgs) -> Result<u8> {
    let known = config::target_names(&planner.project.root)?;
    // Reject a wrong name before reading anything.
    let named: Vec<String> = if options.targets.is_empty() {
        Vec::new()
    } else {
        names(config::targets(&planner.project.root, &options.targets)?)
    };
    let path = options.report.clone().unwrap_or_else(|| super::report::last_file(&planner.workspace.out));
    // Wait for a run that is still writing its report.
    let finished = if options.report.is_none() && path.is_file() { Some(planner.workspace.store()?) } else { None };
    let report = super::report::read(&path)?;
    drop(finished);
    let targets = targets(&report, named, &known, &shown(&planner.project.root, &path))?;
    check_made_alike(planner, &report, &targets, &path)?;
    if let Some(text) = incomplete(&report, &targets) {
        planner.workspace.console.warn(&text);
    }
    if !options.emulator {
        check_own_emulator(&report, &targets, &shown(&planner.project.root, &path))?;
    }
    let files = expect::files(&planner.project.root, &known)?;
    let layer = if options.emulator { Layer::Emulator } else { Layer::Target };
    let request = BlessRequest { files: &files, report: &report, targets: &targets, all_targets: &known, layer };
    let doing = || format!("blessing {}", shown(&planner.project.root, &path));
    let Blessing { files: changed, unblessed: left } =
        bless(&request).map_err(|error| CodedError::error(exit::USAGE, format!("{}: {error}", doing())))?;

    let before =
        |file: &ExpectationFile| files.iter().find(|old| old.name == file.name).map_or("", |old| old.text.as_str());
    for file in &changed {
        super::print(&diff(&file.name, before(file), &file.text))?;
    }
    for text in explained(&left) {
        planner.workspace.console.warn(&text);
    }
    let code = if left.is_empty() { exit::EXPECTED } else { exit::OUTDATED };
    if changed.is_empty() {
        let rest = if left.is_empty() { "" } else { " else" };
        planner.workspace.console.note(&format!("nothing{rest} to bless: the expectation files match the report"));
        return Ok(code);
    }
    if !options.yes && !std::io::stdin().is_terminal() {
        planner
            .workspace
            .console
            .warn("nothing is written: there is no terminal for the question\nhint: `--yes` writes without asking");
        return Ok(exit::OUTDATED);
    }
    if !options.yes && !confirmed()? {
        planner.workspace.console.note("nothing is written");
        return Ok(exit::OUTDATED);
    }
    let pairs: Vec<(&ExpectationFile, &str)> = changed.iter().map(|file| (file, before(file))).collect();
    write(&planner.project.root, &pairs)?;
    let written: Vec<&str> = changed.iter().map(|file| file.name.as_str()).collect();
    planner.workspace.console.note(&format!("rewritten: {}", written.join(", ")));
    if pairs.iter().any(|(file, before)| todos(&file.text) > todos(before)) {
        planner.workspace.console.note("hint: replace each TODO by a reason: `cargo xtask target check` rejects it");
    }
    Ok(code)
}

fn todos(text: &str) -> usize {
    text.lines().filter(|line| *line == "# Reason: TODO").count()
}

fn names(targets: Vec<bringup_model::target::Target>) -> Vec<String> {
    targets.into_iter().map(|target| target.name).collect()
}

/// The targets to bless: the named ones, which must be in the report, or all of the report.
fn targets(report: &Report, named: Vec<String>, known: &[String], path: &str) -> Result<Vec<String>> {
    let mut reported: Vec<String> = Vec::new();
    for run in &report.runs {
        if !reported.contains(&run.target) {
            reported.push(run.target.clone());
        }
    }
    let fault = |text: String| Err(CodedError::error(exit::USAGE, format!("blessing {path}: {text}")));
    if let Some(name) = named.iter().find(|name| !reported.contains(name)) {
        return fault(format!("the report has no run of {name}\nhint: `cargo xtask test {name}` makes one"));
    }
    if named.is_empty() && reported.is_empty() {
        return fault("the report has no run".into());
    }
    if named.is_empty()
        && let Some(name) = reported.iter().find(|name| !known.contains(name))
    {
        return fault(format!(
            "the report has runs of `{name}`, which is not a target here\nhint: name the targets to bless"
        ));
    }
    Ok(if named.is_empty() { reported } else { named })
}

/// A warning about runs of these targets that did not finish; none if all did.
fn incomplete(report: &Report, targets: &[String]) -> Option<String> {
    let unfinished =
        |run: &&Run| run.verdict == RunVerdict::Incomplete || run.suites.iter().any(|suite| suite.not_run > 0);
    let runs = report.runs.iter().filter(|run| targets.contains(&run.target)).filter(unfinished);
    let why = |run: &Run| run.error.as_ref().and_then(|error| error.lines().next().map(|line| format!(": {line}")));
    let lines: Vec<String> = runs.map(|run| format!("\n  {}{}", run.name(), why(run).unwrap_or_default())).collect();
    let text = "the report is incomplete; only what ran is blessed, and no entry of these runs is removed";
    (!lines.is_empty()).then(|| visible(&format!("{text}{}", lines.concat())))
}

/// Rejects a report of other versions, another compiler or other patches than this command's.
fn check_made_alike(planner: &Planner<'_>, report: &Report, targets: &[String], path: &Path) -> Result<()> {
    let path = shown(&planner.project.root, path);
    let (theirs, ours) = (&report.build, &planner.options.recorded);
    let mut differ = Vec::new();
    // Compare versions only: naming the default version makes no difference.
    let mut build = BuildOptions { rust: None, instead_of: None, musl: None, ..theirs.clone() };
    for (name, theirs, ours) in super::report::other_versions(&planner.project.pins, report) {
        differ.push(format!("of {name} {theirs}, not {ours}"));
        match name {
            "rust" => build.rust = Some(theirs.into()),
            "musl" => build.musl = Some(theirs.into()),
            _ => {}
        }
    }
    if theirs.compiler.word() != ours.compiler.word() {
        differ.push(format!("by the {} compiler, not the {} one", theirs.compiler.word(), ours.compiler.word()));
    } else if theirs.compiler != ours.compiler {
        let [theirs, ours] = [theirs, ours].map(|build| build.compiler.arguments().join(" "));
        differ.push(format!("with {theirs}, not {ours}"));
    }
    let lacking = |of: &BuildOptions, other: &BuildOptions| -> Vec<String> {
        of.left_out.iter().filter(|patch| !other.left_out.contains(patch)).cloned().collect()
    };
    differ.extend(lacking(theirs, ours).iter().map(|patch| format!("without patch {patch}")));
    differ.extend(lacking(ours, theirs).iter().map(|patch| format!("with patch {patch}")));
    if differ.is_empty() {
        return Ok(());
    }
    let hint = if report.pins.llvm == planner.project.pins.llvm.version {
        let mut words: Vec<String> = ["cargo", "xtask", "bless"].map(str::to_owned).into();
        words.extend(targets.iter().cloned());
        words.extend(build.arguments());
        format!("`{}` blesses it anyway", command_line(&words))
    } else {
        "run the tests again".into()
    };
    Err(CodedError::error(exit::USAGE, format!("blessing {path}: it was made {}\nhint: {hint}", differ.join(", "))))
}

/// Rejects results of an emulator that the user named: they say nothing about the target as it is tested without it.
fn check_own_emulator(report: &Report, targets: &[String], path: &str) -> Result<()> {
    let named = |run: &&Run| targets.contains(&run.target) && matches!(run.runner, RunnerSpec::Qemu { path: Some(_) });
    let Some(run) = report.runs.iter().find(named) else { return Ok(()) };
    let emulator = run.emulator.as_ref().map(|emulator| format!(", {emulator}")).unwrap_or_default();
    let target = &run.target;
    let error = format!(
        "blessing {path}: {target} ran under the emulator that --qemu named{emulator}: its failures are not known to be the target's\nhint: `cargo xtask test {target}` runs the tests under the project's emulator; `--emulator` records them as the emulator's faults"
    );
    Err(CodedError::error(exit::USAGE, error))
}

/// One text for each reason, with the tests that stay as they are.
fn explained(left: &BTreeSet<Unblessed>) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Unblessed { why, target, suite, test } in left {
        reasons.entry(why).or_default().push(format!("\n  {target}  {suite}  {test}"));
    }
    reasons.into_iter().map(|(why, tests)| visible(&format!("left as it is: {why}{}", tests.concat()))).collect()
}

/// A unified diff, in colour. Standard output removes the colour if it is not a terminal.
fn diff(name: &str, before: &str, after: &str) -> String {
    let side = |prefix: &str, text: &str| {
        if text.trim().is_empty() { "/dev/null".to_owned() } else { format!("{prefix}/{name}") }
    };
    let text = TextDiff::from_lines(before, after);
    let text = text.unified_diff().header(&side("a", before), &side("b", after)).to_string();
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::new().bold(),
            [b'@', ..] => AnsiColor::Cyan.on_default(),
            [b'+', ..] => AnsiColor::Green.on_default(),
            [b'-', ..] => AnsiColor::Red.on_default(),
            _ => Style::new(),
        };
        let (content, ending) = line.split_at(line.trim_end_matches('\n').len());
        shown += &paint(content, style, true);
        shown += ending;
    }
    shown
}

/// Asks on the terminal. Every answer but yes means no.
fn confirmed() -> Result<bool> {
    let mut stderr = anstream::stderr();
    write!(stderr, "Write these changes? [y/N] ").and_then(|()| stderr.flush()).context("asking")?;
    let stdin = std::io::stdin();
    let mut waits = vec![PollFd::new(&stdin, PollFlags::IN)];
    waits.extend(interrupt::fd().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    while let Err(error) = poll(&mut waits, None) {
        if error != rustix::io::Errno::INTR {
            return Err(error).context("waiting for an answer");
        }
    }
    interrupt::check()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer).context("reading the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Replaces the files; each comes with its earlier text. If one has changed meanwhile, none is written. A file that becomes
/// blank is removed.
fn write(root: &Path, files: &[(&ExpectationFile, &str)]) -> Result<()> {
    let mut parts = Vec::new();
    for (file, before) in files {
        let path = root.join(&file.name);
        // Follow a symbolic link.
        let path = if path.exists() { fs_err::canonicalize(path)? } else { path };
        let now = if path.exists() { fs_err::read_to_string(&path)? } else { String::new() };
        if now != *before {
            bail!(
                "writing {}: it has changed meanwhile; nothing is written\nhint: run the same command again",
                file.name
            );
        }
        parts.push((part(&path, &file.text)?, path));
    }
    for (part, path) in parts {
        match part {
            Some(part) => drop(part.persist(&path).with_context(|| format!("writing {}", path.display()))?),
            None if path.exists() => fs_err::remove_file(path)?,
            None => {}
        }
    }
    Ok(())
}

/// The text in a temporary file beside `path`, with that file's permissions; none for a blank text.
fn part(path: &Path, text: &str) -> Result<Option<tempfile::NamedTempFile>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let folder = path.parent().with_context(|| format!("{} is in no folder", path.display()))?;
    fs_err::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".expect").permissions(Permissions::from_mode(0o666));
    let mut part = builder.tempfile_in(folder).with_context(|| format!("writing into {}", folder.display()))?;
    let mut fill = || {
        if path.exists() {
            part.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
        }
        part.write_all(text.as_bytes())?;
        part.as_file().sync_all()
    };
    fill().with_context(|| format!("writing {}", path.display()))?;
    Ok(Some(part))
}
