/*
 * The large providers, as their documentation gives them. Endpoints may be overridden one by one,
 * as for a tenant of Microsoft's. Where there is no revocation endpoint, the provider has none that
 * follows RFC 7009.
 */
#include <string.h>

#include "proxy/auth/oauth.h"

static const struct oauth_provider presets[] = {
    /* developers.google.com/workspace/gmail/imap/xoauth2-protocol, and the metadata of the issuer.
     * Codes for devices are not given for this scope
     * (identity/protocols/oauth2/limited-input-device, "Allowed scopes"). */
    {
        .name = "google",
        .issuer = "https://accounts.google.com",
        .authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
        .token_endpoint = "https://oauth2.googleapis.com/token",
        .revocation_endpoint = "https://oauth2.googleapis.com/revoke",
        .scope = "https://mail.google.com/",
        .extra = "access_type=offline&prompt=consent", /* or there is no refresh token */
        .grant = OAUTH_CODE,
    },
    /* learn.microsoft.com/exchange/client-developer/legacy-protocols/
     * how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth */
    {
        .name = "microsoft",
        .authorization_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        .device_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
        .token_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        .scope = "https://outlook.office.com/IMAP.AccessAsUser.All "
                 "https://outlook.office.com/POP.AccessAsUser.All offline_access",
        .grant = OAUTH_DEVICE,
    },
    /* developer.yahoo.com/oauth2/guide, senders.yahooinc.com/developer/documentation, and the
     * metadata of api.login.yahoo.com: grants by code alone */
    {
        .name = "yahoo",
        .authorization_endpoint = "https://api.login.yahoo.com/oauth2/request_auth",
        .token_endpoint = "https://api.login.yahoo.com/oauth2/get_token",
        .revocation_endpoint = "https://api.login.yahoo.com/oauth2/revoke",
        .scope = "mail-w",
        .grant = OAUTH_CODE,
    },
    /* fastmail.com/for-developers/oauth, and
     * api.fastmail.com/.well-known/oauth-authorization-server: "refresh" exchanges codes too */
    {
        .name = "fastmail",
        .authorization_endpoint = "https://api.fastmail.com/oauth/authorize",
        .token_endpoint = "https://api.fastmail.com/oauth/refresh",
        .revocation_endpoint = "https://api.fastmail.com/oauth/revoke",
        .scope = "https://www.fastmail.com/dev/protocol-imap "
                 "https://www.fastmail.com/dev/protocol-pop offline_access",
        .grant = OAUTH_CODE,
    },
    /* yandex.com/dev/id/doc/en/codes. Its codes for devices are not those of RFC 8628: the grant is
     * called "device_code", and the code "code" (codes/screen-code-oauth). */
    {
        .name = "yandex",
        .authorization_endpoint = "https://oauth.yandex.com/authorize",
        .token_endpoint = "https://oauth.yandex.com/token",
        .scope = "mail:imap_full",
        .grant = OAUTH_CODE,
    },
    /* help.mail.ru/developers/oauth, id.vk.com "OAuth Mail": mail.imap is given beside userinfo
     * only
     */
    {
        .name = "mailru",
        .authorization_endpoint = "https://oauth.mail.ru/login",
        .token_endpoint = "https://oauth.mail.ru/token",
        .scope = "userinfo mail.imap",
        .grant = OAUTH_CODE,
    },
};

const struct oauth_provider *oauth_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

const char *oauth_preset_names(void)
{
    return "google, microsoft, yahoo, fastmail, yandex, mailru";
}

void oauth_provider_complete(struct oauth_provider *p, const struct oauth_endpoints *e)
{
    if (!p->authorization_endpoint)
        p->authorization_endpoint = e->authorization;
    if (!p->device_endpoint)
        p->device_endpoint = e->device;
    if (!p->token_endpoint)
        p->token_endpoint = e->token;
    if (!p->revocation_endpoint)
        p->revocation_endpoint = e->revocation;
}
