//! What a release channel of Rust is now, or was on a day: asked once of rustup's server, and recorded in the cache.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::pins::{ChannelName, RustRelease, is_sha256};
use bringup_runner::files::replace;
use bringup_runner::interrupt::is_interrupt;
use serde::{Deserialize, Serialize};

use super::channel::manifest_url;
use super::unavailable::Unavailable;
use super::{Fetcher, download};

/// The folder of the records in the cache.
const FOLDER: &str = "channels";

/// A day of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The channel with the day, which selects the same again.
    pub name: ChannelName,
    /// Its release.
    pub release: RustRelease,
}

/// What is recorded of a day.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelRecord {
    date: String,
    version: String,
    commit: String,
    manifest: String,
}

impl Fetcher<'_> {
    /// Finds out which release a channel is now, or was on its day. A day never changes, so the server is asked about it
    /// once. Without the network, a channel is what it was when the server was last asked.
    ///
    /// # Errors
    ///
    /// If the server cannot be asked or has no such day.
    pub fn resolve(&self, name: &ChannelName) -> Result<Resolved> {
        if (self.offline || name.date().is_some())
            && let Some(record) = self.recorded(name)?
        {
            let resolved = record.into_resolved(name);
            if name.date().is_none() {
                (self.say)(&format!("{name}: {}, as the server has last said", resolved.name));
            }
            return Ok(resolved);
        }
        self.ask(name).map_err(|error| {
            let hint = match Unavailable::of(&error) {
                _ if is_interrupt(&error) => return error,
                Some(Unavailable::Status(404)) => self.nearest(name),
                Some(Unavailable::Offline) => format!("`fetch --rust {name}` with the network"),
                _ => match self.recorded(&name.newest()).ok().flatten() {
                    Some(record) => format!("the last that was used is `--rust {}`", name.on(&record.date)),
                    None => "name a version that bringup.toml pins".into(),
                },
            };
            anyhow!("finding out what Rust {name} is: {error:#}\nhint: {hint}")
        })
    }

    fn ask(&self, name: &ChannelName) -> Result<Resolved> {
        let manifest = self.hash_of(name)?;
        let (version, commit, path) = (String::new(), String::new(), name.manifest());
        let mut release = RustRelease { version, commit, manifest, path };
        let manifest = self.manifest_of("rust", &release)?;
        (release.version, release.commit) = manifest.release()?;
        let date = manifest.date();
        if name.date().is_some_and(|named| named != date) {
            bail!("the server's manifest is of {date}");
        }
        let record = ChannelRecord {
            date: date.into(),
            version: release.version.clone(),
            commit: release.commit.clone(),
            manifest: release.manifest.clone(),
        };
        let resolved = record.into_resolved(name);
        // The day's own manifest may be missing while it is the newest, so the one that was read is kept by both names.
        for name in [&resolved.name, name] {
            self.keep(name, &resolved)?;
        }
        Ok(resolved)
    }

    /// The sha256 of a channel's manifest, which the server has in a file beside it.
    fn hash_of(&self, name: &ChannelName) -> Result<String> {
        if self.offline {
            return Err(Unavailable::Offline.into());
        }
        let url = format!("{}.sha256", manifest_url(&name.manifest()));
        let file = tempfile::NamedTempFile::new().context("making a temporary file")?;
        let mut part = fs_err::OpenOptions::new().read(true).append(true).open(file.path())?;
        download::download(&url, &mut part, self.patience, &|line| (self.say)(&format!("rust: {line}")))?;
        let text = fs_err::read_to_string(file.path()).with_context(|| format!("reading {url}"))?;
        let hash = text.split_whitespace().next().unwrap_or_default();
        if is_sha256(hash) { Ok(hash.into()) } else { bail!("{url} is not a sha256") }
    }

    /// Names that the server has instead of one that it lacks.
    fn nearest(&self, name: &ChannelName) -> String {
        match (name.date(), self.ask(&name.newest())) {
            (Some(_), Ok(newest)) => format!("the newest is {}; not every day has a release", newest.name),
            _ => "name a version that bringup.toml pins".into(),
        }
    }

    fn record_of(&self, name: &ChannelName) -> PathBuf {
        self.cache.join(FOLDER).join(format!("{name}.toml"))
    }

    fn recorded(&self, name: &ChannelName) -> Result<Option<ChannelRecord>> {
        let path = self.record_of(name);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs_err::read_to_string(&path)?;
        // A record that was cut short is asked for again.
        Ok(toml::from_str(&text).ok())
    }

    fn keep(&self, name: &ChannelName, resolved: &Resolved) -> Result<()> {
        let RustRelease { version, commit, manifest, .. } = resolved.release.clone();
        let date = resolved.name.date().unwrap_or_default().to_owned();
        replace(&self.record_of(name), toml::to_string(&ChannelRecord { date, version, commit, manifest })?)
    }
}

impl ChannelRecord {
    fn into_resolved(self, name: &ChannelName) -> Resolved {
        let Self { date, version, commit, manifest } = self;
        let name = name.on(&date);
        let path = name.manifest();
        Resolved { name, release: RustRelease { version, commit, manifest, path } }
    }
}
