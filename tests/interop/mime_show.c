/*
 * mime_show FILE SECTION...: what mailferry makes of the message in FILE, for mime_agreement.py.
 * Each answer is a line "NAME LENGTH" and so many octets: ENVELOPE, BODY, BODYSTRUCTURE, then each
 * SECTION as FETCH spells it ("1.2.MIME", "HEADER.FIELDS (TO CC)"), or "NAME -" when there is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_json.h"
#include "translate/mime/mime_parser.h"
#include "translate/mime/mime_put.h"
#include "translate/mime/mime_section.h"

enum { PIECE = 4093, PATH_MAX_NUMBERS = 32, NAMES_MAX = 32 };

struct asked {
    uint32_t path[PATH_MAX_NUMBERS];
    size_t n;
    enum mime_section section;
    bool filtered;
    struct mime_header_filter filter;
    struct slice names[NAMES_MAX];
};

static struct buf read_file(const char *path)
{
    struct buf content = BUF_INIT;
    FILE *file = fopen(path, "rb");
    char piece[PIECE];
    size_t n;

    if (!file)
        exit(2);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(&content, slice_make(piece, n));
    fclose(file);
    return content;
}

static void show(const char *name, struct slice answer)
{
    printf("%s %zu\n", name, answer.n);
    fwrite(answer.p, 1, answer.n, stdout);
}

static void show_structure(const struct mime_message *message)
{
    struct buf out = BUF_INIT;

    mime_put_envelope(&out, message, 0, false);
    show("ENVELOPE", buf_slice(&out));
    buf_clear(&out);
    mime_put_body(&out, message, false, false);
    show("BODY", buf_slice(&out));
    buf_clear(&out);
    mime_put_body(&out, message, true, false);
    show("BODYSTRUCTURE", buf_slice(&out));
    buf_clear(&out);
}

static void read_names(struct asked *asked, const char *text)
{
    struct slice list = slice_of(strchr(text, '(') + 1);

    list.n--;
    asked->filtered = true;
    asked->filter.names = asked->names;
    asked->filter.others = strncmp(text, "HEADER.FIELDS.NOT", 17) == 0;
    while (list.n && asked->filter.count < NAMES_MAX)
        asked->names[asked->filter.count++] = slice_word(&list);
}

static void read_section(struct asked *asked, const char *text)
{
    while (*text >= '0' && *text <= '9' && asked->n < PATH_MAX_NUMBERS) {
        char *end;
        asked->path[asked->n++] = (uint32_t)strtoul(text, &end, 10);
        text = *end == '.' ? end + 1 : end;
    }
    if (strcmp(text, "TEXT") == 0)
        asked->section = MIME_SECTION_TEXT;
    else if (strcmp(text, "MIME") == 0)
        asked->section = MIME_SECTION_MIME;
    else if (strncmp(text, "HEADER", 6) == 0)
        asked->section = MIME_SECTION_HEADER;
    if (strchr(text, '('))
        read_names(asked, text);
}

static void show_section(const struct mime_message *message, struct slice content, const char *name)
{
    struct asked asked = {0};
    struct buf kept = BUF_INIT;
    struct mime_range range;

    read_section(&asked, name);
    if (!mime_section_range(message, asked.path, asked.n, asked.section, &range)) {
        printf("%s -\n", name);
        return;
    }
    struct slice octets = slice_make(content.p + range.start, range.end - range.start);
    if (asked.filtered) {
        mime_header_filter_feed(&asked.filter, octets, &kept);
        mime_header_filter_end(&asked.filter, &kept);
        octets = buf_slice(&kept);
    }
    show(name, octets);
    buf_clear(&kept);
}

static struct mime_message *parse(struct slice content)
{
    struct mime_parser *parser = mime_parser_new();

    if (!parser)
        return NULL;
    while (content.n)
        mime_parser_feed(parser, slice_take(&content, PIECE));
    struct mime_message *message = mime_parser_end(parser);
    mime_parser_free(parser);
    return message;
}

/* The same after it was remembered. */
static struct mime_message *remembered(struct mime_message *message)
{
    struct failure why = {0};
    struct buf text = BUF_INIT;

    if (message)
        mime_json_put(&text, message);
    json_t *json = json_loadb(buf_slice(&text).p, buf_size(&text), 0, NULL);
    struct mime_message *again = json ? mime_json_to(json, &why) : NULL;

    if (!again)
        fprintf(stderr, "mime_show: %s\n", why.text);
    json_decref(json);
    buf_clear(&text);
    mime_message_free(message);
    return again;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct buf content = read_file(argv[1]);
    struct mime_message *message = remembered(parse(buf_slice(&content)));
    if (!message)
        return 1;
    show_structure(message);
    for (int i = 2; i < argc; i++)
        show_section(message, buf_slice(&content), argv[i]);
    mime_message_free(message);
    buf_clear(&content);
    return 0;
}
