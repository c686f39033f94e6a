#include "proxy/auth/vault.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proxy/auth/vault_file.h"
#include "translate/state/json_at.h"
#include "translate/text/base64.h"

static bool no_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

static bool no_vault(struct failure *why)
{
    failure_set(why, FAILURE_AUTH, "there are no device passwords for this user");
    return false;
}

void device_limits_clear(struct device_limits *l)
{
    free(l->folder);
    l->folder = NULL;
}

void vault_key_wipe(struct vault_key *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

/* The login as the vault knows it; owned. NULL when memory is out. */
static char *same_login(struct slice login, struct failure *why)
{
    char *lower = slice_dup(login);

    if (!lower)
        no_memory(why);
    for (size_t i = 0; lower && i < login.n; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    return lower;
}

/* The file of a login; `use` as in vault_file_open(). */
static bool open_file(struct vault_file *f, const char *state_dir, struct slice login,
                      enum vault_file_use use, struct failure *why)
{
    char *lower = same_login(login, why);
    bool opened = lower && vault_file_open(f, state_dir, slice_make(lower, login.n), use, why);

    free(lower);
    return opened;
}

/* ---- what things are sealed with --------------------------------------------------------- */

/* The octets that a sealed thing of this login is bound to. */
static bool bound_to(struct buf *out, const char *login, const char *what, struct failure *why)
{
    buf_printf(out, "mailferry vault 1\n%s\n%s", login, what);
    return !buf_failed(out) || no_memory(why);
}

static const char *login_of(const struct vault_file *f)
{
    return json_string_value(json_object_get(f->document, "login"));
}

/* A device's entry but for its key. */
static bool bound_to_device(struct buf *out, const struct vault_file *f, const json_t *device,
                            struct failure *why)
{
    json_t *open = json_deep_copy(device);

    json_object_del(open, "key");
    char *text = open ? json_dumps(open, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(open);
    bool good = text ? bound_to(out, login_of(f), text, why) : no_memory(why);
    free(text);
    return good;
}

static bool seal_secret(struct vault_file *f, const struct vault_key *key, const json_t *secret,
                        struct failure *why)
{
    char *text = json_dumps(secret, JSON_COMPACT);
    struct buf bound = BUF_INIT;
    json_t *sealed = NULL;

    if (text && bound_to(&bound, login_of(f), "secret", why))
        sealed = seal(key->octets, buf_slice(&bound), slice_of(text));
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
    buf_clear(&bound);
    return (sealed && json_object_set_new(f->document, "secret", sealed) == 0) || no_memory(why);
}

static json_t *unseal_secret(const struct vault_file *f, const struct vault_key *key,
                             struct failure *why)
{
    struct buf bound = BUF_INIT, text = {.secret = true};
    json_t *secret = NULL;

    if (bound_to(&bound, login_of(f), "secret", why) &&
        unseal(key->octets, buf_slice(&bound), json_object_get(f->document, "secret"), &text))
        secret = json_loadb(buf_slice(&text).p, buf_size(&text), 0, NULL);
    if (!secret)
        failure_set(why, FAILURE_PERMANENT,
                    "%s: /secret is damaged; restore it from a backup, or make a new one with "
                    "--replace",
                    f->path);
    buf_wipe(&text);
    buf_clear(&bound);
    return secret;
}

/* ---- devices ----------------------------------------------------------------------------- */

static json_t *devices_of(const struct vault_file *f)
{
    return json_object_get(f->document, "devices");
}

/* Its place among the devices; their number when there is none of that name. */
static size_t device_index(const struct vault_file *f, const char *name)
{
    const json_t *device;
    size_t i;

    json_array_foreach(devices_of(f), i, device)
    {
        const char *its = json_string_value(json_object_get(device, "name"));
        if (its && strcmp(its, name) == 0)
            return i;
    }
    return json_array_size(devices_of(f));
}

static bool device_is_there(const struct vault_file *f, const char *name)
{
    return f->document && device_index(f, name) < json_array_size(devices_of(f));
}

static json_t *limits_to_json(const struct device_limits *l)
{
    json_t *limits = json_pack("{s:b, s:b, s:b, s:b}", "pop3", l->pop3, "imap", l->imap,
                               "read_only", l->read_only, "never_delete", l->never_delete);

    if (limits && l->folder && json_object_set_new(limits, "folder", json_string(l->folder)) < 0) {
        json_decref(limits);
        return NULL;
    }
    return limits;
}

/* A limit that cannot be read limits all the same: what is not said to be allowed is not. */
static bool limits_from_json(struct device_limits *l, const json_t *limits)
{
    const char *folder = json_string_value(json_object_get(limits, "folder"));

    *l = (struct device_limits){
        .pop3 = json_is_true(json_object_get(limits, "pop3")),
        .imap = json_is_true(json_object_get(limits, "imap")),
        .read_only = !json_is_false(json_object_get(limits, "read_only")),
        .never_delete = !json_is_false(json_object_get(limits, "never_delete")),
        .folder = folder ? strdup(folder) : NULL,
    };
    return !folder || l->folder;
}

/* Whether this device's password made `derived`; then its key is in `*key`. */
static bool device_opens(const struct vault_file *f, const json_t *device,
                         const unsigned char derived[SEAL_KEY], struct vault_key *key)
{
    struct buf bound = BUF_INIT, octets = {.secret = true};
    struct failure ignored;
    bool opens = bound_to_device(&bound, f, device, &ignored) &&
                 unseal(derived, buf_slice(&bound), json_object_get(device, "key"), &octets) &&
                 buf_size(&octets) == VAULT_KEY;

    if (opens)
        memcpy(key->octets, buf_slice(&octets).p, VAULT_KEY);
    buf_wipe(&octets);
    buf_clear(&bound);
    return opens;
}

/* The entry, sealed with the password. NULL with the reason. */
static json_t *device_new(const struct vault_file *f, const struct vault_key *key, const char *name,
                          struct slice password, const struct device_limits *limits,
                          struct failure *why)
{
    json_t *device = json_pack("{s:s, s:I, s:o}", "name", name, "created", (json_int_t)time(NULL),
                               "limits", limits_to_json(limits));
    unsigned char derived[SEAL_KEY];
    struct buf bound = BUF_INIT;
    json_t *sealed = NULL;

    if (device && bound_to_device(&bound, f, device, why) &&
        seal_derive(&f->cost, f->salt, password, derived))
        sealed = seal(derived, buf_slice(&bound), slice_make((const char *)key->octets, VAULT_KEY));
    OPENSSL_cleanse(derived, sizeof derived);
    buf_clear(&bound);
    if (sealed && json_object_set_new(device, "key", sealed) == 0)
        return device;
    json_decref(device);
    no_memory(why);
    return NULL;
}

static bool device_add(struct vault_file *f, const struct vault_key *key, const char *name,
                       struct slice password, const struct device_limits *limits,
                       struct failure *why)
{
    json_t *device = device_new(f, key, name, password, limits, why);

    return device && (json_array_append_new(devices_of(f), device) == 0 || no_memory(why));
}

static bool device_name_is_good(const char *name, struct failure *why)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            n = 0;
    if (n > 0 && n < VAULT_DEVICE)
        return true;
    failure_set(why, FAILURE_PERMANENT,
                "a device's name has 1 to %d octets and no control characters", VAULT_DEVICE - 1);
    return false;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* All devices are tried, whichever it is. NULL: none. */
static const json_t *device_of_password(const struct vault_file *f, struct slice password,
                                        struct vault_key *key)
{
    unsigned char derived[SEAL_KEY];
    const json_t *device, *found = NULL;
    struct vault_key its;
    size_t i;

    if (!seal_derive(&f->cost, f->salt, password, derived))
        return NULL;
    json_array_foreach(devices_of(f), i, device)
    {
        if (!device_opens(f, device, derived, &its))
            continue;
        found = device;
        *key = its;
    }
    OPENSSL_cleanse(derived, sizeof derived);
    vault_key_wipe(&its);
    return found;
}

/* Takes the time that a wrong password takes. */
static void waste_time(struct slice password)
{
    static const unsigned char salt[SEAL_SALT];
    unsigned char derived[SEAL_KEY];

    seal_derive(&seal_cost_now, salt, password, derived);
    OPENSSL_cleanse(derived, sizeof derived);
}

static bool open_document(const struct vault_file *f, struct slice password, struct vault_key *key,
                          json_t **secret, struct device_limits *limits, char device[VAULT_DEVICE],
                          struct failure *why)
{
    const json_t *found = device_of_password(f, password, key);

    if (!found) {
        failure_set(why, FAILURE_AUTH, "no device of this user has that password");
        return false;
    }
    *secret = unseal_secret(f, key, why);
    if (*secret && limits_from_json(limits, json_object_get(found, "limits"))) {
        const char *name = json_string_value(json_object_get(found, "name"));
        snprintf(device, VAULT_DEVICE, "%s", name ? name : "");
        return true;
    }
    if (*secret)
        no_memory(why);
    json_decref(*secret);
    *secret = NULL;
    vault_key_wipe(key);
    return false;
}

bool vault_open(const char *state_dir, struct slice login, struct slice password,
                struct vault_key *key, json_t **secret, struct device_limits *limits,
                char device[VAULT_DEVICE], struct failure *why)
{
    struct vault_file f;
    bool opened = false;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why)) {
        if (why->kind == FAILURE_PERMANENT)
            waste_time(password);
        return false;
    }
    if (f.document) {
        opened = open_document(&f, password, key, secret, limits, device, why);
    } else {
        waste_time(password);
        no_vault(why);
    }
    vault_file_close(&f);
    return opened;
}

bool vault_exists(const char *state_dir, struct slice login)
{
    struct vault_file f;
    struct failure why;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, &why))
        return why.kind == FAILURE_PERMANENT;
    bool there = f.document != NULL;
    vault_file_close(&f);
    return there;
}

