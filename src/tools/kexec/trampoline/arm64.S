// The entry trampoline for arm64: verifies what kexec loaded, then enters the kernel or stops for ever.
//
// Position-independent: it runs wherever it is put, at a multiple of 64. The parameters follow it directly (parameters.ts has the layout).
//
// At entry (arch/arm64/kernel/relocate_kernel.S, cpu-reset.S and machine_kexec.c, 4.18 to 7.2): little-endian, MMU, data cache and
// instruction cache off, exceptions masked, at EL2 where the old kernel began there, else at EL1; x0 is not our device tree with
// kexec_load. All segments are clean to the point of coherency.
//
// At the jump (Documentation/arch/arm64/booting.rst): the same exception level and caches, x0 the address of the device tree, x1 to x3 zero.
//
// With the MMU off every access to data is to Device-nGnRnE memory: aligned, one after the other, never cached. So the only thing read in
// the loops is the data itself, once, 16 bytes at a time; schedule, state and constants stay in registers, and nothing is written.
// Instructions may be cached without an MMU (SCTLR.I), which is what makes this bearable: it is switched on meanwhile.
//
// SHA-256 is FIPS 180-4.

	// struct parameters
	.set	kernel_entry, 0
	.set	argument, 8
	.set	console_address, 16
	.set	console_kind, 24
	.set	console_shift, 28
	.set	check_count, 32
	.set	checks_end, 36
	.set	sha_instructions, 48

	// struct check
	.set	address, 0
	.set	message, 16
	.set	digest, 32
	.set	last_block, 64
	.set	sizeof_check, 128

	// For the whole run: the parameters, the current check, how many are left, and the two system registers as they were.
params	.req	x20
check	.req	x21
left	.req	w22
sctlr	.req	x23
cpacr	.req	x24

	.arch	armv8-a+crypto
	.text
start:	msr	daifset, #15
	adr	params, parameters

	// SIMD allowed, instruction cache emptied and on. EL2 without VHE (HCR_EL2.E2H) has registers of its own; with it, the names
	// of EL1 mean those of EL2.
	mrs	x0, CurrentEL
	cmp	x0, #8
	b.ne	prepare
	mrs	x0, hcr_el2
	tbz	x0, #34, prepare_el2
prepare:
	mrs	cpacr, cpacr_el1
	orr	x0, cpacr, #0x300000
	msr	cpacr_el1, x0
	mrs	sctlr, sctlr_el1
	orr	x0, sctlr, #0x1000
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el1, x0
	b	prepared
