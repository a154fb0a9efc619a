/* markup_sniff.h - what character set a page says it is in. Pure: bytes to slices. Used by mod_xml2enc. */
#ifndef PN_FILTERS_MARKUP_SNIFF_H
#define PN_FILTERS_MARKUP_SNIFF_H

#include <pinion/str.h>

struct markup_sniff {
    pn_str charset;        /* a slice of the bytes or static; p == NULL: nothing is said */
    size_t skip;           /* bytes of a byte order mark */
    size_t cut, cut_end;   /* a declaration that is not true any more once the page is UTF-8; equal: none */
};

/** Looks at a page's beginning: byte order mark, XML declaration, <meta> with a charset. */
void markup_sniff(pn_str bytes, struct markup_sniff *ret);
/** The charset parameter of a content type; p == NULL: none. Quotes are taken off. */
pn_str markup_charset_param(pn_str content_type);
/** Where the first of these elements begins, SIZE_MAX: none does. @param names of pn_str. */
size_t markup_find_element(pn_str bytes, const pn_str *names, int count);

#endif
