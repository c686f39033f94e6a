#include "proxy/store/bodies_records.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

enum { MAGIC = 0x3144484d, PLACES_FIRST = 64, WINDOW = 96 << 10, AHEAD = 32 << 10 };

/* In the machine's own order of octets: on another machine it is damaged, and begun anew. */
struct record {
    uint32_t magic;
    uint32_t content;
    uint32_t length;
    uint32_t check;
};

_Static_assert((int)WINDOW > (int)BODIES_RECORD_MAX + (int)sizeof(struct record),
               "a record fits into the window");

static uint32_t check_of(uint32_t content, struct slice octets)
{
    uint32_t words[2] = {content, (uint32_t)octets.n};
    uLong crc = crc32(0, (const Bytef *)words, sizeof words);

    return (uint32_t)crc32(crc, (const Bytef *)octets.p, (uInt)octets.n);
}

/* ---- places ------------------------------------------------------------------------------- */

/* The content's place, or the free one where it would be. */
static struct bodies_place *find(struct bodies_place *places, size_t capacity, uint32_t content)
{
    size_t at = (content * 2654435761U) & (capacity - 1);

    while (places[at].content && places[at].content != content)
        at = (at + 1) & (capacity - 1);
    return &places[at];
}

static bool grow(struct bodies_records *r)
{
    size_t capacity = r->capacity ? 2 * r->capacity : PLACES_FIRST;
    struct bodies_place *places = calloc(capacity, sizeof *places);

    if (!places)
        return false;
    for (size_t i = 0; i < r->capacity; i++)
        if (r->places[i].content)
            *find(places, capacity, r->places[i].content) = r->places[i];
    free(r->places);
    r->places = places;
    r->capacity = capacity;
    return true;
}

/* The record that was written last counts. */
static bool note(struct bodies_records *r, uint32_t content, uint64_t offset, uint32_t length)
{
    if (4 * (r->count + 1) > 3 * r->capacity && !grow(r))
        return false;
    struct bodies_place *place = find(r->places, r->capacity, content);
    r->count += place->content == 0;
    *place = (struct bodies_place){content, length, offset};
    return true;
}

static void forget_all(struct bodies_records *r)
{
    free(r->places);
    r->places = NULL;
    r->capacity = r->count = 0;
    r->end = 0;
    r->window_n = 0;
}

void bodies_records_init(struct bodies_records *r, enum bodies_kind kind)
{
    *r = (struct bodies_records){.kind = kind, .fd = -1};
}

void bodies_records_clear(struct bodies_records *r)
{
    bodies_records_close(r);
    forget_all(r);
}

/* ---- the file ----------------------------------------------------------------------------- */

/* So many octets at `offset`, valid until the next call; fewer at the end of the file. */
static struct slice look(struct bodies_records *r, uint64_t offset, size_t n)
{
    if (offset < r->window_at || offset + n > r->window_at + r->window_n) {
        ssize_t got = bodies_pread(r->fd, r->window, n > AHEAD ? n : AHEAD, offset);
        r->window_at = offset;
        r->window_n = got > 0 ? (size_t)got : 0;
    }
    size_t skip = (size_t)(offset - r->window_at);
    size_t there = r->window_n - skip;
    return slice_make(r->window + skip, there < n ? there : n);
}

/* The record at `offset`, whole and undamaged. */
static bool read_record(struct bodies_records *r, uint64_t offset, struct record *record,
                        struct slice *octets)
{
    struct slice head = look(r, offset, sizeof *record);

    if (head.n < sizeof *record)
        return false;
    memcpy(record, head.p, sizeof *record);
    if (record->magic != MAGIC || record->content == 0 || record->length > BODIES_RECORD_MAX)
        return false;
    struct slice all = look(r, offset, sizeof *record + record->length);
    if (all.n < sizeof *record + record->length)
        return false;
    slice_take(&all, sizeof *record);
    *octets = all;
    return record->check == check_of(record->content, all);
}

/* Finds what is there; from the first record on that is damaged, or was cut by a crash, the file is
 * overwritten. */
static bool load(struct bodies_records *r)
{
    struct record record;
    struct slice octets;

    forget_all(r);
    while (read_record(r, r->end, &record, &octets)) {
        if (!note(r, record.content, r->end + sizeof record, record.length))
            return false;
        r->end += sizeof record + record.length;
    }
    return ftruncate(r->fd, (off_t)r->end) == 0;
}

/* True when the places in memory are those of this file: it may have been evicted meanwhile. */
static bool prepare(struct bodies_records *r, uint64_t most)
{
    struct stat st;

    if (fstat(r->fd, &st) != 0)
        return false;
    if ((uint64_t)st.st_size > most) {
        forget_all(r);
        return ftruncate(r->fd, 0) == 0;
    }
    return (r->end && (uint64_t)st.st_size == r->end) || load(r);
}

bool bodies_records_open(struct bodies_records *r, int dir, uint64_t most)
{
    char name[BODIES_NAME];

    bodies_name(name, 0, r->kind);
    r->fd = disk_open(dir, name, O_RDWR | O_CREAT);
    r->window = r->fd >= 0 ? malloc(WINDOW) : NULL;
    r->window_n = 0;
    if (r->window && prepare(r, most))
        return true;
    bodies_records_clear(r);
    return false;
}

void bodies_records_close(struct bodies_records *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->window);
    r->fd = -1;
    r->window = NULL;
    r->window_n = 0;
}

bool bodies_records_get(struct bodies_records *r, uint32_t content, struct buf *out)
{
    const struct bodies_place *place = r->capacity ? find(r->places, r->capacity, content) : NULL;
    struct record record;
    struct slice octets;

    if (!place || place->content == 0)
        return false;
    if (read_record(r, place->offset - sizeof record, &record, &octets) &&
        record.content == content) {
        buf_put(out, octets);
        return true;
    }
    forget_all(r); /* who damaged one may have damaged others */
    if (ftruncate(r->fd, 0) != 0)
        bodies_records_close(r);
    return false;
}

static bool write_at(int fd, struct slice octets, uint64_t offset)
{
    return lseek(fd, (off_t)offset, SEEK_SET) >= 0 && disk_write(fd, octets);
}

void bodies_records_put(struct bodies_records *r, uint32_t content, struct slice octets)
{
    struct record record = {.magic = MAGIC, .content = content, .length = (uint32_t)octets.n};
    struct buf all = BUF_INIT;

    if (r->fd < 0 || octets.n > BODIES_RECORD_MAX)
        return;
    record.check = check_of(content, octets);
    buf_put(&all, slice_make((const char *)&record, sizeof record));
    buf_put(&all, octets);
    r->window_n = 0;
    if (!buf_failed(&all) && write_at(r->fd, buf_slice(&all), r->end) &&
        note(r, content, r->end + sizeof record, record.length))
        r->end += buf_size(&all);
    buf_clear(&all);
}
