/*
 * What the files of the gatekeeper share; nobody else includes it. Everything here happens on the
 * gatekeeper's thread, unless it says otherwise.
 *
 *     gatekeeper.c          the thread, messages to it and from it
 *     admission.c           one request: waiting, the vault, the answer
 *     admission_certified.c one by a client's certificate
 *     refusal.c             when a refusal is heard
 *     admission_renewal.c   one for the credential once more
 *     holding*.c            what a user's vault holds while somebody is logged in, and its renewal
 *     device_watch.c        devices that were let in and are revoked since
 *     held_watch.c          the key of the passwords that are held
 *     held_question.c       what a client has to know who will prove it
 */
#ifndef PROXY_AUTH_GATEKEEPER_PARTS_H
#define PROXY_AUTH_GATEKEEPER_PARTS_H

#include <stdatomic.h>

#include "proxy/auth/gatekeeper.h"
#include "proxy/auth/secret.h"
#include "proxy/net/http.h"
#include "proxy/store/file_stamp.h"

enum {
    HOLDING_BUCKETS = 4096,
    VAULTS_AT_ONCE = 2,    /* scrypt takes 32 MiB each */
    VAULTS_WAITING = 1000, /* beyond: refused for now */
    TURNED_AWAY_MS = 2000, /* until one who is turned away hears of it */
    LATE_COUNT = 16,       /* refusals upstream of which it is known how long they took */
    MARGIN_S = 60,         /* a token is renewed so long before it expires */
    URGENT_S = 10,      /* and so long before nobody is let in by it who has not waited for that */
    AGAIN_MS = 10000,   /* a renewal that failed is not tried again before */
    REFUSED_MS = 60000, /* nor is an upstream asked again that refused what is held */
};

/* Of a clock that only goes on. */
static inline uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

struct gatekeeper_message {
    struct gatekeeper_message *next;
    void (*run)(struct gatekeeper *g, struct gatekeeper_message *m);
};

struct holding;

/* See held_watch.c. */
struct held_watch {
    char *path;
    struct file_stamp seen; /* of the file, when it was read last */
    bool unread;            /* it could not be read then, which may pass */
    uv_timer_t timer;
    bool there; /* this and the next under the gatekeeper's lock */
    struct held_key key;
};

/* See device_watch.c. */
struct device_watch {
    uv_timer_t timer;
    uv_work_t work;
    struct grant *grants;   /* by devices, the latest first */
    struct grant *looking;  /* those that the look under way is for, held; NULL: none is */
    struct file_stamp seen; /* of the vaults' directory: this and the next are the look's */
    bool again;             /* whatever that says, all are looked at the next time */
    bool blind;             /* the directory could not be looked at */
    bool untold;            /* some are revoked, and the houses do not know */
};

struct gatekeeper {
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    char *state_dir;
    struct throttle *throttle;
    struct http *http;
    uv_mutex_t lock; /* of the next three, and the held key */
    struct gatekeeper_message *first, **last;
    bool stopping;
    struct held_watch held;
    struct device_watch devices;
    bool ending;       /* nothing is begun any more */
    size_t admissions; /* that are not answered */
    struct holding *holdings[HOLDING_BUCKETS];
    size_t holding_count;
    uv_timer_t forgetting;                     /* runs while some are kept that nobody wants */
    struct admission *turns;                   /* that wait for their turn */
    struct admission *waiting, **waiting_last; /* for a place at the vaults */
    size_t waiting_count, opening;
    uint64_t writes;              /* to vaults, of renewed tokens */
    uint64_t late_ms[LATE_COUNT]; /* how long the last refusals upstream took */
    size_t late_count;            /* of all that there were */
};

extern const char gatekeeper_ending[]; /* what is said when the process ends */

/* Something has ended: it may have been the last. */
void gatekeeper_look(struct gatekeeper *g);

/* Any thread: `run` is called on the gatekeeper's. */
void gatekeeper_send(struct gatekeeper *g, struct gatekeeper_message *m);

struct admission {
    struct gatekeeper_message in;
    struct house_message out;
    struct admission *next; /* in the queue at the vaults, or of those who wait for a token, or for
                               their turn */
    struct admission *prev; /* of the latter */
    struct gatekeeper *gatekeeper;
    struct session_house *house;
    struct settings *settings;
    const struct config_route *route; /* NULL: there is none for this login */
    char id[9];
    struct gate_address address;
    bool pop3, acting, proved, certified;
    struct buf login, upstream, password;
    const char *mechanism; /* of a question for what is held; NULL: an admission */
    struct buf named;      /* who the client says he is, of such a question */
    admission_done done;
    void *owner;
    bool cancelled;    /* the house's */
    bool refused_own;  /* the client's own password was, upstream: it is only to hear of it late */
    uint64_t tried_ms; /* then: when the upstream was asked */
    uv_timer_t timer;
    uv_work_t work;
    struct grant *grant; /* of a renewal, or made by this admission */
    uint64_t refused;
    /* What the vault gave. */
    struct vault_key key;
    json_t *secret;
    struct failure vault_why;
    uint64_t writes; /* the gatekeeper's, before the vault was read */
    struct admission_answer answer;
};

