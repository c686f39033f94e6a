#include "proxy/auth/vault.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proxy/auth/vault_entry.h"
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

/* ---- what is kept under its key ---------------------------------------------------------- */

static bool seal_secret(struct vault_file *f, const struct vault_key *key, const json_t *secret,
                        struct failure *why)
{
    char *text = json_dumps(secret, JSON_COMPACT);
    struct buf bound = BUF_INIT;
    json_t *sealed = NULL;

    if (text && vault_bind(&bound, f, "secret", why))
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

    if (vault_bind(&bound, f, "secret", why) &&
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
        if (strcmp(vault_entry_name(device), name) == 0)
            return i;
    }
    return json_array_size(devices_of(f));
}

static bool device_is_there(const struct vault_file *f, const char *name)
{
    return f->document && device_index(f, name) < json_array_size(devices_of(f));
}

/* NULL: no device's password is held. */
static const json_t *held_device(const struct vault_file *f)
{
    const json_t *device;
    size_t i;

    json_array_foreach(devices_of(f), i, device) if (vault_entry_is_held(device)) return device;
    return NULL;
}

static bool device_add(struct vault_file *f, const struct vault_key *key,
                       const struct vault_device *device, struct failure *why)
{
    json_t *entry = vault_entry_new(f, key, device, why);

    return entry && (json_array_append_new(devices_of(f), entry) == 0 || no_memory(why));
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
        if (!vault_entry_opens(f, device, derived, &its))
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
                          json_t **secret, struct device_limits *limits,
                          struct vault_entered *entered, struct failure *why)
{
    const json_t *found = device_of_password(f, password, key);

    if (!found) {
        failure_set(why, FAILURE_AUTH, "no device of this user has that password");
        return false;
    }
    *secret = unseal_secret(f, key, why);
    if (*secret && vault_entry_limits(found, limits)) {
        *entered = vault_entry_entered(found);
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
                struct vault_entered *entered, struct failure *why)
{
    struct vault_file f;
    bool opened = false;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why)) {
        if (why->kind == FAILURE_PERMANENT)
            waste_time(password);
        return false;
    }
    if (f.document) {
        opened = open_document(&f, password, key, secret, limits, entered, why);
    } else {
        waste_time(password);
        no_vault(why);
    }
    vault_file_close(&f);
    return opened;
}

static bool read_held(const struct vault_file *f, const struct held_key *key, struct buf *password,
                      struct failure *why)
{
    const json_t *device = f->document ? held_device(f) : NULL;

    if (device && vault_entry_password(f, device, key, password))
        return true;
    if (device)
        failure_set(why, FAILURE_PERMANENT,
                    "%s: the password of \"%s\" was changed, or held with another key: restore "
                    "the key, or revoke the device and give it a new password",
                    f->path, vault_entry_name(device));
    else
        failure_set(why, FAILURE_AUTH, "no device's password is held for this user");
    return false;
}

bool vault_held(const char *state_dir, struct slice login, const struct held_key *key,
                struct buf *password, struct failure *why)
{
    struct vault_file f;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why))
        return false;
    bool held = read_held(&f, key, password, why);
    vault_file_close(&f);
    return held;
}

bool vault_exists(const char *state_dir, struct slice login)
{
    struct vault_file f;
    struct failure why;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, &why))
        return true;
    bool there = f.document != NULL;
    vault_file_close(&f);
    return there;
}

/* ---- with the key ------------------------------------------------------------------------ */

/* FAILURE_AUTH: it is not. Who revokes the last one leaves the directory: a volume that is not
 * mounted revokes nobody. */
static bool is_there_yet(const struct vault_file *f, const struct vault_entered *entered,
                         struct failure *why)
{
    const json_t *device = json_array_get(devices_of(f), device_index(f, entered->device));

    if (device && strcmp(vault_entry_entered(device).sealed, entered->sealed) == 0)
        return true;
    if (f->dir < 0)
        failure_set(why, FAILURE_TEMPORARY, "there is no directory of vaults any more");
    else
        failure_set(why, FAILURE_AUTH, "the password of this device was revoked");
    return false;
}

bool vault_read(const char *state_dir, struct slice login, const struct vault_key *key,
                const struct vault_entered *entered, json_t **secret, struct failure *why)
{
    struct vault_file f;

    *secret = NULL;
    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why))
        return false;
    if (is_there_yet(&f, entered, why))
        *secret = unseal_secret(&f, key, why);
    vault_file_close(&f);
    return *secret != NULL;
}

bool vault_has(const char *state_dir, struct slice login, const struct vault_entered *entered,
               struct failure *why)
{
    struct vault_file f;

    if (!open_file(&f, state_dir, login, VAULT_FILE_READ, why))
        return false;
    bool has = is_there_yet(&f, entered, why);
    vault_file_close(&f);
    return has;
}

int vaults_open(const char *state_dir)
{
    return vault_file_open_all(state_dir);
}

bool vault_stamp(int vaults, struct slice login, struct file_stamp *stamp)
{
    struct failure ignored;
    char *lower = same_login(login, &ignored);
    bool taken = lower && vault_file_stamp(vaults, slice_make(lower, login.n), stamp);

    free(lower);
    return taken;
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

/* SCRAM has to know the one secret of a login before it sees what the client makes of it. */
static bool has_room(const struct vault_file *f, const struct vault_device *device,
                     struct failure *why)
{
    const json_t *held = device->held ? held_device(f) : NULL;

    if (device_is_there(f, device->name))
        failure_set(why, FAILURE_PERMANENT,
                    "there is a device \"%s\" already; revoke it first, or choose another name",
                    device->name);
    else if (held)
        failure_set(why, FAILURE_PERMANENT,
                    "the password of \"%s\" is held already, and of each user only one can be: "
                    "leave --held out, or revoke that device first",
                    vault_entry_name(held));
    else
        return true;
    return false;
}

bool vault_add(const char *state_dir, struct slice login, const struct vault_key *key,
               const struct vault_device *device, struct failure *why)
{
    struct vault_file f;

    if (!vault_entry_name_is_good(device->name, why) ||
        !open_file(&f, state_dir, login, VAULT_FILE_CHANGE, why))
        return false;
    bool added = has_room(&f, device, why) && key_fits(&f, key, why) &&
                 device_add(&f, key, device, why) && vault_file_save(&f, why);
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

static bool fill(struct vault_file *f, struct slice login, const json_t *secret,
                 const struct vault_device *device, struct failure *why)
{
    struct vault_key key;
    bool good = make_document(f, login, why);

    if (good && RAND_priv_bytes(key.octets, sizeof key.octets) != 1)
        good = no_memory(why);
    good = good && device_add(f, &key, device, why) && seal_secret(f, &key, secret, why);
    vault_key_wipe(&key);
    return good;
}

bool vault_create(const char *state_dir, struct slice login, const json_t *secret,
                  const struct vault_device *device, bool replace, struct failure *why)
{
    enum vault_file_use use = replace ? VAULT_FILE_REPLACE : VAULT_FILE_CHANGE;
    struct vault_file f;
    bool made = false;

    if (!vault_entry_name_is_good(device->name, why) || !open_file(&f, state_dir, login, use, why))
        return false;
    if (f.document)
        failure_set(why, FAILURE_PERMANENT,
                    "there are device passwords for this user already; --replace makes them all "
                    "void and begins anew");
    else
        made = fill(&f, login, secret, device, why) && vault_file_save(&f, why);
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

    json_array_foreach(devices, i, device)
    {
        bool held = vault_entry_is_held(device);
        json_object_del(device, "key");
        json_object_set_new(device, "held", json_boolean(held));
    }
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
