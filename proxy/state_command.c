/*
 * Which command, on which account. The commands that only read are here or in files of their own;
 * none of them waits, locks or writes in the state directory.
 */
#include "proxy/state_command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/cli.h"
#include "proxy/config_fault.h"
#include "proxy/state_parts.h"
#include "proxy/store/account_journal.h"

int state_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("mailferry: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_FAILURE;
}

static int told(void)
{
    return fflush(stdout) == 0 && !ferror(stdout)
               ? EXIT_SUCCESS
               : state_fail("cannot write to standard output: %s", strerror(errno));
}

static int tell_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    return told();
}

/* ---- list ---- */

/* When the state was last written, and how long its files are. */
static void look_at(const struct account_dir *d, uint64_t *octets, int64_t *changed)
{
    const char *names[] = {d->snapshot_name, d->journal_name};
    struct stat st;

    *octets = 0;
    *changed = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (d->fd >= 0 && fstatat(d->fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0) {
            *octets += (uint64_t)st.st_size;
            *changed = st.st_mtime > *changed ? st.st_mtime : *changed;
        }
}

static json_t *list_row(const struct state_dir *dir, const struct state_account *a)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = json_object();
    struct account_dir d;
    uint64_t octets = 0;
    int64_t changed = 0;

    if (account_dir_open(&d, a->kind, dir, a->name, false, &why)) {
        look_at(&d, &octets, &changed);
        account_dir_close(&d);
    }
    if (json && state_put_text(json, "account", a->key) &&
        state_put(json, "kind", json_string(state_kind_word(a->kind))) &&
        state_put_number(json, "octets", octets) && state_put_time(json, "changed", changed))
        return json;
    json_decref(json);
    return NULL;
}

static void print_row(const json_t *row)
{
    const char *changed = json_string_value(json_object_get(row, "changed"));

    printf("%-8s  %12" JSON_INTEGER_FORMAT "  %-20s  %s\n",
           json_string_value(json_object_get(row, "kind")),
           json_integer_value(json_object_get(row, "octets")), changed ? changed : "-",
           json_string_value(json_object_get(row, "account")));
}

int state_list(const struct state_request *request, const struct state_dir *dir)
{
    struct state_accounts all;
    struct failure why;
    json_t *rows = json_array();

    if (!state_accounts_read(&all, dir, &why)) {
        json_decref(rows);
        return state_fail("%s", why.text);
    }
    if (!request->json)
        printf("%-8s  %12s  %-20s  %s\n", "KIND", "OCTETS", "CHANGED", "ACCOUNT");
    for (size_t i = 0; i < all.count; i++) {
        json_t *row = list_row(dir, &all.list[i]);
        if (row && !request->json)
            print_row(row);
        if (!request->json)
            json_decref(row);
        else
            json_array_append_new(rows, row);
    }
    state_accounts_clear(&all);
    int status = request->json ? tell_json(rows) : told();
    json_decref(rows);
    return status;
}

/* ---- show ---- */

static int show(const struct state_request *request, const struct state_view *view)
{
    const char *folder = request->count > 2 ? request->rest[2] : NULL;
    json_t *facts = state_facts(view, request->messages || folder, folder);
    int status;

    if (!facts)
        return state_fail("out of memory");
    if (folder && json_array_size(json_object_get(facts, "folders")) == 0) {
        status = state_fail("%s has no folder %s", view->account->key, folder);
    } else if (request->json) {
        status = tell_json(facts);
    } else {
        state_print(facts, stdout);
        status = told();
    }
    json_decref(facts);
    return status;
}

int state_show(const struct state_request *request, const struct state_dir *dir,
               const struct state_account *account)
{
    struct state_view view;
    struct failure why;

    if (!state_view_open(&view, dir, account, &why))
        return state_fail("%s", why.text);
    int status = view.state ? show(request, &view)
                            : state_fail("%s: %s (mailferry state verify tells more)", account->key,
                                         why.text);
    state_view_close(&view);
    return status;
}

/* ---- compact ---- */

static int compact(struct account_dir *d, const struct state_account *account)
{
    struct failure why = {.kind = FAILURE_NONE};

    if (!d->journal && !d->journal_ahead) {
        printf("%s: there is nothing to fold\n", account->key);
        return EXIT_SUCCESS;
    }
    if (!account_journal_fold(d, &why) || !account_dir_sync(d, &why))
        return state_fail("%s: %s", account->key, why.text);
    printf("%s: folded into %s\n", account->key, d->snapshot_name);
    return EXIT_SUCCESS;
}

int state_compact(const struct state_dir *dir, const struct state_account *account)
{
    struct account_dir d;
    struct failure why;

    if (!account_dir_open(&d, account->kind, dir, account->name, false, &why))
        return state_fail("%s", why.text);
    int status = compact(&d, account);
    account_dir_close(&d);
    return status;
}

/* ---- which account ---- */

static int refuse_unknown(const struct state_accounts *all, const char *user)
{
    const char **keys = calloc(all->count + 1, sizeof *keys);

    for (size_t i = 0; keys && i < all->count; i++)
        keys[i] = all->list[i].key;
    const char *nearest = keys ? config_nearest(user, keys) : NULL;
    if (nearest)
        state_fail("nothing is kept of %s (did you mean %s?)", user, nearest);
    else
        state_fail("nothing is kept of %s: mailferry state list tells of whom", user);
    free(keys);
    return EXIT_FAILURE;
}

