#!/bin/sh
# The stock @name@.
program=@program@
if [ ! -x "$program" ]; then
    echo "${0##*/}: the installed Rust has no @name@: $program does not exist" >&2
    echo @hint@ >&2
    exit 127
fi
exec "$program" "$@"
