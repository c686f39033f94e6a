/* Lines of JSON values, and keys that stand twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_position.h"

static struct config_positions *positions(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct config_positions *p = config_positions_new(slice_of(text));

    assert_non_null(json); /* the index is promised only for what jansson accepts */
    assert_non_null(p);
    json_decref(json);
    return p;
}

static void lines_are_found(void **state)
{
    (void)state;
    static const char text[] = "\n\n{\n"                           /* 3 */
                               "  \"a\": 1, \"b\":\n"              /* 4 */
                               "    [\n"                           /* 5 */
                               "      true, {\"c\": null},\r\n"    /* 6 */
                               "      \"]}\\\"\\\\\", -1.5e3,\n"   /* 7 */
                               "      [], {}\n"                    /* 8 */
                               "    ],\n"                          /* 9 */
                               "  \"x/y~z\"\n: {\"\\u0064\": 2,\n" /* 10, 11 */
                               "\"e\": \"\"}}";                    /* 12 */
    static const struct {
        const char *pointer;
        unsigned line;
    } cases[] = {
        {"", 3},
        {"/a", 4},
        {"/b", 4},
        {"/b/0", 6},
        {"/b/1", 6},
        {"/b/1/c", 6},
        {"/b/2", 7},
        {"/b/3", 7},
        {"/b/4", 8},
        {"/b/5", 8},
        {"/x~1y~0z", 10},
        {"/x~1y~0z/d", 11},
        {"/x~1y~0z/e", 12},
        {"/absent", 3},
        {"/absent/deeper", 3},
        {"/x~1y~0z/absent/a", 10},
        {"/b/6", 4},
        {"/b/c", 4},
        {"/b/99999999999999999999", 4},
        {"/a/0", 4},
        {"/", 3},
    };
    struct config_positions *p = positions(text);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (config_positions_line(p, cases[i].pointer) != cases[i].line)
            fail_msg("%s: %u", cases[i].pointer, config_positions_line(p, cases[i].pointer));
    config_positions_free(p);
}

static void collect(void *context, const char *pointer, unsigned line)
{
    fprintf(context, "%s:%u ", pointer, line);
}

static void check_duplicates(const char *text, const char *expected)
{
    struct config_positions *p = positions(text);
    char *found = NULL;
    size_t size;
    FILE *out = open_memstream(&found, &size);

    assert_true(config_positions_duplicates(p, collect, out));
    fclose(out);
    assert_string_equal(found, expected);
    free(found);
    config_positions_free(p);
}

static void duplicates_are_found(void **state)
{
    (void)state;

    check_duplicates("{}", "");
    check_duplicates("[]", "");
    check_duplicates("[1, 1]", "");
    check_duplicates("{\"a\": 1, \"b\": {\"a\": 1}, \"A\": 1}", "");
    check_duplicates("{\"a\": 1,\n\"b\": 2,\n\"a\": 3,\n\"a\": 4}", "/a:3 /a:4 ");
    check_duplicates("{\"a\": 1,\n\"\\u0061\": 2}", "/a:2 ");
    check_duplicates("[0, {\"x/y\": [{}, {\"b\": 1,\n\"b\": 2}]}]", "/1/x~1y/1/b:2 ");
    check_duplicates("{\"a\": {\"b\": 1},\n\"a\": {\"b\": 2}}", "/a:2 ");
}

/* As deep as jansson reads. */
static void depth_is_survived(void **state)
{
    (void)state;
    enum { DEPTH = 2048 };
    char text[2 * DEPTH + 1];

    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    text[2 * DEPTH] = '\0';
    check_duplicates(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found),
        cmocka_unit_test(duplicates_are_found),
        cmocka_unit_test(depth_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
