/* netset.c - see pinion/netset.h.
 *
 * A path-compressed binary trie for each family: a node stands for the first `bits` bits that all below it share, and
 * is either a network of the set (a leaf) or has two children. Masks with holes, which no trie can hold, are kept in a
 * list. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <pinion/netset.h>

#include "base/ascii.h"

struct net {
    uint8_t     ip[16];
    uint8_t     bits;
    bool        is_leaf;
    struct net *child[2];
};

/* 10.0.3.0/255.0.255.0 and the like. */
struct odd_net {
    uint8_t         ip[4], mask[4];
    struct odd_net *next;
};

struct pn_netset {
    apr_pool_t     *pool;
    struct net     *v4, *v6;
    struct odd_net *odd;
    unsigned        n;
};

struct pn_netset *pn_netset_new(apr_pool_t *pool)
{
    struct pn_netset *set = apr_pcalloc(pool, sizeof(*set));

    set->pool = pool;
    return set;
}

/* ---- the trie ---- */

static unsigned bit_at(const uint8_t *ip, unsigned at)
{
    return ip[at / 8] >> (7 - at % 8) & 1;
}

/* How many leading bits two addresses share, at most `max`. */
static unsigned shared_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
    unsigned n = 0;

    while (n + 8 <= max && a[n / 8] == b[n / 8])
        n += 8;
    while (n < max && bit_at(a, n) == bit_at(b, n))
        n++;
    return n;
}

static unsigned leaves(const struct net *net)
{
    return net->is_leaf ? 1 : leaves(net->child[0]) + leaves(net->child[1]);
}

static struct net *new_leaf(struct pn_netset *set, const uint8_t *ip, size_t size, unsigned bits)
{
    struct net *leaf = apr_pcalloc(set->pool, sizeof(*leaf));

    memcpy(leaf->ip, ip, size);
    leaf->bits = (uint8_t)bits;
    leaf->is_leaf = true;
    set->n++;
    return leaf;
}

static void insert(struct pn_netset *set, struct net **root, const uint8_t *ip, size_t size, unsigned bits)
{
    struct net **at = root;

    while (*at) {
        struct net *here = *at;
        unsigned    shared = shared_bits(here->ip, ip, here->bits < bits ? here->bits : bits);
        if (shared == here->bits && here->is_leaf)
            return; /* covered already */
        if (shared == bits) { /* covers all that is here */
            set->n -= leaves(here);
            break;
        }
        if (shared < here->bits) {
            struct net *fork = apr_pcalloc(set->pool, sizeof(*fork));
            memcpy(fork->ip, ip, size);
            fork->bits = (uint8_t)shared;
            fork->child[bit_at(here->ip, shared)] = here;
            *at = fork;
            at = &fork->child[bit_at(ip, shared)];
            break;
        }
        at = &here->child[bit_at(ip, here->bits)];
    }
    *at = new_leaf(set, ip, size, bits);
}

static bool contains(const struct net *net, const uint8_t *ip)
{
    while (net && !net->is_leaf)
        net = net->child[bit_at(ip, net->bits)];
    return net && shared_bits(net->ip, ip, net->bits) == net->bits;
}

/* ---- text ---- */

/* "10", "10.1", "10.1.2.3", with or without a dot at the end. PN_DECLINED: something else. */
static pn_rc parse_v4(pn_str text, uint8_t ip[4], unsigned *ret_octets)
{
    unsigned n = 0;

    if (text.n == 0)
        return PN_BAD;
    for (size_t i = 0; i < text.n; i++)
        if (!pn_ascii_digit(text.p[i]) && text.p[i] != '.')
            return PN_DECLINED;
    while (text.n) {
        uint64_t octet;
        pn_str   rest, digits = pn_str_cut(text, '.', &rest);
        if (n == 4 || digits.n > 3 || pn_str_to_u64(digits, 255, &octet) != PN_OK)
            return PN_BAD;
        ip[n++] = (uint8_t)octet;
        text = rest;
    }
    *ret_octets = n;
    return PN_OK;
}

static pn_rc parse_v6(pn_str text, uint8_t ip[16])
{
    char buf[INET6_ADDRSTRLEN];

    if (pn_str_chr(text, ':', 0) == SIZE_MAX)
        return PN_DECLINED;
    if (text.n >= sizeof(buf))
        return PN_BAD;
    memcpy(buf, text.p, text.n);
    buf[text.n] = '\0';
    return inet_pton(AF_INET6, buf, ip) == 1 ? PN_OK : PN_BAD;
}

