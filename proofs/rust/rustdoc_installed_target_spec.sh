#!/bin/sh
# rustdoc compiles and runs the doctests of a target whose specification is a file.
set -eu
cat > doc.rs << 'END'
//! ```
//! assert_eq!(doc::two(), 2);
//! ```
pub fn two() -> u32 {
    2
}
END
printf '#!/bin/sh\nexec %s "$@"\n' "$RUN" > run
chmod +x run
"$RUSTC" --edition 2024 --crate-type rlib --target "$TRIPLE" doc.rs
"$RUSTDOC" --edition 2024 --test --target "$TRIPLE" --test-runtool "$PWD/run" -Clinker="$CC" --extern doc=libdoc.rlib \
    doc.rs > log 2>&1 || {
    cat log
    exit 1
}
grep -q '^test result: ok. 1 passed' log || {
    cat log
    exit 1
}
