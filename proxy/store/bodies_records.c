#include "proxy/store/bodies_records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

enum {
    MAGIC = 0x3144484d,
    WINDOW = 160 << 10,
    AHEAD = 32 << 10,      /* read at once, for the records behind */
    AHEAD_HEADS = 4 << 10, /* where only their beginnings are wanted */
    APART = 4 << 10        /* octets of a record that is read by itself, where it is wanted */
};

/* In the machine's own order of octets: on another machine it is damaged, and begun anew. */
struct record {
    uint32_t magic;
    uint32_t content;
    uint32_t length;
    uint32_t check;
};

_Static_assert((int)WINDOW > (int)BODIES_RECORD_MAX + (int)sizeof(struct record),
               "a record fits into the window, and into the tail");
_Static_assert(BODIES_RECORDS_PACK < INT32_MAX, "offsets in a pack fit into a place");

static uint32_t check_of(uint32_t content, struct slice octets)
{
    uint32_t words[2] = {content, (uint32_t)octets.n};
    uLong crc = crc32(0, (const Bytef *)words, sizeof words);

    return (uint32_t)crc32(crc, (const Bytef *)octets.p, (uInt)octets.n);
}

void bodies_records_init(struct bodies_records *r, enum bodies_kind kind, uint64_t cache)
{
    uint64_t most = cache / BODIES_RECORDS_IN_CACHE;

    *r = (struct bodies_records){.kind = kind,
                                 .most = most < BODIES_RECORDS_PACK ? most : BODIES_RECORDS_PACK,
                                 .dir = -1,
                                 .fd = -1};
}

void bodies_records_clear(struct bodies_records *r)
{
    if (!r)
        return;
    bodies_places_clear(&r->places);
    free(r->unread);
    r->unread = NULL;
    r->unread_count = 0;
}

bool bodies_records_found(struct bodies_records *r, uint32_t number)
{
    uint32_t *unread = r ? reallocarray(r->unread, r->unread_count + 1, sizeof *unread) : NULL;

    if (!unread)
        return false;
    r->unread = unread;
    r->unread[r->unread_count++] = number;
    return true;
}

/* ---- packs -------------------------------------------------------------------------------- */

static void leave(struct bodies_records *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->window_n = 0;
}

/* The pack is gone, or not to be trusted: who damaged one record may have damaged others. What is
 * to be written into it goes with it. */
static void drop(struct bodies_records *r, uint32_t number)
{
    char name[BODIES_NAME];

    if (r->pack == number)
        leave(r);
    if (r->last == number) {
        r->open = false;
        r->tail_n = 0;
    }
    bodies_places_forget(&r->places, number, 0);
    bodies_name(name, number, r->kind);
    (void)unlinkat(r->dir, name, 0);
    bodies_tally_note(r->tally, r->kind, number, BODIES_GONE, 0);
}

/* Opens a pack. False with errno. */
static bool use(struct bodies_records *r, uint32_t number)
{
    char name[BODIES_NAME];

    if (r->fd >= 0 && r->pack == number)
        return true;
    leave(r);
    bodies_name(name, number, r->kind);
    r->fd = disk_open(r->dir, name, O_RDWR);
    r->pack = number;
    if (r->fd >= 0)
        return true;
    int error = errno;
    if (error == ENOENT)
        drop(r, number);
    errno = error;
    return false;
}

