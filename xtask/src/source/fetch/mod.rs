//! Fetches a pinned archive: from the cache, or from the first origin that has it.

mod apt;
mod cache;
mod channel;
mod debian;
mod download;
mod release;
mod resolve;
#[cfg(test)]
mod tests;
mod unavailable;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

pub use apt::{Apt, AptPackage};
pub use cache::{Cache, expect_sha256};
pub use channel::{INSTALLED_MANIFEST, SERVER_ENV};
pub use debian::PackageKind;
pub use download::Patience;
pub use release::COMPONENTS;
pub use resolve::Resolved;
pub use unavailable::Unavailable;

use bringup_model::pins::{Locator, Source, SourceOrigin};
use bringup_runner::files::sha256_file;
use bringup_runner::interrupt::is_interrupt;

/// Why an origin on the network is not tried.
pub const OFFLINE: &str = "the network is forbidden (--offline)";
/// The origin of an archive that is there already.
const CACHE: &str = "the cache";

/// An archive to unpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Path of the archive.
    pub path: PathBuf,
    /// Expected sha256.
    pub sha256: String,
    /// Leading path components that are not part of the tree.
    pub strip: usize,
    /// Files and folders that x.py requires and the archive lacks.
    pub lacks: Vec<String>,
    /// The origin, to show.
    pub origin: String,
}

/// Fetches pinned archives.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    /// The cache folder.
    pub cache: &'a Path,
    /// The project's folder. Paths in the pins are relative to it.
    pub root: &'a Path,
    /// The sysroot of the host's rustc, which has rustup's manifest.
    pub sysroot: &'a Path,
    /// Newer suites to search for packages whose origin names no suites.
    pub suites: &'a [String],
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Time limits for servers.
    pub patience: Patience,
    /// Gets notes about progress.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// An origin whose archive is known.
struct Candidate<'a> {
    place: &'a Locator,
    sha256: String,
    strip: usize,
    suites: &'a [String],
    lacks: &'a [String],
    /// The address, if the origin has one.
    url: Option<String>,
}

