/*
 * Whose password opens the maildrop. The one that the upstream took last is kept, to open the
 * connection again, and so is its digest under a key of this account's; a password with another
 * digest goes to the upstream before anybody is let in by it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "translate/mailbox/account_internal.h"

/* The lengths keep "a" and "bc" apart from "ab" and "c". */
static bool credential_digest(const struct account *a, const struct credential *c,
                              unsigned char digest[LOGIN_SECRET])
{
    struct buf text = {.secret = true};
    unsigned n = 0;

    buf_printf(&text, "%d %zu %zu ", (int)c->kind, buf_size(&c->user), buf_size(&c->authzid));
    buf_put(&text, buf_slice(&c->user));
    buf_put(&text, buf_slice(&c->authzid));
    buf_put(&text, buf_slice(&c->secret));
    struct slice octets = buf_slice(&text);
    bool made =
        !buf_failed(&text) && HMAC(EVP_sha256(), a->logins.key, sizeof a->logins.key,
                                   (const unsigned char *)octets.p, octets.n, digest, &n) != NULL;
    buf_wipe(&text);
    return made && n == LOGIN_SECRET;
}

static void login_free(struct login *l)
{
    if (!l)
        return;
    credential_clear(&l->credential);
    explicit_bzero(l->digest, sizeof l->digest);
    free(l);
}

void logins_forget(struct account *a)
{
    credential_clear(&a->logins.credential);
    explicit_bzero(a->logins.digest, sizeof a->logins.digest);
    a->logins.known = false;
}

bool account_is_open(const struct account *a)
{
    return a->logins.known;
}

void logins_clear(struct account *a)
{
    while (a->logins.first) {
        struct login *l = a->logins.first;
        a->logins.first = l->next;
        login_free(l);
    }
    login_free(a->logins.trying);
    logins_forget(a);
    explicit_bzero(a->logins.key, sizeof a->logins.key);
}

static void login_take(struct logins *all, struct login **at)
{
    struct login *l = *at;

    *at = l->next;
    if (!*at)
        all->last = at;
    l->next = NULL;
}

void logins_forget_client(struct account *a, const struct account_client *client)
{
    struct login **at = &a->logins.first;

    while (*at) {
        struct login *l = *at;
        if (l->asker.client != client) {
            at = &l->next;
            continue;
        }
        login_take(&a->logins, at);
        login_free(l);
    }
    if (a->logins.trying && a->logins.trying->asker.client == client)
        a->logins.trying->asker.client = NULL;
}

uint32_t account_login(struct account_client *client, const struct credential *credential)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client)};
    struct login *l = calloc(1, sizeof *l);

    if (!l || !credential_digest(a, credential, l->digest) ||
        !credential_copy(&l->credential, credential)) {
        login_free(l);
        a->failed = true;
        return asker.request;
    }
    l->asker = asker;
    *a->logins.last = l;
    a->logins.last = &l->next;
    account_advance(a);
    return asker.request;
}

/* ---- who is let in ----------------------------------------------------------------------- */

static bool same_password(const unsigned char *x, const unsigned char *y)
{
    return CRYPTO_memcmp(x, y, LOGIN_SECRET) == 0;
}

/* One that the owner vouches for is as good as the one that the upstream took: a token differs each
 * time, a device's password is none of the upstream's. */
static bool is_known(const struct account *a, const struct login *l)
{
    return a->logins.known && (l->credential.vouched || same_password(a->logins.digest, l->digest));
}

static void login_answer(struct account *a, struct login *l, const struct failure *why)
{
    client_tell_failure(a, &l->asker, ACCOUNT_EV_LOGGED_IN, why);
    login_free(l);
}

static void login_let_in(struct account *a, struct login *l)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct asker all = {.client = l->asker.client};

    if (l->asker.client)
        l->asker.client->logged_in = true;
    client_tell_failure(a, &l->asker, ACCOUNT_EV_LOGGED_IN, &none);
    if (a->link.failures)
        client_tell_failure(a, &all, ACCOUNT_EV_NOTICE, link_failure(a));
    login_free(l);
}

void logins_fail(struct account *a, const struct failure *why)
{
    while (a->logins.first) {
        struct login *l = a->logins.first;
        login_take(&a->logins, &a->logins.first);
        login_answer(a, l, why);
    }
}

/* Whether the upstream has answered for this password: it is logged in with it, or it may not be
 * asked now. */
static bool is_answered_for(const struct account *a, const struct login *l)
{
    if (!is_known(a, l))
        return false;
    return a->link.state >= LINK_LISTING ||
           (a->link.state == LINK_CLOSED && a->now_ms < link_opens_at(a));
}

void logins_advance(struct account *a)
{
    struct login **at = &a->logins.first;

    if (a->state->modseq == 0)
        return; /* there is nothing yet to be let in to */
    while (*at) {
        struct login *l = *at;
        if (!is_answered_for(a, l)) {
            at = &l->next;
            continue;
        }
        login_take(&a->logins, at);
        login_let_in(a, l);
    }
}

/* ---- trying ------------------------------------------------------------------------------ */

bool logins_want_try(const struct account *a)
{
    return a->logins.first && !a->birth_queued;
}

void logins_try(struct account *a)
{
    struct login *l = a->logins.first;

    login_take(&a->logins, &a->logins.first);
    a->logins.trying = l;
}

struct credential *logins_credential(struct account *a)
{
    return a->logins.trying ? &a->logins.trying->credential : &a->logins.credential;
}

bool logins_credential_is_old(const struct account *a)
{
    return !a->logins.trying && a->logins.credential.kind == CREDENTIAL_TOKEN;
}

bool logins_give(struct account *a, struct pop3_client *client, struct failure *why)
{
    return pop3_client_login(client, logins_credential(a), why);
}

/* Only a password that the upstream took makes an account: a stranger's guess leaves nothing on the
 * disk. */
static void login_wait_for_birth(struct account *a, struct login *l)
{
    l->next = a->logins.first;
    if (!l->next)
        a->logins.last = &l->next;
    a->logins.first = l;
    commit_birth(a);
}

void logins_accepted(struct account *a)
{
    struct login *l = a->logins.trying;

    if (!l)
        return;
    logins_forget(a);
    credential_move(&a->logins.credential, &l->credential);
    memcpy(a->logins.digest, l->digest, LOGIN_SECRET);
    a->logins.known = true;
    a->logins.trying = NULL;
    if (a->state->modseq == 0)
        login_wait_for_birth(a, l);
    else
        login_let_in(a, l);
}

/* Who waits with the very same password gets the same answer. */
static void refuse_alike(struct account *a, const struct login *tried, const struct failure *why)
{
    struct login **at = &a->logins.first;

    while (*at) {
        struct login *l = *at;
        if (!same_password(l->digest, tried->digest)) {
            at = &l->next;
            continue;
        }
        login_take(&a->logins, at);
        login_answer(a, l, why);
    }
}

static void trial_failed(struct account *a, struct login *l, const struct failure *why)
{
    if (is_known(a, l) && why->kind != FAILURE_AUTH) {
        login_let_in(a, l);
        return;
    }
    if (is_known(a, l))
        logins_forget(a);
    refuse_alike(a, l, why);
    login_answer(a, l, why);
}

void logins_refused(struct account *a, const struct failure *why)
{
    struct login *l = a->logins.trying;

    a->logins.trying = NULL;
    if (l)
        trial_failed(a, l, why);
    else if (why->kind == FAILURE_AUTH)
        logins_forget(a); /* it was changed: asking again would only lock the account */
}
