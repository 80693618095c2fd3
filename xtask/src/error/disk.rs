//! Explains errors of a full disk. Tools report a full disk in many ways, and some do not report it.

use std::io;
use std::path::Path;

use anyhow::anyhow;

use bringup_runner::interrupt::is_interrupt;

/// If fewer bytes are free, a full disk may be the cause of any failure.
const LITTLE: u64 = 1 << 20;

/// Adds a hint to an error that a full disk causes: if the error says so, or if the disk of `folder` is full.
pub fn explain(error: anyhow::Error, folder: Option<&Path>) -> anyhow::Error {
    let text = format!("{error:#}");
    // A tool's failure has only the tool's output as its cause.
    let told = error.chain().any(is_of_full_disk) || text.contains("No space left on device");
    // Errors of archives and downloads already have the hint.
    if is_interrupt(&error) || text.contains("the disk is full") || !(told || folder.is_some_and(is_full)) {
        return error;
    }
    anyhow!(
        "{text}\nhint: the disk is full: free some space, or run `cargo xtask clean`; then run the same command again"
    )
}

fn is_of_full_disk(cause: &(dyn std::error::Error + 'static)) -> bool {
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

fn is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < LITTLE || disk.f_favail == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_disk_is_called_full() {
        const HINT: &str =
            "\nhint: the disk is full: free some space, or run `cargo xtask clean`; then run the same command again";
        let explained = |text: &str, folder| format!("{:#}", explain(anyhow!("{text}"), folder));
        let full = explained("writing x: No space left on device (os error 28)", None);
        assert!(full.ends_with(HINT), "{full}");
        let typed = anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull)).context("writing x");
        let typed = format!("{:#}", explain(typed, None));
        assert!(typed.starts_with("writing x: ") && typed.ends_with(HINT), "{typed}");
        assert_eq!(explained(&full, None), full);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(explained("something else", Some(folder.path())), "something else");
    }
}
