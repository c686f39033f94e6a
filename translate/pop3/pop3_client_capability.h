/*
 * What an upstream POP3 server can do: its CAPA answer (RFC 2449, 2595, 5034, 6856), and what was
 * learned since.
 */
#ifndef TRANSLATE_POP3_POP3_CLIENT_CAPABILITY_H
#define TRANSLATE_POP3_POP3_CLIENT_CAPABILITY_H

#include "translate/sasl/sasl_mechanism.h"

/* Old servers have commands that they do not announce, others announce what they then refuse
 * (CASES U4): a command of which nothing is known is tried. */
enum pop3_support {
    POP3_SUPPORT_UNKNOWN, /* not announced, not tried */
    POP3_SUPPORT_YES,     /* announced, or has worked */
    POP3_SUPPORT_NO,      /* refused as a command that the server does not know */
};

#define POP3_EXPIRE_NEVER UINT32_MAX

struct pop3_client_capabilities {
    bool known; /* the server answered CAPA */
    enum pop3_support top;
    enum pop3_support uidl;
    bool user;
    bool stls;
    bool pipelining;
    bool resp_codes;
    bool auth_resp_code;
    bool utf8;
    bool lang;
    uint32_t mechanisms; /* bit set of enum sasl_mechanism_bit */
    bool has_expire;
    bool expire_user;     /* the days differ by user; final after the login */
    uint32_t expire_days; /* POP3_EXPIRE_NEVER; 0: what was fetched is deleted at once */
    bool login_delay_user;
    uint32_t login_delay;    /* seconds between logins; 0: none announced */
    char implementation[64]; /* cleaned, cut; "" when not given */
};

/* Takes one line of a CAPA answer; an unknown one is nothing. The struct was all zero before the
 * first; `known` is the caller's to set. */
void pop3_client_capability_take(struct pop3_client_capabilities *caps, struct slice line);

#endif
