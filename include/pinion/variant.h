/* pinion/variant.h - other forms of a static file, made once and kept with it: its gzip form, its Brotli form, ...
 *
 * A variant belongs to the cached open file behind a request and lives and dies with it, so it is exactly as fresh as the
 * file. All variants of a thread together are bounded in bytes; the ones used longest ago go first. */
#ifndef PINION_VARIANT_H
#define PINION_VARIANT_H

#include <pinion/buf.h>
#include <pinion/request.h>

/** Largest file that variants are made of, bytes. */
#define PN_VARIANT_SOURCE_MAX ((size_t)4 << 20)

/** Makes the variant of `source`. Runs on a thread of the offload pool: it may use its arguments only, and appends to `out`,
 *  which takes a little more than source.n bytes.
 *  @return PN_OK, or anything else: there is no such variant of this file (remembered, not tried again). */
typedef pn_rc pn_variant_fn(pn_str source, const void *arg, struct pn_buf *out);

struct pn_variant_kind {
    pn_str         name; /* tells this form, settings included, from all others: "gzip 9" */
    pn_variant_fn *make;
    const void    *arg;  /* handed to make; lives as long as the request's settings */
};

/** Is `chunk` all of r->file as it lies on disk, so that a variant of that file can stand for it? */
bool pn_chunk_is_whole_file(const struct pn_request *r, const struct pn_chunk *chunk);

/** The bytes of a variant of r->file, at once when it is at hand. Else it is made; whoever asks meanwhile waits for the same one.
 *  @param ret_bytes  live as long as the request.
 *  @return PN_OK; PN_DECLINED: no variant of this file is to be had (no cached file, too large, make refused). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_variant_of_file(struct pn_request *r, const struct pn_variant_kind *kind,
                                                   pn_str *ret_bytes);

#endif
