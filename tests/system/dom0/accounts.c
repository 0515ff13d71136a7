/* SPDX-License-Identifier: BSD-2-Clause */
/* In dom0: how long each domain has run and each CPU has had nothing to do, by the hypervisor's account, in nanoseconds. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <xenctrl.h>

#define MAX 64

int main(void)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    xc_cpuinfo_t cpus[MAX];
    xc_dominfo_t domains[MAX];
    struct timespec now;
    uint64_t idle = 0, run = 0;
    int cpu_count = 0, count;

    if (!xc)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    count = xc_domain_getinfo(xc, 0, MAX, domains);
    if (count < 0 || xc_getcpuinfo(xc, MAX, cpus, &cpu_count) != 0)
        return 1;
    for (int i = 0; i < count; i++)
        run += domains[i].cpu_time;
    for (int i = 0; i < cpu_count; i++)
        idle += cpus[i].idletime;
    printf("account %llu cpus %d run %llu idle %llu\n", now.tv_sec * 1000000000ULL + (unsigned long)now.tv_nsec, cpu_count,
           (unsigned long long)run, (unsigned long long)idle);
    return 0;
}
