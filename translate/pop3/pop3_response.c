/* See pop3_response.h. What an -ERR means is pop3_response_failure.c's. */
#include "translate/pop3/pop3_response.h"

#include <string.h>

/* Takes `word` off the front when it stands there as a whole, in any case. */
static bool take_status(struct slice *line, const char *word)
{
    struct slice rest = *line;

    if (!slice_is_nocase(slice_take(&rest, strlen(word)), word))
        return false;
    if (rest.n && rest.p[0] != ' ' && rest.p[0] != '\t')
        return false;
    *line = slice_trim(rest);
    return true;
}

/* RFC 2449 section 8: any characters but "]" between brackets, directly behind the status. */
static struct slice take_code(struct slice *text)
{
    const char *end = text->n && text->p[0] == '[' ? memchr(text->p, ']', text->n) : NULL;

    if (!end)
        return slice_make(text->p, 0);
    struct slice code = slice_take(text, (size_t)(end - text->p));
    slice_take(text, 1);
    *text = slice_trim(*text);
    slice_take(&code, 1);
    return code;
}

bool pop3_response_parse(struct pop3_response *r, struct slice line)
{
    *r = (struct pop3_response){.text = slice_trim(line)};
    if (take_status(&r->text, "+OK"))
        r->status = POP3_STATUS_OK;
    else if (take_status(&r->text, "-ERR"))
        r->status = POP3_STATUS_ERR;
    else if (take_status(&r->text, "+"))
        r->status = POP3_STATUS_CONTINUE;
    else
        return false;
    if (r->status == POP3_STATUS_ERR)
        r->code = take_code(&r->text);
    return true;
}

static bool take_number(struct slice *text, uint64_t max, uint64_t *number)
{
    size_t n = 0;

    *text = slice_trim(*text);
    while (n < text->n && text->p[n] != ' ' && text->p[n] != '\t')
        n++;
    return slice_number(slice_take(text, n), max, number);
}

bool pop3_response_sizes(struct slice text, uint32_t *number, uint64_t *size)
{
    uint64_t first;
    uint64_t second;

    if (!take_number(&text, UINT32_MAX, &first) || !take_number(&text, UINT64_MAX, &second))
        return false;
    *number = (uint32_t)first;
    *size = second;
    return true;
}

bool pop3_response_uidl(struct slice text, uint32_t *number, struct slice *uidl)
{
    uint64_t first;

    if (!take_number(&text, UINT32_MAX, &first) || first == 0)
        return false;
    *number = (uint32_t)first;
    *uidl = slice_trim(text);
    return true;
}
