/* switch_x86_64.S - the fiber switch for x86-64 (System V ABI); contracts in fiber_context.h.
 *
 * A suspended context is its callee-saved registers and the floating-point control words, pushed
 * on its own stack, and the return address. Frame from sp upwards:
 *     +0 mxcsr (4), x87 control word (2)   +8 r15   +16 r14   +24 r13   +32 r12   +40 rbx   +48 rbp
 *     +56 return address
 * All targets are reached by RET or from a plain CALL, so indirect branch tracking needs landing
 * pads at the function entries only. Shadow stacks are not supported: the property note below
 * leaves them out, which makes the linker leave them out for the whole program. */

        .text

/* void pn__switch(void **save_sp, void *to_sp) */
        .globl  pn__switch
        .hidden pn__switch
        .type   pn__switch, @function
        .p2align 4
pn__switch:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)

        /* The other stack has the same frame here, so the call frame information stays true. */
        movq    %rsi, %rsp
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   pn__switch, . - pn__switch

/* void *pn__switch_prepare(void *stack_top, void (*entry)(void *), void *arg, void *low)
 * The new context begins in first_frame with r12 = entry, r13 = arg, rbp = 0 and the
 * creator's floating-point control words. */
        .globl  pn__switch_prepare
        .hidden pn__switch_prepare
        .type   pn__switch_prepare, @function
        .p2align 4
pn__switch_prepare:
        .cfi_startproc
        endbr64
        leaq    -80(%rdi), %rax
        stmxcsr (%rax)
        fnstcw  4(%rax)
        xorl    %ecx, %ecx
        movw    %cx, 6(%rax)
        movq    %rcx, 8(%rax)
        movq    %rcx, 16(%rax)
        movq    %rdx, 24(%rax)
        movq    %rsi, 32(%rax)
        movq    %rcx, 40(%rax)
        movq    %rcx, 48(%rax)
        leaq    first_frame(%rip), %rdx
        movq    %rdx, 56(%rax)
        movq    %rcx, 64(%rax)
        movq    %rcx, 72(%rax)
        ret
        .cfi_endproc
        .size   pn__switch_prepare, . - pn__switch_prepare

/* The outermost frame of a fiber: debuggers stop here. The stack pointer is 16-byte aligned. */
        .type   first_frame, @function
        .p2align 4
first_frame:
        .cfi_startproc
        .cfi_undefined %rip
        endbr64
        movq    %r13, %rdi
        callq   *%r12
        ud2
        .cfi_endproc
        .size   first_frame, . - first_frame

        .section .note.gnu.property, "a", @note
        .p2align 3
        .long   4               /* bytes of the name */
        .long   16              /* bytes of the description */
        .long   5               /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000002      /* GNU_PROPERTY_X86_FEATURE_1_AND */
        .long   4
        .long   1               /* IBT */
        .long   0

        .section .note.GNU-stack, "", @progbits
