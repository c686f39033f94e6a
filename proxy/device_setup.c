#include "proxy/device_setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/terminal.h"

/* It is all that keeps what is sealed with it: scrypt slows guessing, and cannot mend "1234". */
enum { PASSWORD_MIN = 8 };

/* ---- the password ------------------------------------------------------------------------ */

static bool generate(struct device_setup *d, struct failure *why)
{
    char password[VAULT_PASSWORD];
    bool made = vault_make_password(password);

    d->generated = true;
    if (made)
        buf_puts(&d->password, password);
    explicit_bzero(password, sizeof password);
    if (made && !buf_failed(&d->password))
        return true;
    failure_set(why, FAILURE_TEMPORARY, "out of memory or randomness, try again later");
    return false;
}

static bool ask_twice(struct device_setup *d, struct failure *why)
{
    struct buf again = {.secret = true};
    bool good =
        terminal_ask_secret(&d->password, "New password for the device", "the new password", why) &&
        terminal_ask_secret(&again, "Once more", "the new password, once more,", why);

    if (good && !slice_equal(buf_slice(&d->password), buf_slice(&again))) {
        failure_set(why, FAILURE_PERMANENT, "the two passwords differ: nothing was done");
        good = false;
    }
    buf_wipe(&again);
    return good;
}

static bool read_password(struct device_setup *d, const struct cli_options *o, struct failure *why)
{
    bool read = o->password_stdin
                    ? terminal_read_line(&d->password, "the device's new password", why)
                    : ask_twice(d, why);

    if (!read || buf_size(&d->password) >= PASSWORD_MIN)
        return read;
    failure_set(why, FAILURE_PERMANENT,
                "the password is too short: %d characters at least, better one that is made here",
                PASSWORD_MIN);
    return false;
}

/* Not all devices make the same octets of other characters, and SCRAM may change them (RFC 4013).
 */
static bool can_be_proved(const struct device_setup *d, struct failure *why)
{
    struct slice password = buf_slice(&d->password);

    for (size_t i = 0; i < password.n; i++)
        if (password.p[i] < ' ' || password.p[i] > '~') {
            failure_set(why, FAILURE_PERMANENT,
                        "a password that is held is of ASCII's letters, digits and signs only, or "
                        "devices would not agree on its octets");
            return false;
        }
    return true;
}

static bool make_key(struct device_setup *d, const char *state_dir, const char *held_key,
                     struct failure *why)
{
    d->key_file = held_key_path(state_dir, held_key);
    if (d->key_file)
        return held_key_make(&d->key, d->key_file, why);
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

bool device_setup_make(struct device_setup *d, const struct cli_options *o, const char *state_dir,
                       const char *held_key, struct failure *why)
{
    *d = (struct device_setup){
        .name = o->device ? o->device : "default",
        .limits =
            {
                .pop3 = !o->imap_only,
                .imap = !o->pop3_only,
                .read_only = o->read_only,
                .never_delete = o->never_delete,
                .folder = (char *)(uintptr_t)o->folder,
            },
        .password = {.secret = true},
    };
    bool made = o->password_stdin || o->ask_password ? read_password(d, o, why) : generate(d, why);

    return made && (!o->held || (can_be_proved(d, why) && make_key(d, state_dir, held_key, why)));
}

struct vault_device device_setup_device(const struct device_setup *d)
{
    return (struct vault_device){
        .name = d->name,
        .password = buf_slice(&d->password),
        .limits = &d->limits,
        .held = d->key_file ? &d->key : NULL,
    };
}

void device_setup_clear(struct device_setup *d)
{
    buf_wipe(&d->password);
    held_key_wipe(&d->key);
    free(d->key_file);
    d->key_file = NULL;
}

/* ---- what is to be typed ----------------------------------------------------------------- */

/* How a client gets TLS there, as mail programs call it. */
static const char *security(const struct config *c, const struct config_listener *l)
{
    bool certificate = config_has_certificate(config_listener_certificates(c, l));

    if (l->endpoint.tls == ENDPOINT_TLS_IMPLICIT)
        return "SSL/TLS";
    if (l->endpoint.tls == ENDPOINT_TLS_STARTTLS)
        return "STARTTLS";
    if (l->endpoint.tls == ENDPOINT_TLS_AUTO && certificate)
        return l->allow_cleartext ? "STARTTLS, or none for a device without it" : "STARTTLS";
    return "no encryption";
}

static void print_server(const struct config *c, const struct config_listener *l, FILE *out)
{
    char name[256] = "this machine";
    const char *protocol = l->endpoint.protocol == ENDPOINT_POP3 ? "POP3" : "IMAP";

    if (endpoint_is_any(&l->endpoint))
        gethostname(name, sizeof name - 1);
    else
        snprintf(name, sizeof name, "%s", l->endpoint.host);
    fprintf(out, "  %s server   %s, port %u, %s\n", protocol, name, l->endpoint.port,
            security(c, l));
}

static void print_servers(const struct device_setup *d, const struct config *c, const char *user,
                          FILE *out)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct config_listener *l = &c->listeners[i];
        bool may = l->endpoint.protocol == ENDPOINT_POP3 ? d->limits.pop3 : d->limits.imap;
        struct slice folder;
        char *served = NULL;
        if (may && l->endpoint.host && config_find_route(c, i, slice_of(user), &served, &folder))
            print_server(c, l, out);
        free(served);
    }
}

void device_setup_print(const struct device_setup *d, const struct config *c, const char *user,
                        FILE *out)
{
    fprintf(out, "\nType into the device \"%s\":\n", d->name);
    if (c)
        print_servers(d, c, user, out);
    fprintf(out, "  user name     %s\n", user);
    if (d->generated)
        fprintf(out, "  password      %.*s\n\nThis is the only time that the password is shown.\n",
                SLICE_ARG(buf_slice(&d->password)));
    else
        fputs("  password      the new one\n", out);
    if (d->key_file)
        fprintf(
            out,
            "\nThe gateway holds this password, so that the device can log in by APOP, CRAM-MD5 "
            "or SCRAM: whoever\nreads the state directory and %s reads the password, and with "
            "it what it opens.\n",
            d->key_file);
}
