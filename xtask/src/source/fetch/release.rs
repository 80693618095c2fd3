//! What rustup's server has of a pinned Rust release.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::pins::{RustRelease, Source};

use super::Fetcher;
use super::channel::{ANY_HOST, ChannelManifest, Component, manifest_url};

/// The components that compile for a host. Each is a folder in its archive.
pub const COMPONENTS: [&str; 3] = ["rustc", "cargo", "rust-std"];

/// Components of programs that users of a toolchain expect. A nightly may be without one.
const TOOLS: [&str; 2] = ["clippy-preview", "rustfmt-preview"];

/// An archive of a component, in the cache.
pub struct FetchedComponent {
    /// Path of the archive.
    pub archive: PathBuf,
    /// The folders of the archive in which its files are.
    pub folder: String,
}

impl Fetcher<'_> {
    /// The archive of a component with sources. If the toolchain in use is of another release, the pinned release's own
    /// manifest has it.
    pub(super) fn source_component(&self, source: &Source, name: &str) -> Result<Component> {
        let installed = ChannelManifest::installed(self.sysroot, source.release_name());
        let manifest = match (installed, &source.release) {
            (Err(_), Some(release)) => self.manifest(source, release)?,
            (installed, _) => installed?,
        };
        manifest.component(name, ANY_HOST)
    }

    /// Fetches the archives of the toolchain that compiles a pinned source on this host.
    ///
    /// # Errors
    ///
    /// If the release has none for this host, or one cannot be had.
    pub fn toolchain(&self, source: &Source, release: &RustRelease, host: &str) -> Result<Vec<FetchedComponent>> {
        let manifest = self.manifest(source, release)?;
        let components = COMPONENTS.map(|name| Ok((name, manifest.component(name, host)?)));
        // All are there before the first is fetched.
        let mut components = components.into_iter().collect::<Result<Vec<_>>>()?;
        components.extend(TOOLS.iter().filter_map(|name| Some((*name, manifest.component(name, host).ok()?))));
        let fetch = |(name, component): (&str, Component)| {
            let Component { url, sha256 } = component;
            let file_name = url.rsplit('/').next().unwrap_or(name);
            let what = format!("{} {}", source.name, source.version);
            let cached = self.verified(&what, &sha256).transpose();
            let archive = cached.unwrap_or_else(|| self.download(&what, &url, &sha256, file_name));
            let archive = archive.with_context(|| format!("fetching {name} of Rust {}", source.version))?;
            let folder = if name == "rust-std" { format!("rust-std-{host}") } else { name.to_owned() };
            Ok(FetchedComponent { archive, folder })
        };
        components.into_iter().map(fetch).collect()
    }

    fn manifest(&self, source: &Source, release: &RustRelease) -> Result<ChannelManifest> {
        self.manifest_of(source.name, release)
            .with_context(|| format!("fetching the channel manifest of Rust {}", source.version))
    }

    /// The manifest of a release, whose hash is known.
    pub(super) fn manifest_of(&self, what: &str, release: &RustRelease) -> Result<ChannelManifest> {
        let RustRelease { manifest: sha256, path, .. } = release;
        let path = match self.verified(what, sha256)? {
            Some(path) => path,
            None => self.download(what, &manifest_url(path), sha256, path.rsplit('/').next().unwrap_or(path))?,
        };
        ChannelManifest::read(path)
    }
}
