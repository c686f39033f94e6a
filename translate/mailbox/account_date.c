/*
 * When messages arrived, and by what they are known again. A listing does not say, the header does:
 * so of a content that is undated or without a digest the header is looked at as it passes by,
 * whatever it was asked for, and what it tells becomes a fact of the next record. Nobody is told a
 * date before it is in the state, and none changes then. What a client has seen of a message has
 * been digested too: nothing else is ever deleted for it (CASES D11).
 */
#include "translate/mailbox/account_internal.h"
#include "translate/mime/mime_arrival.h"

void header_begin(struct account *a)
{
    if (a->incoming)
        buf_clear(&a->incoming->header);
}

void header_data(struct account *a, struct slice octets)
{
    size_t room = HEADER_MAX - buf_size(&a->incoming->header);

    buf_put(&a->incoming->header, slice_take(&octets, room));
    a->failed = a->failed || buf_failed(&a->incoming->header);
}

static bool date_is_wanted(const struct account *a, uint32_t content)
{
    const struct box_content *c = box_state_content(a->state, content);

    return c && c->undated;
}

static bool digest_is_wanted(const struct account *a, uint32_t content)
{
    const struct box_content *c = box_state_content(a->state, content);

    return c && c->upstream && (!c->digest || digest_is_provisional(c->digest));
}

bool header_is_wanted(const struct account *a, uint32_t content)
{
    return date_is_wanted(a, content) || digest_is_wanted(a, content);
}

void header_learn(struct account *a, uint32_t content)
{
    struct slice header = buf_slice(&a->incoming->header);
    char digest[LISTED_DIGEST + 1];
    int64_t date = 0;

    if (date_is_wanted(a, content) && !facts_find(a, FACT_DATE, content)) {
        bool dated = mime_arrival(header, &date);
        facts_add_date(a, content, dated ? &date : NULL);
    }
    if (digest_is_wanted(a, content) && !facts_find(a, FACT_DIGEST, content)) {
        a->failed = a->failed || !digest_of_header(header, digest);
        facts_add_digest(a, content, digest);
    }
    header_begin(a);
}

static void tell(struct account *a, const struct asker *asker, uint32_t content,
                 const struct failure *why)
{
    struct account_event ev = {.type = ACCOUNT_EV_DATED, .content = content, .failure = *why};

    client_tell(a, asker, &ev);
}

void date_answer_fact(struct account *a, struct fact *fact, const struct failure *why)
{
    for (size_t i = 0; i < fact->askers.count; i++)
        tell(a, &fact->askers.items[i], fact->content, why);
    askers_clear(&fact->askers);
}

static void wait_for_record(struct account *a, const struct asker *asker, uint32_t content)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct fact *fact = facts_find(a, FACT_DATE, content);

    if (fact)
        askers_add(a, &fact->askers, asker);
    else
        tell(a, asker, content, &none);
}

/* What cannot be had keeps the time of first sight, and that is as good as a date: it is final. */
static void date_give_up(struct account *a, uint32_t content)
{
    if (date_is_wanted(a, content) && !facts_find(a, FACT_DATE, content))
        facts_add_date(a, content, NULL);
}

void date_answer(struct account *a, struct account_job *j, const struct failure *why)
{
    size_t others = 0;

    for (size_t i = 0; i < j->askers.count; i++) {
        struct asker *asker = &j->askers.items[i];
        if (!asker->date) {
            j->askers.items[others++] = *asker;
            continue;
        }
        if (j->refused)
            date_give_up(a, j->content);
        if (date_is_wanted(a, j->content) && !facts_find(a, FACT_DATE, j->content))
            tell(a, asker, j->content, why);
        else
            wait_for_record(a, asker, j->content);
    }
    j->askers.count = others;
}

uint32_t account_date(struct account_client *client, uint32_t content)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client), .date = true};
    struct account_job *j = jobs_with_header(a, content);
    struct failure why;

    if (!j && date_is_wanted(a, content) && !facts_find(a, FACT_DATE, content)) {
        if (job_may_be_had(a, content, &why))
            j = job_new(a, content, ACCOUNT_HEADER);
        else
            date_give_up(a, content);
    }
    if (j && date_is_wanted(a, content))
        askers_add(a, &j->askers, &asker);
    else
        wait_for_record(a, &asker, content);
    account_advance(a);
    return asker.request;
}
