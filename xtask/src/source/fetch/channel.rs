//! Channel manifests: the addresses and hashes of the archives that a Rust release consists of. rustup stores one in
//! every toolchain, and its server has one for every release.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::unavailable::Unavailable;

/// The server of rustup, and the start of every address in a manifest.
const SERVER: &str = "https://static.rust-lang.org";
/// The environment variable that names another server, as for rustup.
pub const SERVER_ENV: &str = "RUSTUP_DIST_SERVER";
/// The channel manifest in a toolchain that rustup has installed.
pub const INSTALLED_MANIFEST: &str = "lib/rustlib/multirust-channel-manifest.toml";
/// The target of components that are the same for every host.
pub const ANY_HOST: &str = "*";

/// A channel manifest.
#[derive(Debug)]
pub struct ChannelManifest {
    path: PathBuf,
    date: String,
    packages: toml::Table,
}

/// The archive of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The archive's address.
    pub url: String,
    /// The archive's sha256.
    pub sha256: String,
}

impl ChannelManifest {
    /// The manifest of the toolchain in `sysroot`.
    ///
    /// # Errors
    ///
    /// If rustup has not installed the toolchain, or it is not Rust `version`.
    pub fn installed(sysroot: &Path, version: &str) -> Result<Self> {
        let path = sysroot.join(INSTALLED_MANIFEST);
        if !path.exists() {
            bail!("the toolchain in {} was not installed by rustup: it has no channel manifest", sysroot.display());
        }
        let manifest = Self::read(path)?;
        let installed = manifest.text("rust", &["version"]).unwrap_or("unknown");
        if installed.split(' ').next() != Some(version) {
            bail!("the toolchain in {} is Rust {installed}, not {version}", sysroot.display());
        }
        Ok(manifest)
    }

    /// Reads a manifest.
    pub fn read(path: PathBuf) -> Result<Self> {
        let reading = || format!("reading {}", path.display());
        let mut manifest: toml::Table = fs_err::read_to_string(&path)?.parse().with_context(reading)?;
        let date = manifest.get("date").and_then(|date| date.as_str()).unwrap_or_default().to_owned();
        match manifest.remove("pkg") {
            Some(toml::Value::Table(packages)) => Ok(Self { path, date, packages }),
            _ => Err(anyhow::anyhow!("it has no table `pkg`")).with_context(reading),
        }
    }

    /// The archive of a component for a host, or for [`ANY_HOST`].
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn component(&self, name: &str, host: &str) -> Result<Component> {
        let value = |key| self.text(name, &["target", host, key]);
        let pick = |url, hash| Some(Component { url: self::address(value(url)?), sha256: value(hash)?.to_owned() });
        pick("xz_url", "xz_hash").or_else(|| pick("url", "hash")).ok_or_else(|| {
            let of_host = if host == ANY_HOST { String::new() } else { format!(" for {host}") };
            Unavailable::Lacking(format!("{} lists no archive of {name}{of_host}", self.path.display())).into()
        })
    }

    /// The day of the release, such as `2026-10-30`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// What `rustc -vV` calls the release, and its commit.
    ///
    /// # Errors
    ///
    /// If the manifest says neither.
    pub fn release(&self) -> Result<(String, String)> {
        let version = self.text("rust", &["version"]).and_then(|version| version.split(' ').next());
        let commit = self.text("rustc", &["git_commit_hash"]);
        let both = version.zip(commit).with_context(|| format!("{} names no version of Rust", self.path.display()))?;
        Ok((both.0.to_owned(), both.1.to_owned()))
    }

    fn text(&self, package: &str, keys: &[&str]) -> Option<&str> {
        let mut value = self.packages.get(package)?;
        for key in keys {
            value = value.get(key)?;
        }
        value.as_str()
    }
}

/// The address of a manifest, from its place below `dist`.
pub fn manifest_url(path: &str) -> String {
    address(&format!("{SERVER}/dist/{path}"))
}

/// An address of rustup's server, on the server that the user has chosen.
fn address(url: &str) -> String {
    let server = std::env::var(SERVER_ENV).ok().filter(|server| !server.is_empty());
    match (server, url.strip_prefix(SERVER)) {
        (Some(server), Some(rest)) => format!("{}{rest}", server.trim_end_matches('/')),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_counts_only_for_the_pinned_version() {
        let sysroot = tempfile::tempdir().unwrap();
        let find = |component: &str, version: &str| {
            let manifest = ChannelManifest::installed(sysroot.path(), version).map_err(|error| format!("{error:#}"))?;
            manifest.component(component, ANY_HOST).map_err(|error| format!("{error:#}"))
        };
        let missing = find("rust-src", "1.95.0").unwrap_err();
        assert!(missing.contains("not installed by rustup"), "{missing}");

        let folder = sysroot.path().join("lib/rustlib");
        fs_err::create_dir_all(&folder).unwrap();
        let manifest = "[pkg.rust]\nversion = \"1.95.0 (59807616e 2026-04-14)\"\n[pkg.rust-src.target.\"*\"]\n\
            url = \"u.gz\"\nhash = \"1\"\nxz_url = \"u.xz\"\nxz_hash = \"2\"\n[pkg.old.target.\"*\"]\nurl = \"o\"\nhash = \"3\"\n";
        fs_err::write(folder.join("multirust-channel-manifest.toml"), manifest).unwrap();
        assert_eq!(find("rust-src", "1.95.0").unwrap(), Component { url: "u.xz".into(), sha256: "2".into() });
        assert_eq!(find("old", "1.95.0").unwrap().url, "o");
        let other = find("rust-src", "1.95").unwrap_err();
        assert!(other.contains("is Rust 1.95.0 (59807616e 2026-04-14), not 1.95"), "{other}");
        assert!(find("rustc", "1.95.0").unwrap_err().ends_with("lists no archive of rustc"));
    }
}
