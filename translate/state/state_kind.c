#include "translate/state/state_kind.h"

bool state_kind_is_newer(const struct state_kind *kind, const json_t *document)
{
    const json_t *version = json_object_get(document, "version");

    return json_is_integer(version) && json_integer_value(version) > kind->version;
}
