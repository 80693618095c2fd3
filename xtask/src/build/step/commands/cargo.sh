# The programs of this folder come first. cargo puts its own folder in front unless the search path has it.
PATH=$here/bin:$PATH:${CARGO_HOME:-${HOME-}/.cargo}/bin
export PATH
case " $* " in *' -Zbuild-std'* | *' -Z build-std'*)
    echo 'cargo: std is a part of this toolchain, built from patched source with settings that -Zbuild-std does not know' >&2
    echo 'hint: leave out -Zbuild-std' >&2
    exit 1 ;;
esac
case ${RUSTC_WORKSPACE_WRAPPER-} in */clippy-driver) RUSTC_WORKSPACE_WRAPPER=$here/bin/clippy-driver ;; esac
# has_runner FILE: whether this file of cargo's configuration has a runner for the target.
has_runner() {
    table=
    [ -f "$1" ] && while read -r line || [ "$line" ]; do
        case $line in '#'*) continue ;; '['*) table=$line ;; esac
        case $table$line in *@triple@*runner*=* | *'cfg('*runner*=*) return 0 ;; esac
    done <"$1"
    return 1
}
# The environment wins over configuration, so it must not have our runner if the user has configured one.
runner=@runner@ folder=$PWD
while :; do
    for file in "$folder/.cargo/config.toml" "$folder/.cargo/config"; do
        if has_runner "$file"; then runner=; fi
    done
    [ "$folder" ] || break
    folder=${folder%/*}
done
for file in "${CARGO_HOME:-${HOME-}/.cargo}/config.toml" "${CARGO_HOME:-${HOME-}/.cargo}/config"; do
    if has_runner "$file"; then runner=; fi
done
if [ "$runner" ] && [ ! "${@variable@+set}" ]; then
    @variable@=$runner
    export @variable@
fi
