//! Reads bringup.toml and targets/ into checked values.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::exit::{self, CodedError};
use bringup_model::limits::{LimitTable, Limits, OverridesFile};
use bringup_model::pins::{Pins, PinsFile};
use bringup_model::release::{Release, ReleaseName, ReleaseSpan, Releases, ReleasesFile};
use bringup_model::suite;
use bringup_model::target::{Target, TargetFile};

/// The file that marks the project's folder.
pub const PINS_FILE: &str = "bringup.toml";
/// The file that says what Alpine's releases ship.
pub const RELEASES_FILE: &str = "targets/alpine.toml";

/// The file of limits for single tests, in qemu/ and in a target's folder.
const LIMITS_FILE: &str = "limits.toml";

/// The project's folder: the nearest one at or above `start` that holds bringup.toml.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    let found = start.ancestors().find(|folder| folder.join(PINS_FILE).is_file());
    let found = found.with_context(|| {
        format!(
            "no {PINS_FILE} in {} or above it\nhint: run inside a clone of Bringup, or give its folder with -C",
            start.display()
        )
    })?;
    Ok(found.to_owned())
}

/// Reads bringup.toml.
pub fn pins(root: &Path) -> Result<Pins> {
    let path = root.join(PINS_FILE);
    let text = fs_err::read_to_string(&path)?;
    let file: PinsFile = toml::from_str(&text).map_err(|error| fault(&path, &error.to_string()))?;
    file.validate().map_err(|error| fault(&path, &error))
}

/// Reads the limits of a target's tests. If the tests run `emulated`, qemu/limits.toml overrides `defaults`. The
/// target's limits.toml overrides both. Both files are optional.
pub fn limits(root: &Path, target: &str, defaults: Limits, emulated: bool) -> Result<LimitTable> {
    let qemu = emulated.then(|| root.join("qemu").join(LIMITS_FILE));
    let mut files = Vec::new();
    for path in qemu.into_iter().chain([target_dir(root, target).join(LIMITS_FILE)]) {
        if path.is_file() {
            let file: OverridesFile =
                toml::from_str(&fs_err::read_to_string(&path)?).map_err(|error| fault(&path, &error.to_string()))?;
            files.push(file.validate(&suite::all(), defaults).map_err(|error| fault(&path, &error))?);
        }
    }
    Ok(LimitTable::new(defaults, files))
}

/// Reads targets/alpine.toml. Fails if it lists a target that the project lacks.
pub fn releases(root: &Path) -> Result<Releases> {
    let path = root.join(RELEASES_FILE);
    let text = fs_err::read_to_string(&path)?;
    let file: ReleasesFile = toml::from_str(&text).map_err(|error| fault(&path, &error.to_string()))?;
    let releases = file.validate().map_err(|error| fault(&path, &error))?;
    let known = target_names(root)?;
    if let Some((name, target)) = releases.pairs().find(|(_, target)| !known.iter().any(|name| name == target)) {
        let hint = format!("hint: make targets/{target}/target.toml, or take `{target}` out of every release");
        return Err(fault(&path, &format!("targets: release {name} has `{target}`, which has no folder\n{hint}")));
    }
    Ok(releases)
}

/// The Alpine release of this name. The error for an unknown name suggests the nearest ones.
pub fn release(root: &Path, name: &str) -> Result<Release> {
    let releases = releases(root)?;
    let found = name.parse::<ReleaseName>().ok().and_then(|name| releases.get(name));
    found.cloned().ok_or_else(|| {
        let known: Vec<String> = releases.names().map(|name| name.to_string()).collect();
        let hint = nearest(name, &known, "releases");
        CodedError::error(exit::USAGE, format!("unknown release `{name}`{hint}"))
    })
}

/// Fails unless `since` and `until` of these targets agree with targets/alpine.toml.
pub fn check_releases(root: &Path, targets: &[Target]) -> Result<()> {
    let releases = releases(root)?;
    let mut faults = Vec::new();
    for target in targets {
        let file = target_file(root, &target.name);
        let (ours, alpine) = (target.alpine, releases.span(&target.name));
        let since = |span: Option<ReleaseSpan>| span.map(|span| span.since);
        let until = |span: Option<ReleaseSpan>| span.and_then(|span| span.until);
        for (key, ours, alpine) in [("since", since(ours), since(alpine)), ("until", until(ours), until(alpine))] {
            if ours != alpine {
                let text = |name: Option<ReleaseName>| name.map_or_else(|| "none".into(), |name| name.to_string());
                let (file, ours, alpine) = (file.display(), text(ours), text(alpine));
                faults.push(format!("{file}: {key} is {ours}, but {RELEASES_FILE} says {alpine}"));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(CodedError::error(exit::USAGE, faults.join("\n"))) }
}

/// The faults of targets that have one triple: their toolchains and specs would have the same names.
pub fn check_triples(root: &Path, targets: &[Target]) -> Result<Vec<String>> {
    let all = self::targets(root, &[])?;
    let twin = |target: &Target| {
        let other = all.iter().find(|other| other.triple == target.triple && other.name != target.name)?;
        let (file, triple) = (target_file(root, &target.name), &target.triple);
        let hint = "hint: each target requires a triple of its own";
        Some(format!("{}: triple is `{triple}`, which is also that of {}\n{hint}", file.display(), other.name))
    };
    Ok(targets.iter().filter_map(twin).collect())
}

/// The usage error for a fault in a project file.
fn fault(path: &Path, error: &str) -> anyhow::Error {
    CodedError::error(exit::USAGE, format!("{}: {}", path.display(), error.trim_end()))
}

/// Names of all targets, sorted: the folders in targets/ that hold a target.toml.
pub fn target_names(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(root.join("targets"))? {
        let entry = entry?;
        if entry.path().join("target.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Reads the named targets, or all if none is named. The error for an unknown name suggests the nearest ones.
pub fn targets(root: &Path, names: &[String]) -> Result<Vec<Target>> {
    let known = target_names(root)?;
    let wanted = if names.is_empty() { &known } else { names };
    let mut targets = Vec::new();
    for name in wanted {
        if !known.contains(name) {
            return Err(CodedError::error(
                exit::USAGE,
                format!("unknown target `{name}`{}", nearest(name, &known, "targets")),
            ));
        }
        if !targets.iter().any(|target: &Target| target.name == *name) {
            targets.push(target(root, name)?);
        }
    }
    Ok(targets)
}

/// The folder of a target.
pub fn target_dir(root: &Path, name: &str) -> PathBuf {
    root.join("targets").join(name)
}

/// The target.toml of a target.
pub fn target_file(root: &Path, name: &str) -> PathBuf {
    target_dir(root, name).join("target.toml")
}

fn target(root: &Path, name: &str) -> Result<Target> {
    let path = target_file(root, name);
    let text = fs_err::read_to_string(&path)?;
    let file: TargetFile = toml::from_str(&text).map_err(|error| fault(&path, &error.to_string()))?;
    file.validate(name).map_err(|error| fault(&path, &error))
}

/// A hint for an unknown name. `noun` is the plural for the known names.
pub fn nearest(name: &str, known: &[String], noun: &str) -> String {
    let mut close: Vec<(f64, &String)> = known.iter().map(|other| (strsim::jaro_winkler(name, other), other)).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    let close: Vec<String> =
        close.iter().take_while(|(score, _)| *score > 0.6).take(3).map(|(_, other)| format!("`{other}`")).collect();
    if close.is_empty() {
        format!("\nhint: the {noun} are {}", known.join(", "))
    } else {
        format!("\nhint: did you mean {}?", close.join(" or "))
    }
}
