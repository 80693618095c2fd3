#!/bin/sh
#@ needs: source
# x.py finds the specification of a target in any folder of RUST_TARGET_PATH.
set -eu
triple=x86_64-installed-linux-gnu
host=$("$RUSTC" -vV | sed -n 's/^host: //p')
mkdir specs
RUSTC_BOOTSTRAP=1 "$RUSTC" -Zunstable-options --print target-spec-json --target x86_64-unknown-linux-gnu \
    > specs/$triple.json
# With a stage 0 of its own version x.py does not ask whether a target exists. Build scripts of its crates get the truth.
cat > rustc << END
#!/bin/sh
case \${OUT_DIR-}\$* in
--version*) '$RUSTC' "\$@" | sed "s/\$(cut -d. -f1,2 '$SOURCE/src/version')/1.0/" ;;
'--print target-list') echo $host ;;
*) exec '$RUSTC' "\$@" ;;
esac
END
chmod +x rustc
cat > bootstrap.toml << END
change-id = "ignore"
[build]
rustc = "$PWD/rustc"
cargo = "$CARGO"
submodules = false
optimized-compiler-builtins = false
[llvm]
download-ci-llvm = false
[target.$host]
llvm-config = "/bin/true"
END

plan() {
    RUST_TARGET_PATH=$1 python3 "$SOURCE/x.py" build --dry-run library --target $triple > log 2>&1 || {
        cat log
        exit "$2"
    }
}

plan "$PWD/specs" 125
plan "/nowhere:$PWD/specs" 1
