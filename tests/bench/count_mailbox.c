/* The world of the jobs' unit tests is the store here too: what it takes is counted along, and is
 * little. */
#include "tests/bench/count_mailbox.h"

#include "tests/unit/job_world.h"

static const char message[] = "Received: from mx.example.net by mail.example.com;\r\n"
                              "\tFri, 20 Nov 2026 10:00:00 +0000\r\n"
                              "From: =?utf-8?q?J=C3=BCrgen?= Baker <bob@example.net>\r\n"
                              "To: Ann <ann@example.com>\r\n"
                              "Subject: =?utf-8?b?R3LDvMOfZQ==?= from the river\r\n"
                              "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
                              "Message-ID: <1.2@example.net>\r\n\r\nHello.\r\n";

static struct world world;
static struct buf digest; /* of all of them; made once, as the store has it */

void count_mailbox_open(void)
{
    _Static_assert((int)COUNT_MESSAGES <= (int)WORLD_MESSAGES, "the world has room for them");
    world_init(&world);
    world.keeps = true;
    world.host.texts = world_texts;
    world.texts_at_once = MAILBOX_TEXTS_MAX;
    mime_search_digest(&digest, slice_of(message));
    for (int i = 0; i < COUNT_MESSAGES; i++)
        world_add_octets(&world, slice_of(message), i % 2 ? BOX_SEEN : 0, 1700000000,
                         i % 4 ? NULL : "$Forwarded");
    for (int i = 1; i <= COUNT_MESSAGES; i++)
        world.bodies[i].digest = buf_slice(&digest);
    world_select(&world);
}

void count_mailbox_run(struct slice command)
{
    world_run(&world, command);
}
