#!/bin/sh
# Runs in dom0 (./run --batch): the least that shows a machine in order.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

s uname uname -a
s info xl info
s list xl list
s cpus nproc
s dmesg dmesg
echo "=== end"
