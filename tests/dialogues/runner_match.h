/*
 * Comparing what was said with what a dialogue expects: lines, IMAP tags by name, JSON by subset.
 */
#ifndef TESTS_DIALOGUES_RUNNER_MATCH_H
#define TESTS_DIALOGUES_RUNNER_MATCH_H

#include <jansson.h>

#include "tests/dialogues/runner_script.h"

enum { TAGS_MAX = 256 };

/* The names that a dialogue gives to the tags of a connection: `$fetch` is A0007. */
struct tags {
    struct {
        char name[32];
        char tag[32];
    } known[TAGS_MAX];
    size_t count;
};

/* Appends `line` with its names replaced by tags. False when a name is not known yet. */
bool tags_fill(const struct tags *t, struct buf *out, struct slice line);

/* Does the line that was said (with its CRLF) meet the expectation? A `$name` in front of a
 * U> line is bound to the tag that stands there, which no other command of this connection had. */
bool match_line(struct tags *t, const struct step *expected, struct slice said);

/* As match_line, for S~ and U~: a POSIX extended regular expression over the line without CRLF. */
bool match_regex(const struct step *expected, struct slice said);

/* Is all of `part` in `whole`? Objects may have more keys than asked for, nothing else may differ.
 */
bool match_json(const json_t *part, const json_t *whole);

#endif
