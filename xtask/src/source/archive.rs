//! Unpacks archives without trusting their contents.

mod deb;
pub mod pack;

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Take, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::path_filter::PathFilter;
use bringup_runner::files::explain_full;
use bringup_runner::interrupt;
use flate2::bufread::MultiGzDecoder;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;
use tar::EntryType;

const CHUNK: usize = 256 * 1024;

/// Memory limits of the xz decoder, in bytes. Above the first, it uses fewer threads. Above the second, it fails.
const XZ_MEMORY: u64 = 1 << 30;
const XZ_MEMORY_LIMIT: u64 = 4 << 30;

/// Unpacks a tar archive, plain or packed with gzip or xz, or the files of a Debian package, into the folder `dest`,
/// which must be new or empty.
///
/// Removes `strip` leading components from every name, then writes only the entries in the part. Checks every entry,
/// written or not: rejects the whole archive if one could write outside of `dest`. Unpacks into a temporary folder
/// beside `dest`, which is renamed when it is complete, so a failure leaves nothing behind.
///
/// Keeps the time and the executable bit of files.
pub fn unpack(archive: &Path, dest: &Path, strip: usize, part: &PathFilter) -> Result<()> {
    let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(parent)?;
    let temporary = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(parent)
        .map_err(explain_full)
        .with_context(|| format!("making a temporary folder in {}", parent.display()))?;
    // A folder below the temporary one, because a temporary folder has restricted permissions.
    let tree = temporary.path().join("tree");
    fs_err::create_dir(&tree).map_err(explain_full)?;
    Unpacking { tree: &tree, strip, part, links: HashSet::new(), parent: PathBuf::new() }
        .run(archive)
        .with_context(|| format!("unpacking {}", archive.display()))?;
    fs_err::rename(&tree, dest)?;
    Ok(())
}

/// The first entry of a tar archive in any supported compression: its name, and its content up to a limit.
pub fn first_entry(archive: &Path) -> Result<(PathBuf, Vec<u8>)> {
    const LONGEST: u64 = 16 << 20;
    let read = || -> Result<_> {
        let mut tar = tar::Archive::new(Compression::open(archive)?);
        let entry = tar.entries()?.next().context("the archive is empty")??;
        let name = entry.path()?.into_owned();
        let mut content = Vec::new();
        entry.take(LONGEST).read_to_end(&mut content)?;
        Ok((name, content))
    };
    read().with_context(|| format!("reading the start of {}", archive.display()))
}

struct Unpacking<'a> {
    tree: &'a Path,
    strip: usize,
    part: &'a PathFilter,
    /// The paths of the archive's symbolic links, written or not.
    links: HashSet<PathBuf>,
    /// The folder that was created last.
    parent: PathBuf,
}

impl Unpacking<'_> {
    fn run(mut self, archive: &Path) -> Result<()> {
        let ended = Cell::new(false);
        let decoder = Decoder { inner: Compression::open(archive)?, ended: &ended };
        let broken = |error: io::Error| {
            if error.kind() == io::ErrorKind::UnexpectedEof || ended.get() {
                anyhow!("the archive is truncated: {error}\nhint: delete {} and fetch it again", archive.display())
            } else {
                anyhow!("the archive is damaged: {error}\nhint: delete {} and fetch it again", archive.display())
            }
        };
        let mut tar = tar::Archive::new(decoder);
        let mut found = vec![false; self.part.only.len()];
        let mut any = false;
        for entry in tar.entries().map_err(broken)? {
            interrupt::check()?;
            let mut entry = entry.map_err(broken)?;
            any = true;
            let name = entry.path().map_err(broken)?.into_owned();
            let describe = || format!("entry `{}`", name.display());
            let Some(path) = self.check(&entry, &name).with_context(describe)? else { continue };
            if entry.header().entry_type() == EntryType::Symlink {
                self.links.insert(path.clone());
            }
            if !self.part.has(&path) {
                continue;
            }
            if let Some(index) = self.part.only.iter().position(|prefix| path.starts_with(prefix)) {
                found[index] = true;
            }
            self.write(&mut entry, &path, &broken).with_context(describe)?;
        }
        // Read to the end, so that the decoder checks the checksums after tar's last block.
        let mut decoder = tar.into_inner();
        io::copy(&mut decoder, &mut io::sink()).map_err(broken)?;
        decoder.inner.expect_end()?;
        if !any {
            bail!("the archive is empty");
        }
        if let Some(index) = found.iter().position(|found| !found) {
            let folder = &self.part.only[index];
            bail!("`{folder}` is not in the archive, with {} leading components taken off", self.strip);
        }
        Ok(())
    }

    /// The entry's path in the tree. `None` if stripping leaves no name, or if it is not a file, folder or link.
    fn check<R: Read>(&self, entry: &tar::Entry<'_, R>, name: &Path) -> Result<Option<PathBuf>> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(None);
        }
        let full = inside(name)?;
        let path = self.stripped(&full);
        if let Some(path) = &path
            && let Some(link) = path.ancestors().find(|above| self.links.contains(*above))
        {
            bail!("refused: it would be written through the symbolic link `{}`", link.display());
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory => {}
            EntryType::Symlink => {
                // The target of a link that is not written is checked from the path of the link in the archive.
                let place = path.as_ref().filter(|path| self.part.has(path)).unwrap_or(&full);
                let depth = place.components().count() - 1;
                check_symlink(&link_target(entry)?, depth)?;
            }
            EntryType::Link => {
                let target = link_target(entry)?;
                inside(&target).with_context(|| format!("it is a hard link to `{}`", target.display()))?;
            }
            EntryType::Block | EntryType::Char => bail!("refused: it is a device"),
            EntryType::Fifo => bail!("refused: it is a pipe"),
            other => bail!("refused: unknown kind of entry {:?}", char::from(other.as_byte())),
        }
        Ok(path)
    }

    fn write<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        path: &Path,
        broken: &dyn Fn(io::Error) -> anyhow::Error,
    ) -> Result<()> {
        let place = self.tree.join(path);
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory || entry.path_bytes().ends_with(b"/") {
            return self.make_folder(&place);
        }
        self.make_folder(place.parent().unwrap_or(self.tree))?;
        match kind {
            EntryType::Symlink => Ok(fs_err::os::unix::fs::symlink(link_target(entry)?, &place).map_err(explain_full)?),
            EntryType::Link => {
                let target = link_target(entry)?;
                let source = self.stripped(&inside(&target)?).map(|target| self.tree.join(target));
                let source = source.filter(|source| source.symlink_metadata().is_ok_and(|data| data.is_file()));
                let source = source.with_context(|| {
                    format!("it is a hard link to `{}`, which is not unpacked before it", target.display())
                })?;
                Ok(fs_err::hard_link(source, &place).map_err(explain_full)?)
            }
            _ => write_file(entry, &place, broken),
        }
    }

    fn make_folder(&mut self, folder: &Path) -> Result<()> {
        if self.parent != folder {
            fs_err::create_dir_all(folder).map_err(explain_full)?;
            folder.clone_into(&mut self.parent);
        }
        Ok(())
    }

    fn stripped(&self, full: &Path) -> Option<PathBuf> {
        let path: PathBuf = full.components().skip(self.strip).collect();
        (!path.as_os_str().is_empty()).then_some(path)
    }
}

