//! The pinned sources: their layers, and the origins of their archives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::channel::ChannelName;
use crate::compiler::Llvm;
use crate::path_filter::PathFilter;
use crate::version::Version;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourceFile {
    version: String,
    commit: Option<String>,
    manifest: Option<String>,
    layers: Option<BTreeMap<String, Vec<String>>>,
    compiler: Option<CompilerTree>,
    origin: Vec<OriginFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OriginFile {
    path: Option<PathBuf>,
    url: Option<String>,
    rustup: Option<String>,
    apt: Option<String>,
    deb: Option<String>,
    sha256: Option<String>,
    strip: Option<usize>,
    #[serde(default)]
    suites: Vec<String>,
    #[serde(default)]
    layers: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
}

/// One pinned source.
#[derive(Debug, Clone)]
pub struct Source {
    /// `rust`, `musl`, `llvm` or `linux`; also the name of its folder in patches/.
    pub name: &'static str,
    /// The upstream version.
    pub version: String,
    /// The version whose series is for this one: its own, or the newest that is pinned if this one is of a channel.
    pub series: String,
    /// Of Rust, the toolchain that rustup's server has for this release; nothing if the one in use must be of it.
    pub release: Option<RustRelease>,
    /// The layers, at least one. Patches may change a layer, and each is built on its own.
    pub layers: Vec<SourceLayer>,
    /// The part that a compiler is built from; nothing if the source has no compiler.
    pub compiler: Option<CompilerTree>,
    /// Folders to leave out of the whole tree; nothing if only the layers' folders are unpacked.
    pub leave_out: Option<Vec<String>>,
    /// Where to get archives, in the order of the attempts. Some may lack layers; see [`Self::usable_origins`].
    pub origins: Vec<SourceOrigin>,
}

/// A released toolchain, as rustup's server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustRelease {
    /// `release` of its `rustc -vV`.
    pub version: String,
    /// `commit-hash` of its `rustc -vV`.
    pub commit: String,
    /// The sha256 of its channel manifest, which has the hashes of its components.
    pub manifest: String,
    /// The place of the manifest below `dist` on rustup's server.
    pub path: String,
}

/// A part of a source that is patched and built on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLayer {
    /// `library`, `compiler`, …; the source's name if it has only one layer.
    pub name: String,
    /// The layer's folders and files in the archive; empty means the whole archive.
    pub folders: Vec<String>,
}

/// The layer of the LLVM source that libc++ and libc++abi are built from, with the layer of the runtimes.
pub const LIBCXX: &str = "libcxx";
/// The layer of the Rust source that std is built from.
pub const LIBRARY: &str = "library";

/// One place to get an archive from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOrigin {
    /// Where to find the archive.
    pub place: Locator,
    /// The archive's sha256, in lower-case hex; nothing for rustup, whose manifest has it.
    pub sha256: Option<String>,
    /// Number of leading path components to strip.
    pub strip: usize,
    /// The distribution's suites to search for a package; empty means those of the emulator.
    pub suites: Vec<String>,
    /// The layers in the archive; empty means all.
    pub layers: Vec<String>,
    /// Files and folders that x.py requires and that the archive lacks; folders end with `/`.
    pub lacks: Vec<String>,
}

/// `[rust.compiler]`: how x.py builds a compiler from a Rust source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CompilerTree {
    /// Folders of the archive to leave out.
    pub leave_out: Vec<String>,
    /// The folder of the bundled LLVM, unpacked only for `--llvm bundled`.
    pub bundled_llvm: String,
    /// The oldest supported major release of LLVM.
    pub oldest_llvm: u64,
}

/// Where an archive is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locator {
    /// A file, relative to the project's root.
    Path(PathBuf),
    /// An upstream URL.
    Url(String),
    /// A component in the channel manifest of the installed toolchain, which has its URL and hash.
    Rustup(String),
    /// The upstream archive of a Debian source package, found by its hash.
    Apt(String),
    /// A Debian binary package with sources or headers, found by its hash. Debian has patched these.
    Deb(String),
}

