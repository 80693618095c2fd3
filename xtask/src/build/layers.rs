//! What can be had of a source whose origins do not all have every layer.

use anyhow::Result;
use bringup_model::pins::{Source, SourceLayer};
use bringup_model::series::Series;
use bringup_runner::interrupt::is_interrupt;

use super::plan::{FetchMode, Planner};
use crate::build::step::patch::PatchStep;

/// The layers of a source that can be had, without patches.
pub struct SourceParts {
    /// The source with these layers.
    pub present: Source,
    /// The steps that unpack them, each with its layers: one, or one for each archive if no archive has all layers.
    pub steps: Vec<(Source, PatchStep)>,
    /// The layers that cannot be had.
    pub absent: Vec<String>,
    /// Why the archive with all layers cannot be had; empty if it can.
    pub why: String,
}

impl Planner<'_> {
    /// Fetches a source with all its layers. If no archive with all of them can be had, fetches archives that have some.
    ///
    /// # Errors
    ///
    /// If no layer can be had.
    pub fn source_parts(&self, source: &Source) -> Result<SourceParts> {
        let pristine = |source: &Source| {
            let (name, version) = (source.name.into(), source.version.clone());
            let step =
                self.patch_step(source, &Series { source: name, version, ..Series::default() }, FetchMode::Fetch)?;
            Ok::<_, anyhow::Error>(step)
        };
        let error = match pristine(source) {
            Ok(step) => {
                let (present, steps) = (source.clone(), vec![(source.clone(), step)]);
                return Ok(SourceParts { present, steps, absent: Vec::new(), why: String::new() });
            }
            Err(error) if is_interrupt(&error) => return Err(error),
            Err(error) => error,
        };
        // An origin that has all layers has just failed.
        let parts = source.with_partial_origins();
        let mut archives: Vec<(String, Vec<&SourceLayer>)> = Vec::new();
        let mut absent = Vec::new();
        for layer in &source.layers {
            match pristine(&parts.with_layers(|name| name == layer.name)) {
                Ok(step) => match archives.iter_mut().find(|(sha256, _)| *sha256 == step.sha256) {
                    Some((_, layers)) => layers.push(layer),
                    None => archives.push((step.sha256, vec![layer])),
                },
                Err(error) if is_interrupt(&error) => return Err(error),
                Err(_) => absent.push(layer.name.clone()),
            }
        }
        if archives.is_empty() {
            return Err(error);
        }
        let step = |(_, layers): &(String, Vec<&SourceLayer>)| {
            let part = parts.with_layers(|name| layers.iter().any(|layer| layer.name == name));
            Ok((part.clone(), pristine(&part)?))
        };
        let steps = archives.iter().map(step).collect::<Result<_>>()?;
        let present = source.with_layers(|name| !absent.iter().any(|absent| absent == name));
        Ok(SourceParts { present, steps, absent, why: format!("{error:#}") })
    }
}
