#!/bin/sh
#@ needs: compiler
# Programs for musl are linked with the crt objects and the libraries that the C compiler adds, static ones as well:
# rustc names no crt object and forbids the compiler none of its own.
set -eu
printf '%s\n' '#![feature(no_core)]' '#![no_core]' '#![no_main]' > main.rs
for triple in aarch64-unknown-linux-musl arm-unknown-linux-musleabihf armv7-unknown-linux-musleabihf \
    i586-unknown-linux-musl loongarch64-unknown-linux-musl mips64-unknown-linux-muslabi64 \
    powerpc64le-unknown-linux-musl riscv64gc-unknown-linux-musl s390x-unknown-linux-musl x86_64-unknown-linux-musl; do
    for mode in -crt-static +crt-static; do
        args=$(RUSTC_BOOTSTRAP=1 "$RUSTC" --target $triple -Ctarget-feature=$mode -Cpanic=abort -Clinker=true \
            --print link-args main.rs)
        case $args in
        *crt1.o\"* | *crti.o\"* | *\"-nostartfiles\"* | *\"-nodefaultlibs\"*)
            echo "$triple, $mode: ${args#* \"true\"}"
            exit 1
            ;;
        *\"-o\"*) ;;
        *)
            echo "$triple, $mode: not a link: $args"
            exit 1
            ;;
        esac
    done
done