impl Fetcher<'_> {
    /// The archive that fetching would probably use: the first in the cache or at its path, or else the first that
    /// can be fetched. Uses no network, and reads no file but rustup's manifest.
    pub fn locate(&self, source: &Source) -> Result<Fetched> {
        let offline = Self { offline: true, ..*self };
        let candidates: Vec<Candidate> =
            source.usable_origins().filter_map(|origin| offline.candidate(source, origin).ok()).collect();
        if let Some(cached) = candidates.iter().find_map(|candidate| self.cached(candidate)) {
            return Ok(cached);
        }
        let local = |candidate: &&Candidate| self.local(candidate).is_some_and(|path| path.is_file());
        let remote = |candidate: &&Candidate| self.local(candidate).is_none();
        let first = candidates.iter().find(local).or_else(|| candidates.iter().find(remote)).or(candidates.first());
        let first = first.with_context(|| no_origin(source))?;
        let path = self.local(first).unwrap_or_else(|| self.store().place(&first.sha256, &first.file_name(source)));
        Ok(first.fetched(path, label(first.place)))
    }

    /// Fetches the archive and verifies its sha256. Tries the cache, then the origins in order, and notes why an
    /// origin fails. If all fail, the error lists the reasons.
    pub fn fetch(&self, source: &Source) -> Result<Fetched> {
        let what = format!("{} {}", source.name, source.version);
        if source.usable_origins().next().is_none() {
            bail!("fetching {what}: {}", no_origin(source));
        }
        let candidates: Vec<_> =
            source.usable_origins().map(|origin| (origin, self.candidate(source, origin))).collect();
        for candidate in candidates.iter().filter_map(|(_, candidate)| candidate.as_ref().ok()) {
            if let Some(path) = self.verified(&what, &candidate.sha256)? {
                return Ok(candidate.fetched(path, CACHE.into()));
            }
        }
        let mut misses = Vec::new();
        for (origin, candidate) in candidates {
            let label = label(&origin.place);
            let obtained = candidate.and_then(|candidate| {
                let path = self.obtain(source, &candidate)?;
                Ok(candidate.fetched(path, label.clone()))
            });
            match obtained {
                Ok(fetched) => {
                    (self.say)(&format!("{what}: {}, from {label}", fetched.path.display()));
                    return Ok(fetched);
                }
                Err(error) if is_interrupt(&error) => return Err(error),
                Err(error) => {
                    (self.say)(&format!("{what}: not from {label}: {error:#}"));
                    misses.push(format!("\n  {label}: {error:#}"));
                }
            }
        }
        bail!("fetching {what}: every origin failed{}\nhint: {}", misses.concat(), self.advice(source))
    }

    /// The archive of the origin. Fails if the origin is not usable on this host.
    fn candidate<'o>(&self, source: &Source, origin: &'o SourceOrigin) -> Result<Candidate<'o>> {
        let (url, sha256) = match &origin.place {
            Locator::Rustup(component) => {
                let found = self.source_component(source, component)?;
                (Some(found.url), Some(found.sha256))
            }
            Locator::Url(url) => (Some(url.clone()), origin.sha256.clone()),
            Locator::Path(_) | Locator::Apt(_) | Locator::Deb(_) => (None, origin.sha256.clone()),
        };
        let sha256 = sha256.context("its sha256 is not known")?;
        let SourceOrigin { place, strip, suites, lacks, .. } = origin;
        Ok(Candidate { place, sha256, strip: *strip, suites, lacks, url })
    }

    fn obtain(&self, source: &Source, candidate: &Candidate) -> Result<PathBuf> {
        if let Some(path) = self.local(candidate) {
            if !path.is_file() {
                bail!("the file does not exist");
            }
            expect_sha256(&path, &candidate.sha256)?;
            return Ok(path);
        }
        match (candidate.place, &candidate.url) {
            (Locator::Apt(package), _) => self.package_in_suites(PackageKind::Sources, package, candidate),
            (Locator::Deb(package), _) => self.package_in_suites(PackageKind::Binaries, package, candidate),
            (_, Some(url)) => self.download(source.name, url, &candidate.sha256, &candidate.file_name(source)),
            (_, None) => Err(anyhow!("it has no address")),
        }
    }

    /// The archive from a distribution's package. Where the origin's own suites have moved on to another version, the
    /// others are searched.
    fn package_in_suites(&self, kind: PackageKind, package: &str, candidate: &Candidate) -> Result<PathBuf> {
        let found = self.package_in(kind, package, candidate, candidate.suites);
        match found {
            Err(error) if is_interrupt(&error) || Unavailable::of(&error).is_some() => Err(error),
            Err(error) if !candidate.suites.is_empty() && candidate.suites != self.suites => {
                let searched = candidate.suites.join(", ");
                (self.say)(&format!("{package}: not in {searched}: {error:#}; searching {}", self.suites.join(", ")));
                self.package_in(kind, package, candidate, &[])
            }
            found => found,
        }
    }

    fn package_in(
        &self,
        kind: PackageKind,
        package: &str,
        candidate: &Candidate,
        suites: &[String],
    ) -> Result<PathBuf> {
        let store = self.store();
        let (lock, found) = self.lock(&candidate.sha256)?;
        if let Some(path) = found {
            return Ok(path);
        }
        let folder = store.part_folder(&lock)?;
        let apt = Apt::open(store, kind, if suites.is_empty() { self.suites } else { suites }, self.say)?;
        let item = match kind {
            PackageKind::Sources => apt.source(package, &candidate.sha256, folder.path())?,
            PackageKind::Binaries => apt.package_of(package, &candidate.sha256, folder.path())?,
        };
        let part = folder.path().join(&item.file_name);
        store.keep(&part, &sha256_file(&part)?, &candidate.sha256, &item.file_name)
    }

    /// A file of the cache, if it is there and has the right bytes. One with wrong bytes is removed.
    fn verified(&self, what: &str, sha256: &str) -> Result<Option<PathBuf>> {
        let Some(path) = self.store().find(sha256) else { return Ok(None) };
        match expect_sha256(&path, sha256).with_context(|| format!("checking {}", path.display())) {
            Ok(()) => Ok(Some(path)),
            Err(error) if is_interrupt(&error) => Err(error),
            Err(error) => {
                (self.say)(&format!("{what}: {error:#}; the file is removed from the cache"));
                fs_err::remove_file(&path)?;
                Ok(None)
            }
        }
    }

    /// Downloads an archive into the cache. What an interrupted download has left is not downloaded again.
    fn download(&self, what: &str, url: &str, sha256: &str, file_name: &str) -> Result<PathBuf> {
        let (lock, found) = self.lock(sha256)?;
        if let Some(path) = found {
            return Ok(path);
        }
        let mut part = self.store().part_file(sha256, &lock)?;
        let say = |line: &str| (self.say)(&format!("{what}: {line}"));
        let downloaded = download::download(url, &mut part, self.patience, &say);
        if downloaded.is_err() && part.metadata()?.len() == 0 {
            fs_err::remove_file(part.path())?;
        }
        let actual = downloaded?;
        self.store().keep(part.path(), &actual, sha256, file_name)
    }

    /// Locks the cache. Returns the archive, too, if another run has fetched it meanwhile.
    fn lock(&self, sha256: &str) -> Result<(cache::Lock, Option<PathBuf>)> {
        if self.offline {
            return Err(Unavailable::Offline.into());
        }
        let lock = self.store().lock(self.say)?;
        let found = self.store().find(sha256);
        found.iter().try_for_each(|path| expect_sha256(path, sha256))?;
        Ok((lock, found))
    }

    fn cached(&self, candidate: &Candidate) -> Option<Fetched> {
        let path = self.store().find(&candidate.sha256)?;
        Some(candidate.fetched(path, CACHE.into()))
    }

    fn local(&self, candidate: &Candidate) -> Option<PathBuf> {
        match candidate.place {
            Locator::Path(path) => Some(self.root.join(path)),
            _ => None,
        }
    }

    fn store(&self) -> Cache<'_> {
        Cache::new(self.cache)
    }

    fn advice(&self, source: &Source) -> String {
        let of = |origin: &SourceOrigin| match (&origin.place, &origin.sha256) {
            (Locator::Path(path), Some(sha256)) => Some((self.root.join(path), sha256.clone())),
            _ => None,
        };
        let at_path = source.usable_origins().find_map(of);
        let in_cache = || {
            let sha256 = source.usable_origins().find_map(|origin| origin.sha256.clone())?;
            Some((self.store().place(&sha256, &format!("{}-{}", source.name, source.version)), sha256))
        };
        match at_path.or_else(in_cache) {
            Some((path, sha256)) => format!("get the archive with sha256 {sha256} and put it at {}", path.display()),
            None => "add an origin to bringup.toml".into(),
        }
    }
}

