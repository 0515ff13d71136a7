/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the time-stamp counter, which in Bochs is the time in instructions. */
#include <stdio.h>

int main(void)
{
    unsigned lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    printf("%llu\n", (unsigned long long)hi << 32 | lo);
    return 0;
}
