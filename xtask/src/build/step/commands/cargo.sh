# The programs of this folder come first, also for configure scripts, which look for programs whose names begin with
# the triple. cargo puts its own folder in front unless the search path has it.
PATH=$here/bin:$PATH:${CARGO_HOME:-${HOME-}/.cargo}/bin
export PATH
case " $* " in *' -Zbuild-std'* | *' -Z build-std'*)
    echo 'cargo: std is a part of this toolchain, built from patched source with settings that -Zbuild-std does not know' >&2
    echo 'hint: leave out -Zbuild-std' >&2
    exit 1 ;;
esac
case ${RUSTC_WORKSPACE_WRAPPER-} in */clippy-driver) RUSTC_WORKSPACE_WRAPPER=$here/bin/clippy-driver ;; esac
# configures TRIPLE FILE: whether this file of cargo's configuration has a runner for the target.
configures() {
    table=
    [ -f "$2" ] && while read -r line || [ "$line" ]; do
        case $line in '#'*) continue ;; '['*) table=$line ;; esac
        case $table$line in *"$1"*runner*=* | *'cfg('*runner*=*) return 0 ;; esac
    done <"$2"
    return 1
}
# has_runner TRIPLE: whether the user has configured a runner. The environment would win over it.
has_runner() {
    folder=$PWD
    while :; do
        configures "$1" "$folder/.cargo/config.toml" || configures "$1" "$folder/.cargo/config" && return
        [ "$folder" ] || break
        folder=${folder%/*}
    done
    folder=${CARGO_HOME:-${HOME-}/.cargo}
    configures "$1" "$folder/config.toml" || configures "$1" "$folder/config"
}
