/*
 * The reader walks the table, not the file: each key of an object is looked up, read by its type or
 * given its default; then what the file has beyond the table is reported. An object that is left
 * out is read as an empty one, so defaults have one way in.
 */
#include "proxy/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/config_key.h"

enum { POINTER_MAX = 256 };

struct reader {
    struct config *config;
    struct config_faults *faults;
    char pointer[POINTER_MAX];
    size_t pointer_length;
};

/* Pointers of the table are short; only unknown keys can be cut. */
static size_t pointer_push(struct reader *r, const char *token)
{
    size_t before = r->pointer_length;
    size_t n = before;

    if (n < POINTER_MAX - 3)
        r->pointer[n++] = '/';
    for (; *token && n < POINTER_MAX - 3; token++) {
        if (*token == '/' || *token == '~')
            r->pointer[n++] = '~';
        r->pointer[n++] = *token == '/' ? '1' : *token == '~' ? '0' : *token;
    }
    r->pointer[n] = '\0';
    r->pointer_length = n;
    return before;
}

static void pointer_pop(struct reader *r, size_t length)
{
    r->pointer[length] = '\0';
    r->pointer_length = length;
}

static size_t pointer_push_index(struct reader *r, size_t index)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%zu", index);
    return pointer_push(r, digits);
}

static bool wrong_type(struct reader *r, const char *wanted)
{
    config_fault_add(r->faults, r->pointer, "is not %s", wanted);
    return false;
}

static bool out_of_memory(struct reader *r)
{
    r->faults->failed = true;
    return false;
}

/* A string that can be shown in a log and passed to the system. */
static const char *string_of(struct reader *r, json_t *value)
{
    const char *text = json_string_value(value);

    if (!text) {
        wrong_type(r, "a string; write it in quotes");
        return NULL;
    }
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            config_fault_add(r->faults, r->pointer, "holds a control character; leave it out");
            return NULL;
        }
    }
    return text;
}

static bool store_string(struct reader *r, const struct config_key *key, const char *text,
                         void *field)
{
    struct failure why = {0};

    if (!key->accept) {
        char *copy = strdup(text);
        memcpy(field, &copy, sizeof copy);
        return copy || out_of_memory(r);
    }
    if (key->accept(r->config, text, field, &why))
        return true;
    if (why.kind == FAILURE_TEMPORARY)
        return out_of_memory(r);
    config_fault_add(r->faults, r->pointer, "%s", why.text);
    return false;
}

static bool read_string(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    if (!value)
        return !key->text || store_string(r, key, key->text, field);
    const char *text = string_of(r, value);
    if (!text)
        return false;
    if (*text == '\0' && !key->accept) {
        config_fault_add(r->faults, r->pointer, "is empty; give it a value or leave the key out");
        return false;
    }
    return store_string(r, key, text, field);
}

static bool read_flag(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    bool flag = value ? json_is_true(value) : key->number != 0;

    if (value && !json_is_boolean(value))
        return wrong_type(r, "true or false; write it without quotes");
    memcpy(field, &flag, sizeof flag);
    return true;
}

static bool number_of(struct reader *r, const struct config_key *key, json_t *value, unsigned *out)
{
    json_int_t number = json_integer_value(value);

    *out = key->number;
    if (!value)
        return true;
    if (!json_is_integer(value))
        return wrong_type(r, "a whole number; write digits without quotes");
    if (number < key->min || number > key->max) {
        config_fault_add(r->faults, r->pointer, "is out of range; write %u to %u", key->min,
                         key->max);
        *out = key->min; /* something possible, or the checks find faults that follow from this */
        return false;
    }
    *out = (unsigned)number;
    return true;
}

static bool read_number(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    unsigned number;
    bool done = number_of(r, key, value, &number);

    memcpy(field, &number, sizeof number);
    return done;
}

static bool read_size(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    unsigned number;
    bool done = number_of(r, key, value, &number);
    size_t size = number;

    memcpy(field, &size, sizeof size);
    return done;
}

static void unknown_word(struct reader *r, const struct config_key *key, const char *text)
{
    const char *nearest = config_nearest(text, key->words);
    char list[160] = "";

    for (const char *const *w = key->words; *w; w++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", *w);
    }
    if (nearest)
        config_fault_add(r->faults, r->pointer, "is not one of %s; did you mean %s?", list,
                         nearest);
    else
        config_fault_add(r->faults, r->pointer, "is unknown; write one of %s", list);
}

