#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "translate/mime/mime_arrival.h"

#define DATE "Date: Mon, 2 Mar 2020 08:00:00 +0000\r\n"

enum { NOTHING = -1, MARCH_2 = 1583136000, MARCH_3 = 1583226000 };

static int64_t arrival(const char *header)
{
    int64_t seconds = NOTHING;

    bool found = mime_arrival(slice_of(header), &seconds);
    assert_int_equal(found, seconds != NOTHING);
    return seconds;
}

/* As these servers write it, all at 2020-03-03 09:00:00 UTC. */
static void received_of_many_servers(void **state)
{
    static const char *const fields[] = {
        /* Postfix */
        "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n"
        "\tby mail.example.com (Postfix) with ESMTPS id 4Xb1\r\n"
        "\tfor <ann@example.com>; Tue,  3 Mar 2020 10:00:00 +0100 (CET)\r\n",
        /* Exim */
        "Received: from [192.0.2.1] (helo=mx.example.org)\r\n"
        "\tby mail.example.com with esmtps (TLS1.3:ECDHE:256)\r\n"
        "\t(Exim 4.96) (envelope-from <bob@example.org>) id 1abc-00\r\n"
        "\tfor ann@example.com; Tue, 03 Mar 2020 09:00:00 +0000\r\n",
        /* Sendmail */
        "Received: from mx (mx [192.0.2.1])\r\n"
        "\tby mail.example.com (8.17.1/8.17.1) with ESMTP id 4239;\r\n"
        "\tTue, 3 Mar 2020 04:00:00 -0500 (EST)\r\n",
        /* qmail */
        "Received: (qmail 4711 invoked by uid 89); 3 Mar 2020 09:00:00 -0000\r\n",
        /* Exchange */
        "Received: from A.PROD.OUTLOOK.COM (2603:10a6::1) by\r\n"
        " B.PROD.OUTLOOK.COM (2603:10a6::2) with Microsoft SMTP Server\r\n"
        " (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\r\n"
        " 15.20.2772.14; Tue, 3 Mar 2020 09:00:00 +0000\r\n",
        /* Gmail */
        "Received: by 2002:a05:6a00:1 with SMTP id x1csp2;\r\n"
        "        Tue, 3 Mar 2020 01:00:00 -0800 (PST)\r\n",
        /* Dovecot's LMTP */
        "Received: from mail.example.com\r\n\tby mail.example.com with LMTP\r\n"
        "\tid abc\r\n\t(envelope-from <bob@example.org>)\r\n"
        "\tfor <ann@example.com>; Tue, 03 Mar 2020 10:00:00 +0100\r\n",
        /* Old ones, and zones by their names */
        "received: from a by b with SMTP; Tue, 03 Mar 20 09:00:00 GMT\r\n",
        "RECEIVED : by b ; Tue, 3 Mar 2020 04:00 EST\r\n",
        "Received: by b; 3-Mar-2020 09:00:00 UT\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (arrival(fields[i]) != MARCH_3)
            fail_msg("%s", fields[i]);
}

static void the_topmost_counts(void **state)
{
    (void)state;
    assert_int_equal(arrival("Return-Path: <>\r\n" DATE
                             "Received: by b; Tue, 3 Mar 2020 09:00:00 +0000\r\n"
                             "Received: by a; Sun, 1 Mar 2020 09:00:00 +0000\r\n\r\n"),
                     MARCH_3);
}

static void one_without_a_date_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(arrival("Received: from localhost by localhost\r\n"
                             "Received: by b; yesterday\r\n"
                             "Received: by b;\r\n"
                             "Received: by a; Tue, 3 Mar 2020 09:00:00 +0000\r\n"),
                     MARCH_3);
}

static void a_semicolon_in_a_comment(void **state)
{
    (void)state;
    assert_int_equal(arrival("Received: by b; Tue, 3 Mar 2020 09:00:00 +0000 (a; b)\r\n"), MARCH_3);
}

static void without_received_the_date_counts(void **state)
{
    (void)state;
    assert_int_equal(arrival("Subject: x\r\n" DATE "\r\n"), MARCH_2);
    assert_int_equal(arrival("Received: by b; no date\r\n" DATE), MARCH_2);
    assert_int_equal(arrival("Date: ?\r\n" DATE), MARCH_2);
    assert_int_equal(arrival("X-Received: by b; Tue, 3 Mar 2020 09:00:00 +0000\r\n" DATE), MARCH_2);
}

static void what_is_no_date(void **state)
{
    static const char *const headers[] = {
        "",
        "\r\n",
        "Date",
        "Date:",
        "Date: \r\n",
        "Date: Tue, 3 Mar 12020 10:00:00 +0000\r\n",
        "Date: Tue, 32 Mar 2020 10:00:00 +0000\r\n",
        "Date: Tue, 3 Mar 2020 25:00:00 +0000\r\n",
        "Date: 99999999999999999999 Mar 99999999999999999999\r\n",
        "Date: ((((((((((\r\n",
        " Date: Tue, 3 Mar 2020 10:00:00 +0000\r\n",
        "Received: Tue, 3 Mar 2020 10:00:00 +0000\r\n",
        "Received: ;;;;;;;;\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (arrival(headers[i]) != NOTHING)
            fail_msg("%s", headers[i]);
}

/* What INTERNALDATE cannot say is no date. */
static void at_the_edge_of_time(void **state)
{
    (void)state;
    assert_int_equal(arrival("Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n"), 253402300799);
    assert_int_equal(arrival("Date: Fri, 31 Dec 9999 23:59:59 -1400\r\n"), NOTHING);
    assert_int_equal(arrival("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"), 0);
    assert_int_equal(arrival("Date: Thu, 13 Feb 1969 23:32 -0330\r\n"), -27723480);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(received_of_many_servers),
        cmocka_unit_test(the_topmost_counts),
        cmocka_unit_test(one_without_a_date_is_passed_over),
        cmocka_unit_test(a_semicolon_in_a_comment),
        cmocka_unit_test(without_received_the_date_counts),
        cmocka_unit_test(what_is_no_date),
        cmocka_unit_test(at_the_edge_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
