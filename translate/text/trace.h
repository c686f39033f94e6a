/*
 * Somebody who wants to see the lines of a conversation with an upstream, for the debug log. What
 * is shown is chosen where the octets are understood: no credentials, no message, no literal. Lines
 * are as they came and of any length; cleaning and cutting them is the listener's affair, who must
 * not call back.
 */
#ifndef TRANSLATE_TEXT_TRACE_H
#define TRANSLATE_TEXT_TRACE_H

#include "translate/text/slice.h"

/* All zero: nobody. */
struct trace {
    void (*told)(void *owner, struct slice line); /* we said it */
    void (*says)(void *owner, struct slice line); /* the upstream did */
    void *owner;
};

static inline void trace_told(const struct trace *t, struct slice line)
{
    if (t->told)
        t->told(t->owner, line);
}

static inline void trace_says(const struct trace *t, struct slice line)
{
    if (t->says)
        t->says(t->owner, line);
}

#endif
