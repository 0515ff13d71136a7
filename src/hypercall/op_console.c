/* SPDX-License-Identifier: BSD-2-Clause */
/* console_io and vm_assist. */
#include "door.h"

#include <hypercall/hypercall.h>
#include <lib/log.h>
#include <x86/console.h>

#define CHUNK 256U

/* A guest's characters make whole log lines with its name
 * in front; control characters are dropped. */
static void domu_write(struct vcpu *v, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char ch = text[i];

        if (ch == '\n' || v->console_used == sizeof(v->console_line) - 1) {
            v->console_line[v->console_used] = 0;
            log_guest(LOG_G_DEBUG, v->domain->id, "%s", v->console_line);
            v->console_used = 0;
        }
        if ((ch >= ' ' && ch <= '~') || ch == '\t')
            v->console_line[v->console_used++] = ch;
    }
}

/* Progress is carried in the count and the pointer, so that a long write can be interrupted. */
static int64_t console_write(struct hc *c)
{
    char text[CHUNK];
    uint32_t left = (uint32_t)c->arg[1];

    while (left > 0) {
        uint32_t n = min_of(left, CHUNK);

        if (hc_read(c, text, gva_of(c->arg[2]), n) != 0)
            return -EFAULT;
        if (c->d->is_dom0)
            log_write_sinks(text, n);
        else
            domu_write(c->v, text, n);
        left -= n;
        c->arg[1] = left;
        c->arg[2] += n;
        if (left > 0 && hc_preempt())
            return -ERESTART;
    }
    return 0;
}

/* The environment's source if it has one (a rig), else what was typed on the serial line. */
static size_t take_input(char *to, size_t size)
{
    size_t n = 0;

    if (hypercall_env.console_read)
        return hypercall_env.console_read(to, size);
    while (n < size && console_getc(&to[n]))
        n++;
    return n;
}

static int64_t console_read(struct hc *c)
{
    size_t size = min_of((uint32_t)c->arg[1], CHUNK);
    char text[CHUNK];

    if (!c->d->is_dom0)
        return -EPERM;
    if (guest_check_write(c->v, gva_of(c->arg[2]), size) != 0)
        return -EFAULT;
    size = take_input(text, size);
    if (size > 0 && hc_write(c, gva_of(c->arg[2]), text, size) != 0)
        return -EFAULT;
    return (int64_t)size;
}

int64_t hc_console_io(struct hc *c)
{
    switch ((uint32_t)c->arg[0]) {
    case CONSOLEIO_write: return console_write(c);
    case CONSOLEIO_read:  return console_read(c);
    default:              return -ENOSYS;
    }
}

/* The one assistance a translated guest has a use for: flag runstate records while they are
 * written. */
int64_t hc_vm_assist(struct hc *c)
{
    uint64_t bit = BIT(VMASST_TYPE_runstate_update_flag);

    if ((uint32_t)c->arg[1] != VMASST_TYPE_runstate_update_flag)
        return -EINVAL;
    switch ((uint32_t)c->arg[0]) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(&c->d->vm_assist, bit, __ATOMIC_SEQ_CST);
        return 0;
    case VMASST_CMD_disable:
        __atomic_fetch_and(&c->d->vm_assist, ~bit, __ATOMIC_SEQ_CST);
        return 0;
    default:
        return -ENOSYS;
    }
}
