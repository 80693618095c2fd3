//! The pinned sources: their layers, and where their archives may come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::compiler::Llvm;
use crate::path_filter::PathFilter;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SourceFile {
    version: String,
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
    layers: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
}

/// One pinned source.
#[derive(Debug, Clone)]
pub struct Source {
    /// `rust`, `musl` or `llvm`: also its folder in patches/.
    pub name: &'static str,
    /// Upstream's version.
    pub version: String,
    /// Its parts that patches may change, each built by itself; at least one.
    pub layers: Vec<SourceLayer>,
    /// What a compiler is built from, if one can be.
    pub compiler: Option<CompilerTree>,
    /// If it is the whole tree that is wanted, and not the layers' folders alone: what of it is not.
    pub leave_out: Option<Vec<String>>,
    /// Where its archive may come from, in the order of trying.
    pub origins: Vec<SourceOrigin>,
}

/// A part of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLayer {
    /// `library`, `compiler`, …; the source's own name where it has one part only.
    pub name: String,
    /// Its folders in the archive; everything if empty.
    pub folders: Vec<String>,
}

/// The layer of Rust's source that std is built from.
pub const LIBRARY: &str = "library";

/// One place that an archive may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOrigin {
    /// The kind of place.
    pub place: Locator,
    /// What the archive must hash to, in lower-case hex; nothing where the place itself says (rustup's manifest).
    pub sha256: Option<String>,
    /// Leading path components that are not part of the tree.
    pub strip: usize,
    /// The layers that it holds; all if empty.
    pub layers: Vec<String>,
    /// Files and folders that x.py asks for and that are not in it; folders with a `/` at the end.
    pub lacks: Vec<String>,
}

/// `[rust.compiler]`: the part of a Rust source that x.py builds a compiler from, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CompilerTree {
    /// Folders of the archive that are not unpacked.
    pub leave_out: Vec<String>,
    /// The folder of the bundled LLVM, unpacked only for those who ask for it.
    pub bundled_llvm: String,
    /// The oldest release of LLVM that it can be built with.
    pub oldest_llvm: u64,
}

/// The kinds of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locator {
    /// A file, relative to the project's folder.
    Path(PathBuf),
    /// An upstream address.
    Url(String),
    /// A component of the installed toolchain's channel manifest, which gives address and hash.
    Rustup(String),
    /// A source package's upstream archive, found by its hash.
    Apt(String),
    /// A binary package that holds sources, found by its hash. They are not pristine: the distribution has patched them.
    Deb(String),
}

/// The versions of a source, in the order given; the first is the default.
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
    /// The source with these of its layers only, and the origins that hold them all.
    #[must_use]
    pub fn with_layers(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let layers: Vec<SourceLayer> = self.layers.iter().filter(|layer| wanted(&layer.name)).cloned().collect();
        let holds = |origin: &&SourceOrigin| {
            origin.layers.is_empty() || layers.iter().all(|layer| origin.layers.contains(&layer.name))
        };
        let origins = self.origins.iter().filter(holds).cloned().collect();
        Self { layers, origins, ..self.clone() }
    }

    /// The source as a compiler is built from it: the whole tree, with the patches of all layers but the library's.
    pub fn for_compiler(&self, llvm: Llvm) -> Result<Self, String> {
        let Self { name, version, compiler, .. } = self;
        let tree = compiler.as_ref().ok_or_else(|| format!("[[{name}]] {version}: there is no `compiler`"))?;
        let without_llvm = (llvm == Llvm::System).then_some(&tree.bundled_llvm);
        let source = self.with_layers(|layer| layer != LIBRARY);
        let whole = |origin: &SourceOrigin| origin.layers.is_empty();
        Ok(Self {
            origins: source.origins.into_iter().filter(whole).collect(),
            leave_out: Some(tree.leave_out.iter().chain(without_llvm).cloned().collect()),
            ..source
        })
    }

    /// The part of the archive that is needed.
    pub fn part(&self) -> PathFilter {
        let folders = || self.layers.iter().flat_map(|layer| layer.folders.clone()).collect();
        match &self.leave_out {
            Some(without) => PathFilter { only: Vec::new(), without: without.clone() },
            None => PathFilter { only: folders(), without: Vec::new() },
        }
    }

    /// The layer of this name.
    pub fn layer_named(&self, name: &str) -> Option<&SourceLayer> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// The layer that a file belongs to.
    pub fn layer_of(&self, path: &str) -> Option<&SourceLayer> {
        let within = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.layers.iter().find(|layer| layer.folders.is_empty() || layer.folders.iter().any(within))
    }
}

impl SourceFile {
    fn validate(self, name: &'static str) -> Result<Source, String> {
        let version = &self.version;
        if self.origin.is_empty() {
            return Err(format!("[[{name}]] {version}: no origin is given"));
        }
        let whole = || vec![SourceLayer { name: name.into(), folders: Vec::new() }];
        let layer = |(name, folders)| SourceLayer { name, folders };
        let layers: Vec<SourceLayer> = self.layers.map_or_else(whole, |layers| layers.into_iter().map(layer).collect());
        if layers.is_empty() {
            return Err(format!("[[{name}]] {version}: `layers` is empty"));
        }
        let known = |wanted: &&String| layers.iter().any(|layer| layer.name == **wanted);
        if let Some(unknown) = self.origin.iter().flat_map(|origin| &origin.layers).find(|layer| !known(layer)) {
            return Err(format!("[[{name}]] {version}: an origin has `{unknown}`, which is none of its layers"));
        }
        let origins = self
            .origin
            .into_iter()
            .enumerate()
            .map(|(i, origin)| {
                origin.validate().map_err(|error| format!("[[{name}.origin]] of {version}, number {}: {error}", i + 1))
            })
            .collect::<Result<_, _>>()?;
        Ok(Source { name, version: self.version, layers, compiler: self.compiler, leave_out: None, origins })
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
        let one = "give exactly one of `path`, `url`, `rustup`, `apt`, `deb`";
        let place = places.pop().ok_or(one)?;
        if !places.is_empty() {
            return Err(one.into());
        }
        match (&place, &self.sha256) {
            (Locator::Rustup(_), Some(_)) => return Err("`sha256` comes from the channel manifest for `rustup`".into()),
            (Locator::Rustup(_), None) => {}
            (_, None) => return Err("`sha256` is missing".into()),
            (_, Some(hash)) => check_sha256(hash)?,
        }
        Ok(SourceOrigin {
            place,
            sha256: self.sha256,
            strip: self.strip.unwrap_or(1),
            layers: self.layers,
            lacks: self.lacks,
        })
    }
}

fn check_sha256(hash: &str) -> Result<(), String> {
    if is_sha256(hash) { Ok(()) } else { Err(format!("`{hash}` is not a sha256: expected 64 lower-case hex digits")) }
}

/// Whether it is one, as they are written everywhere here: 64 lower-case hex digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}
