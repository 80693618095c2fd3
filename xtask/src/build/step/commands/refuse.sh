#!/bin/sh
# @name@ does not work with this toolchain.
echo @why@ >&2
echo @hint@ >&2
exit 1
