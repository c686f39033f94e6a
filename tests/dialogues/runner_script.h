/*
 * A dialogue file, read: the steps of a conversation in order, with its includes, variables and
 * counted literals resolved. What the lines mean is told in README.md beside this file.
 */
#ifndef TESTS_DIALOGUES_RUNNER_SCRIPT_H
#define TESTS_DIALOGUES_RUNNER_SCRIPT_H

#include "translate/text/buf.h"

enum step_type {
    STEP_CLIENT_SAYS,      /* C: */
    STEP_UPSTREAM_SAYS,    /* U< */
    STEP_UPSTREAM_LITERAL, /* U=: octets of a literal, no tags in it */
    STEP_CLIENT_HEARS,     /* S: */
    STEP_CLIENT_MATCHES,   /* S~: a regular expression */
    STEP_UPSTREAM_HEARS,   /* U> */
    STEP_UPSTREAM_MATCHES, /* U~ */
    STEP_DIRECTIVE,        /* @name rest */
};

struct step {
    enum step_type type;
    char *file;
    unsigned line;
    char *text;        /* as written behind the mark; of a directive: behind its name */
    char *name;        /* of a directive, else NULL */
    struct buf octets; /* escapes undone; with CRLF where the line has an end */
    bool any_rest;     /* an expectation that ends with "..." */
    bool ends;         /* the line has its CRLF */
};

struct script {
    struct step *steps;
    size_t count;
};

/* Reads a file. False after a sentence on stderr that names file and line. */
bool script_read(struct script *s, const char *path);
void script_clear(struct script *s);

#endif