prepare_el2:
	mrs	cpacr, cptr_el2
	bic	x0, cpacr, #0x400
	msr	cptr_el2, x0
	mrs	sctlr, sctlr_el2
	orr	x0, sctlr, #0x1000
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el2, x0
prepared:
	isb

	// The 64 constants, in v16 to v31 from here on.
	adr	x0, constants
	ldp	q16, q17, [x0]
	ldp	q18, q19, [x0, #32]
	ldp	q20, q21, [x0, #64]
	ldp	q22, q23, [x0, #96]
	ldp	q24, q25, [x0, #128]
	ldp	q26, q27, [x0, #160]
	ldp	q28, q29, [x0, #192]
	ldp	q30, q31, [x0, #224]

	// Every check, from the last, which is of this code and its parameters, to the first.
	ldr	left, [params, #check_count]
	ldr	w0, [params, #checks_end]
	add	check, params, x0
next_check:
	cbz	left, boot
	sub	left, left, #1
	sub	check, check, #sizeof_check
	adr	x0, initial_state
	ldp	q0, q1, [x0]
	ldp	x28, x29, [check, #address]
	bl	sha256
	add	x28, check, #last_block
	mov	x29, #1
	bl	sha256
	ldp	q2, q3, [check, #digest]
	eor	v0.16b, v0.16b, v2.16b
	eor	v1.16b, v1.16b, v3.16b
	orr	v0.16b, v0.16b, v1.16b
	umaxv	s0, v0.4s
	fmov	w0, s0
	cbz	w0, next_check

	// A digest differs: x1 and w2 are the message, x3 is the console, x4 its status register.
	ldp	w1, w2, [check, #message]
	add	x1, params, x1
	ldr	x3, [params, #console_address]
	ldr	w5, [params, #console_shift]
	ldr	w0, [params, #console_kind]
	cmp	w0, #2
	b.eq	uart8250
	cmp	w0, #3
	b.eq	pl011
stop:	wfi
	b	stop

	// PL011: wait, but not for ever, while the flags (0x18) say that the transmit FIFO is full (0x20).
pl011:	mov	w6, #0x40000
pl011_wait:
	ldr	w0, [x3, #0x18]
	tbz	w0, #5, pl011_ready
	subs	w6, w6, #1
	b.ne	pl011_wait
pl011_ready:
	ldrb	w0, [x1], #1
	str	w0, [x3]
	subs	w2, w2, #1
	b.ne	pl011
	b	stop

	// 8250: wait in the same way until the line status (5) says that the transmitter is empty (0x20). Its registers are bytes (shift 0)
	// or 32-bit words (shift 2).
uart8250:
	mov	w0, #5
	lsl	w0, w0, w5
	add	x4, x3, x0
uart8250_character:
	mov	w6, #0x40000
uart8250_wait:
	cbnz	w5, uart8250_status
	ldrb	w0, [x4]
	b	uart8250_test
uart8250_status:
	ldr	w0, [x4]
uart8250_test:
	tbnz	w0, #5, uart8250_ready
	subs	w6, w6, #1
	b.ne	uart8250_wait
uart8250_ready:
	ldrb	w0, [x1], #1
	cbnz	w5, uart8250_data
	strb	w0, [x3]
	b	uart8250_next
uart8250_data:
	str	w0, [x3]
uart8250_next:
	subs	w2, w2, #1
	b.ne	uart8250_character
	b	stop

	// All is well: the system registers as they were.
boot:	mrs	x0, CurrentEL
	cmp	x0, #8
	b.ne	restore
	mrs	x0, hcr_el2
	tbz	x0, #34, restore_el2
restore:
	msr	cpacr_el1, cpacr
	msr	sctlr_el1, sctlr
	b	restored
restore_el2:
	msr	cptr_el2, cpacr
	msr	sctlr_el2, sctlr
restored:
	isb
	ic	iallu
	dsb	nsh
	isb
	ldp	x4, x0, [params, #kernel_entry]
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	br	x4

	// Adds x29 blocks of 64 bytes at x28 to the state in v0 (a b c d) and v1 (e f g h). Keeps v16 to v31 and what is for the whole run.
sha256:	ldr	w0, [params, #sha_instructions]
	cbz	w0, plain

	// With the SHA instructions: v2 to v5 are the 16 newest words of the schedule.
sha_block:
	ldp	q2, q3, [x28], #32
	ldp	q4, q5, [x28], #32
	mov	v8.16b, v0.16b
	mov	v9.16b, v1.16b
	rev32	v2.16b, v2.16b
	rev32	v3.16b, v3.16b
	rev32	v4.16b, v4.16b
	rev32	v5.16b, v5.16b

	.macro	four_rounds constant, words
	add	v6.4s, \words\().4s, \constant\().4s
	mov	v7.16b, v0.16b
	sha256h	q0, q1, v6.4s
	sha256h2 q1, q7, v6.4s
	.endm
	// The 4 words that take the place of the oldest.
	.macro	schedule oldest, second, third, newest
	sha256su0 \oldest\().4s, \second\().4s
	sha256su1 \oldest\().4s, \third\().4s, \newest\().4s
	.endm
	four_rounds v16, v2
	schedule v2, v3, v4, v5
	four_rounds v17, v3
	schedule v3, v4, v5, v2
	four_rounds v18, v4
	schedule v4, v5, v2, v3
	four_rounds v19, v5
	schedule v5, v2, v3, v4
	four_rounds v20, v2
	schedule v2, v3, v4, v5
	four_rounds v21, v3
	schedule v3, v4, v5, v2
	four_rounds v22, v4
	schedule v4, v5, v2, v3
	four_rounds v23, v5
	schedule v5, v2, v3, v4
	four_rounds v24, v2
	schedule v2, v3, v4, v5
	four_rounds v25, v3
	schedule v3, v4, v5, v2
	four_rounds v26, v4
	schedule v4, v5, v2, v3
	four_rounds v27, v5
	schedule v5, v2, v3, v4
	four_rounds v28, v2
	four_rounds v29, v3
	four_rounds v30, v4
	four_rounds v31, v5

	add	v0.4s, v0.4s, v8.4s
	add	v1.4s, v1.4s, v9.4s
	subs	x29, x29, #1
	b.ne	sha_block
	ret

	// Without them: w0 to w15 are the 16 newest words of the schedule, w16 to w23 are a to h, w24 to w26 scratch, w27 counts. What is for
	// the whole run waits in SIMD registers.
plain:	fmov	d8, x20
	fmov	d9, x21
	fmov	d10, x22
	fmov	d11, x23
	fmov	d12, x24
plain_block:
	ldp	x0, x2, [x28], #16
	ldp	x4, x6, [x28], #16
	ldp	x8, x10, [x28], #16
	ldp	x12, x14, [x28], #16
	.macro	big_endian low, high, pair
	rev32	\pair, \pair
	lsr	\high, \pair, #32
	.endm
	big_endian w0, x1, x0
	big_endian w2, x3, x2
	big_endian w4, x5, x4
	big_endian w6, x7, x6
	big_endian w8, x9, x8
	big_endian w10, x11, x10
	big_endian w12, x13, x12
	big_endian w14, x15, x14
	mov	w16, v0.s[0]
	mov	w17, v0.s[1]
	mov	w18, v0.s[2]
	mov	w19, v0.s[3]
	mov	w20, v1.s[0]
	mov	w21, v1.s[1]
	mov	w22, v1.s[2]
	mov	w23, v1.s[3]
	mov	w27, #4

	// One round, and then the word that takes the place of the one it used: w[t] = w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2]).
	// (Those made in the last 16 rounds are not used.)
	.macro	round constant, a, b, c, d, e, f, g, h, word, after1, after9, after14
	mov	w24, \constant
	add	\h, \h, w24
	add	\h, \h, \word
	ror	w24, \e, #6
	eor	w24, w24, \e, ror #11
	eor	w24, w24, \e, ror #25
	add	\h, \h, w24
	eor	w25, \f, \g
	and	w25, w25, \e
	eor	w25, w25, \g
	add	\h, \h, w25
	add	\d, \d, \h
	ror	w24, \a, #2
	eor	w24, w24, \a, ror #13
	eor	w24, w24, \a, ror #22
	add	\h, \h, w24
	orr	w25, \a, \b
	and	w26, \a, \b
	and	w25, w25, \c
	orr	w25, w25, w26
	add	\h, \h, w25
	ror	w24, \after1, #7
	eor	w24, w24, \after1, ror #18
	eor	w24, w24, \after1, lsr #3
	add	\word, \word, w24
	ror	w25, \after14, #17
	eor	w25, w25, \after14, ror #19
	eor	w25, w25, \after14, lsr #10
	add	\word, \word, \after9
	add	\word, \word, w25
	.endm
plain_rounds:
	round	v16.s[0], w16, w17, w18, w19, w20, w21, w22, w23, w0, w1, w9, w14
	round	v16.s[1], w23, w16, w17, w18, w19, w20, w21, w22, w1, w2, w10, w15
	round	v16.s[2], w22, w23, w16, w17, w18, w19, w20, w21, w2, w3, w11, w0
	round	v16.s[3], w21, w22, w23, w16, w17, w18, w19, w20, w3, w4, w12, w1
	round	v17.s[0], w20, w21, w22, w23, w16, w17, w18, w19, w4, w5, w13, w2
	round	v17.s[1], w19, w20, w21, w22, w23, w16, w17, w18, w5, w6, w14, w3
	round	v17.s[2], w18, w19, w20, w21, w22, w23, w16, w17, w6, w7, w15, w4
	round	v17.s[3], w17, w18, w19, w20, w21, w22, w23, w16, w7, w8, w0, w5
	round	v18.s[0], w16, w17, w18, w19, w20, w21, w22, w23, w8, w9, w1, w6
	round	v18.s[1], w23, w16, w17, w18, w19, w20, w21, w22, w9, w10, w2, w7
	round	v18.s[2], w22, w23, w16, w17, w18, w19, w20, w21, w10, w11, w3, w8
	round	v18.s[3], w21, w22, w23, w16, w17, w18, w19, w20, w11, w12, w4, w9
	round	v19.s[0], w20, w21, w22, w23, w16, w17, w18, w19, w12, w13, w5, w10
	round	v19.s[1], w19, w20, w21, w22, w23, w16, w17, w18, w13, w14, w6, w11
	round	v19.s[2], w18, w19, w20, w21, w22, w23, w16, w17, w14, w15, w7, w12
	round	v19.s[3], w17, w18, w19, w20, w21, w22, w23, w16, w15, w0, w8, w13

	// The next 16 constants come to the front, and after four times all are where they were.
	mov	v2.16b, v16.16b
	mov	v3.16b, v17.16b
	mov	v4.16b, v18.16b
	mov	v5.16b, v19.16b
	mov	v16.16b, v20.16b
	mov	v17.16b, v21.16b
	mov	v18.16b, v22.16b
	mov	v19.16b, v23.16b
	mov	v20.16b, v24.16b
	mov	v21.16b, v25.16b
	mov	v22.16b, v26.16b
	mov	v23.16b, v27.16b
	mov	v24.16b, v28.16b
	mov	v25.16b, v29.16b
	mov	v26.16b, v30.16b
	mov	v27.16b, v31.16b
	mov	v28.16b, v2.16b
	mov	v29.16b, v3.16b
	mov	v30.16b, v4.16b
	mov	v31.16b, v5.16b
	subs	w27, w27, #1
	b.ne	plain_rounds

	mov	v2.s[0], w16
	mov	v2.s[1], w17
	mov	v2.s[2], w18
	mov	v2.s[3], w19
	mov	v3.s[0], w20
	mov	v3.s[1], w21
	mov	v3.s[2], w22
	mov	v3.s[3], w23
	add	v0.4s, v0.4s, v2.4s
	add	v1.4s, v1.4s, v3.4s
	subs	x29, x29, #1
	b.ne	plain_block
	fmov	x20, d8
	fmov	x21, d9
	fmov	x22, d10
	fmov	x23, d11
	fmov	x24, d12
	ret

	// FIPS 180-4, 5.3.3.
	.balign	16, 0
initial_state:
	.word	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a
	.word	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19

	// FIPS 180-4, 4.2.2.
constants:
	.word	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
	.word	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
	.word	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
	.word	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
	.word	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
	.word	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
	.word	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
	.word	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
	.word	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
	.word	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
	.word	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
	.word	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
	.word	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
	.word	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
	.word	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
	.word	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2

	.balign	64, 0
parameters:
