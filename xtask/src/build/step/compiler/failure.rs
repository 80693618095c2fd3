//! Finds the cause of a failed build of rustc in what x.py printed.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Error, anyhow};
use bringup_model::series::Series;

use bringup_runner::interrupt::is_interrupt;

/// Messages in the log when there is not enough memory, from compilers, linkers, and cargo after the kernel killed
/// one of them.
const NO_MEMORY: [&str; 5] =
    ["memory allocation of", "out of memory", "Cannot allocate memory", "signal: 9, SIGKILL", "std::bad_alloc"];

/// Adds the cause of an error, from the log in the file `log`.
pub fn explain(error: Error, log: &Path, series: &Series) -> Error {
    if is_interrupt(&error) {
        return error;
    }
    let text = fs_err::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let log = log.display();
    if let Some(message) = broken_source(&text, series) {
        return anyhow!("{message}\nthe whole log: {log}");
    }
    if NO_MEMORY.iter().any(|words| text.contains(words)) {
        return anyhow!(
            "{error:#}\nhint: there was not enough memory: use fewer `--jobs`, or set codegen-units = 1 and lto = \"off\" in [compiler.rust] of bringup.toml; the same command then continues from here"
        );
    }
    error
}

/// The first error of rustc in a file of the source, and the patches that change that file.
fn broken_source(text: &str, series: &Series) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (index, file, place) = lines.iter().enumerate().find_map(|(index, line)| {
        if !line.starts_with("error") {
            return None;
        }
        let place = lines.get(index + 1..)?.iter().take(3).find_map(|line| line.trim_start().strip_prefix("--> "))?;
        let file = place.split(':').next()?;
        Some((index, file, place))
    })?;
    let patches: Vec<&str> = series
        .patches
        .iter()
        .filter(|patch| patch.files().iter().any(|changed| file == *changed || file.ends_with(&format!("/{changed}"))))
        .map(|patch| patch.file.as_str())
        .collect();
    let Series { source, version, .. } = series;
    let mut message = format!("{source} {version} does not compile: {}\n  --> {place}", lines[index]);
    let _ = if patches.is_empty() {
        write!(message, "\nno patch changes that file; the cause may be one of the series: {}", names(series))
    } else {
        write!(
            message,
            "\nit is changed by {}\nhint: `cargo xtask patch apply {}` makes a working tree to repair it in",
            patches.join(", "),
            series.selector()
        )
    };
    Some(message)
}

fn names(series: &Series) -> String {
    let names: Vec<&str> = series.patches.iter().map(|patch| patch.file.as_str()).collect();
    if names.is_empty() { "there are no patches".into() } else { names.join(", ") }
}
