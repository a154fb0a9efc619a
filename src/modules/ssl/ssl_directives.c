/* ssl_directives.c - the directives of mod_ssl: rows, the functions of those that no slot expresses, and merging.
 * Apache manual: mod_ssl. Files that a directive names are looked at when the line is read, so that an error has its place. */
#include "mod_ssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

const struct ssl_file_row ssl_file_rows[] = {
    { "SSLCertificateChainFile", offsetof(struct ssl_server_conf, chain), false },
    { "SSLCACertificateFile", offsetof(struct ssl_server_conf, ca_file), false },
    { "SSLCACertificatePath", offsetof(struct ssl_server_conf, ca_path), true },
    { "SSLCADNRequestFile", offsetof(struct ssl_server_conf, dn_file), false },
    { "SSLCADNRequestPath", offsetof(struct ssl_server_conf, dn_path), true },
    { "SSLCARevocationFile", offsetof(struct ssl_server_conf, crl_file), false },
    { "SSLCARevocationPath", offsetof(struct ssl_server_conf, crl_path), true },
    { "SSLSessionTicketKeyFile", offsetof(struct ssl_server_conf, ticket_keys), false },
    { "SSLOCSPResponderCertificateFile", offsetof(struct ssl_server_conf, ocsp_signers), false },
    { NULL, 0, false },
};

static const struct ssl_file_row *file_row(const char *name)
{
    for (const struct ssl_file_row *row = ssl_file_rows; row->name; row++)
        if (strcasecmp(row->name, name) == 0)
            return row;
    pn_assert_failed(__FILE__, __LINE__, "a row without its place");
}

static const char *take_file(struct pn_conf_cmd *cmd, pn_str name, bool directory, struct ssl_file *ret)
{
    pn_str      path = pn_conf_path(cmd, name);
    struct stat info;

    if (stat(path.p, &info) != 0)
        return pn_conf_error_text(cmd, "%s: '%s' cannot be read: %s", cmd->row->name, path.p, strerror(errno));
    if (S_ISDIR(info.st_mode) != directory)
        return pn_conf_error_text(cmd, "%s: '%s' is %s", cmd->row->name, path.p, directory ? "no directory" : "a directory");
    if (!directory && info.st_size == 0 && S_ISREG(info.st_mode))
        return pn_conf_error_text(cmd, "%s: '%s' is empty", cmd->row->name, path.p);
    *ret = (struct ssl_file){ .path = path, .where = pn_conf_where(cmd) };
    return NULL;
}

static const char *set_file(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    const struct ssl_file_row *row = file_row(cmd->row->name);

    (void)argc;
    return take_file(cmd, argv[0], row->directory, (struct ssl_file *)(void *)((char *)conf + row->offset));
}

/* Is there a PEM block of this kind in the file? Encrypted keys count. */
static bool holds_pem(const char *path, const char *kind)
{
    BIO  *in = BIO_new_file(path, "r");
    char *name = NULL, *head = NULL;
    unsigned char *data = NULL;
    long  n;
    bool  found = false;

    while (in && !found && PEM_read_bio(in, &name, &head, &data, &n) == 1) {
        found = strstr(name, kind) != NULL;
        OPENSSL_free(name);
        OPENSSL_free(head);
        OPENSSL_clear_free(data, (size_t)n);
    }
    BIO_free(in);
    ERR_clear_error();
    return found;
}

static const char *add_file(struct pn_conf_cmd *cmd, apr_array_header_t **list, pn_str name, const char *kind)
{
    struct ssl_file file;
    const char     *error = take_file(cmd, name, false, &file);

    if (error)
        return error;
    if (!holds_pem(file.path.p, kind)) {
        cmd->cure = "files begin with a line like -----BEGIN CERTIFICATE-----; openssl x509 and openssl pkey convert others";
        return pn_conf_error_text(cmd, "%s: '%s' holds no %s in PEM format", cmd->row->name, file.path.p,
                                  strcmp(kind, "KEY") == 0 ? "private key" : "certificate");
    }
    if (!*list)
        *list = apr_array_make(cmd->pool, 2, sizeof(struct ssl_file));
    *(struct ssl_file *)apr_array_push(*list) = file;
    return NULL;
}

static const char *set_certificate(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return add_file(cmd, &((struct ssl_server_conf *)conf)->certificates, argv[0], "CERTIFICATE");
}

