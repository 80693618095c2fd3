//! Reading the expectations of a target: qemu/ for the emulator's faults, targets/ for its own.

use std::path::Path;

use anyhow::Result;

use crate::exit::{self, Coded};
use crate::model::expectation::{Expectations, Layer};
use crate::session::shown;
use crate::step::test_programs;

/// The expectations that hold for `target`. A file that is not there holds none.
pub fn load(root: &Path, target: &str) -> Result<Expectations> {
    let files = [
        (Layer::Emulator, root.join("qemu/all.expect.txt")),
        (Layer::Emulator, root.join("qemu").join(format!("{target}.expect.txt"))),
        (Layer::Target, root.join("targets").join(target).join("expect.txt")),
    ];
    let mut texts = Vec::new();
    for (layer, path) in files {
        match fs_err::read_to_string(&path) {
            Ok(text) => texts.push((layer, shown(root, &path), text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let files = texts.iter().map(|(layer, path, text)| (*layer, path.as_str(), text.as_str()));
    let expectations = Expectations::parse(files).map_err(|error| Coded::error(exit::USAGE, error.to_string()))?;
    expectations.check_suites(&test_programs::suites()).map_err(|error| Coded::error(exit::USAGE, error))?;
    Ok(expectations)
}
