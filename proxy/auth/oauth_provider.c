/*
 * The large providers, as their documentation gives them. Endpoints may be overridden one by one,
 * as for a tenant of Microsoft's.
 */
#include <string.h>

#include "proxy/auth/oauth.h"

static const struct oauth_provider presets[] = {
    {
        .name = "google",
        .issuer = "https://accounts.google.com",
        .authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
        .token_endpoint = "https://oauth2.googleapis.com/token",
        .scope = "https://mail.google.com/",
        .extra = "access_type=offline&prompt=consent", /* or there is no refresh token */
        .grant = OAUTH_CODE, /* codes for devices are not given for this scope */
    },
    {
        .name = "microsoft",
        .authorization_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        .device_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
        .token_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        .scope = "https://outlook.office.com/IMAP.AccessAsUser.All "
                 "https://outlook.office.com/POP.AccessAsUser.All offline_access",
        .grant = OAUTH_DEVICE,
    },
    {
        .name = "yahoo",
        .authorization_endpoint = "https://api.login.yahoo.com/oauth2/request_auth",
        .token_endpoint = "https://api.login.yahoo.com/oauth2/get_token",
        .scope = "mail-w",
        .grant = OAUTH_CODE,
    },
    {
        .name = "fastmail",
        .authorization_endpoint = "https://api.fastmail.com/oauth/authorize",
        .token_endpoint = "https://api.fastmail.com/oauth/refresh",
        .scope = "https://www.fastmail.com/dev/protocol-imap "
                 "https://www.fastmail.com/dev/protocol-pop offline_access",
        .grant = OAUTH_CODE,
    },
    {
        .name = "yandex",
        .authorization_endpoint = "https://oauth.yandex.com/authorize",
        .device_endpoint = "https://oauth.yandex.com/device/code",
        .token_endpoint = "https://oauth.yandex.com/token",
        .scope = "mail:imap_full",
        .grant = OAUTH_DEVICE,
    },
    {
        .name = "mailru",
        .authorization_endpoint = "https://oauth.mail.ru/login",
        .token_endpoint = "https://oauth.mail.ru/token",
        .scope = "mail.imap",
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
}
