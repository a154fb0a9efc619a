/* ssl_vars.c - the SSL_ variables: of the session, of the two certificates; in expressions, logs and the environment.
 * Apache manual: mod_ssl, "Environment Variables". */
#include "mod_ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ssl_names.h"

#define NONE ((pn_str){ NULL, 0 })

/* What lies in a memory BIO, which is freed. */
static pn_str take_text(BIO *from, apr_pool_t *pool)
{
    char  *p = NULL;
    long   n = BIO_get_mem_data(from, &p);
    pn_str text = pn_str_dup(pool, pn_str_n(p, n > 0 ? (size_t)n : 0));

    BIO_free(from);
    return text;
}

/* ---- names ---- */

pn_str ssl_name_text(X509_NAME *name, bool legacy, apr_pool_t *pool)
{
    BIO *out;

    if (legacy) {
        char  *line = X509_NAME_oneline(name, NULL, 0);
        pn_str text = line ? pn_str_dup(pool, pn_str_z(line)) : NONE;
        OPENSSL_free(line);
        return text;
    }
    if (!(out = BIO_new(BIO_s_mem())))
        return NONE;
    X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return take_text(out, pool);
}

static pn_str value_text(const ASN1_STRING *value, bool raw, apr_pool_t *pool)
{
    BIO *out;

    if (raw)
        return pn_str_dup(pool, pn_str_n((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
    if (!(out = BIO_new(BIO_s_mem())))
        return NONE;
    ASN1_STRING_print_ex(out, value, ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT);
    return take_text(out, pool);
}

const struct ssl_name_part ssl_name_parts[] = {
    { "C", NID_countryName },         { "ST", NID_stateOrProvinceName }, { "SP", NID_stateOrProvinceName },
    { "L", NID_localityName },        { "O", NID_organizationName },     { "OU", NID_organizationalUnitName },
    { "CN", NID_commonName },         { "T", NID_title },                { "I", NID_initials },
    { "G", NID_givenName },           { "S", NID_surname },              { "D", NID_description },
    { "UID", NID_userId },            { "Email", NID_pkcs9_emailAddress }, { NULL, 0 },
};

/* "CN", "OU_1", "CN_RAW": one part of a name. */
static pn_str name_part(X509_NAME *name, pn_str tag, apr_pool_t *pool)
{
    bool     raw = pn_str_ends(tag, PN_STR("_RAW"));
    uint64_t nth = 0;
    size_t   line;
    int      at = -1;

    if (raw)
        tag.n -= 4;
    if ((line = pn_str_chr(tag, '_', 0)) != SIZE_MAX) {
        if (pn_str_to_u64(pn_str_from(tag, line + 1), 100, &nth) != PN_OK)
            return NONE;
        tag = pn_str_head(tag, line);
    }
    for (const struct ssl_name_part *part = ssl_name_parts; part->tag; part++) {
        if (!pn_str_eq(tag, pn_str_z(part->tag)))
            continue;
        do
            at = X509_NAME_get_index_by_NID(name, part->nid, at);
        while (at >= 0 && nth-- > 0);
        return at < 0 ? NONE : value_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), raw, pool);
    }
    return NONE;
}

/* ---- alternative names ---- */

static pn_str alternative_text(const GENERAL_NAME *one, int type, apr_pool_t *pool)
{
    if (one->type != type)
        return NONE;
    if (type == GEN_EMAIL || type == GEN_DNS)
        return value_text(one->d.ia5, false, pool);
    if (OBJ_obj2nid(one->d.otherName->type_id) == NID_ms_upn && one->d.otherName->value->type == V_ASN1_UTF8STRING)
        return value_text(one->d.otherName->value->value.utf8string, false, pool);
    return NONE;
}

apr_array_header_t *ssl_alternatives(X509 *certificate, int type, apr_pool_t *pool)
{
    GENERAL_NAMES      *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(pn_str));

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        pn_str text = alternative_text(sk_GENERAL_NAME_value(names, i), type, pool);
        if (text.p)
            *(pn_str *)apr_array_push(list) = text;
    }
    GENERAL_NAMES_free(names);
    return list;
}

