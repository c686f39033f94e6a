#include "proxy/auth/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void secret_clear(struct secret *s)
{
    if (s->password)
        OPENSSL_cleanse(s->password, strlen(s->password));
    free(s->password);
    oauth_tokens_wipe(&s->tokens);
    *s = (struct secret){.kind = SECRET_PASSWORD};
}

json_t *secret_to_json(const struct secret *s)
{
    if (s->kind == SECRET_TOKENS)
        return json_pack("{s:o}", "tokens", oauth_tokens_to_json(&s->tokens));
    if (s->kind == SECRET_GATEWAY)
        return json_pack("{s:b}", "gateway", 1);
    return json_pack("{s:s}", "password", s->password);
}

bool secret_from_json(struct secret *s, const json_t *object, struct failure *why)
{
    const char *password = json_string_value(json_object_get(object, "password"));
    const json_t *tokens = json_object_get(object, "tokens");

    *s = (struct secret){.kind = SECRET_PASSWORD};
    if (json_is_true(json_object_get(object, "gateway"))) {
        s->kind = SECRET_GATEWAY;
        return true;
    }
    if (tokens) {
        s->kind = SECRET_TOKENS;
        return oauth_tokens_from_json(&s->tokens, tokens, why);
    }
    s->password = password ? strdup(password) : NULL;
    if (s->password)
        return true;
    failure_set(why, password ? FAILURE_TEMPORARY : FAILURE_PERMANENT,
                password ? "out of memory, try again later"
                         : "the vault holds nothing by which one could log in");
    return false;
}

const char *secret_word(const struct secret *s)
{
    switch (s->kind) {
    case SECRET_PASSWORD:
        return s->password;
    case SECRET_TOKENS:
        return s->tokens.access;
    case SECRET_GATEWAY:
        break;
    }
    return "";
}

bool secret_credential(const struct secret *s, struct slice login, struct credential *c)
{
    bool token = s->kind == SECRET_TOKENS;
    bool set = credential_set(c, token ? CREDENTIAL_TOKEN : CREDENTIAL_PASSWORD, login,
                              slice_of(secret_word(s)));

    c->vouched = set;
    return set;
}
