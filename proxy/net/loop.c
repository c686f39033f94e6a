/*
 * See loop.h. Tasks stand in circular lists, so that a task can leave its list without knowing
 * which one it is, also while that list is being walked.
 */
#include "proxy/net/loop.h"

#include <stdbool.h>
#include <stdlib.h>

enum { TICK_MS = 500 };

static void list_init(struct loop_task *head)
{
    head->next = head->prev = head;
}

static bool list_empty(const struct loop_task *head)
{
    return head->next == head;
}

static void list_append(struct loop_task *head, struct loop_task *task)
{
    task->prev = head->prev;
    task->next = head;
    head->prev->next = task;
    head->prev = task;
}

/* Moves all of `from` to the empty list `to`. */
static void list_take(struct loop_task *to, struct loop_task *from)
{
    list_init(to);
    if (list_empty(from))
        return;
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

void loop_forget(struct loop_task *task)
{
    if (!task->next)
        return;
    task->next->prev = task->prev;
    task->prev->next = task->next;
    task->next = task->prev = NULL;
}

/* A task queued by another one waits for the next turn: no two tasks can starve the sockets. */
static void run_soon(uv_idle_t *idle)
{
    struct loop *l = idle->data;
    struct loop_task now;

    list_take(&now, &l->soon);
    while (!list_empty(&now)) {
        struct loop_task *task = now.next;
        loop_forget(task);
        task->run(task);
    }
    if (list_empty(&l->soon))
        uv_idle_stop(idle);
}

static void run_timed(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    struct loop_task all;

    list_take(&all, &l->timed);
    while (!list_empty(&all)) {
        struct loop_task *task = all.next;
        loop_forget(task);
        if (task->due > uv_now(l->uv))
            list_append(&l->timed, task);
        else
            task->run(task);
    }
    if (list_empty(&l->timed))
        uv_timer_stop(timer);
}

void loop_soon(struct loop *l, struct loop_task *task)
{
    if (task->next)
        return;
    list_append(&l->soon, task);
    uv_idle_start(&l->idle, run_soon);
}

void loop_at(struct loop *l, struct loop_task *task, uint64_t ms)
{
    task->due = uv_now(l->uv) + ms;
    if (task->next)
        return;
    list_append(&l->timed, task);
    if (!uv_is_active((uv_handle_t *)&l->timer))
        uv_timer_start(&l->timer, run_timed, TICK_MS, TICK_MS);
}

struct loop *loop_acquire(uv_loop_t *uv)
{
    struct loop *l = uv->data;

    if (l) {
        l->users++;
        return l;
    }
    l = malloc(sizeof *l);
    if (!l)
        return NULL;
    l->uv = uv;
    l->users = 1;
    l->handles = 3;
    list_init(&l->soon);
    list_init(&l->timed);
    uv_idle_init(uv, &l->idle);
    uv_timer_init(uv, &l->timer);
    l->idle.data = l->timer.data = l;
    alarms_init(l);
    uv->data = l;
    return l;
}

static void handle_closed(uv_handle_t *handle)
{
    struct loop *l = handle->data;

    if (--l->handles == 0)
        free(l);
}

void loop_release(struct loop *l)
{
    if (--l->users)
        return;
    l->uv->data = NULL;
    uv_close((uv_handle_t *)&l->idle, handle_closed);
    uv_close((uv_handle_t *)&l->timer, handle_closed);
    uv_close((uv_handle_t *)&l->alarms.timer, handle_closed);
}
