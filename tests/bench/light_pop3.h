/*
 * What the light upstream says over POP3 (RFC 1939): the same mail as light_mail.h, which nobody
 * can delete, and everybody is let in.
 */
#ifndef TESTS_BENCH_LIGHT_POP3_H
#define TESTS_BENCH_LIGHT_POP3_H

#include "tests/bench/light_mail.h"

void light_pop3_greet(struct buf *out);

/* Answers one line, without its line end. What it does not know it refuses with -ERR. */
void light_pop3_answer(const struct light_mail *m, struct light_talk *talk, struct slice line,
                       struct buf *out);

#endif
