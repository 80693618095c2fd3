#!/bin/sh
#@ needs: source
# x.py builds std for musl without musl-root and without src/llvm-project.
set -eu
cat > bootstrap.toml << END
change-id = "ignore"
build.rustc = "$RUSTC"
build.cargo = "$CARGO"
build.local-rebuild = true
build.submodules = false
build.optimized-compiler-builtins = false
llvm.download-ci-llvm = false
target.$("$RUSTC" -vV | sed -n 's/^host: //p').llvm-config = "/bin/true"
END
for triple in x86_64-unknown-linux-musl s390x-unknown-linux-musl; do
    python3 "$SOURCE/x.py" build --dry-run library --target $triple > log 2>&1 &&
        grep -q "Building .* library artifacts.*:$triple)" log || {
        cat log
        exit 1
    }
done