/* ---- with the key ------------------------------------------------------------------------ */

bool vault_read(const char *state_dir, struct slice login, const struct vault_key *key,
                const char *device, json_t **secret, struct failure *why)
{
    struct vault_file f;

    *secret = NULL;
    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why))
        return false;
    if (device_is_there(&f, device))
        *secret = unseal_secret(&f, key, why);
    else
        failure_set(why, FAILURE_AUTH, "the password of this device was revoked");
    vault_file_close(&f);
    return *secret != NULL;
}

/* Something was sealed by this key before: no other may take its place. */
static bool key_fits(const struct vault_file *f, const struct vault_key *key, struct failure *why)
{
    json_t *secret = f->document ? unseal_secret(f, key, why) : NULL;

    if (!f->document)
        no_vault(why);
    json_decref(secret);
    return secret != NULL;
}

bool vault_write(const char *state_dir, struct slice login, const struct vault_key *key,
                 const json_t *secret, struct failure *why)
{
    struct vault_file f;

    if (!open_file(&f, state_dir, login, VAULT_FILE_CHANGE, why))
        return false;
    bool written =
        key_fits(&f, key, why) && seal_secret(&f, key, secret, why) && vault_file_save(&f, why);
    vault_file_close(&f);
    return written;
}

bool vault_add(const char *state_dir, struct slice login, const struct vault_key *key,
               const char *device, struct slice password, const struct device_limits *limits,
               struct failure *why)
{
    struct vault_file f;
    bool added = false;

