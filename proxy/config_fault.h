/*
 * The faults of a configuration, gathered so that all of them are told at once, in the order of the
 * file: "FILE:LINE: /json/pointer: what is wrong; what to write instead".
 */
#ifndef PROXY_CONFIG_FAULT_H
#define PROXY_CONFIG_FAULT_H

#include <stdio.h>

#include "proxy/config_position.h"

struct config_faults {
    const char *source;                       /* file name, or "--route"; borrowed */
    const struct config_positions *positions; /* NULL: no lines and no pointers; borrowed */
    struct config_fault *list;
    size_t count;
    bool failed; /* memory is out */
};

/* Remembers a fault at that JSON pointer ("" is the whole file). A value of the file is never
 * repeated: it may be a password in the wrong place. */
void config_fault_add(struct config_faults *f, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same where the line is known already; 0: the file as a whole, without a line. */
void config_fault_add_at(struct config_faults *f, unsigned line, const char *pointer,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Writes all faults by line, and forgets them. True when there was none. */
bool config_faults_report(struct config_faults *f, FILE *errors);

/* The word of the NULL-terminated list that `word` was probably meant to be; NULL when none is
 * near: one or two wrong letters. */
const char *config_nearest(const char *word, const char *const *words);

#endif
