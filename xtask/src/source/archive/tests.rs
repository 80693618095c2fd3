use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// One entry: name, kind, target or contents.
type ArchiveEntry<'a> = (&'a str, EntryType, &'a str);

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

/// A tar archive; names and targets are written as they are, which the builder itself would not do.
fn tar_of(items: &[ArchiveEntry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, text) in items {
        let mut header = tar::Header::new_ustar();
        let content = if *kind == FILE { text.as_bytes() } else { b"" };
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if *kind == LINK || *kind == HARD {
            header.as_mut_bytes()[157..157 + text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(if name.contains("run") { 0o4755 } else { 0o600 });
        header.set_mtime(1_000_000_000);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::bufread::GzEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::bufread::XzEncoder::new(bytes, 1).read_to_end(&mut packed).unwrap();
    packed
}

struct ArchiveFixture {
    folder: tempfile::TempDir,
}

impl ArchiveFixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn dest(&self) -> PathBuf {
        self.folder.path().join("out/tree")
    }

    fn unpack(&self, bytes: &[u8], strip: usize, only: &[&str]) -> Result<()> {
        let archive = self.folder.path().join("evil.tar");
        fs_err::write(&archive, bytes).unwrap();
        let only: Vec<String> = only.iter().map(|&prefix| prefix.to_owned()).collect();
        unpack(&archive, &self.dest(), strip, &PathFilter { only, without: Vec::new() })
    }

    /// The error, once it is sure that nothing was left behind.
    fn refusal(&self, bytes: &[u8], strip: usize, only: &[&str]) -> String {
        let error = format!("{:#}", self.unpack(bytes, strip, only).unwrap_err());
        let left: Vec<_> = fs_err::read_dir(self.folder.path().join("out")).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        assert!(error.contains("evil.tar"), "{error}");
        error
    }
}

#[test]
fn the_wanted_part_is_written_with_times_and_the_executable_bit() {
    let items = [
        ("top-1.0/", DIR, ""),
        ("top-1.0/README", FILE, "readme"),
        ("top-1.0/lib/a/code.c", FILE, "int x;"),
        ("top-1.0/lib/a/run.sh", FILE, "#!/bin/sh"),
        ("top-1.0/lib/up", LINK, "../lib/./a/code.c"),
        ("top-1.0/lib/same.c", HARD, "top-1.0/lib/a/code.c"),
        ("top-1.0/library/other", FILE, "not asked for"),
    ];
    for bytes in [tar_of(&items), gzip(&tar_of(&items)), xz(&tar_of(&items))] {
        let bench = ArchiveFixture::new();
        bench.unpack(&bytes, 1, &["lib"]).unwrap();
        let tree = bench.dest();
        assert!(!tree.join("README").exists() && !tree.join("library").exists());
        assert_eq!(fs_err::read_to_string(tree.join("lib/up")).unwrap(), "int x;");
        assert_eq!(fs_err::read_to_string(tree.join("lib/same.c")).unwrap(), "int x;");
        let data = fs_err::metadata(tree.join("lib/a/code.c")).unwrap();
        assert_eq!(data.permissions().mode() & 0o7111, 0);
        assert_eq!(data.modified().unwrap(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        let mode = fs_err::metadata(tree.join("lib/a/run.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7100, 0o100, "{mode:o}");
    }
}

#[test]
fn hostile_entries_are_refused_wherever_they_are() {
    let hostile: &[(&[ArchiveEntry], &str)] = &[
        (&[("top/../../x", FILE, "x")], "entry `top/../../x`: refused: `..`"),
        (&[("/etc/x", FILE, "x")], "entry `/etc/x`: refused: it is an absolute path"),
        (&[("top/out", LINK, "/etc/passwd")], "entry `top/out`: refused: it is a symbolic link to `/etc/passwd`"),
        (&[("top/out", LINK, "../../x")], "which leads out of the tree"),
        (&[("top/a/out", LINK, "../../../x")], "which leads out of the tree"),
        (&[("top/a/b", LINK, ".."), ("top/a/out", LINK, "b/../../x")], "which leads out of the tree"),
        (&[("top/hard", HARD, "../../etc/passwd")], "entry `top/hard`: it is a hard link to `../../etc/passwd`"),
        (&[("top/hard", HARD, "/etc/passwd")], "it is an absolute path"),
        (&[("top/in", LINK, "sub"), ("top/in/x", FILE, "x")], "through the symbolic link `in`"),
        (&[("a/in", LINK, "sub"), ("b/in/x", FILE, "x")], "through the symbolic link `in`"),
        (&[("top/in", LINK, "sub"), ("top/in", FILE, "x")], "through the symbolic link `in`"),
        (&[("top/dev", EntryType::Block, "")], "it is a device"),
        (&[("top/dev", EntryType::Char, "")], "it is a device"),
        (&[("top/pipe", EntryType::Fifo, "")], "it is a pipe"),
        (&[("top/odd", EntryType::new(b'Z'), "")], "unknown kind of entry 'Z'"),
    ];
    for (items, expected) in hostile {
        let items = [&[("top/wanted/file", FILE, "good")], *items].concat();
        for only in [&[][..], &["wanted"]] {
            let error = ArchiveFixture::new().refusal(&xz(&tar_of(&items)), 1, only);
            assert!(error.contains(expected), "{error}\nexpected: {expected}");
        }
    }
}

#[test]
fn a_link_that_is_not_written_stays_where_the_archive_has_it() {
    let items = [("top/out", LINK, "../x"), ("top/wanted/file", FILE, "good")];
    assert!(ArchiveFixture::new().refusal(&tar_of(&items), 1, &[]).contains("which leads out of the tree"));
    ArchiveFixture::new().unpack(&tar_of(&items), 1, &["wanted"]).unwrap();
}

#[test]
fn a_package_is_unpacked() {
    let member = |name: &str, bytes: &[u8]| {
        let mut text = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, bytes.len()).into_bytes();
        text.extend(bytes);
        text.extend((bytes.len() % 2 == 1).then_some(b'\n'));
        text
    };
    let data = xz(&tar_of(&[("./usr/src/file", FILE, "good")]));
    let package = [b"!<arch>\n".to_vec(), member("debian-binary", b"2.0"), member("data.tar.xz", &data)].concat();
    let bench = ArchiveFixture::new();
    bench.unpack(&package, 1, &["src"]).unwrap();
    assert_eq!(fs_err::read_to_string(bench.dest().join("src/file")).unwrap(), "good");
    let none = [b"!<arch>\n".to_vec(), member("debian-binary", b"2.0\n")].concat();
    assert!(ArchiveFixture::new().refusal(&none, 1, &[]).contains("the package has no data.tar"));
    assert!(ArchiveFixture::new().refusal(&package[..package.len() - 40], 1, &["src"]).contains("truncated"));
}

#[test]
fn a_name_cannot_come_twice_nor_a_link_replace_a_folder() {
    let twice = [("t/x", FILE, "1"), ("t/x", FILE, "2")];
    assert!(ArchiveFixture::new().refusal(&tar_of(&twice), 1, &[]).contains("entry `t/x`"));
    let replaced = [("t/d/x", FILE, "1"), ("t/d", LINK, "e")];
    assert!(ArchiveFixture::new().refusal(&tar_of(&replaced), 1, &[]).contains("entry `t/d`"));
    let early = [("t/x", HARD, "t/y"), ("t/y", FILE, "2")];
    assert!(ArchiveFixture::new().refusal(&tar_of(&early), 1, &[]).contains("not unpacked before it"));
}

#[test]
fn truncated_and_damaged_archives_say_so() {
    let noise: String =
        (0..60_000_u32).map(|i| char::from(b'!' + (i.wrapping_mul(2_654_435_761) >> 25) as u8 % 90)).collect();
    let plain = tar_of(&[("t/x", FILE, &noise), ("t/y", FILE, &noise)]);
    for whole in [plain.clone(), gzip(&plain), xz(&plain)] {
        for keep in [whole.len() / 2, whole.len() * 3 / 4] {
            let error = ArchiveFixture::new().refusal(&whole[..keep], 1, &[]);
            assert!(error.contains("truncated") && error.contains("hint: delete"), "{error}");
        }
    }
    for packed in [gzip(&plain), xz(&plain)] {
        // Cut in the trailer, after the last byte of tar.
        let error = ArchiveFixture::new().refusal(&packed[..packed.len() - 3], 1, &[]);
        assert!(error.contains("truncated"), "{error}");
        let mut damaged = packed;
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x55;
        let error = ArchiveFixture::new().refusal(&damaged, 1, &[]);
        assert!(error.contains("damaged") || error.contains("truncated"), "{error}");
    }
    assert!(ArchiveFixture::new().refusal(b"<html>not found</html>", 1, &[]).contains("expected a tar archive"));
    assert!(ArchiveFixture::new().refusal(b"", 1, &[]).contains("expected a tar archive"));
    let more = [xz(&plain), xz(&plain)].concat();
    assert!(ArchiveFixture::new().refusal(&more, 1, &[]).contains("data after the end"));
}

#[test]
fn a_folder_that_is_not_there_and_a_full_disk_are_told() {
    let bytes = tar_of(&[("t/x", FILE, "1")]);
    let error = ArchiveFixture::new().refusal(&bytes, 1, &["library"]);
    assert!(error.contains("`library` is not in the archive"), "{error}");
    let error = format!("{:#}", explain_full(io::ErrorKind::StorageFull.into()));
    assert!(error.contains("the disk is full") && error.contains("hint:"), "{error}");
}
