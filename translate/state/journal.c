#include "translate/state/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "translate/state/json_at.h"

void journal_begin(struct buf *out, const struct state_kind *kind, uint64_t generation)
{
    buf_printf(out, "{\"generation\":%" PRIu64, generation);
    if (kind->name)
        buf_printf(out, ",\"kind\":\"%s\"", kind->name);
    buf_printf(out, ",\"version\":%d}\n", kind->version);
}

static int put_octets(const char *p, size_t n, void *out)
{
    buf_put(out, slice_make(p, n));
    return buf_failed(out) ? -1 : 0;
}

bool journal_put(struct buf *out, const json_t *record)
{
    struct buf line = BUF_INIT;
    bool written = json_is_object(record) && json_dump_callback(record, put_octets, &line,
                                                                JSON_COMPACT | JSON_SORT_KEYS) == 0;

    buf_putc(&line, '\n');
    if (written && !buf_failed(&line))
        buf_move(out, &line);
    else
        written = false;
    buf_clear(&line);
    return written && !buf_failed(out);
}

static bool kind_fits(const struct json_at *at, const struct state_kind *kind)
{
    const char *name = json_string_value(json_object_get(at->object, "kind"));

    return (!name && !kind->name) || (name && kind->name && strcmp(name, kind->name) == 0) ||
           json_at_wrong(at, "kind", "of another kind of state");
}

static bool head_fits(const struct state_kind *kind, const json_t *head,
                      struct journal_replay *done, struct failure *why)
{
    struct json_at at = {.object = head, .why = why};
    int64_t version = 0;
    int64_t generation = 0;

    if (!kind_fits(&at, kind))
        return false;
    done->newer = state_kind_is_newer(kind, head);
    if (done->newer)
        return json_at_wrong(&at, "version", "written by a newer mailferry; use that, or a later");
    if (!json_at_integer(&at, "version", kind->version, kind->version, &version) ||
        !json_at_integer(&at, "generation", 0, INT64_MAX, &generation))
        return false;
    return (uint64_t)generation == done->generation ||
           json_at_wrong(&at, "generation", "of another snapshot");
}

bool journal_head(const struct state_kind *kind, struct slice line, struct journal_replay *done,
                  struct failure *why)
{
    json_t *head = json_at_parse(line, why);
    bool fits = head && head_fits(kind, head, done, why);

    json_decref(head);
    return fits;
}

static bool record_line(const struct state_kind *kind, void *state, struct slice line,
                        struct journal_replay *done, struct failure *why)
{
    json_t *record = json_at_parse(line, why);
    bool applied = record && kind->apply(state, record, why);

    done->records += applied;
    json_decref(record);
    return applied;
}

bool journal_replay(const struct state_kind *kind, void *state, struct slice text,
                    struct journal_replay *done, struct failure *why)
{
    *done = (struct journal_replay){.generation = done->generation};
    for (size_t number = 1; text.n; number++) {
        struct failure wrong = {.kind = FAILURE_NONE};
        const char *end = memchr(text.p, '\n', text.n);
        if (!end)
            break;
        struct slice line = slice_take(&text, (size_t)(end - text.p));
        slice_take(&text, 1);
        if (number == 1 ? !journal_head(kind, line, done, &wrong)
                        : !record_line(kind, state, line, done, &wrong)) {
            done->line = number;
            failure_set(why, wrong.kind, "line %zu: %s", number, wrong.text);
            return false;
        }
        done->octets += line.n + 1;
    }
    return true;
}
