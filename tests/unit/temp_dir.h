/*
 * For tests: a directory of their own, and files in it. To be included once, by a test program.
 */
#ifndef TESTS_UNIT_TEMP_DIR_H
#define TESTS_UNIT_TEMP_DIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new directory; its path is valid until the next call. */
static inline const char *temp_dir_make(void)
{
    static char path[64];

    strcpy(path, "/tmp/mailferry-store-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int temp_dir_remove_entry(const char *path, const struct stat *st, int type,
                                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void temp_dir_remove(const char *path)
{
    nftw(path, temp_dir_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Valid until the fourth call after it. Never inlined: the compiler would take two of the four for
 * one. */
__attribute__((noinline, unused)) static const char *temp_path(const char *dir, const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    assert_true(strlen(dir) + strlen(name) + 2 <= sizeof paths[0]);
    strcpy(stpcpy(stpcpy(path, dir), "/"), name);
    return path;
}

static inline bool file_is_there(const char *dir, const char *name)
{
    return access(temp_path(dir, name), F_OK) == 0;
}

static inline void file_put(const char *dir, const char *name, const char *text)
{
    FILE *f = fopen(temp_path(dir, name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The file's text, at most what fits; valid until the next call. */
static inline const char *file_get(const char *dir, const char *name)
{
    static char text[4096];
    FILE *f = fopen(temp_path(dir, name), "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

#endif
