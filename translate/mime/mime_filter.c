/* See mime_filter.h. */
#include "translate/mime/mime_filter.h"

/* What goes in at once: GMime's buffers for the result grow with it and stay. */
enum { PIECE = 16384 };

void mime_filter_run(GMimeFilter *filter, struct slice octets, bool last, struct buf *out)
{
    char *result;
    size_t n;
    size_t space;

    while (octets.n) {
        struct slice piece = slice_take(&octets, PIECE);
        /* GMime takes what is not const, but writes only to a copy when it is told of no room. */
        g_mime_filter_filter(filter, (char *)(uintptr_t)piece.p, piece.n, 0, &result, &n, &space);
        buf_put(out, slice_make(result, n));
    }
    if (!last)
        return;
    char nothing = '\0';
    g_mime_filter_complete(filter, &nothing, 0, 0, &result, &n, &space);
    buf_put(out, slice_make(result, n));
    g_mime_filter_reset(filter);
}
