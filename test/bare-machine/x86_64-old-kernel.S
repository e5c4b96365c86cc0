# Stands for the old kernel on x86_64: a Multiboot image at 1 MiB that leaves the CPU as kexec does and goes to the address it was told.
	.set	base, 0x100000
	.set	tables, 0x180000

	.text
	.code32
start:	# Multiboot header with addresses: base is where this file goes, whole; no bss.
	.long	0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
	.long	base, base, 0, 0, base + (begin - start)
	# 32: where to go; 40: five levels of page tables? 44: number of the 2 MiB page that is not mapped, 0: none.
entry:	.quad	0
levels:	.long	0
hole:	.long	0

begin:	cli
	cld
	mov	$tables, %edi
	xor	%eax, %eax
	mov	$4096, %ecx
	rep stosl
	movl	$tables+0x1003, tables
	movl	$tables+0x2003, tables+0x1000
	movl	$tables+0x3003, tables+0x2000
large_page:
	mov	%ecx, %eax
	shl	$21, %eax
	or	$0x83, %eax
	mov	%eax, tables+0x3000(,%ecx,8)
	inc	%ecx
	cmp	$512, %ecx
	jb	large_page
	mov	base+(hole-start), %ecx
	jecxz	whole
	movl	$0, tables+0x3000(,%ecx,8)
whole:	mov	$tables+0x1000, %eax
	mov	$0x20, %edx
	cmpl	$0, base+(levels-start)
	je	four
	mov	$tables, %eax
	mov	$0x1020, %edx
four:	mov	%edx, %cr4
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x80000033, %eax
	mov	%eax, %cr0
	lgdt	base+(gdt_pointer-start)
	ljmp	$0x10, $base+(long_mode-start)

	.code64
long_mode:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	lidt	nothing(%rip)
	lgdt	nothing(%rip)
	mov	$tables+0x5000, %esp
	push	$0
	push	entry(%rip)
	push	$0
	popfq
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	ret

nothing:
	.quad	0, 0
gdt_pointer:
	.word	31
	.long	base + (gdt - start)
	.balign	8, 0
gdt:	.quad	0, 0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
