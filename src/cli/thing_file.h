/* thing_file.h - writing what is configured as files. */
#pragma once

#include "cli/thing.h"

struct thing_writer {
    struct cli *cli;
    struct map *names; /* of files written, or found unchanged */
    struct buf stale;  /* of struct str: texts that the files named before */
    size_t n_written, n_same;
    struct str why; /* of what failed */
};

void thing_writer_init(struct thing_writer *w, struct cli *c);
void thing_writer_fini(struct thing_writer *w);
/* In another folder nothing was written yet. */
void thing_writer_next_folder(struct thing_writer *w);
/* Its file, and those of its texts, in the folder of its kind. */
bool thing_write(struct thing_writer *w, const struct tree *folder,
                 const struct thing *t);
bool thing_was_written(const struct thing_writer *w, struct str name);
/* The texts that a file names are of nothing when it goes. */
void thing_note_texts(struct thing_writer *w, const struct tree *folder,
                      struct str name);
