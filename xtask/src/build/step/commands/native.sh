# This processor runs the program. A dynamic one gets its loader from here, and takes that for its own path.
if head -c 4096 -- "$1" | grep -q -a -F @loader@; then
    exec "$here/@sysroot@"@loader@ "$@"
fi
exec "$@"
