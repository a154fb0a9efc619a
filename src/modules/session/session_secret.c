/* session_secret.c - see session_secret.h. */
#include "session_secret.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <signal.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

/* A part of the form of sealed texts: another number would make them unreadable. */
#define ROUNDS 10000
#define LABEL "pinion session"
#define LINE_MAX_BYTES 512
#define PROGRAM_WAIT_S 10

static void add_key(pn_str passphrase, apr_array_header_t *masters)
{
    struct session_master *master = apr_array_push(masters);

    pn_assert(PKCS5_PBKDF2_HMAC(passphrase.p, (int)passphrase.n, (const uint8_t *)LABEL, (int)sizeof(LABEL) - 1, ROUNDS,
                                EVP_sha256(), SESSION_MASTER_BYTES, master->bytes) == 1);
}

/* ---- exec: ---- */

/* The first line of what it prints; p == NULL: it printed none. */
static pn_str first_line(apr_pool_t *pool, const apr_proc_t *process)
{
    char *line = apr_pcalloc(pool, LINE_MAX_BYTES);

    apr_file_pipe_timeout_set(process->out, apr_time_from_sec(PROGRAM_WAIT_S));
    if (apr_file_gets(line, LINE_MAX_BYTES, process->out) != APR_SUCCESS)
        return (pn_str){ NULL, 0 };
    return pn_str_trim(pn_str_z(line));
}

static const char *add_program(struct pn_conf_cmd *cmd, pn_str command, apr_array_header_t *masters)
{
    apr_procattr_t *how;
    apr_proc_t      process;
    char          **argv;
    pn_str          line;

    if (cmd->context & PN_CTX_HTACCESS)
        return "exec: may not stand in a .htaccess file";
    if (apr_tokenize_to_argv(pn_str_zdup(cmd->temp, command), &argv, cmd->temp) != APR_SUCCESS || !argv[0])
        return "exec: takes a program and its arguments";
    if (apr_procattr_create(&how, cmd->temp) != APR_SUCCESS ||
        apr_procattr_io_set(how, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE) != APR_SUCCESS ||
        apr_procattr_cmdtype_set(how, APR_PROGRAM) != APR_SUCCESS || apr_procattr_error_check_set(how, 1) != APR_SUCCESS ||
        apr_proc_create(&process, argv[0], (const char *const *)argv, NULL, how, cmd->temp) != APR_SUCCESS)
        return pn_conf_error_text(cmd, "the program %s cannot be started", argv[0]);
    line = first_line(cmd->temp, &process);
    apr_file_close(process.out);
    if (!line.n)
        apr_proc_kill(&process, SIGKILL);
    apr_proc_wait(&process, NULL, NULL, APR_WAIT);
    if (!line.n)
        return pn_conf_error_text(cmd, "the program %s printed no passphrase", argv[0]);
    add_key(line, masters);
    OPENSSL_cleanse((char *)line.p, line.n);
    return NULL;
}

/* ---- ---- */

const char *session_secret_add(struct pn_conf_cmd *cmd, pn_str passphrase, apr_array_header_t *masters)
{
    if (pn_str_starts(passphrase, PN_STR("exec:")))
        return add_program(cmd, pn_str_from(passphrase, 5), masters);
    if (!passphrase.n)
        return "a passphrase may not be empty";
    add_key(passphrase, masters);
    return NULL;
}

const char *session_secret_add_file(struct pn_conf_cmd *cmd, pn_str path, apr_array_header_t *masters)
{
    char        *line = apr_pcalloc(cmd->temp, LINE_MAX_BYTES);
    apr_file_t  *file;
    apr_status_t status = apr_file_open(&file, path.p, APR_FOPEN_READ | APR_FOPEN_BUFFERED, 0, cmd->temp);
    int          before = masters->nelts;

    if (status != APR_SUCCESS)
        return pn_conf_error_text(cmd, "the file of passphrases %s cannot be read: %s", path.p,
                                  apr_strerror(status, apr_pcalloc(cmd->temp, 128), 128));
    while (apr_file_gets(line, LINE_MAX_BYTES, file) == APR_SUCCESS) {
        pn_str text = pn_str_trim(pn_str_z(line));
        if (text.n && text.p[0] != '#')
            add_key(text, masters);
    }
    OPENSSL_cleanse(line, LINE_MAX_BYTES);
    apr_file_close(file);
    return masters->nelts > before ? NULL : pn_conf_error_text(cmd, "the file %s holds no passphrase", path.p);
}

void session_secret_expand(const struct session_master *master, const uint8_t *salt, size_t salt_n, uint8_t *to, size_t n)
{
    EVP_KDF     *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM   params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)master->bytes, SESSION_MASTER_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)LABEL, sizeof(LABEL) - 1),
        OSSL_PARAM_construct_end(),
    };

    pn_assert(ctx && EVP_KDF_derive(ctx, to, n, params) == 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}
