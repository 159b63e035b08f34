/* fault.h - named places where a test may make the process die.
 *
 * FAULT("sqlite.before_commit") does nothing unless BELFRY_FAULT names the
 * place ("sqlite.before_commit:3" dies on the third time, by SIGKILL). */
#pragma once

void fault_point(const char *name);

#define FAULT(name) fault_point(name)
