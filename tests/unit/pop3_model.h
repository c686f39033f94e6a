/*
 * A maildrop with a POP3 server before it, as far as an account can tell: one session at a time, a
 * snapshot of numbers at login, deletions at QUIT. What it does not do as it should is set by
 * switches. Octets in, octets out.
 */
#ifndef TESTS_UNIT_POP3_MODEL_H
#define TESTS_UNIT_POP3_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/base64.h"
#include "translate/text/buf.h"

enum { MODEL_MAX = 1024 };

struct model_message {
    char uidl[24];
    char *text;  /* lines ended by CRLF */
    size_t more; /* octets, that LIST says and that are not there; it may be below 0 */
    bool there;
};

struct pop3_model {
    struct model_message messages[MODEL_MAX]; /* never reused: numbers of a session index `here` */
    size_t count;
    const char *password;
    const char *capa;       /* lines */
    const char *login_code; /* not NULL: a login is refused with it */
    const char *refuse;     /* a verb, or a whole command, that gets -ERR */
    const char *refusal;    /* what stands behind it */
    const char *hang_up;    /* a verb at which it closes the connection */
    const char *stat;       /* not NULL: what STAT says, whatever is there */
    bool no_uidl, no_top, empty_listing, lf_only, mute_quit, silent;
    bool repeats;   /* LIST says the first one twice */
    size_t missing; /* a number that it leaves out; 0: none */

    size_t here[MODEL_MAX]; /* of the session */
    bool marked[MODEL_MAX];
    size_t here_count;
    bool open, logged_in;
    struct buf in, out;
    size_t sent;   /* octets of all sessions */
    size_t die_at; /* the connection breaks after so many; SIZE_MAX: never */
    bool die_in_bodies;
    bool dead, deaf_when_dead; /* the latter: it only falls silent */
    size_t logins, lists, stats, singles, retrs, tops, deles, quits;
};

static inline void model_add(struct pop3_model *m, const char *uidl, const char *text)
{
    struct model_message *message = &m->messages[m->count++];

    snprintf(message->uidl, sizeof message->uidl, "%s", uidl);
    message->text = strdup(text);
    message->there = true;
}

static inline void model_init(struct pop3_model *m)
{
    *m = (struct pop3_model){
        .password = "secret", .refusal = "[SYS/TEMP] not this one", .die_at = SIZE_MAX};
    m->capa = "UIDL\r\nTOP\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\n";
}

static inline void model_clear(struct pop3_model *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->messages[i].text);
    buf_clear(&m->in);
    buf_clear(&m->out);
}

static inline size_t model_there(const struct pop3_model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        n += m->messages[i].there;
    return n;
}

static inline bool model_has(const struct pop3_model *m, const char *uidl)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->messages[i].there && strcmp(m->messages[i].uidl, uidl) == 0)
            return true;
    return false;
}

/* What was said stays said, as far as it got. */
static inline void model_say(struct pop3_model *m, const char *text)
{
    for (size_t i = 0; text[i] && !m->dead; i++) {
        if (m->sent == m->die_at) {
            m->dead = true;
            m->die_at = SIZE_MAX; /* once */
            break;
        }
        if (m->lf_only && text[i] == '\r')
            continue;
        buf_putc(&m->out, text[i]);
        m->sent++;
    }
}

static inline void model_open(struct pop3_model *m)
{
    buf_clear(&m->in);
    buf_clear(&m->out);
    memset(m->marked, 0, sizeof m->marked);
    m->open = true;
    m->dead = m->logged_in = false;
    model_say(m, "+OK hello\r\n");
}

static inline void model_login(struct pop3_model *m, const char *password);

/* The token is what the password is. */
static inline void model_token(struct pop3_model *m, const char *base64)
{
    struct buf message = BUF_INIT;

    assert_true(base64_decode(&message, slice_of(base64)));
    buf_putc(&message, '\0');
    char *token = strstr(message.p + message.start, "auth=Bearer ");
    assert_non_null(token);
    token += strlen("auth=Bearer ");
    token[strcspn(token, "\1")] = '\0';
    model_login(m, token);
    buf_wipe(&message);
}

static inline void model_login(struct pop3_model *m, const char *password)
{
    char refusal[80];

    if (m->login_code) {
        snprintf(refusal, sizeof refusal, "-ERR [%s] not now\r\n", m->login_code);
        model_say(m, refusal);
        return;
    }
    if (strcmp(password, m->password) != 0) {
        model_say(m, "-ERR [AUTH] no\r\n");
        return;
    }
    m->logins++;
    m->logged_in = true;
    m->here_count = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->messages[i].there)
            m->here[m->here_count++] = i;
    model_say(m, "+OK in\r\n");
}

static inline size_t model_size(const struct pop3_model *m, size_t i)
{
    const struct model_message *message = &m->messages[m->here[i]];

    return strlen(message->text) + message->more;
}

