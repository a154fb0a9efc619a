/* sed_run.c - running scripts of the stream editor over lines (sed_script.h). POSIX.1-2017, utility sed. */
#include "sed_script.h"

void sed_begin(struct sed_run *run, const struct sed_script *script, apr_pool_t *pool, struct pn_buf *out)
{
    memset(run, 0, sizeof(*run));
    run->script = script;
    run->out = out;
    apr_pool_create(&run->scratch, pool);
    run->active = apr_pcalloc(pool, script->ranges + 1);
    pn_buf_init(&run->space, pool, SED_SPACE_MAX);
    pn_buf_init(&run->hold, pool, SED_SPACE_MAX);
    pn_buf_init(&run->edit, pool, SED_SPACE_MAX);
    pn_buf_init(&run->appended, pool, SED_SPACE_MAX);
}

static bool is_full(const struct sed_run *run)
{
    return run->endless || run->space.full || run->hold.full || run->edit.full || run->appended.full || run->out->full;
}

static void set(struct pn_buf *to, pn_str text)
{
    pn_buf_clear(to);
    pn_buf_str(to, text);
}

static void swap(struct pn_buf *a, struct pn_buf *b)
{
    struct pn_buf kept = *a;

    *a = *b;
    *b = kept;
}

/* Every line that comes out has an end, as in mod_sed of Apache. */
static void print(struct sed_run *run, pn_str text)
{
    pn_buf_str(run->out, text);
    pn_buf_ch(run->out, '\n');
}

/* ---- addresses ---- */

static bool at(struct sed_run *run, const struct sed_address *address, bool last)
{
    switch (address->kind) {
    case SED_ANY: return true;
    case SED_LINE: return run->line_number == address->line;
    case SED_LAST: return last;
    case SED_REGEX: return pn_regex_match(address->regex, pn_buf_view(&run->space), NULL) == PN_OK;
    }
    return false;
}

static bool in_range(struct sed_run *run, const struct sed_command *command, bool last)
{
    bool *active = &run->active[command->range];

    if (!*active) {
        if (!at(run, &command->from, last))
            return false;
        /* a second address that is not behind the first selects one line */
        *active = !(command->to.kind == SED_LINE && command->to.line <= run->line_number);
        return true;
    }
    if (command->to.kind == SED_LINE ? run->line_number >= command->to.line : at(run, &command->to, last))
        *active = false;
    return true;
}

static bool selects(struct sed_run *run, const struct sed_command *command, bool last)
{
    bool selected = command->to.kind == SED_ANY ? at(run, &command->from, last) : in_range(run, command, last);

    return selected != command->negated;
}

/* ---- commands ---- */

/* & is the match, \1 to \9 its groups, \n a newline. */
static void put_replacement(struct pn_buf *out, pn_str text, const struct pn_match *match)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '&')
            pn_buf_str(out, pn_match_group(match, 0));
        else if (c != '\\' || i + 1 == text.n)
            pn_buf_ch(out, c);
        else if (text.p[++i] >= '0' && text.p[i] <= '9')
            pn_buf_str(out, pn_match_group(match, (unsigned)(text.p[i] - '0')));
        else
            pn_buf_ch(out, text.p[i] == 'n' ? '\n' : text.p[i]);
    }
}

static void substitute(struct sed_run *run, const struct sed_command *command)
{
    pn_str          rest = pn_buf_view(&run->space);
    struct pn_match match;
    unsigned        count = 0, wanted = command->nth ? command->nth : 1;
    bool            changed = false, anchored = pn_regex_prefix(command->regex).n > 0, behind_match = false;

    pn_buf_clear(&run->edit);
    while (pn_regex_match(command->regex, rest, &match) == PN_OK) {
        size_t so = match.span[0].so, eo = match.span[0].eo;
        bool   empty_again = behind_match && eo == 0; /* nothing, right behind a match, is no match */
        if (!empty_again)
            count++;
        bool replace = !empty_again && (count == wanted || (command->global && count > wanted));
        behind_match = eo > so;
        pn_buf_str(&run->edit, pn_str_head(rest, so));
        if (replace)
            put_replacement(&run->edit, command->text, &match);
        else
            pn_buf_str(&run->edit, pn_match_group(&match, 0)); /* an empty space has no bytes to point into */
        changed |= replace;
        if (eo == so && eo < rest.n)
            pn_buf_ch(&run->edit, rest.p[eo]);
        bool end = eo >= rest.n;
        rest = pn_str_from(rest, eo > so ? eo : eo + 1);
        if (end || anchored || (changed && !command->global))
            break;
    }
    if (!changed)
        return;
    pn_buf_str(&run->edit, rest);
    swap(&run->space, &run->edit);
    run->substituted = true;
    if (command->print)
        print(run, pn_buf_view(&run->space));
}

static void transliterate(struct sed_run *run, const struct sed_command *command)
{
    size_t half = command->text.n / 2;

    for (size_t i = 0; i < run->space.n; i++) {
        size_t which = pn_str_chr(pn_str_head(command->text, half), run->space.p[i], 0);
        if (which != SIZE_MAX)
            run->space.p[i] = command->text.p[half + which];
    }
}