static const char *set_key(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return add_file(cmd, &((struct ssl_server_conf *)conf)->keys, argv[0], "KEY");
}

/* ---- what is spoken ---- */

static const char *set_engine(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    bool                    on;

    (void)argc;
    ssl->engine_set = true;
    ssl->engine_where = pn_conf_where(cmd);
    if (pn_str_ieq(argv[0], PN_STR("optional"))) {
        ssl->engine = SSL_ENGINE_OPTIONAL;
        pn_conf_warn(cmd, "SSLEngine optional is served without TLS: clients that can upgrade a connection are not known any more");
        return NULL;
    }
    if (pn_conf_flag(argv[0], &on) != PN_OK)
        return "Argument must be On, Off, or Optional";
    ssl->engine = on ? SSL_ENGINE_ON : SSL_ENGINE_OFF;
    return NULL;
}

static bool version_bits(pn_str word, unsigned *ret_bits)
{
    static const struct { const char *name; unsigned bits; } versions[] = {
        { "SSLv2", 0 }, { "SSLv3", SSL_V3 }, { "TLSv1", SSL_V1_0 }, { "TLSv1.1", SSL_V1_1 },
        { "TLSv1.2", SSL_V1_2 }, { "TLSv1.3", SSL_V1_3 }, { "all", SSL_V_ALL },
    };

    for (size_t i = 0; i < PN_COUNT(versions); i++)
        if (pn_str_ieq(word, pn_str_z(versions[i].name))) {
            *ret_bits = versions[i].bits;
            return true;
        }
    return false;
}

/* COMPAT: 2.4 a word without sign replaces what came before it. */
static const char *set_protocol(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    unsigned                bits, protocols = 0;

    for (unsigned i = 0; i < argc; i++) {
        char   sign = argv[i].n && (argv[i].p[0] == '+' || argv[i].p[0] == '-') ? argv[i].p[0] : '\0';
        pn_str word = pn_str_from(argv[i], sign != '\0');

        if (!version_bits(word, &bits))
            return pn_conf_error_text(cmd, "SSLProtocol: Illegal protocol '%.*s'", PN_FMT(word));
        if (bits == 0 && sign != '-')
            return "SSLProtocol: SSLv2 is not supported any more";
        if (bits == SSL_V3 && sign != '-')
            return "SSLProtocol: SSLv3 is not supported any more: it is broken";
        if (sign == '-')
            protocols &= ~bits;
        else
            protocols = sign == '+' ? protocols | bits : bits;
    }
    if (protocols == 0)
        return "SSLProtocol: no protocol is left";
    ssl->protocols = protocols;
    ssl->protocols_set = true;
    return NULL;
}

/* Would OpenSSL take it? */
static const char *check_ciphers(struct pn_conf_cmd *cmd, pn_str ciphers, bool v13)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool     good = context && (v13 ? SSL_CTX_set_ciphersuites(context, ciphers.p) : SSL_CTX_set_cipher_list(context, ciphers.p)) == 1;

    SSL_CTX_free(context);
    ERR_clear_error();
    return good ? NULL : pn_conf_error_text(cmd, "%s: OpenSSL finds no cipher in '%s'", cmd->row->name, ciphers.p);
}

static const char *set_ciphers(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_dir_conf *ssl = conf;
    pn_str               list = argv[argc - 1];
    const char          *error;

    if (argc == 2 && pn_str_ieq(argv[0], PN_STR("TLSv1.3"))) {
        if ((error = check_ciphers(cmd, list, true)))
            return error;
        ssl->ciphers13 = list;
        return NULL;
    }
    if (argc == 2 && !pn_str_ieq(argv[0], PN_STR("SSL")))
        return pn_conf_error_text(cmd, "procotol '%s' not supported", argv[0].p);
    /* COMPAT: 2.4 the weak ones stay off unless the list itself adds them back */
    list = PN_CAT(cmd->pool, list, PN_STR(":!aNULL:!eNULL:!EXP"));
    if ((error = check_ciphers(cmd, list, false)))
        return error;
    ssl->ciphers = list;
    return NULL;
}

static const char *const sni_words[] = { "strict", "secure", "authonly", "insecure", NULL };
static const char *const policy_words[] = { "none", "modern", "intermediate", "old", NULL };

