/* See mime_section.h. */
#include "translate/mime/mime_section.h"

static uint32_t nth_child(const struct mime_message *message, uint32_t part, uint32_t number)
{
    uint32_t child = number ? mime_message_part(message, part)->child : MIME_NONE;

    while (child != MIME_NONE && --number)
        child = mime_message_part(message, child)->next;
    return child;
}

/* What `number` names seen from `part`: where there are no parts, only 1 is something, and nothing
 * is below it. */
static uint32_t step(const struct mime_message *message, uint32_t part, uint32_t number, bool last)
{
    enum mime_kind kind = mime_message_part(message, part)->kind;

    if (kind == MIME_KIND_MULTIPART)
        return nth_child(message, part, number);
    return number == 1 && (last || kind == MIME_KIND_MESSAGE) ? part : MIME_NONE;
}

uint32_t mime_section_part(const struct mime_message *message, const uint32_t *path, size_t n)
{
    uint32_t part = 0;

    for (size_t i = 0; i < n && part != MIME_NONE; i++) {
        bool last = i + 1 == n;
        part = step(message, part, path[i], last);
        if (part != MIME_NONE && !last &&
            mime_message_part(message, part)->kind == MIME_KIND_MESSAGE)
            part = mime_message_part(message, part)->child;
    }
    return part;
}

static struct mime_range header_of(const struct mime_part *part)
{
    return (struct mime_range){part->header_start, part->body_start};
}

static struct mime_range body_of(const struct mime_part *part)
{
    return (struct mime_range){part->body_start, part->body_end};
}

bool mime_section_range(const struct mime_message *message, const uint32_t *path, size_t n,
                        enum mime_section section, struct mime_range *range)
{
    uint32_t index = mime_section_part(message, path, n);
    bool of_message = section == MIME_SECTION_HEADER || section == MIME_SECTION_TEXT;

    *range = (struct mime_range){0, 0};
    if (index != MIME_NONE && n && of_message) {
        const struct mime_part *part = mime_message_part(message, index);
        index = part->kind == MIME_KIND_MESSAGE ? part->child : MIME_NONE;
    }
    if (index == MIME_NONE || (section == MIME_SECTION_MIME && n == 0))
        return false;
    const struct mime_part *part = mime_message_part(message, index);
    if (section == MIME_SECTION_HEADER || section == MIME_SECTION_MIME)
        *range = header_of(part);
    else if (section == MIME_SECTION_ALL && n == 0)
        *range = (struct mime_range){0, mime_message_size(message)};
    else
        *range = body_of(part);
    return true;
}
