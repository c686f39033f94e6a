/* See mime_charset.h. */
#include "translate/mime/mime_charset.h"

#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_filter.h"

enum { NAME_MAX_OCTETS = 64 };

struct mime_charset {
    GMimeFilter *filter;
};

void mime_setup(void)
{
    g_mime_init();
}

void mime_teardown(void)
{
    g_mime_shutdown();
}

/* iconv takes more than names: "//TRANSLIT", paths. */
static bool is_name(struct slice name)
{
    if (name.n == 0 || name.n > NAME_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!g_ascii_isalnum(name.p[i]) && (name.p[i] == '\0' || !strchr("-_.:+", name.p[i])))
            return false;
    return true;
}

static GMimeFilter *filter_from(struct slice name)
{
    char text[NAME_MAX_OCTETS + 1];

    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return g_mime_filter_charset_new(text, "utf-8");
}

struct mime_charset *mime_charset_new(struct slice name)
{
    GMimeFilter *filter = is_name(name) ? filter_from(name) : NULL;
    struct mime_charset *charset = filter ? malloc(sizeof *charset) : NULL;

    if (charset)
        charset->filter = filter;
    else if (filter)
        g_object_unref(filter);
    return charset;
}

void mime_charset_free(struct mime_charset *charset)
{
    if (!charset)
        return;
    g_object_unref(charset->filter);
    free(charset);
}

void mime_charset_convert(struct mime_charset *charset, struct slice octets, bool last,
                          struct buf *out)
{
    mime_filter_run(charset->filter, octets, last, out);
}
