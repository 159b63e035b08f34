/* metrics_process.h - the process_* family that every Prometheus client has:
 * processor time, memory, descriptors and start, from /proc. What cannot be
 * read is left out. Only metrics_sum.c calls it. Any thread. */
#pragma once

enum process_metric {
    PROCESS_CPU,
    PROCESS_VIRTUAL,
    PROCESS_RESIDENT,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_START,
    PROCESS_COUNT
};
struct process_row {
    const char *name, *type, *help;
};
extern const struct process_row process_rows[PROCESS_COUNT];

#define PROCESS_VALUE_MAX 32

/* As text; "" is what could not be read. */
void metrics_process_read(char values[static PROCESS_COUNT][PROCESS_VALUE_MAX]);
