/*
 * What the streams of one event loop share: the buffers that octets are read into, a queue of what
 * is to be done on the next turn, and one timer for all deadlines. So an idle stream costs neither
 * a buffer nor a handle for each of these.
 *
 * It is made with the first user on a loop and goes with the last, and hangs on uv_loop_t.data,
 * which therefore belongs to this file. All of it is used on the loop's thread only.
 */
#ifndef PROXY_NET_LOOP_H
#define PROXY_NET_LOOP_H

#include <uv.h>

enum {
    LOOP_RAW_SIZE = 65536,   /* one read from a socket */
    LOOP_PLAIN_SIZE = 16384, /* what one TLS record holds at most (RFC 8446 section 5.1) */
    LOOP_DATA_SIZE = 65536,  /* one step of inflate */
};

/* Something to be done later; embedded in whoever waits. All zero but `run` to begin with. */
struct loop_task {
    struct loop_task *next;
    struct loop_task *prev;
    void (*run)(struct loop_task *task);
    uint64_t due; /* loop time in ms; for loop_at() only */
};

/* The buffers hold octets only while one stream is being served: whoever lets others run copies out
 * what it still needs. */
struct loop {
    uv_loop_t *uv;
    uv_idle_t idle;
    uv_timer_t timer;
    unsigned users;
    unsigned handles; /* not yet closed */
    struct loop_task soon;
    struct loop_task timed;
    char raw[LOOP_RAW_SIZE];
    char plain[LOOP_PLAIN_SIZE];
    char data[LOOP_DATA_SIZE];
};

/* NULL when memory is out. Each loop_acquire() needs its loop_release(). */
struct loop *loop_acquire(uv_loop_t *uv);
void loop_release(struct loop *l);

/* Runs the task once, on the next turn. Nothing changes when it is queued already. */
void loop_soon(struct loop *l, struct loop_task *task);

/* Runs the task once, when `ms` milliseconds have passed, give or take half a second. Called again
 * it sets a new time. */
void loop_at(struct loop *l, struct loop_task *task, uint64_t ms);

/* The task is not run any more. */
void loop_forget(struct loop_task *task);

#endif
