/* Which route a login takes, and as whom it arrives upstream. */
#include "proxy/config_match.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_key.h"
#include "translate/text/buf.h"

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* On a mismatch the last `*` takes one character more: linear in memory, no recursion. `literal` is
 * a character of `text` that `?` does not match. */
static bool glob(const char *pattern, struct slice text, char literal)
{
    const char *star = NULL;
    size_t retry = 0;
    size_t i = 0;

    while (i < text.n) {
        bool any_one = *pattern == '?' && text.p[i] != literal;
        if (*pattern == '*') {
            star = pattern++;
            retry = i;
        } else if (*pattern && (any_one || same_letter(*pattern, text.p[i]))) {
            pattern++;
            i++;
        } else if (star) {
            pattern = star + 1;
            i = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool config_pattern_matches(const char *pattern, struct slice user)
{
    return glob(pattern, user, '\0');
}

/* The later pattern as if it were a user's name: its `*` stands for many characters, so that only a
 * `*` can take it. */
bool config_pattern_covers(const char *earlier, const char *later)
{
    return glob(earlier, slice_of(later), '*');
}

static const char *find_last(struct slice s, char c)
{
    return s.n ? memrchr(s.p, c, s.n) : NULL;
}

/* Splits at the separator: behind the domain its first one counts, before the domain the last. */
static bool split_folder(struct slice login, char separator, struct slice *head,
                         struct slice *folder, struct slice *tail)
{
    const char *at = login.n ? memchr(login.p, '@', login.n) : NULL;
    const char *end = login.p + login.n;
    const char *split = at ? memchr(at, separator, (size_t)(end - at)) : NULL;

    if (!split) {
        struct slice local = slice_make(login.p, at ? (size_t)(at - login.p) : login.n);
        split = find_last(local, separator);
        end = local.p + local.n;
    }
    if (!split || split == login.p || split + 1 == end)
        return false;
    *head = slice_make(login.p, (size_t)(split - login.p));
    *folder = slice_make(split + 1, (size_t)(end - split - 1));
    *tail = slice_make(end, (size_t)(login.p + login.n - end));
    return true;
}

/* The user without the folder's suffix, owned; NULL when memory is out. */
static char *take_folder(struct slice login, char separator, struct slice *folder)
{
    struct slice head = login;
    struct slice tail = {login.p + login.n, 0};

    *folder = tail;
    if (separator)
        split_folder(login, separator, &head, folder, &tail);
    char *user = malloc(head.n + tail.n + 1);
    if (!user)
        return NULL;
    memcpy(user, head.p, head.n);
    memcpy(user + head.n, tail.p, tail.n);
    user[head.n + tail.n] = '\0';
    return user;
}

bool config_route_serves(const struct config *c, const struct config_route *r, size_t listener)
{
    return r->listener == CONFIG_LISTENER_EVERY
               ? r->upstream.automatic ||
                     c->listeners[listener].endpoint.protocol != r->upstream.protocol
               : r->listener == (int)listener;
}

const struct config_route *config_find_route(const struct config *c, size_t listener,
                                             struct slice login, char **user, struct slice *folder)
{
    *user = NULL;
    *folder = slice_make(login.p, 0);
    if (login.n == 0 || slice_has_nul(login))
        return NULL;
    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        if (!config_route_serves(c, r, listener))
            continue;
        *user = take_folder(login, r->pop3.folder_separator, folder);
        if (!*user)
            return NULL;
        if (config_pattern_matches(r->match, slice_of(*user)))
            return r;
        free(*user);
        *user = NULL;
    }
    *folder = slice_make(login.p, 0);
    return NULL;
}

unsigned config_idle_seconds(const struct config_limits *limits, enum endpoint_protocol protocol)
{
    unsigned least = protocol == ENDPOINT_IMAP ? 1800 : 600;

    return limits->idle_seconds > least ? limits->idle_seconds : least;
}

char *config_route_login(const struct config_route *r, struct slice user)
{
    const char *at = find_last(user, '@');
    size_t local = at ? (size_t)(at - user.p) : user.n;
    struct buf out = BUF_INIT;

    for (const char *p = r->login; *p; p++) {
        char item = *p == '%' ? *++p : '\0';
        if (item == 'u')
            buf_put(&out, user);
        else if (item == 'n')
            buf_put(&out, slice_make(user.p, local));
        else if (item == 'd')
            buf_put(&out, at ? slice_make(at + 1, user.n - local - 1) : slice_of(""));
        else
            buf_putc(&out, *p);
    }
    char *login = buf_size(&out) ? slice_dup(buf_slice(&out)) : NULL;
    buf_clear(&out);
    return login;
}
