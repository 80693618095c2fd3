//! Debian packages: an `ar` archive whose member `data.tar.*` holds the files.

use std::io::{self, Read as _, Seek as _, SeekFrom, Take};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The first bytes of a package.
const MAGIC: &[u8] = b"!<arch>\n";

/// Length of a member's header: name, four unused fields, size, end.
const HEADER: usize = 60;
const SIZE: std::ops::Range<usize> = 48..58;

/// Opens an archive. In a package, at the first byte of `data.tar.*`.
pub fn open(archive: &Path) -> Result<Take<fs_err::File>> {
    let mut file = fs_err::File::open(archive)?;
    let mut start = [0; MAGIC.len()];
    let is_package = file.read_exact(&mut start).is_ok() && start == MAGIC;
    let length = if is_package { seek_to_data(&mut file)? } else { u64::MAX };
    if !is_package {
        file.rewind()?;
    }
    Ok(file.take(length))
}

/// Seeks to the first byte of `data.tar.*`, and returns its length.
fn seek_to_data(file: &mut fs_err::File) -> Result<u64> {
    let mut at = MAGIC.len() as u64;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => bail!("the package has no data.tar"),
            other => other?,
        }
        at += HEADER as u64;
        let size = std::str::from_utf8(&header[SIZE]).ok().and_then(|text| text.trim_end().parse::<u64>().ok());
        let size = size.context("the package is damaged: a member has no size")?;
        if header.starts_with(b"data.tar") {
            return Ok(size);
        }
        // Members begin at even offsets.
        at = size.checked_add(size % 2).and_then(|size| at.checked_add(size)).context("a member is too large")?;
    }
}
