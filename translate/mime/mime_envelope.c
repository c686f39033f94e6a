/* The ENVELOPE of mime_put.h. */
#include "translate/mime/mime_address.h"
#include "translate/mime/mime_put.h"

struct list {
    struct buf *out;
    bool utf8;
    size_t count;
};

static void put_address(void *context, const struct mime_address *address)
{
    struct list *list = context;

    buf_putc(list->out, '(');
    if (list->count++ == 0)
        buf_putc(list->out, '(');
    mime_put_text(list->out, address->name, list->utf8);
    buf_putc(list->out, ' ');
    mime_put_nstring(list->out, address->route, list->utf8);
    buf_putc(list->out, ' ');
    mime_put_nstring(list->out, address->mailbox, list->utf8);
    buf_putc(list->out, ' ');
    mime_put_nstring(list->out, address->domain, list->utf8);
    buf_putc(list->out, ')');
}

/* All fields of that name as one list. False, and nothing appended, when there is no address. */
static bool put_addresses(struct list *list, const struct mime_message *message, uint32_t part,
                          enum mime_field field)
{
    list->count = 0;
    for (size_t nth = 0;; nth++) {
        struct slice value = mime_message_field(message, part, field, nth);
        if (!value.p)
            break;
        if (!mime_addresses_each(value, put_address, list))
            list->out->failed = true;
    }
    if (list->count)
        buf_putc(list->out, ')');
    return list->count > 0;
}

/* Without a Sender or Reply-To it is whom the message is from. */
static void put_list(struct list *list, const struct mime_message *message, uint32_t part,
                     enum mime_field field)
{
    bool defaults = field == MIME_SENDER || field == MIME_REPLY_TO;

    buf_putc(list->out, ' ');
    if (put_addresses(list, message, part, field) ||
        (defaults && put_addresses(list, message, part, MIME_FROM)))
        return;
    buf_puts(list->out, "NIL");
}

void mime_put_envelope(struct buf *out, const struct mime_message *message, uint32_t part,
                       bool utf8)
{
    struct list list = {.out = out, .utf8 = utf8};

    buf_putc(out, '(');
    mime_put_unfolded(out, mime_message_field(message, part, MIME_DATE, 0), utf8);
    buf_putc(out, ' ');
    mime_put_text(out, mime_message_field(message, part, MIME_SUBJECT, 0), utf8);
    for (enum mime_field field = MIME_FROM; field <= MIME_BCC; field++)
        put_list(&list, message, part, field);
    buf_putc(out, ' ');
    mime_put_unfolded(out, mime_message_field(message, part, MIME_IN_REPLY_TO, 0), utf8);
    buf_putc(out, ' ');
    mime_put_unfolded(out, mime_message_field(message, part, MIME_MESSAGE_ID, 0), utf8);
    buf_putc(out, ')');
}
