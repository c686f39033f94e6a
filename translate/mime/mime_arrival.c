/* See mime_arrival.h. */
#include "translate/mime/mime_arrival.h"

#include <gmime/gmime.h>
#include <string.h>

#include "translate/mime/mime_fields.h"

enum {
    DATE_MAX = 250,     /* octets of a date with its comments */
    SEMICOLONS_MAX = 4, /* that are tried, from the last on: some stand in comments */
};

static bool date_read(struct slice text, int64_t *seconds)
{
    char line[DATE_MAX + 1];
    size_t n = text.n < DATE_MAX ? text.n : DATE_MAX;

    for (size_t i = 0; i < n; i++)
        line[i] = text.p[i];
    line[n] = '\0';
    /* Years 1 to 9999 are all that it knows, but a time zone may lead beyond them. */
    GDateTime *local = g_mime_utils_header_decode_date(line);
    GDateTime *utc = local ? g_date_time_to_utc(local) : NULL;
    if (utc)
        *seconds = g_date_time_to_unix(utc);
    g_clear_pointer(&local, g_date_time_unref);
    if (!utc)
        return false;
    g_date_time_unref(utc);
    return true;
}

static bool received_at(struct slice value, int64_t *seconds)
{
    for (int tried = 0; tried < SEMICOLONS_MAX; tried++) {
        const char *semicolon = value.n ? memrchr(value.p, ';', value.n) : NULL;
        if (!semicolon)
            return false;
        size_t before = (size_t)(semicolon - value.p);
        if (date_read(slice_make(semicolon + 1, value.n - before - 1), seconds))
            return true;
        value.n = before;
    }
    return false;
}

bool mime_arrival(struct slice header, int64_t *seconds)
{
    int64_t sent = 0;
    bool is_dated = false;
    struct slice name;
    struct slice value;

    while (mime_fields_next(&header, &name, &value)) {
        if (slice_is_nocase(name, "Received") && received_at(value, seconds))
            return true;
        if (!is_dated && slice_is_nocase(name, "Date"))
            is_dated = date_read(value, &sent);
    }
    if (is_dated)
        *seconds = sent;
    return is_dated;
}
