/* See imapd_fetch.h. */
#include "translate/imap/imapd_fetch.h"

#include "translate/imap/imapd_write.h"

enum brackets {
    BRACKETS_NONE,
    BRACKETS_SECTION, /* must follow, with a section in them */
    BRACKETS_MAYBE,   /* "BODY" alone is another item than "BODY[]" */
    BRACKETS_PART,    /* must follow, with nothing or a part in them */
};

/* The names that may stand in a command; the response's name of a kind is the first with it. */
static const struct name {
    const char *name;
    enum imapd_fetch_kind kind;
    enum brackets brackets;
    bool peek;
    bool alias;
    enum imapd_section_text text;
} names[] = {
    {"FLAGS", IMAPD_FETCH_FLAGS, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"UID", IMAPD_FETCH_UID, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"INTERNALDATE", IMAPD_FETCH_INTERNALDATE, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"RFC822.SIZE", IMAPD_FETCH_SIZE, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"ENVELOPE", IMAPD_FETCH_ENVELOPE, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"BODYSTRUCTURE", IMAPD_FETCH_BODYSTRUCTURE, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"MODSEQ", IMAPD_FETCH_MODSEQ, BRACKETS_NONE, true, false, IMAPD_SECTION_ALL},
    {"BODY", IMAPD_FETCH_BODY, BRACKETS_MAYBE, true, false, IMAPD_SECTION_ALL},
    {"BODY.PEEK", IMAPD_FETCH_SECTION, BRACKETS_SECTION, true, false, IMAPD_SECTION_ALL},
    {"BINARY", IMAPD_FETCH_BINARY, BRACKETS_PART, false, false, IMAPD_SECTION_ALL},
    {"BINARY.PEEK", IMAPD_FETCH_BINARY, BRACKETS_PART, true, false, IMAPD_SECTION_ALL},
    {"BINARY.SIZE", IMAPD_FETCH_BINARY_SIZE, BRACKETS_PART, true, false, IMAPD_SECTION_ALL},
    {"RFC822", IMAPD_FETCH_SECTION, BRACKETS_NONE, false, true, IMAPD_SECTION_ALL},
    {"RFC822.HEADER", IMAPD_FETCH_SECTION, BRACKETS_NONE, true, true, IMAPD_SECTION_HEADER},
    {"RFC822.TEXT", IMAPD_FETCH_SECTION, BRACKETS_NONE, false, true, IMAPD_SECTION_TEXT},
};

static const struct {
    const char *name;
    enum imapd_section_text text;
} texts[] = {
    {"HEADER", IMAPD_SECTION_HEADER},
    {"HEADER.FIELDS", IMAPD_SECTION_FIELDS},
    {"HEADER.FIELDS.NOT", IMAPD_SECTION_FIELDS_NOT},
    {"TEXT", IMAPD_SECTION_TEXT},
    {"MIME", IMAPD_SECTION_MIME},
};

enum { NAMES = sizeof names / sizeof *names, TEXTS = sizeof texts / sizeof *texts };

/* A header field's name is an astring, so it may have more than RFC 5322 gives it; what could not
 * be said again in the response is refused. */
static bool take_field(struct imapd_cursor *c, struct imapd_section *section)
{
    const char *at = c->rest.p;
    struct slice field;

    if (!imapd_astring(c, "the name of a header field", &field))
        return false;
    for (size_t i = 0; i < field.n; i++)
        if (field.p[i] < ' ' || field.p[i] > '~')
            return imapd_fail_at(c, at, "the name of a header field has ASCII characters only");
    if (section->field_count == IMAPD_FIELDS_MAX)
        return imapd_fail_at(c, at, "more than %d header fields", IMAPD_FIELDS_MAX);
    section->fields =
        imapd_arena_room(c->memory, section->fields, section->field_count, sizeof *section->fields);
    if (!section->fields)
        return imapd_fail_memory(c);
    section->fields[section->field_count++] = field;
    return true;
}

static bool take_fields(struct imapd_cursor *c, struct imapd_section *section)
{
    if (!imapd_space(c) || !imapd_open(c, "header fields"))
        return false;
    do {
        if (!take_field(c, section))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "header fields");
}

static bool take_section_text(struct imapd_cursor *c, struct imapd_section *section)
{
    struct slice word;

    if (!imapd_atom(c, "a part of a message", &word))
        return false;
    for (size_t i = 0; i < TEXTS; i++) {
        if (!slice_is_nocase(word, texts[i].name))
            continue;
        section->text = texts[i].text;
        if (section->text == IMAPD_SECTION_MIME && section->depth == 0)
            return imapd_fail_at(c, word.p, "MIME needs a part's number before it");
        if (section->text == IMAPD_SECTION_FIELDS || section->text == IMAPD_SECTION_FIELDS_NOT)
            return take_fields(c, section);
        return true;
    }
    return imapd_fail_unknown(c, "part of a message", word);
}

