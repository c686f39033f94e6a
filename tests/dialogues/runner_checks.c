/*
 * Directives that look at what the maildrop did beside speaking: what it saved, logged and counted.
 */
#include "tests/dialogues/runner_checks.h"

#include <stdlib.h>
#include <string.h>

#include "tests/dialogues/runner_actions.h"

json_t *check_json(struct play *p, const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);

    if (!value)
        play_fail(p, "not JSON: %s", error.text);
    return value;
}

void check_saved(struct play *p, const char *args)
{
    json_t *expected = check_json(p, args);
    size_t i = 0;

    while (i < json_array_size(p->saved) && !match_json(expected, json_array_get(p->saved, i)))
        i++;
    if (i == json_array_size(p->saved) && !p->lenient)
        play_fail(p, "no such record was saved: %s", args);
    json_array_remove(p->saved, i);
    json_decref(expected);
    if (p->save_waits && !p->failed) {
        actions_answer_save(p, NULL);
        play_pump(p);
    }
}

/* Nothing of that kind may have been saved. */
void check_unsaved(struct play *p, const char *args)
{
    json_t *part = check_json(p, args);

    for (size_t i = 0; i < json_array_size(p->saved); i++)
        if (match_json(part, json_array_get(p->saved, i)))
            play_fail(p, "this was saved and should not have been: %s", args);
    json_decref(part);
}

void check_state_is(struct play *p, const char *args)
{
    json_t *expected = check_json(p, args);
    json_t *state = drop_state_to_json(p->state);
    char *text = json_dumps(state, JSON_COMPACT);

    if (!match_json(expected, state) && !p->lenient)
        play_fail(p, "the state is %s", text);
    free(text);
    json_decref(state);
    json_decref(expected);
}

/* "warning EVENT part of the text": exactly one such line, and it is taken. */
void check_logged(struct play *p, const char *args)
{
    struct slice rest = slice_of(args);
    struct slice level = slice_word(&rest);
    struct slice event = slice_word(&rest);
    size_t found = 0;

    rest = slice_trim(rest);
    for (size_t i = json_array_size(p->logs); i-- > 0;) {
        const json_t *log = json_array_get(p->logs, i);
        struct slice text = slice_of(json_string_value(json_array_get(log, 2)));
        if (!slice_is(level, json_string_value(json_array_get(log, 0))) ||
            !slice_is(event, json_string_value(json_array_get(log, 1))) ||
            (rest.n && !memmem(text.p, text.n, rest.p, rest.n)))
            continue;
        json_array_remove(p->logs, i);
        found++;
    }
    if (found != 1 && !p->lenient)
        play_fail(p, "it was logged %zu times", found);
}

void check_summary(struct play *p, const char *args)
{
    struct maildrop_summary s = {0};
    json_t *expected = check_json(p, args);

    play_begin(p);
    maildrop_summary(p->m, &s);
    json_t *summary =
        json_pack("{s:s,s:b,s:I,s:I,s:I,s:s}", "user", s.user, "logged_in", (int)s.logged_in,
                  "messages", (json_int_t)s.messages, "octets", (json_int_t)s.octets, "deleted",
                  (json_int_t)s.deleted, "cause", s.cause ? s.cause : "");
    char *text = json_dumps(summary, JSON_COMPACT);
    if (!match_json(expected, summary) && !p->lenient)
        play_fail(p, "the summary is %s", text ? text : "none");
    free(text);
    json_decref(summary);
    json_decref(expected);
}
