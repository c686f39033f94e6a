/*
 * One performance of a dialogue: a maildrop, and the runner in the part of its owner, its client
 * and its upstream at once. It does what maildrop.h asks of an owner and nothing more, so that a
 * maildrop that passes here needs no kindness from the process.
 */
#ifndef TESTS_DIALOGUES_RUNNER_PLAY_H
#define TESTS_DIALOGUES_RUNNER_PLAY_H

#include "tests/dialogues/runner_match.h"
#include "tests/dialogues/runner_setup.h"

/* How octets are fed. The outcome must be the same in each. */
enum play_mode {
    PLAY_WHOLE, /* lines that follow each other on one side come in one packet */
    PLAY_BYTES, /* every octet comes alone */
    PLAY_SLOW,  /* the client takes nothing until the maildrop has stopped, then all */
    PLAY_CUT,   /* packet `cut_packet` comes in two, cut before octet `cut_at` */
};

struct play_side {
    struct buf in;  /* came, but the maildrop has not taken it yet */
    struct buf out; /* was sent to that side, no step has asked for it yet */
    struct buf all; /* everything that was sent to it */
    bool closed;
};

struct play {
    const struct script *script;
    enum play_mode mode;
    size_t cut_packet, cut_at;
    bool lenient;           /* print what is said, whatever was expected */
    const struct step *now; /* the step that is played */

    struct setup setup;
    struct maildrop *m;
    struct play_side client, upstream;
    struct tags tags;
    uint64_t now_ms;
    int64_t now_s;
    size_t *packet_sizes;
    size_t packet_count;

    /* What the maildrop asked for and no step has answered or noticed yet. */
    char *connect_user; /* NULL: no connection is asked for */
    bool connect_again;
    char *secret_user; /* NULL: no secret is asked for */
    bool credential_asked;
    struct credential credential; /* of the route; of nobody: the client's own password */
    bool client_tls, upstream_tls, deflate, disconnected, parted, ended, aborted;
    struct maildrop_warm *warm; /* what a session has left; NULL: nothing */

    struct drop_state *state; /* what was made durable */
    char *load_failure;       /* LOAD_STATE is answered with it */
    bool hold_saves;          /* a save that is waited for is answered by a step */
    bool save_waits;
    json_t *saved; /* records that no step has asked for yet */
    json_t *logs;  /* [event, text] pairs that no step has asked for yet */

    struct buf transcript;
    char transcript_side; /* whose line is unfinished in it; 0: nobody's */
    bool varies;          /* what is said may hang on how it is fed */
    bool failed;
    char why[1024];
};

/* Plays the script to its end. False when it went otherwise than expected: `why` and the transcript
 * tell. */
bool play_run(struct play *p, const struct script *script);
void play_clear(struct play *p);

/* For the steps: */
void play_fail(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_note(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lets the maildrop work until nothing moves: takes its actions and output, offers its input. */
void play_pump(struct play *p);

/* Takes what the maildrop has said to its upstream. */
void play_flush_upstream(struct play *p);

/* Creates the maildrop if there is none; called before the first step that needs one. */
void play_begin(struct play *p);

/* The session is over: nothing may be left over. State and clock stay. */
void play_end(struct play *p);

#endif
