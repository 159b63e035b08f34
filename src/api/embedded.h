/* embedded.h - files of web/ that are part of the program. */
#pragma once

#include <stddef.h>

#define EMBEDDED(name)                                                         \
    extern const unsigned char embedded_##name[];                              \
    extern const size_t embedded_##name##_size;
EMBEDDED(dev_index)
EMBEDDED(dev_style)
EMBEDDED(dev_script)
#undef EMBEDDED