static const char *add_command(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    SSL_CONF_CTX           *known = SSL_CONF_CTX_new();

    (void)argc;
    SSL_CONF_CTX_set_flags(known, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CLIENT | SSL_CONF_FLAG_CERTIFICATE);
    int type = SSL_CONF_cmd_value_type(known, argv[0].p);
    SSL_CONF_CTX_free(known);
    if (type == SSL_CONF_TYPE_UNKNOWN)
        return pn_conf_error_text(cmd, "'%s': invalid OpenSSL configuration command", argv[0].p);
    if (!ssl->commands)
        ssl->commands = apr_array_make(cmd->pool, 4, sizeof(struct ssl_command));
    *(struct ssl_command *)apr_array_push(ssl->commands) =
        (struct ssl_command){ .name = argv[0], .value = argv[1], .where = pn_conf_where(cmd) };
    return NULL;
}

/* ---- clients ---- */

static const char *set_verify(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_dir_conf *ssl = conf;
    static const struct { const char *word; int verify; } words[] = {
        { "none", SSL_CLIENT_NONE },       { "off", SSL_CLIENT_NONE },        { "optional", SSL_CLIENT_OPTIONAL },
        { "require", SSL_CLIENT_REQUIRE }, { "on", SSL_CLIENT_REQUIRE },      { "optional_no_ca", SSL_CLIENT_OPTIONAL_NO_CA },
    };

    (void)argc;
    for (size_t i = 0; i < PN_COUNT(words); i++)
        if (pn_str_ieq(argv[0], pn_str_z(words[i].word))) {
            ssl->verify = words[i].verify;
            ssl->verify_set = true;
            return NULL;
        }
    return pn_conf_error_text(cmd, "SSLVerifyClient: Invalid argument '%s'", argv[0].p);
}

static const char *set_depth(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_dir_conf *ssl = conf;

    (void)argc, (void)cmd;
    if (pn_str_to_i64(argv[0], 0, 100, &ssl->depth) != PN_OK)
        return "SSLVerifyDepth: Invalid argument";
    ssl->depth_set = true;
    return NULL;
}

static const char *set_crl_check(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;

    ssl->crl_lenient = false;
    if (pn_str_ieq(argv[0], PN_STR("none")))
        ssl->crl_check = SSL_CRL_NONE;
    else if (pn_str_ieq(argv[0], PN_STR("leaf")))
        ssl->crl_check = SSL_CRL_LEAF;
    else if (pn_str_ieq(argv[0], PN_STR("chain")))
        ssl->crl_check = SSL_CRL_CHAIN;
    else
        return pn_conf_error_text(cmd, "SSLCARevocationCheck: Invalid argument '%s'", argv[0].p);
    for (unsigned i = 1; i < argc; i++) {
        if (!pn_str_ieq(argv[i], PN_STR("no_crl_for_cert_ok")))
            return pn_conf_error_text(cmd, "SSLCARevocationCheck: Invalid argument '%s'", argv[i].p);
        ssl->crl_lenient = true;
    }
    return NULL;
}

static const char *set_ocsp(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    bool                    on;

    ssl->ocsp_no_check = false;
    if (pn_str_ieq(argv[0], PN_STR("leaf")))
        ssl->ocsp = SSL_OCSP_LEAF;
    else if (pn_conf_flag(argv[0], &on) == PN_OK)
        ssl->ocsp = on ? SSL_OCSP_ON : SSL_OCSP_OFF;
    else
        return pn_conf_error_text(cmd, "SSLOCSPEnable: Invalid argument '%s'", argv[0].p);
    for (unsigned i = 1; i < argc; i++) {
        if (!pn_str_ieq(argv[i], PN_STR("no_ocsp_for_cert_ok")))
            return pn_conf_error_text(cmd, "SSLOCSPEnable: Invalid argument '%s'", argv[i].p);
        ssl->ocsp_no_check = true;
    }
    return NULL;
}

static const char *set_url(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    bool                    stapling = strcasecmp(cmd->row->name, "SSLStaplingForceURL") == 0;

    (void)argc;
    if (!pn_str_istarts(argv[0], PN_STR("http://")))
        return pn_conf_error_text(cmd, "%s: a URL of an OCSP responder begins with http://", cmd->row->name);
    *(stapling ? &ssl->stapling_force_url : &ssl->ocsp_url) = argv[0];
    return NULL;
}

/* ---- places ---- */

