/* store_nodes.h - the parts of that program's tests. */
#pragma once

#include "node_rig.h"

extern const struct CMUnitTest lost_tests[], busy_tests[];
extern const size_t lost_tests_n, busy_tests_n;