    if (!device_name_is_good(device, why) ||
        !open_file(&f, state_dir, login, VAULT_FILE_CHANGE, why))
        return false;
    if (device_is_there(&f, device))
        failure_set(why, FAILURE_PERMANENT,
                    "there is a device \"%s\" already; revoke it first, or choose another name",
                    device);
    else
        added = key_fits(&f, key, why) && device_add(&f, key, device, password, limits, why) &&
                vault_file_save(&f, why);
    vault_file_close(&f);
    return added;
}

/* ---- making and unmaking ----------------------------------------------------------------- */

static bool make_document(struct vault_file *f, struct slice login, struct failure *why)
{
    char *lower = same_login(login, why);
    struct buf salt = BUF_INIT;

    f->cost = seal_cost_now;
    if (!lower || RAND_bytes(f->salt, sizeof f->salt) != 1) {
        free(lower);
        return no_memory(why);
    }
    base64_encode(&salt, slice_make((const char *)f->salt, sizeof f->salt));
    buf_putc(&salt, '\0');
    json_decref(f->document);
    f->document = buf_failed(&salt)
                      ? NULL
                      : json_pack("{s:i, s:s, s:{s:s, s:I, s:I, s:I, s:s}, s:[]}", "version", 1,
                                  "login", lower, "kdf", "name", "scrypt", "n",
                                  (json_int_t)f->cost.n, "r", (json_int_t)f->cost.r, "p",
                                  (json_int_t)f->cost.p, "salt", buf_slice(&salt).p, "devices");
    buf_clear(&salt);
    free(lower);
    return f->document || no_memory(why);
}

