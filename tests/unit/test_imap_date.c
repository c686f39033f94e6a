/* INTERNALDATE as seconds since 1970. */
#include "tests/unit/feed.h"

#include <time.h>

#include "translate/imap/imap_date.h"

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"17-Jul-1996 02:44:25 -0700", 837596665},
        {"01-Jan-1970 00:00:00 +0000", 0},
        {" 1-Jan-1970 00:00:00 +0000", 0},
        {"1-jan-1970 00:00:00 -0000", 0},
        {"31-Dec-1969 23:59:59 +0000", -1},
        {"01-Jan-1970 05:30:00 +0530", 0},
        {"29-Feb-2000 12:00:00 +0000", 951825600},
        {"29-FEB-2024 00:00:00 +0000", 1709164800},
        {"01-Mar-2024 00:00:00 +0000", 1709251200},
        {"19-Jan-2038 03:14:08 +0000", 2147483648},
        {"31-Dec-2016 23:59:60 +0000", 1483228800},
        {"31-Dec-9999 23:59:59 +0000", 253402300799},
        {"01-Jan-0001 00:00:00 +0000", -62135596800},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 1;
        assert_true(imap_date_parse(slice_of(cases[i].text), &seconds));
        assert_true(seconds == cases[i].seconds);
    }
}

/* Every day from 1900 to 2100 as the C library counts it. */
static void test_calendar(void **state)
{
    int64_t day = 86400;

    (void)state;
    for (int64_t at = -2208988800; at < 4102444800; at += day) {
        char text[64];
        time_t t = (time_t)at;
        struct tm tm;
        int64_t seconds = 1;
        assert_non_null(gmtime_r(&t, &tm));
        strftime(text, sizeof text, "%d-%b-%Y %H:%M:%S +0000", &tm);
        assert_true(imap_date_parse(slice_of(text), &seconds));
        assert_true(seconds == at);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "00-Jul-1996 02:44:25 -0700",
        "32-Jul-1996 02:44:25 -0700",
        "31-Jun-1996 02:44:25 -0700",
        "29-Feb-1900 00:00:00 +0000",
        "29-Feb-2023 00:00:00 +0000",
        "17-Jul-96 02:44:25 -0700",
        "17-Jux-1996 02:44:25 -0700",
        "17-Jul-0000 02:44:25 -0700",
        "17-Jul-1996 24:00:00 -0700",
        "17-Jul-1996 02:60:25 -0700",
        "17-Jul-1996 02:44:61 -0700",
        "17-Jul-1996 02:44:25",
        "17-Jul-1996 02:44:25 0700",
        "17-Jul-1996 02:44:25 -07",
        "17-Jul-1996 02:44:25 -2400",
        "17-Jul-1996 02:44:25 -0760",
        "17-Jul-1996 02:44:25 -0700 ",
        "17 Jul 1996 02:44:25 -0700",
        "-1-Jul-1996 02:44:25 -0700",
        "  1-Jul-1996 02:44:25 -0700",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t seconds = 42;
        assert_false(imap_date_parse(slice_of(bad[i]), &seconds));
        assert_true(seconds == 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
