/* logresolve.h - the look-ups of logresolve: many at a time, each address once, with bounded memory. */
#ifndef PN_CMD_LOGRESOLVE_H
#define PN_CMD_LOGRESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest line whose address is replaced, bytes. */
#define LR_LINE_MAX 65536
#define LR_TIMEOUT_DEFAULT_S 10
#define LR_TIMEOUT_MAX_S 3600

struct lr_options {
    bool        both_ways; /* a name counts only when it leads back to its address */
    unsigned    lookups;   /* at a time */
    unsigned    timeout_s; /* of each */
    const char *servers;   /* NULL: the system's */
};

struct lr_address {
    int     family;
    uint8_t ip[16];
};

struct lr_figures {
    uint64_t lookups, hits;         /* addresses that were asked for, and those whose name was known already */
    uint64_t none, one_way;         /* look-ups without a name: nobody knows one; it leads elsewhere */
    uint64_t entries;               /* addresses that are remembered */
};

struct lr_resolver;
struct lr_host;

/** NULL when the servers cannot be used. */
struct lr_resolver *lr_open(const struct lr_options *options);
void                lr_close(struct lr_resolver *resolver);
/** What becomes of an address; a look-up begins when it is not known. Not when lr_is_full. To be released. */
struct lr_host *lr_host(struct lr_resolver *resolver, const struct lr_address *address);
void            lr_host_release(struct lr_resolver *resolver, struct lr_host *host);
bool            lr_host_done(const struct lr_host *host);
/** The name, NULL: none. */
const char *lr_host_name(const struct lr_host *host);
/** So many look-ups are under way as there may be. */
bool lr_is_full(const struct lr_resolver *resolver);
/** Takes what has come; lr_wait waits for something when a look-up is under way. */
void              lr_step(struct lr_resolver *resolver);
void              lr_wait(struct lr_resolver *resolver);
struct lr_figures lr_figures(const struct lr_resolver *resolver);

#endif
