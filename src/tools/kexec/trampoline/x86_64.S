# The entry trampoline for x86_64: verifies what kexec loaded, then enters the kernel or stops for ever.
#
# Position-independent: it runs wherever it is put, at a multiple of 64. The parameters follow it directly (parameters.ts has the layout).
#
# At entry (arch/x86/kernel/relocate_kernel_64.S and machine_kexec_64.c, 4.18 to 7.2): 64-bit mode, paging on with an identity map of
# all memory that the old kernel had mapped and of every segment; no usable GDT or IDT, interrupts off, CR0.EM and CR0.TS clear,
# CR4 only PAE (and LA57, MCE when needed), the stack in a page of the old kernel.
# It needs no page table of its own: code, stack, segments and boot_params are segments, so the old kernel's has them all.
#
# At the jump (Documentation/arch/x86/boot.rst, 64-bit boot protocol): the same paging, CS 0x10 and DS, ES, SS 0x18 flat from our GDT,
# interrupts off, RSI the address of boot_params, all other registers but RSP zero.
#
# Neither CPUID nor an MSR is touched: in an encrypted guest (SEV-ES, TDX) they fault, and nobody handles faults here.
#
# SHA-256 is FIPS 180-4; its state is kept in the order of the SHA instructions: F E B A, H G D C.

	# struct parameters
	.set	kernel_entry, 0
	.set	argument, 8
	.set	console_address, 16
	.set	console_kind, 24
	.set	console_shift, 28
	.set	check_count, 32
	.set	checks_end, 36
	.set	stack_top, 40
	.set	spare_pages, 44
	.set	sha_instructions, 48
	.set	moved_words, 52
	.set	moved_from, 56
	.set	moved_to, 64

	# struct check
	.set	address, 0
	.set	blocks, 8
	.set	message, 16
	.set	message_length, 20
	.set	digest, 32
	.set	last_block, 64
	.set	sizeof_check, 128

	# Our stack frame; inside sha256 everything is 8 further, for its return address.
	.set	state, 0
	.set	w, 32
	.set	data_left, 288
	.set	blocks_left, 296
	.set	sizeof_frame, 304

	.text
	.code64
start:	cli
	cld
	lea	parameters(%rip), %rbp
	mov	stack_top(%rbp), %eax
	lea	(%rbp,%rax), %rsp

	# Our GDT, and its segments in all registers; the far return loads CS.
	sub	$16, %rsp
	lea	gdt(%rip), %rax
	movw	$gdt_end-gdt-1, 6(%rsp)
	mov	%rax, 8(%rsp)
	lgdt	6(%rsp)
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	lea	flat(%rip), %rax
	movq	$0x10, 8(%rsp)
	mov	%rax, (%rsp)
	lretq
flat:	sub	$sizeof_frame, %rsp

	# Every check, from the last, which is of this code and its parameters, to the first.
	mov	check_count(%rbp), %r12d
	mov	checks_end(%rbp), %r13d
	add	%rbp, %r13
next_check:
	sub	$1, %r12d
	jc	boot
	sub	$sizeof_check, %r13
	lea	initial_state(%rip), %rsi
	lea	state(%rsp), %rdi
	mov	$4, %ecx
	rep movsq
	mov	address(%r13), %rsi
	mov	blocks(%r13), %rcx
	call	sha256
	lea	last_block(%r13), %rsi
	mov	$1, %ecx
	call	sha256
	lea	digest(%r13), %rsi
	lea	state(%rsp), %rdi
	mov	$4, %ecx
	repe cmpsq
	je	next_check
	jmp	damaged

	# All is well. Memory that the kernel will use, and the dump shall have, goes elsewhere.
boot:	mov	moved_words(%rbp), %ecx
	mov	moved_from(%rbp), %rsi
	mov	moved_to(%rbp), %rdi
	rep movsq

	mov	argument(%rbp), %rsi
	push	kernel_entry(%rbp)
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	ret

	# A digest differs: RSI and ECX are the message, RDI is the console.
damaged:
	mov	message(%r13), %esi
	add	%rbp, %rsi
	mov	message_length(%r13), %ecx
	mov	console_address(%rbp), %rdi
	mov	console_kind(%rbp), %eax
	cmp	$1, %eax
	je	port_character
	cmp	$2, %eax
	je	map_console
stop:	cli
	hlt
	jmp	stop

	# 8250 in I/O ports: wait, but not for ever, until the line status (5) says that the transmitter is empty (0x20).
port_character:
	mov	$100000, %ebx
	lea	5(%rdi), %edx
port_wait:
	in	(%dx), %al
	test	$0x20, %al
	jnz	port_ready
	dec	%ebx
	jnz	port_wait
port_ready:
	lodsb
	mov	%edi, %edx
	out	%al, (%dx)
	dec	%ecx
	jnz	port_character
	jmp	stop

	# 8250 in memory: the old kernel's page table need not have it. Walk from CR3 (5 levels with CR4.LA57) to what maps RDI; fill in
	# what is missing: tables from the spare pages, at the end a large page (0x80) that is writable and not cached (0x1b).
