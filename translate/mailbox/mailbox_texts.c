#include "translate/mailbox/mailbox_texts.h"

#include <stdlib.h>

struct mailbox_texts *mailbox_texts_new(void)
{
    return calloc(1, sizeof(struct mailbox_texts));
}

void mailbox_texts_free(struct mailbox_texts *t)
{
    if (t)
        buf_clear(&t->octets);
    free(t);
}