static pn_str nth_alternative(X509 *certificate, pn_str which, apr_pool_t *pool)
{
    static const struct { const char *prefix; int type; } kinds[] = {
        { "Email_", GEN_EMAIL }, { "DNS_", GEN_DNS }, { "OTHER_msUPN_", GEN_OTHERNAME }
    };
    uint64_t n;

    for (size_t i = 0; i < PN_COUNT(kinds); i++) {
        if (!pn_str_starts(which, pn_str_z(kinds[i].prefix)))
            continue;
        if (pn_str_to_u64(pn_str_from(which, strlen(kinds[i].prefix)), 1000, &n) != PN_OK)
            return NONE;
        apr_array_header_t *list = ssl_alternatives(certificate, kinds[i].type, pool);
        return (int)n < list->nelts ? APR_ARRAY_IDX(list, (int)n, pn_str) : NONE;
    }
    return NONE;
}

/* ---- one certificate ---- */

static pn_str time_text(const ASN1_TIME *time, apr_pool_t *pool)
{
    BIO *out = BIO_new(BIO_s_mem());

    if (!out)
        return NONE;
    ASN1_TIME_print(out, time);
    return take_text(out, pool);
}

/* Whole days until it ends. */
static pn_str days_left(X509 *certificate, apr_pool_t *pool)
{
    int days = 0, seconds = 0;

    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1 || days < 0 || seconds < 0)
        days = 0;
    return pn_str_printf(pool, "%d", days);
}

static pn_str serial_text(X509 *certificate, bool decimal, apr_pool_t *pool)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    BIO                *out;

    if (decimal) {
        BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
        char   *digits = number ? BN_bn2dec(number) : NULL;
        pn_str  text = digits ? pn_str_dup(pool, pn_str_z(digits)) : NONE;
        OPENSSL_free(digits);
        BN_free(number);
        return text;
    }
    if (!(out = BIO_new(BIO_s_mem())))
        return NONE;
    i2a_ASN1_INTEGER(out, serial);
    return take_text(out, pool);
}

static pn_str pem_text(X509 *certificate, apr_pool_t *pool)
{
    BIO *out = BIO_new(BIO_s_mem());

    if (!out)
        return NONE;
    PEM_write_bio_X509(out, certificate);
    return take_text(out, pool);
}

static pn_str key_kind(X509 *certificate, apr_pool_t *pool)
{
    ASN1_OBJECT *algorithm = NULL;

    X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(certificate));
    return algorithm ? pn_str_dup(pool, pn_str_z(OBJ_nid2ln(OBJ_obj2nid(algorithm)))) : NONE;
}

/* Certificate exact assertion of RFC 4523. */
static pn_str exact_assertion(X509 *certificate, apr_pool_t *pool)
{
    pn_str serial = serial_text(certificate, true, pool);
    pn_str issuer = ssl_name_text(X509_get_issuer_name(certificate), false, pool);

    return PN_CAT(pool, PN_STR("{ serialNumber "), serial, PN_STR(", issuer rdnSequence:\""), issuer, PN_STR("\" }"));
}

/* What stands behind SSL_CLIENT_ or SSL_SERVER_. */
static pn_str certificate_variable(X509 *certificate, pn_str what, bool legacy, apr_pool_t *pool)
{
    if (pn_str_eq(what, PN_STR("M_VERSION")))
        return pn_str_printf(pool, "%ld", X509_get_version(certificate) + 1);
    if (pn_str_eq(what, PN_STR("M_SERIAL")))
        return serial_text(certificate, false, pool);
    if (pn_str_eq(what, PN_STR("V_START")))
        return time_text(X509_get0_notBefore(certificate), pool);
    if (pn_str_eq(what, PN_STR("V_END")))
        return time_text(X509_get0_notAfter(certificate), pool);
    if (pn_str_eq(what, PN_STR("V_REMAIN")))
        return days_left(certificate, pool);
    if (pn_str_eq(what, PN_STR("S_DN")))
        return ssl_name_text(X509_get_subject_name(certificate), legacy, pool);
    if (pn_str_eq(what, PN_STR("I_DN")))
        return ssl_name_text(X509_get_issuer_name(certificate), legacy, pool);
    if (pn_str_starts(what, PN_STR("S_DN_")))
        return name_part(X509_get_subject_name(certificate), pn_str_from(what, 5), pool);
    if (pn_str_starts(what, PN_STR("I_DN_")))
        return name_part(X509_get_issuer_name(certificate), pn_str_from(what, 5), pool);
    if (pn_str_starts(what, PN_STR("SAN_")))
        return nth_alternative(certificate, pn_str_from(what, 4), pool);
    if (pn_str_eq(what, PN_STR("A_SIG")))
        return pn_str_z(OBJ_nid2ln(X509_get_signature_nid(certificate)));
    if (pn_str_eq(what, PN_STR("A_KEY")))
        return key_kind(certificate, pool);
    if (pn_str_eq(what, PN_STR("CERT")))
        return pem_text(certificate, pool);
    return NONE;
}

