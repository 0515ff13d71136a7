/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the Linux boot protocol (linux/Documentation/x86/boot.rst), what setup.S and head.S share. */
#ifndef GUEST_LINUX_H
#define GUEST_LINUX_H

#define LINUX_MAGIC 0x53726448          /* "HdrS" */
#define LINUX_KERNEL 0x100000           /* where the protected-mode part is loaded */
#define LINUX_CMDLINE 0x228             /* cmd_line_ptr, from the begin of the setup */
#define LINUX_SEL_CODE 8                /* in setup.S's GDT */
#define LINUX_SEL_DATA 16

#endif
