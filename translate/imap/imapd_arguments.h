/*
 * The arguments of single commands, one function for each verb or family of verbs. Private to
 * imapd_command; each takes what stands behind the verb and its space.
 */
#ifndef TRANSLATE_IMAP_IMAPD_ARGUMENTS_H
#define TRANSLATE_IMAP_IMAPD_ARGUMENTS_H

#include "translate/imap/imapd_command.h"

typedef bool imapd_arguments(struct imapd_cursor *c, struct imapd_command *cmd);

/* imapd_arguments_list.c: mailboxes seen from outside */
imapd_arguments imapd_take_list;
imapd_arguments imapd_take_lsub;
imapd_arguments imapd_take_status;

/* imapd_arguments.c */
imapd_arguments imapd_take_append;
imapd_arguments imapd_take_authenticate;
imapd_arguments imapd_take_create;
imapd_arguments imapd_take_enable;
imapd_arguments imapd_take_expunge; /* UID EXPUNGE */
imapd_arguments imapd_take_fetch;
imapd_arguments imapd_take_id;
imapd_arguments imapd_take_login;
imapd_arguments imapd_take_name; /* a mailbox name and nothing else */
imapd_arguments imapd_take_rename;
imapd_arguments imapd_take_search;
imapd_arguments imapd_take_select;
imapd_arguments imapd_take_set_and_mailbox; /* COPY, MOVE */
imapd_arguments imapd_take_store;

/* Appends a word, of which IMAPD_WORDS_MAX may be there. */
bool imapd_words_add(struct imapd_cursor *c, struct imapd_words *words, struct slice word);

#endif
