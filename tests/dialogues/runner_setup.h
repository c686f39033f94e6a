/*
 * What a dialogue begins with: @client, @route and @upstream, as JSON objects with the keys of the
 * configuration. What a dialogue does not say has the plainest value: clear text on both sides is
 * allowed, nothing is marked as seen, nothing is fetched ahead.
 */
#ifndef TESTS_DIALOGUES_RUNNER_SETUP_H
#define TESTS_DIALOGUES_RUNNER_SETUP_H

#include "translate/maildrop/maildrop.h"

enum { SETUP_FOLDERS_MAX = 16 };

struct setup {
    struct maildrop_settings client;
    struct maildrop_options options;
    struct imap_client_options upstream;
    const char *login; /* sent upstream; NULL: the user as the client gave it */
    /* private */
    const char *folders[SETUP_FOLDERS_MAX];
    json_t *route, *scene; /* keep the strings alive */
};

void setup_init(struct setup *s);
void setup_clear(struct setup *s);

/* Each takes the text of a JSON object. False, with the reason, when a key is unknown or its value
 * of the wrong type. */
bool setup_client(struct setup *s, const char *json, struct failure *why);
bool setup_route(struct setup *s, const char *json, struct failure *why);
bool setup_upstream(struct setup *s, const char *json, struct failure *why);

/* The user and the folder of a login, as the configuration takes them apart: `ann+Work@example.com`
 * and `ann@example.com+Work` are both ann@example.com with the folder Work. `*user` is owned by the
 * caller, `*folder` points into `login`. */
bool setup_split_login(const struct setup *s, struct slice login, char **user,
                       struct slice *folder);

#endif
