#!/bin/sh
#@ needs: compiler
# Targets on musl link libc dynamically unless told not to.
set -eu
for triple in aarch64-unknown-linux-musl arm-unknown-linux-musleabihf armv7-unknown-linux-musleabihf \
    i586-unknown-linux-musl loongarch64-unknown-linux-musl mips64-unknown-linux-muslabi64 \
    powerpc64le-unknown-linux-musl riscv64gc-unknown-linux-musl s390x-unknown-linux-musl x86_64-unknown-linux-musl; do
    case $("$RUSTC" --target $triple --print cfg) in
    *'target_feature="crt-static"'*)
        echo "$triple is static by default"
        exit 1
        ;;
    esac
    case $("$RUSTC" --target $triple -Ctarget-feature=+crt-static --print cfg) in
    *'target_feature="crt-static"'*) ;;
    *)
        echo "$triple is not static with +crt-static"
        exit 1
        ;;
    esac
done
