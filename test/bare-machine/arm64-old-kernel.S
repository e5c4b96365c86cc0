// Stands for the old kernel on arm64: leaves the CPU as kexec does, with SIMD refused, and goes to the address it was told.
	.text
start:	b	begin
	.word	0
	// 8: where to go; 16: EL2 with VHE?
entry:	.quad	0
vhe:	.quad	0

begin:	msr	daifset, #15
	mrs	x0, CurrentEL
	cmp	x0, #8
	b.eq	el2
	msr	cpacr_el1, xzr
	b	go
el2:	ldr	x0, vhe
	cbz	x0, without_vhe
	mrs	x0, hcr_el2
	orr	x0, x0, #(1 << 34)
	orr	x0, x0, #(1 << 27)
	msr	hcr_el2, x0
	isb
	msr	cptr_el2, xzr
	b	go
without_vhe:
	mov	x0, #0x37ff
	msr	cptr_el2, x0
go:	isb
	ldr	x5, entry
	mov	x0, xzr
	mov	x1, #1
	mov	x2, #2
	mov	x3, #3
	br	x5
