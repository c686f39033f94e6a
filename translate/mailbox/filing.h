/*
 * Filing rules: into which folder a new message goes, and with which flags, by what its header
 * says. They are tried in order, and the first whose conditions all hold files the message; one
 * that none is about goes to INBOX, as it is.
 *
 * A message is filed once, in the very record in which it becomes known (account_filing.c): no
 * client sees it elsewhere before, and where somebody moves it to, it stays.
 */
#ifndef TRANSLATE_MAILBOX_FILING_H
#define TRANSLATE_MAILBOX_FILING_H

#include "translate/text/failure.h"
#include "translate/text/slice.h"

/* One of the three texts is there. A field that stands in a header more than once, as To may,
 * fulfils a condition if any of them does. Fields are compared decoded (RFC 2047), and whatever the
 * case of letters. */
struct filing_condition {
    char *header; /* name of the field */
    char *contains;
    char *is;
    char *matches; /* wildcards: "*" any run of characters, "?" any one */
};

struct filing_rule {
    struct filing_condition *conditions; /* at least one */
    size_t condition_count;
    char *folder; /* NULL: INBOX */
    char **flags; /* "\\Seen", "$Work" */
    size_t flag_count;
};

/* The rule that files a message with that header, in `*rule`, NULL: none. False when memory is out.
 */
bool filing_match(const struct filing_rule *rules, size_t count, struct slice header,
                  const struct filing_rule **rule);

void filing_free(struct filing_rule *rules, size_t count);

/* Whether a rule may have it; else the sentence tells what to write (FAILURE_PERMANENT). */
bool filing_accepts_header(const char *text, struct failure *why);
bool filing_accepts_folder(const char *text, struct failure *why);
bool filing_accepts_flag(const char *text, struct failure *why);

#endif
