//! The series of the sources in use: without the patches that the user leaves out, and, for a day of a channel of Rust,
//! carried to it from the newest pinned version.

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::patch_name::PatchName;
use bringup_model::pins::{LIBRARY, Source};
use bringup_model::series::Series;

use super::plan::Planner;
use crate::source::archive;
use crate::source::fetch::Fetched;
use crate::source::patch;
use crate::source::patch::rebase::{Fate, Rebased, rebase};

/// Where carried series are kept, in the cache.
const FOLDER: &str = "series";

impl Planner<'_> {
    /// The files of the patches that a name stands for. Fails if there is none.
    pub fn named_patches(&self, name: &PatchName) -> Result<Vec<String>> {
        let source = self.project.source(&name.source)?;
        let series = self.series_of(source)?;
        let files = series.patches.iter().filter(|patch| name.is(source.name, patch)).map(|patch| patch.file.clone());
        let files: Vec<String> = files.collect();
        if files.is_empty() {
            let all: Vec<&str> = series.patches.iter().map(|patch| patch.file.as_str()).collect();
            let hint =
                if all.is_empty() { "it has no patches".into() } else { format!("it has\n  {}", all.join("\n  ")) };
            let text = format!("{} {} has no patch `{name}`\nhint: {hint}", source.name, source.version);
            return Err(CodedError::error(exit::USAGE, text));
        }
        Ok(files)
    }

    /// The files of the patches that the user leaves out, each as `SOURCE/FILE`, sorted, without duplicates.
    pub fn left_out(&self) -> Result<Vec<String>> {
        let mut patches = Vec::new();
        for name in &self.options.without {
            let files = self.named_patches(name)?;
            patches.extend(files.iter().map(|file| format!("{}/{file}", name.source)));
        }
        patches.sort();
        patches.dedup();
        Ok(patches)
    }

    /// The series of the sources in use, without the patches that the user leaves out, in the order of
    /// [`crate::project::Project::sources`].
    pub fn series_in_use(&self) -> Result<[Series; 4]> {
        let series = |source: &Source| {
            let series = self.wanted(source)?;
            let is_pinned = source.series == source.version;
            Ok::<_, anyhow::Error>(if is_pinned { series } else { self.carried(source, series)?.series })
        };
        let [rust, musl, llvm, linux] = self.project.sources().map(series);
        Ok([rust?, musl?, llvm?, linux?])
    }

    /// The series that is for a source, whole.
    fn series_of(&self, source: &Source) -> Result<Series> {
        patch::load::load(&self.project.root, source.name, &source.series)
    }

    /// The patches that are not carried to the Rust of a channel because they conflict, each as `SOURCE/FILE`. Says so,
    /// and which patches are upstream by now.
    pub fn tell_of_carried(&self) -> Result<Vec<String>> {
        let source = &self.project.pins.rust;
        if source.series == source.version {
            return Ok(Vec::new());
        }
        let carried = self.carried(source, self.wanted(source)?)?;
        let (console, version) = (&self.workspace.console, &source.version);
        for (file, fate) in &carried.fates {
            match fate {
                Fate::Upstream => console.note(&format!("rust {version}: without {file}: upstream has it")),
                Fate::Conflicts(places) => {
                    console.warn(&format!("rust {version}: without {file}: it conflicts at {}", places.join(", ")));
                }
                Fate::Applies | Fate::Merges | Fate::NotChecked => {}
            }
        }
        Ok(conflicts(&carried).map(|(file, _)| format!("{}/{file}", source.name)).collect())
    }

    /// The series that is for a source, without what the user leaves out.
    fn wanted(&self, source: &Source) -> Result<Series> {
        let series = self.series_of(source)?;
        patch::references::check_layers(source, &series)?;
        Ok(series.without(|patch| self.options.without.iter().any(|name| name.is(source.name, patch))))
    }

    /// Carries a series to a source of a channel from the version that the series is for. Done once for each pair of
    /// archives.
    ///
    /// # Errors
    ///
    /// If a patch conflicts, unless the user skips those.
    fn carried(&self, source: &Source, series: Series) -> Result<Rebased> {
        let from = self.project.pins.find(source.name, &source.series).map_err(anyhow::Error::msg)?;
        let library = |source: &Source| source.with_layers(|layer| layer == LIBRARY);
        let to = library(source);
        let series = series.within(&to);
        let from = library(from);
        let fetch = |source: &Source| self.with_fetcher(|fetcher| fetcher.fetch(source));
        // Where nothing is to be done, the hash of an archive is enough.
        let locate =
            |source: &Source| self.with_fetcher(|fetcher| fetcher.locate(source).or_else(|_| fetcher.fetch(source)));
        let (old, new) = (locate(&from)?, locate(&to)?);
        let inputs = Inputs::new().add("from", &old.sha256).add("to", &new.sha256);
        let inputs = inputs.list("patch", series.patches.iter().map(|patch| &patch.text));
        let inputs = inputs.list("unverified", &series.unverified);
        let record = self.workspace.cache.join(FOLDER).join(format!("{}.json", inputs.digest().short()));
        let carried = if let Some(rebased) = Rebased::read(&record)? {
            rebased
        } else {
            let rebased = carry(&series, (&from, &fetch(&from)?), (&to, &fetch(&to)?))?;
            rebased.write(&record)?;
            rebased
        };
        let conflicts: Vec<String> = conflicts(&carried).map(|(file, places)| format!("{file}: {places}")).collect();
        if conflicts.is_empty() || self.options.skip_conflicts {
            return Ok(carried);
        }
        let version = &source.version;
        let text = format!(
            "patches for Rust {} conflict with {version}:\n  {}\nhint: --skip-conflicts leaves them out, and the report says so",
            source.series,
            conflicts.join("\n  ")
        );
        Err(CodedError::error(exit::STEP, text))
    }
}

/// The patches that conflict, and where.
fn conflicts(carried: &Rebased) -> impl Iterator<Item = (&String, String)> {
    carried.fates.iter().filter_map(|(file, fate)| match fate {
        Fate::Conflicts(places) => Some((file, places.join(", "))),
        _ => None,
    })
}

/// Rebases a series between the archives of two versions.
fn carry(series: &Series, (from, old): (&Source, &Fetched), (to, new): (&Source, &Fetched)) -> Result<Rebased> {
    let scratch = tempfile::tempdir().context("making a folder for two sources")?;
    let unpack = |source: &Source, fetched: &Fetched, name: &str| {
        let place = scratch.path().join(name);
        archive::unpack(&fetched.path, &place, fetched.strip, &source.part()).map(|()| place)
    };
    rebase(series, &unpack(from, old, "old")?, to, &[unpack(to, new, "new")?])
}
