/*
 * The commands of a POP3 connection that are not answered yet, oldest first: those that were sent,
 * and behind them those that wait for room in the window. POP3 has no tags: answers come in the
 * order of the commands, so the first one sent is always the one answered.
 */
#ifndef TRANSLATE_POP3_POP3_CLIENT_QUEUE_H
#define TRANSLATE_POP3_POP3_CLIENT_QUEUE_H

#include "translate/pop3/pop3_command.h"
#include "translate/text/ring.h"

struct pop3_client_command {
    uint32_t number;
    enum pop3_verb verb;
    uint32_t message; /* 0: the command is without a message number */
    uint32_t lines;   /* TOP */
};

/* The zeroed struct is empty. */
struct pop3_client_queue {
    struct ring commands;
    size_t sent; /* of them, the first ones */
};

void pop3_client_queue_clear(struct pop3_client_queue *q);

/* Appends a command that is not sent yet. False when memory is out. */
bool pop3_client_queue_add(struct pop3_client_queue *q, const struct pop3_client_command *command);

/* Marks the next command as sent and returns it; NULL when all are. Valid until the next add. */
const struct pop3_client_command *pop3_client_queue_send(struct pop3_client_queue *q);

/* The oldest command that was sent; NULL when none is under way. Valid until the next add. */
const struct pop3_client_command *pop3_client_queue_first(const struct pop3_client_queue *q);

/* That one is answered: takes it out. */
void pop3_client_queue_drop(struct pop3_client_queue *q);

#endif
