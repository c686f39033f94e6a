#include "proxy/place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOMAIN_MAX = 240 }; /* octets; with _imaps._tcp. before it a name of DNS */

static bool out_of_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

static bool is_domain(const char *domain)
{
    size_t n = strlen(domain);

    for (const char *c = domain; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
            return false;
    return n > 0 && n <= DOMAIN_MAX && *domain != '.' && !strstr(domain, "..");
}

static const char *domain_of(const char *user)
{
    const char *at = strrchr(user, '@');

    return at ? at + 1 : "";
}

/* An owned copy in small letters, without a last dot. */
static char *domain_copy(const char *domain)
{
    char *copy = strdup(domain);
    size_t n = copy ? strlen(copy) : 0;

    for (size_t i = 0; i < n; i++)
        copy[i] = (char)tolower((unsigned char)copy[i]);
    if (n && copy[n - 1] == '.')
        copy[n - 1] = '\0';
    return copy;
}

bool place_of_user(struct place *p, const struct config_route *r, enum endpoint_protocol protocol,
                   const char *user, struct failure *why)
{
    place_clear(p);
    p->protocol = protocol;
    if (!r->upstream.automatic)
        return true;
    if (!is_domain(domain_of(user))) {
        failure_set(why, FAILURE_AUTH,
                    "the mail server is looked for by the domain of the login; log in as "
                    "user@example.com");
        return false;
    }
    p->domain = domain_copy(domain_of(user));
    return p->domain || out_of_memory(why);
}

bool place_set_address(struct place *p, struct slice host, uint16_t port)
{
    free(p->host);
    p->host = slice_dup(host);
    p->port = port;
    return p->host != NULL;
}

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

bool place_copy(struct place *to, const struct place *from)
{
    struct place copy = {.protocol = from->protocol, .port = from->port};
    bool copied = copy_text(&copy.domain, from->domain);

    copied = copy_text(&copy.host, from->host) && copied;
    if (!copied) {
        place_clear(&copy);
        return false;
    }
    copy.reached = to->reached;
    to->reached = NULL;
    place_clear(to);
    *to = copy;
    return true;
}

void place_clear(struct place *p)
{
    free(p->domain);
    free(p->host);
    free(p->reached);
    *p = (struct place){.protocol = p->protocol};
}

const char *place_reach(struct place *p, const struct endpoint *at)
{
    free(p->reached);
    p->reached = at->host ? strdup(at->host) : NULL;
    return p->reached;
}

/* The protocols' own ports say nothing that the host does not, and a move from 143 to 993 keeps the
 * account. */
static bool is_usual_port(const struct endpoint *e)
{
    return e->port == 143 || e->port == 993;
}

char *place_account(const struct config_route *r, const char *user)
{
    const struct endpoint *e = &r->upstream;
    char *domain = e->automatic ? domain_copy(domain_of(user)) : NULL;
    char *account = NULL;
    int n = -1;

    if (e->automatic)
        n = domain ? asprintf(&account, "%s@%s", user, domain) : -1;
    else if (r->auth_http.url)
        n = asprintf(&account, "%s@%s", user, r->name);
    else if (e->unix_path)
        n = asprintf(&account, "%s@%s", user, e->unix_path);
    else if (is_usual_port(e))
        n = asprintf(&account, "%s@%s", user, e->host);
    else
        n = asprintf(&account, "%s@%s:%u", user, e->host, e->port);
    free(domain);
    return n < 0 ? NULL : account;
}