struct grant {
    atomic_uint references;
    struct gatekeeper *gatekeeper;
    struct holding *holding;
    char *upstream;            /* who he is there */
    struct credential gateway; /* of a route that is trusted, instead of what the vault has; else of
                                  nobody */
    struct vault_entered entered; /* without a name: by a certificate, and there is no vault */
    struct gatekeeper_message gone;
    struct session_house *house; /* of all, the one that asked */
    atomic_bool revoked;         /* its device is; never taken back */
    struct grant *prev, *next;   /* of those that are watched */
    struct grant *looked;        /* the next one of the look; this and the next are the look's */
    struct file_stamp seen;      /* of its vault, when the device was last found there */
};

/* ---- admission.c ---- */

/* NULL when memory is out. */
struct admission *admission_new(struct gatekeeper *g, struct session_house *house,
                                struct settings *settings, admission_done done, void *owner);
/* On the thread pool, by the key of an open vault: the device may have been revoked (`vault_why`),
 * the tokens renewed. */
void admission_read_vault(uv_work_t *work);

/* The answer goes to the house; the admission is not touched again. */
void admission_answer(struct admission *a);
void admission_refuse(struct admission *a, enum failure_kind kind, const char *text);
/* The vault cannot be read. The reason names files of this machine: it is for the log, not for the
 * client. */
void admission_refuse_for_now(struct admission *a, const struct failure *why);
/* Frees it with what was not given away. Any thread that owns it. */
void admission_free(struct admission *a);
/* Those who wait for their turn, or for a place at the vaults, are refused. */
void admissions_stop(struct gatekeeper *g);
void admission_log(const struct admission *a, int level, const char *event, const char *text);

/* What every guess hears; session_parts.h has the same: nobody learns which users there are. */
extern const char admission_refused_text[];

/* With copies of what is in `request`. NULL when memory is out. */
struct admission *admission_new_request(struct gatekeeper *g,
                                        const struct admission_request *request,
                                        admission_done done, void *owner);

/* Hands it over to the gatekeeper's thread, where it waits for its turn. */
void admission_begin(struct admission *a);

/* Answers it by a grant on the holding of its vault, of which it has the key and the secret. */
void admission_hold(struct admission *a);

/* ---- admission_certified.c ---- */

/* Answers it, who asks by a certificate. */
void admission_certify(struct admission *a);

/* ---- device_watch.c ---- */

bool device_watch_begin(struct gatekeeper *g);
void device_watch_stop(struct gatekeeper *g);

/* A grant by a device's password begins, or ends. */
void device_watch_add(struct gatekeeper *g, struct grant *grant);
void device_watch_remove(struct gatekeeper *g, struct grant *grant);

/* Its device was found to be revoked: all houses hear of it. */
void device_watch_revoked(struct gatekeeper *g, struct grant *grant);

/* ---- held_watch.c ---- */

/* `held_key` as in held_key_path(). False when memory is out; held_watch_stop() and _free() in any
 * case. */
bool held_watch_begin(struct gatekeeper *g, const char *held_key);
void held_watch_stop(struct gatekeeper *g);
void held_watch_free(struct gatekeeper *g);

/* Whether there is a key; then it is in `*key`. Any thread. */
bool gatekeeper_holds(struct gatekeeper *g, struct held_key *key);

/* ---- held_question.c ---- */

/* On the thread pool; then the answer. */
void held_question_work(uv_work_t *work);
void held_question_answer(struct admission *a);

/* A wrong password: the next one of this address, and of this login, waits longer. */
void admission_count_guess(struct admission *a);

/* It has its turn in `ms`; with a failure in its answer it is answered then. */
void admission_wait(struct admission *a, uint64_t ms);

/* It goes on as soon as there is room to try a vault, and one was tried. */
void admission_to_vaults(struct admission *a);

/* Whether its route looks at vaults, and its user has one. */
bool admission_may_have_vault(const struct admission *a);

/* ---- refusal.c ---- */

/* No route serves it: refused, as late as if one did. */
void refusal_of_stranger(struct admission *a);

/* Refused upstream, and has waited for what others wait for. */
void refusal_heard(struct admission *a);

/* ---- holding.c ---- */

/* The user's, with what `a` has read of the vault. NULL when memory is out, or the secret is none
 * (`why`). */
struct holding *holding_open(struct gatekeeper *g, struct admission *a, struct failure *why);

/* Whether there is one of the vault that `a` has opened. */
bool holding_exists(struct gatekeeper *g, const struct admission *a);

/* Answers `a`, whose grant is on this holding: at once, or when the token is renewed. */
void holding_answer(struct holding *h, struct admission *a);

/* The upstream refused this generation of it. */
void holding_refused(struct holding *h, uint64_t generation);

/* A grant more, one less. */
void holding_hold(struct holding *h);
void holding_release(struct holding *h);

const char *holding_login(const struct holding *h);
const struct vault_key *holding_key(const struct holding *h);

/* Of the timer: frees those that nobody wants, and that need not be remembered any more. */
void holdings_forget(uv_timer_t *timer);

/* What is under way is given up; they are gone. */
void holdings_stop(struct gatekeeper *g);

#endif
