/**
 * Made from arm64.S by `node lab/trampoline.ts --write`: not to be edited. Address, bytes and source line of every instruction.
 * 3392 bytes.
 */
export const arm64Listing = `
0000                  start:
0000 df4f03d5             msr     daifset, #15
0004 f4690010             adr     params, parameters
0008 404238d5             mrs     x0, CurrentEL
000c 1f2000f1             cmp     x0, #8
0010 61000054             b.ne    prepare
0014 00113cd5             mrs     x0, hcr_el2
0018 600110b6             tbz     x0, #34, prepare_el2
001c                  prepare:
001c 581038d5             mrs     cpacr, cpacr_el1
0020 00076cb2             orr     x0, cpacr, #0x300000
0024 401018d5             msr     cpacr_el1, x0
0028 171038d5             mrs     sctlr, sctlr_el1
002c e00274b2             orr     x0, sctlr, #0x1000
0030 1f7508d5             ic      iallu
0034 9f3703d5             dsb     nsh
0038 df3f03d5             isb
003c 001018d5             msr     sctlr_el1, x0
0040 0a000014             b       prepared
0044                  prepare_el2:
0044 58113cd5             mrs     cpacr, cptr_el2
0048 00fb7592             bic     x0, cpacr, #0x400
004c 40111cd5             msr     cptr_el2, x0
0050 17103cd5             mrs     sctlr, sctlr_el2
0054 e00274b2             orr     x0, sctlr, #0x1000
0058 1f7508d5             ic      iallu
005c 9f3703d5             dsb     nsh
0060 df3f03d5             isb
0064 00101cd5             msr     sctlr_el2, x0
0068                  prepared:
0068 df3f03d5             isb
006c 205e0010             adr     x0, constants
0070 104440ad             ldp     q16, q17, [x0]
0074 124c41ad             ldp     q18, q19, [x0, #32]
0078 145442ad             ldp     q20, q21, [x0, #64]
007c 165c43ad             ldp     q22, q23, [x0, #96]
0080 186444ad             ldp     q24, q25, [x0, #128]
0084 1a6c45ad             ldp     q26, q27, [x0, #160]
0088 1c7446ad             ldp     q28, q29, [x0, #192]
008c 1e7c47ad             ldp     q30, q31, [x0, #224]
0090 962240b9             ldr     left, [params, #check_count]
0094 802640b9             ldr     w0, [params, #checks_end]
0098 9502008b             add     check, params, x0
009c                  next_check:
009c 36070034             cbz     left, boot
00a0 d6060051             sub     left, left, #1
00a4 b50202d1             sub     check, check, #sizeof_check
00a8 405b0010             adr     x0, initial_state
00ac 000440ad             ldp     q0, q1, [x0]
00b0 bc7640a9             ldp     x28, x29, [check, #address]
00b4 46000094             bl      sha256
00b8 bc020191             add     x28, check, #last_block
00bc 3d0080d2             mov     x29, #1
00c0 43000094             bl      sha256
00c4 a20e41ad             ldp     q2, q3, [check, #digest]
00c8 001c226e             eor     v0.16b, v0.16b, v2.16b
00cc 211c236e             eor     v1.16b, v1.16b, v3.16b
00d0 001ca14e             orr     v0.16b, v0.16b, v1.16b
00d4 00a8b06e             umaxv   s0, v0.4s
00d8 0000261e             fmov    w0, s0
00dc 00feff34             cbz     w0, next_check
00e0 a10a4229             ldp     w1, w2, [check, #message]
00e4 8102018b             add     x1, params, x1
00e8 830a40f9             ldr     x3, [params, #console_address]
00ec 851e40b9             ldr     w5, [params, #console_shift]
00f0 801a40b9             ldr     w0, [params, #console_kind]
00f4 1f080071             cmp     w0, #2
00f8 e0010054             b.eq    uart8250
00fc 1f0c0071             cmp     w0, #3
0100 60000054             b.eq    pl011
0104                  stop:
0104 7f2003d5             wfi
0108 ffffff17             b       stop
010c                  pl011:
010c 8600a052             mov     w6, #0x40000
0110                  pl011_wait:
0110 601840b9             ldr     w0, [x3, #0x18]
0114 60002836             tbz     w0, #5, pl011_ready
0118 c6040071             subs    w6, w6, #1
011c a1ffff54             b.ne    pl011_wait
0120                  pl011_ready:
0120 20144038             ldrb    w0, [x1], #1
0124 600000b9             str     w0, [x3]
0128 42040071             subs    w2, w2, #1
012c 01ffff54             b.ne    pl011
0130 f5ffff17             b       stop
0134                  uart8250:
0134 a0008052             mov     w0, #5
0138 0020c51a             lsl     w0, w0, w5
013c 6400008b             add     x4, x3, x0
0140                  uart8250_character:
0140 8600a052             mov     w6, #0x40000
0144                  uart8250_wait:
0144 65000035             cbnz    w5, uart8250_status
0148 80004039             ldrb    w0, [x4]
014c 02000014             b       uart8250_test
0150                  uart8250_status:
0150 800040b9             ldr     w0, [x4]
0154                  uart8250_test:
0154 60002837             tbnz    w0, #5, uart8250_ready
0158 c6040071             subs    w6, w6, #1
015c 41ffff54             b.ne    uart8250_wait
0160                  uart8250_ready:
0160 20144038             ldrb    w0, [x1], #1
0164 65000035             cbnz    w5, uart8250_data
0168 60000039             strb    w0, [x3]
016c 02000014             b       uart8250_next
0170                  uart8250_data:
0170 600000b9             str     w0, [x3]
0174                  uart8250_next:
0174 42040071             subs    w2, w2, #1
0178 41feff54             b.ne    uart8250_character
017c e2ffff17             b       stop
0180                  boot:
0180 404238d5             mrs     x0, CurrentEL
0184 1f2000f1             cmp     x0, #8
0188 61000054             b.ne    restore
018c 00113cd5             mrs     x0, hcr_el2
0190 800010b6             tbz     x0, #34, restore_el2
0194                  restore:
0194 581018d5             msr     cpacr_el1, cpacr
0198 171018d5             msr     sctlr_el1, sctlr
019c 03000014             b       restored
01a0                  restore_el2:
01a0 58111cd5             msr     cptr_el2, cpacr
01a4 17101cd5             msr     sctlr_el2, sctlr
01a8                  restored:
01a8 df3f03d5             isb
01ac 1f7508d5             ic      iallu
01b0 9f3703d5             dsb     nsh
01b4 df3f03d5             isb
01b8 840240a9             ldp     x4, x0, [params, #kernel_entry]
01bc e1031faa             mov     x1, xzr
01c0 e2031faa             mov     x2, xzr
01c4 e3031faa             mov     x3, xzr
01c8 80001fd6             br      x4
01cc                  sha256:
01cc 803240b9             ldr     w0, [params, #sha_instructions]
01d0 c00c0034             cbz     w0, plain
01d4                  sha_block:
01d4 820fc1ac             ldp     q2, q3, [x28], #32
01d8 8417c1ac             ldp     q4, q5, [x28], #32
01dc 081ca04e             mov     v8.16b, v0.16b
01e0 291ca14e             mov     v9.16b, v1.16b
01e4 4208206e             rev32   v2.16b, v2.16b
01e8 6308206e             rev32   v3.16b, v3.16b
01ec 8408206e             rev32   v4.16b, v4.16b
01f0 a508206e             rev32   v5.16b, v5.16b
01f4                      four_rounds v16, v2
01f4 4684b04e             > add     v6.4s,v2.4s,v16.4s
01f8 071ca04e             > mov     v7.16b,v0.16b
01fc 2040065e             > sha256h q0,q1,v6.4s
0200 e150065e             > sha256h2 q1,q7,v6.4s
0204                      schedule v2, v3, v4, v5
0204 6228285e             > sha256su0 v2.4s,v3.4s
0208 8260055e             > sha256su1 v2.4s,v4.4s,v5.4s
020c                      four_rounds v17, v3
020c 6684b14e             > add     v6.4s,v3.4s,v17.4s
0210 071ca04e             > mov     v7.16b,v0.16b
0214 2040065e             > sha256h q0,q1,v6.4s
0218 e150065e             > sha256h2 q1,q7,v6.4s
021c                      schedule v3, v4, v5, v2
021c 8328285e             > sha256su0 v3.4s,v4.4s
0220 a360025e             > sha256su1 v3.4s,v5.4s,v2.4s
0224                      four_rounds v18, v4
0224 8684b24e             > add     v6.4s,v4.4s,v18.4s
0228 071ca04e             > mov     v7.16b,v0.16b
022c 2040065e             > sha256h q0,q1,v6.4s
0230 e150065e             > sha256h2 q1,q7,v6.4s
0234                      schedule v4, v5, v2, v3
0234 a428285e             > sha256su0 v4.4s,v5.4s
0238 4460035e             > sha256su1 v4.4s,v2.4s,v3.4s
023c                      four_rounds v19, v5
023c a684b34e             > add     v6.4s,v5.4s,v19.4s
0240 071ca04e             > mov     v7.16b,v0.16b
0244 2040065e             > sha256h q0,q1,v6.4s
0248 e150065e             > sha256h2 q1,q7,v6.4s
024c                      schedule v5, v2, v3, v4
024c 4528285e             > sha256su0 v5.4s,v2.4s
0250 6560045e             > sha256su1 v5.4s,v3.4s,v4.4s
0254                      four_rounds v20, v2
0254 4684b44e             > add     v6.4s,v2.4s,v20.4s
0258 071ca04e             > mov     v7.16b,v0.16b
025c 2040065e             > sha256h q0,q1,v6.4s
0260 e150065e             > sha256h2 q1,q7,v6.4s
0264                      schedule v2, v3, v4, v5
0264 6228285e             > sha256su0 v2.4s,v3.4s
0268 8260055e             > sha256su1 v2.4s,v4.4s,v5.4s
026c                      four_rounds v21, v3
026c 6684b54e             > add     v6.4s,v3.4s,v21.4s
0270 071ca04e             > mov     v7.16b,v0.16b
0274 2040065e             > sha256h q0,q1,v6.4s
0278 e150065e             > sha256h2 q1,q7,v6.4s
027c                      schedule v3, v4, v5, v2
027c 8328285e             > sha256su0 v3.4s,v4.4s
0280 a360025e             > sha256su1 v3.4s,v5.4s,v2.4s
0284                      four_rounds v22, v4
0284 8684b64e             > add     v6.4s,v4.4s,v22.4s
0288 071ca04e             > mov     v7.16b,v0.16b
028c 2040065e             > sha256h q0,q1,v6.4s
0290 e150065e             > sha256h2 q1,q7,v6.4s
0294                      schedule v4, v5, v2, v3
0294 a428285e             > sha256su0 v4.4s,v5.4s
0298 4460035e             > sha256su1 v4.4s,v2.4s,v3.4s
029c                      four_rounds v23, v5
029c a684b74e             > add     v6.4s,v5.4s,v23.4s
02a0 071ca04e             > mov     v7.16b,v0.16b
02a4 2040065e             > sha256h q0,q1,v6.4s
02a8 e150065e             > sha256h2 q1,q7,v6.4s
02ac                      schedule v5, v2, v3, v4
02ac 4528285e             > sha256su0 v5.4s,v2.4s
02b0 6560045e             > sha256su1 v5.4s,v3.4s,v4.4s
02b4                      four_rounds v24, v2
02b4 4684b84e             > add     v6.4s,v2.4s,v24.4s
02b8 071ca04e             > mov     v7.16b,v0.16b
02bc 2040065e             > sha256h q0,q1,v6.4s
02c0 e150065e             > sha256h2 q1,q7,v6.4s
02c4                      schedule v2, v3, v4, v5
02c4 6228285e             > sha256su0 v2.4s,v3.4s
02c8 8260055e             > sha256su1 v2.4s,v4.4s,v5.4s
02cc                      four_rounds v25, v3
02cc 6684b94e             > add     v6.4s,v3.4s,v25.4s
02d0 071ca04e             > mov     v7.16b,v0.16b
02d4 2040065e             > sha256h q0,q1,v6.4s
02d8 e150065e             > sha256h2 q1,q7,v6.4s
02dc                      schedule v3, v4, v5, v2
02dc 8328285e             > sha256su0 v3.4s,v4.4s
02e0 a360025e             > sha256su1 v3.4s,v5.4s,v2.4s
02e4                      four_rounds v26, v4
02e4 8684ba4e             > add     v6.4s,v4.4s,v26.4s
02e8 071ca04e             > mov     v7.16b,v0.16b
02ec 2040065e             > sha256h q0,q1,v6.4s
02f0 e150065e             > sha256h2 q1,q7,v6.4s
02f4                      schedule v4, v5, v2, v3
02f4 a428285e             > sha256su0 v4.4s,v5.4s
02f8 4460035e             > sha256su1 v4.4s,v2.4s,v3.4s
02fc                      four_rounds v27, v5
02fc a684bb4e             > add     v6.4s,v5.4s,v27.4s
0300 071ca04e             > mov     v7.16b,v0.16b
0304 2040065e             > sha256h q0,q1,v6.4s
0308 e150065e             > sha256h2 q1,q7,v6.4s
030c                      schedule v5, v2, v3, v4
030c 4528285e             > sha256su0 v5.4s,v2.4s
0310 6560045e             > sha256su1 v5.4s,v3.4s,v4.4s
0314                      four_rounds v28, v2
0314 4684bc4e             > add     v6.4s,v2.4s,v28.4s
0318 071ca04e             > mov     v7.16b,v0.16b
031c 2040065e             > sha256h q0,q1,v6.4s
0320 e150065e             > sha256h2 q1,q7,v6.4s
0324                      four_rounds v29, v3
0324 6684bd4e             > add     v6.4s,v3.4s,v29.4s
0328 071ca04e             > mov     v7.16b,v0.16b
032c 2040065e             > sha256h q0,q1,v6.4s
0330 e150065e             > sha256h2 q1,q7,v6.4s
0334                      four_rounds v30, v4
0334 8684be4e             > add     v6.4s,v4.4s,v30.4s
0338 071ca04e             > mov     v7.16b,v0.16b
033c 2040065e             > sha256h q0,q1,v6.4s
0340 e150065e             > sha256h2 q1,q7,v6.4s
0344                      four_rounds v31, v5
0344 a684bf4e             > add     v6.4s,v5.4s,v31.4s
0348 071ca04e             > mov     v7.16b,v0.16b
034c 2040065e             > sha256h q0,q1,v6.4s
0350 e150065e             > sha256h2 q1,q7,v6.4s
0354 0084a84e             add     v0.4s, v0.4s, v8.4s
0358 2184a94e             add     v1.4s, v1.4s, v9.4s
035c bd0700f1             subs    x29, x29, #1
0360 a1f3ff54             b.ne    sha_block
0364 c0035fd6             ret
0368                  plain:
0368 8802679e             fmov    d8, x20
036c a902679e             fmov    d9, x21
0370 ca02679e             fmov    d10, x22
0374 eb02679e             fmov    d11, x23
0378 0c03679e             fmov    d12, x24
037c                  plain_block:
037c 800bc1a8             ldp     x0, x2, [x28], #16
0380 841bc1a8             ldp     x4, x6, [x28], #16
0384 882bc1a8             ldp     x8, x10, [x28], #16
0388 8c3bc1a8             ldp     x12, x14, [x28], #16
038c                      big_endian w0, x1, x0
038c 0008c0da             > rev32   x0,x0
0390 01fc60d3             > lsr     x1,x0,#32
0394                      big_endian w2, x3, x2
0394 4208c0da             > rev32   x2,x2
0398 43fc60d3             > lsr     x3,x2,#32
039c                      big_endian w4, x5, x4
039c 8408c0da             > rev32   x4,x4
03a0 85fc60d3             > lsr     x5,x4,#32
03a4                      big_endian w6, x7, x6
03a4 c608c0da             > rev32   x6,x6
03a8 c7fc60d3             > lsr     x7,x6,#32
03ac                      big_endian w8, x9, x8
03ac 0809c0da             > rev32   x8,x8
03b0 09fd60d3             > lsr     x9,x8,#32
03b4                      big_endian w10, x11, x10
03b4 4a09c0da             > rev32   x10,x10
03b8 4bfd60d3             > lsr     x11,x10,#32
03bc                      big_endian w12, x13, x12
03bc 8c09c0da             > rev32   x12,x12
03c0 8dfd60d3             > lsr     x13,x12,#32
03c4                      big_endian w14, x15, x14
03c4 ce09c0da             > rev32   x14,x14
03c8 cffd60d3             > lsr     x15,x14,#32
03cc 103c040e             mov     w16, v0.s[0]
03d0 113c0c0e             mov     w17, v0.s[1]
03d4 123c140e             mov     w18, v0.s[2]
03d8 133c1c0e             mov     w19, v0.s[3]
03dc 343c040e             mov     w20, v1.s[0]
03e0 353c0c0e             mov     w21, v1.s[1]
03e4 363c140e             mov     w22, v1.s[2]
03e8 373c1c0e             mov     w23, v1.s[3]
03ec 9b008052             mov     w27, #4
03f0                  plain_rounds:
03f0                      round   v16.s[0], w16, w17, w18, w19, w20, w21, w22, w23, w0, w1, w9, w14
03f0 183e040e             > mov     w24,v16.s[0]
03f4 f702180b             > add     w23,w23,w24
03f8 f702000b             > add     w23,w23,w0
03fc 981a9413             > ror     w24,w20,#6
0400 182fd44a             > eor     w24,w24,w20,ror#11
0404 1867d44a             > eor     w24,w24,w20,ror#25
0408 f702180b             > add     w23,w23,w24
040c b902164a             > eor     w25,w21,w22
0410 3903140a             > and     w25,w25,w20
0414 3903164a             > eor     w25,w25,w22
0418 f702190b             > add     w23,w23,w25
041c 7302170b             > add     w19,w19,w23
0420 180a9013             > ror     w24,w16,#2
0424 1837d04a             > eor     w24,w24,w16,ror#13
0428 185bd04a             > eor     w24,w24,w16,ror#22
042c f702180b             > add     w23,w23,w24
0430 1902112a             > orr     w25,w16,w17
0434 1a02110a             > and     w26,w16,w17
0438 3903120a             > and     w25,w25,w18
043c 39031a2a             > orr     w25,w25,w26
0440 f702190b             > add     w23,w23,w25
0444 381c8113             > ror     w24,w1,#7
0448 184bc14a             > eor     w24,w24,w1,ror#18
044c 180f414a             > eor     w24,w24,w1,lsr#3
0450 0000180b             > add     w0,w0,w24
0454 d9458e13             > ror     w25,w14,#17
0458 394fce4a             > eor     w25,w25,w14,ror#19
045c 392b4e4a             > eor     w25,w25,w14,lsr#10
0460 0000090b             > add     w0,w0,w9
0464 0000190b             > add     w0,w0,w25
0468                      round   v16.s[1], w23, w16, w17, w18, w19, w20, w21, w22, w1, w2, w10, w15
0468 183e0c0e             > mov     w24,v16.s[1]
046c d602180b             > add     w22,w22,w24
0470 d602010b             > add     w22,w22,w1
0474 781a9313             > ror     w24,w19,#6
0478 182fd34a             > eor     w24,w24,w19,ror#11
047c 1867d34a             > eor     w24,w24,w19,ror#25
0480 d602180b             > add     w22,w22,w24
0484 9902154a             > eor     w25,w20,w21
0488 3903130a             > and     w25,w25,w19
048c 3903154a             > eor     w25,w25,w21
0490 d602190b             > add     w22,w22,w25
0494 5202160b             > add     w18,w18,w22
0498 f80a9713             > ror     w24,w23,#2
049c 1837d74a             > eor     w24,w24,w23,ror#13
04a0 185bd74a             > eor     w24,w24,w23,ror#22
04a4 d602180b             > add     w22,w22,w24
04a8 f902102a             > orr     w25,w23,w16
04ac fa02100a             > and     w26,w23,w16
04b0 3903110a             > and     w25,w25,w17
04b4 39031a2a             > orr     w25,w25,w26
04b8 d602190b             > add     w22,w22,w25
04bc 581c8213             > ror     w24,w2,#7
04c0 184bc24a             > eor     w24,w24,w2,ror#18
04c4 180f424a             > eor     w24,w24,w2,lsr#3
04c8 2100180b             > add     w1,w1,w24
04cc f9458f13             > ror     w25,w15,#17
04d0 394fcf4a             > eor     w25,w25,w15,ror#19
04d4 392b4f4a             > eor     w25,w25,w15,lsr#10
04d8 21000a0b             > add     w1,w1,w10
04dc 2100190b             > add     w1,w1,w25
04e0                      round   v16.s[2], w22, w23, w16, w17, w18, w19, w20, w21, w2, w3, w11, w0
04e0 183e140e             > mov     w24,v16.s[2]
04e4 b502180b             > add     w21,w21,w24
04e8 b502020b             > add     w21,w21,w2
04ec 581a9213             > ror     w24,w18,#6
04f0 182fd24a             > eor     w24,w24,w18,ror#11
04f4 1867d24a             > eor     w24,w24,w18,ror#25
04f8 b502180b             > add     w21,w21,w24
04fc 7902144a             > eor     w25,w19,w20
0500 3903120a             > and     w25,w25,w18
0504 3903144a             > eor     w25,w25,w20
0508 b502190b             > add     w21,w21,w25
050c 3102150b             > add     w17,w17,w21
0510 d80a9613             > ror     w24,w22,#2
0514 1837d64a             > eor     w24,w24,w22,ror#13
0518 185bd64a             > eor     w24,w24,w22,ror#22
051c b502180b             > add     w21,w21,w24
0520 d902172a             > orr     w25,w22,w23
0524 da02170a             > and     w26,w22,w23
0528 3903100a             > and     w25,w25,w16
052c 39031a2a             > orr     w25,w25,w26
0530 b502190b             > add     w21,w21,w25
0534 781c8313             > ror     w24,w3,#7
0538 184bc34a             > eor     w24,w24,w3,ror#18
053c 180f434a             > eor     w24,w24,w3,lsr#3
0540 4200180b             > add     w2,w2,w24
0544 19448013             > ror     w25,w0,#17
0548 394fc04a             > eor     w25,w25,w0,ror#19
054c 392b404a             > eor     w25,w25,w0,lsr#10
0550 42000b0b             > add     w2,w2,w11
0554 4200190b             > add     w2,w2,w25
0558                      round   v16.s[3], w21, w22, w23, w16, w17, w18, w19, w20, w3, w4, w12, w1
0558 183e1c0e             > mov     w24,v16.s[3]
055c 9402180b             > add     w20,w20,w24
0560 9402030b             > add     w20,w20,w3
0564 381a9113             > ror     w24,w17,#6
0568 182fd14a             > eor     w24,w24,w17,ror#11
056c 1867d14a             > eor     w24,w24,w17,ror#25
0570 9402180b             > add     w20,w20,w24
0574 5902134a             > eor     w25,w18,w19
0578 3903110a             > and     w25,w25,w17
057c 3903134a             > eor     w25,w25,w19
0580 9402190b             > add     w20,w20,w25
0584 1002140b             > add     w16,w16,w20
0588 b80a9513             > ror     w24,w21,#2
058c 1837d54a             > eor     w24,w24,w21,ror#13
0590 185bd54a             > eor     w24,w24,w21,ror#22
0594 9402180b             > add     w20,w20,w24
0598 b902162a             > orr     w25,w21,w22
059c ba02160a             > and     w26,w21,w22
05a0 3903170a             > and     w25,w25,w23
05a4 39031a2a             > orr     w25,w25,w26
05a8 9402190b             > add     w20,w20,w25
05ac 981c8413             > ror     w24,w4,#7
05b0 184bc44a             > eor     w24,w24,w4,ror#18
05b4 180f444a             > eor     w24,w24,w4,lsr#3
05b8 6300180b             > add     w3,w3,w24
05bc 39448113             > ror     w25,w1,#17
05c0 394fc14a             > eor     w25,w25,w1,ror#19
05c4 392b414a             > eor     w25,w25,w1,lsr#10
05c8 63000c0b             > add     w3,w3,w12
05cc 6300190b             > add     w3,w3,w25
05d0                      round   v17.s[0], w20, w21, w22, w23, w16, w17, w18, w19, w4, w5, w13, w2
05d0 383e040e             > mov     w24,v17.s[0]
05d4 7302180b             > add     w19,w19,w24
05d8 7302040b             > add     w19,w19,w4
05dc 181a9013             > ror     w24,w16,#6
05e0 182fd04a             > eor     w24,w24,w16,ror#11
05e4 1867d04a             > eor     w24,w24,w16,ror#25
05e8 7302180b             > add     w19,w19,w24
05ec 3902124a             > eor     w25,w17,w18
05f0 3903100a             > and     w25,w25,w16
05f4 3903124a             > eor     w25,w25,w18
05f8 7302190b             > add     w19,w19,w25
05fc f702130b             > add     w23,w23,w19
0600 980a9413             > ror     w24,w20,#2
0604 1837d44a             > eor     w24,w24,w20,ror#13
0608 185bd44a             > eor     w24,w24,w20,ror#22
060c 7302180b             > add     w19,w19,w24
0610 9902152a             > orr     w25,w20,w21
0614 9a02150a             > and     w26,w20,w21
0618 3903160a             > and     w25,w25,w22
061c 39031a2a             > orr     w25,w25,w26
0620 7302190b             > add     w19,w19,w25
0624 b81c8513             > ror     w24,w5,#7
0628 184bc54a             > eor     w24,w24,w5,ror#18
062c 180f454a             > eor     w24,w24,w5,lsr#3
0630 8400180b             > add     w4,w4,w24
0634 59448213             > ror     w25,w2,#17
0638 394fc24a             > eor     w25,w25,w2,ror#19
063c 392b424a             > eor     w25,w25,w2,lsr#10
0640 84000d0b             > add     w4,w4,w13
0644 8400190b             > add     w4,w4,w25
0648                      round   v17.s[1], w19, w20, w21, w22, w23, w16, w17, w18, w5, w6, w14, w3
0648 383e0c0e             > mov     w24,v17.s[1]
064c 5202180b             > add     w18,w18,w24
0650 5202050b             > add     w18,w18,w5
0654 f81a9713             > ror     w24,w23,#6
0658 182fd74a             > eor     w24,w24,w23,ror#11
065c 1867d74a             > eor     w24,w24,w23,ror#25
0660 5202180b             > add     w18,w18,w24
0664 1902114a             > eor     w25,w16,w17
0668 3903170a             > and     w25,w25,w23
066c 3903114a             > eor     w25,w25,w17
0670 5202190b             > add     w18,w18,w25
0674 d602120b             > add     w22,w22,w18
0678 780a9313             > ror     w24,w19,#2
067c 1837d34a             > eor     w24,w24,w19,ror#13
0680 185bd34a             > eor     w24,w24,w19,ror#22
0684 5202180b             > add     w18,w18,w24
0688 7902142a             > orr     w25,w19,w20
068c 7a02140a             > and     w26,w19,w20
0690 3903150a             > and     w25,w25,w21
0694 39031a2a             > orr     w25,w25,w26
0698 5202190b             > add     w18,w18,w25
069c d81c8613             > ror     w24,w6,#7
06a0 184bc64a             > eor     w24,w24,w6,ror#18
06a4 180f464a             > eor     w24,w24,w6,lsr#3
06a8 a500180b             > add     w5,w5,w24
06ac 79448313             > ror     w25,w3,#17
06b0 394fc34a             > eor     w25,w25,w3,ror#19
06b4 392b434a             > eor     w25,w25,w3,lsr#10
06b8 a5000e0b             > add     w5,w5,w14
06bc a500190b             > add     w5,w5,w25
06c0                      round   v17.s[2], w18, w19, w20, w21, w22, w23, w16, w17, w6, w7, w15, w4
06c0 383e140e             > mov     w24,v17.s[2]
06c4 3102180b             > add     w17,w17,w24
06c8 3102060b             > add     w17,w17,w6
06cc d81a9613             > ror     w24,w22,#6
06d0 182fd64a             > eor     w24,w24,w22,ror#11
06d4 1867d64a             > eor     w24,w24,w22,ror#25
06d8 3102180b             > add     w17,w17,w24
06dc f902104a             > eor     w25,w23,w16
06e0 3903160a             > and     w25,w25,w22
06e4 3903104a             > eor     w25,w25,w16
06e8 3102190b             > add     w17,w17,w25
06ec b502110b             > add     w21,w21,w17
06f0 580a9213             > ror     w24,w18,#2
06f4 1837d24a             > eor     w24,w24,w18,ror#13
06f8 185bd24a             > eor     w24,w24,w18,ror#22
06fc 3102180b             > add     w17,w17,w24
0700 5902132a             > orr     w25,w18,w19
0704 5a02130a             > and     w26,w18,w19
0708 3903140a             > and     w25,w25,w20
070c 39031a2a             > orr     w25,w25,w26
0710 3102190b             > add     w17,w17,w25
0714 f81c8713             > ror     w24,w7,#7
0718 184bc74a             > eor     w24,w24,w7,ror#18
071c 180f474a             > eor     w24,w24,w7,lsr#3
0720 c600180b             > add     w6,w6,w24
0724 99448413             > ror     w25,w4,#17
0728 394fc44a             > eor     w25,w25,w4,ror#19
072c 392b444a             > eor     w25,w25,w4,lsr#10
0730 c6000f0b             > add     w6,w6,w15
0734 c600190b             > add     w6,w6,w25
0738                      round   v17.s[3], w17, w18, w19, w20, w21, w22, w23, w16, w7, w8, w0, w5
0738 383e1c0e             > mov     w24,v17.s[3]
073c 1002180b             > add     w16,w16,w24
0740 1002070b             > add     w16,w16,w7
0744 b81a9513             > ror     w24,w21,#6
0748 182fd54a             > eor     w24,w24,w21,ror#11
074c 1867d54a             > eor     w24,w24,w21,ror#25
0750 1002180b             > add     w16,w16,w24
0754 d902174a             > eor     w25,w22,w23
0758 3903150a             > and     w25,w25,w21
075c 3903174a             > eor     w25,w25,w23
0760 1002190b             > add     w16,w16,w25
0764 9402100b             > add     w20,w20,w16
0768 380a9113             > ror     w24,w17,#2
076c 1837d14a             > eor     w24,w24,w17,ror#13
0770 185bd14a             > eor     w24,w24,w17,ror#22
0774 1002180b             > add     w16,w16,w24
0778 3902122a             > orr     w25,w17,w18
077c 3a02120a             > and     w26,w17,w18
0780 3903130a             > and     w25,w25,w19
0784 39031a2a             > orr     w25,w25,w26
0788 1002190b             > add     w16,w16,w25
078c 181d8813             > ror     w24,w8,#7
0790 184bc84a             > eor     w24,w24,w8,ror#18
0794 180f484a             > eor     w24,w24,w8,lsr#3
0798 e700180b             > add     w7,w7,w24
079c b9448513             > ror     w25,w5,#17
07a0 394fc54a             > eor     w25,w25,w5,ror#19
07a4 392b454a             > eor     w25,w25,w5,lsr#10
07a8 e700000b             > add     w7,w7,w0
07ac e700190b             > add     w7,w7,w25
07b0                      round   v18.s[0], w16, w17, w18, w19, w20, w21, w22, w23, w8, w9, w1, w6
07b0 583e040e             > mov     w24,v18.s[0]
07b4 f702180b             > add     w23,w23,w24
07b8 f702080b             > add     w23,w23,w8
07bc 981a9413             > ror     w24,w20,#6
07c0 182fd44a             > eor     w24,w24,w20,ror#11
07c4 1867d44a             > eor     w24,w24,w20,ror#25
07c8 f702180b             > add     w23,w23,w24
07cc b902164a             > eor     w25,w21,w22
07d0 3903140a             > and     w25,w25,w20
07d4 3903164a             > eor     w25,w25,w22
07d8 f702190b             > add     w23,w23,w25
07dc 7302170b             > add     w19,w19,w23
07e0 180a9013             > ror     w24,w16,#2
07e4 1837d04a             > eor     w24,w24,w16,ror#13
07e8 185bd04a             > eor     w24,w24,w16,ror#22
07ec f702180b             > add     w23,w23,w24
07f0 1902112a             > orr     w25,w16,w17
07f4 1a02110a             > and     w26,w16,w17
07f8 3903120a             > and     w25,w25,w18
07fc 39031a2a             > orr     w25,w25,w26
0800 f702190b             > add     w23,w23,w25
0804 381d8913             > ror     w24,w9,#7
0808 184bc94a             > eor     w24,w24,w9,ror#18
080c 180f494a             > eor     w24,w24,w9,lsr#3
0810 0801180b             > add     w8,w8,w24
0814 d9448613             > ror     w25,w6,#17
0818 394fc64a             > eor     w25,w25,w6,ror#19
081c 392b464a             > eor     w25,w25,w6,lsr#10
0820 0801010b             > add     w8,w8,w1
0824 0801190b             > add     w8,w8,w25
0828                      round   v18.s[1], w23, w16, w17, w18, w19, w20, w21, w22, w9, w10, w2, w7
0828 583e0c0e             > mov     w24,v18.s[1]
082c d602180b             > add     w22,w22,w24
0830 d602090b             > add     w22,w22,w9
0834 781a9313             > ror     w24,w19,#6
0838 182fd34a             > eor     w24,w24,w19,ror#11
083c 1867d34a             > eor     w24,w24,w19,ror#25
0840 d602180b             > add     w22,w22,w24
0844 9902154a             > eor     w25,w20,w21
0848 3903130a             > and     w25,w25,w19
084c 3903154a             > eor     w25,w25,w21
0850 d602190b             > add     w22,w22,w25
0854 5202160b             > add     w18,w18,w22
0858 f80a9713             > ror     w24,w23,#2
085c 1837d74a             > eor     w24,w24,w23,ror#13
0860 185bd74a             > eor     w24,w24,w23,ror#22
0864 d602180b             > add     w22,w22,w24
0868 f902102a             > orr     w25,w23,w16
086c fa02100a             > and     w26,w23,w16
0870 3903110a             > and     w25,w25,w17
0874 39031a2a             > orr     w25,w25,w26
0878 d602190b             > add     w22,w22,w25
087c 581d8a13             > ror     w24,w10,#7
0880 184bca4a             > eor     w24,w24,w10,ror#18
0884 180f4a4a             > eor     w24,w24,w10,lsr#3
0888 2901180b             > add     w9,w9,w24
088c f9448713             > ror     w25,w7,#17
0890 394fc74a             > eor     w25,w25,w7,ror#19
0894 392b474a             > eor     w25,w25,w7,lsr#10
0898 2901020b             > add     w9,w9,w2
089c 2901190b             > add     w9,w9,w25
08a0                      round   v18.s[2], w22, w23, w16, w17, w18, w19, w20, w21, w10, w11, w3, w8
08a0 583e140e             > mov     w24,v18.s[2]
08a4 b502180b             > add     w21,w21,w24
08a8 b5020a0b             > add     w21,w21,w10
08ac 581a9213             > ror     w24,w18,#6
08b0 182fd24a             > eor     w24,w24,w18,ror#11
08b4 1867d24a             > eor     w24,w24,w18,ror#25
08b8 b502180b             > add     w21,w21,w24
08bc 7902144a             > eor     w25,w19,w20
08c0 3903120a             > and     w25,w25,w18
08c4 3903144a             > eor     w25,w25,w20
08c8 b502190b             > add     w21,w21,w25
08cc 3102150b             > add     w17,w17,w21
08d0 d80a9613             > ror     w24,w22,#2
08d4 1837d64a             > eor     w24,w24,w22,ror#13
08d8 185bd64a             > eor     w24,w24,w22,ror#22
08dc b502180b             > add     w21,w21,w24
08e0 d902172a             > orr     w25,w22,w23
08e4 da02170a             > and     w26,w22,w23
08e8 3903100a             > and     w25,w25,w16
08ec 39031a2a             > orr     w25,w25,w26
08f0 b502190b             > add     w21,w21,w25
08f4 781d8b13             > ror     w24,w11,#7
08f8 184bcb4a             > eor     w24,w24,w11,ror#18
08fc 180f4b4a             > eor     w24,w24,w11,lsr#3
0900 4a01180b             > add     w10,w10,w24
0904 19458813             > ror     w25,w8,#17
0908 394fc84a             > eor     w25,w25,w8,ror#19
090c 392b484a             > eor     w25,w25,w8,lsr#10
0910 4a01030b             > add     w10,w10,w3
0914 4a01190b             > add     w10,w10,w25
0918                      round   v18.s[3], w21, w22, w23, w16, w17, w18, w19, w20, w11, w12, w4, w9
0918 583e1c0e             > mov     w24,v18.s[3]
091c 9402180b             > add     w20,w20,w24
0920 94020b0b             > add     w20,w20,w11
0924 381a9113             > ror     w24,w17,#6
0928 182fd14a             > eor     w24,w24,w17,ror#11
092c 1867d14a             > eor     w24,w24,w17,ror#25
0930 9402180b             > add     w20,w20,w24
0934 5902134a             > eor     w25,w18,w19
0938 3903110a             > and     w25,w25,w17
093c 3903134a             > eor     w25,w25,w19
0940 9402190b             > add     w20,w20,w25
0944 1002140b             > add     w16,w16,w20
0948 b80a9513             > ror     w24,w21,#2
094c 1837d54a             > eor     w24,w24,w21,ror#13
0950 185bd54a             > eor     w24,w24,w21,ror#22
0954 9402180b             > add     w20,w20,w24
0958 b902162a             > orr     w25,w21,w22
095c ba02160a             > and     w26,w21,w22
0960 3903170a             > and     w25,w25,w23
0964 39031a2a             > orr     w25,w25,w26
0968 9402190b             > add     w20,w20,w25
096c 981d8c13             > ror     w24,w12,#7
0970 184bcc4a             > eor     w24,w24,w12,ror#18
0974 180f4c4a             > eor     w24,w24,w12,lsr#3
0978 6b01180b             > add     w11,w11,w24
097c 39458913             > ror     w25,w9,#17
0980 394fc94a             > eor     w25,w25,w9,ror#19
0984 392b494a             > eor     w25,w25,w9,lsr#10
0988 6b01040b             > add     w11,w11,w4
098c 6b01190b             > add     w11,w11,w25
0990                      round   v19.s[0], w20, w21, w22, w23, w16, w17, w18, w19, w12, w13, w5, w10
0990 783e040e             > mov     w24,v19.s[0]
0994 7302180b             > add     w19,w19,w24
0998 73020c0b             > add     w19,w19,w12
099c 181a9013             > ror     w24,w16,#6
09a0 182fd04a             > eor     w24,w24,w16,ror#11
09a4 1867d04a             > eor     w24,w24,w16,ror#25
09a8 7302180b             > add     w19,w19,w24
09ac 3902124a             > eor     w25,w17,w18
09b0 3903100a             > and     w25,w25,w16
09b4 3903124a             > eor     w25,w25,w18
09b8 7302190b             > add     w19,w19,w25
09bc f702130b             > add     w23,w23,w19
09c0 980a9413             > ror     w24,w20,#2
09c4 1837d44a             > eor     w24,w24,w20,ror#13
09c8 185bd44a             > eor     w24,w24,w20,ror#22
09cc 7302180b             > add     w19,w19,w24
09d0 9902152a             > orr     w25,w20,w21
09d4 9a02150a             > and     w26,w20,w21
09d8 3903160a             > and     w25,w25,w22
09dc 39031a2a             > orr     w25,w25,w26
09e0 7302190b             > add     w19,w19,w25
09e4 b81d8d13             > ror     w24,w13,#7
09e8 184bcd4a             > eor     w24,w24,w13,ror#18
09ec 180f4d4a             > eor     w24,w24,w13,lsr#3
09f0 8c01180b             > add     w12,w12,w24
09f4 59458a13             > ror     w25,w10,#17
09f8 394fca4a             > eor     w25,w25,w10,ror#19
09fc 392b4a4a             > eor     w25,w25,w10,lsr#10
0a00 8c01050b             > add     w12,w12,w5
0a04 8c01190b             > add     w12,w12,w25
0a08                      round   v19.s[1], w19, w20, w21, w22, w23, w16, w17, w18, w13, w14, w6, w11
0a08 783e0c0e             > mov     w24,v19.s[1]
0a0c 5202180b             > add     w18,w18,w24
0a10 52020d0b             > add     w18,w18,w13
0a14 f81a9713             > ror     w24,w23,#6
0a18 182fd74a             > eor     w24,w24,w23,ror#11
0a1c 1867d74a             > eor     w24,w24,w23,ror#25
0a20 5202180b             > add     w18,w18,w24
0a24 1902114a             > eor     w25,w16,w17
0a28 3903170a             > and     w25,w25,w23
0a2c 3903114a             > eor     w25,w25,w17
0a30 5202190b             > add     w18,w18,w25
0a34 d602120b             > add     w22,w22,w18
0a38 780a9313             > ror     w24,w19,#2
0a3c 1837d34a             > eor     w24,w24,w19,ror#13
0a40 185bd34a             > eor     w24,w24,w19,ror#22
0a44 5202180b             > add     w18,w18,w24
0a48 7902142a             > orr     w25,w19,w20
0a4c 7a02140a             > and     w26,w19,w20
0a50 3903150a             > and     w25,w25,w21
0a54 39031a2a             > orr     w25,w25,w26
0a58 5202190b             > add     w18,w18,w25
0a5c d81d8e13             > ror     w24,w14,#7
0a60 184bce4a             > eor     w24,w24,w14,ror#18
0a64 180f4e4a             > eor     w24,w24,w14,lsr#3
0a68 ad01180b             > add     w13,w13,w24
0a6c 79458b13             > ror     w25,w11,#17
0a70 394fcb4a             > eor     w25,w25,w11,ror#19
0a74 392b4b4a             > eor     w25,w25,w11,lsr#10
0a78 ad01060b             > add     w13,w13,w6
0a7c ad01190b             > add     w13,w13,w25
0a80                      round   v19.s[2], w18, w19, w20, w21, w22, w23, w16, w17, w14, w15, w7, w12
0a80 783e140e             > mov     w24,v19.s[2]
0a84 3102180b             > add     w17,w17,w24
0a88 31020e0b             > add     w17,w17,w14
0a8c d81a9613             > ror     w24,w22,#6
0a90 182fd64a             > eor     w24,w24,w22,ror#11
0a94 1867d64a             > eor     w24,w24,w22,ror#25
0a98 3102180b             > add     w17,w17,w24
0a9c f902104a             > eor     w25,w23,w16
0aa0 3903160a             > and     w25,w25,w22
0aa4 3903104a             > eor     w25,w25,w16
0aa8 3102190b             > add     w17,w17,w25
0aac b502110b             > add     w21,w21,w17
0ab0 580a9213             > ror     w24,w18,#2
0ab4 1837d24a             > eor     w24,w24,w18,ror#13
0ab8 185bd24a             > eor     w24,w24,w18,ror#22
0abc 3102180b             > add     w17,w17,w24
0ac0 5902132a             > orr     w25,w18,w19
0ac4 5a02130a             > and     w26,w18,w19
0ac8 3903140a             > and     w25,w25,w20
0acc 39031a2a             > orr     w25,w25,w26
0ad0 3102190b             > add     w17,w17,w25
0ad4 f81d8f13             > ror     w24,w15,#7
0ad8 184bcf4a             > eor     w24,w24,w15,ror#18
0adc 180f4f4a             > eor     w24,w24,w15,lsr#3
0ae0 ce01180b             > add     w14,w14,w24
0ae4 99458c13             > ror     w25,w12,#17
0ae8 394fcc4a             > eor     w25,w25,w12,ror#19
0aec 392b4c4a             > eor     w25,w25,w12,lsr#10
0af0 ce01070b             > add     w14,w14,w7
0af4 ce01190b             > add     w14,w14,w25
0af8                      round   v19.s[3], w17, w18, w19, w20, w21, w22, w23, w16, w15, w0, w8, w13
0af8 783e1c0e             > mov     w24,v19.s[3]
0afc 1002180b             > add     w16,w16,w24
0b00 10020f0b             > add     w16,w16,w15
0b04 b81a9513             > ror     w24,w21,#6
0b08 182fd54a             > eor     w24,w24,w21,ror#11
0b0c 1867d54a             > eor     w24,w24,w21,ror#25
0b10 1002180b             > add     w16,w16,w24
0b14 d902174a             > eor     w25,w22,w23
0b18 3903150a             > and     w25,w25,w21
0b1c 3903174a             > eor     w25,w25,w23
0b20 1002190b             > add     w16,w16,w25
0b24 9402100b             > add     w20,w20,w16
0b28 380a9113             > ror     w24,w17,#2
0b2c 1837d14a             > eor     w24,w24,w17,ror#13
0b30 185bd14a             > eor     w24,w24,w17,ror#22
0b34 1002180b             > add     w16,w16,w24
0b38 3902122a             > orr     w25,w17,w18
0b3c 3a02120a             > and     w26,w17,w18
0b40 3903130a             > and     w25,w25,w19
0b44 39031a2a             > orr     w25,w25,w26
0b48 1002190b             > add     w16,w16,w25
0b4c 181c8013             > ror     w24,w0,#7
0b50 184bc04a             > eor     w24,w24,w0,ror#18
0b54 180f404a             > eor     w24,w24,w0,lsr#3
0b58 ef01180b             > add     w15,w15,w24
0b5c b9458d13             > ror     w25,w13,#17
0b60 394fcd4a             > eor     w25,w25,w13,ror#19
0b64 392b4d4a             > eor     w25,w25,w13,lsr#10
0b68 ef01080b             > add     w15,w15,w8
0b6c ef01190b             > add     w15,w15,w25
0b70 021eb04e             mov     v2.16b, v16.16b
0b74 231eb14e             mov     v3.16b, v17.16b
0b78 441eb24e             mov     v4.16b, v18.16b
0b7c 651eb34e             mov     v5.16b, v19.16b
0b80 901eb44e             mov     v16.16b, v20.16b
0b84 b11eb54e             mov     v17.16b, v21.16b
0b88 d21eb64e             mov     v18.16b, v22.16b
0b8c f31eb74e             mov     v19.16b, v23.16b
0b90 141fb84e             mov     v20.16b, v24.16b
0b94 351fb94e             mov     v21.16b, v25.16b
0b98 561fba4e             mov     v22.16b, v26.16b
0b9c 771fbb4e             mov     v23.16b, v27.16b
0ba0 981fbc4e             mov     v24.16b, v28.16b
0ba4 b91fbd4e             mov     v25.16b, v29.16b
0ba8 da1fbe4e             mov     v26.16b, v30.16b
0bac fb1fbf4e             mov     v27.16b, v31.16b
0bb0 5c1ca24e             mov     v28.16b, v2.16b
0bb4 7d1ca34e             mov     v29.16b, v3.16b
0bb8 9e1ca44e             mov     v30.16b, v4.16b
0bbc bf1ca54e             mov     v31.16b, v5.16b
0bc0 7b070071             subs    w27, w27, #1
0bc4 61c1ff54             b.ne    plain_rounds
0bc8 021e044e             mov     v2.s[0], w16
0bcc 221e0c4e             mov     v2.s[1], w17
0bd0 421e144e             mov     v2.s[2], w18
0bd4 621e1c4e             mov     v2.s[3], w19
0bd8 831e044e             mov     v3.s[0], w20
0bdc a31e0c4e             mov     v3.s[1], w21
0be0 c31e144e             mov     v3.s[2], w22
0be4 e31e1c4e             mov     v3.s[3], w23
0be8 0084a24e             add     v0.4s, v0.4s, v2.4s
0bec 2184a34e             add     v1.4s, v1.4s, v3.4s
0bf0 bd0700f1             subs    x29, x29, #1
0bf4 41bcff54             b.ne    plain_block
0bf8 1401669e             fmov    x20, d8
0bfc 3501669e             fmov    x21, d9
0c00 5601669e             fmov    x22, d10
0c04 7701669e             fmov    x23, d11
0c08 9801669e             fmov    x24, d12
0c0c c0035fd6             ret
0c10                  initial_state:
0c10 67e6096a85ae67bb72f36e3c3af54fa5     .word   0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a
0c20 7f520e518c68059babd9831f19cde05b     .word   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
0c30                  constants:
0c30 982f8a4291443771cffbc0b5a5dbb5e9     .word   0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
0c40 5bc25639f111f159a4823f92d55e1cab     .word   0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
0c50 98aa07d8015b8312be853124c37d0c55     .word   0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
0c60 745dbe72feb1de80a706dc9b74f19bc1     .word   0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
0c70 c1699be48647beefc69dc10fcca10c24     .word   0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
0c80 6f2ce92daa84744adca9b05cda88f976     .word   0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
0c90 52513e986dc631a8c82703b0c77f59bf     .word   0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
0ca0 f30be0c64791a7d55163ca0667292914     .word   0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
0cb0 850ab72738211b2efc6d2c4d130d3853     .word   0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
0cc0 54730a65bb0a6a762ec9c281852c7292     .word   0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
0cd0 a1e8bfa24b661aa8708b4bc2a3516cc7     .word   0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
0ce0 19e892d1240699d685350ef470a06a10     .word   0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
0cf0 16c1a419086c371e4c774827b5bcb034     .word   0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
0d00 b30c1c394aaad84e4fca9c5bf36f2e68     .word   0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
0d10 ee828f746f63a5781478c8840802c78c     .word   0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
0d20 faffbe90eb6c50a4f7a3f9bef27871c6     .word   0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
0d30 00000000000000000000000000000000     .balign 64, 0
`;
