/* method.h - inside the server, methods are what pinion/method.h says. */
#ifndef PN_PROTO_METHOD_H
#define PN_PROTO_METHOD_H

#include <pinion/method.h>

#endif
