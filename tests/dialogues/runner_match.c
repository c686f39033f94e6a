/*
 * How an expectation is held against what was said; see runner_match.h.
 */
#include "tests/dialogues/runner_match.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name behind the dollar sign at the front of `s`; empty when there is none. A capital letter
 * makes it none: $Forwarded is a keyword. */
static struct slice name_at(struct slice s)
{
    size_t n = 1;

    if (s.n < 2 || s.p[0] != '$')
        return slice_make("", 0);
    while (n < s.n && is_name(s.p[n]))
        n++;
    return slice_make(s.p + 1, n - 1);
}

/* The last one that was bound to this name. */
static const char *tags_find(const struct tags *t, struct slice name)
{
    for (size_t i = t->count; i-- > 0;)
        if (slice_is(name, t->known[i].name))
            return t->known[i].tag;
    return NULL;
}

/* A tag is used once in a connection. */
static bool tags_bind(struct tags *t, struct slice name, struct slice tag)
{
    if (t->count == TAGS_MAX || tag.n == 0 || tag.n >= sizeof t->known[0].tag)
        return false;
    for (size_t i = 0; i < t->count; i++)
        if (slice_is(tag, t->known[i].tag))
            return false;
    snprintf(t->known[t->count].name, sizeof t->known[0].name, "%.*s", SLICE_ARG(name));
    snprintf(t->known[t->count].tag, sizeof t->known[0].tag, "%.*s", SLICE_ARG(tag));
    t->count++;
    return true;
}

bool tags_fill(const struct tags *t, struct buf *out, struct slice line)
{
    while (line.n) {
        struct slice name = name_at(line);
        if (name.n == 0) {
            buf_put(out, slice_take(&line, 1));
            continue;
        }
        const char *tag = tags_find(t, name);
        if (!tag)
            return false;
        buf_puts(out, tag);
        slice_take(&line, name.n + 1);
    }
    return !buf_failed(out);
}

static bool octets_meet(const struct step *expected, struct slice pattern, struct slice said)
{
    if (!expected->any_rest)
        return slice_equal(pattern, said);
    return said.n >= pattern.n && memcmp(said.p, pattern.p, pattern.n) == 0;
}

bool match_line(struct tags *t, const struct step *expected, struct slice said)
{
    struct slice pattern = buf_slice(&expected->octets);
    struct slice name =
        expected->type == STEP_UPSTREAM_HEARS ? name_at(pattern) : (struct slice){0};
    struct buf filled = BUF_INIT;

    if (name.n) {
        struct slice rest = said;
        if (!tags_bind(t, name, slice_word(&rest)))
            return false;
    }
    bool met =
        expected->type == STEP_UPSTREAM_HEARS
            ? tags_fill(t, &filled, pattern) && octets_meet(expected, buf_slice(&filled), said)
            : octets_meet(expected, pattern, said);
    buf_clear(&filled);
    return met;
}

bool match_regex(const struct step *expected, struct slice said)
{
    regex_t regex;
    char *line = slice_dup(slice_make(said.p, said.n >= 2 ? said.n - 2 : said.n));
    const char *pattern = expected->text + (*expected->text == ' ');
    bool met = false;

    if (line && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0) {
        met = regexec(&regex, line, 0, NULL, 0) == 0;
        regfree(&regex);
    }
    free(line);
    return met;
}

static bool match_array(const json_t *part, const json_t *whole)
{
    if (!json_is_array(whole) || json_array_size(part) != json_array_size(whole))
        return false;
    for (size_t i = 0; i < json_array_size(part); i++)
        if (!match_json(json_array_get(part, i), json_array_get(whole, i)))
            return false;
    return true;
}

bool match_json(const json_t *part, const json_t *whole)
{
    const char *key;
    json_t *value;

    if (json_is_array(part))
        return match_array(part, whole);
    if (!json_is_object(part))
        return json_equal(part, whole) == 1;
    json_object_foreach((json_t *)part, key, value)
    {
        const json_t *other = json_object_get(whole, key);
        if (!other || !match_json(value, other))
            return false;
    }
    return true;
}
