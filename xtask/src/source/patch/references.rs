//! Checks a patch's references: the layer of its files, its targets and its proof.

use std::path::Path;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::Source;
use bringup_model::proof::Proof;
use bringup_model::series::{Header, Patch, Series};

use super::lint::{self, PatchProblem};
use crate::project::config;

/// All invalid references of a series.
pub fn check(root: &Path, source: &Source, series: &Series) -> Result<Vec<PatchProblem>> {
    let known = config::target_names(root)?;
    let mut problems = Vec::new();
    for patch in &series.patches {
        let header = patch.header();
        let found = [layers(source, patch), targets(&header, &known), proof(root, &header)];
        let found = found.into_iter().flatten();
        problems.extend(found.map(|(line, message)| lint::problem(series, patch, line, message)));
    }
    Ok(problems)
}

/// The layer that a patch belongs to. The error says why it does not belong to exactly one.
pub fn layer<'a>(source: &'a Source, patch: &Patch) -> Result<&'a str, String> {
    let mut layers: Vec<&str> = Vec::new();
    for file in patch.files() {
        let layer = source.layer_of(file).ok_or_else(|| format!("{file} is in none of the layers of bringup.toml"))?;
        if !layers.contains(&layer.name.as_str()) {
            layers.push(&layer.name);
        }
    }
    match layers[..] {
        [layer] => Ok(layer),
        [] => Err("it changes no file".into()),
        _ => Err(format!("it changes files of the layers {}: split it into one patch for each", layers.join(" and "))),
    }
}

/// Fails for a patch that does not belong to exactly one layer: no tree would get it.
pub fn check_layers(source: &Source, series: &Series) -> Result<()> {
    for patch in &series.patches {
        layer(source, patch).map_err(|message| {
            let Series { source, version, .. } = series;
            CodedError::error(exit::USAGE, format!("patches/{source}/{version}/{}: {message}", patch.file))
        })?;
    }
    Ok(())
}

fn layers(source: &Source, patch: &Patch) -> Option<(usize, String)> {
    layer(source, patch).err().map(|message| (1, message))
}

fn targets(header: &Header, known: &[String]) -> Option<(usize, String)> {
    let trailer = header.trailers("Targets").next()?;
    let unknown = header.targets()?.into_iter().find(|name| !known.iter().any(|known| known == name))?;
    Some((trailer.line, format!("Targets: there is no target `{unknown}`")))
}

fn proof(root: &Path, header: &Header) -> Option<(usize, String)> {
    let trailer = header.trailers("Proof").next()?;
    let text = match fs_err::read_to_string(root.join(&trailer.value)) {
        Ok(text) => text,
        Err(error) => return Some((trailer.line, format!("Proof: {}", error.kind()))),
    };
    let (line, message) = Proof::parse(Path::new(&trailer.value), &text).err()?;
    Some((trailer.line, format!("Proof: {}:{line}: {message}", trailer.value)))
}
