/* box.h - what a child may not do any more. Each step is for good.
 *
 *   limits   before the plugin is loaded: no core, no file written, no process,
 *            few descriptors, 256 MiB of data, no new privileges
 *   seal     after it, for all threads that there are: not root, not to be
 *            traced, ends with its parent, and no system call but those that
 *            work on memory of its own, on time and on the descriptors that are
 *            open: no socket, no file, no process, no signal to others */
#pragma once

/* NULL, or what failed. */
const char *box_limit(void);
const char *box_seal(void);
