/* fuzz_expr.c - any bytes as an expression of any grammar, compiled and then evaluated in an
 * environment whose values are pieces of the input. Checks that an error leaves the outputs
 * alone and that results are in bounds. */
#include <stdlib.h>

#include <pinion/expr.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : 1;
}

/* The value of a name: the part of the input that its length points at. */
static pn_str value_of(const struct pn_expr_env *env, size_t seed)
{
    const pn_str *text = env->arg;

    return seed % 5 == 0 ? (pn_str){ 0 } : pn_str_from(*text, text->n ? seed * 7 % text->n : 0);
}

static pn_rc fuzz_var(struct pn_expr_env *env, enum pn_expr_var id, pn_str *ret_value)
{
    *ret_value = value_of(env, (size_t)id);
    return PN_OK;
}

static pn_rc fuzz_get(struct pn_expr_env *env, enum pn_expr_get what, pn_str name,
                      pn_str *ret_value)
{
    *ret_value = value_of(env, name.n + (size_t)what);
    return what == PN_EXPR_GET_FILE && name.n % 2 ? PN_NOT_FOUND : PN_OK;
}

static pn_rc fuzz_check(struct pn_expr_env *env, enum pn_expr_check what, pn_str name,
                        bool *ret_true)
{
    *ret_true = name.n % 2 != 0;
    return PN_OK;
}

static pn_rc fuzz_list(struct pn_expr_env *env, pn_str func, pn_str arg, const pn_str **ret_v,
                       size_t *ret_n)
{
    *ret_v = env->arg;
    *ret_n = 1;
    return PN_OK;
}

static const struct pn_expr_ops ops = {
    .var = fuzz_var, .get = fuzz_get, .check = fuzz_check, .list = fuzz_list
};

static void evaluate(const struct pn_expr *expr, apr_pool_t *pool, pn_str text)
{
    struct pn_match    match = { .groups = 0 };
    struct pn_expr_env env = { .ops = &ops, .arg = &text, .pool = pool, .match = &match };
    bool               value = false;
    pn_str             string = { 0 };

    pn_rc rc = pn_expr_test(expr, &env, &value);
    if (rc != PN_OK && value)
        abort();
    rc = pn_expr_string(expr, &env, &string);
    if ((rc == PN_OK) != (string.p != NULL) || string.n > PN_EXPR_STRING_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t           *pool;
    const struct pn_expr *expr = NULL;
    struct pn_expr_error  error = { 0 };

    if (size == 0 || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 0;
    pn_str text = pn_str_n((const char *)data + 1, size - 1);
    pn_rc  rc = pn_expr_compile(pool, text, (enum pn_expr_mode)(data[0] & 3), data[0] >> 2 & 7,
                                &expr, &error);
    if ((rc == PN_OK) != (expr != NULL) || (rc == PN_OK) != (error.text == NULL) ||
        error.offset > text.n)
        abort();
    if (expr)
        evaluate(expr, pool, text);
    apr_pool_destroy(pool);
    return 0;
}
