/* The hot paths of an IMAP client's commands, for tests/bench/count.c. */
#ifndef TESTS_BENCH_COUNT_MAILBOX_H
#define TESTS_BENCH_COUNT_MAILBOX_H

#include "translate/text/buf.h"

enum { COUNT_MESSAGES = 400 };

/* A mailbox of so many messages, with flags, whose headers are at hand. */
void count_mailbox_open(void);

/* A FETCH or SEARCH of it, from the command's line to the end of the answer. */
void count_mailbox_run(struct slice command);

#endif
