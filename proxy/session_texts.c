/*
 * What a mailbox asks of many messages at once (translate/mailbox/mailbox_texts.h), and the store
 * of bodies may remember.
 */
#include <stdlib.h>

#include "proxy/session_parts.h"

struct session_texts {
    struct session_texts *next;
    struct session *session;
    struct bodies_texts *work;
    uint32_t request;
};

static void give(struct session *s, uint32_t request, struct mailbox_texts *t)
{
    session_tell(s);
    mailbox_texts_have(s->mailbox, request, t);
}

static void on_texts(void *owner, struct mailbox_texts *t)
{
    struct session_texts *texts = owner;
    struct session *s = texts->session;
    uint32_t request = texts->request;
    struct session_texts **at = &s->texts;

    while (*at != texts)
        at = &(*at)->next;
    *at = texts->next;
    free(texts);
    give(s, request, t);
    session_pump(s);
}

void session_texts_begin(struct session *s, const struct mailbox_action *action)
{
    struct mailbox_texts *t = mailbox_texts_take(s->mailbox, action->request);
    struct session_texts *texts = t ? calloc(1, sizeof *texts) : NULL;

    if (!t)
        return;
    if (texts)
        texts->work = bodies_texts(account_host_bodies(s->host), t, on_texts, texts);
    if (!texts || !texts->work) {
        free(texts);
        t->octets.failed = true;
        give(s, action->request, t);
        return;
    }
    texts->session = s;
    texts->request = action->request;
    texts->next = s->texts;
    s->texts = texts;
}

void session_texts_end(struct session *s)
{
    while (s->texts) {
        struct session_texts *texts = s->texts;
        s->texts = texts->next;
        bodies_texts_cancel(texts->work);
        free(texts);
    }
}
