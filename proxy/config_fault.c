/* Gathers, orders and prints faults; finds the word that was meant. */
#include "proxy/config_fault.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/failure.h"

enum {
    FAULTS_MAX = 100,  /* told; whoever has more repairs these first */
    POINTER_MAX = 160, /* octets shown */
    WORD_MAX = 31,     /* longest word for which a near one is looked for */
};

struct config_fault {
    unsigned line;
    size_t number; /* keeps the order of faults on one line */
    char pointer[POINTER_MAX];
    char text[400];
};

static void add(struct config_faults *f, unsigned line, const char *pointer, const char *format,
                va_list args)
{
    char raw[512];

    if (f->count++ >= FAULTS_MAX)
        return;
    if (!f->list)
        f->list = calloc(FAULTS_MAX, sizeof *f->list);
    if (!f->list) {
        f->failed = true;
        return;
    }
    struct config_fault *fault = &f->list[f->count - 1];
    vsnprintf(raw, sizeof raw, format, args);
    text_clean(fault->text, sizeof fault->text, slice_of(raw));
    text_clean(fault->pointer, sizeof fault->pointer, slice_of(pointer));
    fault->line = line;
    fault->number = f->count;
}

void config_fault_add(struct config_faults *f, const char *pointer, const char *format, ...)
{
    bool located = f->positions && f->count < FAULTS_MAX; /* to locate one costs a search */
    va_list args;

    va_start(args, format);
    add(f, located ? config_positions_line(f->positions, pointer) : 0, located ? pointer : "",
        format, args);
    va_end(args);
}

void config_fault_add_at(struct config_faults *f, unsigned line, const char *pointer,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(f, line, pointer, format, args);
    va_end(args);
}

static int compare_faults(const void *left, const void *right)
{
    const struct config_fault *a = left;
    const struct config_fault *b = right;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static void print_fault(const struct config_faults *f, const struct config_fault *fault, FILE *out)
{
    fprintf(out, "%s:", f->source);
    if (fault->line)
        fprintf(out, "%u:", fault->line);
    if (fault->pointer[0])
        fprintf(out, " %s:", fault->pointer);
    fprintf(out, " %s\n", fault->text);
}

bool config_faults_report(struct config_faults *f, FILE *errors)
{
    size_t told = f->count < FAULTS_MAX ? f->count : FAULTS_MAX;
    bool none = f->count == 0 && !f->failed;

    if (f->failed)
        fprintf(errors, "%s: out of memory\n", f->source);
    else if (told)
        qsort(f->list, told, sizeof *f->list, compare_faults);
    for (size_t i = 0; i < told && !f->failed; i++)
        print_fault(f, &f->list[i], errors);
    if (f->count > told)
        fprintf(errors, "%s: and %zu more\n", f->source, f->count - told);
    free(f->list);
    *f = (struct config_faults){.source = f->source, .positions = f->positions};
    return none;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance: letters to change, add or leave out. Both at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *config_nearest(const char *word, const char *const *words)
{
    size_t length = strlen(word);
    size_t best = length <= 3 ? 2 : 3; /* exclusive */
    const char *nearest = NULL;

    if (length > WORD_MAX)
        return NULL;
    for (; *words; words++) {
        size_t d = strlen(*words) <= WORD_MAX ? distance(word, *words) : best;
        if (d < best) {
            best = d;
            nearest = *words;
        }
    }
    return nearest;
}
