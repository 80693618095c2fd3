#!/bin/sh
#@ needs: compiler
# A target whose specification is installed, in the sysroot or in RUST_TARGET_PATH, needs no unstable option. One that
# is given by its path, or that happens to lie in the current directory, still does.
set -eu
unset RUSTC_BOOTSTRAP RUST_TARGET_PATH || :
triple=x86_64-installed-linux-musl
mkdir -p specs sysroot/lib/rustlib/$triple
RUSTC_BOOTSTRAP=1 "$RUSTC" -Zunstable-options --print target-spec-json --target x86_64-unknown-linux-musl \
    > specs/$triple.json
cp specs/$triple.json sysroot/lib/rustlib/$triple/target.json

wrong() {
    echo "$*"
    cat log
    exit 1
}

"$RUSTC" --sysroot "$PWD/sysroot" --target $triple --print cfg > log 2>&1 || wrong "not taken from the sysroot"
RUST_TARGET_PATH=/nowhere:$PWD/specs "$RUSTC" --target $triple --print cfg > log 2>&1 ||
    wrong "not taken from RUST_TARGET_PATH"

"$RUSTC" --target specs/$triple.json --print cfg > log 2>&1 && wrong "taken from a path without -Zunstable-options"
cd specs
"$RUSTC" --target $triple --print cfg > ../log 2>&1 && cd .. && wrong "taken from the current directory"
exit 0
