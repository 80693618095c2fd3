//! `triage`

mod failures;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::compiler::{Compiler, CompilerBuild};
use bringup_model::exit::{self, CodedError};
use bringup_model::isolation::Isolation;
use bringup_model::series::Patch;
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use crate::build::Planner;
use crate::build::store::Store;
use crate::cli::{TargetNames, TriageArgs};
use crate::host::emulator;
use crate::project::shown;
use crate::smoke;
use crate::source::git;
use crate::triage::page::{self, PageContext};
use crate::triage::{self, RunConfig, SMOKE, Triage, TriageRequest, Triaged, Variant, script};

/// The least time limit of one run, unless the user sets one. Alone, hardly any test takes longer.
const LIMIT: Duration = Duration::from_mins(1);

pub fn run(planner: &Planner<'_>, options: &TriageArgs) -> Result<u8> {
    let names = TargetNames { targets: vec![options.target.clone()], release: None };
    let target = names.read(planner.project, &planner.workspace.console)?.pop().context("no target is named")?;
    let failures = failures::failures(planner, options, &target)?;
    if failures.is_empty() {
        planner.workspace.console.note(&format!("the last report has no unexpected failure of {}", target.name));
        return Ok(exit::NOTHING_RAN);
    }
    let targets = TargetNames::default().read(planner.project, &planner.workspace.console)?;
    let requests: Vec<TriageRequest> =
        failures.into_iter().map(|failure| request(planner, options, &target, failure)).collect::<Result<_>>()?;
    let store = planner.workspace.store()?;
    let mut failed = 0;
    for request in &requests {
        let title = request.triaged.title();
        match one(planner, &store, &targets, request, options) {
            // Continue with the other tests.
            Err(error) if requests.len() > 1 && crate::error::of_error(&error) != exit::INTERRUPTED => {
                failed += 1;
                planner.workspace.console.warn(&format!("{title} could not be triaged: {error:#}"));
            }
            result => result?,
        }
    }
    planner.workspace.console.finish();
    if failed > 0 {
        bail!("{failed} of {} tests could not be triaged; the errors are above", requests.len());
    }
    Ok(exit::EXPECTED)
}

fn request(
    planner: &Planner<'_>,
    options: &TriageArgs,
    target: &Target,
    failure: failures::TestFailure,
) -> Result<TriageRequest> {
    let given = options.qemu.as_ref().or(failure.qemu.as_ref());
    let emulator = if failure.native {
        smoke::elf::check_native(target)?;
        None
    } else {
        let found = planner.emulators().find(&target.qemu.emulator, given.map(PathBuf::as_path));
        Some(found.map_err(|error| if options.qemu.is_none() && given.is_some() { of_report(&error) } else { error })?)
    };
    if let (None, Some(given), Some(_)) = (&options.qemu, given, &emulator) {
        planner.workspace.console.note(&format!("using the emulator of the last report: {}", given.display()));
    }
    if let (None, Some(theirs), Some(ours)) = (&options.qemu, &failure.emulator, &emulator) {
        let ours = ours.identity()?;
        if ours != *theirs {
            let text = format!("{}: the emulator is {ours}; the last report's was {theirs}", failure.triaged.title());
            planner.workspace.console.warn(&text);
        }
    }
    let base = RunConfig {
        target: target.clone(),
        emulator,
        link: failure.link,
        isolation: options.isolation,
        variant: Variant::default(),
        after_others: false,
    };
    let limit = match (options.limit, failure.takes) {
        (Some(seconds), _) => Duration::from_secs(seconds.into()),
        (None, takes) => {
            LIMIT.max(takes.unwrap_or_default()).min(Duration::from_secs(planner.project.pins.limits.test_seconds))
        }
    };
    Ok(TriageRequest {
        triaged: failure.triaged,
        base,
        named_emulator: given.is_some(),
        failed_in_suite: failure.failed_in_suite,
        emulators: options.control_qemu.clone(),
        deep: options.deep,
        limit,
    })
}

/// Says where the emulator's name comes from.
fn of_report(error: &anyhow::Error) -> anyhow::Error {
    let hint = "hint: the last report names it; give another one with --qemu";
    CodedError::error(exit::HOST, format!("{error:#}\n{hint}"))
}

fn one(
    planner: &Planner<'_>,
    store: &Store,
    targets: &[Target],
    request: &TriageRequest,
    options: &TriageArgs,
) -> Result<()> {
    let triage = triage::run(planner, store, targets, request)?;
    let context = PageContext {
        versions: versions(planner, request)?,
        patches: patches(planner)?,
        source: source(&planner.project.root, request)?,
        command: command(planner, request, options),
    };
    let page = page::markdown(&triage, &request.base.target.name, &context);
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let page = script::portable(
        &page,
        &[(&planner.project.root, "."), (&planner.workspace.cache, "$BRINGUP_CACHE"), (&home, "~")],
    );
    let file = write(&planner.workspace.out, &page_name(request), &page)?;
    let table = page::terminal(&triage, planner.workspace.console.color());
    let head = heading(&triage, request);
    super::print(&format!("{head}\n\n{table}\n{}\n", shown(&planner.project.root, &file)))
}

