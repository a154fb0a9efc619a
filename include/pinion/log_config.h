/* pinion/log_config.h - how a module adds an item to LogFormat.
 *
 * A provider of group PN_LOG_ITEM_GROUP, named by what stands behind % and its braces: "I", "^FB". mod_log_config asks for it
 * while it reads a format. Its own items come first. */
#ifndef PINION_LOG_CONFIG_H
#define PINION_LOG_CONFIG_H

#include <pinion/log_line.h>

struct pn_request;

#define PN_LOG_ITEM_GROUP "log_item"

/** Appends the item's value. Must not suspend the fiber.
 *  @param r   the request that the item is about: the final one of internal redirects, or the original.
 *  @param arg what stood in braces, NUL-terminated; p == NULL: nothing. */
typedef void pn_log_item_fn(struct pn_request *r, pn_str arg, struct pn_log_line *line);

struct pn_log_item {
    pn_log_item_fn *print;
    bool            original; /* is about the original request unless the format says > */
    bool            number;   /* JSON shows it as one */
};

#endif
