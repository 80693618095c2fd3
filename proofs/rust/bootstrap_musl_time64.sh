#!/bin/sh
#@ needs: source
# x.py tells the libc crate of std that musl's time_t has 64 bits on a 32-bit target.
set -eu
triple=armv7-unknown-linux-musleabihf
cat > cargo << END
#!/bin/sh
# Cargo as far as bootstrap itself; of std it only sees in what environment that would be built.
case \$* in
*/library/sysroot/Cargo.toml*)
    echo "seen \${RUST_LIBC_UNSTABLE_MUSL_V1_2_3-}" >> '$PWD/seen'
    exit 1
    ;;
esac
exec '$CARGO' "\$@"
END
chmod +x cargo
cat > bootstrap.toml << END
change-id = "ignore"
[build]
rustc = "$RUSTC"
cargo = "$PWD/cargo"
local-rebuild = true
submodules = false
optimized-compiler-builtins = false
[llvm]
download-ci-llvm = false
[rust]
codegen-tests = false
[target.$triple]
cc = "/bin/true"
ar = "/bin/true"
[target.$("$RUSTC" -vV | sed -n 's/^host: //p')]
llvm-config = "/bin/true"
END
# Stage 0 builds std at once, without a compiler before it.
python3 "$SOURCE/x.py" build --stage 0 library --target $triple > log 2>&1 || :
[ -e seen ] || {
    cat log
    exit 125
}
[ "$(cat seen)" = 'seen 1' ] || {
    cat seen
    exit 1
}
