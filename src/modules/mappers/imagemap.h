/* imagemap.h - map files: text that says which part of a picture leads where. Pure: the lines are read here, and answered in
 * mod_imagemap.c. */
#ifndef PN_IMAGEMAP_H
#define PN_IMAGEMAP_H

#include <pinion/str.h>

/** A place in the picture, pixels. */
struct imagemap_point { double x, y; };

/** Most corners of a polygon; further ones are not read (Apache manual, mod_imagemap: "three to one-hundred"). */
#define IMAGEMAP_CORNERS_MAX 100

/** One line of a map file that is neither empty nor a comment. Slices of the line. */
struct imagemap_line {
    pn_str   word;  /* "rect", "base" ... */
    pn_str   value; /* a URL, or a word of its own */
    pn_str   text;  /* between quotes; p == NULL: none */
    unsigned n;     /* corners */
    struct imagemap_point corners[IMAGEMAP_CORNERS_MAX];
};

/** @return PN_OK, or PN_BAD: it has less than two words. Never suspends. */
PN_NODISCARD pn_rc pn__imagemap_line(pn_str line, struct imagemap_line *ret);
/** "12,34" of a query. @return PN_OK, or PN_BAD when it is no pair of numbers. */
PN_NODISCARD pn_rc pn__imagemap_query(pn_str query, struct imagemap_point *ret);

/** Does the point lie within? Shapes without enough corners hold none. */
bool pn__imagemap_in_polygon(const struct imagemap_line *line, struct imagemap_point at);
bool pn__imagemap_in_circle(const struct imagemap_line *line, struct imagemap_point at);
bool pn__imagemap_in_rectangle(const struct imagemap_line *line, struct imagemap_point at);
/** Square of the distance to the line's first corner. */
double pn__imagemap_distance(const struct imagemap_line *line, struct imagemap_point at);

/** Resolves `value` against `base`, both as a map file writes them. Result in the pool.
 *  @return PN_OK; PN_BAD: `base` is no URL that ".." could be relative to; PN_DENIED: ".." leads above it. */
PN_NODISCARD pn_rc pn__imagemap_resolve(apr_pool_t *pool, pn_str base, pn_str value, pn_str *ret);

#endif
