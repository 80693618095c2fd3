//! What musl's source says about a target's architecture.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use bringup_model::target::Target;

use super::Contradiction;
use crate::project::config;

/// Whether musl has the architecture, and the same `long double` as clang. `source` is the folder of musl's source.
pub(super) fn check(target: &Target, macros: &BTreeMap<String, String>, source: &Path) -> Result<Vec<Contradiction>> {
    let folder = source.join("arch").join(&target.musl.arch);
    if !folder.is_dir() {
        let mut known = Vec::new();
        for entry in fs_err::read_dir(source.join("arch"))? {
            known.push(entry?.file_name().to_string_lossy().into_owned());
        }
        known.sort();
        let hint = config::nearest(&target.musl.arch, &known, "architectures");
        let text = format!("[musl] arch: musl has no architecture `{}`", target.musl.arch);
        return Ok(vec![Contradiction::new(text, hint.trim_start_matches("\nhint: "))]);
    }
    let file = folder.join("bits/float.h");
    let digits = |text: &str| {
        let mut words = text.lines().filter_map(|line| line.strip_prefix("#define LDBL_MANT_DIG "));
        words.next().map(|digits| digits.trim().to_owned())
    };
    let ours = macros.get("__LDBL_MANT_DIG__");
    let musls = if file.is_file() { digits(&fs_err::read_to_string(&file)?) } else { None };
    Ok(match (ours, musls) {
        (Some(ours), Some(musls)) if *ours != musls => {
            let text = format!("[c] flags: clang's long double has {ours} bits of precision, musl's has {musls}");
            vec![Contradiction::new(text, "correct the flags: musl's arch/*/bits/float.h describes the ABI")]
        }
        _ => Vec::new(),
    })
}