static bool at_digit(const struct imapd_cursor *c)
{
    return c->rest.n && c->rest.p[0] >= '0' && c->rest.p[0] <= '9';
}

static bool take_part(struct imapd_cursor *c, struct imapd_section *section)
{
    uint64_t number;

    if (section->depth == IMAPD_PARTS_MAX)
        return imapd_fail(c, "a part more than %d levels deep", IMAPD_PARTS_MAX);
    if (!imapd_number(c, "a part's number", 1, UINT32_MAX, &number))
        return false;
    section->parts =
        imapd_arena_room(c->memory, section->parts, section->depth, sizeof *section->parts);
    if (!section->parts)
        return imapd_fail_memory(c);
    section->parts[section->depth++] = (uint32_t)number;
    return true;
}

/* "1.2", "1.2.MIME", "HEADER", or nothing. With `part_only` no words. */
static bool take_section_spec(struct imapd_cursor *c, bool part_only, struct imapd_section *section)
{
    if (imapd_at(c, ']'))
        return true;
    while (at_digit(c)) {
        if (!take_part(c, section))
            return false;
        if (!imapd_maybe(c, '.'))
            return true;
        if (part_only && !at_digit(c))
            return imapd_fail(c, "a part's number was expected");
    }
    if (part_only)
        return imapd_fail(c, "a part's number was expected");
    return take_section_text(c, section);
}

static bool take_section(struct imapd_cursor *c, bool part_only, struct imapd_section *section)
{
    if (!imapd_maybe(c, '['))
        return imapd_fail(c, "\"[\" was expected");
    if (!take_section_spec(c, part_only, section))
        return false;
    return imapd_maybe(c, ']') || imapd_fail(c, "\"]\" was expected");
}

/* "<0.2048>" (RFC 3501 section 9, fetch-att). */
static bool take_partial(struct imapd_cursor *c, struct imapd_fetch_item *item)
{
    if (!imapd_maybe(c, '<'))
        return true;
    if (item->kind == IMAPD_FETCH_BINARY_SIZE)
        return imapd_fail(c, "BINARY.SIZE is of a whole part");
    item->partial = true;
    if (!imapd_number(c, "the first octet", 0, INT64_MAX, &item->offset))
        return false;
    if (!imapd_maybe(c, '.'))
        return imapd_fail(c, "\".\" was expected between the first octet and the number of octets");
    if (!imapd_number(c, "the number of octets", 1, INT64_MAX, &item->length))
        return false;
    return imapd_maybe(c, '>') || imapd_fail(c, "\">\" was expected");
}

static bool take_brackets(struct imapd_cursor *c, enum brackets brackets,
                          struct imapd_fetch_item *item)
{
    if (brackets == BRACKETS_NONE || (brackets == BRACKETS_MAYBE && !imapd_at(c, '[')))
        return true;
    if (brackets == BRACKETS_MAYBE) {
        item->kind = IMAPD_FETCH_SECTION;
        item->peek = false;
    }
    return take_section(c, brackets == BRACKETS_PART, &item->section) && take_partial(c, item);
}

/* An item's name is an atom but for the "[" at its end, which atoms may have inside. */
static struct slice take_name(struct imapd_cursor *c)
{
    size_t n = 0;

    while (n < c->rest.n && imapd_is_atom_char(c->rest.p[n]) && c->rest.p[n] != '[')
        n++;
    return slice_take(&c->rest, n);
}

static const struct name *find_name(struct slice word)
{
    for (size_t i = 0; i < NAMES; i++)
        if (slice_is_nocase(word, names[i].name))
            return &names[i];
    return NULL;
}

static bool add_item(struct imapd_cursor *c, struct imapd_fetch *fetch,
                     const struct imapd_fetch_item *item)
{
    if (fetch->count == IMAPD_FETCH_ITEMS_MAX)
        return imapd_fail(c, "more than %d items", IMAPD_FETCH_ITEMS_MAX);
    fetch->items = imapd_arena_room(c->memory, fetch->items, fetch->count, sizeof *fetch->items);
    if (!fetch->items)
        return imapd_fail_memory(c);
    fetch->items[fetch->count++] = *item;
    return true;
}