/// The versions of a source, in the file's order; the first is the default.
pub(super) fn validate_all(files: Vec<SourceFile>, name: &'static str) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = Vec::new();
    for file in files {
        let source = file.validate(name)?;
        if sources.iter().any(|other| other.version == source.version) {
            return Err(format!("[[{name}]]: {} is pinned twice", source.version));
        }
        sources.push(source);
    }
    if sources.is_empty() { Err(format!("[[{name}]]: no version is pinned")) } else { Ok(sources) }
}

impl Source {
    /// The source with only the wanted layers.
    #[must_use]
    pub fn with_layers(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let layers = self.layers.iter().filter(|layer| wanted(&layer.name)).cloned().collect();
        Self { layers, ..self.clone() }
    }

    /// The origins that have all of the source's layers.
    pub fn usable_origins(&self) -> impl Iterator<Item = &SourceOrigin> {
        self.origins.iter().filter(|origin| {
            origin.layers.is_empty() || self.layers.iter().all(|layer| origin.layers.contains(&layer.name))
        })
    }

    /// The source with only the origins that have some of its layers.
    #[must_use]
    pub fn with_partial_origins(&self) -> Self {
        let is_part = |origin: &&SourceOrigin| !self.usable_origins().any(|usable| usable == *origin);
        Self { origins: self.origins.iter().filter(is_part).cloned().collect(), ..self.clone() }
    }

    /// The source to build a compiler from: the whole tree, with the patches of every layer except the library.
    ///
    /// # Errors
    ///
    /// Fails if the pinned source has no `compiler` table.
    pub fn for_compiler(&self, llvm: Llvm) -> Result<Self, String> {
        let Self { name, version, compiler, .. } = self;
        let tree = compiler.as_ref().ok_or_else(|| format!("[[{name}]] {version}: `compiler` is missing"))?;
        let without_llvm = (llvm == Llvm::System).then_some(&tree.bundled_llvm);
        let source = self.with_layers(|layer| layer != LIBRARY);
        let whole = |origin: &SourceOrigin| origin.layers.is_empty();
        Ok(Self {
            origins: source.origins.into_iter().filter(whole).collect(),
            leave_out: Some(tree.leave_out.iter().chain(without_llvm).cloned().collect()),
            ..source
        })
    }

    /// The files to unpack from the archive.
    pub fn part(&self) -> PathFilter {
        let folders = || self.layers.iter().flat_map(|layer| layer.folders.clone()).collect();
        match &self.leave_out {
            Some(without) => PathFilter { only: Vec::new(), without: without.clone() },
            None => PathFilter { only: folders(), without: Vec::new() },
        }
    }

    /// What `rustc -vV` of this source calls its release; another word than the version if that is a day of a channel.
    pub fn release_name(&self) -> &str {
        self.release.as_ref().map_or(&self.version, |release| &release.version)
    }

    /// The version's number; nothing if it is a day of a channel without a release.
    pub fn number(&self) -> Option<Version> {
        Version::find(self.release_name())
    }

    /// The source at a day of a channel. Only components of rustup's server have it.
    #[must_use]
    pub fn at_channel(&self, name: &ChannelName, release: Option<RustRelease>) -> Self {
        let component = |origin: &&SourceOrigin| matches!(origin.place, Locator::Rustup(_));
        let origins = self.origins.iter().filter(component).cloned().collect();
        Self { version: name.to_string(), release, origins, ..self.clone() }
    }

    /// The layer with this name.
    pub fn layer_named(&self, name: &str) -> Option<&SourceLayer> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// The layer that the file `path` belongs to.
    pub fn layer_of(&self, path: &str) -> Option<&SourceLayer> {
        let within = |folder: &String| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.layers.iter().find(|layer| layer.folders.is_empty() || layer.folders.iter().any(within))
    }
}