map_console:
	push	%rcx
	mov	spare_pages(%rbp), %r8d
	add	%rbp, %r8
	mov	$0x000ffffffffff000, %r9
	mov	%cr3, %rax
	mov	$39, %ecx
	mov	%cr4, %rdx
	test	$0x1000, %edx
	jz	map_level
	mov	$48, %ecx
map_level:
	and	%r9, %rax
	mov	%rdi, %rdx
	shr	%cl, %rdx
	and	$511, %edx
	lea	(%rax,%rdx,8), %rdx
	mov	(%rdx), %rax
	test	$1, %al
	jz	map_missing
	cmp	$12, %ecx
	je	mapped
	test	$0x80, %al
	jnz	mapped
map_deeper:
	sub	$9, %ecx
	jmp	map_level
map_missing:
	cmp	$21, %ecx
	jbe	map_page
	lea	3(%r8), %rax
	add	$4096, %r8
	mov	%rax, (%rdx)
	jmp	map_deeper
map_page:
	mov	%rdi, %rax
	shr	%cl, %rax
	shl	%cl, %rax
	or	$0x1b, %al
	cmp	$12, %ecx
	je	map_write
	or	$0x80, %al
map_write:
	mov	%rax, (%rdx)
mapped:	pop	%rdx

	# RDX characters: registers are bytes (shift 0) or 32-bit words (shift 2).
	mov	console_shift(%rbp), %ecx
	mov	$5, %r8d
	shl	%cl, %r8
	add	%rdi, %r8
memory_character:
	mov	$100000, %ebx
memory_wait:
	test	%ecx, %ecx
	jnz	status_word
	mov	(%r8), %al
	jmp	status
status_word:
	mov	(%r8), %eax
status:	test	$0x20, %al
	jnz	memory_ready
	dec	%ebx
	jnz	memory_wait
memory_ready:
	xor	%eax, %eax
	lodsb
	test	%ecx, %ecx
	jnz	data_word
	mov	%al, (%rdi)
	jmp	memory_next
data_word:
	mov	%eax, (%rdi)
memory_next:
	dec	%edx
	jnz	memory_character
	jmp	stop

	# Adds RCX blocks of 64 bytes at RSI to the state. Keeps RBP, R12, R13.
sha256:	testl	$1, sha_instructions(%rbp)
	jz	plain_block

	# With the SHA instructions. XMM1 is A B E F, XMM2 is C D G H, XMM3 to XMM6 are the 16 newest words of the schedule.
	# SSE needs CR4.OSFXSR and OSXMMEXCPT, which the next kernel gets as they were.
	mov	%cr4, %rbx
	mov	%rbx, %rax
	or	$0x600, %eax
	mov	%rax, %cr4
	movdqu	8+state(%rsp), %xmm1
	movdqu	8+state+16(%rsp), %xmm2
	movdqa	big_endian(%rip), %xmm9
sha_block:
	movdqa	%xmm1, %xmm7
	movdqa	%xmm2, %xmm8
	movdqu	(%rsi), %xmm3
	movdqu	16(%rsi), %xmm4
	movdqu	32(%rsi), %xmm5
	movdqu	48(%rsi), %xmm6
	pshufb	%xmm9, %xmm3
	pshufb	%xmm9, %xmm4
	pshufb	%xmm9, %xmm5
	pshufb	%xmm9, %xmm6
	lea	constants(%rip), %rax
	mov	$4, %edx

	# 4 rounds, and the 4 words that take the place of the oldest. (Those made in the last 16 rounds are not used.)
	.macro	four_rounds constant, oldest, second, third, newest
	movdqa	\constant(%rax), %xmm0
	paddd	\oldest, %xmm0
	sha256rnds2 %xmm0, %xmm1, %xmm2
	pshufd	$0x0e, %xmm0, %xmm0
	sha256rnds2 %xmm0, %xmm2, %xmm1
	movdqa	\newest, %xmm10
	palignr	$4, \third, %xmm10
	sha256msg1 \second, \oldest
	paddd	%xmm10, \oldest
	sha256msg2 \newest, \oldest
	.endm
sha_rounds:
	four_rounds 0, %xmm3, %xmm4, %xmm5, %xmm6
	four_rounds 16, %xmm4, %xmm5, %xmm6, %xmm3
	four_rounds 32, %xmm5, %xmm6, %xmm3, %xmm4
	four_rounds 48, %xmm6, %xmm3, %xmm4, %xmm5
	add	$64, %rax
	dec	%edx
	jnz	sha_rounds

	paddd	%xmm7, %xmm1
	paddd	%xmm8, %xmm2
	add	$64, %rsi
	dec	%rcx
	jnz	sha_block
	movdqu	%xmm1, 8+state(%rsp)
	movdqu	%xmm2, 8+state+16(%rsp)
	mov	%rbx, %cr4
	ret

	# Without them: first all 64 words of the schedule. 16 are the data, big-endian.
plain_block:
	mov	%rcx, 8+blocks_left(%rsp)
	xor	%ecx, %ecx
