#!/bin/sh
#@ needs: compiler
# Static executables for musl are linked as static-pie on every architecture.
set -eu
printf '%s\n' '#![feature(no_core)]' '#![no_core]' '#![no_main]' > main.rs
for triple in aarch64-unknown-linux-musl arm-unknown-linux-musleabihf armv7-unknown-linux-musleabihf \
    i586-unknown-linux-musl loongarch64-unknown-linux-musl mips64-unknown-linux-muslabi64 \
    powerpc64le-unknown-linux-musl riscv64gc-unknown-linux-musl s390x-unknown-linux-musl x86_64-unknown-linux-musl; do
    args=$(RUSTC_BOOTSTRAP=1 "$RUSTC" --target $triple -Ctarget-feature=+crt-static -Cpanic=abort -Clinker=true \
        --print link-args main.rs)
    case $args in
    *\"-static-pie\"*) ;;
    *)
        echo "$triple: ${args#* \"true\"}"
        exit 1
        ;;
    esac
done
