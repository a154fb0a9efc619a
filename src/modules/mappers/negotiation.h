/* negotiation.h - what the files of mod_negotiation share: what a client accepts, the variants of a resource, the choice.
 *
 * A negotiation goes in steps: variants come from a type map (negotiation_map.c) or from the names in a directory
 * (negotiation_multi.c), the Accept fields are read (negotiation_accept.c), each variant gets four qualities
 * (negotiation_quality.c), one is chosen (negotiation_choose.c), and the answer's head tells of it (negotiation_head.c).
 *
 * A quality is a whole number of ten-thousandths: products of them are exact, and equal ones are equal. */
#ifndef PN_NEGOTIATION_H
#define PN_NEGOTIATION_H

#define PN_LOG_MODULE &pn_module_negotiation
#include <pinion/log.h>
#include <pinion/request.h>

extern struct pn_module pn_module_negotiation;

#define Q_ONE 10000u /* quality 1 */

/* ---- settings ---- */

enum force_priority { FORCE_NONE = 0, FORCE_PREFER = 1, FORCE_FALLBACK = 2 };

struct negotiation_conf {
    apr_array_header_t *priority; /* LanguagePriority: of pn_str; NULL: none */
    unsigned            force;    /* enum force_priority */
};

/* ---- what the client accepts ---- */

/** Most elements of one field that are looked at; what follows is as if it were not there. */
#define ACCEPT_ITEMS_MAX 128

struct accept_item {
    pn_str   name;    /* lower case: "text/html", "en-gb", "gzip" */
    pn_str   charset; /* parameter, lower case; empty: none */
    unsigned q;       /* also of qs= */
    unsigned level;   /* parameter; 0: none */
};

/** The elements of a list. `items` stays NULL when there is no field, which is not the same as an empty one. */
struct accept_list {
    struct accept_item *items;
    unsigned            n;
    bool                given; /* the field is there */
};

/** Reads "text/html;level=1;q=0.5". @return false: it names nothing. Never suspends. */
bool pn__accept_item(apr_pool_t *pool, pn_str element, struct accept_item *ret_item);
/** Reads a whole field. @param value p == NULL: the request has none. */
struct accept_list pn__accept_list(apr_pool_t *pool, pn_str value);
/** "0.75" in ten-thousandths, at most three decimals; what is no number is 1. */
unsigned pn__accept_quality(pn_str text);

/* ---- variants ---- */

struct variant {
    pn_str              name;        /* of the file beside the request's, or the URL of a type map: relative, raw */
    pn_str              type, charset, encoding; /* lower case; empty: not known */
    pn_str              description; /* of a type map; may be empty */
    apr_array_header_t *languages;   /* of pn_str; NULL: none */
    unsigned            source_q;
    unsigned            level;
    int64_t             bytes;       /* content length, -1: not known yet */
    pn_str              body;        /* in the type map itself; p == NULL: none */
    struct pn_request  *sub;         /* its look-up; NULL: not made */
    bool                by_program;  /* a handler of its own makes its content */
    /* given by a negotiation */
    unsigned            type_q, language_q, charset_q, encoding_q;
    unsigned            level_matched;
    int                 stars;       /* how Accept named it: 3 the type, 2 type/ *, 1 * / *, 0 not at all */
    int                 priority;    /* position in LanguagePriority, -1: none that counts */
    bool                definite;    /* RFC 2296 s3.5: a remote algorithm would come to the same */
};

/** Most variants of a resource; further ones are not looked at. */
#define VARIANTS_MAX 512

/** Type, charset, level and source quality from a Content-Type value of a variant. Never suspends. */
void pn__variant_set_type(apr_pool_t *pool, struct variant *variant, pn_str content_type);
void pn__variant_init(struct variant *variant);
/** text/html, and the pages with elements that become it. */
bool pn__is_html(pn_str type);

/* ---- type maps ---- */

enum map_fault { MAP_OK = 0, MAP_NO_COLON, MAP_NO_VALUE, MAP_BAD_LENGTH, MAP_NO_END };

struct map_error {
    enum map_fault fault;
    pn_str         text; /* the line, or the missing tag; slice of the map */
};

