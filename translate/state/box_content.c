#include "translate/state/box_content.h"

#include <stdlib.h>
#include <string.h>

#include "translate/text/array.h"

static void strings_free(struct box_content *c)
{
    free(c->uidl);
    free(c->digest);
    free(c->key);
    c->uidl = c->digest = c->key = NULL;
}

void box_contents_free(struct box_content *contents, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strings_free(&contents[i]);
    free(contents);
}

static bool reserve(struct box_state *s, size_t count)
{
    struct box_content *p =
        array_reserve(s->contents, &s->content_capacity, s->content_count + count, sizeof *p);

    if (p)
        s->contents = p;
    return p;
}

bool box_contents_append(struct box_state *s, const struct box_content *contents, size_t count)
{
    if (count == 0)
        return true;
    if (!reserve(s, count))
        return false;
    memcpy(&s->contents[s->content_count], contents, count * sizeof *contents);
    s->content_count += count;
    s->content_next = contents[count - 1].id + 1;
    return true;
}

bool box_content_end(struct box_state *s, struct box_content *c, struct box_changes *changes)
{
    char *key = c->key;

    c->key = NULL;
    strings_free(c);
    c->dead = true;
    s->content_dead++;
    return box_changes_release(changes, key);
}

void box_contents_tidy(struct box_state *s)
{
    size_t kept = 0;

    if (s->content_dead <= s->content_count / 2)
        return;
    for (size_t i = 0; i < s->content_count; i++)
        if (!s->contents[i].dead)
            s->contents[kept++] = s->contents[i];
    s->content_count = kept;
    s->content_dead = 0;
}

/* Ids mostly follow each other, so the content is at its distance from the first one, or a little
 * before. */
struct box_content *box_state_content(const struct box_state *s, uint32_t id)
{
    if (s->content_count == 0 || id < s->contents[0].id)
        return NULL;
    size_t high = (size_t)(id - s->contents[0].id) + 1;
    size_t low = 0;
    if (high > s->content_count)
        high = s->content_count;
    if (s->contents[high - 1].id <= id)
        low = high - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->contents[middle].id <= id)
            low = middle;
        else
            high = middle;
    }
    struct box_content *c = &s->contents[low];
    return c->id == id && !c->dead ? c : NULL;
}
