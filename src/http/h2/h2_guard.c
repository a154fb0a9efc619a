/* h2_guard.c - what a connection may cost beyond the answers that it gets: budgets of frames, resets and errors.
 *
 * Frames that ask for nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones) cost a credit each. Credits
 * come back with time, with requests, and with what is sent and received in DATA frames, so a client that does something useful never
 * runs out. A reset of a request that is at work costs one of another kind: these come back with answers that the client
 * took. RFC 9113 s10.5; CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27316, CVE-2025-8671. */
#include "http/h2/h2.h"

#define FRAMES_MAX 1000        /* credits at the beginning, and at most by time */
#define FRAMES_PER_S 100
#define FRAMES_CAP 20000       /* and at most by being useful */
#define FRAMES_PER_ANSWER 20
#define RESETS_MAX 200
#define RESETS_PER_S 10

void h2_guard_init(struct h2_session *s)
{
    s->guard = (struct h2_guard){ .frames = FRAMES_MAX, .resets = RESETS_MAX, .errors = s->conf->max_errors,
                                  .filled = pn_loop_now(s->c->worker->loop) };
}

static void fill(int64_t *credits, int64_t add, int64_t most)
{
    if (*credits < most)
        *credits = *credits + add < most ? *credits + add : most;
}

static void fill_by_time(struct h2_session *s)
{
    pn_usec now = pn_loop_now(s->c->worker->loop), passed = now - s->guard.filled;

    if (passed < PN_USEC_PER_SEC / 10)
        return;
    s->guard.filled = now;
    fill(&s->guard.frames, passed * FRAMES_PER_S / PN_USEC_PER_SEC, FRAMES_MAX);
    fill(&s->guard.resets, passed * RESETS_PER_S / PN_USEC_PER_SEC, RESETS_MAX);
}

static bool asks_for_nothing(const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_DATA: return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: return false;
    default: return true;
    }
}

void h2_guard_frame(struct h2_session *s, const nghttp2_frame_hd *hd)
{
    if (s->ending || !asks_for_nothing(hd))
        return;
    fill_by_time(s);
    if (--s->guard.frames <= 0)
        h2_refuse(s, NGHTTP2_ENHANCE_YOUR_CALM, 21402, "too many frames that ask for nothing");
}

void h2_guard_reset(struct h2_session *s)
{
    if (s->ending)
        return;
    fill_by_time(s);
    if (--s->guard.resets <= 0)
        h2_refuse(s, NGHTTP2_ENHANCE_YOUR_CALM, 21403, "too many requests were taken back");
}

void h2_guard_error(struct h2_session *s)
{
    if (s->ending || s->conf->max_errors == 0)
        return;
    if (--s->guard.errors < 0)
        h2_refuse(s, NGHTTP2_ENHANCE_YOUR_CALM, 21404, "the client broke the rules of streams more than H2MaxStreamErrors times");
}

void h2_guard_answer(struct h2_session *s)
{
    fill(&s->guard.frames, FRAMES_PER_ANSWER, FRAMES_CAP);
    fill(&s->guard.resets, 1, RESETS_MAX);
}

void h2_guard_sent(struct h2_session *s)
{
    fill(&s->guard.frames, 2, FRAMES_CAP);
}

void h2_guard_body(struct h2_session *s)
{
    fill(&s->guard.frames, 1, FRAMES_CAP);
}