static int refuse_ambiguous(const struct state_accounts *found, const char *user)
{
    state_fail("%s has %zu accounts; say which:", user, found->count);
    for (size_t i = 0; i < found->count; i++)
        fprintf(stderr, "  %-8s  %s\n", state_kind_word(found->list[i].kind), found->list[i].key);
    return EXIT_FAILURE;
}

/* ---- dispatch ---- */

typedef int (*state_run)(const struct state_request *request, const struct state_dir *dir,
                         const struct state_account *account);

static int run_compact(const struct state_request *request, const struct state_dir *dir,
                       const struct state_account *account)
{
    (void)request;
    return state_compact(dir, account);
}

enum { JSON = 1 << 0, MESSAGES = 1 << 1, BODIES = 1 << 2, OUTPUT = 1 << 3, REPLACE = 1 << 4 };

static const struct state_verb {
    const char *name;
    state_run run; /* on one account; NULL: it finds its accounts by itself */
    int least;     /* arguments, with the verb */
    int most;
    bool lock;
    unsigned options; /* that it takes */
    const char *usage;
} verbs[] = {
    {"list", NULL, 1, 1, false, JSON, "list [--json]"},
    {"show", state_show, 2, 3, false, JSON | MESSAGES, "show USER [FOLDER] [--messages] [--json]"},
    {"verify", state_verify, 1, 2, false, JSON, "verify [USER] [--json]"},
    {"export", state_export, 2, 2, false, BODIES | OUTPUT,
     "export USER [--output FILE] [--bodies DIR]"},
    {"import", NULL, 3, 3, true, BODIES | REPLACE, "import USER FILE [--bodies DIR] [--replace]"},
    {"compact", run_compact, 2, 2, true, 0, "compact USER"},
};

static unsigned options_of(const struct state_request *r)
{
    return (r->json ? JSON : 0u) | (r->messages ? MESSAGES : 0u) | (r->bodies ? BODIES : 0u) |
           (r->output ? OUTPUT : 0u) | (r->replace ? REPLACE : 0u);
}

static bool verb_takes(const struct state_verb *verb, const struct state_request *request)
{
    return request->count >= verb->least && request->count <= verb->most &&
           (options_of(request) & ~verb->options) == 0;
}

enum { VERBS = sizeof verbs / sizeof *verbs };

static const struct state_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int run_found(const struct state_verb *verb, const struct state_request *request,
                     const struct state_dir *dir, const struct state_accounts *all)
{
    const char *user = request->rest[1];
    struct state_accounts found;
    int status;

    if (!state_accounts_find(all, user, request->c, &found))
        status = state_fail("out of memory");
    else if (found.count == 0)
        status = refuse_unknown(all, user);
    else if (found.count > 1)
        status = refuse_ambiguous(&found, user);
    else
        status = verb->run(request, dir, &found.list[0]);
    state_accounts_clear(&found);
    return status;
}

static int run_all(const struct state_verb *verb, const struct state_request *request,
                   const struct state_dir *dir, const struct state_accounts *all)
{
    int status = EXIT_SUCCESS;

    for (size_t i = 0; i < all->count; i++)
        if (verb->run(request, dir, &all->list[i]) != EXIT_SUCCESS)
            status = EXIT_FAILURE;
    return status;
}

static int run_on(const struct state_verb *verb, const struct state_request *request,
                  const struct state_dir *dir)
{
    struct state_accounts all;
    struct failure why;

    if (!verb->run)
        return state_list(request, dir);
    if (!state_accounts_read(&all, dir, &why))
        return state_fail("%s", why.text);
    int status = request->count > 1 ? run_found(verb, request, dir, &all)
                                    : run_all(verb, request, dir, &all);
    state_accounts_clear(&all);
    return status;
}

/* A directory that is not there is not made by a look at it, nor by a wrong name. */
static int run(const struct state_verb *verb, const struct state_request *request)
{
    struct state_dir dir;
    struct failure why;

    if (!state_dir_look(&dir, request->dir, &why))
        return state_fail("%s", why.text);
    if (verb->lock) {
        state_dir_close(&dir);
        if (!state_dir_open(&dir, request->dir, &why))
            return state_fail("%s", why.text);
    }
    int status = run_on(verb, request, &dir);
    state_dir_close(&dir);
    return status;
}

int state_command_run(const struct state_request *request)
{
    const struct state_verb *verb = request->count ? verb_find(request->rest[0]) : NULL;
    const char *names[VERBS + 1] = {NULL};

    for (size_t i = 0; i < VERBS; i++)
        names[i] = verbs[i].name;
    const char *nearest = request->count ? config_nearest(request->rest[0], names) : NULL;
    if (!verb && nearest)
        cli_error("no command state %s (did you mean %s?)", request->rest[0], nearest);
    else if (!verb)
        cli_error("state needs one of list, show, verify, export, import and compact");
    else if (!verb_takes(verb, request))
        cli_error("usage: mailferry state %s", verb->usage);
    else
        return strcmp(verb->name, "import") == 0 ? state_import(request) : run(verb, request);
    return CLI_USAGE_ERROR;
}
