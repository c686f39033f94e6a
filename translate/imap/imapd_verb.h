/*
 * The commands of IMAP4rev1 and IMAP4rev2 (RFC 3501 and RFC 9051 section 6) and of the extensions
 * that mailferry speaks to its clients: their names, and what is true of each as data.
 */
#ifndef TRANSLATE_IMAP_IMAPD_VERB_H
#define TRANSLATE_IMAP_IMAPD_VERB_H

#include "translate/text/slice.h"

enum imapd_verb {
    IMAPD_UNKNOWN,
    IMAPD_APPEND,
    IMAPD_AUTHENTICATE,
    IMAPD_CAPABILITY,
    IMAPD_CHECK,
    IMAPD_CLOSE,
    IMAPD_COPY,
    IMAPD_CREATE,
    IMAPD_DELETE,
    IMAPD_ENABLE, /* RFC 5161 */
    IMAPD_EXAMINE,
    IMAPD_EXPUNGE, /* UID EXPUNGE: RFC 4315 */
    IMAPD_FETCH,
    IMAPD_ID,   /* RFC 2971 */
    IMAPD_IDLE, /* RFC 2177 */
    IMAPD_LIST, /* RFC 5258 */
    IMAPD_LOGIN,
    IMAPD_LOGOUT,
    IMAPD_LSUB,
    IMAPD_MOVE,      /* RFC 6851 */
    IMAPD_NAMESPACE, /* RFC 2342 */
    IMAPD_NOOP,
    IMAPD_RENAME,
    IMAPD_SEARCH,
    IMAPD_SELECT,
    IMAPD_STARTTLS,
    IMAPD_STATUS,
    IMAPD_STORE,
    IMAPD_SUBSCRIBE,
    IMAPD_UNSELECT, /* RFC 3691 */
    IMAPD_UNSUBSCRIBE,
    IMAPD_VERBS /* how many there are */
};

/* States of a session (RFC 3501 section 3). */
enum {
    IMAPD_STATE_NOT_AUTHENTICATED = 1 << 0,
    IMAPD_STATE_AUTHENTICATED = 1 << 1,
    IMAPD_STATE_SELECTED = 1 << 2,
};

/* The verb of that name in any case, IMAPD_UNKNOWN when it is none of ours. */
enum imapd_verb imapd_verb_find(struct slice name);

/* "FETCH"; "unknown" for IMAPD_UNKNOWN. */
const char *imapd_verb_name(enum imapd_verb verb);

/* The IMAPD_STATE_... bits in which it may be used; 0 for IMAPD_UNKNOWN. */
unsigned imapd_verb_states(enum imapd_verb verb);

/* True when "UID" may stand before it. */
bool imapd_verb_has_uid(enum imapd_verb verb);

/* True when nothing of its command but the name may be shown, in a log or to anybody. It is true
 * of IMAPD_UNKNOWN: a SASL response sent at the wrong time looks like that. */
bool imapd_verb_is_secret(enum imapd_verb verb);

/* What may be shown of a command: its first line, or the name of its verb. Literals are not in it.
 */
struct slice imapd_command_shown(struct slice command);

/* Longest tag that is taken. */
enum { IMAPD_TAG_MAX = 128 };

/* Takes the tag at the front of `*text`: 1 to IMAPD_TAG_MAX octets that a tag may have (RFC 3501
 * section 9), up to a space or the end. False when there is none; then `*text` is untouched. */
bool imapd_tag_take(struct slice *text, struct slice *tag);

/* The verb of a command line or of its beginning, without "UID", and in `*rest` what is behind it;
 * IMAPD_UNKNOWN when it cannot be told. */
enum imapd_verb imapd_verb_of(struct slice line, struct slice *rest);

#endif
