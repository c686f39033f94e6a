/* See mime_type.h. */
#include "translate/mime/mime_type.h"

/* True when nothing is wrong with it. */
static bool subtype(struct mime_type *type, struct mime_lexer *lex)
{
    if (!mime_lex_at(lex, '/'))
        return false;
    slice_take(&lex->rest, 1);
    return mime_lex_space(lex) == MIME_LEX_MORE &&
           mime_lex_token(lex, &type->subtype) != MIME_LEX_BAD && buf_size(&type->subtype) &&
           (lex->rest.n == 0 || mime_lex_at(lex, ';'));
}

/* A lone "text" is kept as a type without a subtype; of all else that is malformed nothing is. */
static bool type_and_subtype(struct mime_type *type, struct mime_lexer *lex)
{
    if (mime_lex_space(lex) != MIME_LEX_MORE || mime_lex_token(lex, &type->type) != MIME_LEX_MORE ||
        buf_size(&type->type) == 0)
        return false;
    if (subtype(type, lex))
        return true;
    buf_truncate(&type->type, 0);
    buf_truncate(&type->subtype, 0);
    return false;
}

void mime_type_parse(struct mime_type *type, struct slice value)
{
    struct mime_lexer lex = {.rest = value};

    *type = (struct mime_type){0};
    type->valid = type_and_subtype(type, &lex);
    if (type->valid)
        mime_params_read(&type->params, &lex);
    type->failed = type->params.failed || buf_failed(&type->type) || buf_failed(&type->subtype);
}

void mime_type_clear(struct mime_type *type)
{
    buf_clear(&type->type);
    buf_clear(&type->subtype);
    mime_params_clear(&type->params);
}

bool mime_disposition_parse(struct slice value, struct buf *kind, struct mime_params *params)
{
    struct mime_lexer lex = {.rest = value};

    *params = (struct mime_params){0};
    mime_lex_space(&lex);
    if (mime_lex_token(&lex, kind) == MIME_LEX_BAD)
        return false;
    mime_params_read(params, &lex);
    return true;
}

bool mime_encoding_parse(struct slice value, struct buf *out)
{
    struct mime_lexer lex = {.rest = value};
    size_t before = buf_size(out);

    mime_lex_space(&lex);
    if (mime_lex_token(&lex, out) == MIME_LEX_END && buf_size(out) > before)
        return true;
    buf_truncate(out, before);
    return false;
}

size_t mime_languages_each(struct slice value, mime_language_fn *fn, void *context)
{
    struct mime_lexer lex = {.rest = value};
    struct buf tag = BUF_INIT;
    size_t count = 0;

    mime_lex_space(&lex);
    while (mime_lex_atom(&lex, &tag) != MIME_LEX_BAD) {
        fn(context, buf_slice(&tag));
        buf_truncate(&tag, 0);
        count++;
        if (!mime_lex_at(&lex, ','))
            break;
        slice_take(&lex.rest, 1);
        mime_lex_space(&lex);
    }
    buf_clear(&tag);
    return count;
}
