#!/bin/sh
# Runs in dom0: a storm of senseless hypercalls, and whether the tools still work afterwards.
echo "=== storm"
/root/storm 2>&1
echo "status $?"
echo "=== list"
xl list 2>&1
echo "status $?"
echo "=== kernel-log"
dmesg
echo "=== end"
