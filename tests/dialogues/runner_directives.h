/*
 * The lines of a dialogue that begin with @: what happens beside the octets.
 */
#ifndef TESTS_DIALOGUES_RUNNER_DIRECTIVES_H
#define TESTS_DIALOGUES_RUNNER_DIRECTIVES_H

#include "tests/dialogues/runner_play.h"

/* Plays one; an unknown name is a failure of the dialogue. */
void directive_play(struct play *p, const struct step *s);

#endif
