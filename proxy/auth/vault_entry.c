#include "proxy/auth/vault_entry.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool no_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

/* ---- what sealed things are bound to ------------------------------------------------------ */

bool vault_bind(struct buf *out, const struct vault_file *f, const char *what, struct failure *why)
{
    const char *login = json_string_value(json_object_get(f->document, "login"));

    buf_printf(out, "mailferry vault 1\n%s\n%s", login, what);
    return !buf_failed(out) || no_memory(why);
}

/* To the entry but for what is sealed in it; the two of that differ by their `label`. */
static bool bind_entry(struct buf *out, const struct vault_file *f, const json_t *entry,
                       const char *label, struct failure *why)
{
    json_t *open = json_deep_copy(entry);
    struct buf what = BUF_INIT;

    json_object_del(open, "key");
    json_object_del(open, "held");
    char *text = open ? json_dumps(open, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(open);
    if (text)
        buf_printf(&what, "%s%s", label, text);
    buf_putc(&what, '\0');
    free(text);
    bool good =
        text && !buf_failed(&what) ? vault_bind(out, f, buf_slice(&what).p, why) : no_memory(why);
    buf_clear(&what);
    return good;
}

static const char key_label[] = "";
static const char held_label[] = "held\n";

/* Puts `octets`, sealed, into the entry. */
static bool put_sealed(const struct vault_file *f, json_t *entry, const char *name,
                       const char *label, const unsigned char key[SEAL_KEY], struct slice octets,
                       struct failure *why)
{
    struct buf bound = BUF_INIT;
    json_t *sealed = NULL;

    if (bind_entry(&bound, f, entry, label, why))
        sealed = seal(key, buf_slice(&bound), octets);
    buf_clear(&bound);
    return (sealed && json_object_set_new(entry, name, sealed) == 0) || no_memory(why);
}

static bool get_sealed(const struct vault_file *f, const json_t *entry, const char *name,
                       const char *label, const unsigned char key[SEAL_KEY], struct buf *octets)
{
    struct buf bound = BUF_INIT;
    struct failure ignored;
    bool got = bind_entry(&bound, f, entry, label, &ignored) &&
               unseal(key, buf_slice(&bound), json_object_get(entry, name), octets);

    buf_clear(&bound);
    return got;
}

/* ---- its name and limits ------------------------------------------------------------------ */

const char *vault_entry_name(const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));

    return name ? name : "";
}

bool vault_entry_name_is_good(const char *name, struct failure *why)
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

/* What is not said to be allowed is not. */
bool vault_entry_limits(const json_t *entry, struct device_limits *l)
{
    const json_t *limits = json_object_get(entry, "limits");
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

struct vault_entered vault_entry_entered(const json_t *entry)
{
    const json_t *key = json_object_get(entry, "key");
    const char *sealed = json_string_value(json_object_get(key, "sealed"));
    struct vault_entered entered = {.device = ""};

    snprintf(entered.device, sizeof entered.device, "%s", vault_entry_name(entry));
    snprintf(entered.sealed, sizeof entered.sealed, "%s", sealed ? sealed : "");
    return entered;
}

/* ---- its password ------------------------------------------------------------------------- */

bool vault_entry_opens(const struct vault_file *f, const json_t *entry,
                       const unsigned char derived[SEAL_KEY], struct vault_key *key)
{
    struct buf octets = {.secret = true};
    bool opens =
        get_sealed(f, entry, "key", key_label, derived, &octets) && buf_size(&octets) == VAULT_KEY;

    if (opens)
        memcpy(key->octets, buf_slice(&octets).p, VAULT_KEY);
    buf_wipe(&octets);
    return opens;
}

static bool put_key(const struct vault_file *f, json_t *entry, const struct vault_key *key,
                    struct slice password, struct failure *why)
{
    unsigned char derived[SEAL_KEY];
    bool put = seal_derive(&f->cost, f->salt, password, derived)
                   ? put_sealed(f, entry, "key", key_label, derived,
                                slice_make((const char *)key->octets, VAULT_KEY), why)
                   : no_memory(why);

    OPENSSL_cleanse(derived, sizeof derived);
    return put;
}

json_t *vault_entry_new(const struct vault_file *f, const struct vault_key *key,
                        const struct vault_device *device, struct failure *why)
{
    json_t *entry = json_pack("{s:s, s:I, s:o}", "name", device->name, "created",
                              (json_int_t)time(NULL), "limits", limits_to_json(device->limits));

    if (!entry) {
        no_memory(why);
        return NULL;
    }
    if (put_key(f, entry, key, device->password, why) &&
        (!device->held ||
         put_sealed(f, entry, "held", held_label, device->held->seal, device->password, why)))
        return entry;
    json_decref(entry);
    return NULL;
}

bool vault_entry_is_held(const json_t *entry)
{
    return json_object_get(entry, "held") != NULL;
}

bool vault_entry_password(const struct vault_file *f, const json_t *entry,
                          const struct held_key *key, struct buf *password)
{
    return get_sealed(f, entry, "held", held_label, key->seal, password);
}
