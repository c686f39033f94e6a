/* See mime_params.h. */
#include "translate/mime/mime_params.h"

#include <stdlib.h>
#include <string.h>

#include "translate/text/array.h"

/* A piece "NAME*INDEX" or "NAME*INDEX*" (encoded). */
struct piece {
    struct slice name, value; /* of `text` of the pieces */
    uint32_t index;
    bool encoded;
};

void mime_params_clear(struct mime_params *params)
{
    free(params->list);
    buf_clear(&params->text);
    *params = (struct mime_params){0};
}

struct slice mime_params_name(const struct mime_params *params, size_t index)
{
    const struct mime_param *param = &params->list[index];

    return slice_make(buf_slice(&params->text).p + param->name, param->name_n);
}

struct slice mime_params_value(const struct mime_params *params, size_t index)
{
    const struct mime_param *param = &params->list[index];

    return slice_make(buf_slice(&params->text).p + param->value, param->value_n);
}

struct slice mime_params_find(const struct mime_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (slice_is_nocase(mime_params_name(params, i), name))
            return mime_params_value(params, i);
    return (struct slice){0};
}

static bool grow(struct mime_params *params)
{
    struct mime_param *list = array_grow(params->list, &params->cap, params->count, sizeof *list);

    if (list)
        params->list = list;
    return list;
}

static void add(struct mime_params *params, struct slice name, struct slice value)
{
    if (params->count == MIME_PARAMS_MAX)
        return;
    if (!grow(params)) {
        params->failed = true;
        return;
    }
    size_t at = buf_size(&params->text);
    buf_put(&params->text, name);
    buf_put(&params->text, value);
    params->failed = params->failed || buf_failed(&params->text);
    params->list[params->count++] = (struct mime_param){at, name.n, at + name.n, value.n};
}

/* "=?utf-8?b?...?=", without quotes and with octets that no token may have: met often. */
static void take_encoded_word(struct mime_lexer *lex, struct buf *value)
{
    size_t n = 0;

    while (n < lex->rest.n && !memchr("; \t\r\n", lex->rest.p[n], 6))
        n++;
    buf_put(value, slice_take(&lex->rest, n));
}

static enum mime_lex param_value(struct mime_lexer *lex, struct buf *value)
{
    if (mime_lex_at(lex, '"'))
        return mime_lex_quoted(lex, value);
    if (mime_lex_at(lex, '=')) {
        take_encoded_word(lex, value);
        return MIME_LEX_MORE;
    }
    return mime_lex_token(lex, value);
}

/* ";" NAME "=" VALUE. A value that is missing at the very end is empty. */
static bool param(struct mime_lexer *lex, struct buf *name, struct buf *value)
{
    if (!mime_lex_at(lex, ';'))
        return false;
    slice_take(&lex->rest, 1);
    if (mime_lex_space(lex) != MIME_LEX_MORE || mime_lex_token(lex, name) != MIME_LEX_MORE ||
        !mime_lex_at(lex, '='))
        return false;
    slice_take(&lex->rest, 1);
    enum mime_lex left = mime_lex_space(lex);
    if (left == MIME_LEX_MORE)
        left = param_value(lex, value);
    return left != MIME_LEX_BAD;
}

static bool is_piece(struct slice name, struct piece *piece)
{
    const char *star = name.n ? memchr(name.p, '*', name.n) : NULL;

    if (!star)
        return false;
    piece->name = slice_take(&name, (size_t)(star - name.p));
    piece->index = 0;
    slice_take(&name, 1);
    bool whole = name.n == 0;
    while (name.n && name.p[0] >= '0' && name.p[0] <= '9')
        piece->index = piece->index * 10 + (uint32_t)(slice_take(&name, 1).p[0] - '0');
    piece->encoded = whole || (name.n && name.p[0] == '*');
    slice_take(&name, piece->encoded ? 1 : 0);
    return name.n == 0;
}

static int by_name_and_index(const void *a, const void *b)
{
    const struct piece *x = a;
    const struct piece *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = n ? memcmp(x->name.p, y->name.p, n) : 0;

    if (order == 0)
        order = (x->name.n > y->name.n) - (x->name.n < y->name.n);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void put_percent(struct buf *out, struct slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '%')
            buf_puts(out, "%25");
        else
            buf_putc(out, value.p[i]);
    }
}

/* Pieces that are all there, in their order. */
static void add_joined(struct mime_params *params, const struct piece *pieces, size_t n,
                       bool encoded)
{
    struct buf name = BUF_INIT;
    struct buf value = BUF_INIT;

    buf_put(&name, pieces[0].name);
    buf_puts(&name, encoded ? "*" : "");
    buf_puts(&value, encoded && !pieces[0].encoded ? "''" : "");
    for (size_t i = 0; i < n; i++) {
        if (encoded && !pieces[i].encoded)
            put_percent(&value, pieces[i].value);
        else
            buf_put(&value, pieces[i].value);
    }
    params->failed = params->failed || buf_failed(&name) || buf_failed(&value);
    add(params, buf_slice(&name), buf_slice(&value));
    buf_clear(&name);
    buf_clear(&value);
}

/* With one missing they are shown as they were. */
static void add_separate(struct mime_params *params, const struct piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf name = BUF_INIT;
        buf_put(&name, pieces[i].name);
        buf_printf(&name, "*%u%s", pieces[i].index, pieces[i].encoded ? "*" : "");
        params->failed = params->failed || buf_failed(&name);
        add(params, buf_slice(&name), pieces[i].value);
        buf_clear(&name);
    }
}

static void add_pieces(struct mime_params *params, struct piece *pieces, size_t count)
{
    qsort(pieces, count, sizeof *pieces, by_name_and_index);
    for (size_t i = 0; i < count;) {
        bool complete = true;
        bool encoded = false;
        size_t n = 0;
        for (; i + n < count && slice_equal_nocase(pieces[i].name, pieces[i + n].name); n++) {
            complete = complete && pieces[i + n].index == n;
            encoded = encoded || pieces[i + n].encoded;
        }
        if (complete)
            add_joined(params, pieces + i, n, encoded);
        else
            add_separate(params, pieces + i, n);
        i += n;
    }
}

/* Moves the pieces among `all` behind the others, joined. */
static void join(struct mime_params *params, const struct mime_params *all)
{
    struct piece *pieces = calloc(all->count ? all->count : 1, sizeof *pieces);
    size_t count = 0;

    params->failed = all->failed || !pieces;
    for (size_t i = 0; i < all->count && pieces; i++) {
        pieces[count].value = mime_params_value(all, i);
        if (is_piece(mime_params_name(all, i), &pieces[count]))
            count++;
        else
            add(params, mime_params_name(all, i), mime_params_value(all, i));
    }
    if (count)
        add_pieces(params, pieces, count);
    free(pieces);
}

void mime_params_read(struct mime_params *params, struct mime_lexer *lex)
{
    struct mime_params all = {0};
    struct buf name = BUF_INIT;
    struct buf value = BUF_INIT;

    *params = (struct mime_params){0};
    while (lex->rest.n) {
        buf_truncate(&name, 0);
        buf_truncate(&value, 0);
        if (param(lex, &name, &value))
            add(&all, buf_slice(&name), buf_slice(&value));
        else
            slice_take(&lex->rest, 1);
    }
    all.failed = all.failed || buf_failed(&name) || buf_failed(&value);
    join(params, &all);
    mime_params_clear(&all);
    buf_clear(&name);
    buf_clear(&value);
}
