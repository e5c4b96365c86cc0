# Stands for the new kernel on x86_64: prints what it finds as 16 digits each, on one line of the serial port, and ends QEMU.
# rsi, all other registers together, cs, ds, es, ss, rflags, cr0, cr4, the bytes at rsi.
	.text
	.code64
start:	or	%rbx, %rax
	or	%rcx, %rax
	or	%rdx, %rax
	or	%rdi, %rax
	or	%rbp, %rax
	or	%r8, %rax
	or	%r9, %rax
	or	%r10, %rax
	or	%r11, %rax
	or	%r12, %rax
	or	%r13, %rax
	or	%r14, %rax
	or	%r15, %rax
	pushfq
	pop	%r8
	# Takes the descriptors from the GDT again: they must still be there.
	lea	again(%rip), %rbx
	push	$0x10
	push	%rbx
	lretq
again:	mov	%ss, %ecx
	mov	%ecx, %ss
	push	(%rsi)
	mov	%cr4, %rbx
	push	%rbx
	mov	%cr0, %rbx
	push	%rbx
	push	%r8
	mov	%ss, %ebx
	push	%rbx
	mov	%es, %ebx
	push	%rbx
	mov	%ds, %ebx
	push	%rbx
	mov	%cs, %ebx
	push	%rbx
	push	%rax
	push	%rsi
	mov	$10, %r9d
	mov	$0x3f8, %edx
value:	pop	%rbx
	mov	$16, %r10d
digit:	rol	$4, %rbx
	mov	%ebx, %eax
	and	$15, %eax
	cmp	$10, %al
	jb	decimal
	add	$39, %al
decimal:
	add	$48, %al
	out	%al, (%dx)
	dec	%r10d
	jnz	digit
	mov	$32, %al
	out	%al, (%dx)
	dec	%r9d
	jnz	value
	mov	$10, %al
	out	%al, (%dx)
	# -device isa-debug-exit
	mov	$0xf4, %edx
	out	%eax, (%dx)
stay:	jmp	stay