static bool begin_pack(struct bodies_records *r)
{
    char name[BODIES_NAME];

    leave(r);
    bodies_name(name, r->last + 1, r->kind);
    r->fd = disk_open(r->dir, name, O_RDWR | O_CREAT | O_TRUNC);
    if (r->fd < 0)
        return false;
    r->pack = ++r->last;
    r->end = 0;
    r->open = r->checked = true;
    return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool has_window(struct bodies_records *r)
{
    if (!r->window)
        r->window = malloc(WINDOW);
    return r->window != NULL;
}

/* So many octets at `offset`, valid until the next call; fewer at the end of the file. When they
 * have to be read, then at least `ahead`. */
static struct slice look(struct bodies_records *r, uint64_t offset, size_t n, size_t ahead)
{
    if (offset < r->window_at || offset + n > r->window_at + r->window_n) {
        ssize_t got = bodies_pread(r->fd, r->window, n > ahead ? n : ahead, offset);
        r->window_at = offset;
        r->window_n = got > 0 ? (size_t)got : 0;
    }
    size_t skip = (size_t)(offset - r->window_at);
    size_t there = r->window_n - skip;
    return slice_make(r->window + skip, there < n ? there : n);
}

static bool is_sound(const struct record *record)
{
    return record->magic == MAGIC && record->content != 0 && record->length <= BODIES_RECORD_MAX;
}

static bool is_of(const struct record *record, const struct bodies_place *place)
{
    return is_sound(record) && record->content == place->content && record->length == place->length;
}

static bool read_head(struct bodies_records *r, uint64_t offset, size_t ahead,
                      struct record *record)
{
    struct slice head = look(r, offset, sizeof *record, ahead);

    if (head.n < sizeof *record)
        return false;
    memcpy(record, head.p, sizeof *record);
    return is_sound(record);
}

/* The record's octets, whole and undamaged, into `out`. */
static bool read_record(struct bodies_records *r, const struct bodies_place *place, struct buf *out)
{
    struct slice octets;
    struct record record;
    uint64_t offset = place->offset - sizeof record;

    if (!read_head(r, offset, AHEAD, &record) || !is_of(&record, place))
        return false;
    octets = look(r, offset, sizeof record + record.length, AHEAD);
    if (octets.n < sizeof record + record.length)
        return false;
    slice_take(&octets, sizeof record);
    if (record.check != check_of(record.content, octets))
        return false;
    buf_put(out, octets);
    return true;
}

/* Right behind what is in `out`, without a way through the window. */
static bool read_apart(const struct bodies_records *r, const struct bodies_place *place,
                       struct buf *out)
{
    struct record record;
    char *p = buf_reserve(out, place->length);
    struct iovec parts[] = {{&record, sizeof record}, {p, place->length}};
    ssize_t n;

    if (!p)
        return true; /* who has `out` sees that it failed */
    do {
        n = preadv(r->fd, parts, 2, (off_t)(place->offset - sizeof record));
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)(sizeof record + place->length) || !is_of(&record, place) ||
        record.check != check_of(place->content, slice_make(p, place->length)))
        return false;
    buf_added(out, place->length);
    return true;
}

static bool is_in_tail(const struct bodies_records *r, const struct bodies_place *place)
{
    return r->tail_n && place->pack == r->last && place->offset >= r->end;
}

bool bodies_records_has(struct bodies_records *r, uint32_t content)
{
    const struct bodies_place *place = r ? bodies_places_find(&r->places, content) : NULL;

    return place && (is_in_tail(r, place) || use(r, place->pack));
}

bool bodies_records_get(struct bodies_records *r, uint32_t content, struct buf *out)
{
    const struct bodies_place *place = r ? bodies_places_find(&r->places, content) : NULL;

    if (!place)
        return false;
    uint32_t pack = place->pack;
    if (is_in_tail(r, place)) {
        buf_put(out, slice_make(r->tail + (place->offset - r->end), place->length));
        return true;
    }
    bool apart = place->length >= APART;
    if (!use(r, pack) || (!apart && !has_window(r)))
        return false;
    if (!(apart ? read_apart(r, place, out) : read_record(r, place, out))) {
        drop(r, pack);
        return false;
    }
    bodies_tally_note(r->tally, r->kind, pack, BODIES_USED, 0);
    return true;
}

/* ---- what was there before ---------------------------------------------------------------- */

/* Up to the first record that is damaged, or was cut by a crash; what stands behind it is cut off
 * too. Octets are not looked at before they are read. */
