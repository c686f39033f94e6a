#include "proxy/passwd_command.h"

#include <stdlib.h>
#include <time.h>

#include "proxy/device_setup.h"
#include "proxy/process.h"
#include "proxy/revocation.h"
#include "proxy/store/state_dir.h"
#include "proxy/terminal.h"
#include "proxy/user_route.h"

static int fail(const struct failure *why)
{
    fprintf(stderr, "mailferry: %s\n", why->text);
    return EXIT_FAILURE;
}

/* ---- the list ---------------------------------------------------------------------------- */

static void print_time(json_int_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm utc;
    char text[32] = "-";

    if (gmtime_r(&when, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("%-20s  ", text);
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void print_limits(const json_t *limits, bool held)
{
    const char *folder = json_string_value(json_object_get(limits, "folder"));
    bool pop3 = flag(limits, "pop3"), imap = flag(limits, "imap");

    printf("%s", pop3 && imap ? "POP3, IMAP" : pop3 ? "POP3 only" : "IMAP only");
    if (flag(limits, "read_only"))
        printf(", read-only");
    if (flag(limits, "never_delete"))
        printf(", never deletes");
    if (folder)
        printf(", folder %s", folder);
    if (held)
        printf(", password held");
    putchar('\n');
}

static void print_devices(const json_t *devices)
{
    const json_t *device;
    size_t i;

    printf("%-20s  %-20s  %s\n", "DEVICE", "CREATED", "MAY");
    json_array_foreach(devices, i, device)
    {
        printf("%-20s  ", json_string_value(json_object_get(device, "name")));
        print_time(json_integer_value(json_object_get(device, "created")));
        print_limits(json_object_get(device, "limits"), flag(device, "held"));
    }
}

static int list(const struct cli_options *o, const char *state_dir, const char *user)
{
    struct failure why;
    json_t *devices = vault_devices(state_dir, slice_of(user), &why);

    if (!devices)
        return fail(&why);
    if (o->json) {
        json_dumpf(devices, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_devices(devices);
    }
    json_decref(devices);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- one more, one less ------------------------------------------------------------------ */

static int revoke(const struct cli_options *o, const char *state_dir, const char *user,
                  const struct config *c, const struct user_route *route)
{
    struct failure why;

    if (!state_dir_make(state_dir, &why) ||
        (o->last && !revocation_run(c, route, state_dir, user, o->revoke, stdout, &why)) ||
        !vault_revoke(state_dir, slice_of(user), o->revoke, o->last, &why))
        return fail(&why);
    printf("The device \"%s\" of %s is let in no more, and what it has open ends within seconds.\n",
           o->revoke, user);
    return EXIT_SUCCESS;
}

/* Any device's password opens the vault. */
static bool open_vault(const char *state_dir, const char *user, struct vault_key *key,
                       struct failure *why)
{
    struct buf password = {.secret = true};
    struct device_limits limits = {.pop3 = false};
    struct vault_entered entered;
    json_t *secret = NULL;

    bool opened = terminal_ask_secret(&password, "Password of a device that has one already",
                                      "the password of a device that has one already", why) &&
                  vault_open(state_dir, slice_of(user), buf_slice(&password), key, &secret, &limits,
                             &entered, why);
    buf_wipe(&password);
    device_limits_clear(&limits);
    json_decref(secret);
    return opened;
}

static bool add_device(const struct cli_options *o, const char *state_dir, const char *user,
                       const struct config *c, struct device_setup *d, struct failure *why)
{
    struct vault_key key = {{0}};
    bool added = open_vault(state_dir, user, &key, why) &&
                 device_setup_make(d, o, state_dir, c ? c->held_key : NULL, why);

    if (added) {
        struct vault_device device = device_setup_device(d);
        added = vault_add(state_dir, slice_of(user), &key, &device, why);
    }
    vault_key_wipe(&key);
    return added;
}

static int add(const struct cli_options *o, const char *state_dir, const char *user,
               const struct config *c)
{
    struct device_setup d = {.name = NULL};
    struct failure why;
    int status = EXIT_SUCCESS;

    if (!vault_exists(state_dir, slice_of(user))) {
        failure_set(&why, FAILURE_PERMANENT,
                    "%s has no device yet: run \"mailferry authorize\" for this user", user);
        return fail(&why);
    }
    if (state_dir_make(state_dir, &why) && add_device(o, state_dir, user, c, &d, &why))
        device_setup_print(&d, c, user, stdout);
    else
        status = fail(&why);
    device_setup_clear(&d);
    return status;
}

int passwd_run(const struct cli_options *o, const char *state_dir, const struct config *c)
{
    struct user_route route = {.route = NULL};
    const char *user = o->arguments[0];
    struct failure why;
    int status;

    process_prepare();
    if (c && !user_route_find(&route, c, user, &why)) {
        user_route_clear(&route);
        return fail(&why);
    }
    user = c ? route.user : user;
    if (o->list)
        status = list(o, state_dir, user);
    else if (o->revoke)
        status = revoke(o, state_dir, user, c, &route);
    else
        status = add(o, state_dir, user, c);
    user_route_clear(&route);
    return status;
}
