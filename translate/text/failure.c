#include "translate/text/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/utf8.h"

/* C0, DEL and, as UTF-8 spells them, C1: some terminals obey those too (U+009B begins a sequence).
 */
static bool is_control(struct slice character)
{
    unsigned char c = (unsigned char)character.p[0];

    return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)character.p[1] < 0xa0);
}

void text_clean(char *out, size_t cap, struct slice text)
{
    size_t used = 0;

    if (cap == 0)
        return;
    while (text.n) {
        size_t n = utf8_length(text);
        struct slice octets = slice_take(&text, n ? n : 1);
        if (n == 0)
            octets = slice_of("?");
        else if (is_control(octets))
            octets = slice_of(" ");
        if (octets.n >= cap - used)
            break;
        memcpy(out + used, octets.p, octets.n);
        used += octets.n;
    }
    out[used] = '\0';
}

void text_vformat(char *out, size_t cap, const char *format, va_list args)
{
    char raw[2 * sizeof((struct failure *)0)->text];
    int n = vsnprintf(raw, sizeof raw, format, args);

    text_clean(out, cap, slice_of(n < 0 ? format : raw));
}

void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vformat(f->text, sizeof f->text, format, args);
    va_end(args);
    f->kind = kind;
}

bool failure_keep(struct failure **kept, const struct failure *why)
{
    if (!*kept)
        *kept = malloc(sizeof **kept);
    if (*kept)
        **kept = *why;
    return *kept != NULL;
}
