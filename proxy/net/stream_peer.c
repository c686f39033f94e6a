/* See stream_peer.h. */
#include "proxy/net/stream_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *ipv4_text(struct in_addr address, in_port_t port, bool *is_loopback)
{
    char host[INET_ADDRSTRLEN];
    char *text = NULL;

    *is_loopback = ntohl(address.s_addr) >> 24 == 127;
    inet_ntop(AF_INET, &address, host, sizeof host);
    return asprintf(&text, "%s:%u", host, ntohs(port)) < 0 ? NULL : text;
}

static char *ipv6_text(const struct sockaddr_in6 *in6, bool *is_loopback)
{
    char host[INET6_ADDRSTRLEN];
    char *text = NULL;

    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        struct in_addr inner;
        memcpy(&inner, in6->sin6_addr.s6_addr + 12, sizeof inner);
        return ipv4_text(inner, in6->sin6_port, is_loopback);
    }
    *is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    return asprintf(&text, "[%s]:%u", host, ntohs(in6->sin6_port)) < 0 ? NULL : text;
}

char *stream_peer_text(const struct sockaddr *address, bool *is_loopback)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ipv4_text(in->sin_addr, in->sin_port, is_loopback);
    }
    if (address->sa_family == AF_INET6)
        return ipv6_text((const void *)address, is_loopback);
    *is_loopback = address->sa_family == AF_UNIX;
    return strdup(*is_loopback ? "unix" : "unknown");
}

char *stream_peer_of(int fd, bool *is_loopback)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;

    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0)
        address.ss_family = AF_UNSPEC;
    return stream_peer_text((const struct sockaddr *)&address, is_loopback);
}
