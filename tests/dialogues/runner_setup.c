/*
 * Reading the JSON of @client, @route and @upstream into the structs that the maildrop takes.
 */
#include "tests/dialogues/runner_setup.h"

#include <stdlib.h>
#include <string.h>

enum field_type { FIELD_BOOL, FIELD_UNSIGNED, FIELD_SIZE, FIELD_TEXT, FIELD_SLICE };

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
};

#define CLIENT(member) offsetof(struct maildrop_settings, member)
static const struct field CLIENT_FIELDS[] = {
    {"tls", FIELD_BOOL, CLIENT(tls)},
    {"stls", FIELD_BOOL, CLIENT(stls)},
    {"require_tls", FIELD_BOOL, CLIENT(require_tls)},
    {"allow_cleartext", FIELD_BOOL, CLIENT(allow_cleartext)},
    {"login_delay", FIELD_UNSIGNED, CLIENT(login_delay)},
    {"login_seconds", FIELD_UNSIGNED, CLIENT(login_seconds)},
    {"idle_seconds", FIELD_UNSIGNED, CLIENT(idle_seconds)},
    {"connect_seconds", FIELD_UNSIGNED, CLIENT(connect_seconds)},
    {"response_seconds", FIELD_UNSIGNED, CLIENT(response_seconds)},
    {"errors", FIELD_UNSIGNED, CLIENT(errors)},
    {"login_attempts", FIELD_UNSIGNED, CLIENT(login_attempts)},
    {"secrets", FIELD_BOOL, CLIENT(secrets)},
    {"timestamp", FIELD_TEXT, CLIENT(timestamp)},
    {"allow_authzid", FIELD_BOOL, CLIENT(allow_authzid)},
    {"certified", FIELD_SLICE, CLIENT(certified)},
    {0},
};

#define OPTION(member) offsetof(struct maildrop_options, member)
static const struct field ROUTE_FIELDS[] = {
    {"uidl", FIELD_TEXT, OPTION(uidl)},
    {"move_to", FIELD_TEXT, OPTION(move_to)},
    {"keep_days", FIELD_UNSIGNED, OPTION(keep_days)},
    {"seen", FIELD_BOOL, OPTION(seen)},
    {"unseen_only", FIELD_BOOL, OPTION(unseen_only)},
    {"last_days", FIELD_UNSIGNED, OPTION(last_days)},
    {"last_messages", FIELD_UNSIGNED, OPTION(last_messages)},
    {"prefetch", FIELD_SIZE, OPTION(prefetch)},
    {"login_delay", FIELD_UNSIGNED, OPTION(login_delay)},
    {"warm_seconds", FIELD_UNSIGNED, OPTION(warm_seconds)},
    {"allow_preauth", FIELD_BOOL, OPTION(allow_preauth)},
    {"compress", FIELD_BOOL, OPTION(compress)},
    {0},
};

#define UPSTREAM(member) offsetof(struct imap_client_options, member)
static const struct field UPSTREAM_FIELDS[] = {
    {"tls", FIELD_BOOL, UPSTREAM(tls_now)},
    {"starttls", FIELD_BOOL, UPSTREAM(starttls)},
    {"require_tls", FIELD_BOOL, UPSTREAM(require_tls)},
    {"allow_cleartext", FIELD_BOOL, UPSTREAM(allow_cleartext)},
    {0},
};

void setup_init(struct setup *s)
{
    *s = (struct setup){
        .client = {.debug = true,
                   .allow_cleartext = true,
                   .login_seconds = 60,
                   .idle_seconds = 600,
                   .connect_seconds = 20,
                   .response_seconds = 120,
                   .errors = 10,
                   .login_attempts = 3,
                   .key = (const unsigned char *)"a key of thirty-two octets, or 32",
                   .iterations = 4096},
        .options = {.uidl = "%v.%u", .folder_count = 1, .deletion = MAILDROP_EXPUNGE},
        .upstream = {.allow_cleartext = true},
    };
    s->options.folders = s->folders;
    s->folders[0] = "INBOX";
}

void setup_clear(struct setup *s)
{
    json_decref(s->route);
    json_decref(s->scene);
    *s = (struct setup){0};
}

static bool field_store(const struct field *f, const json_t *value, void *base)
{
    char *at = (char *)base + f->offset;

    switch (f->type) {
    case FIELD_BOOL:
        *(bool *)(void *)at = json_is_true(value);
        return json_is_boolean(value);
    case FIELD_UNSIGNED:
        *(unsigned *)(void *)at = (unsigned)json_integer_value(value);
        return json_is_integer(value);
    case FIELD_SIZE:
        *(size_t *)(void *)at = (size_t)json_integer_value(value);
        return json_is_integer(value);
    case FIELD_TEXT:
        *(const char **)(void *)at = json_string_value(value);
        return json_is_string(value);
    case FIELD_SLICE:
        *(struct slice *)(void *)at = slice_of(json_string_value(value));
        return json_is_string(value);
    }
    return false;
}

