/* See mime_field.h. */
#include "translate/mime/mime_field.h"

static const char *const names[MIME_FIELDS] = {
    [MIME_DATE] = "Date",
    [MIME_SUBJECT] = "Subject",
    [MIME_FROM] = "From",
    [MIME_SENDER] = "Sender",
    [MIME_REPLY_TO] = "Reply-To",
    [MIME_TO] = "To",
    [MIME_CC] = "Cc",
    [MIME_BCC] = "Bcc",
    [MIME_IN_REPLY_TO] = "In-Reply-To",
    [MIME_MESSAGE_ID] = "Message-ID",
    [MIME_TYPE] = "Content-Type",
    [MIME_ENCODING] = "Content-Transfer-Encoding",
    [MIME_ID] = "Content-ID",
    [MIME_DESCRIPTION] = "Content-Description",
    [MIME_DISPOSITION] = "Content-Disposition",
    [MIME_LANGUAGE] = "Content-Language",
    [MIME_LOCATION] = "Content-Location",
    [MIME_MD5] = "Content-MD5",
};

enum mime_field mime_field_named(struct slice name)
{
    enum mime_field field = 0;

    while (field < MIME_FIELDS && !slice_is_nocase(name, names[field]))
        field++;
    return field;
}

const char *mime_field_name(enum mime_field field)
{
    return names[field];
}

bool mime_field_is_envelope(enum mime_field field)
{
    return field <= MIME_MESSAGE_ID;
}

bool mime_field_is_addresses(enum mime_field field)
{
    return field >= MIME_FROM && field <= MIME_BCC;
}
