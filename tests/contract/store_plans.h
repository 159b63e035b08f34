/* store_plans.h - how the server finds the rows that statements name. */
#pragma once

void each_row_is_found_by_its_key_whatever_statistics_say(void **state);
