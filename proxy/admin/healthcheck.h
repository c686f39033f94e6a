/*
 * `mailferry healthcheck`: asks a running process how it fares, and judges. For a container's
 * HEALTHCHECK, a supervisor, or a person.
 */
#ifndef PROXY_ADMIN_HEALTHCHECK_H
#define PROXY_ADMIN_HEALTHCHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Connects to the socket in `state_dir` with 3 s to answer. Returns the exit code: 0 with a line on
 * stdout when the process answers and is well, else 1 with a sentence on stderr that says why. */
int healthcheck_run(const char *state_dir);

/* The judgement of an answer (see health_to_json): false when the latest logins of a route failed,
 * 3 or more in a row, the last of them within 10 minutes, for another reason than wrong
 * credentials. The sentence, in both cases, is written to `text`, NUL included. */
bool healthcheck_judge(const json_t *answer, char *text, size_t cap);

#endif
