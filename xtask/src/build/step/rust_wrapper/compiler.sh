#!/bin/sh
# The stock @name@ with this folder as its sysroot.
@here@program=@program@
if [ ! -x "$program" ]; then
    echo "${0##*/}: the installed Rust has no @name@: $program does not exist" >&2
    echo @hint@ >&2
    exit 127
fi
PATH=$here/bin:$PATH # where the linker driver is
spec=$here/lib/rustlib/@triple@/@file@
case " $*" in *' @'*)
    for arg do
        shift
        case $arg in
        @*)
            while IFS= read -r line || [ "$line" ]; do
                # rustdoc got this from its script, and passes it on to the compiler of doctests.
                [ "$line" = -Zunstable-options ] || set -- "$@" "$line"
            done <"${arg#@}" || exit ;;
        *) set -- "$@" "$arg" ;;
        esac
    done ;;
esac
# Clippy's driver gets rustc's path before the arguments.
first=
case ${1-} in */rustc) first=$1 && shift ;; esac

target= sysroot=1 unusual= option=
for arg do
    shift
    arg=$option$arg option=
    case $arg in
    -[CLl]) option=$arg && continue ;;
    --target | --extern | --emit | --print | --edition | --error-format | --json) option=$arg= && continue ;;
    --target=@triple@ | --target="$spec") target=1 arg=--target=$spec ;;
    --sysroot*) sysroot= ;;
    # Options with unstable values:
    -C*linker-f* | -C*self-contained* | -C*mangling* | -C*immediate* | -l*:* | -llink-arg=*) unusual=1 ;;
    --extern=*:* | --emit=*thin-link* | --json=*timings*) unusual=1 ;;
    # Options whose values are all stable, or these values:
    -[ACDFLOVWglov]* | --cap-lints* | --cfg* | --check-cfg* | --color* | --crate-* | --diagnostic-width*) ;;
    --error-format=human | --error-format=json | --error-format=short | --edition=20[12]? | --extern=* | --json=*) ;;
    --out-dir* | --remap-path-prefix* | --target=* | --test | --verbose | --version) ;;
    @usual@) ;;
    -?*) unusual=1 ;;
    esac
    set -- "$@" "$arg"
done
[ ! "$option" ] || set -- "$@" "${option%=}"

# judge ARGUMENTS: fails, with the compiler's words, if it rejects an argument. With -Whelp it does nothing else.
judge() {
    for arg do
        shift
        case $arg in --target="$spec" | --test) ;; *) set -- "$@" "$arg" ;; esac
    done
    @judge@ "$@" -Whelp </dev/null 2>&1 >/dev/null
}
if [ "$target" ]; then
    # This value permits everything, as it does with the installed compiler.
    if [ "${RUSTC_BOOTSTRAP-}" != 1 ]; then
        if [ "$unusual" ] && ! refusal=$(judge "$@"); then
            printf '%s\n' "$refusal" >&2
            exit 1
        fi
        preload=$here/@library@
        case $preload in *[\ :]*)
            # LD_PRELOAD splits there. The library closes the file.
            for fd in 9 8 7 6 5 4 3; do
                [ -e "/proc/self/fd/$fd" ] || break
            done
            eval "exec $fd<\"\$preload\"" || exit
            preload=/proc/self/fd/$fd ;;
        esac
        LD_PRELOAD=$preload${LD_PRELOAD:+:$LD_PRELOAD}
        export LD_PRELOAD
    fi
    set -- -Zunstable-options@builder@ "$@"
fi
[ ! "$sysroot" ] || set -- --sysroot "$here" "$@"
exec "$program" ${first:+"$first"} "$@"