/* ---- the client ---- */

static pn_str verify_text(SSL *ssl, apr_pool_t *pool)
{
    const struct ssl_conn *mine = ssl_conn_of(ssl);
    long                   result = SSL_get_verify_result(ssl);
    bool                   shown = SSL_get0_peer_certificate(ssl) != NULL;

    if (!shown && result == X509_V_OK && !mine->verify_error)
        return PN_STR("NONE");
    if (mine->verify_error && mine->optional_no_ca && shown)
        return PN_STR("GENEROUS");
    if (result == X509_V_OK && !mine->verify_error)
        return PN_STR("SUCCESS");
    return pn_str_printf(pool, "FAILED:%s", X509_verify_cert_error_string(mine->verify_error ? mine->verify_error : result));
}

static pn_str chain_variable(SSL *ssl, pn_str index, apr_pool_t *pool)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    uint64_t        n;

    /* The first is the client's own, to a server; SSL_CLIENT_CERT has that. */
    if (pn_str_to_u64(index, 100, &n) != PN_OK || (int)n >= sk_X509_num(chain))
        return NONE;
    return pem_text(sk_X509_value(chain, (int)n), pool);
}

static pn_str client_variable(struct pn_request *r, SSL *ssl, pn_str what)
{
    X509  *shown;
    bool   legacy = ssl_dir_conf(r->dir_conf)->options & SSL_OPT_LEGACY_DN;

    if (pn_str_eq(what, PN_STR("VERIFY")))
        return verify_text(ssl, r->pool);
    if (pn_str_starts(what, PN_STR("CERT_CHAIN_")))
        return chain_variable(ssl, pn_str_from(what, 11), r->pool);
    shown = SSL_get0_peer_certificate(ssl);
    if (!shown)
        return NONE;
    if (pn_str_eq(what, PN_STR("CERT_RFC4523_CEA")))
        return exact_assertion(shown, r->pool);
    return certificate_variable(shown, what, legacy, r->pool);
}

pn_str ssl_client_subject(struct pn_request *r)
{
    SSL  *ssl = ssl_of(r);
    X509 *shown = ssl ? SSL_get0_peer_certificate(ssl) : NULL;

    return shown ? ssl_name_text(X509_get_subject_name(shown), true, r->pool) : NONE;
}

/* ---- the session ---- */

static pn_str session_id(SSL *ssl, apr_pool_t *pool)
{
    SSL_SESSION         *session = SSL_get_session(ssl);
    unsigned             n = 0;
    const unsigned char *id = session ? SSL_SESSION_get_id(session, &n) : NULL;
    char                *text = apr_palloc(pool, 2 * (size_t)n + 1);

    for (unsigned i = 0; i < n; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
    return n ? pn_str_n(text, 2 * (size_t)n) : NONE;
}

static pn_str library_text(apr_pool_t *pool)
{
    pn_str words = pn_str_z(OpenSSL_version(OPENSSL_VERSION));
    pn_str name = pn_str_word(&words), version = pn_str_word(&words);

    return PN_CAT(pool, name, PN_STR("/"), version);
}

static pn_str cipher_variable(SSL *ssl, pn_str what, apr_pool_t *pool)
{
    int algorithm = 0, used = SSL_get_cipher_bits(ssl, &algorithm);

    if (what.n == 0)
        return pn_str_z(SSL_get_cipher_name(ssl));
    if (pn_str_eq(what, PN_STR("_EXPORT")))
        return used < 56 ? PN_STR("true") : PN_STR("false");
    if (pn_str_eq(what, PN_STR("_USEKEYSIZE")))
        return pn_str_printf(pool, "%d", used);
    if (pn_str_eq(what, PN_STR("_ALGKEYSIZE")))
        return pn_str_printf(pool, "%d", algorithm);
    return NONE;
}

static pn_str session_variable(SSL *ssl, pn_str what, apr_pool_t *pool)
{
    if (pn_str_eq(what, PN_STR("PROTOCOL")))
        return pn_str_z(SSL_get_version(ssl));
    if (pn_str_starts(what, PN_STR("CIPHER")))
        return cipher_variable(ssl, pn_str_from(what, 6), pool);
    if (pn_str_eq(what, PN_STR("SESSION_ID")))
        return session_id(ssl, pool);
    if (pn_str_eq(what, PN_STR("SESSION_RESUMED")))
        return SSL_session_reused(ssl) ? PN_STR("Resumed") : PN_STR("Initial");
    if (pn_str_eq(what, PN_STR("SECURE_RENEG")))
        return SSL_get_secure_renegotiation_support(ssl) ? PN_STR("true") : PN_STR("false");
    if (pn_str_eq(what, PN_STR("COMPRESS_METHOD")))
        return SSL_get_current_compression(ssl) ? pn_str_z(SSL_COMP_get_name(SSL_get_current_compression(ssl))) : PN_STR("NULL");
    if (pn_str_eq(what, PN_STR("TLS_SNI"))) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        return name ? pn_str_dup(pool, pn_str_z(name)) : NONE;
    }
    return NONE;
}

