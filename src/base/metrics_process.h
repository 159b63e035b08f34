/* metrics_process.h - the process_* family that every Prometheus client has:
 * processor time, memory, descriptors and start, from /proc. What cannot be
 * read is left out. Only metrics.c calls it. Any thread. */
#pragma once

struct buf;

void metrics_process_write(struct buf *out);