static const char *set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_dir_conf *ssl = conf;
    static const struct { const char *word; unsigned bit; } words[] = {
        { "StdEnvVars", SSL_OPT_STD_ENV },           { "CompatEnvVars", 0 },
        { "ExportCertData", SSL_OPT_EXPORT_CERTS },  { "FakeBasicAuth", SSL_OPT_FAKE_BASIC },
        { "StrictRequire", SSL_OPT_STRICT_REQUIRE }, { "OptRenegotiate", SSL_OPT_RENEGOTIATE },
        { "LegacyDNStringFormat", SSL_OPT_LEGACY_DN },
    };

    for (unsigned k = 0; k < argc; k++) {
        char   sign = argv[k].n && (argv[k].p[0] == '+' || argv[k].p[0] == '-') ? argv[k].p[0] : '\0';
        pn_str word = pn_str_from(argv[k], sign != '\0');
        size_t i = 0;

        while (i < PN_COUNT(words) && !pn_str_ieq(word, pn_str_z(words[i].word)))
            i++;
        if (i == PN_COUNT(words))
            return pn_conf_error_text(cmd, "SSLOptions: Illegal option '%.*s'", PN_FMT(word));
        if (words[i].bit == 0)
            pn_conf_warn(cmd, "SSLOptions CompatEnvVars has no effect any more");
        if (sign == '-') {
            ssl->options_remove |= words[i].bit;
            ssl->options_add &= ~words[i].bit;
            ssl->options &= ~words[i].bit;
        }
        else {
            ssl->options_add |= words[i].bit;
            ssl->options_remove &= ~words[i].bit;
            ssl->options = (sign || k ? ssl->options : 0) | words[i].bit;
        }
        ssl->options_relative = sign != '\0' && (ssl->options_relative || !ssl->options_set);
        ssl->options_set = true;
    }
    return NULL;
}

static const char *add_requirement(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_dir_conf  *ssl = conf;
    struct pn_expr_error  error = { 0 };
    struct ssl_requirement one;

    (void)argc;
    unsigned flags = cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;
    if (pn_expr_compile(cmd->pool, argv[0], PN_EXPR_SSL, flags, &one.expr, &error) != PN_OK)
        return pn_conf_error_text(cmd, "SSLRequire: %s", error.text);
    if (!ssl->requirements)
        ssl->requirements = apr_array_make(cmd->pool, 2, sizeof(one));
    *(struct ssl_requirement *)apr_array_push(ssl->requirements) = one;
    return NULL;
}

static const char *set_require_ssl(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)cmd, (void)argc, (void)argv;
    ((struct ssl_dir_conf *)conf)->require_ssl = true;
    return NULL;
}

/* ---- the server's own ---- */

static const char *set_dialog(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ssl_server_conf *ssl = conf;
    pn_str                  program;

    (void)argc;
    if (pn_str_ieq(argv[0], PN_STR("builtin"))) {
        ssl->dialog = PN_STR("");
        return NULL;
    }
    if (!pn_str_starts(argv[0], PN_STR("exec:")) && !pn_str_starts(argv[0], PN_STR("|")))
        return "SSLPassPhraseDialog: Invalid argument: builtin, exec:/program or |/program";
    pn_str_cut(argv[0], argv[0].p[0] == '|' ? '|' : ':', &program);
    if (access(program.n && program.p[0] == '/' ? pn_str_zdup(cmd->temp, pn_str_head(program, pn_str_chr(program, ' ', 0))) : pn_conf_path(cmd, program).p, X_OK) != 0)
        return pn_conf_error_text(cmd, "SSLPassPhraseDialog: '%s' cannot be run: %s", program.p, strerror(errno));
    ssl->dialog = argv[0];
    return NULL;
}

static const char *set_cache(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const char *const kinds[] = { "none", "nonenotnull", "shmcb", "dbm", "memcache", "redis" };
    struct ssl_server_conf  *ssl = conf;
    pn_str                   rest, kind = pn_str_cut(argv[0], ':', &rest);
    bool                     stapling = strcasecmp(cmd->row->name, "SSLStaplingCache") == 0;

    (void)argc;
    for (size_t i = stapling ? 2 : 0; i < PN_COUNT(kinds); i++)
        if (pn_str_ieq(kind, pn_str_z(kinds[i]))) {
            if (i > 2)
                pn_conf_warn(cmd, "%s %s: kept in shared memory instead, as with shmcb", cmd->row->name, argv[0].p);
            *(stapling ? &ssl->stapling_cache : &ssl->cache) = argv[0];
            return NULL;
        }
    return pn_conf_error_text(cmd, "'%.*s' session cache not supported (known names: none, nonenotnull, shmcb)", PN_FMT(kind));
}

