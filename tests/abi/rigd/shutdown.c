/* SPDX-License-Identifier: BSD-2-Clause */
/* rig_shutdown DOMID REASON: ends a domain as if it had asked for it itself; guests of the rig do not run. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <xen/xen.h>
#include <xen/sched.h>
#include <xen/sys/privcmd.h>

int main(int argc, char **argv)
{
    sched_remote_shutdown_t a;
    privcmd_hypercall_t call = { .op = __HYPERVISOR_sched_op, .arg = { SCHEDOP_remote_shutdown, (uint64_t)&a } };
    int fd = open("/dev/xen/privcmd", O_RDWR);

    if (argc != 3 || fd < 0)
        return 2;
    a.domain_id = (domid_t)atoi(argv[1]);
    a.reason = (unsigned int)atoi(argv[2]);
    if (ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call) == 0)
        return 0;
    perror("remote_shutdown");
    return 1;
}
