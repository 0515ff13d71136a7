/* SPDX-License-Identifier: BSD-2-Clause */
/* rig_report [NAME]: what rigd has in use; the number of one line, or all of it. */
#define _GNU_SOURCE
#include "proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char text[1024];

int main(int argc, char **argv)
{
    struct rig_hello h = { .magic = RIG_MAGIC, .device = RIG_CONTROL };
    struct rig_request q = { RIG_REPORT, 0, { (uint64_t)text, sizeof(text) } };
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv(RIG_ENV_SOCKET);
    struct rig_welcome w;
    struct rig_reply r;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(to.sun_path, path ? path : "", sizeof(to.sun_path) - 1);
    if (connect(s, (struct sockaddr *)&to, sizeof(to)) != 0 || write(s, &h, sizeof(h)) != sizeof(h) ||
        read(s, &w, sizeof(w)) != sizeof(w) || write(s, &q, sizeof(q)) != sizeof(q) ||
        read(s, &r, sizeof(r)) != sizeof(r) || r.result != 0) {
        fprintf(stderr, "rig_report: no answer\n");
        return 1;
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (argc < 2)
            puts(line);
        else if (strncmp(line, argv[1], strlen(argv[1])) == 0 && line[strlen(argv[1])] == ' ')
            puts(line + strlen(argv[1]) + 1);
    }
    return 0;
}