static const char *set_fips(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    bool on;

    (void)conf, (void)argc;
    if (pn_conf_flag(argv[0], &on) != PN_OK)
        return "SSLFIPS must be On or Off";
    if (on && EVP_default_properties_enable_fips(NULL, 1) != 1)
        return pn_conf_error_text(cmd, "FIPS mode is not to be had: OpenSSL has no such provider");
    if (on && !EVP_default_properties_is_fips_enabled(NULL))
        return "FIPS mode is not to be had";
    return NULL;
}

static const char *set_random_seed(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    if (!pn_str_ieq(argv[0], PN_STR("startup")) && !pn_str_ieq(argv[0], PN_STR("connect")))
        return "SSLRandomSeed: invalid context: must be startup or connect";
    if (!pn_str_istarts(argv[1], PN_STR("file:")) && !pn_str_istarts(argv[1], PN_STR("exec:")) &&
        !pn_str_istarts(argv[1], PN_STR("egd:")) && !pn_str_ieq(argv[1], PN_STR("builtin")))
        return pn_conf_error_text(cmd, "SSLRandomSeed: invalid source '%s'", argv[1].p);
    return NULL;
}

/* What OpenSSL does by itself now, or not at all: taken with a word about it when that matters. */
static const char *set_unavailable(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    if (!pn_str_ieq(argv[0], PN_STR("builtin")) && !pn_str_ieq(argv[0], PN_STR("off")))
        return pn_conf_error_text(cmd, "%s is not to be had: OpenSSL 3 is built without it", cmd->row->name);
    return NULL;
}

#define SRV(member) PN_SLOT(struct ssl_server_conf, member)
#define SRV_USEC(member) PN_SLOT_AS(PN_SLOT_USEC, struct ssl_server_conf, member)
#define SERVER .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER
#define MAIN .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER
#define PLACE .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .scope = PN_SCOPE_DIR
#define IN_DIR .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .scope = PN_SCOPE_DIR
#define FILE_ROW .args = PN_TAKE1, SERVER, .set = set_file

