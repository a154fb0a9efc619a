/* ssl_proxy_rows.h - the rows of SSLProxy directives, as a part of ssl_directives[]: checked and warned about. They speak of
 * connections to backends, of which there are none before there is a proxy. */
#define PROXY_ROW(word, arity)                                                                     \
    { .name = "SSLProxy" word, .args = arity, .where = PN_CTX_SERVER | PN_CTX_DIRECTORY, .scope = PN_SCOPE_DIR, \
      .gone = "it is about connections to backends, and there is no proxy yet" }
    PROXY_ROW("Engine", PN_FLAG),
    PROXY_ROW("Protocol", PN_LIST),
    PROXY_ROW("CipherSuite", PN_TAKE12),
    PROXY_ROW("Verify", PN_TAKE1),
    PROXY_ROW("VerifyDepth", PN_TAKE1),
    PROXY_ROW("CACertificateFile", PN_TAKE1),
    PROXY_ROW("CACertificatePath", PN_TAKE1),
    PROXY_ROW("CARevocationFile", PN_TAKE1),
    PROXY_ROW("CARevocationPath", PN_TAKE1),
    PROXY_ROW("CARevocationCheck", PN_LIST),
    PROXY_ROW("MachineCertificateFile", PN_TAKE1),
    PROXY_ROW("MachineCertificatePath", PN_TAKE1),
    PROXY_ROW("MachineCertificateChainFile", PN_TAKE1),
    PROXY_ROW("CheckPeerExpire", PN_FLAG),
    PROXY_ROW("CheckPeerCN", PN_FLAG),
    PROXY_ROW("CheckPeerName", PN_FLAG),
#undef PROXY_ROW
