/*
 * Who is at the other end of a socket, in words.
 */
#ifndef PROXY_NET_STREAM_PEER_H
#define PROXY_NET_STREAM_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/* "192.0.2.1:1234", "[2001:db8::1]:1234" or "unix", owned by the caller; an IPv4 address inside an
 * IPv6 one is written as IPv4. NULL when memory is out. `*is_loopback`: it is this machine. */
char *stream_peer_text(const struct sockaddr *address, bool *is_loopback);

/* As above, for the peer of a connected socket. "unknown" when it is gone already. */
char *stream_peer_of(int fd, bool *is_loopback);

#endif
