/*
 * A search as text, for tests: each key with its values, "!" before one that is negated.
 */
#ifndef TESTS_UNIT_IMAPD_SEARCH_TEXT_H
#define TESTS_UNIT_IMAPD_SEARCH_TEXT_H

#include "translate/imap/imapd_flags.h"
#include "translate/imap/imapd_search.h"

static inline void put_search_key(struct buf *out, const struct imapd_search_key *key);

static inline void put_search_keys(struct buf *out, const char *word,
                                   const struct imapd_search_key *key)
{
    buf_printf(out, "(%s", word);
    for (; key; key = key->next) {
        buf_putc(out, ' ');
        put_search_key(out, key);
    }
    buf_putc(out, ')');
}

static inline void put_search_days(struct buf *out, const char *word,
                                   const struct imapd_search_key *key)
{
    buf_puts(out, word);
    if (key->first == INT32_MIN)
        buf_printf(out, " ..%d", key->last);
    else if (key->last == INT32_MAX)
        buf_printf(out, " %d..", key->first);
    else
        buf_printf(out, " %d..%d", key->first, key->last);
}

static inline void put_search_set(struct buf *out, const char *word,
                                  const struct imapd_search_key *key)
{
    buf_puts(out, word);
    imapd_set_put(out, &key->set);
}

static inline void put_search_key(struct buf *out, const struct imapd_search_key *key)
{
    buf_puts(out, key->negated ? "!" : "");
    switch (key->kind) {
    case IMAPD_SEARCH_ALL:
        buf_puts(out, "ALL");
        break;
    case IMAPD_SEARCH_AND:
        put_search_keys(out, "and", key->child);
        break;
    case IMAPD_SEARCH_OR:
        put_search_keys(out, "or", key->child);
        break;
    case IMAPD_SEARCH_NUMBERS:
        put_search_set(out, "#", key);
        break;
    case IMAPD_SEARCH_UIDS:
        put_search_set(out, "UID ", key);
        break;
    case IMAPD_SEARCH_FLAG:
        buf_puts(out, imapd_flag_name(key->flag));
        break;
    case IMAPD_SEARCH_KEYWORD:
        buf_printf(out, "KEYWORD %.*s", SLICE_ARG(key->text));
        break;
    case IMAPD_SEARCH_DATE:
        put_search_days(out, "DATE", key);
        break;
    case IMAPD_SEARCH_SENT:
        put_search_days(out, "SENT", key);
        break;
    case IMAPD_SEARCH_SIZE:
        buf_printf(out, "SIZE %llu..%llu", (unsigned long long)key->least,
                   (unsigned long long)key->most);
        break;
    case IMAPD_SEARCH_HEADER:
        buf_printf(out, "%.*s:<%.*s>", SLICE_ARG(key->name), SLICE_ARG(key->text));
        break;
    case IMAPD_SEARCH_BODY:
        buf_printf(out, "BODY <%.*s>", SLICE_ARG(key->text));
        break;
    case IMAPD_SEARCH_TEXT:
        buf_printf(out, "TEXT <%.*s>", SLICE_ARG(key->text));
        break;
    case IMAPD_SEARCH_MODSEQ:
        buf_printf(out, "MODSEQ %llu", (unsigned long long)key->least);
        break;
    }
}

/* "RETURN (3) CHARSET x (and ...)": the options as their number. */
static inline void put_search(struct buf *out, const struct imapd_search *search)
{
    if (search->extended)
        buf_printf(out, "RETURN (%u) ", search->results);
    if (search->charset.n)
        buf_printf(out, "CHARSET %.*s ", SLICE_ARG(search->charset));
    put_search_key(out, search->key);
}

#endif
