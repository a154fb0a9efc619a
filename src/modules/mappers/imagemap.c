/* imagemap.c - see imagemap.h. Spec: Apache manual, mod_imagemap, "Imagemap File". Numbers are read without the locale. */
#include "imagemap.h"

#include <ctype.h>

/* ---- numbers ---- */

static bool is_digit(pn_str s, size_t at)
{
    return at < s.n && s.p[at] >= '0' && s.p[at] <= '9';
}

/* "-12.5"; moves *rest behind it. No exponents: a picture is no larger than six digits. */
static bool take_number(pn_str *rest, double *ret)
{
    pn_str s = *rest;
    size_t i = 0;
    double value = 0, unit = 0.1;
    bool   negative = false;

    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        negative = s.p[i++] == '-';
    if (!is_digit(s, i) && !(i < s.n && s.p[i] == '.' && is_digit(s, i + 1)))
        return false;
    for (; is_digit(s, i); i++)
        value = value < 1e9 ? value * 10 + (s.p[i] - '0') : value;
    if (i < s.n && s.p[i] == '.')
        for (i++; is_digit(s, i); i++, unit /= 10)
            value += (s.p[i] - '0') * unit;
    *ret = negative ? -value : value;
    *rest = pn_str_from(s, i);
    return true;
}

static pn_str skip_blanks(pn_str s)
{
    while (s.n && isspace((unsigned char)s.p[0]))
        s = pn_str_from(s, 1);
    return s;
}

/* A number, a comma or blanks, a number. */
static bool take_point(pn_str *rest, struct imagemap_point *ret)
{
    pn_str               s = skip_blanks(*rest);
    struct imagemap_point point;

    if (!take_number(&s, &point.x))
        return false;
    while (s.n && (s.p[0] == ',' || isspace((unsigned char)s.p[0])))
        s = pn_str_from(s, 1);
    if (!take_number(&s, &point.y))
        return false;
    *ret = point;
    *rest = s;
    return true;
}

/* COMPAT: 2.4 skips what precedes the digits, a sign too. */
static bool take_digits(pn_str part, double *ret)
{
    while (part.n && !is_digit(part, 0))
        part = pn_str_from(part, 1);
    return take_number(&part, ret);
}

pn_rc pn__imagemap_query(pn_str query, struct imagemap_point *ret)
{
    struct imagemap_point point;
    pn_str                rest, x = pn_str_cut(query, ',', &rest);

    if (!rest.p || !take_digits(x, &point.x) || !take_digits(rest, &point.y))
        return PN_BAD;
    *ret = point;
    return PN_OK;
}

/* ---- lines ---- */

static pn_str take_quoted(pn_str *rest)
{
    pn_str s = skip_blanks(*rest);

    if (s.n == 0 || s.p[0] != '"')
        return (pn_str){ NULL, 0 };
    s = pn_str_from(s, 1);
    size_t end = pn_str_chr(s, '"', 0);
    *rest = pn_str_from(s, end == SIZE_MAX ? s.n : end + 1);
    return pn_str_head(s, end);
}

pn_rc pn__imagemap_line(pn_str line, struct imagemap_line *ret)
{
    ret->word = pn_str_word(&line);
    ret->value = pn_str_word(&line);
    ret->n = 0;
    if (ret->value.n == 0)
        return PN_BAD;
    ret->text = take_quoted(&line);
    while (ret->n < IMAGEMAP_CORNERS_MAX && take_point(&line, &ret->corners[ret->n]))
        ret->n++;
    if (!ret->text.p)
        ret->text = take_quoted(&line);
    return PN_OK;
}

/* ---- shapes ---- */

static bool between(double value, double a, double b)
{
    return a < b ? value >= a && value <= b : value >= b && value <= a;
}

/* How often does a ray from the point cross the outline? The outline itself is part of the shape. */
bool pn__imagemap_in_polygon(const struct imagemap_line *line, struct imagemap_point at)
{
    bool inside = false;

    if (line->n < 3)
        return false;
    for (unsigned i = 0, k = line->n - 1; i < line->n; k = i++) {
        struct imagemap_point a = line->corners[i], b = line->corners[k];
        double side = (at.y - a.y) * (b.x - a.x) - (at.x - a.x) * (b.y - a.y); /* 0: on the line through both */
        if (side == 0 && between(at.x, a.x, b.x) && between(at.y, a.y, b.y))
            return true;
        if ((a.y >= at.y) != (b.y >= at.y) && (b.y >= a.y ? side >= 0 : side <= 0))
            inside = !inside;
    }
    return inside;
}

static double square_distance(struct imagemap_point a, struct imagemap_point b)
{
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

bool pn__imagemap_in_circle(const struct imagemap_line *line, struct imagemap_point at)
{
    return line->n >= 2 && square_distance(line->corners[0], at) <= square_distance(line->corners[0], line->corners[1]);
}

bool pn__imagemap_in_rectangle(const struct imagemap_line *line, struct imagemap_point at)
{
    return line->n >= 2 && between(at.x, line->corners[0].x, line->corners[1].x) &&
           between(at.y, line->corners[0].y, line->corners[1].y);
}

double pn__imagemap_distance(const struct imagemap_line *line, struct imagemap_point at)
{
    return square_distance(line->corners[0], at);
}

/* ---- URLs ---- */

static bool begins_upwards(pn_str value)
{
    return pn_str_starts(value, PN_STR("../")) || pn_str_eq(value, PN_STR(".."));
}

/* Where the path of a base begins: its first slash that is none of two. SIZE_MAX: it has none. */
static size_t path_of(pn_str base)
{
    size_t i = 0;

    while (i < base.n && !(base.p[i] == '/' && (i + 1 == base.n || base.p[i + 1] != '/')))
        i += base.p[i] == '/' ? 2 : 1;
    return i < base.n ? i : SIZE_MAX;
}

pn_rc pn__imagemap_resolve(apr_pool_t *pool, pn_str base, pn_str value, pn_str *ret)
{
    size_t root = path_of(base), end;

    if (root == SIZE_MAX) {
        if (begins_upwards(value))
            return PN_BAD;
        *ret = PN_CAT(pool, base, value);
        return PN_OK;
    }
    if (value.n && value.p[0] == '/') {
        *ret = PN_CAT(pool, pn_str_head(base, root), value);
        return PN_OK;
    }
    end = pn_str_rchr(base, '/') + 1;
    for (; begins_upwards(value); value = pn_str_from(value, 3)) { /* each takes the last folder away */
        if (end <= root + 1)
            return PN_DENIED;
        end = pn_str_rchr(pn_str_head(base, end - 1), '/') + (value.n > 2); /* ".." at the end leaves no slash */
    }
    *ret = PN_CAT(pool, pn_str_head(base, end), value);
    return PN_OK;
}