/* A mask as an address. @return bits, or 33 for one with holes. */
static unsigned mask_bits(const uint8_t mask[4])
{
    unsigned bits = 0;

    while (bits < 32 && bit_at(mask, bits))
        bits++;
    for (unsigned i = bits; i < 32; i++)
        if (bit_at(mask, i))
            return 33;
    return bits;
}

static void add_odd(struct pn_netset *set, const uint8_t ip[4], const uint8_t mask[4])
{
    struct odd_net *odd = apr_palloc(set->pool, sizeof(*odd));

    memcpy(odd->mask, mask, 4);
    for (unsigned i = 0; i < 4; i++)
        odd->ip[i] = ip[i] & mask[i];
    odd->next = set->odd;
    set->odd = odd;
    set->n++;
}

static pn_rc add_v4(struct pn_netset *set, const uint8_t ip[4], unsigned octets, pn_str mask_text)
{
    uint8_t  mask[4] = { 0 };
    unsigned bits = octets * 8, mask_octets;
    uint64_t number;

    if (mask_text.p) {
        if (octets != 4)
            return PN_BAD;
        if (pn_str_to_u64(mask_text, 32, &number) == PN_OK)
            bits = (unsigned)number;
        else if (parse_v4(mask_text, mask, &mask_octets) != PN_OK || mask_octets != 4)
            return PN_BAD;
        else
            bits = mask_bits(mask);
    }
    if (bits > 32)
        add_odd(set, ip, mask);
    else
        insert(set, &set->v4, ip, 4, bits);
    return PN_OK;
}

static bool is_mapped(const uint8_t ip[16])
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

static pn_rc add_v6(struct pn_netset *set, const uint8_t ip[16], pn_str mask_text)
{
    uint64_t bits = 128;

    if (mask_text.p && pn_str_to_u64(mask_text, 128, &bits) != PN_OK)
        return PN_BAD;
    if (is_mapped(ip) && bits >= 96)
        insert(set, &set->v4, ip + 12, 4, (unsigned)bits - 96);
    else
        insert(set, &set->v6, ip, 16, (unsigned)bits);
    return PN_OK;
}

pn_rc pn_netset_add(struct pn_netset *set, pn_str text)
{
    uint8_t  ip[16] = { 0 };
    unsigned octets;
    pn_str   mask, address = pn_str_cut(text, '/', &mask);
    pn_rc    rc = parse_v4(address, ip, &octets);

    if (rc == PN_OK)
        return add_v4(set, ip, octets, mask);
    if (rc == PN_DECLINED)
        rc = parse_v6(address, ip);
    return rc == PN_OK ? add_v6(set, ip, mask) : rc;
}

/* ---- the set ---- */

static void insert_all(struct pn_netset *set, struct net **root, const struct net *net, size_t size)
{
    if (!net)
        return;
    if (net->is_leaf) {
        insert(set, root, net->ip, size, net->bits);
        return;
    }
    insert_all(set, root, net->child[0], size);
    insert_all(set, root, net->child[1], size);
}

void pn_netset_join(struct pn_netset *set, const struct pn_netset *more)
{
    insert_all(set, &set->v4, more->v4, 4);
    insert_all(set, &set->v6, more->v6, 16);
    for (const struct odd_net *odd = more->odd; odd; odd = odd->next)
        add_odd(set, odd->ip, odd->mask);
}

static bool in_odd(const struct odd_net *odd, const uint8_t *ip)
{
    for (; odd; odd = odd->next)
        if ((ip[0] & odd->mask[0]) == odd->ip[0] && (ip[1] & odd->mask[1]) == odd->ip[1] &&
            (ip[2] & odd->mask[2]) == odd->ip[2] && (ip[3] & odd->mask[3]) == odd->ip[3])
            return true;
    return false;
}

bool pn_netset_has(const struct pn_netset *set, int family, const uint8_t *ip)
{
    if (family == AF_INET6 && !is_mapped(ip))
        return contains(set->v6, ip);
    if (family == AF_INET6)
        ip += 12;
    else if (family != AF_INET)
        return false;
    return contains(set->v4, ip) || in_odd(set->odd, ip);
}

unsigned pn_netset_count(const struct pn_netset *set)
{
    return set->n;
}