static inline void model_entry(struct pop3_model *m, size_t i, bool uidl)
{
    char line[64];

    if (uidl)
        snprintf(line, sizeof line, "%zu %s\r\n", i + 1, m->messages[m->here[i]].uidl);
    else
        snprintf(line, sizeof line, "%zu %zu\r\n", i + 1, model_size(m, i));
    model_say(m, line);
}

static inline void model_list(struct pop3_model *m, bool uidl)
{
    m->lists += !uidl;
    model_say(m, "+OK list\r\n");
    if (m->repeats && !uidl)
        model_entry(m, 0, false);
    for (size_t i = 0; i < m->here_count && !m->empty_listing; i++)
        if (!m->marked[i] && i + 1 != m->missing)
            model_entry(m, i, uidl);
    model_say(m, ".\r\n");
}

static inline void model_single(struct pop3_model *m, size_t number, bool uidl)
{
    m->singles++;
    model_say(m, "+OK ");
    model_entry(m, number - 1, uidl);
}

static inline void model_stat(struct pop3_model *m)
{
    size_t count = 0;
    size_t octets = 0;
    char line[64];

    m->stats++;
    for (size_t i = 0; i < m->here_count && !m->empty_listing; i++) {
        if (m->marked[i] || i + 1 == m->missing)
            continue;
        count++;
        octets += model_size(m, i);
    }
    snprintf(line, sizeof line, "%zu %zu", count, octets);
    model_say(m, "+OK ");
    model_say(m, m->stat ? m->stat : line);
    model_say(m, "\r\n");
}

static inline void model_body(struct pop3_model *m, size_t number, bool top)
{
    char *text = strdup(m->messages[m->here[number - 1]].text);
    char *end = top ? strstr(text, "\r\n\r\n") : NULL;

    if (end)
        end[4] = '\0';
    model_say(m, "+OK message\r\n");
    if (m->die_in_bodies)
        m->die_at = m->sent + 3;
    model_say(m, text);
    model_say(m, ".\r\n");
    free(text);
}

static inline void model_quit(struct pop3_model *m)
{
    m->quits++;
    for (size_t i = 0; i < m->here_count && m->logged_in; i++)
        if (m->marked[i])
            m->messages[m->here[i]].there = false;
    m->logged_in = false;
    if (m->mute_quit)
        m->dead = true;
    model_say(m, "+OK bye\r\n");
}

static inline void model_command(struct pop3_model *m, const char *line)
{
    size_t number = strchr(line, ' ') ? strtoul(strchr(line, ' ') + 1, NULL, 10) : 0;
    bool valid = m->logged_in && number >= 1 && number <= m->here_count && !m->marked[number - 1];

    if (m->hang_up && strncmp(line, m->hang_up, strlen(m->hang_up)) == 0) {
        m->dead = true;
    } else if (m->refuse && strncmp(line, m->refuse, strlen(m->refuse)) == 0) {
        model_say(m, "-ERR ");
        model_say(m, m->refusal);
        model_say(m, "\r\n");
    } else if (strcmp(line, "CAPA") == 0) {
        model_say(m, "+OK\r\n");
        model_say(m, m->capa);
        model_say(m, ".\r\n");
    } else if (strncmp(line, "USER ", 5) == 0) {
        model_say(m, "+OK\r\n");
    } else if (strncmp(line, "AUTH XOAUTH2 ", 13) == 0) {
        model_token(m, line + 13);
    } else if (strncmp(line, "PASS ", 5) == 0) {
        model_login(m, line + 5);
    } else if (strcmp(line, "QUIT") == 0) {
        model_quit(m);
    } else if (strcmp(line, "LIST") == 0 && m->logged_in) {
        model_list(m, false);
    } else if (strcmp(line, "UIDL") == 0 && m->logged_in && !m->no_uidl) {
        model_list(m, true);
    } else if (strcmp(line, "STAT") == 0 && m->logged_in) {
        model_stat(m);
    } else if (strncmp(line, "LIST ", 5) == 0 && valid) {
        model_single(m, number, false);
    } else if (strncmp(line, "UIDL ", 5) == 0 && valid && !m->no_uidl) {
        model_single(m, number, true);
    } else if (strncmp(line, "TOP ", 4) == 0 && valid && !m->no_top) {
        m->tops++;
        model_body(m, number, true);
    } else if (strncmp(line, "RETR ", 5) == 0 && valid) {
        m->retrs++;
        model_body(m, number, false);
    } else if (strncmp(line, "DELE ", 5) == 0 && valid) {
        m->deles++;
        m->marked[number - 1] = true;
        model_say(m, "+OK marked\r\n");
    } else {
        model_say(m, "-ERR unknown command\r\n");
    }
}

/* Answers what has come in. */
static inline void model_answer(struct pop3_model *m)
{
    char line[600];

    while (!m->dead && !m->silent) {
        struct slice all = buf_slice(&m->in);
        const char *end = all.n ? memchr(all.p, '\n', all.n) : NULL;
        if (!end)
            return;
        size_t n = (size_t)(end - all.p) + 1;
        snprintf(line, sizeof line, "%.*s", (int)(n - 2), all.p);
        buf_drop(&m->in, n);
        model_command(m, line);
    }
}

#endif