impl Candidate<'_> {
    fn fetched(&self, path: PathBuf, origin: String) -> Fetched {
        Fetched { path, sha256: self.sha256.clone(), strip: self.strip, lacks: self.lacks.to_vec(), origin }
    }

    /// The file name in the address.
    fn file_name(&self, source: &Source) -> String {
        let last =
            self.url.as_deref().and_then(|url| url.split(['?', '#']).next()).and_then(|url| url.rsplit('/').next());
        match last {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!("{}-{}", source.name, source.version),
        }
    }
}

/// Why there is nothing to try.
fn no_origin(source: &Source) -> String {
    let layers: Vec<&str> = source.layers.iter().map(|layer| layer.name.as_str()).collect();
    let (name, version, layers) = (source.name, &source.version, layers.join(", "));
    format!(
        "no origin of {name} {version} with the layers {layers} is usable on this host\nhint: add one to bringup.toml"
    )
}

fn label(place: &Locator) -> String {
    match place {
        Locator::Path(path) => path.display().to_string(),
        Locator::Url(url) => url.clone(),
        Locator::Rustup(component) => format!("rustup's {component}"),
        Locator::Apt(package) => format!("apt's source package {package}"),
        Locator::Deb(package) => format!("apt's package {package}, as the distribution has patched it"),
    }
}
