/*
 * See tls_sessions.h. Sessions go in and out as copies, since OpenSSL writes to a session while a
 * connection uses it, and connections of several threads may be offered the same one.
 */
#include "proxy/net/tls_sessions.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SESSIONS = 64,
    /* So long at most goes by until a server's certificate is looked at again. */
    SESSION_SECONDS = 2 * 60 * 60,
};

struct entry {
    char *name;
    SSL_SESSION *session;
};

struct tls_sessions {
    pthread_mutex_t lock;
    unsigned next; /* the oldest entry once all are used */
    struct entry entries[SESSIONS];
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *t = calloc(1, sizeof *t);

    if (t)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

void tls_sessions_free(struct tls_sessions *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < SESSIONS; i++) {
        free(t->entries[i].name);
        SSL_SESSION_free(t->entries[i].session);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static struct entry *find(struct tls_sessions *t, const char *name)
{
    for (size_t i = 0; i < SESSIONS; i++)
        if (t->entries[i].name && strcmp(t->entries[i].name, name) == 0)
            return &t->entries[i];
    return NULL;
}

/* An entry of that name, taken from the oldest one when it is new; NULL when memory is out. */
static struct entry *place(struct tls_sessions *t, const char *name)
{
    struct entry *e = find(t, name);

    if (e)
        return e;
    char *copy = strdup(name);
    if (!copy)
        return NULL;
    e = &t->entries[t->next];
    t->next = (t->next + 1) % SESSIONS;
    free(e->name);
    e->name = copy;
    return e;
}

void tls_sessions_put(struct tls_sessions *t, const char *name, const SSL_SESSION *session)
{
    SSL_SESSION *copy = SSL_SESSION_is_resumable(session) ? SSL_SESSION_dup(session) : NULL;

    if (!copy)
        return;
    pthread_mutex_lock(&t->lock);
    struct entry *e = place(t, name);
    SSL_SESSION *old = e ? e->session : copy;
    if (e)
        e->session = copy;
    pthread_mutex_unlock(&t->lock);
    SSL_SESSION_free(old);
}

static bool is_fresh(const SSL_SESSION *session)
{
    time_t age = time(NULL) - (time_t)SSL_SESSION_get_time(session);

    return age >= 0 && age < SESSION_SECONDS;
}

void tls_sessions_offer(struct tls_sessions *t, const char *name, SSL *ssl)
{
    pthread_mutex_lock(&t->lock);
    struct entry *e = find(t, name);
    SSL_SESSION *copy =
        e && e->session && is_fresh(e->session) ? SSL_SESSION_dup(e->session) : NULL;
    pthread_mutex_unlock(&t->lock);
    if (copy)
        SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
}