fn heading(triage: &Triage, request: &TriageRequest) -> String {
    format!("{} on {}", triage.title, request.base.target.name)
}

/// The page's file name. A test that fails in two settings has two pages.
fn page_name(request: &TriageRequest) -> String {
    let base = &request.base;
    let runner = match &base.emulator {
        None => "-native".to_owned(),
        Some(emulator) if request.named_emulator => format!("-qemu-{}", emulator.version),
        Some(_) => String::new(),
    };
    let isolation = match base.isolation {
        Isolation::Full => String::new(),
        other => format!("-isolation-{}", other.word()),
    };
    format!("{}-{}{runner}{isolation}", request.name(), base.link)
}

fn write(out: &Path, name: &str, page: &str) -> Result<PathBuf> {
    let folder = out.join("triage");
    fs_err::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.md"));
    let part = folder.join(format!(".{name}.md"));
    fs_err::write(&part, page)?;
    fs_err::rename(part, &file)?;
    Ok(file)
}

fn versions(planner: &Planner<'_>, request: &TriageRequest) -> Result<Vec<(String, String)>> {
    let host = planner.host()?;
    let kernel = rustix::system::uname();
    let named = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    let mut lines = Vec::new();
    if let Some((commit, changed)) = git::state(&planner.project.root)? {
        lines.push(named("Bringup", &(commit + if changed { ", with changes" } else { "" })));
    }
    let compiler = match planner.options.compiler {
        Compiler::Stock => "the installed rustc".to_owned(),
        Compiler::Bootstrap(CompilerBuild { stage, llvm }) => {
            format!("built from the patched source, stage {stage}, with {} LLVM", llvm.word())
        }
    };
    lines.extend([
        named("target", &request.base.target.triple),
        named("Rust", &format!("{} ({})", planner.project.pins.rust.version, host.rust.commit)),
        named("compiler", &compiler),
        named("musl", &planner.project.pins.musl.version),
        named("LLVM runtimes", &planner.project.pins.llvm.version),
    ]);
    if let Some(emulator) = &request.base.emulator {
        let said = emulator::described(&emulator.path).unwrap_or_else(|_| emulator.version.to_string());
        lines.push(named("QEMU", &said));
    }
    if let Some(clang) = host.versions().get("clang") {
        lines.push(named("clang", clang));
    }
    let kernel = format!("{} {}", kernel.release().to_string_lossy(), kernel.machine().to_string_lossy());
    lines.push(named("host", &format!("{}, Linux {kernel}", host.rust.triple)));
    lines.extend(planner.options.recorded.notes().into_iter().map(|note| ("note".to_owned(), note)));
    Ok(lines)
}

fn patches(planner: &Planner<'_>) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for series in planner.series_in_use()? {
        let file = |patch: &Patch| format!("patches/{}/{}/{}", series.source, series.version, patch.file);
        files.extend(series.patches.iter().map(file));
    }
    Ok(files)
}

/// Name and text of the proof's file; none for a test.
fn source(root: &Path, request: &TriageRequest) -> Result<Option<(String, String)>> {
    let Triaged::Proof { file, .. } = &request.triaged else { return Ok(None) };
    Ok(Some((shown(root, file), fs_err::read_to_string(file)?)))
}

/// The command line that repeats this triage.
fn command(planner: &Planner<'_>, request: &TriageRequest, options: &TriageArgs) -> String {
    let mut words = vec!["cargo".to_owned(), "xtask".into(), "triage".into(), request.base.target.name.clone()];
    match (&request.triaged, &options.proof) {
        (Triaged::Test { suite, test }, _) => words.extend([suite.clone(), quote(test.as_ref())]),
        (Triaged::Proof { .. }, Some(patch)) => words.extend(["--proof".into(), patch.to_string()]),
        (Triaged::Proof { .. }, None) => {}
        (Triaged::Smoke { check, .. }, _) => words.extend([SMOKE.into(), quote(check.as_ref())]),
    }
    words.extend(["--link".into(), request.base.link.to_string()]);
    match &request.base.emulator {
        None => words.extend(["--runner".into(), "native".into()]),
        Some(emulator) if request.named_emulator => {
            let variable = script::emulator_variable(&emulator.path, &emulator.version);
            words.extend(["--qemu".into(), format!("\"${variable}\"")]);
        }
        Some(_) => {}
    }
    for qemu in &options.control_qemu {
        words.extend(["--control-qemu".into(), quote(qemu.as_ref())]);
    }
    if request.base.isolation != Isolation::Full {
        words.extend(["--isolation".into(), request.base.isolation.word().into()]);
    }
    if options.deep {
        words.push("--deep".into());
    }
    words.extend(options.limit.map(|limit| format!("--limit {limit}")));
    words.push(script::choices(planner));
    words.join(" ")
}
