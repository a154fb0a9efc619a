/* version.h - what this server calls itself, and the level of Apache configuration it speaks. */
#ifndef PN_HTTP_VERSION_H
#define PN_HTTP_VERSION_H

#define PN_VERSION_TEXT PN_VERSION          /* from meson.build */
#define PN_APACHE_LEVEL "2.4.71"
#define PN_API_VERSION_TEXT "20120211:148"  /* Apache's module magic number of that level, for expressions */

#endif
