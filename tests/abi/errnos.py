#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Requests that xl would not let through, by Debian's libxenctrl: each must end with the errno of Xen 4.17.

Runs in the ABI rig with dom0 alone on CPUs 0-3 in pool 0 (85-sched.sh). One line per check.
"""
import ctypes
import errno
import os

xc = ctypes.CDLL("libxenctrl.so.4.17", use_errno=True)
xc.xc_interface_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(xc.xc_interface_open(None, None, 0))
HARD, SOFT = 1, 2
CREDIT2, NULL = 6, 9


class Credit2(ctypes.Structure):
    _fields_ = [("weight", ctypes.c_uint16), ("cap", ctypes.c_uint16)]


def call(name, *args):
    ctypes.set_errno(0)
    return getattr(xc, name)(handle, *args), ctypes.get_errno()


def expect(what, want, name, *args):
    rc, err = call(name, *args)
    got = 0 if rc >= 0 else err
    good = got == want
    print(f"{'ok' if good else 'not ok'} {what}: {errno.errorcode.get(want, 'done')}", flush=True)
    if not good:
        os.write(2, f"{what}: errno {got}, not {want}\n".encode())


def params(weight, cap):
    return ctypes.byref(Credit2(weight, cap))


def mask(*cpus):
    bits = ctypes.create_string_buffer(16)
    for cpu in cpus:
        bits[cpu // 8] = bytes([bits[cpu // 8][0] | 1 << cpu % 8])
    return bits


def affinity(what, want, domid, vcpu, hard, soft, flags):
    expect(what, want, "xc_vcpu_setaffinity", domid, vcpu, hard, soft, flags)


def weight_now():
    now = Credit2()
    call("xc_sched_credit2_domain_get", 0, ctypes.byref(now))
    return now.weight, now.cap


expect("a weight of 0 leaves the weight", 0, "xc_sched_credit2_domain_set", 0, params(0, 0))
print("ok" if weight_now() == (256, 0) else "not ok", "and the weight is still 256")
expect("the greatest weight", 0, "xc_sched_credit2_domain_set", 0, params(65535, 0))
expect("a cap of all vCPUs", 0, "xc_sched_credit2_domain_set", 0, params(256, 400))
expect("a cap beyond the vCPUs", errno.EINVAL, "xc_sched_credit2_domain_set", 0, params(256, 401))
print("ok" if weight_now() == (256, 400) else "not ok", "and weight and cap are what they were")
expect("no cap", 0, "xc_sched_credit2_domain_set", 0, params(256, 0))
expect("parameters of a domain that is not there", errno.ESRCH, "xc_sched_credit2_domain_set", 77, params(256, 0))
expect("parameters of another scheduler", errno.EINVAL, "xc_sched_credit_domain_set", 0, params(256, 0))

affinity("an empty hard affinity", errno.EINVAL, 0, 1, mask(), None, HARD)
affinity("an empty soft affinity", 0, 0, 1, None, mask(), SOFT)
affinity("all CPUs again", 0, 0, 1, None, mask(0, 1, 2, 3), SOFT)
affinity("a CPU that is not there", errno.EINVAL, 0, 1, mask(100), None, HARD)
affinity("some CPUs that are there and some that are not", 0, 0, 1, mask(2, 100), None, HARD)
affinity("a vCPU beyond the domain's", errno.EINVAL, 0, 64, mask(0), None, HARD)
affinity("a domain that is not there", errno.ESRCH, 77, 0, mask(0), None, HARD)
affinity("no kind of affinity", errno.EINVAL, 0, 0, mask(0), None, 0)
affinity("hard and soft at once", 0, 0, 1, mask(0, 1), mask(1), HARD | SOFT)
answer = mask(1, 2, 3)
affinity("and soft outside of hard", 0, 0, 1, None, answer, SOFT)
print("ok" if answer.raw[0] == 2 else "not ok", "and the answer is what is in effect")
affinity("all CPUs once more", 0, 0, 1, mask(0, 1, 2, 3), mask(0, 1, 2, 3), HARD | SOFT)

pool = ctypes.c_uint32(0)
expect("a pool whose number is taken", errno.EEXIST, "xc_cpupool_create", ctypes.byref(pool), CREDIT2)
pool.value = 5
expect("a pool with a scheduler that is not there", errno.EINVAL, "xc_cpupool_create", ctypes.byref(pool), 5)
expect("a pool of a number of its own", 0, "xc_cpupool_create", ctypes.byref(pool), NULL)
print("ok" if pool.value == 5 else "not ok", "and it has that number")
expect("pool 0 without CPU 0", errno.EINVAL, "xc_cpupool_removecpu", 0, 0)
expect("taking away a CPU that is not there", errno.EINVAL, "xc_cpupool_removecpu", 0, 9)
expect("taking a CPU from the wrong pool", errno.EADDRNOTAVAIL, "xc_cpupool_removecpu", 5, 3)
expect("taking a CPU from no pool", errno.ENOENT, "xc_cpupool_removecpu", 9, 3)
expect("any CPU of an empty pool", errno.EINVAL, "xc_cpupool_removecpu", 5, -1)
expect("adding a CPU that is in use", errno.ENODEV, "xc_cpupool_addcpu", 5, 3)
expect("adding any CPU when none is free", errno.ENODEV, "xc_cpupool_addcpu", 5, -1)
expect("adding a CPU that is not there", errno.EINVAL, "xc_cpupool_addcpu", 5, 500)
expect("adding a CPU to no pool", errno.ENOENT, "xc_cpupool_addcpu", 9, 3)
expect("freeing CPU 3", 0, "xc_cpupool_removecpu", 0, 3)
expect("freeing it twice", errno.EADDRNOTAVAIL, "xc_cpupool_removecpu", 0, 3)
expect("adding any free CPU", 0, "xc_cpupool_addcpu", 5, -1)
affinity("a pin to a CPU of another pool", errno.EINVAL, 0, 1, mask(3), None, HARD)
expect("destroying a pool with CPUs", errno.EBUSY, "xc_cpupool_destroy", 5)
expect("destroying a pool that is not there", errno.ENOENT, "xc_cpupool_destroy", 9)
expect("moving the caller's own domain", errno.EPERM, "xc_cpupool_movedomain", 5, 0)
expect("moving a domain that is not there", errno.ESRCH, "xc_cpupool_movedomain", 5, 77)
expect("the last CPU of a pool without domains", 0, "xc_cpupool_removecpu", 5, -1)
expect("destroying an empty pool", 0, "xc_cpupool_destroy", 5)
expect("giving the CPU back", 0, "xc_cpupool_addcpu", 0, 3)

for us, want in ((0, 0), (99, errno.EINVAL), (100, 0), (500000, 0), (500001, errno.EINVAL), (1000, 0)):
    expect(f"a rate limit of {us} us", want, "xc_sched_credit2_params_set", 0, ctypes.byref(ctypes.c_uint32(us)))
expect("a rate limit of no pool", errno.ESRCH, "xc_sched_credit2_params_set", 9, ctypes.byref(ctypes.c_uint32(1000)))
