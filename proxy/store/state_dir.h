/*
 * The state directory itself: made when it is not there, checked, and locked against a second
 * process (CASES D17, P4). Who holds it stands in STATE_DIR/lock, for people; the lock is flock(),
 * which the kernel lets go of however the process ends.
 */
#ifndef PROXY_STORE_STATE_DIR_H
#define PROXY_STORE_STATE_DIR_H

#include "translate/text/failure.h"

struct state_dir {
    char *path; /* as it was given */
    int fd;
    int accounts; /* STATE_DIR/accounts */
    int lock;
};

/* False with the reason and the remedy (FAILURE_PERMANENT); then there is nothing to close. */
bool state_dir_open(struct state_dir *d, const char *path, struct failure *why);

/* Opens it to look only: nothing is made, written or locked, so that it works beside a server and
 * on what is mounted read-only. False with the reason, as above. */
bool state_dir_look(struct state_dir *d, const char *path, struct failure *why);

/* Makes it if it is not there, and sees that files of ours would be of use in it; takes no lock, for
 * what is written beside a server. False with the reason, as above. */
bool state_dir_make(const char *path, struct failure *why);

void state_dir_close(struct state_dir *d);

#endif
