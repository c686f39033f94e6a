/* The table of keys and config/mailferry.schema.json say the same: keys, types, ranges, defaults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "proxy/config_key.h"
#include "translate/sasl/sasl_mechanism.h"

static const char *schema_type(enum config_type type)
{
    switch (type) {
    case CONFIG_FLAG:
        return "boolean";
    case CONFIG_NUMBER:
    case CONFIG_SIZE:
        return "integer";
    case CONFIG_GROUP:
        return "object";
    case CONFIG_LIST:
    case CONFIG_STRINGS:
    case CONFIG_SET:
        return "array";
    default:
        return "string";
    }
}

static bool is_word(const struct config_key *key)
{
    return key->type == CONFIG_WORD || key->type == CONFIG_CHOICE;
}

/* The default as the schema must write it; NULL where there is none. */
static json_t *key_default(const struct config_key *key)
{
    if (key->type == CONFIG_STRINGS)
        return key->text ? json_pack("[s]", key->text) : NULL;
    if (is_word(key))
        return json_string(key->words[key->number]);
    if (key->type == CONFIG_FLAG)
        return json_boolean(key->number);
    if (key->type == CONFIG_NUMBER || key->type == CONFIG_SIZE)
        return key->number >= key->min ? json_integer(key->number) : NULL;
    return key->text && *key->text ? json_string(key->text) : NULL;
}

static void compare_words(const struct config_key *key, json_t *property)
{
    json_t *words = json_object_get(property, "enum");
    size_t n = 0;

    while (key->words[n]) {
        const char *word = json_string_value(json_array_get(words, n));
        assert_non_null(word);
        assert_string_equal(word, key->words[n]);
        n++;
    }
    assert_int_equal(json_array_size(words), n);
}

static void compare_object(const struct config_object *object, json_t *schema, size_t *compared);

static void compare_key(const struct config_key *key, json_t *property, size_t *compared)
{
    json_t *preset = key_default(key);

    assert_string_equal(json_string_value(json_object_get(property, "type")),
                        schema_type(key->type));
    assert_non_null(json_string_value(json_object_get(property, "description")));
    if (preset ? !json_equal(preset, json_object_get(property, "default"))
               : json_object_get(property, "default") != NULL)
        fail_msg("the default of \"%s\" differs", key->name);
    json_decref(preset);
    if (key->type == CONFIG_NUMBER || key->type == CONFIG_SIZE) {
        assert_int_equal(json_integer_value(json_object_get(property, "minimum")), key->min);
        assert_int_equal(json_integer_value(json_object_get(property, "maximum")), key->max);
    }
    if (is_word(key))
        compare_words(key, property);
    if (key->type == CONFIG_SET)
        compare_words(key, json_object_get(property, "items"));
    if (key->type == CONFIG_GROUP)
        compare_object(key->object, property, compared);
    if (key->type == CONFIG_LIST)
        compare_object(key->object, json_object_get(property, "items"), compared);
    if (key->type == CONFIG_LIST || key->type == CONFIG_STRINGS || key->type == CONFIG_SET)
        assert_int_equal(json_integer_value(json_object_get(property, "minItems")), 1);
    ++*compared;
}

static bool schema_requires(json_t *schema, const char *name)
{
    json_t *element;
    size_t i;

    json_array_foreach(json_object_get(schema, "required"), i, element)
    {
        if (strcmp(json_string_value(element), name) == 0)
            return true;
    }
    return false;
}

/* Each key of the table stands in the schema, and the schema has no more. */
static void compare_object(const struct config_object *object, json_t *schema, size_t *compared)
{
    json_t *properties = json_object_get(schema, "properties");

    assert_int_equal(json_object_size(properties), object->count);
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    for (size_t i = 0; i < object->count; i++) {
        const struct config_key *key = &object->keys[i];
        json_t *property = json_object_get(properties, key->name);
        if (!property)
            fail_msg("the schema has no \"%s\"", key->name);
        assert_int_equal(schema_requires(schema, key->name), key->required);
        compare_key(key, property, compared);
    }
}

static void schema_and_reader_agree(void **state)
{
    (void)state;
    json_error_t error;
    json_t *schema =
        json_load_file(SOURCE_DIR "/config/mailferry.schema.json", JSON_REJECT_DUPLICATES, &error);
    size_t compared = 0;

    if (!schema)
        fail_msg("%d: %s", error.line, error.text);
    compare_object(&config_root, schema, &compared);
    assert_true(compared > 55);
    json_decref(schema);
}

static void mechanisms_stand_at_their_bits(void **state)
{
    size_t n = 0;

    (void)state;
    while (config_mechanisms[n]) {
        assert_int_equal(sasl_mechanism_bit(slice_of(config_mechanisms[n])), UINT32_C(1) << n);
        n++;
    }
    assert_int_equal((UINT32_C(1) << n) - 1, SASL_EVERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mechanisms_stand_at_their_bits),
        cmocka_unit_test(schema_and_reader_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