/* The pattern space with what can't be seen written as escapes. */
static void list(struct sed_run *run)
{
    static const char letters[] = "\\\a\b\f\n\r\t\v", names[] = "\\abfnrtv";

    for (size_t i = 0; i < run->space.n; i++) {
        unsigned char c = (unsigned char)run->space.p[i];
        const char   *known = c ? strchr(letters, c) : NULL;
        if (known) {
            pn_buf_ch(run->out, '\\');
            pn_buf_ch(run->out, names[known - letters]);
        }
        else if (c < 32 || c > 126)
            pn_buf_printf(run->out, "\\%03o", c);
        else
            pn_buf_ch(run->out, (char)c);
    }
    pn_buf_lit(run->out, "$\n");
}

enum outcome { NEXT_COMMAND, JUMP, END_CYCLE, DELETE, RESTART, WAIT };

static enum outcome next_line(struct sed_run *run, const struct sed_command *command, bool last)
{
    if (last) { /* there is no next line: the cycle ends, N leaves the space unprinted only where it is quiet */
        run->quit = true;
        return END_CYCLE;
    }
    if (command->name == 'n' && !run->script->quiet)
        print(run, pn_buf_view(&run->space));
    run->waiting = true;
    return WAIT;
}

static enum outcome delete_first(struct sed_run *run)
{
    size_t end = pn_str_chr(pn_buf_view(&run->space), '\n', 0);

    if (end == SIZE_MAX)
        return DELETE;
    pn_buf_consume(&run->space, end + 1);
    return RESTART;
}

static enum outcome edit_space(struct sed_run *run, const struct sed_command *command)
{
    switch (command->name) {
    case 's': substitute(run, command); break;
    case 'y': transliterate(run, command); break;
    case 'g': set(&run->space, pn_buf_view(&run->hold)); break;
    case 'h': set(&run->hold, pn_buf_view(&run->space)); break;
    case 'x': swap(&run->space, &run->hold); break;
    case 'G':
        pn_buf_ch(&run->space, '\n');
        pn_buf_str(&run->space, pn_buf_view(&run->hold));
        break;
    case 'H':
        pn_buf_ch(&run->hold, '\n');
        pn_buf_str(&run->hold, pn_buf_view(&run->space));
        break;
    case 'p': print(run, pn_buf_view(&run->space)); break;
    case 'P': print(run, pn_str_head(pn_buf_view(&run->space), pn_str_chr(pn_buf_view(&run->space), '\n', 0))); break;
    case 'l': list(run); break;
    case '=': pn_buf_printf(run->out, "%llu\n", (unsigned long long)run->line_number); break;
    case 'a': pn_buf_str(&run->appended, command->text); break;
    case 'i': pn_buf_str(run->out, command->text); break;
    default: break;
    }
    return NEXT_COMMAND;
}

static enum outcome execute(struct sed_run *run, const struct sed_command *command, bool last)
{
    switch (command->name) {
    case 'b': return JUMP;
    case 't':
        if (!run->substituted)
            return NEXT_COMMAND;
        run->substituted = false;
        return JUMP;
    case 'c':
        if (command->to.kind == SED_ANY || command->negated || !run->active[command->range])
            pn_buf_str(run->out, command->text);
        return DELETE;
    case 'd': return DELETE;
    case 'D': return delete_first(run);
    case 'n':
    case 'N': return next_line(run, command, last);
    case 'q': run->quit = true; return END_CYCLE;
    default: return edit_space(run, command);
    }
}

static void end_cycle(struct sed_run *run, bool print_space)
{
    if (print_space && !run->script->quiet)
        print(run, pn_buf_view(&run->space));
    pn_buf_str(run->out, pn_buf_view(&run->appended));
    pn_buf_clear(&run->appended);
}

/* The commands from `at` on, until the cycle ends or another line is needed. */
static void cycle(struct sed_run *run, unsigned begin, bool last)
{
    const apr_array_header_t *all = run->script->commands;
    unsigned                  steps = 0;

    for (unsigned i = begin; i < (unsigned)all->nelts && !is_full(run); i++) {
        const struct sed_command *command = &APR_ARRAY_IDX(all, (int)i, struct sed_command);
        bool                      selected = command->name == ':' || command->name == '}' || selects(run, command, last);
        run->endless = ++steps > SED_STEPS_MAX;
        if (!selected) {
            if (command->name == '{')
                i = command->target;
            continue;
        }
        switch (execute(run, command, last)) {
        case NEXT_COMMAND: break;
        case JUMP: i = command->target - 1; break; /* 0 - 1 wraps to be raised again */
        case END_CYCLE: end_cycle(run, true); return;
        case DELETE: end_cycle(run, false); return;
        case RESTART:
            end_cycle(run, false);
            i = UINT32_MAX;
            break;
        case WAIT: run->resume = i; return;
        }
    }
    end_cycle(run, true);
}

pn_rc sed_line(struct sed_run *run, pn_str line, bool last)
{
    unsigned begin = 0;

    apr_pool_clear(run->scratch);
    run->line_number++;
    if (run->waiting) {
        const struct sed_command *command = &APR_ARRAY_IDX(run->script->commands, (int)run->resume, struct sed_command);
        pn_buf_str(run->out, pn_buf_view(&run->appended));
        pn_buf_clear(&run->appended);
        if (command->name == 'N')
            pn_buf_ch(&run->space, '\n');
        else
            pn_buf_clear(&run->space);
        begin = run->resume + 1;
    }
    else {
        pn_buf_clear(&run->space);
        run->substituted = false;
    }
    run->waiting = false;
    pn_buf_str(&run->space, line);
    cycle(run, begin, last);
    return is_full(run) ? PN_LIMIT : PN_OK;
}
