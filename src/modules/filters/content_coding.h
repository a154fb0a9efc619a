/* content_coding.h - what the compressing filters share: who gets a compressed answer, its fields, and the body that compresses.
 *
 * A module (mod_deflate, mod_brotli, mod_zstd) describes its coding once and hands its settings; coding_wrap does the rest. */
#ifndef PN_FILTERS_CONTENT_CODING_H
#define PN_FILTERS_CONTENT_CODING_H

#include <pinion/request.h>
#include <pinion/variant.h>

/** What a coder is to do with what it was given. */
enum coder_op {
    CODER_RUN,   /* take the input; output may wait for more */
    CODER_FLUSH, /* everything so far can be decoded from the output so far */
    CODER_FINISH /* the end */
};

struct coder_out { char *p; size_t n, cap; };

/** A compressor. It may run on another thread than the one that opened it, never on two at a time. */
struct coder_ops {
    /** malloc'd or in r->pool. NULL: there is no memory. */
    void *(*open)(struct pn_request *r, const void *settings);
    /** Takes from *in, appends to out. @return PN_OK: op is done; PN_AGAIN: `out` is full, call again; PN_FAILED: a bug. */
    pn_rc (*run)(void *coder, enum coder_op op, pn_str *in, struct coder_out *out);
    void (*close)(void *coder);
};

struct content_coding {
    pn_str                  token;     /* "gzip", in Accept-Encoding and Content-Encoding */
    pn_str                  alias;     /* another name for it that clients send; may be empty */
    pn_str                  suffix;    /* of the ETag: "-gzip" */
    const char             *off_env;   /* environment variables that say: never, only for text/html, whatever the client says */
    const char             *html_env;  /* may be NULL */
    const char             *force_env; /* may be NULL */
    unsigned                frame_bytes; /* head and trailer of the form: sizes in notes are without, as Apache's are */
    const struct coder_ops *ops;
};

enum etag_policy { ETAG_ADD_SUFFIX, ETAG_NO_CHANGE, ETAG_REMOVE };
/** For PN_SLOT_ENUM, in the order of enum etag_policy. */
extern const char *const etag_policy_names[];

/** Names of the notes that tell sizes to the logs; empty: none. */
struct coding_notes { pn_str input, output, ratio; };

/** The part of a module's settings that coding_wrap reads. */
struct coding_settings {
    int                    etag_policy;  /* enum etag_policy */
    int64_t                buffer_bytes; /* output handed on at a time; what fits in one has a Content-Length */
    struct coding_notes    notes;
    struct pn_variant_kind variant;      /* how static files are compressed once */
    const void            *coder;        /* for ops->open */
};

/** A filter's wrap function for this coding. */
PN_MAY_YIELD struct pn_body *coding_wrap(struct pn_request *r, struct pn_body *below, const struct content_coding *coding,
                                         const struct coding_settings *settings);

/** The set function of DeflateFilterNote and its like: [type] notename. */
const char *coding_set_note(struct pn_conf_cmd *cmd, struct coding_notes *notes, unsigned argc, const pn_str *argv);
/** Inner notes over outer ones. */
void coding_merge_notes(struct coding_notes *merged, const struct coding_notes *add);

/** What Accept-Encoding says of a coding (RFC 9110 s12.5.3), in thousandths: 0 is "not acceptable". A coding that the client
 *  prefers less than sending the content as it is counts as not acceptable.
 *  @param accept p == NULL: no such field. */
unsigned coding_quality(pn_str accept, pn_str token, pn_str alias);
/** "abc" becomes "abc-gzip", or goes: on r's answer. */
void coding_change_etag(struct pn_request *r, pn_str suffix, int etag_policy);
/** Adds Accept-Encoding to Vary unless it is there. */
void coding_vary(struct pn_request *r);
/** The content codings of the answer so far, joined; identity and its like are left out. Empty: none. */
pn_str coding_present(struct pn_request *r);

/** Turns bodies into an uncompressed size of at least this before they are worth it. */
#define CODING_LEAST_BYTES 69

#endif
