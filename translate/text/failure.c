#include "translate/text/failure.h"
#include "translate/text/utf8.h"

#include <stdarg.h>
#include <stdio.h>

void text_clean(char *out, size_t cap, struct slice text)
{
    size_t used = 0;

    while (text.n) {
        size_t n = utf8_length(text);
        char replacement = n == 0                                                 ? '?'
                           : (unsigned char)text.p[0] < 0x20 || text.p[0] == 0x7f ? ' '
                                                                                  : 0;
        if (n == 0)
            n = 1;
        if (used + n >= cap)
            break;
        struct slice octets = slice_take(&text, n);
        for (size_t i = 0; i < n; i++)
            out[used++] = replacement ? replacement : octets.p[i];
    }
    out[used] = '\0';
}

void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
{
    char raw[2 * sizeof f->text];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    f->kind = kind;
    text_clean(f->text, sizeof f->text, slice_of(raw));
}
