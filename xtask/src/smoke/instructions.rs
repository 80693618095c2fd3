//! The instructions of a toolchain's objects and libraries: none may be beyond the target's baseline.
//!
//! llvm-objdump prints every instruction with its bytes. llvm-mc decodes each distinct sequence of bytes again, for the
//! baseline alone: what it refuses is beyond the baseline. llvm-objdump itself cannot tell, because it also uses the
//! processor that a file claims to be for. Some of LLVM's decoders decode everything for every processor. There,
//! target.toml lists the names of newer instructions.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::target::{BeyondBaseline, Processor, Target};
use bringup_runner::exec::Cmd;
use bringup_runner::jobs::{Jobs, Share};

use listing::{Instruction, Listing};

mod listing;

/// LLVM's tools that decode instructions.
#[derive(Debug, Clone, Copy)]
pub struct Decoders<'a> {
    /// llvm-objdump.
    pub objdump: &'a Path,
    /// llvm-mc.
    pub mc: &'a Path,
}

/// The instructions of some files.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Those beyond the baseline.
    pub beyond: BTreeSet<BeyondBaseline>,
    /// The functions that were left out, because they have numbers between their instructions.
    pub with_data: BTreeSet<String>,
    /// The number of distinct instructions.
    pub distinct: usize,
    /// Processor time.
    pub cpu: Duration,
}

/// Decodes the instructions of these files, which are objects or libraries, for `processor`.
pub fn decode(
    decoders: Decoders<'_>,
    target: &Target,
    processor: &Processor,
    files: &[PathBuf],
    jobs: &Jobs,
) -> Result<Decoded> {
    let rules = &target.baseline.instructions;
    let cmd = Cmd::new(decoders.objdump).args(["--disassemble"]).args(rules.newest.args(&[]));
    let output = cmd.args(files).within(jobs, Share::Tool).output()?;
    if !output.finished.status.success() {
        bail!("{} failed{}", decoders.objdump.display(), output.last_lines());
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    let mut decoded = Decoded { cpu: output.finished.cpu, ..Decoded::default() };
    let mut distinct: HashSet<Instruction<'_>> = HashSet::new();
    for (instruction, place) in Listing::new(&listing) {
        if !rules.has_data(place.symbol) {
            distinct.insert(instruction);
        } else if !decoded.with_data.contains(place.symbol) {
            decoded.with_data.insert(place.symbol.to_owned());
        }
    }
    decoded.distinct = distinct.len();
    let (refused, cpu) = refused(decoders, target, processor, &distinct, jobs)?;
    decoded.cpu += cpu;
    let mut beyond: HashMap<Instruction<'_>, bool> = HashMap::new();
    for (instruction, place) in Listing::new(&listing).filter(|(_, place)| !decoded.with_data.contains(place.symbol)) {
        let is_beyond = beyond
            .entry(instruction)
            .or_insert_with(|| refused.contains(instruction.bytes) || rules.is_newer(instruction.mnemonic));
        if *is_beyond {
            decoded.beyond.insert(BeyondBaseline {
                mnemonic: instruction.name(),
                symbol: place.symbol.into(),
                file: place.file_name(),
            });
        }
    }
    Ok(decoded)
}

/// The instructions, by their bytes as printed, that the processor does not have.
fn refused<'a>(
    decoders: Decoders<'_>,
    target: &Target,
    processor: &Processor,
    distinct: &HashSet<Instruction<'a>>,
    jobs: &Jobs,
) -> Result<(HashSet<&'a str>, Duration)> {
    let mut refused = HashSet::new();
    let mut cpu = Duration::ZERO;
    for in_halfwords in [false, true] {
        let bytes: HashSet<&str> =
            distinct.iter().filter(|it| it.in_halfwords() == in_halfwords).map(|it| it.bytes).collect();
        if bytes.is_empty() {
            continue;
        }
        let bytes: Vec<&str> = bytes.into_iter().collect();
        let text: String = bytes.iter().map(|bytes| listing::memory_order(bytes, target.elf.big_endian)).collect();
        let file = tempfile::NamedTempFile::new().context("making a temporary file")?;
        fs_err::write(file.path(), text)?;
        let more = if in_halfwords { &*target.baseline.instructions.halfword_features } else { &[] };
        let cmd = Cmd::new(decoders.mc).args(["--disassemble", "--filetype=null"]);
        let cmd = cmd.arg(format!("--triple={}", target.c.target)).args(processor.args(more)).arg(file.path());
        let output = cmd.within(jobs, Share::Tool).output()?;
        cpu += output.finished.cpu;
        let printed = String::from_utf8_lossy(&output.stderr);
        // It succeeds even if it refuses every line, and ignores a processor that it does not know.
        if let Some(line) = printed.lines().find(|line| line.contains("is not a recognized")) {
            bail!(
                "{}: {line}\nhint: correct [baseline.instructions] in targets/{}/target.toml",
                decoders.mc.display(),
                target.name
            );
        }
        let invalid = |line: &str| line.strip_suffix(": warning: invalid instruction encoding").map(str::to_owned);
        for place in printed.lines().filter_map(invalid) {
            let line = place.rsplit(':').nth(1).and_then(|line| line.parse::<usize>().ok());
            let bytes = line.and_then(|line| bytes.get(line.checked_sub(1)?));
            refused.insert(
                *bytes.with_context(|| {
                    format!("{} refers to a line that it did not get: {place}", decoders.mc.display())
                })?,
            );
        }
        if !output.finished.status.success() && refused.is_empty() {
            bail!("{} failed{}", decoders.mc.display(), output.last_lines());
        }
    }
    Ok((refused, cpu))
}
