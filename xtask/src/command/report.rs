//! `report`

use anyhow::{Result, bail};

use crate::cli::{Format, Report as Options};
use crate::session::Session;
use crate::{exit, render};

pub fn run(session: &Session, options: &Options) -> Result<u8> {
    let default = [session.out.join("report/report.json")];
    let files = if options.files.is_empty() { &default[..] } else { &options.files };
    let mut code = exit::EXPECTED;
    for file in files {
        if !file.is_file() {
            bail!("there is no report at {}\nhint: `cargo xtask bringup` makes one", file.display());
        }
        let report = render::json::read(file)?;
        code = code.max(exit::of_report(&report));
        super::print(&render::report(&report, options.format)?)?;
    }
    Ok(code)
}
