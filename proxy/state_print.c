/*
 * An account's facts for people: a line each, then tables.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/state_parts.h"

/* A fact, and how its line begins. Absent facts have no line. */
struct line {
    const char *label;
    const char *key;
    const char *unit; /* behind a number */
};

static const struct line lines[] = {
    {"account", "account", NULL},
    {"login", "login", NULL},
    {"upstream", "upstream", NULL},
    {"last look", "last_look", NULL},
    {"age", "age_seconds", "s in which it was in use, by which retention counts"},
    {"listed", "listed", "messages upstream at the last look"},
    {"login delay", "login_delay", "s, as the upstream demands"},
    {"messages", "upstream_messages", "of the upstream"},
    {"", "unlisted", "of them no longer listed there, and kept here"},
    {"", "missing", "of them missing in a listing that is not believed yet"},
    {"", "local_messages", "only here"},
    {"", "durable_bodies", "kept whole, for good"},
    {"deletions", "deletions_intended", "to be carried out upstream"},
    {"", "deletions_sent", "sent, to be confirmed by the next look"},
};

/* Zeros say nothing but in these. */
static bool is_worth_a_line(const struct line *l, const json_t *value)
{
    return value && (!json_is_integer(value) || json_integer_value(value) != 0 ||
                     strcmp(l->key, "listed") == 0);
}

static void print_value(const json_t *value, FILE *out)
{
    if (json_is_string(value))
        fputs(json_string_value(value), out);
    else if (json_is_integer(value))
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        fprintf(out, "%s%s", i ? " " : "", json_string_value(json_array_get(value, i)));
}

static void print_label(const char *label, FILE *out)
{
    fprintf(out, "%-12s ", label);
}

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_files(const json_t *files, FILE *out)
{
    const char *snapshot = json_string_value(json_object_get(files, "snapshot"));
    const char *journal = json_string_value(json_object_get(files, "journal"));
    const json_t *aside = json_object_get(files, "set_aside");

    print_label("directory", out);
    fprintf(out, "%s\n", json_string_value(json_object_get(files, "directory")));
    if (snapshot) {
        print_label("snapshot", out);
        fprintf(out, "%s, %" PRId64 " octets\n", snapshot, number(files, "snapshot_octets"));
    }
    if (journal) {
        print_label("journal", out);
        fprintf(out, "%s, %" PRId64 " records, %" PRId64 " octets\n", journal,
                number(files, "journal_records"), number(files, "journal_octets"));
    }
    if (json_array_size(aside)) {
        print_label("set aside", out);
        print_value(aside, out);
        fputc('\n', out);
    }
}

/* ---- tables ---- */

struct column {
    const char *title;
    const char *key;
    bool left; /* else flush right, as numbers are */
};

static const struct column box_columns[] = {
    {"FOLDER", "name", true},      {"MESSAGES", "messages", false},
    {"UNSEEN", "unseen", false},   {"DELETED", "deleted", false},
    {"OCTETS", "octets", false},   {"UIDVALIDITY", "uidvalidity", false},
    {"UIDNEXT", "uidnext", false}, {"USE", "use", true},
    {NULL, NULL, false},
};

static const struct column drop_columns[] = {
    {"FOLDER", "name", true},      {"MESSAGES", "messages", false},
    {"HIDDEN", "hidden", false},   {"OWN UIDL", "exceptions", false},
    {"OCTETS", "octets", false},   {"UIDVALIDITY", "uidvalidity", false},
    {"UIDNEXT", "uidnext", false}, {NULL, NULL, false},
};

static const struct column box_message_columns[] = {
    {"UID", "uid", false},    {"OCTETS", "octets", false}, {"DATE", "date", true},
    {"PLACE", "place", true}, {"BODY", "body", true},      {"DELETION", "deletion", true},
    {"FLAGS", "flags", true}, {"UIDL", "uidl", true},      {NULL, NULL, false},
};

static const struct column drop_message_columns[] = {
    {"UID", "uid", false},
    {"OCTETS", "octets", false},
    {"RECEIVED", "received", true},
    {"HIDDEN FOR", "hidden_seconds", false},
    {"OWN UIDL", "uidl", true},
    {"ID", "id", true},
    {NULL, NULL, false},
};

enum { COLUMNS_MAX = 8 };

/* Owned; "-" for what is absent. */
static char *cell(const json_t *row, const struct column *c)
{
    const json_t *value = json_object_get(row, c->key);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    if (value && (!json_is_array(value) || json_array_size(value)))
        print_value(value, out);
    else
        fputc('-', out);
    return fclose(out) == 0 ? text : NULL;
}

/* Characters, as far as terminals give each one column. */
static int width(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void measure(const json_t *rows, const struct column *columns, int widths[COLUMNS_MAX])
{
    for (int i = 0; columns[i].key; i++) {
        widths[i] = width(columns[i].title);
        for (size_t row = 0; row < json_array_size(rows); row++) {
            char *text = cell(json_array_get(rows, row), &columns[i]);
            int n = text ? width(text) : 0;
            widths[i] = n > widths[i] ? n : widths[i];
            free(text);
        }
    }
}

static void print_cell(const char *text, const struct column *c, int wanted, FILE *out)
{
    int padding = wanted - width(text);
    bool last = !c[1].key;

    fprintf(out, "%*s%s%*s", c->left ? 0 : padding, "", text, c->left && !last ? padding : 0, "");
    fputs(last ? "\n" : "  ", out);
}

static void print_table(const json_t *rows, const struct column *columns, FILE *out)
{
    int widths[COLUMNS_MAX] = {0};

    measure(rows, columns, widths);
    for (int i = 0; columns[i].key; i++)
        print_cell(columns[i].title, &columns[i], widths[i], out);
    for (size_t row = 0; row < json_array_size(rows); row++)
        for (int i = 0; columns[i].key; i++) {
            char *text = cell(json_array_get(rows, row), &columns[i]);
            print_cell(text ? text : "", &columns[i], widths[i], out);
            free(text);
        }
}

static void print_messages(const json_t *folder, bool box, FILE *out)
{
    const json_t *list = json_object_get(folder, "list");

    if (json_array_size(list) == 0)
        return;
    fprintf(out, "\n%s\n", json_string_value(json_object_get(folder, "name")));
    print_table(list, box ? box_message_columns : drop_message_columns, out);
}

void state_print(const json_t *facts, FILE *out)
{
    bool box = json_is_string(json_object_get(facts, "kind")) &&
               strcmp(json_string_value(json_object_get(facts, "kind")), "mailbox") == 0;
    const json_t *folders = json_object_get(facts, "folders");
    const json_t *keywords = json_object_get(facts, "keywords");

    print_label("kind", out);
    fprintf(out, "%s\n", state_kind_words(box ? &box_state_kind : &drop_state_kind));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const json_t *value = json_object_get(facts, lines[i].key);
        if (!is_worth_a_line(&lines[i], value))
            continue;
        print_label(lines[i].label, out);
        print_value(value, out);
        fprintf(out, "%s%s\n", lines[i].unit ? " " : "", lines[i].unit ? lines[i].unit : "");
    }
    if (json_array_size(keywords)) {
        print_label("keywords", out);
        print_value(keywords, out);
        fputc('\n', out);
    }
    print_files(json_object_get(facts, "files"), out);
    fputc('\n', out);
    print_table(folders, box ? box_columns : drop_columns, out);
    for (size_t i = 0; i < json_array_size(folders); i++)
        print_messages(json_array_get(folders, i), box, out);
}