static bool field_read(const struct field *fields, const char *key, const json_t *value, void *base,
                       struct failure *why)
{
    for (const struct field *f = fields; f->key; f++)
        if (strcmp(f->key, key) == 0) {
            if (field_store(f, value, base))
                return true;
            failure_set(why, FAILURE_PERMANENT, "%s has the wrong type", key);
            return false;
        }
    failure_set(why, FAILURE_PERMANENT, "unknown key %s", key);
    return false;
}

static json_t *object_parse(const char *text, struct failure *why)
{
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    if (json_is_object(object))
        return object;
    failure_set(why, FAILURE_PERMANENT, "not a JSON object: %s",
                object ? "other type" : error.text);
    json_decref(object);
    return NULL;
}

/* The object is kept: texts are its. */
static bool fields_read(struct setup *s, const struct field *fields, const char *text, void *base,
                        struct failure *why)
{
    json_t *object = object_parse(text, why);
    bool good = object != NULL;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) good =
        good && field_read(fields, key, value, base, why);
    if (!s->scene)
        s->scene = json_array();
    json_array_append_new(s->scene, object);
    return good;
}

bool setup_client(struct setup *s, const char *json, struct failure *why)
{
    return fields_read(s, CLIENT_FIELDS, json, &s->client, why);
}

bool setup_upstream(struct setup *s, const char *json, struct failure *why)
{
    return fields_read(s, UPSTREAM_FIELDS, json, &s->upstream, why);
}

static bool read_deletion(struct setup *s, const json_t *value)
{
    static const char *const names[] = {
        [MAILDROP_EXPUNGE] = "expunge",     [MAILDROP_MOVE] = "move",
        [MAILDROP_FLAG] = "flag",           [MAILDROP_KEEP] = "keep",
        [MAILDROP_KEEP_DAYS] = "keep_days",
    };

    for (size_t i = 0; json_is_string(value) && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], json_string_value(value)) == 0) {
            s->options.deletion = (enum maildrop_deletion)i;
            return true;
        }
    return false;
}

static bool read_folders(struct setup *s, const json_t *value)
{
    size_t count = json_array_size(value);

    if (count == 0 || count > SETUP_FOLDERS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        s->folders[i] = json_string_value(json_array_get(value, i));
        if (!s->folders[i])
            return false;
    }
    s->options.folder_count = count;
    return true;
}

static bool read_separator(struct setup *s, const json_t *value)
{
    if (json_string_length(value) != 1)
        return false;
    s->options.folder_separator = json_string_value(value)[0];
    return true;
}

static bool read_login(struct setup *s, const json_t *value)
{
    s->login = json_string_value(value);
    return s->login != NULL;
}

static bool read_route_key(struct setup *s, const char *key, json_t *value, struct failure *why)
{
    static const struct {
        const char *key;
        bool (*read)(struct setup *s, const json_t *value);
    } special[] = {
        {"deletion", read_deletion},
        {"folders", read_folders},
        {"folder_separator", read_separator},
        {"login", read_login},
    };

    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strcmp(special[i].key, key) == 0) {
            if (special[i].read(s, value))
                return true;
            failure_set(why, FAILURE_PERMANENT, "%s has a value that it cannot have", key);
            return false;
        }
    return field_read(ROUTE_FIELDS, key, value, &s->options, why);
}

bool setup_route(struct setup *s, const char *json, struct failure *why)
{
    json_t *object = object_parse(json, why);
    bool good = object != NULL;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) good = good && read_route_key(s, key, value, why);
    json_decref(s->route);
    s->route = object;
    return good;
}

bool setup_split_login(const struct setup *s, struct slice login, char **user, struct slice *folder)
{
    char separator = s->options.folder_separator;
    const char *at = separator ? memchr(login.p, separator, login.n) : NULL;
    struct buf bare = BUF_INIT;

    *folder = slice_make("", 0);
    if (!at) {
        *user = slice_dup(login);
        return *user != NULL;
    }
    struct slice rest = login;
    buf_put(&bare, slice_take(&rest, (size_t)(at - login.p)));
    slice_take(&rest, 1);
    const char *domain = memchr(rest.p, '@', rest.n);
    *folder = slice_take(&rest, domain ? (size_t)(domain - rest.p) : rest.n);
    buf_put(&bare, rest);
    *user = slice_dup(buf_slice(&bare));
    buf_clear(&bare);
    return *user != NULL;
}
