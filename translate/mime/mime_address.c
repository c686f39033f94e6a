/* See mime_address.h. The grammar is recursive by name only: no input makes it nest. */
#include "translate/mime/mime_address.h"

#include "translate/mime/mime_lexer.h"

struct piece {
    struct buf text;
    bool there;
};

struct parser {
    struct mime_lexer lex;
    struct buf comment; /* the last one seen: "ann@example.com (Ann)" */
    struct buf text;    /* the token being read */
    struct piece name, route, mailbox, domain;
    bool broken; /* the address being read */
    mime_address_fn *fn;
    void *context;
    bool failed;
};

static void piece_set(struct piece *piece, struct slice text)
{
    buf_truncate(&piece->text, 0);
    buf_put(&piece->text, text);
    piece->there = true;
}

static struct slice piece_slice(const struct piece *piece)
{
    return piece->there ? buf_slice(&piece->text) : (struct slice){0};
}

static bool piece_failed(const struct parser *p)
{
    return buf_failed(&p->name.text) || buf_failed(&p->route.text) ||
           buf_failed(&p->mailbox.text) || buf_failed(&p->domain.text) || buf_failed(&p->text) ||
           buf_failed(&p->comment);
}

static void add_address(struct parser *p)
{
    struct mime_address address = {
        .name = piece_slice(&p->name),
        .route = piece_slice(&p->route),
        .mailbox = piece_slice(&p->mailbox),
        .domain = piece_slice(&p->domain),
    };

    p->failed = p->failed || piece_failed(p);
    if (!p->failed)
        p->fn(p->context, &address);
    p->name.there = p->route.there = p->mailbox.there = p->domain.there = false;
    p->broken = false;
}

/* An address always has a mailbox and a domain, or a client would take it for a group. */
static void add_mailbox(struct parser *p)
{
    if (!p->mailbox.there)
        piece_set(&p->mailbox, slice_of("MISSING_MAILBOX"));
    if (piece_slice(&p->domain).n == 0)
        piece_set(&p->domain, slice_of("MISSING_DOMAIN"));
    add_address(p);
}

/* Atoms and dots in any order: "a..b", ".a", "a." are met in the wild. */
static enum mime_lex dots_and_atoms(struct parser *p)
{
    enum mime_lex left = MIME_LEX_BAD;

    do {
        while (mime_lex_at(&p->lex, '.')) {
            buf_put(&p->text, slice_take(&p->lex.rest, 1));
            left = p->lex.rest.n ? MIME_LEX_MORE : MIME_LEX_END;
        }
        if (left == MIME_LEX_END || mime_lex_at(&p->lex, '@'))
            break;
        left = mime_lex_atom(&p->lex, &p->text);
    } while (left == MIME_LEX_MORE && mime_lex_at(&p->lex, '.'));
    return left;
}

static enum mime_lex local_part(struct parser *p)
{
    buf_truncate(&p->text, 0);
    enum mime_lex left =
        mime_lex_at(&p->lex, '"') ? mime_lex_quoted(&p->lex, &p->text) : dots_and_atoms(p);
    if (left != MIME_LEX_BAD)
        piece_set(&p->mailbox, buf_slice(&p->text));
    return left;
}

static enum mime_lex domain(struct parser *p)
{
    buf_truncate(&p->text, 0);
    enum mime_lex left = mime_lex_domain(&p->lex, &p->text);
    if (left != MIME_LEX_BAD)
        piece_set(&p->domain, buf_slice(&p->text));
    return left;
}

/* "@a,@b" of a route. */
static enum mime_lex domain_list(struct parser *p)
{
    buf_truncate(&p->text, 0);
    while (mime_lex_at(&p->lex, '@')) {
        buf_puts(&p->text, buf_size(&p->text) ? ",@" : "@");
        enum mime_lex left = mime_lex_domain(&p->lex, &p->text);
        if (left != MIME_LEX_MORE)
            return left;
        while (mime_lex_space(&p->lex) == MIME_LEX_MORE && mime_lex_at(&p->lex, ','))
            slice_take(&p->lex.rest, 1);
    }
    if (p->lex.rest.n == 0)
        return MIME_LEX_END;
    piece_set(&p->route, buf_slice(&p->text));
    return MIME_LEX_MORE;
}

static enum mime_lex route(struct parser *p)
{
    if (domain_list(p) == MIME_LEX_MORE && mime_lex_at(&p->lex, ':'))
        slice_take(&p->lex.rest, 1);
    else
        piece_set(&p->route, slice_of("INVALID_ROUTE"));
    return mime_lex_space(&p->lex);
}

/* "<" [route] local-part "@" domain ">"; the next octet is the "<". */
static enum mime_lex angle_address(struct parser *p)
{
    slice_take(&p->lex.rest, 1);
    if (mime_lex_space(&p->lex) != MIME_LEX_MORE)
        return MIME_LEX_BAD;
    if (mime_lex_at(&p->lex, '@') && route(p) != MIME_LEX_MORE)
        return MIME_LEX_BAD;
    if (!mime_lex_at(&p->lex, '>')) {
        if (local_part(p) != MIME_LEX_MORE)
            return MIME_LEX_BAD;
        if (mime_lex_at(&p->lex, '@') && domain(p) != MIME_LEX_MORE)
            return MIME_LEX_BAD;
    }
    if (!mime_lex_at(&p->lex, '>'))
        return MIME_LEX_BAD;
    slice_take(&p->lex.rest, 1);
    return mime_lex_space(&p->lex);
}

