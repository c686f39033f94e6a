/*
 * Whether the sizes that LIST says can be believed. RFC 1939 section 11 has them exact; servers
 * that count line ends as one octet, or estimate, have them not. So it is learnt from what comes:
 * every message that was received whole is compared with what LIST had said of it. Where nothing is
 * known yet a small message is fetched first, right before the large one whose size matters. A
 * server that was wrong once has to be right many times before it is believed again; that it was
 * wrong the state remembers, as the corrected size.
 */
#include "translate/mailbox/account_internal.h"

enum { NEEDED_AT_FIRST = 1, NEEDED_AFTER_WRONG = 16 };

void sizes_init(struct account *a)
{
    const struct box_state *s = a->state;

    a->sizes.needed = NEEDED_AT_FIRST;
    for (size_t i = 0; i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (!c->dead && c->upstream && c->size != c->listed)
            a->sizes.needed = NEEDED_AFTER_WRONG;
    }
}

void sizes_seen(struct account *a, bool right)
{
    if (right && a->sizes.right < NEEDED_AFTER_WRONG)
        a->sizes.right++;
    if (right)
        return;
    a->sizes.right = 0;
    a->sizes.needed = NEEDED_AFTER_WRONG;
}

bool sizes_are_believed(const struct account *a)
{
    return a->sizes.right >= a->sizes.needed;
}

uint32_t sizes_witness(struct account *a)
{
    const struct numbers *n = &a->numbers;
    const struct box_content *smallest = NULL;

    if (a->sizes.asked || a->sizes.right || a->sizes.needed != NEEDED_AT_FIRST)
        return 0;
    a->sizes.asked = true;
    for (size_t i = 0; i < n->count; i++) {
        const struct box_content *c = box_state_content(a->state, n->list[i].content);
        if (c && c->listed <= LARGE_BODY && (!smallest || c->listed < smallest->listed))
            smallest = c;
    }
    return smallest ? smallest->id : 0;
}
