/*
 * Directives that look at what the maildrop did beside speaking: what it saved, logged and counted.
 * Each takes the text behind its name and fails the performance when it is not so; README.md says
 * what they are.
 */
#ifndef TESTS_DIALOGUES_RUNNER_CHECKS_H
#define TESTS_DIALOGUES_RUNNER_CHECKS_H

#include "tests/dialogues/runner_play.h"

/* The value that `text` is; NULL, and the performance has failed, when it is no JSON. */
json_t *check_json(struct play *p, const char *text);

/* A record with these keys was saved, and is taken off the list; answers a save that is waited for.
 */
void check_saved(struct play *p, const char *args);
void check_unsaved(struct play *p, const char *args);
void check_state_is(struct play *p, const char *args);
/* "LEVEL EVENT TEXT": logged exactly once, and taken off the list. */
void check_logged(struct play *p, const char *args);
void check_summary(struct play *p, const char *args);

#endif
