/*
 * Reads and writes endpoint URLs. A URL is taken apart from the left: scheme, then either a unix
 * path or host and port, then the parameters; each step has its own function and its own sentences.
 */
#include "proxy/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum { HOST_MAX = 253 }; /* characters of a domain name */

static const struct scheme {
    const char *name;
    enum endpoint_protocol protocol;
    enum endpoint_tls tls;
    uint16_t port;
} schemes[] = {
    {"pop3", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 110},
    {"pop3s", ENDPOINT_POP3, ENDPOINT_TLS_IMPLICIT, 995},
    {"imap", ENDPOINT_IMAP, ENDPOINT_TLS_AUTO, 143},
    {"imaps", ENDPOINT_IMAP, ENDPOINT_TLS_IMPLICIT, 993},
};

static bool refuse(struct failure *why, const char *sentence)
{
    failure_set(why, FAILURE_PERMANENT, "%s", sentence);
    return false;
}

static bool out_of_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory");
    return false;
}

static const struct scheme *scheme_find(struct slice name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (slice_is_nocase(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

/* Takes everything before the first `c` off the front of `*rest`, and `c` too; all when there is
 * none. `*found` tells which. */
static struct slice take_until(struct slice *rest, char c, bool *found)
{
    const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    struct slice head = slice_take(rest, at ? (size_t)(at - rest->p) : rest->n);

    *found = at != NULL;
    if (at)
        slice_take(rest, 1);
    return head;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* An owned copy with each %XX replaced (RFC 3986 section 2.1). */
static bool percent_decode(char **out, struct slice text, struct failure *why)
{
    char *copy = slice_dup(text);
    size_t used = 0;

    if (!copy)
        return out_of_memory(why);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
            int low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                free(copy);
                return refuse(why, "a % is followed by two hex digits, not 00; write %25 for the "
                                   "character itself");
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        copy[used++] = c;
    }
    copy[used] = '\0';
    *out = copy;
    return true;
}

static bool parse_port(struct endpoint *e, struct slice text, struct failure *why)
{
    uint64_t port = 0;

    if (!slice_number(text, UINT16_MAX, &port) || port == 0)
        return refuse(why, "the port is not a number from 1 to 65535");
    e->port = (uint16_t)port;
    return true;
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* A name or an IPv4 address. What looks like an address must be one: "10.0.0.256" is no name. */
static bool check_host_name(const char *host, struct failure *why)
{
    struct in_addr ignored;
    size_t n = strlen(host);

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)host[i] >= 0x80)
            return refuse(why, "write an international host name in its xn-- form");
        else if (!is_host_character(host[i]))
            return refuse(why, "the host holds a character that no host name has");
    if (n > HOST_MAX || host[0] == '.' || host[0] == '-' || strstr(host, ".."))
        return refuse(why, "the host is not a host name");
    if (strspn(host, "0123456789.") == n && inet_pton(AF_INET, host, &ignored) != 1)
        return refuse(why, "the host is not an IPv4 address such as 192.0.2.1");
    return true;
}

/* An IPv6 address without its brackets; the "25" of a zone's "%25" (RFC 6874) is taken out. */
static bool check_host_ipv6(char *host, struct failure *why)
{
    struct in6_addr ignored;
    char *zone = strchr(host, '%');

    if (zone)
        *zone = '\0';
    if (inet_pton(AF_INET6, host, &ignored) != 1)
        return refuse(why, "what stands in brackets is not an IPv6 address such as [2001:db8::1]");
    if (!zone)
        return true;
    *zone++ = '%';
    if (strncmp(zone, "25", 2) == 0)
        memmove(zone, zone + 2, strlen(zone + 2) + 1);
    if (*zone == '\0' || strpbrk(zone, "%/[]:"))
        return refuse(why, "the zone behind the IPv6 address is not an interface name");
    return true;
}

/* `*rest` is what follows the host: nothing, or ":PORT". */
static bool parse_host(struct endpoint *e, struct slice *rest, struct failure *why)
{
    bool ipv6 = rest->n && rest->p[0] == '[';
    struct slice host;

    if (ipv6) {
        bool closed;
        slice_take(rest, 1);
        host = take_until(rest, ']', &closed);
        if (!closed)
            return refuse(why, "the ] behind the IPv6 address is missing");
    } else {
        const char *colon = rest->n ? memchr(rest->p, ':', rest->n) : NULL;
        host = slice_take(rest, colon ? (size_t)(colon - rest->p) : rest->n);
    }
    e->host = host.n == 0 && !ipv6 ? strdup("*") : slice_dup(host);
    if (!e->host)
        return out_of_memory(why);
    if (ipv6)
        return check_host_ipv6(e->host, why);
    return strcmp(e->host, "*") == 0 || check_host_name(e->host, why);
}

static bool parse_authority(struct endpoint *e, struct slice text, struct failure *why)
{
    bool slash;
    struct slice rest = take_until(&text, '/', &slash);

    if (rest.n && memchr(rest.p, '@', rest.n))
        return refuse(why, "a URL here holds no user or password: the client's own login is sent");
    if (rest.n && rest.p[0] != '[' && memchr(rest.p, ':', rest.n) != memrchr(rest.p, ':', rest.n))
        return refuse(why, "an IPv6 address is written in brackets, as in [::1]:110");
    if (text.n)
        return refuse(why, "nothing may follow host and port but parameters; folders are chosen by "
                           "the route's pop3.folders");
    if (!parse_host(e, &rest, why))
        return false;
    if (rest.n == 0)
        return true;
    if (rest.p[0] != ':')
        return refuse(why, "only a port can follow the brackets, as in [::1]:110");
    slice_take(&rest, 1);
    return parse_port(e, rest, why);
}

static bool parse_unix_path(struct endpoint *e, struct slice text, struct failure *why)
{
    if (!percent_decode(&e->unix_path, text, why))
        return false;
    if (e->unix_path[0] != '/')
        return refuse(why, "a unix socket is written with its whole path, as in "
                           "imap+unix:/run/imap.sock");
    if (strlen(e->unix_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return refuse(why, "the path of a unix socket is at most 107 octets");
    return true;
}

static bool set_tls(struct endpoint *e, struct slice value, struct failure *why)
{
    bool off = slice_is(value, "off");

    if (!off && !slice_is(value, "starttls"))
        return refuse(why, "tls= is starttls or off; for TLS from the first octet write pop3s:// "
                           "or imaps://");
    if (e->tls == ENDPOINT_TLS_IMPLICIT)
        return refuse(why, "tls= is for pop3:// and imap://: this one is TLS from the first octet");
    if (e->unix_path && !off)
        return refuse(why, "a unix socket has no TLS: leave tls= out");
    e->tls = off ? ENDPOINT_TLS_OFF : ENDPOINT_TLS_STARTTLS;
    return true;
}

static bool set_ca(struct endpoint *e, struct slice value, struct failure *why)
{
    if (value.n == 0)
        return refuse(why, "ca= names a PEM file or a directory of them");
    return percent_decode(&e->ca, value, why);
}

static bool set_verify(struct endpoint *e, struct slice value, struct failure *why)
{
    if (!slice_is(value, "off") && !slice_is(value, "on"))
        return refuse(why, "verify= is on or off");
    e->verify = slice_is(value, "on");
    return true;
}

static const struct parameter {
    const char *name;
    bool (*set)(struct endpoint *e, struct slice value, struct failure *why);
} parameters[] = {
    {"tls", set_tls},
    {"ca", set_ca},
    {"verify", set_verify},
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

static size_t parameter_find(struct slice name)
{
    size_t i = 0;

    while (i < PARAMETERS && !slice_is(name, parameters[i].name))
        i++;
    return i;
}

static bool parse_parameters(struct endpoint *e, struct slice text, struct failure *why)
{
    bool seen[PARAMETERS] = {false};

    for (bool more = true; more;) {
        struct slice value = take_until(&text, '&', &more);
        bool given;
        struct slice name = take_until(&value, '=', &given);
        size_t i = parameter_find(name);
        if (i == PARAMETERS)
            return refuse(why, "a parameter is not known; there are tls=, ca= and verify=");
        if (seen[i])
            return refuse(why, "a parameter is given twice");
        seen[i] = true;
        if (!parameters[i].set(e, value, why))
            return false;
    }
    return true;
}

/* Takes "pop3://" or "pop3+unix:" off the front of `*rest`. */
static bool parse_scheme(struct endpoint *e, struct slice *rest, bool *is_unix, struct failure *why)
{
    bool colon;
    struct slice name = take_until(rest, ':', &colon);
    struct slice suffix = slice_of("+unix");

    *is_unix = name.n > suffix.n &&
               slice_equal_nocase(slice_make(name.p + name.n - suffix.n, suffix.n), suffix);
    if (*is_unix)
        name.n -= suffix.n;
    const struct scheme *scheme = colon ? scheme_find(name) : NULL;
    if (!scheme)
        return refuse(why, "it does not begin with pop3://, pop3s://, imap://, imaps://, "
                           "pop3+unix:/ or imap+unix:/");
    if (*is_unix && scheme->tls == ENDPOINT_TLS_IMPLICIT)
        return refuse(why, "a unix socket has no TLS: write pop3+unix: or imap+unix:");
    if (!*is_unix && (rest->n < 2 || memcmp(rest->p, "//", 2) != 0))
        return refuse(why, "// is missing behind the scheme");
    if (!*is_unix)
        slice_take(rest, 2);
    e->protocol = scheme->protocol;
    e->tls = *is_unix ? ENDPOINT_TLS_OFF : scheme->tls;
    e->port = *is_unix ? 0 : scheme->port;
    return true;
}

bool endpoint_parse(struct endpoint *e, struct slice url, struct failure *why)
{
    bool is_unix = false;
    bool has_parameters;

    *e = (struct endpoint){.verify = true};
    if (slice_has_nul(url))
        return refuse(why, "it holds a NUL character");
    if (!parse_scheme(e, &url, &is_unix, why))
        return false;
    struct slice address = take_until(&url, '?', &has_parameters);
    if ((is_unix ? parse_unix_path(e, address, why) : parse_authority(e, address, why)) &&
        (!has_parameters || parse_parameters(e, url, why)))
        return true;
    endpoint_clear(e);
    return false;
}

/* Passwords never cross a network in the clear to a server that only DNS has named: TLS is not left
 * to choice. */
static bool parse_automatic(struct endpoint *e, struct slice query, struct failure *why)
{
    *e = (struct endpoint){.verify = true, .automatic = true, .tls = ENDPOINT_TLS_STARTTLS};
    if (query.n == 0)
        return true;
    slice_take(&query, 1);
    if (query.n > 3 && memcmp(query.p, "ca=", 3) == 0) {
        slice_take(&query, 3);
        return set_ca(e, query, why);
    }
    return refuse(why, "the only parameter of auto is ca=");
}

bool endpoint_parse_upstream(struct endpoint *e, struct slice url, struct failure *why)
{
    struct slice rest = url;
    struct slice word = slice_take(&rest, rest.n < 4 ? rest.n : 4);

    if (!slice_is_nocase(word, "auto") || (rest.n && rest.p[0] != '?') || slice_has_nul(url))
        return endpoint_parse(e, url, why);
    if (parse_automatic(e, rest, why))
        return true;
    endpoint_clear(e);
    return false;
}

void endpoint_clear(struct endpoint *e)
{
    free(e->host);
    free(e->unix_path);
    free(e->ca);
    *e = (struct endpoint){.verify = true};
}

static const char *endpoint_scheme(const struct endpoint *e)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (schemes[i].protocol == e->protocol &&
            (schemes[i].tls == ENDPOINT_TLS_IMPLICIT) == (e->tls == ENDPOINT_TLS_IMPLICIT))
            return schemes[i].name;
    return "?";
}

void endpoint_print(const struct endpoint *e, char *out, size_t cap)
{
    const char *scheme = endpoint_scheme(e);

    if (e->automatic)
        snprintf(out, cap, "auto");
    else if (e->unix_path)
        snprintf(out, cap, "%s+unix:%s", scheme, e->unix_path);
    else if (strchr(e->host, ':'))
        snprintf(out, cap, "%s://[%s]:%u", scheme, e->host, e->port);
    else
        snprintf(out, cap, "%s://%s:%u", scheme, e->host, e->port);
}

bool endpoint_is_any(const struct endpoint *e)
{
    return e->host && strcmp(e->host, "*") == 0;
}

bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
    if (a->automatic || b->automatic)
        return a->automatic && b->automatic;
    if (a->unix_path || b->unix_path)
        return a->unix_path && b->unix_path && strcmp(a->unix_path, b->unix_path) == 0;
    return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct in_addr v4;
    struct in6_addr v6;

    if (e->automatic)
        return false;
    if (e->unix_path || strcasecmp(e->host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, e->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, e->host, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) ||
           (memcmp(v6.s6_addr, mapped, sizeof mapped) == 0 && v6.s6_addr[12] == 127);
}
