//! 64-bit time on 32-bit architectures.
//!
//! Since musl 1.2, `time_t` has 64 bits everywhere. For old programs, libc.so still has the old functions under the
//! old names. The headers redirect new programs to other names. Rust declares the functions without the headers, so
//! it must redirect them itself.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use object::{Object as _, ObjectSymbol as _};

/// The macro that musl's headers define for an architecture with such functions.
const REDIRECTS: &str = "#define _REDIR_TIME64 1";

/// The names that only old programs use. Empty on an architecture whose `time_t` always had 64 bits.
pub fn compatibility_symbols(include: &Path) -> Result<BTreeSet<String>> {
    let mut symbols = BTreeSet::new();
    let types = include.join("bits/alltypes.h");
    if !types.is_file() || !fs_err::read_to_string(types)?.lines().any(|line| line == REDIRECTS) {
        return Ok(symbols);
    }
    for folder in [include.to_owned(), include.join("sys")] {
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "h") {
                symbols.extend(redirected(&fs_err::read_to_string(path)?));
            }
        }
    }
    Ok(symbols)
}

/// The names that a header redirects, as in `__REDIR(time, __time64);`.
fn redirected(header: &str) -> impl Iterator<Item = String> {
    let name = |line: &str| Some(line.strip_prefix("__REDIR(")?.split_once(',')?.0.trim().to_owned());
    header.lines().filter_map(name)
}

/// The compatibility symbols that an object refers to. Empty if the bytes are not an object.
pub fn time32_faults(bytes: &[u8], symbols: &BTreeSet<String>) -> Vec<String> {
    let Ok(file) = object::File::parse(bytes) else { return Vec::new() };
    let undefined = file.symbols().filter(object::ObjectSymbol::is_undefined);
    let names: BTreeSet<String> = undefined.filter_map(|symbol| Some(symbol.name().ok()?.to_owned())).collect();
    names.intersection(symbols).map(|name| format!("refers to `{name}`, which takes a 32-bit time_t")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirected_names_are_read_where_there_are_any() {
        let folder = tempfile::tempdir().unwrap();
        let include = folder.path();
        assert!(compatibility_symbols(include).unwrap().is_empty());
        let write = |name: &str, text: &str| {
            fs_err::create_dir_all(include.join(name).parent().unwrap()).unwrap();
            fs_err::write(include.join(name), text).unwrap();
        };
        write("time.h", "#if _REDIR_TIME64\n__REDIR(time, __time64);\n#endif\n");
        write("sys/stat.h", "__REDIR(stat, __stat_time64);\n");
        write("features.h", "#define __REDIR(x,y) __typeof__(x) x __asm__(#y)\n");
        write("bits/alltypes.h", "#define _Addr int\n");
        assert!(compatibility_symbols(include).unwrap().is_empty());
        write("bits/alltypes.h", "#define _REDIR_TIME64 1\n");
        assert_eq!(compatibility_symbols(include).unwrap(), ["stat".to_owned(), "time".to_owned()].into());
    }
}
