//! The channel manifest that rustup stores in every toolchain, with addresses and hashes of components.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The archive of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The archive's address.
    pub url: String,
    /// The archive's sha256.
    pub sha256: String,
}

/// Finds `component` in the manifest of the toolchain in `sysroot`. Fails unless the toolchain is Rust `version`.
pub fn find(sysroot: &Path, component: &str, version: &str) -> Result<Component> {
    let path = sysroot.join("lib/rustlib/multirust-channel-manifest.toml");
    if !path.exists() {
        bail!("the toolchain in {} was not installed by rustup: it has no channel manifest", sysroot.display());
    }
    let manifest: toml::Table =
        fs_err::read_to_string(&path)?.parse().with_context(|| format!("reading {}", path.display()))?;
    let text = |table: &str, keys: &[&str]| {
        let mut value = manifest.get("pkg")?.get(table)?;
        for key in keys {
            value = value.get(key)?;
        }
        value.as_str()
    };
    let installed = text("rust", &["version"]).unwrap_or("unknown");
    if installed.split(' ').next() != Some(version) {
        bail!("the toolchain in {} is Rust {installed}, not {version}", sysroot.display());
    }
    // Sources are among the components that are the same for every host.
    let target = |key| text(component, &["target", "*", key]);
    let pick = |url, hash| Some(Component { url: target(url)?.to_owned(), sha256: target(hash)?.to_owned() });
    pick("xz_url", "xz_hash")
        .or_else(|| pick("url", "hash"))
        .with_context(|| format!("{} lists no archive of {component}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_counts_only_for_the_pinned_version() {
        let sysroot = tempfile::tempdir().unwrap();
        let missing = format!("{:#}", find(sysroot.path(), "rust-src", "1.95.0").unwrap_err());
        assert!(missing.contains("not installed by rustup"), "{missing}");

        let folder = sysroot.path().join("lib/rustlib");
        fs_err::create_dir_all(&folder).unwrap();
        let manifest = "[pkg.rust]\nversion = \"1.95.0 (59807616e 2026-04-14)\"\n[pkg.rust-src.target.\"*\"]\n\
            url = \"u.gz\"\nhash = \"1\"\nxz_url = \"u.xz\"\nxz_hash = \"2\"\n[pkg.old.target.\"*\"]\nurl = \"o\"\nhash = \"3\"\n";
        fs_err::write(folder.join("multirust-channel-manifest.toml"), manifest).unwrap();
        let found = find(sysroot.path(), "rust-src", "1.95.0").unwrap();
        assert_eq!(found, Component { url: "u.xz".into(), sha256: "2".into() });
        assert_eq!(find(sysroot.path(), "old", "1.95.0").unwrap().url, "o");
        let other = format!("{:#}", find(sysroot.path(), "rust-src", "1.95").unwrap_err());
        assert!(other.contains("is Rust 1.95.0 (59807616e 2026-04-14), not 1.95"), "{other}");
        assert!(find(sysroot.path(), "rustc", "1.95.0").is_err());
    }
}
