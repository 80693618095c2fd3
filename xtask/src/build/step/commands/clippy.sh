#!/bin/sh
# The stock cargo-clippy. It starts this folder's cargo, which gives it this folder's clippy-driver.
@here@program=@program@
if [ ! -x "$program" ]; then
    echo "${0##*/}: the installed Rust has no cargo-clippy: $program does not exist" >&2
    echo @hint@ >&2
    exit 127
fi
CARGO=$here/bin/cargo
export CARGO
exec "$program" "$@"
