/*
 * What the process knows of its own health: how many sessions and logins there were, and for each
 * route how its upstream fared. Health means the last login upstream that worked, not an open port.
 *
 * Any thread may call. Nothing of a user is kept here.
 */
#ifndef PROXY_ADMIN_HEALTH_H
#define PROXY_ADMIN_HEALTH_H

#include <jansson.h>

#include "translate/text/failure.h"

struct health;

/* NULL when memory is out. */
struct health *health_new(void);
void health_free(struct health *h);

void health_session_began(struct health *h);
void health_session_ended(struct health *h);

/* How many sessions have begun or ended so far; it may wrap. */
unsigned health_turnover(const struct health *h);

/* A login upstream worked. `route` is copied; a route that finds no memory is not kept. */
void health_login(struct health *h, const char *route);

/* A client's login was refused. FAILURE_AUTH with a route: its upstream answered, so it is well.
 * `route` NULL: there was none for this user. */
void health_login_refused(struct health *h, const char *route, enum failure_kind kind);

/* An upstream could not be reached, went away before the login, or could not let anyone in. */
void health_upstream_failed(struct health *h, const char *route, const struct failure *why);

/* Descriptors were short: a connection that was kept only for speed was let go of; one that was
 * wanted had to wait. */
void health_let_go(struct health *h);
void health_waited(struct health *h);

/*
 * A new reference, or NULL when memory is out:
 * {"version","pid","uptime_s","sessions","logins","logins_refused","let_go","waited",
 *  "upstream":[{"route","last_ok_s_ago","last_failure_s_ago","last_error","failures_in_a_row"}]}
 * Ages are null for what never was.
 */
json_t *health_to_json(struct health *h);

#endif