/// The name without `.` components. Fails if it is absolute or contains `..`.
fn inside(name: &Path) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => bail!("refused: `..` leads out of the archive"),
            Component::RootDir | Component::Prefix(_) => bail!("refused: it is an absolute path"),
        }
    }
    Ok(path)
}

/// Fails unless the target of a link in a folder `depth` levels down stays inside. Also rejects `..` after a name,
/// because its meaning depends on whether that name is a link.
fn check_symlink(target: &Path, depth: usize) -> Result<()> {
    let refuse = |why: &str| Err(anyhow!("refused: it is a symbolic link to `{}`, {why}", target.display()));
    if target.is_absolute() {
        return refuse("an absolute path");
    }
    let up = |component: &Component| matches!(component, Component::ParentDir);
    let components: Vec<Component> = target.components().filter(|part| *part != Component::CurDir).collect();
    let leading = components.iter().take_while(|part| up(part)).count();
    if leading > depth || components[leading..].iter().any(up) {
        return refuse("which leads out of the tree");
    }
    Ok(())
}

fn link_target<R: Read>(entry: &tar::Entry<'_, R>) -> Result<PathBuf> {
    let target = entry.link_name().context("reading the target of a link")?;
    Ok(target.context("it is a link without a target")?.into_owned())
}

fn write_file<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    place: &Path,
    broken: &dyn Fn(io::Error) -> anyhow::Error,
) -> Result<()> {
    let mode = if entry.header().mode().map_err(broken)? & 0o111 == 0 { 0o644 } else { 0o755 };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(entry.header().mtime().map_err(broken)?);
    // `create_new` follows no link, and fails for a second entry of the same name.
    let mut file =
        fs_err::OpenOptions::new().write(true).create_new(true).mode(mode).open(place).map_err(explain_full)?;
    let mut left = entry.size();
    let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
    while left > 0 {
        match entry.read(&mut chunk).map_err(broken)? {
            0 => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
            length => {
                file.write_all(&chunk[..length]).map_err(explain_full)?;
                left = left.saturating_sub(length as u64);
            }
        }
    }
    file.file().set_modified(time).with_context(|| format!("setting the time of {}", place.display()))
}

type Input = BufReader<Take<fs_err::File>>;

/// The compression of an archive, recognized by its first bytes.
enum Compression {
    Plain(Input),
    Gzip(MultiGzDecoder<Input>),
    Xz(XzDecoder<Input>),
}

impl Compression {
    fn open(archive: &Path) -> Result<Self> {
        let mut input = BufReader::with_capacity(CHUNK, deb::open(archive)?);
        let start = input.fill_buf()?;
        if start.starts_with(&[0x1f, 0x8b]) {
            Ok(Self::Gzip(MultiGzDecoder::new(input)))
        } else if start.starts_with(b"\xfd7zXZ\0") {
            let threads =
                std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
            // With its default memory limit, the decoder would use one thread.
            let stream = MtStreamBuilder::new()
                .threads(threads)
                .memlimit_threading(XZ_MEMORY)
                .memlimit_stop(XZ_MEMORY_LIMIT)
                .decoder()
                .context("starting the xz decoder")?;
            Ok(Self::Xz(XzDecoder::new_stream(input, stream)))
        } else if start.get(257..262) == Some(b"ustar") {
            Ok(Self::Plain(input))
        } else {
            bail!("expected a tar archive, plain or compressed with gzip or xz, or a Debian package")
        }
    }

    /// The xz decoder stops at the end of the first stream. Anything after that would be ignored.
    fn expect_end(&mut self) -> Result<()> {
        if let Self::Xz(decoder) = self
            && !decoder.get_mut().fill_buf()?.is_empty()
        {
            bail!("there is data after the end of the xz stream");
        }
        Ok(())
    }
}

/// Reads the unpacked bytes, and records whether the end was reached.
struct Decoder<'a> {
    inner: Compression,
    ended: &'a Cell<bool>,
}

impl Read for Compression {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.ended.set(length == 0 && !buffer.is_empty());
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