static bool fill(struct vault_file *f, struct slice login, const json_t *secret, const char *device,
                 struct slice password, const struct device_limits *limits, struct failure *why)
{
    struct vault_key key;
    bool good = make_document(f, login, why);

    if (good && RAND_priv_bytes(key.octets, sizeof key.octets) != 1)
        good = no_memory(why);
    good = good && device_add(f, &key, device, password, limits, why) &&
           seal_secret(f, &key, secret, why);
    vault_key_wipe(&key);
    return good;
}

bool vault_create(const char *state_dir, struct slice login, const json_t *secret,
                  const char *device, struct slice password, const struct device_limits *limits,
                  bool replace, struct failure *why)
{
    enum vault_file_use use = replace ? VAULT_FILE_REPLACE : VAULT_FILE_CHANGE;
    struct vault_file f;
    bool made = false;

    if (!device_name_is_good(device, why) || !open_file(&f, state_dir, login, use, why))
        return false;
    if (f.document)
        failure_set(why, FAILURE_PERMANENT,
                    "there are device passwords for this user already; --replace makes them all "
                    "void and begins anew");
    else
        made = fill(&f, login, secret, device, password, limits, why) && vault_file_save(&f, why);
    vault_file_close(&f);
    return made;
}

static bool revoke(struct vault_file *f, const char *device, bool last, struct failure *why)
{
    size_t count = json_array_size(devices_of(f));

    if (!device_is_there(f, device)) {
        failure_set(why, FAILURE_PERMANENT, "there is no device \"%.64s\"", device);
        return false;
    }
    if (count > 1)
        return (json_array_remove(devices_of(f), device_index(f, device)) == 0 || no_memory(why)) &&
               vault_file_save(f, why);
    if (last)
        return vault_file_remove(f, why);
    failure_set(why, FAILURE_PERMANENT,
                "\"%.64s\" is the last device: without it the user has to be authorized anew; give "
                "another device a password first, or say --last",
                device);
    return false;
}

bool vault_revoke(const char *state_dir, struct slice login, const char *device, bool last,
                  struct failure *why)
{
    struct vault_file f;

    if (!open_file(&f, state_dir, login, VAULT_FILE_CHANGE, why))
        return false;
    bool revoked = f.document ? revoke(&f, device, last, why) : no_vault(why);
    vault_file_close(&f);
    return revoked;
}

static json_t *list(const struct vault_file *f)
{
    json_t *devices = json_deep_copy(devices_of(f));
    json_t *device;
    size_t i;

    json_array_foreach(devices, i, device) json_object_del(device, "key");
    return devices;
}

json_t *vault_devices(const char *state_dir, struct slice login, struct failure *why)
{
    struct vault_file f;
    json_t *devices;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why))
        return NULL;
    devices = f.document ? list(&f) : json_array();
    if (!devices)
        no_memory(why);
    vault_file_close(&f);
    return devices;
}

/* ---- passwords --------------------------------------------------------------------------- */

/* Each as likely as any other: octets above the last whole run of the alphabet are thrown away. */
static bool random_character(char *out)
{
    static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";
    const unsigned count = sizeof alphabet - 1;
    unsigned char octet;

    do {
        if (RAND_priv_bytes(&octet, 1) != 1)
            return false;
    } while (octet >= 256 / count * count);
    *out = alphabet[octet % count];
    return true;
}

bool vault_make_password(char out[VAULT_PASSWORD])
{
    for (size_t i = 0; i < VAULT_PASSWORD - 1; i++) {
        out[i] = '-';
        if (i % 6 != 5 && !random_character(&out[i]))
            return false;
    }
    out[VAULT_PASSWORD - 1] = '\0';
    return true;
}
