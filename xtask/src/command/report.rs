//! `report`

use std::path::Path;

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
        let report = render::json::read(&fs_err::read(file)?, file)?;
        code = code.max(exit::of_report(&report));
        let folder = file.parent().unwrap_or(Path::new("."));
        super::print(&match options.format {
            Format::Terminal => render::terminal::render(&report, folder, session.ui.color()),
            Format::Markdown => render::markdown::render(&report),
            Format::Html => render::html::render(&report),
            Format::Junit => String::from_utf8(render::junit::render(&report)?)?,
            Format::Json => String::from_utf8(render::json::write(&report)?)?,
        })?;
    }
    Ok(code)
}
