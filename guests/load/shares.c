/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0 looks at guests that compute: how much work each does, by its weight or its cap. Machine of 4 CPUs, "children" on the
 * command line; seconds=N: how long each is watched.
 */
#include "child.h"
#include "load.h"

#define GUESTS 3

struct watched { struct child child; const struct lane *lanes; uint64_t done, time; };

static uint64_t work_of(const struct watched *w)
{
    uint64_t sum = 0;

    for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
        sum += w->lanes[cpu].done;
    return sum;
}

static bool begin(struct watched *w, unsigned int vcpus, uint16_t weight, uint16_t cap)
{
    const char *line = vcpus == 4 ? "run=load_hog report=1000000 cpus=4" : "run=load_hog report=1000000 cpus=2";

    if (!child_make(&w->child, line, vcpus) || !child_schedule(&w->child, weight, cap))
        return false;
    w->lanes = child_memory(&w->child, address(lanes), sizeof(lanes));
    return w->lanes != NULL;
}

/* Between two looks, after they have had time to settle. Returns how long that was. */
static uint64_t watch(struct watched w[GUESTS])
{
    uint64_t begin, end;

    for (unsigned int i = 0; i < GUESTS; i++)
        if (!child_start(&w[i].child))
            return 0;
    sleep_until(clock_now() + 500 * MS);
    begin = clock_now();
    for (unsigned int i = 0; i < GUESTS; i++) {
        w[i].done = work_of(&w[i]);
        w[i].time = child_time(&w[i].child);
    }
    end = begin + command_line_number("seconds=", 4) * SECOND;
    while (clock_now() < end)
        sleep_until(end);
    for (unsigned int i = 0; i < GUESTS; i++) {
        w[i].done = work_of(&w[i]) - w[i].done;
        w[i].time = child_time(&w[i].child) - w[i].time;
    }
    return clock_now() - begin;
}

static void end(struct watched w[GUESTS])
{
    for (unsigned int i = 0; i < GUESTS; i++)
        check(child_destroy(&w[i].child));
}

/*
 * Work is a little less than time for who runs in shorter turns: in an emulator a switch is a tenth of a millisecond.
 */
GUEST_TEST(load_shares, "guests of weights 256, 512 and 1024 that compute have their share of the CPUs, within two per cent of it")
{
    static const uint16_t weights[GUESTS] = { 256, 512, 1024 };
    static struct watched w[GUESTS];
    uint64_t time, all = 0, work = 0;

    ports_mask();
    for (unsigned int i = 0; i < GUESTS; i++)
        if (!begin(&w[i], 4, weights[i], 0))
            return;
    time = watch(w);
    for (unsigned int i = 0; i < GUESTS; i++) {
        all += w[i].time;
        work += w[i].done;
    }
    for (unsigned int i = 0; i < GUESTS && all; i++) {
        uint64_t due = all / (256 + 512 + 1024) * weights[i], work_due = work * weights[i] / (256 + 512 + 1024);

        print("load: share of weight %u: ran %lu us, due %lu us of 4 times %lu; %lu of %lu units, due %lu\n", weights[i], w[i].time / US,
              due / US, time / US, w[i].done, work, work_due);
        check(w[i].time * 100 >= due * 98 && w[i].time * 100 <= due * 102);
        check(w[i].done * 100 >= work_due * 92 && w[i].done * 100 <= work_due * 108);
    }
    check(all * 100 >= time * 4 * 98);
    end(w);
}

GUEST_TEST(load_caps, "guests with caps of 25, 50 and 150 have so many hundredths of a CPU, within two per cent")
{
    static const uint16_t caps[GUESTS] = { 25, 50, 150 };
    static struct watched w[GUESTS];
    uint64_t time;

    ports_mask();
    for (unsigned int i = 0; i < GUESTS; i++)
        if (!begin(&w[i], 2, 256, caps[i]))
            return;
    time = watch(w);
    for (unsigned int i = 0; i < GUESTS && time; i++) {
        uint64_t due = time * caps[i] / 100;

        print("load: cap %u: ran %lu us of %lu us, due %lu us; %lu units\n", caps[i], w[i].time / US, time / US, due / US, w[i].done);
        check(w[i].time * 100 >= due * 98 && w[i].time * 100 <= due * 102);
    }
    end(w);
}