static bool take_item(struct imapd_cursor *c, struct imapd_fetch *fetch)
{
    struct slice word = take_name(c);
    const struct name *name = find_name(word);

    if (word.n == 0)
        return imapd_fail(c, "an item was expected");
    if (!name)
        return imapd_fail_unknown(c, "item", word);
    struct imapd_fetch_item item = {
        .kind = name->kind,
        .peek = name->peek,
        .alias = name->alias ? name->name : NULL,
        .section.text = name->text,
    };
    return take_brackets(c, name->brackets, &item) && add_item(c, fetch, &item);
}

/* The macros are items in order: a longer one goes on where the shorter one ends. */
static bool maybe_macro(struct imapd_cursor *c, struct imapd_fetch *fetch, bool *took)
{
    static const enum imapd_fetch_kind kinds[] = {IMAPD_FETCH_FLAGS, IMAPD_FETCH_INTERNALDATE,
                                                  IMAPD_FETCH_SIZE, IMAPD_FETCH_ENVELOPE,
                                                  IMAPD_FETCH_BODY};
    static const struct {
        const char *name;
        size_t count;
    } macros[] = {{"FAST", 3}, {"ALL", 4}, {"FULL", 5}};

    *took = false;
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        if (!imapd_maybe_word(c, macros[i].name))
            continue;
        *took = true;
        for (size_t n = 0; n < macros[i].count; n++)
            if (!add_item(c, fetch, &(struct imapd_fetch_item){.kind = kinds[n], .peek = true}))
                return false;
    }
    return true;
}

static bool take_items(struct imapd_cursor *c, struct imapd_fetch *fetch)
{
    bool macro;

    if (!maybe_macro(c, fetch, &macro) || macro)
        return macro;
    if (!imapd_maybe(c, '('))
        return take_item(c, fetch);
    do {
        if (!take_item(c, fetch))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "the items");
}

/* Fetch modifiers (RFC 4466 section 2.4). */
static bool take_modifiers(struct imapd_cursor *c, struct imapd_fetch *fetch)
{
    struct slice word;

    if (!imapd_open(c, "modifiers"))
        return false;
    do {
        if (!imapd_atom(c, "a modifier", &word))
            return false;
        if (!slice_is_nocase(word, "CHANGEDSINCE"))
            return imapd_fail_unknown(c, "modifier", word);
        if (fetch->changed)
            return imapd_fail_at(c, word.p, "CHANGEDSINCE is there twice");
        fetch->changed = true;
        if (!imapd_space(c) ||
            !imapd_number(c, "a mod-sequence", 1, INT64_MAX, &fetch->changed_since))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "modifiers");
}

bool imapd_fetch_take(struct imapd_cursor *c, struct imapd_fetch *fetch)
{
    *fetch = (struct imapd_fetch){0};
    if (!take_items(c, fetch))
        return false;
    if (c->rest.n < 2 || c->rest.p[0] != ' ' || c->rest.p[1] != '(')
        return true;
    return imapd_space(c) && take_modifiers(c, fetch);
}

bool imapd_fetch_sets_seen(const struct imapd_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (!fetch->items[i].peek)
            return true;
    return false;
}

bool imapd_fetch_has(const struct imapd_fetch *fetch, enum imapd_fetch_kind kind)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch->items[i].kind == kind)
            return true;
    return false;
}

static void put_fields(struct buf *out, const struct imapd_section *section)
{
    for (size_t i = 0; i < section->field_count; i++) {
        buf_putc(out, i ? ' ' : '(');
        imapd_put_astring(out, section->fields[i], false);
    }
    buf_putc(out, ')');
}

static void put_section(struct buf *out, const struct imapd_section *section)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < section->depth; i++)
        buf_printf(out, "%s%u", i ? "." : "", section->parts[i]);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i].text == section->text)
            buf_printf(out, "%s%s", section->depth ? "." : "", texts[i].name);
    if (section->text == IMAPD_SECTION_FIELDS || section->text == IMAPD_SECTION_FIELDS_NOT) {
        buf_putc(out, ' ');
        put_fields(out, section);
    }
    buf_putc(out, ']');
}

static const char *kind_name(enum imapd_fetch_kind kind)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].kind == kind)
            return names[i].name;
    return NULL;
}

void imapd_fetch_put_name(struct buf *out, const struct imapd_fetch_item *item)
{
    if (item->alias) {
        buf_puts(out, item->alias);
        return;
    }
    buf_puts(out, item->kind == IMAPD_FETCH_SECTION ? "BODY" : kind_name(item->kind));
    if (item->kind < IMAPD_FETCH_SECTION)
        return;
    put_section(out, &item->section);
    if (item->partial)
        buf_printf(out, "<%llu>", (unsigned long long)item->offset);
}