/* [display-name] angle-addr. BAD when it is something else. */
static enum mime_lex name_address(struct parser *p)
{
    buf_truncate(&p->text, 0);
    if (mime_lex_phrase(&p->lex, &p->text) != MIME_LEX_MORE || !mime_lex_at(&p->lex, '<'))
        return MIME_LEX_BAD;
    if (buf_size(&p->text))
        piece_set(&p->name, buf_slice(&p->text));
    if (angle_address(p) == MIME_LEX_BAD) {
        piece_set(&p->domain, slice_of("SYNTAX_ERROR"));
        p->broken = true;
    }
    return p->lex.rest.n ? MIME_LEX_MORE : MIME_LEX_END;
}

/* A lone word is a mailbox whose domain is missing; with more words behind it, it begins a display
 * name whose address is missing. */
static void words_only(struct parser *p, bool quoted)
{
    buf_putc(&p->text, ' ');
    size_t before = buf_size(&p->text);
    mime_lex_phrase(&p->lex, &p->text);
    if (buf_size(&p->text) != before) {
        p->mailbox.there = false;
        piece_set(&p->name, buf_slice(&p->text));
    } else if (!quoted) {
        piece_set(&p->domain, slice_of(""));
    }
    p->broken = true;
}

static enum mime_lex plain_address(struct parser *p)
{
    bool quoted = mime_lex_at(&p->lex, '"');
    bool has_domain = false;

    buf_truncate(&p->comment, 0);
    enum mime_lex left = local_part(p);
    p->broken = p->broken || left != MIME_LEX_MORE;
    if (left != MIME_LEX_END && mime_lex_at(&p->lex, '@')) {
        enum mime_lex behind = domain(p);
        has_domain = true;
        if (behind != MIME_LEX_MORE)
            left = behind;
    }
    if (buf_size(&p->comment)) {
        piece_set(&p->name, buf_slice(&p->comment));
    } else if (!has_domain) {
        words_only(p, quoted);
        left = MIME_LEX_BAD;
    }
    return left;
}

static enum mime_lex mailbox(struct parser *p)
{
    struct slice start = p->lex.rest;
    enum mime_lex left = name_address(p);

    if (left == MIME_LEX_BAD) {
        p->lex.rest = start;
        left = plain_address(p);
        if (p->broken && !p->name.there && p->mailbox.there && !p->domain.there) {
            piece_set(&p->name, buf_slice(&p->mailbox.text));
            p->mailbox.there = false;
        }
    }
    add_mailbox(p);
    return left;
}

/* Whether the list goes on; then `rest` is behind the comma and its blanks. */
static bool next_member(struct parser *p, bool *broken)
{
    if (!mime_lex_at(&p->lex, ','))
        return false;
    slice_take(&p->lex.rest, 1);
    *broken = mime_lex_space(&p->lex) != MIME_LEX_MORE;
    return !*broken;
}

static enum mime_lex group_end(struct parser *p)
{
    if (!mime_lex_at(&p->lex, ';'))
        return MIME_LEX_BAD;
    slice_take(&p->lex.rest, 1);
    return mime_lex_space(&p->lex);
}

/* display-name ":" [mailboxes] ";". BAD when it is no group; a broken group is one all the same. */
static enum mime_lex group(struct parser *p)
{
    bool broken = false;

    buf_truncate(&p->text, 0);
    if (mime_lex_phrase(&p->lex, &p->text) != MIME_LEX_MORE || !mime_lex_at(&p->lex, ':'))
        return MIME_LEX_BAD;
    slice_take(&p->lex.rest, 1);
    enum mime_lex left = mime_lex_space(&p->lex);
    piece_set(&p->mailbox, buf_slice(&p->text));
    add_address(p);
    if (left == MIME_LEX_MORE && !mime_lex_at(&p->lex, ';')) {
        do
            mailbox(p);
        while (next_member(p, &broken));
    }
    if (broken)
        left = MIME_LEX_BAD;
    else if (left != MIME_LEX_BAD)
        left = group_end(p);
    add_address(p);
    return left == MIME_LEX_END ? MIME_LEX_END : MIME_LEX_MORE;
}

static enum mime_lex address(struct parser *p)
{
    struct slice start = p->lex.rest;
    enum mime_lex left = group(p);

    if (left != MIME_LEX_BAD)
        return left;
    p->lex.rest = start;
    return mailbox(p);
}

static void address_list(struct parser *p)
{
    while (address(p) != MIME_LEX_END && mime_lex_at(&p->lex, ',')) {
        slice_take(&p->lex.rest, 1);
        enum mime_lex left = mime_lex_space(&p->lex);
        if (left == MIME_LEX_BAD)
            add_mailbox(p);
        if (left != MIME_LEX_MORE)
            break;
    }
}

bool mime_addresses_each(struct slice value, mime_address_fn *fn, void *context)
{
    struct parser p = {.lex = {.rest = value}, .fn = fn, .context = context};

    p.lex.comment = &p.comment;
    if (mime_lex_space(&p.lex) == MIME_LEX_MORE)
        address_list(&p);
    bool complete = !p.failed && !piece_failed(&p);
    buf_clear(&p.comment);
    buf_clear(&p.text);
    buf_clear(&p.name.text);
    buf_clear(&p.route.text);
    buf_clear(&p.mailbox.text);
    buf_clear(&p.domain.text);
    return complete;
}
