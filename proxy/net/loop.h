/*
 * What the streams and sessions of one event loop share: the buffers that octets are read into, a
 * queue of what is to be done on the next turn, one timer for all deadlines that may come a little
 * late, and one for all that may not (alarms). So what is idle costs neither a buffer nor a handle
 * for each of these.
 *
 * It is made with the first user on a loop and goes with the last, and hangs on uv_loop_t.data,
 * which therefore belongs to this file. All of it is used on the loop's thread only.
 */
#ifndef PROXY_NET_LOOP_H
#define PROXY_NET_LOOP_H

#include <stdbool.h>
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

/*
 * Something that is to be done at a certain time: what a uv_timer_t is, at a third of its weight,
 * and with no end that has to be waited for. Embedded in whoever waits; alarm_init() to begin with.
 */
struct alarm {
    struct alarm *child, *next, *prev; /* private: the heap */
    void (*ring)(struct alarm *a);     /* for the owner to set */
    uint64_t due;                      /* loop time in ms; UINT64_MAX: it is not set */
    uint32_t round;                    /* private: in which it was set */
};

/* Private to alarm.c. */
struct alarms {
    uv_timer_t timer;
    struct loop_task again;
    struct alarm *first;
    uint32_t round; /* of those that ring together */
    bool ringing;
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
    struct alarms alarms;
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

/* alarm.c; nothing of it can fail. */
void alarms_init(struct loop *l); /* for loop.c */

void alarm_init(struct alarm *a, void (*ring)(struct alarm *a));

/* It rings once, when it is `due`, on a turn of the loop to come even if that is past; and not at
 * the time that was set before. UINT64_MAX: it does not ring. */
void alarm_set(struct loop *l, struct alarm *a, uint64_t due);

#endif
