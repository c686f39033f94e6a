/*
 * An upstream session that outlives its POP3 session. A client that polls spends most of a login on
 * connecting and logging in upstream; one that comes again soon goes on with the session that it
 * left, after one NOOP (RFC 3501 section 6.1.2) that says both that the server is still there and
 * whether the folder is what it was. If it is not, or another folder is wanted, it is selected
 * anew, and from there on all is as after any login.
 */
#include "translate/maildrop/maildrop_warm.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"

struct maildrop_warm {
    struct imap_client *client;
    struct buf prefix; /* as in struct upstream, and so the rest */
    char delimiter;
    char *folder; /* that is selected, with what is known of it; NULL: none */
    uint32_t exists, uidvalidity, uidnext;
    uint64_t modseq;
    bool stirred;
    bool examined, no_examine, no_qresync;
    bool over;
};

/* ---- parting ---------------------------------------------------------------------------- */

/* What is on its way would have to be read over: a session that was left in the middle of something
 * is not worth it. And a deletion ends with it: mailutils writes flags down, and shows them to
 * others, only at the end of the session that has set them. */
bool warm_may_stay(const struct maildrop *m)
{
    bool deleted = m->update.wanted || m->update.expired_count;

    return m->options && m->options->warm_seconds && m->phase == PHASE_UPDATE && m->list.ready &&
           !m->draining && !deleted && m->upstream.state == UPSTREAM_READY && !m->fetches.first;
}

static void take_over(struct maildrop_warm *w, struct maildrop *m)
{
    static const struct trace nobody;
    struct upstream *u = &m->upstream;

    w->client = u->client;
    u->client = NULL;
    imap_client_set_trace(w->client, &nobody);
    buf_move(&w->prefix, &u->prefix);
    w->delimiter = u->delimiter;
    w->folder = u->selected >= 0 ? slice_dup(slice_of(m->folders[u->selected].name)) : NULL;
    w->exists = u->exists;
    w->uidvalidity = u->uidvalidity;
    w->uidnext = u->uidnext;
    w->modseq = u->modseq;
    w->stirred = u->stirred;
    w->examined = u->examined;
    w->no_examine = u->no_examine;
    w->no_qresync = u->no_qresync;
}

struct maildrop_warm *maildrop_part(struct maildrop *m)
{
    struct maildrop_warm *w = calloc(1, sizeof *w);

    if (w)
        take_over(w, m);
    m->upstream.state = UPSTREAM_LOST;
    return w;
}

void maildrop_warm_free(struct maildrop_warm *w)
{
    if (!w)
        return;
    imap_client_free(w->client);
    buf_clear(&w->prefix);
    free(w->folder);
    free(w);
}

/* ---- in between ------------------------------------------------------------------------- */

bool warm_stirs(const struct imap_event *ev)
{
    return ev->type == IMAP_EV_EXISTS || ev->type == IMAP_EV_EXPUNGE ||
           (ev->type == IMAP_EV_NUMBERS && ev->set == IMAP_SET_VANISHED);
}

static void note_data(struct maildrop_warm *w, const struct imap_event *ev)
{
    w->stirred |= warm_stirs(ev);
    w->over |= ev->type == IMAP_EV_STATUS && ev->status == IMAP_BYE;
}

bool maildrop_warm_data(struct maildrop_warm *w, struct slice *in)
{
    struct imap_client_event ev;

    while (!w->over) {
        imap_client_next(w->client, in, &ev);
        if (ev.type == IMAP_CLIENT_MORE)
            return true;
        if (ev.type == IMAP_CLIENT_DATA)
            note_data(w, &ev.data);
        else
            w->over = ev.type != IMAP_CLIENT_DONE;
    }
    slice_take(in, in->n);
    return false;
}

bool maildrop_warm_is_quiet(const struct maildrop_warm *w)
{
    return !w->over && imap_client_is_quiet(w->client);
}

struct buf *maildrop_warm_logout(struct maildrop_warm *w)
{
    imap_client_logout(w->client);
    return imap_client_out(w->client);
}

/* ---- going on --------------------------------------------------------------------------- */

static void hand_over(struct maildrop *m, struct maildrop_warm *w)
{
    struct upstream *u = &m->upstream;

    imap_client_free(u->client);
    u->client = w->client;
    w->client = NULL;
    if (!imap_client_set_trace(u->client, &u->options.trace))
        m->failed = true;
    buf_move(&u->prefix, &w->prefix);
    u->delimiter = w->delimiter;
    u->stands = w->folder;
    w->folder = NULL;
    u->exists = w->exists;
    u->uidvalidity = w->uidvalidity;
    u->uidnext = w->uidnext;
    u->modseq = w->modseq;
    u->stirred = w->stirred;
    u->examined = w->examined;
    u->no_examine = w->no_examine;
    u->no_qresync = w->no_qresync;
}

void maildrop_go_on(struct maildrop *m, struct maildrop_warm *w)
{
    if (m->upstream.state == UPSTREAM_CONNECTING) {
        hand_over(m, w);
        m->upstream.heard = m->now_ms;
        m->upstream.on_trial = true;
        m->upstream.cut = false;
        upstream_ready(m);
    }
    maildrop_warm_free(w);
}

/* Without UIDVALIDITY, or where UIDNEXT is not told, a SELECT says more than a NOOP. */
bool warm_stands_at(const struct maildrop *m, uint16_t folder)
{
    const struct upstream *u = &m->upstream;

    return u->stands && !u->stirred && u->uidvalidity && u->uidnext &&
           u->examined == upstream_examines(m) && strcmp(u->stands, m->folders[folder].name) == 0;
}

static void refreshed(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    struct upstream *u = &m->upstream;

    if (status->status == IMAP_OK && !u->stirred)
        u->selected = (int)op->arg;
    u->select_done(m, op, status);
}

void warm_refresh(struct maildrop *m, uint16_t folder, upstream_done done)
{
    m->upstream.select_done = done;
    upstream_command(m, refreshed, folder, "NOOP");
}

/* What was read for the login is read again: it goes on as if it had only begun. */
void warm_gave_out(struct maildrop *m, const struct failure *why)
{
    maildrop_log(m, MAILDROP_INFO, "warm-lost", "%s", why->text);
    sync_clear(&m->sync);
    drop_state_free(m->state);
    m->state = NULL;
    json_decref(m->records);
    m->records = NULL;
    upstream_reopen(m);
}

/* ---- whose it is ------------------------------------------------------------------------ */

static void put_field(struct buf *out, struct slice field)
{
    buf_printf(out, "%zu:", field.n);
    buf_put(out, field);
}

bool maildrop_warm_key(const struct maildrop *m, const unsigned char secret[MAILDROP_WARM_KEY],
                       unsigned char key[MAILDROP_WARM_KEY])
{
    const struct credential *c = &m->upstream.credential;
    struct buf text = BUF_INIT;

    if (!m->options || !m->options->warm_seconds || buf_size(&c->secret) == 0)
        return false;
    text.secret = true;
    buf_printf(&text, "%d %d ", (int)c->kind, m->utf8);
    put_field(&text, buf_slice(&c->user));
    put_field(&text, buf_slice(&c->authzid));
    put_field(&text, buf_slice(&c->secret));
    struct slice s = buf_slice(&text);
    bool made = !buf_failed(&text) && HMAC(EVP_sha256(), secret, MAILDROP_WARM_KEY,
                                           (const unsigned char *)s.p, s.n, key, NULL);
    buf_wipe(&text);
    return made;
}
