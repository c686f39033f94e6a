/*
 * What the maildrop asks of its owner: noted, so that a step can notice it, or done at once where
 * nothing but one answer is possible.
 */
#ifndef TESTS_DIALOGUES_RUNNER_ACTIONS_H
#define TESTS_DIALOGUES_RUNNER_ACTIONS_H

#include "tests/dialogues/runner_play.h"

/* The password of every dialogue: no log and no reply may hold it. */
#define PLAY_SECRET       "open-sesame"
/* The end of what base64 makes of it in AUTH LOGIN, and of ann with it in AUTH PLAIN. */
#define PLAY_SECRET_LOGIN "b3Blbi1zZXNhbW"
#define PLAY_SECRET_PLAIN "BvcGVuLXNlc2Ft"

/* The wall clock at the beginning of every dialogue: Sun, 15 Jun 2025 12:00:00 UTC. */
#define PLAY_CLOCK 1749988800

/* Takes all actions. True when there was one. */
bool actions_take(struct play *p);

/* Answers a save that is waited for. */
void actions_answer_save(struct play *p, const struct failure *why);

#endif
