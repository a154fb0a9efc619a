/* switch_aarch64.S - the fiber switch for 64-bit Arm (AAPCS64); contracts in fiber_context.h.
 *
 * A suspended context is its callee-saved registers (x19 to x30, the low halves of v8 to v15) and
 * the floating-point control register, stored on its own stack. Frame from sp upwards:
 *     +0 x29, x30   +16 x19, x20   +32 x21, x22   +48 x23, x24   +64 x25, x26   +80 x27, x28
 *     +96 d8, d9   +112 d10, d11   +128 d12, d13   +144 d14, d15   +160 fpcr
 * All targets are reached by RET, which branch target identification does not check; function
 * entries have a landing pad (hint 34 is "bti c", a no-op on older processors). */

#define FRAME 176

        .text

/* void pn__switch(void **save_sp, void *to_sp) */
        .globl  pn__switch
        .hidden pn__switch
        .type   pn__switch, %function
        .p2align 4
pn__switch:
        .cfi_startproc
        hint    #34
        sub     sp, sp, #FRAME
        .cfi_def_cfa_offset FRAME
        stp     x29, x30, [sp, #0]
        .cfi_offset x29, -FRAME
        .cfi_offset x30, -FRAME + 8
        stp     x19, x20, [sp, #16]
        .cfi_offset x19, -FRAME + 16
        .cfi_offset x20, -FRAME + 24
        stp     x21, x22, [sp, #32]
        .cfi_offset x21, -FRAME + 32
        .cfi_offset x22, -FRAME + 40
        stp     x23, x24, [sp, #48]
        .cfi_offset x23, -FRAME + 48
        .cfi_offset x24, -FRAME + 56
        stp     x25, x26, [sp, #64]
        .cfi_offset x25, -FRAME + 64
        .cfi_offset x26, -FRAME + 72
        stp     x27, x28, [sp, #80]
        .cfi_offset x27, -FRAME + 80
        .cfi_offset x28, -FRAME + 88
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]

        /* The other stack has the same frame here, so the call frame information stays true. */
        mov     sp, x1
        ldr     x11, [sp, #160]
        cmp     x9, x11
        b.eq    1f              /* writing the control register is slow and seldom needed */
        msr     fpcr, x11
1:      ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp, #0]
        add     sp, sp, #FRAME
        .cfi_def_cfa_offset 0
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        ret
        .cfi_endproc
        .size   pn__switch, . - pn__switch

/* void *pn__switch_prepare(void *stack_top, void (*entry)(void *), void *arg, void *low)
 * The new context begins in first_frame with x19 = entry, x20 = arg, x29 = 0 and the
 * creator's floating-point control register. */
        .globl  pn__switch_prepare
        .hidden pn__switch_prepare
        .type   pn__switch_prepare, %function
        .p2align 4
pn__switch_prepare:
        .cfi_startproc
        hint    #34
        sub     x0, x0, #FRAME
        adr     x9, first_frame
        stp     xzr, x9, [x0, #0]
        stp     x1, x2, [x0, #16]
        stp     xzr, xzr, [x0, #32]
        stp     xzr, xzr, [x0, #48]
        stp     xzr, xzr, [x0, #64]
        stp     xzr, xzr, [x0, #80]
        stp     xzr, xzr, [x0, #96]
        stp     xzr, xzr, [x0, #112]
        stp     xzr, xzr, [x0, #128]
        stp     xzr, xzr, [x0, #144]
        mrs     x9, fpcr
        stp     x9, xzr, [x0, #160]
        ret
        .cfi_endproc
        .size   pn__switch_prepare, . - pn__switch_prepare

/* The outermost frame of a fiber: debuggers stop here. */
        .type   first_frame, %function
        .p2align 4
first_frame:
        .cfi_startproc
        .cfi_undefined x30
        hint    #34
        mov     x0, x20
        blr     x19
        brk     #1
        .cfi_endproc
        .size   first_frame, . - first_frame

        .section .note.gnu.property, "a", %note
        .p2align 3
        .word   4               /* bytes of the name */
        .word   16              /* bytes of the description */
        .word   5               /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .word   0xc0000000      /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
        .word   4
        .word   1               /* BTI */
        .word   0

        .section .note.GNU-stack, "", %progbits
