/*
 * For tests of jobs that have one world at a time: it is made before a test and cleared after it.
 */
#ifndef TESTS_UNIT_JOB_SCENE_H
#define TESTS_UNIT_JOB_SCENE_H

#include "tests/unit/job_world.h"

static struct world w;

static inline int setup(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

#endif