static void load_pack(struct bodies_records *r, uint32_t number)
{
    struct record record;
    struct stat st;
    uint64_t end = 0;

    r->last = number;
    r->open = false;
    if (!use(r, number) || fstat(r->fd, &st) != 0)
        return;
    uint64_t size = st.st_size < INT32_MAX ? (uint64_t)st.st_size : INT32_MAX;
    while (read_head(r, end, AHEAD_HEADS, &record) && end + sizeof record + record.length <= size) {
        struct bodies_place place = {record.content, number, (uint32_t)(end + sizeof record),
                                     record.length};
        if (!bodies_places_put(&r->places, &place))
            return;
        end += sizeof record + record.length;
    }
    r->end = end;
    r->open = ftruncate(r->fd, (off_t)end) == 0;
    if (end != size)
        bodies_tally_note(r->tally, r->kind, number, BODIES_GREW, end);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The record that was written last counts. */
static void load(struct bodies_records *r)
{
    qsort(r->unread, r->unread_count, sizeof *r->unread, ascending);
    for (size_t i = 0; i < r->unread_count; i++)
        load_pack(r, r->unread[i]);
    free(r->unread);
    r->unread = NULL;
    r->unread_count = 0;
}

void bodies_records_begin(struct bodies_records *r, int dir, struct bodies_tally *tally)
{
    r->dir = dir;
    r->tally = tally;
    r->checked = false;
    if (r->unread_count && has_window(r))
        load(r);
}

void bodies_records_seal(struct bodies_records *r)
{
    r->open = false;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool write_tail(struct bodies_records *r)
{
    return use(r, r->last) && lseek(r->fd, (off_t)r->end, SEEK_SET) >= 0 &&
           disk_write(r->fd, slice_make(r->tail, r->tail_n));
}

/* What could not be written was never there. */
static void undo(struct bodies_records *r)
{
    bodies_places_forget(&r->places, r->last, r->end);
    r->tail_n = 0;
    if (r->fd < 0 || r->end == 0 || ftruncate(r->fd, (off_t)r->end) != 0)
        drop(r, r->last);
}

bool bodies_records_flush(struct bodies_records *r)
{
    if (!r || r->tail_n == 0)
        return true;
    bool written = write_tail(r);
    int error = errno;
    if (written) {
        r->end += r->tail_n;
        r->tail_n = 0;
        r->window_n = 0;
        bodies_tally_note(r->tally, r->kind, r->last, BODIES_GREW, r->end);
    } else {
        undo(r);
    }
    errno = error;
    return written;
}

static bool is_as_left(struct bodies_records *r)
{
    struct stat st;

    if (r->open && !r->checked)
        r->open = use(r, r->last) && fstat(r->fd, &st) == 0 && (uint64_t)st.st_size == r->end;
    r->checked = true;
    return r->open;
}

/* Behind what is there is room for so many octets, in the tail and in the pack. */
static bool make_room(struct bodies_records *r, size_t n)
{
    uint64_t end = r->end + r->tail_n;

    if (r->unread_count || (!r->tail && !(r->tail = malloc(WINDOW)))) {
        errno = ENOMEM;
        return false;
    }
    if (!is_as_left(r) || (end && end + n > r->most))
        return bodies_records_flush(r) && begin_pack(r);
    return r->tail_n + n <= WINDOW || bodies_records_flush(r);
}

static void append(struct bodies_records *r, const void *octets, size_t n)
{
    memcpy(r->tail + r->tail_n, octets, n);
    r->tail_n += n;
}

bool bodies_records_put(struct bodies_records *r, uint32_t content, struct slice octets)
{
    struct record record = {.magic = MAGIC, .content = content, .length = (uint32_t)octets.n};

    if (octets.n > BODIES_RECORD_MAX) {
        errno = EFBIG;
        return false;
    }
    if (!r) {
        errno = ENOMEM;
        return false;
    }
    if (!make_room(r, sizeof record + octets.n))
        return false;
    uint64_t offset = r->end + r->tail_n + sizeof record;
    struct bodies_place place = {content, r->last, (uint32_t)offset, record.length};
    if (!bodies_places_put(&r->places, &place)) {
        errno = ENOMEM;
        return false;
    }
    record.check = check_of(content, octets);
    append(r, &record, sizeof record);
    append(r, octets.p, octets.n);
    return true;
}

void bodies_records_end(struct bodies_records *r)
{
    if (!r)
        return;
    (void)bodies_records_flush(r);
    leave(r);
    free(r->window);
    free(r->tail);
    r->window = r->tail = NULL;
}
