/*
 * The log: one line per event on standard error, for people or as JSON. Lines of different threads
 * never mix. A write that fails (closed stderr, full disk) is dropped; it never ends the process.
 *
 * text:  2026-11-21T09:00:00.123Z info  8f3a2c login user=ann upstream=imaps://imap.example.com
 * json:  {"time":"...","level":"info","session":"8f3a2c","event":"login","user":"ann",...}
 *
 * Values are cleaned (text_clean) and quoted where needed, so no input can forge a line or a field.
 */
#ifndef PROXY_LOG_H
#define PROXY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "translate/text/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *name; /* NULL ends an array of fields */
    enum { LOG_TEXT, LOG_NUMBER } kind;
    struct slice text;
    int64_t number;
};

#define LOG_FIELD(name_, slice_) \
    ((struct log_field){.name = (name_), .kind = LOG_TEXT, .text = (slice_)})
#define LOG_FIELD_NUMBER(name_, number_) \
    ((struct log_field){.name = (name_), .kind = LOG_NUMBER, .number = (int64_t)(number_)})
#define LOG_FIELD_END ((struct log_field){.name = NULL})

/* Set once before threads start. */
void log_setup(bool json, enum log_level level);
bool log_enabled(enum log_level level);
bool log_level_parse(const char *name, enum log_level *level);

/* `session` NULL: the line is about the process. `fields` NULL or ended by LOG_FIELD_END. */
void log_event(enum log_level level, const char *session, const char *event,
               const struct log_field *fields);

/* Convenience for process events with one sentence: field "message". */
void log_message(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
