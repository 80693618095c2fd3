#!/bin/sh
# Runs a program of @triple@: @runner@ PROGRAM ARGUMENTS
@here@program=@emulator@ emulator= cpu=
@settings@if [ ! -x "$emulator" ]; then
    emulator=$(command -v "$program" || command -v "$program-static") || emulator=
fi
LD_LIBRARY_PATH=$here/@libraries@${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
if [ "$emulator" ]; then
    exec "$emulator" -L "$here/@sysroot@" ${cpu:+-cpu "$cpu"} "$@"
fi
@native@echo "${0##*/}: running $1: the emulator $program is not on the search path" >&2
echo 'hint: install QEMU user-mode emulation, or get it with "bringup fetch" and then build again, or name another runner in @variable@' >&2
exit 127