pn_str ssl_variable(struct pn_request *r, pn_str name)
{
    SSL   *ssl = ssl_of(r);
    pn_str what, text = NONE;

    if (!pn_str_istarts(name, PN_STR("SSL_")))
        return pn_str_ieq(name, PN_STR("HTTPS")) ? (ssl ? PN_STR("on") : PN_STR("off")) : NONE;
    what = pn_str_from(name, 4);
    if (pn_str_eq(what, PN_STR("VERSION_INTERFACE")))
        return PN_STR("mod_ssl/" PN_SSL_INTERFACE);
    if (pn_str_eq(what, PN_STR("VERSION_LIBRARY")))
        return library_text(r->pool);
    if (!ssl)
        return NONE;
    if (pn_str_starts(what, PN_STR("CLIENT_")))
        text = client_variable(r, ssl, pn_str_from(what, 7));
    else if (pn_str_starts(what, PN_STR("SERVER_")) && SSL_get_certificate(ssl))
        text = certificate_variable(SSL_get_certificate(ssl), pn_str_from(what, 7),
                                    ssl_dir_conf(r->dir_conf)->options & SSL_OPT_LEGACY_DN, r->pool);
    else
        text = session_variable(ssl, what, r->pool);
    ERR_clear_error();
    return text;
}

/* ---- extensions ---- */

static pn_str extension_text(X509_EXTENSION *extension, apr_pool_t *pool)
{
    const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
    const unsigned char     *p = ASN1_STRING_get0_data(data);
    ASN1_TYPE               *value = d2i_ASN1_TYPE(NULL, &p, ASN1_STRING_length(data));
    pn_str                   text = NONE;
    BIO                     *out;

    if (value && ((ASN1_tag2bit(value->type) & (B_ASN1_DISPLAYTEXT)) || value->type == V_ASN1_PRINTABLESTRING || value->type == V_ASN1_IA5STRING))
        text = value_text(value->value.asn1_string, false, pool);
    ASN1_TYPE_free(value);
    if (text.p || !(out = BIO_new(BIO_s_mem())))
        return text;
    if (X509V3_EXT_print(out, extension, 0, 0) == 1)
        return take_text(out, pool);
    BIO_free(out);
    return text;
}

void ssl_extensions(struct pn_request *r, pn_str oid, const pn_str **ret_values, size_t *ret_n)
{
    SSL                *ssl = ssl_of(r);
    X509               *shown = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    ASN1_OBJECT        *wanted = OBJ_txt2obj(pn_str_zdup(r->pool, oid), 0);
    apr_array_header_t *values = apr_array_make(r->pool, 2, sizeof(pn_str));

    for (int i = 0; shown && wanted && i < X509_get_ext_count(shown); i++) {
        X509_EXTENSION *one = X509_get_ext(shown, i);
        pn_str          text;
        if (OBJ_cmp(X509_EXTENSION_get_object(one), wanted) == 0 && (text = extension_text(one, r->pool)).p)
            *(pn_str *)apr_array_push(values) = text;
    }
    ASN1_OBJECT_free(wanted);
    ERR_clear_error();
    *ret_values = (const pn_str *)(const void *)values->elts;
    *ret_n = (size_t)values->nelts;
}
