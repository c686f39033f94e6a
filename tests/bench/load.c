/*
 * A load generator: load SCRIPT PORT USER PASSWORD [OPTION=NUMBER ...]
 *
 *   SCRIPT      list, retr, poll or hold by POP3, scan or search by IMAP: see load_session.h
 *   sessions=N  so many at once (1)
 *   window=N    of these, so many are begun before one is at the end of its script (all)
 *   rounds=N    so many one after the other, each (1)
 *   messages=N  to be read by retr (0)
 *   repeats=N   UIDL and LIST so many times in a session of list, or the command of scan and
 *               search (1)
 *   pipeline=N  so many RETRs under way in a session, at most 64 (1)
 *   users=1     the names are USER0, USER1, ...: one for each session
 *   tls=1       TLS from the first octet: see load_tls.h
 *
 * Prints one line of JSON: how long it took from the first connect() to the end of the last
 * session; of the session that ended last, what lay between the answer to STAT and QUIT. With hold
 * it prints it when all sessions are logged in, and keeps them until its standard input ends; for
 * each line that it reads there every session says NOOP, and it prints how long that took. Any
 * refusal ends it with status 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/load_session.h"

struct load {
    struct load_plan plan;
    unsigned sessions, rounds, window;
    unsigned begun; /* sessions that have been, so far */
    struct load_session *all;
    unsigned *left; /* rounds still to be done, of each session */
    unsigned done;  /* sessions that have none left */
    unsigned ended;
    uint64_t octets, script, first_octet; /* the latter two of the session that ended last */
    int epoll;
};

static bool load_script_by_name(const char *name, enum load_script *script)
{
    static const char *const names[] = {"list", "retr", "poll", "hold", "scan", "search"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *script = (enum load_script)i;
            return true;
        }
    return false;
}

static bool load_option(struct load *l, const char *option)
{
    unsigned number;

    if (sscanf(option, "sessions=%u", &number) == 1)
        l->sessions = number;
    else if (sscanf(option, "window=%u", &number) == 1)
        l->window = number;
    else if (sscanf(option, "rounds=%u", &number) == 1)
        l->rounds = number;
    else if (sscanf(option, "messages=%u", &number) == 1)
        l->plan.messages = number;
    else if (sscanf(option, "repeats=%u", &number) == 1)
        l->plan.repeats = number;
    else if (sscanf(option, "pipeline=%u", &number) == 1)
        l->plan.pipeline = number < LOAD_PIPELINE_MAX ? number : LOAD_PIPELINE_MAX;
    else if (sscanf(option, "users=%u", &number) == 1)
        l->plan.numbered = number != 0;
    else
        return strcmp(option, "tls=1") == 0 && (l->plan.tls = load_tls_client_new()) != NULL;
    return true;
}

static bool load_options(struct load *l, int argc, char **argv)
{
    if (argc < 5 || !load_script_by_name(argv[1], &l->plan.script))
        return false;
    l->plan.port = (uint16_t)strtoul(argv[2], NULL, 10);
    l->plan.user = argv[3];
    l->plan.password = argv[4];
    for (int i = 5; i < argc; i++)
        if (!load_option(l, argv[i]))
            return false;
    if (l->window == 0)
        l->window = l->sessions;
    return l->sessions > 0 && l->rounds > 0;
}

static bool load_watch(struct load *l, struct load_session *s, int operation, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = s};

    return epoll_ctl(l->epoll, operation, s->fd, &ev) == 0;
}

static bool load_begin(struct load *l, unsigned number)
{
    struct load_session *s = &l->all[number];

    if (load_session_open(s, &l->plan, number)) {
        s->writes = buf_size(&s->out) > 0;
        if (load_watch(l, s, EPOLL_CTL_ADD, s->writes ? EPOLLOUT : EPOLLIN))
            return true;
    }
    fprintf(stderr, "load: connecting: %s\n", strerror(errno));
    return false;
}

static bool load_end(struct load *l, struct load_session *s)
{
    unsigned number = s->number;

    l->ended++;
    l->octets += s->octets;
    l->first_octet = s->first_octet;
    l->script = s->script_took;
    if (l->plan.script != LOAD_HOLD)
        load_session_close(s);
    if (--l->left[number])
        return load_begin(l, number);
    l->done++;
    return l->begun == l->sessions || load_begin(l, l->begun++);
}

static bool load_wait(struct load *l, struct load_session *s, bool writes)
{
    bool changed = writes != s->writes;

    s->writes = writes;
    return !changed || load_watch(l, s, EPOLL_CTL_MOD, writes ? EPOLLOUT : EPOLLIN);
}

static bool load_turn(struct load *l, struct load_session *s)
{
    switch (load_session_run(s)) {
    case LOAD_READ:
        return load_wait(l, s, false);
    case LOAD_WRITE:
        return load_wait(l, s, true);
    case LOAD_DONE:
        return load_end(l, s);
    case LOAD_FAILED:
        break;
    }
    return false;
}

/* Until all sessions are at the end of their scripts. */
static bool load_turns(struct load *l)
{
    struct epoll_event events[64];

    while (l->done < l->sessions) {
        int n = epoll_wait(l->epoll, events, 64, 120000);
        if (n == 0)
            fprintf(stderr, "load: nothing came for 120 s\n");
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        for (int i = 0; i < n; i++)
            if (!load_turn(l, events[i].data.ptr))
                return false;
    }
    return true;
}

static bool load_run(struct load *l)
{
    while (l->begun < l->window && l->begun < l->sessions)
        if (!load_begin(l, l->begun++))
            return false;
    return load_turns(l);
}

/* Each session that is held says a command. */
static bool load_wake(struct load *l)
{
    l->done = l->ended = 0;
    for (unsigned i = 0; i < l->sessions; i++) {
        l->left[i] = 1;
        if (!load_session_wake(&l->all[i]))
            return false;
    }
    return load_turns(l);
}

static bool load_prepare(struct load *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->all = calloc(l->sessions, sizeof *l->all);
    l->left = calloc(l->sessions, sizeof *l->left);
    for (unsigned i = 0; l->left && i < l->sessions; i++)
        l->left[i] = l->rounds;
    return l->epoll >= 0 && l->all && l->left;
}

static void load_report(const struct load *l, uint64_t took)
{
    printf("{\"seconds\": %.9f, \"sessions\": %u, \"octets\": %llu, \"script_seconds\": %.9f, "
           "\"first_octet_seconds\": %.9f}\n",
           (double)took / 1e9, l->ended, (unsigned long long)l->octets, (double)l->script / 1e9,
           (double)l->first_octet / 1e9);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct load l = {.plan.repeats = 1, .sessions = 1, .rounds = 1};

    if (!load_options(&l, argc, argv)) {
        fprintf(stderr,
                "usage: load list|retr|poll|hold|scan|search PORT USER PASSWORD [sessions=N] "
                "[window=N] [rounds=N] [messages=N] [repeats=N] [pipeline=N] [users=1] [tls=1]\n");
        return 2;
    }
    if (!load_prepare(&l)) {
        perror("load");
        free(l.all);
        free(l.left);
        return 1;
    }
    uint64_t began = load_now();
    if (!load_run(&l))
        return 1;
    load_report(&l, load_now() - began);
    for (int c; l.plan.script == LOAD_HOLD && (c = getchar()) != EOF;) {
        if (c != '\n')
            continue;
        began = load_now();
        if (!load_wake(&l))
            return 1;
        load_report(&l, load_now() - began);
    }
    return 0;
}
