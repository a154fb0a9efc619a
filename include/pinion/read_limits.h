/* pinion/read_limits.h - how long a client may take to send: the limits of RequestReadTimeout, kept with each server.
 *
 * They are in force also where nobody has configured them: a server that a few slow clients can fill is no server. */
#ifndef PINION_READ_LIMITS_H
#define PINION_READ_LIMITS_H

#include <pinion/base.h>

struct pn_server;

/** The limit of one stage. Each wait is limited by Timeout, too. */
struct pn_read_limit {
    pn_usec timeout;          /* for the whole stage, 0: no limit but Timeout */
    pn_usec max;              /* bytes that come extend the time up to here, 0: for ever; with min_rate only */
    int64_t min_rate;         /* bytes: so many extend the time by a second; 0: bytes extend nothing */
};

/** A head's time begins with the connection or, when that was kept alive, with the first byte; a body's is what was waited for it. */
struct pn_read_limits {
    struct pn_read_limit handshake, header, body;
};

/** What a server has from the start, as Apache: handshake=0 header=20-40,MinRate=500 body=20,MinRate=500. */
#define PN_READ_LIMITS_DEFAULT                                                                     \
    { .handshake = { .timeout = 0 },                                                               \
      .header = { .timeout = 20 * PN_USEC_PER_SEC, .max = 40 * PN_USEC_PER_SEC, .min_rate = 500 }, \
      .body = { .timeout = 20 * PN_USEC_PER_SEC, .min_rate = 500 } }

/** Sets the limits of a server; from post_config hooks. */
void pn_server_set_read_limits(struct pn_server *server, const struct pn_read_limits *limits);

/** The time that a stage has, once `bytes` of it have come; PN_NEVER: no limit. Never suspends. */
pn_usec pn_read_limit_time(const struct pn_read_limit *limit, uint64_t bytes);

#endif