const struct pn_directive ssl_directives[] = {
    { .name = "SSLEngine", .args = PN_TAKE1, SERVER, .set = set_engine, .help = "On: connections of this server speak TLS" },
    { .name = "SSLPolicy", .args = PN_TAKE1, SERVER, .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct ssl_server_conf, policy),
      .choices = policy_words, .dflt = "none",
      .help = "Protocols and ciphers that other lines leave open: modern (TLS 1.3 alone), intermediate, old" },
    { .name = "SSLProtocol", .args = PN_LIST, SERVER, .set = set_protocol,
      .help = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3 or all, with + or -; 1.2 and 1.3 when nothing is said" },
    { .name = "SSLCipherSuite", .args = PN_TAKE12, PLACE, .set = set_ciphers,
      .help = "[TLSv1.3] and the ciphers as OpenSSL writes them" },
    { .name = "SSLHonorCipherOrder", .args = PN_FLAG, SERVER, .slot = SRV(honor_order), .dflt = "On",
      .help = "Whether the server's order of ciphers decides, or the client's" },
    { .name = "SSLCertificateFile", .args = PN_TAKE1, SERVER, .set = set_certificate,
      .help = "PEM file of a certificate, its chain and perhaps its key; several lines: several kinds of keys" },
    { .name = "SSLCertificateKeyFile", .args = PN_TAKE1, SERVER, .set = set_key,
      .help = "PEM file of the key of the certificate, in the order of SSLCertificateFile" },
    { .name = "SSLCertificateChainFile", FILE_ROW, .help = "PEM file of the certificates between the server's and the root" },
    { .name = "SSLCertificateReload", .args = PN_FLAG, MAIN, .slot = SRV(reload), .dflt = "Off",
      .help = "Reload gracefully as soon as a certificate or key has changed on disk" },
    { .name = "SSLPassPhraseDialog", .args = PN_TAKE1, MAIN, .set = set_dialog,
      .help = "Who is asked for the phrases of encrypted keys: builtin (the terminal), exec:program, |program" },
    { .name = "SSLCACertificateFile", FILE_ROW, .help = "PEM file of authorities that certify clients" },
    { .name = "SSLCACertificatePath", FILE_ROW, .help = "Directory of such certificates under hashed names" },
    { .name = "SSLCADNRequestFile", FILE_ROW, .help = "PEM file of the authorities that clients are told of" },
    { .name = "SSLCADNRequestPath", FILE_ROW, .help = "Directory of certificates of the authorities that clients are told of" },
    { .name = "SSLCARevocationFile", FILE_ROW, .help = "PEM file of revocation lists" },
    { .name = "SSLCARevocationPath", FILE_ROW, .help = "Directory of revocation lists under hashed names" },
    { .name = "SSLCARevocationCheck", .args = PN_LIST, SERVER, .set = set_crl_check,
      .help = "none, leaf or chain: which certificates must not be revoked; no_crl_for_cert_ok: a list may be missing" },
    { .name = "SSLVerifyClient", .args = PN_TAKE1, PLACE, .set = set_verify,
      .help = "none, optional, require, optional_no_ca: the client's certificate" },
    { .name = "SSLVerifyDepth", .args = PN_TAKE1, PLACE, .set = set_depth, .help = "Most certificates between the client's and a known one" },
    { .name = "SSLOptions", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS, .scope = PN_SCOPE_DIR, .set = set_options,
      .help = "StdEnvVars ExportCertData FakeBasicAuth StrictRequire OptRenegotiate LegacyDNStringFormat, with + or -" },
    { .name = "SSLRequire", .args = PN_RAW, IN_DIR, .set = add_requirement, .help = "An expression that must be true; Require expr does the same" },
    { .name = "SSLRequireSSL", .args = PN_NO_ARGS, IN_DIR, .set = set_require_ssl, .help = "Refuses what does not come over TLS" },
    { .name = "SSLUserName", .args = PN_TAKE1, PLACE, .slot = PN_SLOT(struct ssl_dir_conf, user_name),
      .help = "The variable whose value is the user's name: SSL_CLIENT_S_DN_CN" },
    { .name = "SSLRenegBufferSize", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .scope = PN_SCOPE_DIR,
      .slot = PN_SLOT(struct ssl_dir_conf, buffer_bytes), .dflt = "131072", .min = 0, .max = 1 << 30, .unit = "bytes",
      .help = "Largest request body that waits in memory while the client shows its certificate" },
    { .name = "SSLStrictSNIVHostCheck", .args = PN_FLAG, SERVER, .slot = SRV(strict_sni), .dflt = "Off",
      .help = "Whether clients that send no name are refused" },
    { .name = "SSLVHostSNIPolicy", .args = PN_TAKE1, MAIN, .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct ssl_server_conf, sni_policy),
      .choices = sni_words, .dflt = "secure",
      .help = "How alike the server of the handshake and that of the request must be: strict, secure, authonly, insecure" },
    { .name = "SSLSessionCache", .args = PN_TAKE1, MAIN, .set = set_cache,
      .help = "none, nonenotnull, shmcb:name(bytes): sessions that all children know" },
    { .name = "SSLSessionCacheTimeout", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(session_timeout), .unit = "s", .dflt = "300",
      .help = "How long a session may be resumed" },
    { .name = "SSLSessionTickets", .args = PN_FLAG, SERVER, .slot = SRV(tickets), .dflt = "On", .help = "Sessions that the client keeps" },
    { .name = "SSLSessionTicketKeyFile", FILE_ROW, .help = "48 random bytes: the key of tickets, for several servers of a cluster" },
    { .name = "SSLCompression", .args = PN_FLAG, SERVER, .slot = SRV(compression), .dflt = "Off",
      .help = "Compression inside TLS, which attackers can use against the client" },
    { .name = "SSLInsecureRenegotiation", .args = PN_FLAG, SERVER, .slot = SRV(insecure_renegotiation), .dflt = "Off",
      .help = "Renegotiation with clients that do not know RFC 5746" },
    { .name = "SSLOpenSSLConfCmd", .args = PN_TAKE2, SERVER, .set = add_command, .help = "A command of OpenSSL's SSL_CONF and its value" },
    { .name = "SSLFIPS", .args = PN_TAKE1, MAIN, .set = set_fips, .help = "On: only what OpenSSL's FIPS provider has" },
    { .name = "SSLRandomSeed", .args = PN_TAKE23, MAIN, .set = set_random_seed, .help = "Checked only: OpenSSL takes its seed from the system" },
    { .name = "SSLCryptoDevice", .args = PN_TAKE1, MAIN, .set = set_unavailable, .help = "builtin; engines are not part of OpenSSL 3 any more" },
    { .name = "SSLSRPVerifierFile", .args = PN_TAKE1, SERVER, .set = set_unavailable, .help = "SRP is not offered" },
    { .name = "SSLSRPUnknownUserSeed", .args = PN_TAKE1, SERVER, .set = set_unavailable, .help = "SRP is not offered" },

    { .name = "SSLUseStapling", .args = PN_FLAG, SERVER, .slot = SRV(stapling), .dflt = "Off",
      .help = "Whether handshakes carry the authority's word that the certificate is valid" },
    { .name = "SSLStaplingCache", .args = PN_TAKE1, MAIN, .set = set_cache, .help = "shmcb:name(bytes): where that word is kept" },
    { .name = "SSLStaplingForceURL", .args = PN_TAKE1, SERVER, .set = set_url, .help = "The responder to ask, whatever the certificate says" },
    { .name = "SSLStaplingResponderTimeout", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(stapling_timeout), .unit = "s", .dflt = "10",
      .help = "How long the responder may take" },
    { .name = "SSLStaplingStandardCacheTimeout", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(stapling_good_timeout), .unit = "s",
      .dflt = "3600", .help = "How long an answer is kept" },
    { .name = "SSLStaplingErrorCacheTimeout", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(stapling_error_timeout), .unit = "s",
      .dflt = "600", .help = "How long the responder is left alone when it had no answer" },
    { .name = "SSLStaplingResponseMaxAge", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(stapling_max_age), .unit = "s", .dflt = "0",
      .help = "Oldest answer that is used; 0: as the answer itself says" },
    { .name = "SSLStaplingResponseTimeSkew", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(stapling_skew), .unit = "s", .dflt = "300",
      .help = "How far the responder's clock may be off" },
    { .name = "SSLStaplingReturnResponderErrors", .args = PN_FLAG, SERVER, .slot = SRV(stapling_return_errors), .dflt = "On",
      .help = "Whether answers that are no good reach the client" },
    { .name = "SSLStaplingFakeTryLater", .args = PN_FLAG, SERVER, .slot = SRV(stapling_fake_later), .dflt = "On",
      .help = "Whether the client is told to try later when there is no answer" },

    { .name = "SSLOCSPEnable", .args = PN_LIST, SERVER, .set = set_ocsp,
      .help = "off, on or leaf: ask the responder about client certificates; no_ocsp_for_cert_ok: those that name none pass" },
    { .name = "SSLOCSPDefaultResponder", .args = PN_TAKE1, SERVER, .set = set_url, .help = "The responder for certificates that name none" },
    { .name = "SSLOCSPOverrideResponder", .args = PN_FLAG, SERVER, .slot = SRV(ocsp_override), .dflt = "Off",
      .help = "Whether the default responder is asked in any case" },
    { .name = "SSLOCSPResponderTimeout", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(ocsp_timeout), .unit = "s", .dflt = "10",
      .help = "How long the responder may take" },
    { .name = "SSLOCSPResponseTimeSkew", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(ocsp_skew), .unit = "s", .dflt = "300",
      .help = "How far the responder's clock may be off" },
    { .name = "SSLOCSPResponseMaxAge", .args = PN_TAKE1, SERVER, .slot = SRV_USEC(ocsp_max_age), .unit = "s", .dflt = "0",
      .help = "Oldest answer that is accepted; 0: as the answer itself says" },
    { .name = "SSLOCSPUseRequestNonce", .args = PN_FLAG, SERVER, .slot = SRV(ocsp_nonce), .dflt = "On",
      .help = "Whether the responder must answer this very question" },
    { .name = "SSLOCSPNoverify", .args = PN_FLAG, SERVER, .slot = SRV(ocsp_no_verify), .dflt = "Off",
      .help = "Whether the responder's own certificate is taken on trust" },
    { .name = "SSLOCSPResponderCertificateFile", FILE_ROW, .help = "PEM file of responders that are trusted" },
    { .name = "SSLOCSPProxyURL", .args = PN_TAKE1, SERVER,
      .gone = "responders are asked directly" },
#include "ssl_proxy_rows.h"
    { 0 }
};
