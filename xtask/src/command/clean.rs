//! `clean`

use anyhow::Result;

use crate::session::Session;

pub fn run(session: &Session) -> Result<()> {
    if !session.out.exists() {
        return Ok(());
    }
    // Not under another run's feet.
    let store = session.store()?;
    for entry in fs_err::read_dir(store.root())? {
        let path = entry?.path();
        if path.is_dir() {
            fs_err::remove_dir_all(path)?;
        }
    }
    session.ui.note(&format!(
        "removed what was in {}; the downloads in {} stay",
        session.out.display(),
        session.cache.display()
    ));
    Ok(())
}
