/*
 * The document in which an account's state travels; state_export.c says what it looks like.
 */
#ifndef PROXY_STATE_EXPORT_H
#define PROXY_STATE_EXPORT_H

#define STATE_EXPORT_FORMAT "mailferry-state"

enum { STATE_EXPORT_VERSION = 1 };

#endif