/** Reads a type map (Apache manual, mod_negotiation).
 *  @param map    borrowed; bodies are slices of it.
 *  @param self   name of the file, which stands for variants with a body.
 *  @param ret    array of struct variant, in the order of the map.
 *  @return PN_OK; PN_BAD with *ret_error. Never suspends, linear. */
PN_NODISCARD pn_rc pn__type_map_parse(apr_pool_t *pool, pn_str map, pn_str self, apr_array_header_t **ret,
                                      struct map_error *ret_error);

/* ---- a negotiation ---- */

struct negotiation {
    struct pn_request             *r;
    const struct negotiation_conf *conf;
    apr_array_header_t            *variants;  /* of struct variant */
    struct accept_list             types, languages, charsets, encodings;
    bool                           type_q_given; /* an element of Accept has a quality of its own */
    unsigned                       script_q;     /* of answers that programs make */
    unsigned                       plain_language_q; /* of variants without a language */
    bool transparent;    /* RFC 2295: every variant is a neighbour of the resource */
    bool client_is_transparent, send_alternates;
    bool may_choose;     /* the client leaves the choice to us */
    bool remote;         /* by the remote variant selection algorithm, RFC 2296 */
    bool literal;        /* the client's qualities are not to be improved on */
    bool from_map;
    bool from_kept;      /* variants were found by an earlier request */
};

static inline struct variant *pn__variant(const struct negotiation *n, int i)
{
    return &APR_ARRAY_IDX(n->variants, i, struct variant);
}

/** Sets the four qualities of a variant. @param preferred language asked for by prefer-language, which this variant has;
 *  p == NULL: none. */
void pn__negotiation_qualities(const struct negotiation *n, struct variant *variant, pn_str preferred);
/** Has the variant this language, or a kind of it ("en-gb" is a kind of "en")? */
bool pn__variant_speaks(const struct variant *variant, pn_str language);

/** Reads the Accept fields and Negotiate of the request. */
void pn__negotiation_begin(struct negotiation *n, bool prefer_scripts);
/** The best variant. @param ret_best may be NULL: none is acceptable. @return is the choice ours to make? */
bool pn__negotiation_choose(struct negotiation *n, struct variant **ret_best);
/** Length of a variant's content in bytes, looked up when need be; 0: not known. */
PN_MAY_YIELD int64_t pn__variant_length(const struct negotiation *n, struct variant *variant);
/** The look-up of a variant's own file. */
PN_MAY_YIELD struct pn_request *pn__variant_lookup(const struct negotiation *n, struct variant *variant);

/** The URL of a variant of a type map that r's path names: relative to the map, path info stays behind it. */
pn_str pn__variant_url(struct pn_request *r, const struct variant *variant);

/** Vary, Alternates and TCN for the answer. @param is_list no variant was chosen. */
PN_MAY_YIELD void pn__negotiation_head(struct negotiation *n, bool is_list);
/** The list of variants for the page of a 300 or 406. */
void pn__negotiation_list(struct negotiation *n);

/** The forms of the missing file that r names, from the listing of its directory.
 *  @param ret_map a type map among them, which speaks for all; NULL: none.
 *  @return 0: n->variants is filled, or empty when there is nothing of that name; else the status to fail with. */
PN_MAY_YIELD int pn__negotiation_forms(struct negotiation *n, struct pn_request **ret_map);
/** Keeps n->variants for the next requests. @param stamp of the directory before it was looked at; 0: they may not be kept. */
void pn__negotiation_keep(struct negotiation *n, uint64_t stamp);
/** Fills n->variants with what an earlier request found, without look-ups; n->r stands for a missing file. @return is there such? */
bool pn__negotiation_kept(struct negotiation *n);
/** Gives codings of kept variants the names by which this client knows them. */
PN_MAY_YIELD void pn__negotiation_name_codings(struct negotiation *n);
/** Reads the type map that `map` was looked up as into n. @return 0 or the status to fail with. */
PN_MAY_YIELD int pn__negotiation_read_map(struct negotiation *n, struct pn_request *map);

#endif
