//! `patch watch`

use anyhow::Result;
use bringup_model::pins::Source;
use bringup_model::series::{Header, Series, UpstreamStatus};

use crate::project::Project;
use crate::render::table::{Cell, columns};
use crate::source::patch::{load, references};

/// Prints, for each patch of the sources in use, its upstream threads and what to look at.
pub fn run(project: &Project) -> Result<()> {
    let mut rows = vec![["patch", "upstream", "look at", "threads"].map(Cell::plain).to_vec()];
    for source in project.sources() {
        let series = load::load(&project.root, source.name, &source.version)?;
        // Newest first, so the one after the source in use is the last of these.
        let versions = project.pins.versions(source.name);
        let newer = versions.iter().take_while(|other| other.version != source.version);
        let newer = newer
            .map(|newer| Ok((*newer, load::load(&project.root, newer.name, &newer.version)?)))
            .collect::<Result<Vec<_>>>()?;
        for patch in &series.patches {
            let header = patch.header();
            let layer = references::layer(source, patch).unwrap_or_default();
            let (upstream, mut advice) = match header.upstream_status() {
                Ok(status) => (status.to_string(), advice(&status, &header)),
                Err((line, problem)) => (format!("line {line}: {problem}"), Vec::new()),
            };
            advice.extend(newer.iter().rev().find_map(|newer| gone(newer, header.subject(), layer)));
            let row =
                [format!("{}/{}", source.name, patch.file), upstream, advice.join("; "), threads(&header).join(" ")];
            rows.push(row.map(Cell::plain).to_vec());
        }
    }
    super::super::print(&columns(&rows, usize::MAX, false))
}

/// What a maintainer should look at, by the upstream status.
fn advice(status: &UpstreamStatus, header: &Header) -> Vec<String> {
    let advice = match status {
        UpstreamStatus::Pending => "not sent yet: send it".into(),
        UpstreamStatus::Submitted(_) => "whether it is merged".into(),
        UpstreamStatus::Backport(since) => format!("drop it once the source has {since}"),
        UpstreamStatus::Denied => "whether the reason still holds".into(),
        UpstreamStatus::Inappropriate(_) if threads(header).is_empty() => return Vec::new(),
        UpstreamStatus::Inappropriate(_) => "whether the cause is gone".into(),
        UpstreamStatus::InactiveUpstream => "whether there is a new upstream".into(),
    };
    vec![advice]
}

/// Why a newer version is without the patch; nothing if it has one of the same subject.
fn gone((newer, series): &(&Source, Series), subject: &str, layer: &str) -> Option<String> {
    if series.patches.iter().any(|patch| patch.header().subject() == subject) {
        return None;
    }
    let can_be_had =
        newer.layer_named(layer).is_some() && newer.with_layers(|name| name == layer).usable_origins().next().is_some();
    Some(if can_be_had {
        format!("gone in {}", newer.version)
    } else {
        format!("waits for a source of {}", newer.version)
    })
}

/// The addresses that the patch's text names, each once.
fn threads(header: &Header) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let trailers = header.trailers.iter().map(|trailer| trailer.value.as_str());
    for word in std::iter::once(header.body.as_str()).chain(trailers).flat_map(str::split_whitespace) {
        let Some(start) = word.find("https://") else { continue };
        let address = word[start..].trim_end_matches(['.', ',', ')', ']', ';', ':']);
        if !found.iter().any(|known| known == address) {
            found.push(address.into());
        }
    }
    found
}