plain_data:
	mov	(%rsi,%rcx,4), %eax
	bswap	%eax
	mov	%eax, 8+w(%rsp,%rcx,4)
	inc	%ecx
	cmp	$16, %ecx
	jb	plain_data
	add	$64, %rsi
	mov	%rsi, 8+data_left(%rsp)

	# w[t] = w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2])
plain_schedule:
	mov	8+w-15*4(%rsp,%rcx,4), %eax
	mov	%eax, %edx
	ror	$11, %edx
	xor	%eax, %edx
	ror	$7, %edx
	shr	$3, %eax
	xor	%edx, %eax
	mov	8+w-2*4(%rsp,%rcx,4), %ebx
	mov	%ebx, %edx
	ror	$2, %edx
	xor	%ebx, %edx
	ror	$17, %edx
	shr	$10, %ebx
	xor	%edx, %ebx
	add	%ebx, %eax
	add	8+w-7*4(%rsp,%rcx,4), %eax
	add	8+w-16*4(%rsp,%rcx,4), %eax
	mov	%eax, 8+w(%rsp,%rcx,4)
	inc	%ecx
	cmp	$64, %ecx
	jb	plain_schedule

	mov	8+state+12(%rsp), %eax
	mov	8+state+8(%rsp), %ebx
	mov	8+state+28(%rsp), %ecx
	mov	8+state+24(%rsp), %edx
	mov	8+state+4(%rsp), %r8d
	mov	8+state+0(%rsp), %r9d
	mov	8+state+20(%rsp), %r10d
	mov	8+state+16(%rsp), %r11d
	lea	constants(%rip), %rsi
	xor	%edi, %edi

	# One round; RDI is four times the number of the first of eight.
	.macro	round number, a, b, c, d, e, f, g, h
	add	\number*4(%rsi,%rdi), \h
	add	8+w+\number*4(%rsp,%rdi), \h
	mov	\e, %r14d
	ror	$14, %r14d
	xor	\e, %r14d
	ror	$5, %r14d
	xor	\e, %r14d
	ror	$6, %r14d
	add	%r14d, \h
	mov	\f, %r15d
	xor	\g, %r15d
	and	\e, %r15d
	xor	\g, %r15d
	add	%r15d, \h
	add	\h, \d
	mov	\a, %r14d
	ror	$9, %r14d
	xor	\a, %r14d
	ror	$11, %r14d
	xor	\a, %r14d
	ror	$2, %r14d
	add	%r14d, \h
	mov	\a, %r14d
	mov	\a, %r15d
	or	\b, %r14d
	and	\b, %r15d
	and	\c, %r14d
	or	%r15d, %r14d
	add	%r14d, \h
	.endm
plain_rounds:
	round	0, %eax, %ebx, %ecx, %edx, %r8d, %r9d, %r10d, %r11d
	round	1, %r11d, %eax, %ebx, %ecx, %edx, %r8d, %r9d, %r10d
	round	2, %r10d, %r11d, %eax, %ebx, %ecx, %edx, %r8d, %r9d
	round	3, %r9d, %r10d, %r11d, %eax, %ebx, %ecx, %edx, %r8d
	round	4, %r8d, %r9d, %r10d, %r11d, %eax, %ebx, %ecx, %edx
	round	5, %edx, %r8d, %r9d, %r10d, %r11d, %eax, %ebx, %ecx
	round	6, %ecx, %edx, %r8d, %r9d, %r10d, %r11d, %eax, %ebx
	round	7, %ebx, %ecx, %edx, %r8d, %r9d, %r10d, %r11d, %eax
	add	$32, %edi
	cmp	$256, %edi
	jb	plain_rounds

	add	%eax, 8+state+12(%rsp)
	add	%ebx, 8+state+8(%rsp)
	add	%ecx, 8+state+28(%rsp)
	add	%edx, 8+state+24(%rsp)
	add	%r8d, 8+state+4(%rsp)
	add	%r9d, 8+state+0(%rsp)
	add	%r10d, 8+state+20(%rsp)
	add	%r11d, 8+state+16(%rsp)
	mov	8+data_left(%rsp), %rsi
	mov	8+blocks_left(%rsp), %rcx
	dec	%rcx
	jnz	plain_block
	ret

	# 0x10: 64-bit code, 0x18: data; both with the accessed bit, so that the CPU has nothing to write here.
	.balign	16, 0
gdt:	.quad	0, 0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt_end:

	# Turns each word round.
big_endian:
	.quad	0x0405060700010203, 0x0c0d0e0f08090a0b

	# FIPS 180-4, 5.3.3, in the order of the state.
initial_state:
	.long	0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667
	.long	0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372

	# FIPS 180-4, 4.2.2.
constants:
	.long	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
	.long	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
	.long	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
	.long	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
	.long	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
	.long	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
	.long	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
	.long	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
	.long	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
	.long	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
	.long	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
	.long	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
	.long	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
	.long	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
	.long	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
	.long	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2

	.balign	64, 0
parameters:
