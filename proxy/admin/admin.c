#include "proxy/admin/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ADMIN_BACKLOG = 16 };

struct admin {
    uv_pipe_t pipe;
    struct health *health;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* One who asked; lives until the answer is out. */
struct admin_visit {
    uv_pipe_t pipe;
    uv_write_t write;
    char *answer;
};

bool admin_path(const char *state_dir, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s/admin.sock", state_dir);

    return n > 0 && (size_t)n < cap && (size_t)n < sizeof((struct sockaddr_un *)0)->sun_path;
}

static void on_visit_closed(uv_handle_t *handle)
{
    struct admin_visit *v = handle->data;

    free(v->answer);
    free(v);
}

static void on_answered(uv_write_t *write, int status)
{
    (void)status; /* whoever asked and left needs no answer */
    struct admin_visit *v = write->data;
    uv_close((uv_handle_t *)&v->pipe, on_visit_closed);
}

/* The line to send, owned; NULL when memory is out. */
static char *admin_answer(struct health *h)
{
    json_t *json = health_to_json(h);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    char *line = NULL;

    json_decref(json);
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    return line;
}

static void admin_visit(uv_stream_t *server, struct admin_visit *v)
{
    struct admin *a = server->data;

    v->answer = admin_answer(a->health);
    v->write.data = v;
    bool accepted = uv_accept(server, (uv_stream_t *)&v->pipe) == 0;
    uv_buf_t octets = uv_buf_init(v->answer, v->answer ? (unsigned)strlen(v->answer) : 0);
    if (!accepted || !v->answer ||
        uv_write(&v->write, (uv_stream_t *)&v->pipe, &octets, 1, on_answered) < 0)
        uv_close((uv_handle_t *)&v->pipe, on_visit_closed);
}

static void on_visitor(uv_stream_t *server, int status)
{
    struct admin_visit *v = status == 0 ? calloc(1, sizeof *v) : NULL;

    if (!v)
        return;
    uv_pipe_init(server->loop, &v->pipe, 0);
    v->pipe.data = v;
    admin_visit(server, v);
}

static void on_admin_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Nobody else may connect at any moment: the mask is set before the socket appears. */
static int admin_bind(struct admin *a)
{
    if (unlink(a->path) < 0 && errno != ENOENT)
        return uv_translate_sys_error(errno);
    mode_t mask = umask(0177);
    int rc = uv_pipe_bind(&a->pipe, a->path);
    umask(mask);
    return rc < 0 ? rc : uv_listen((uv_stream_t *)&a->pipe, ADMIN_BACKLOG, on_visitor);
}

struct admin *admin_start(uv_loop_t *loop, const char *state_dir, struct health *h,
                          struct failure *why)
{
    struct admin *a = calloc(1, sizeof *a);

    if (!a) {
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
        return NULL;
    }
    if (!admin_path(state_dir, a->path, sizeof a->path)) {
        failure_set(why, FAILURE_PERMANENT,
                    "the path of the state directory is too long for a unix socket in it");
        free(a);
        return NULL;
    }
    uv_pipe_init(loop, &a->pipe, 0);
    a->pipe.data = a;
    a->health = h;
    int rc = admin_bind(a);
    if (rc == 0)
        return a;
    failure_set(why, FAILURE_PERMANENT, "%s: %s", a->path, uv_strerror(rc));
    uv_close((uv_handle_t *)&a->pipe, on_admin_closed);
    return NULL;
}

void admin_stop(struct admin *a)
{
    if (a) /* libuv removes the socket's file with it */
        uv_close((uv_handle_t *)&a->pipe, on_admin_closed);
}
