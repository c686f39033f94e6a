#include "translate/sasl/sasl_login.h"

void sasl_login_offer(struct sasl_login *l, bool password, bool proof, bool tls)
{
    struct sasl_server_options *o = &l->options;

    o->certified = tls ? buf_slice(&l->certificate) : slice_of("");
    o->mechanisms = sasl_server_offer(password, proof, o->binding.type != SASL_BINDING_NONE,
                                      o->certified.n > 0);
}

bool sasl_login_certify(struct sasl_login *l, struct slice user)
{
    buf_clear(&l->certificate);
    buf_put(&l->certificate, user);
    return !buf_failed(&l->certificate);
}

void sasl_login_clear(struct sasl_login *l)
{
    sasl_server_clear(&l->sasl);
    buf_wipe(&l->password);
    buf_clear(&l->authzid);
    buf_clear(&l->certificate);
}
