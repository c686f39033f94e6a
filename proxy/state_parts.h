/*
 * What the files state_*.c share: an account that is looked at, and the commands. Nobody else
 * includes this.
 */
#ifndef PROXY_STATE_PARTS_H
#define PROXY_STATE_PARTS_H

#include <jansson.h>

#include "proxy/state_account.h"
#include "proxy/state_command.h"
#include "proxy/store/account_state.h"
#include "translate/state/box_state.h"
#include "translate/state/drop_state.h"

/* An account's state as its files tell it now. */
struct state_view {
    const struct state_account *account;
    struct account_dir dir;
    struct account_size size;
    void *state; /* NULL: it could not be read */
    enum account_read read;
};

/* Reads it. False when there is no way to look at all: nothing is to be closed then. That the state
 * is damaged or cannot be read is in `view->read`, and in `*why`. */
bool state_view_open(struct state_view *view, const struct state_dir *dir,
                     const struct state_account *account, struct failure *why);
/* Whether the files still tell the same. */
bool state_view_is_current(const struct state_view *view);
void state_view_close(struct state_view *view);

/* NULL when it is of the other kind. */
const struct box_state *state_view_box(const struct state_view *view);
const struct drop_state *state_view_drop(const struct state_view *view);

/* What is known, as JSON (new reference): for people and programs. `messages` with all of them,
 * `folder` (NULL: every one) only of that. NULL when memory is out. */
json_t *state_facts(const struct state_view *view, bool messages, const char *folder);
json_t *state_box_facts(const struct box_state *s, bool messages, const char *folder);
json_t *state_drop_facts(const struct drop_state *s, bool messages, const char *folder);

/* Puts new members into an object; false when memory is out, or one is NULL. */
bool state_put(json_t *object, const char *key, json_t *value);
bool state_put_number(json_t *object, const char *key, uint64_t number);
/* Any octets, made fit to be shown; NULL is left out. */
bool state_put_text(json_t *object, const char *key, const char *text);
/* "2026-11-21T10:00:00Z"; 0 is left out. */
bool state_put_time(json_t *object, const char *key, int64_t seconds);

/* The facts for people. */
void state_print(const json_t *facts, FILE *out);

/* The commands, on an open directory; their exit status. */
int state_list(const struct state_request *request, const struct state_dir *dir);
int state_show(const struct state_request *request, const struct state_dir *dir,
               const struct state_account *account);
int state_verify(const struct state_request *request, const struct state_dir *dir,
                 const struct state_account *account);
int state_export(const struct state_request *request, const struct state_dir *dir,
                 const struct state_account *account);
int state_compact(const struct state_dir *dir, const struct state_account *account);

/* Finds its account by itself: there may be none yet. */
int state_import(const struct state_request *request);

/* A line on stderr, "mailferry: ...". Gives EXIT_FAILURE. */
int state_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