impl SourceFile {
    fn validate(self, name: &'static str) -> Result<Source, String> {
        let version = &self.version;
        if self.origin.is_empty() {
            return Err(format!("[[{name}]] {version}: an origin is missing"));
        }
        let whole = || vec![SourceLayer { name: name.into(), folders: Vec::new() }];
        let layer = |(name, folders)| SourceLayer { name, folders };
        let layers: Vec<SourceLayer> = self.layers.map_or_else(whole, |layers| layers.into_iter().map(layer).collect());
        if layers.is_empty() {
            return Err(format!("[[{name}]] {version}: `layers` is empty"));
        }
        let known = |wanted: &&String| layers.iter().any(|layer| layer.name == **wanted);
        if let Some(unknown) = self.origin.iter().flat_map(|origin| &origin.layers).find(|layer| !known(layer)) {
            return Err(format!("[[{name}]] {version}: an origin names the unknown layer `{unknown}`"));
        }
        let origins = self
            .origin
            .into_iter()
            .enumerate()
            .map(|(i, origin)| {
                origin.validate().map_err(|error| format!("[[{name}.origin]] number {} of {version}: {error}", i + 1))
            })
            .collect::<Result<_, _>>()?;
        let release = match (self.commit, self.manifest) {
            (None, None) => None,
            _ if name != "rust" => {
                return Err(format!("[[{name}]] {}: `commit` and `manifest` are for Rust only", self.version));
            }
            (Some(commit), Some(manifest)) => Some(
                RustRelease::new(&self.version, commit, manifest)
                    .map_err(|error| format!("[[{name}]] {}: {error}", self.version))?,
            ),
            _ => return Err(format!("[[{name}]] {}: `commit` and `manifest` require each other", self.version)),
        };
        let Self { version, compiler, .. } = self;
        Ok(Source { name, series: version.clone(), version, release, layers, compiler, leave_out: None, origins })
    }
}

impl OriginFile {
    fn validate(self) -> Result<SourceOrigin, String> {
        let mut places = Vec::new();
        places.extend(self.path.map(Locator::Path));
        places.extend(self.url.map(Locator::Url));
        places.extend(self.rustup.map(Locator::Rustup));
        places.extend(self.apt.map(Locator::Apt));
        places.extend(self.deb.map(Locator::Deb));
        let one = "expected exactly one of `path`, `url`, `rustup`, `apt`, `deb`";
        let place = places.pop().ok_or(one)?;
        if !places.is_empty() {
            return Err(one.into());
        }
        match (&place, &self.sha256) {
            (Locator::Rustup(_), Some(_)) => {
                return Err("`sha256` is not allowed with `rustup`: the channel manifest has it".into());
            }
            (Locator::Rustup(_), None) => {}
            (_, None) => return Err("`sha256` is missing".into()),
            (_, Some(hash)) => check_sha256(hash)?,
        }
        if !self.suites.is_empty() && !matches!(place, Locator::Apt(_) | Locator::Deb(_)) {
            return Err("`suites` is allowed with `apt` and `deb` only".into());
        }
        Ok(SourceOrigin {
            place,
            sha256: self.sha256,
            strip: self.strip.unwrap_or(1),
            suites: self.suites,
            layers: self.layers,
            lacks: self.lacks,
        })
    }
}

impl RustRelease {
    fn new(version: &str, commit: String, manifest: String) -> Result<Self, String> {
        check_sha256(&manifest)?;
        let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
        if is_commit {
            let path = format!("channel-rust-{version}.toml");
            Ok(Self { version: version.into(), commit, manifest, path })
        } else {
            Err(format!("`{commit}` is not a commit: expected 40 hex digits"))
        }
    }
}

fn check_sha256(hash: &str) -> Result<(), String> {
    if is_sha256(hash) { Ok(()) } else { Err(format!("`{hash}` is not a sha256: expected 64 lower-case hex digits")) }
}

/// Whether `text` is a sha256 of 64 lower-case hex digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}
