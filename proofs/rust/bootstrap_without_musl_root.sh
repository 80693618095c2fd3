#!/bin/sh
#@ needs: source
# x.py builds std for musl without musl-root and without src/llvm-project.
set -eu
host=$("$RUSTC" -vV | sed -n 's/^host: //p')
cat > bootstrap.toml << END
change-id = "ignore"
[build]
rustc = "$RUSTC"
cargo = "$CARGO"
local-rebuild = true
submodules = false
optimized-compiler-builtins = false
[llvm]
download-ci-llvm = false
[target.$host]
llvm-config = "/bin/true"
END

plan() {
    python3 "$SOURCE/x.py" build --dry-run library --target "$1" > log 2>&1 &&
        grep -q "Building .* library artifacts.*$1)" log || {
        cat log
        exit "$2"
    }
}

plan "$host" 125
for triple in x86_64-unknown-linux-musl s390x-unknown-linux-musl; do
    plan $triple 1
done
