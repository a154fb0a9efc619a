/* suexec_env.c - the environment that suexec hands on: variables of CGI by name, nothing that changes how a program is
 * loaded or run. */
#include "suexec.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 512

static const char *const prefixes[] = { "HTTP_", "SSL_" };

static const char *const names[] = {
    "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "CONTEXT_DOCUMENT_ROOT", "CONTEXT_PREFIX", "DATE_GMT", "DATE_LOCAL",
    "DOCUMENT_ARGS", "DOCUMENT_NAME", "DOCUMENT_PATH_INFO", "DOCUMENT_ROOT", "DOCUMENT_URI", "GATEWAY_INTERFACE", "HTTPS",
    "LAST_MODIFIED", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "QUERY_STRING_UNESCAPED", "REDIRECT_ERROR_NOTES",
    "REDIRECT_HANDLER", "REDIRECT_QUERY_STRING", "REDIRECT_REMOTE_USER", "REDIRECT_SCRIPT_FILENAME", "REDIRECT_STATUS",
    "REDIRECT_URL", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER", "REQUEST_METHOD",
    "REQUEST_SCHEME", "REQUEST_STATUS", "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SCRIPT_URI", "SCRIPT_URL",
    "SERVER_ADDR", "SERVER_ADMIN", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SIGNATURE", "SERVER_SOFTWARE",
    "TZ", "UNIQUE_ID", "USER_NAME",
};

static bool is_safe(const char *entry)
{
    size_t n = strcspn(entry, "=");

    if (entry[n] != '=')
        return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == n && memcmp(entry, names[i], n) == 0)
            return true;
    return false;
}

char **suexec_environment(char *const *given)
{
    char **kept = calloc(ENTRIES_MAX + 2, sizeof(*kept));
    size_t n = 0;

    if (!kept)
        return NULL;
    kept[n++] = strdup("PATH=" SUEXEC_SAFE_PATH);
    for (; *given && n <= ENTRIES_MAX; given++)
        if (is_safe(*given))
            kept[n++] = *given;
    return kept[0] ? kept : NULL;
}
