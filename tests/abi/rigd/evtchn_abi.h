/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of rigd: dom0's end of the shared pages of event channels. */
#ifndef ABI_RIG_EVTCHN_ABI_H
#define ABI_RIG_EVTCHN_ABI_H

#include "rigd.h"

#define EVTCHN_ABI_PORTS 4096U

void evtchn_abi_start(void);            /* all ports masked */
void evtchn_abi_mask(uint32_t port);
void evtchn_abi_clear(uint32_t port);   /* no longer pending */
/* Calls fire for every port that is pending and not masked; it shall mask and clear it. */
void evtchn_abi_scan(void (*fire)(uint32_t port));

#endif
