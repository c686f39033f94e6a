/* See imap_date.h. */
#include "translate/imap/imap_date.h"

/* Exactly `width` digits at the front. */
static bool take_digits(struct slice *s, size_t width, int64_t max, int64_t *out)
{
    uint64_t value;

    if (s->n < width || !slice_number(slice_take(s, width), (uint64_t)max, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool take_char(struct slice *s, char c)
{
    return s->n && s->p[0] == c && slice_take(s, 1).n == 1;
}

static bool take_day(struct slice *s, int64_t *day)
{
    take_char(s, ' ');
    bool two = s->n > 1 && s->p[1] != '-';
    return take_digits(s, two ? 2 : 1, 31, day) && *day > 0;
}

static bool take_month(struct slice *s, int64_t *month)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct slice name = slice_take(s, 3);

    for (int i = 0; i < 12; i++) {
        if (slice_is_nocase(name, names[i])) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

/* "+hhmm" as seconds. */
static bool take_zone(struct slice *s, int64_t *offset)
{
    int64_t hours;
    int64_t minutes;
    bool west = take_char(s, '-');

    if (!west && !take_char(s, '+'))
        return false;
    if (!take_digits(s, 2, 23, &hours) || !take_digits(s, 2, 59, &minutes))
        return false;
    *offset = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year and the lengths of the months before it follow one formula. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t leap_days = y / 4 - y / 100 + y / 400;

    /* 719,469 days lie between 0000-03-01 and 1970-01-01, counting days of a month from 1. */
    return y * 365 + leap_days + (153 * m + 2) / 5 + day - 719469;
}

bool imap_date_parse(struct slice text, int64_t *seconds)
{
    int64_t day;
    int64_t month;
    int64_t year;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t zone;

    if (!take_day(&text, &day) || !take_char(&text, '-') || !take_month(&text, &month) ||
        !take_char(&text, '-') || !take_digits(&text, 4, 9999, &year) || !take_char(&text, ' '))
        return false;
    /* 60: a leap second. */
    if (!take_digits(&text, 2, 23, &hour) || !take_char(&text, ':') ||
        !take_digits(&text, 2, 59, &minute) || !take_char(&text, ':') ||
        !take_digits(&text, 2, 60, &second) || !take_char(&text, ' ') || !take_zone(&text, &zone) ||
        text.n)
        return false;
    if (year == 0 || day > days_in_month(year, month))
        return false;
    *seconds =
        days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
    return true;
}
