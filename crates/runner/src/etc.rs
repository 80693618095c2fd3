//! The files of `/etc` that test programs see: the same on every host. A host may not know `localhost`, name servers that
//! nobody can reach, or users and services that another does not have.

use std::path::Path;

use anyhow::Result;
use bringup_model::digest::hex;
use sha2::{Digest as _, Sha256};

/// Their names and contents.
pub(crate) const FILES: [(&str, &[u8]); 11] = [
    ("hosts", b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("host.conf", b"multi on\n"),
    ("nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"),
    // Nobody listens there in a network of its own, so a question is refused at once.
    ("resolv.conf", b"nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"),
    ("passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"),
    ("group", b"root:x:0:\nnogroup:x:65534:\n"),
    (
        "services",
        b"echo\t7/tcp\necho\t7/udp\ndiscard\t9/tcp\ndiscard\t9/udp\nftp\t21/tcp\nssh\t22/tcp\ntelnet\t23/tcp\n\
          smtp\t25/tcp\ntime\t37/tcp\ntime\t37/udp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nntp\t123/udp\n\
          https\t443/tcp\nhttps\t443/udp\n",
    ),
    ("protocols", b"ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\nipv6\t41\tIPv6\nipv6-icmp\t58\tIPv6-ICMP\n"),
    ("shells", b"/bin/sh\n"),
    ("timezone", b"Etc/UTC\n"),
    // A time zone file, see tzfile(5), with one type and no transitions.
    (
        "localtime",
        b"TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0\0\0\0UTC\0",
    ),
];

/// Digest of the files that programs see: those above, or the host's own.
///
/// # Errors
///
/// If a file of the host exists and cannot be read.
pub fn digest(own: bool) -> Result<String> {
    let mut hash = Sha256::new();
    for (name, bytes) in FILES {
        let path = Path::new("/etc").join(name);
        let seen = match own {
            true => bytes.to_vec(),
            false if path.is_file() => fs_err::read(path)?,
            false => Vec::new(),
        };
        hash.update((seen.len() as u64).to_le_bytes());
        hash.update(seen);
    }
    Ok(hex(&hash.finalize()))
}

/// Writes the files into a folder.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs_err::create_dir(folder)?;
    for (name, bytes) in FILES {
        fs_err::write(folder.join(name), bytes)?;
    }
    Ok(())
}
