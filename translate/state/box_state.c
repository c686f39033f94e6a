#include "translate/state/box_state.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/box_content.h"
#include "translate/state/box_folder.h"
#include "translate/state/folder_uids.h"

static const char *const use_names[BOX_USES] = {NULL,      "\\Drafts", "\\Sent",
                                                "\\Trash", "\\Junk",   "\\Archive"};

struct box_state *box_state_new(void)
{
    struct box_state *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->uidvalidity = s->folder_next = s->content_next = 1;
    return s;
}

void box_state_free(struct box_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->folder_count; i++)
        box_folder_clear(&s->folders[i]);
    for (size_t i = 0; i < s->keyword_count; i++)
        free(s->keywords[i]);
    box_contents_free(s->contents, s->content_count);
    free(s->folders);
    free(s->keywords);
    free(s->subscriptions);
    free(s);
}

size_t box_state_octets(const struct box_state *s)
{
    enum { TEXTS = 96 }; /* a UIDL and perhaps a digest */
    size_t octets = sizeof *s + s->folder_count * sizeof *s->folders;

    octets += s->content_capacity * sizeof *s->contents + s->content_count * TEXTS;
    for (size_t i = 0; i < s->folder_count; i++) {
        const struct box_folder *f = &s->folders[i];
        octets += f->capacity * sizeof *f->messages;
        octets += f->uids ? f->uids->capacity * sizeof *f->uids->uids : 0;
    }
    return octets;
}

struct box_folder *box_state_folder(const struct box_state *s, struct slice name)
{
    if (slice_is_nocase(name, "INBOX"))
        return box_state_folder_by_id(s, BOX_INBOX);
    for (size_t i = 0; i < s->folder_count; i++)
        if (slice_is(name, s->folders[i].name))
            return &s->folders[i];
    return NULL;
}

struct box_folder *box_state_folder_by_id(const struct box_state *s, uint32_t id)
{
    for (size_t i = 0; i < s->folder_count; i++)
        if (s->folders[i].id == id)
            return &s->folders[i];
    return NULL;
}

bool box_state_has_children(const struct box_state *s, const struct box_folder *f)
{
    size_t n = strlen(f->name);

    for (size_t i = 0; i < s->folder_count; i++)
        if (strncmp(s->folders[i].name, f->name, n) == 0 && s->folders[i].name[n] == '/')
            return true;
    return false;
}

const char *box_state_subscription(const struct box_state *s, const char *name)
{
    const char *next = name ? name + strlen(name) + 1 : s->subscriptions;

    return next && next < s->subscriptions + s->subscription_octets ? next : NULL;
}

bool box_state_subscribed(const struct box_state *s, struct slice name)
{
    const char *one = NULL;

    while ((one = box_state_subscription(s, one)) != NULL)
        if (slice_is(name, one))
            return true;
    return false;
}

uint64_t box_state_keyword(const struct box_state *s, struct slice name)
{
    for (size_t i = 0; i < s->keyword_count; i++)
        if (slice_is_nocase(name, s->keywords[i]))
            return BOX_KEYWORD << i;
    return 0;
}

const char *box_use_name(enum box_use use)
{
    return use_names[use];
}

enum box_use box_use_of(struct slice name)
{
    for (enum box_use use = BOX_DRAFTS; use < BOX_USES; use++)
        if (slice_is_nocase(name, use_names[use]))
            return use;
    return BOX_NO_USE;
}

bool box_message_is_doomed(const struct box_state *s, const struct box_message *m)
{
    const struct box_content *c = box_state_content(s, m->content);

    return c && c->deletion != BOX_KEPT;
}
