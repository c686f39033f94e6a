/*
 * The keys of the configuration file as a table: what each is called, what it may hold, what it is
 * when it is left out, and where in `struct config` it goes. The reader is driven by it, and the
 * unit test compares it with config/mailferry.schema.json, so that neither knows a key that the
 * other does not.
 */
#ifndef PROXY_CONFIG_KEY_H
#define PROXY_CONFIG_KEY_H

#include "proxy/config.h"

enum config_type {
    CONFIG_STRING, /* char *, or what `accept` makes of it */
    CONFIG_FLAG,   /* bool */
    CONFIG_NUMBER, /* unsigned */
    CONFIG_SIZE,   /* size_t */
    CONFIG_WORD,   /* one of `words`, its index as an unsigned, an int or an enum */
    CONFIG_CHOICE, /* one of two `words`: bool */
    CONFIG_SET,    /* a list of `words`, at least one, as a set of bits: uint32_t, the first of them
                      bit 0; left out: 0 */
    CONFIG_STRINGS, /* char **, at least one, or without a default none; their number at
                       count_offset */
    CONFIG_GROUP,   /* an object whose fields are part of the same struct, from `offset` on */
    CONFIG_LIST,    /* an array of objects: a pointer to structs, their number at count_offset */
    CONFIG_IGNORED, /* a string of no meaning here */
};

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset;
    size_t count_offset;
    bool required;            /* a list: with at least one element */
    const char *text;         /* default of a string, of the only one of strings; NULL: none */
    unsigned number;          /* default of a number, size, flag, word or choice; for a number
                    outside of min and max: none */
    unsigned min;             /* of a number or size */
    unsigned max;             /* the same */
    const char *const *words; /* ends with NULL */
    const struct config_object *object; /* of a group or list */

    /* Turns a string into the field. `c` is what was read so far. False with a sentence in `*why`,
     * or out of memory with kind FAILURE_TEMPORARY; then the field owns nothing. NULL: a copy. */
    bool (*accept)(const struct config *c, const char *text, void *field, struct failure *why);
};

struct config_object {
    const struct config_key *keys;
    size_t count;
    size_t size; /* of the struct, for elements of lists */
};

/* Values of route.listener that are no index. Unknown is never in a finished configuration. */
enum { CONFIG_LISTENER_UNKNOWN = -2, CONFIG_LISTENER_EVERY = -1 };

/* The whole file. */
extern const struct config_object config_root;

/* NULL-terminated, in the order of the enums they stand for. */
extern const char *const config_deletions[];
extern const char *const config_client_users[];
extern const char *const config_unlisted[];
extern const char *const config_tls_minimums[];
extern const char *const config_mechanisms[]; /* enum sasl_mechanism_bit, from bit 0 on */
extern const char *const config_devices[];
extern const char *const config_grants[]; /* enum oauth_grant */
extern const char *const config_auth_protocols[];
extern const char *const config_log_levels[];
extern const char *const config_log_formats[];

#endif
