/* Structures remembered and read back; and what is not taken for one. */
#include "tests/unit/mime_parse.h"

#include "translate/mime/mime_json.h"
#include "translate/mime/mime_put.h"

static void put_all(struct buf *out, const struct mime_message *message)
{
    mime_put_envelope(out, message, 0, false);
    mime_put_body(out, message, true, false);
    mime_outline(message, out);
}

static json_t *as_json(const struct mime_message *message)
{
    struct buf text = BUF_INIT;

    mime_json_put(&text, message);
    json_t *json = json_loadb(buf_slice(&text).p, buf_size(&text), 0, NULL);
    assert_non_null(json);
    buf_clear(&text);
    return json;
}

static void test_again(void **state)
{
    static const char *const texts[] = {
        "",
        "Subject: Gr\xfc\r\nTo: a\r\nTo: \xc3\xa4\r\nFrom:\r\n\r\nx",
        "Subject: \"a\\b\" \x01\x1f\x7f\t\r\n folded\r\r\n\r\nx",
        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: "
        "s\r\n\r\nx\r\n--b\r\n"
        "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-ID: i\r\n--b--",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct failure why = {0};
        struct buf before = BUF_INIT;
        struct buf after = BUF_INIT;
        struct mime_message *message = mime_parse(slice_of(texts[i]), 50);
        json_t *json = as_json(message);
        struct mime_message *again = mime_json_to(json, &why);
        assert_non_null(again);
        put_all(&before, message);
        put_all(&after, again);
        assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
        buf_clear(&before);
        buf_clear(&after);
        json_decref(json);
        mime_message_free(message);
        mime_message_free(again);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"size\": 1}",
        "{\"size\": -1, \"parts\": []}",
        "{\"size\": 1, \"parts\": []}",
        "{\"size\": 1, \"parts\": [1]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"x\", \"at\": [0,0,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,0], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,2], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,2,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [-1,0,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 2}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"message\", \"at\": [0,0,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"in\": 0, \"kind\": \"text\", \"at\": [0,0,1], \"lines\": "
        "0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0},"
        "{\"in\": 0, \"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"multipart\", \"at\": [0,0,1], \"lines\": 0},"
        "{\"in\": 1, \"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0}]}",
        "{\"size\": 2, \"parts\": [{\"kind\": \"multipart\", \"at\": [0,1,2], \"lines\": 0},"
        "{\"in\": 0, \"kind\": \"text\", \"at\": [0,1,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"message\", \"at\": [0,0,1], \"lines\": 0},"
        "{\"in\": 0, \"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0},"
        "{\"in\": 0, \"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0,"
        "\"fields\": {\"X\": \"y\"}}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0,"
        "\"fields\": {\"Subject\": [\"y\"]}}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0,"
        "\"fields\": {\"Subject\": {\"base64\": \"*\"}}}]}",
        "{\"size\": 1, \"parts\": [{\"kind\": \"text\", \"at\": [0,0,1], \"lines\": 0,"
        "\"fields\": {\"To\": 1}}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct failure why = {0};
        json_t *json = json_loads(bad[i], 0, NULL);
        assert_non_null(json);
        assert_null(mime_json_to(json, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
        assert_true(why.text[0] != '\0');
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
