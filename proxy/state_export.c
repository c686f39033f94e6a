/*
 * An account's state as one document, and beside it, in a directory, the messages that are nowhere
 * else. The document:
 *
 *     {"format":"mailferry-state","version":1,"account":"imap:ann@pop.example.org:995",
 *      "kind":"mailbox","state":{...},
 *      "bodies":[{"key":"m-1","octets":310,"sha256":"..."}]}
 *
 * "state" is what a snapshot is, but for its generation; "bodies" is there when they were exported.
 */
#include "proxy/state_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/state_parts.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/body_file.h"
#include "proxy/store/disk.h"

struct export
{
    struct state_view view;
    int from; /* the account's bodies; -1: it has none */
    int to;   /* where they go; -1: they are not wanted */
    const char *path;
    json_t *bodies;
    uint64_t left; /* bodies that are not exported */
};

static bool copy_body(struct export *e, const char *key, struct failure *why)
{
    struct body_file is;

    if (!bodies_key_is_valid(key)) {
        failure_set(why, FAILURE_PERMANENT, "%.40s is no key of a body; see mailferry state verify",
                    key);
        return false;
    }
    if (e->from < 0)
        errno = ENOENT;
    if (e->from < 0 || !body_file_copy(e->from, key, e->to, key, &is)) {
        failure_set(why, FAILURE_TEMPORARY,
                    "cannot copy bodies/%s to %s: %s; see mailferry state verify", key, e->path,
                    strerror(errno));
        return false;
    }
    json_t *entry = json_pack("{s:s, s:I, s:s}", "key", key, "octets", (json_int_t)is.octets,
                              "sha256", is.sha256);
    if (json_array_append_new(e->bodies, entry) == 0)
        return true;
    failure_set(why, FAILURE_TEMPORARY, "out of memory");
    return false;
}

static bool copy_bodies(struct export *e, struct failure *why)
{
    const struct box_state *s = state_view_box(&e->view);

    for (size_t i = 0; s && i < s->content_count; i++) {
        const char *key = s->contents[i].key;
        if (!key)
            continue;
        if (e->to < 0)
            e->left++;
        else if (!copy_body(e, key, why))
            return false;
    }
    return e->to < 0 || fsync(e->to) == 0;
}

static json_t *document(const struct export *e)
{
    const struct state_account *a = e->view.account;
    json_t *state = a->kind->to_json(e->view.state);
    json_t *json =
        json_pack("{s:s, s:i, s:s, s:o}", "format", STATE_EXPORT_FORMAT, "version",
                  STATE_EXPORT_VERSION, "kind", state_kind_word(a->kind), "state", state);

    if (json && state_put_text(json, "account", a->key) &&
        (e->to < 0 || json_object_set(json, "bodies", e->bodies) == 0))
        return json;
    json_decref(json);
    return NULL;
}

/* A file of the owner's alone, whole under its name or not at all; NULL: standard output. */
static bool write_document(const json_t *json, const char *output)
{
    char *temporary = NULL;

    if (!output)
        return json_dumpf(json, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF &&
               fflush(stdout) == 0;
    if (asprintf(&temporary, "%s.tmp", output) < 0)
        return false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool written = fd >= 0 && fchmod(fd, 0600) == 0 && json_dumpfd(json, fd, JSON_COMPACT) == 0 &&
                   disk_write(fd, slice_of("\n")) && fsync(fd) == 0 &&
                   rename(temporary, output) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !written)
        (void)unlink(temporary);
    free(temporary);
    errno = error;
    return written;
}

/* A copy that would not be named. */
static void drop_copies(const struct export *e)
{
    for (size_t i = 0; i < json_array_size(e->bodies); i++) {
        const json_t *body = json_array_get(e->bodies, i);
        (void)unlinkat(e->to, json_string_value(json_object_get(body, "key")), 0);
    }
    json_array_clear(e->bodies);
}

static int write_out(const struct export *e, const char *output)
{
    struct failure why;
    json_t *json = document(e);

    if (!json)
        return state_fail("out of memory");
    bool written = write_document(json, output);
    json_decref(json);
    if (!written) {
        disk_failure(&why, errno, "write", output ? output : "to standard output");
        return state_fail("%s", why.text);
    }
    if (e->left)
        fprintf(stderr,
                "mailferry: note: %llu messages are kept whole in this account, and their octets "
                "are not exported: --bodies DIR does that\n",
                (unsigned long long)e->left);
    return EXIT_SUCCESS;
}

/* A directory of bodies is made, or has to be empty of the same names. */
static int open_bodies(const char *path, struct failure *why)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        disk_failure(why, errno, "make", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        disk_failure(why, errno, "open", path);
    return fd;
}

/* False, with nothing left behind, when a message went while it was to be copied. */
static bool export_once(struct export *e, const struct state_request *request, int *status)
{
    struct failure why = {.kind = FAILURE_NONE};
    bool copied;

    e->from = disk_open_dir(e->view.dir.fd, "bodies");
    e->left = 0;
    copied = copy_bodies(e, &why);
    if (e->from >= 0)
        close(e->from);
    if (copied) {
        *status = write_out(e, request->output);
        return true;
    }
    drop_copies(e);
    *status = EXIT_FAILURE;
    if (!state_view_is_current(&e->view))
        return false;
    state_fail("%s", why.kind != FAILURE_NONE ? why.text : strerror(errno));
    return true;
}

static int export_tries(struct export *e, const struct state_request *request,
                        const struct state_dir *dir, const struct state_account *account)
{
    enum { TRIES = 5 };
    int status = EXIT_FAILURE;
    bool settled = false;

    for (int i = 0; i < TRIES && !settled; i++) {
        struct failure why = {.kind = FAILURE_NONE};
        if (!state_view_open(&e->view, dir, account, &why))
            return state_fail("%s", why.text);
        if (e->view.state) {
            settled = export_once(e, request, &status);
        } else {
            settled = true;
            state_fail("%s: %s", account->key, why.text);
        }
        state_view_close(&e->view);
    }
    return settled ? status : state_fail("%s changes all the time; try again later", account->key);
}

int state_export(const struct state_request *request, const struct state_dir *dir,
                 const struct state_account *account)
{
    struct export e = {.to = -1, .path = request->bodies, .bodies = json_array()};
    struct failure why;
    int status;

    if (request->bodies && (e.to = open_bodies(request->bodies, &why)) < 0)
        status = state_fail("%s", why.text);
    else
        status = export_tries(&e, request, dir, account);
    json_decref(e.bodies);
    if (e.to >= 0)
        close(e.to);
    return status;
}
