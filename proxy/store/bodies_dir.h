/*
 * An account's directory of bodies, accounts/NAME/bodies: what the files in it are called, and what
 * is found there when the account is opened.
 *
 *     2.heads  2.mails   headers and wholes of many contents, as the upstream sent them, those
 *                        that are small: the second such pack (proxy/store/bodies_records.h)
 *     2.mimes            their structures, as translate/mime/mime_json.h writes them
 *     2.digest           their headers as SEARCH compares them (translate/mime/mime_search.h)
 *     2.envelope         what IMAP says of them, ready to be sent (proxy/store/bodies_texts.c)
 *     2.structure
 *     7.head  7.mail     the header, the whole and the structure of content 7 by itself, where that
 *     7.mime             is large
 *     m-12               a message that must not be lost
 *     t-3                one that is being written; a leftover when found at the opening
 *
 * Names are made from numbers of ours only, so none leads out of the directory. The directory is
 * opened for each piece of work anew: nothing is shared between threads, and an account that was
 * never written to has none. All of this blocks: it is for the thread pool.
 *
 * Packs are counted from 1. Earlier versions had one of each kind, `0.head` and so on, and a file
 * for each small message: the former are swept, the latter found as those of large ones are.
 */
#ifndef PROXY_STORE_BODIES_DIR_H
#define PROXY_STORE_BODIES_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bodies_kind {
    BODIES_HEAD,
    BODIES_MAIL,
    BODIES_MIME,
    BODIES_HEADS, /* from here on packs: what a content is to the others, a number is to them */
    BODIES_MAILS,
    BODIES_MIMES,
    BODIES_DIGEST,
    BODIES_ENVELOPE,
    BODIES_STRUCTURE,
    BODIES_KINDS,
};

static inline bool bodies_is_pack(enum bodies_kind kind)
{
    return kind >= BODIES_HEADS;
}

enum { BODIES_NAME = 32 };

/* `content`: of a pack its number. */
void bodies_name(char name[BODIES_NAME], uint32_t content, enum bodies_kind kind);
void bodies_key_name(char name[BODIES_NAME], uint64_t number);
void bodies_temporary_name(char name[BODIES_NAME], uint64_t number);

/* Whether a key can be one that bodies_key_name() made: it comes from the state, which a person may
 * have edited. */
bool bodies_key_is_valid(const char *key);

/* The same, and the number that it was made of. */
bool bodies_key_number(const char *key, uint64_t *number);

/* `accounts` is the directory of all accounts, `account` the name in it. Negative with errno:
 * ENOENT when there is none and it is not to be made. */
int bodies_dir_open(int accounts, const char *account, bool make);

/* Puts the directory's entries on the disk, and its own and the account's too, which may be new.
 * False with errno. */
bool bodies_dir_sync(int accounts, const char *account, int dir);

/* A file of the cache that was found. */
struct bodies_found {
    uint32_t content; /* or a pack's number */
    enum bodies_kind kind;
    uint64_t size;
    int64_t written; /* ns since 1970 */
};

struct bodies_scan {
    struct bodies_found *files; /* owned by the caller; the longest unchanged first */
    size_t count;
    size_t capacity;
    uint64_t key_next; /* above every key that is there */
};

/* Looks at what is there, and takes leftovers away; with `clear` the cache too, and no crash brings
 * it back: the numbers it is named for are about to be given to other messages. Files that it does
 * not know are left alone. False with errno. Nothing there is nothing found. */
bool bodies_dir_scan(int accounts, const char *account, bool clear, struct bodies_scan *scan);

/* An account's cache, as its files tell. */
struct bodies_cache {
    uint64_t octets;
    int64_t changed; /* ns since 1970: when a file last came or went */
};

/* Measures the cache; with `clear` deletes it, and `octets` is what was there. Nothing else is
 * touched, so that it may be done while the account is open. False with errno. */
bool bodies_dir_cache(int accounts, const char *account, bool clear, struct bodies_cache *cache);

#endif