/* The index of a word. */
static bool word_of(struct reader *r, const struct config_key *key, json_t *value, unsigned *out)
{
    *out = key->number;
    if (!value)
        return true;
    const char *text = string_of(r, value);
    if (!text)
        return false;
    for (unsigned i = 0; key->words[i]; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    unknown_word(r, key, text);
    return false;
}

static bool read_word(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    unsigned word;
    bool done = word_of(r, key, value, &word);

    memcpy(field, &word, sizeof word);
    return done;
}

static bool read_choice(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    unsigned word;
    bool done = word_of(r, key, value, &word);
    bool choice = word != 0;

    memcpy(field, &choice, sizeof choice);
    return done;
}

/* A list with an element. */
static bool check_array(struct reader *r, json_t *value, const char *wanted)
{
    if (!json_is_array(value))
        return wrong_type(r, wanted);
    if (json_array_size(value) == 0) {
        config_fault_add(r->faults, r->pointer, "is empty; it needs at least one element");
        return false;
    }
    return true;
}

static bool read_set(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    uint32_t set = 0;
    bool done = true;
    json_t *element;
    size_t i;

    if (value && !check_array(r, value, "a list of strings; write [\"...\"]"))
        return false;
    json_array_foreach(value, i, element)
    {
        unsigned word = 0;
        size_t length = pointer_push_index(r, i);
        if (word_of(r, key, element, &word))
            set |= UINT32_C(1) << word;
        else
            done = false;
        pointer_pop(r, length);
    }
    memcpy(field, &set, sizeof set);
    return done;
}

static bool read_strings(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    size_t count = value ? json_array_size(value) : key->text != NULL;
    bool done = true;

    if (!value && !key->text)
        return true;
    if (value && !check_array(r, value, "a list of strings; write [\"...\"]"))
        return false;
    char **strings = calloc(count + 1, sizeof *strings);
    if (!strings)
        return out_of_memory(r);
    for (size_t i = 0; i < count; i++) {
        size_t length = pointer_push_index(r, i);
        done = read_string(r, key, value ? json_array_get(value, i) : NULL, &strings[i]) && done;
        pointer_pop(r, length);
    }
    memcpy(field, &strings, sizeof strings);
    memcpy((char *)field - key->offset + key->count_offset, &count, sizeof count);
    return done;
}

static bool read_object(struct reader *r, const struct config_object *object, json_t *value,
                        void *base);

static bool read_group(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    return read_object(r, key->object, value, field);
}

static bool read_list(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    size_t count = json_array_size(value);
    bool done = true;

    if (!value)
        return true;
    if (!check_array(r, value, "a list of objects; write [{...}]"))
        return false;
    char *elements = calloc(count, key->object->size);
    if (!elements)
        return out_of_memory(r);
    memcpy(field, &elements, sizeof elements);
    memcpy((char *)field - key->offset + key->count_offset, &count, sizeof count);
    for (size_t i = 0; i < count; i++) {
        size_t length = pointer_push_index(r, i);
        done = read_object(r, key->object, json_array_get(value, i),
                           elements + i * key->object->size) &&
               done;
        pointer_pop(r, length);
    }
    return done;
}

static bool read_ignored(struct reader *r, const struct config_key *key, json_t *value, void *field)
{
    (void)key;
    (void)field;
    return !value || string_of(r, value);
}

static bool (*const read_type[])(struct reader *r, const struct config_key *key, json_t *value,
                                 void *field) = {
    [CONFIG_STRING] = read_string, [CONFIG_FLAG] = read_flag,       [CONFIG_NUMBER] = read_number,
    [CONFIG_SIZE] = read_size,     [CONFIG_WORD] = read_word,       [CONFIG_CHOICE] = read_choice,
    [CONFIG_SET] = read_set,       [CONFIG_STRINGS] = read_strings, [CONFIG_GROUP] = read_group,
    [CONFIG_LIST] = read_list,     [CONFIG_IGNORED] = read_ignored,
};

static bool read_key(struct reader *r, const struct config_key *key, json_t *value, void *base)
{
    if (key->required && !value) {
        config_fault_add(r->faults, r->pointer, "\"%s\" is missing; add it", key->name);
        return false;
    }
    size_t length = pointer_push(r, key->name);
    bool done = read_type[key->type](r, key, value, (char *)base + key->offset);
    pointer_pop(r, length);
    return done;
}

static const struct config_key *find_key(const struct config_object *object, const char *name)
{
    for (size_t i = 0; i < object->count; i++)
        if (strcmp(object->keys[i].name, name) == 0)
            return &object->keys[i];
    return NULL;
}

static void unknown_key(struct reader *r, const struct config_object *object, const char *name)
{
    const char *names[32] = {NULL};
    size_t length = pointer_push(r, name);

    for (size_t i = 0; i < object->count && i < sizeof names / sizeof *names - 1; i++)
        names[i] = object->keys[i].name;
    const char *nearest = config_nearest(name, names);
    if (nearest)
        config_fault_add(r->faults, r->pointer, "is not a known key; did you mean \"%s\"?",
                         nearest);
    else
        config_fault_add(r->faults, r->pointer, "is not a known key; leave it out");
    pointer_pop(r, length);
}

/* `value` NULL: left out. */
static bool read_object(struct reader *r, const struct config_object *object, json_t *value,
                        void *base)
{
    const char *name;
    json_t *ignored;
    bool is_object = !value || json_is_object(value);
    bool done = is_object || wrong_type(r, "an object; write {...}");

    json_object_foreach(value, name, ignored)
    {
        if (!find_key(object, name)) {
            unknown_key(r, object, name);
            done = false;
        }
    }
    for (size_t i = 0; i < object->count; i++)
        if (is_object || !object->keys[i].required)
            done =
                read_key(r, &object->keys[i], json_object_get(value, object->keys[i].name), base) &&
                done;
    return done;
}

void config_read(struct config *c, json_t *root, struct config_faults *faults)
{
    struct reader r = {.config = c, .faults = faults};

    read_object(&r, &config_root, root, c);
}
