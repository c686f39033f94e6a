/*
 * One request by a client's certificate. There is no vault, and the gateway logs in upstream; that
 * this was refused there is remembered as for a device, so that a client which comes every few
 * seconds does not get the gateway's own address locked out.
 */
#include <openssl/sha.h>

#include "proxy/auth/gatekeeper_parts.h"

/* The key under which his holding is found, who has no vault. Those of vaults are random: none is
 * the same. */
static bool make_key(struct admission *a)
{
    struct buf name = BUF_INIT;

    _Static_assert(VAULT_KEY == SHA256_DIGEST_LENGTH, "a digest is a key");
    buf_printf(&name, "mailferry certified 1\n%s\n", a->route->name);
    buf_put(&name, buf_slice(&a->login));
    struct slice s = buf_slice(&name);
    bool made =
        !buf_failed(&name) && SHA256((const unsigned char *)s.p, s.n, a->key.octets) != NULL;
    buf_clear(&name);
    return made;
}

/* Nobody acts for another by a certificate: no upstream is asked whether he may. */
void admission_certify(struct admission *a)
{
    if (!a->route || a->acting || !config_route_is_trusted(a->route)) {
        admission_refuse(a, FAILURE_AUTH, "A certificate lets nobody in as this user");
        return;
    }
    a->secret = json_pack("{s:b}", "gateway", 1);
    if (a->secret && make_key(a))
        admission_hold(a);
    else
        admission_refuse(a, FAILURE_TEMPORARY, "out of memory, try again later");
}
