/**
 * Made from x86_64.S by `node lab/trampoline.ts --write`: not to be edited. Address, bytes and source line of every instruction.
 * 2176 bytes.
 */
export const x86Listing = `
0000                  start:
0000 fa                   cli
0001 fc                   cld
0002 488d2d77080000       lea     parameters(%rip), %rbp
0009 8b4528               mov     stack_top(%rbp), %eax
000c 488d640500           lea     (%rbp,%rax), %rsp
0011 4883ec10             sub     $16, %rsp
0015 488d0504070000       lea     gdt(%rip), %rax
001c 66c74424061f00       movw    $gdt_end-gdt-1, 6(%rsp)
0023 4889442408           mov     %rax, 8(%rsp)
0028 0f01542406           lgdt    6(%rsp)
002d b818000000           mov     $0x18, %eax
0032 8ed8                 mov     %eax, %ds
0034 8ec0                 mov     %eax, %es
0036 8ed0                 mov     %eax, %ss
0038 8ee0                 mov     %eax, %fs
003a 8ee8                 mov     %eax, %gs
003c 488d050f000000       lea     flat(%rip), %rax
0043 48c744240810000000     movq    $0x10, 8(%rsp)
004c 48890424             mov     %rax, (%rsp)
0050 48cb                 lretq
0052                  flat:
0052 4881ec30010000       sub     $sizeof_frame, %rsp
0059 448b6520             mov     check_count(%rbp), %r12d
005d 448b6d24             mov     checks_end(%rbp), %r13d
0061 4901ed               add     %rbp, %r13
0064                  next_check:
0064 4183ec01             sub     $1, %r12d
0068 7249                 jc      boot
006a 4981ed80000000       sub     $sizeof_check, %r13
0071 488d35d8060000       lea     initial_state(%rip), %rsi
0078 488d3c24             lea     state(%rsp), %rdi
007c b904000000           mov     $4, %ecx
0081 f348a5               rep     movsq
0084 498b7500             mov     address(%r13), %rsi
0088 498b4d08             mov     blocks(%r13), %rcx
008c e852010000           call    sha256
0091 498d7540             lea     last_block(%r13), %rsi
0095 b901000000           mov     $1, %ecx
009a e844010000           call    sha256
009f 498d7520             lea     digest(%r13), %rsi
00a3 488d3c24             lea     state(%rsp), %rdi
00a7 b904000000           mov     $4, %ecx
00ac f348a7               repe    cmpsq
00af 74b3                 je      next_check
00b1 eb3a                 jmp     damaged
00b3                  boot:
00b3 8b4d34               mov     moved_words(%rbp), %ecx
00b6 488b7538             mov     moved_from(%rbp), %rsi
00ba 488b7d40             mov     moved_to(%rbp), %rdi
00be f348a5               rep     movsq
00c1 488b7508             mov     argument(%rbp), %rsi
00c5 ff7500               push    kernel_entry(%rbp)
00c8 31c0                 xor     %eax, %eax
00ca 31db                 xor     %ebx, %ebx
00cc 31c9                 xor     %ecx, %ecx
00ce 31d2                 xor     %edx, %edx
00d0 31ff                 xor     %edi, %edi
00d2 31ed                 xor     %ebp, %ebp
00d4 4531c0               xor     %r8d, %r8d
00d7 4531c9               xor     %r9d, %r9d
00da 4531d2               xor     %r10d, %r10d
00dd 4531db               xor     %r11d, %r11d
00e0 4531e4               xor     %r12d, %r12d
00e3 4531ed               xor     %r13d, %r13d
00e6 4531f6               xor     %r14d, %r14d
00e9 4531ff               xor     %r15d, %r15d
00ec c3                   ret
00ed                  damaged:
00ed 418b7510             mov     message(%r13), %esi
00f1 4801ee               add     %rbp, %rsi
00f4 418b4d14             mov     message_length(%r13), %ecx
00f8 488b7d10             mov     console_address(%rbp), %rdi
00fc 8b4518               mov     console_kind(%rbp), %eax
00ff 83f801               cmp     $1, %eax
0102 7409                 je      port_character
0104 83f802               cmp     $2, %eax
0107 741f                 je      map_console
0109                  stop:
0109 fa                   cli
010a f4                   hlt
010b ebfc                 jmp     stop
010d                  port_character:
010d bba0860100           mov     $100000, %ebx
0112 8d5705               lea     5(%rdi), %edx
0115                  port_wait:
0115 ec                   in      (%dx), %al
0116 a820                 test    $0x20, %al
0118 7504                 jnz     port_ready
011a ffcb                 dec     %ebx
011c 75f7                 jnz     port_wait
011e                  port_ready:
011e ac                   lodsb
011f 89fa                 mov     %edi, %edx
0121 ee                   out     %al, (%dx)
0122 ffc9                 dec     %ecx
0124 75e7                 jnz     port_character
0126 ebe1                 jmp     stop
0128                  map_console:
0128 51                   push    %rcx
0129 448b452c             mov     spare_pages(%rbp), %r8d
012d 4901e8               add     %rbp, %r8
0130 49b900f0ffffffff0f00     mov     $0x000ffffffffff000, %r9
013a 0f20d8               mov     %cr3, %rax
013d b927000000           mov     $39, %ecx
0142 0f20e2               mov     %cr4, %rdx
0145 f7c200100000         test    $0x1000, %edx
014b 7405                 jz      map_level
014d b930000000           mov     $48, %ecx
0152                  map_level:
0152 4c21c8               and     %r9, %rax
0155 4889fa               mov     %rdi, %rdx
0158 48d3ea               shr     %cl, %rdx
015b 81e2ff010000         and     $511, %edx
0161 488d14d0             lea     (%rax,%rdx,8), %rdx
0165 488b02               mov     (%rdx), %rax
0168 a801                 test    $1, %al
016a 740e                 jz      map_missing
016c 83f90c               cmp     $12, %ecx
016f 7433                 je      mapped
0171 a880                 test    $0x80, %al
0173 752f                 jnz     mapped
0175                  map_deeper:
0175 83e909               sub     $9, %ecx
0178 ebd8                 jmp     map_level
017a                  map_missing:
017a 83f915               cmp     $21, %ecx
017d 7610                 jbe     map_page
017f 498d4003             lea     3(%r8), %rax
0183 4981c000100000       add     $4096, %r8
018a 488902               mov     %rax, (%rdx)
018d ebe6                 jmp     map_deeper
018f                  map_page:
018f 4889f8               mov     %rdi, %rax
0192 48d3e8               shr     %cl, %rax
0195 48d3e0               shl     %cl, %rax
0198 0c1b                 or      $0x1b, %al
019a 83f90c               cmp     $12, %ecx
019d 7402                 je      map_write
019f 0c80                 or      $0x80, %al
01a1                  map_write:
01a1 488902               mov     %rax, (%rdx)
01a4                  mapped:
01a4 5a                   pop     %rdx
01a5 8b4d1c               mov     console_shift(%rbp), %ecx
01a8 41b805000000         mov     $5, %r8d
01ae 49d3e0               shl     %cl, %r8
01b1 4901f8               add     %rdi, %r8
01b4                  memory_character:
01b4 bba0860100           mov     $100000, %ebx
01b9                  memory_wait:
01b9 85c9                 test    %ecx, %ecx
01bb 7505                 jnz     status_word
01bd 418a00               mov     (%r8), %al
01c0 eb03                 jmp     status
01c2                  status_word:
01c2 418b00               mov     (%r8), %eax
01c5                  status:
01c5 a820                 test    $0x20, %al
01c7 7504                 jnz     memory_ready
01c9 ffcb                 dec     %ebx
01cb 75ec                 jnz     memory_wait
01cd                  memory_ready:
01cd 31c0                 xor     %eax, %eax
01cf ac                   lodsb
01d0 85c9                 test    %ecx, %ecx
01d2 7504                 jnz     data_word
01d4 8807                 mov     %al, (%rdi)
01d6 eb02                 jmp     memory_next
01d8                  data_word:
01d8 8907                 mov     %eax, (%rdi)
01da                  memory_next:
01da ffca                 dec     %edx
01dc 75d6                 jnz     memory_character
01de e926ffffff           jmp     stop
01e3                  sha256:
01e3 f7453001000000       testl   $1, sha_instructions(%rbp)
01ea 0f8450010000         jz      plain_block
01f0 0f20e3               mov     %cr4, %rbx
01f3 4889d8               mov     %rbx, %rax
01f6 0d00060000           or      $0x600, %eax
01fb 0f22e0               mov     %rax, %cr4
01fe f30f6f4c2408         movdqu  8+state(%rsp), %xmm1
0204 f30f6f542418         movdqu  8+state+16(%rsp), %xmm2
020a 66440f6f0d2d050000     movdqa  big_endian(%rip), %xmm9
0213                  sha_block:
0213 660f6ff9             movdqa  %xmm1, %xmm7
0217 66440f6fc2           movdqa  %xmm2, %xmm8
021c f30f6f1e             movdqu  (%rsi), %xmm3
0220 f30f6f6610           movdqu  16(%rsi), %xmm4
0225 f30f6f6e20           movdqu  32(%rsi), %xmm5
022a f30f6f7630           movdqu  48(%rsi), %xmm6
022f 66410f3800d9         pshufb  %xmm9, %xmm3
0235 66410f3800e1         pshufb  %xmm9, %xmm4
023b 66410f3800e9         pshufb  %xmm9, %xmm5
0241 66410f3800f1         pshufb  %xmm9, %xmm6
0247 488d0522050000       lea     constants(%rip), %rax
024e ba04000000           mov     $4, %edx
0253                  sha_rounds:
0253                      four_rounds 0, %xmm3, %xmm4, %xmm5, %xmm6
0253 660f6f00             > movdqa  0(%rax),%xmm0
0257 660ffec3             > paddd   %xmm3,%xmm0
025b 0f38cbd1             > sha256rnds2 %xmm0,%xmm1,%xmm2
025f 660f70c00e           > pshufd  $0x0e,%xmm0,%xmm0
0264 0f38cbca             > sha256rnds2 %xmm0,%xmm2,%xmm1
0268 66440f6fd6           > movdqa  %xmm6,%xmm10
026d 66440f3a0fd504       > palignr $4,%xmm5,%xmm10
0274 0f38ccdc             > sha256msg1 %xmm4,%xmm3
0278 66410ffeda           > paddd   %xmm10,%xmm3
027d 0f38cdde             > sha256msg2 %xmm6,%xmm3
0281                      four_rounds 16, %xmm4, %xmm5, %xmm6, %xmm3
0281 660f6f4010           > movdqa  16(%rax),%xmm0
0286 660ffec4             > paddd   %xmm4,%xmm0
028a 0f38cbd1             > sha256rnds2 %xmm0,%xmm1,%xmm2
028e 660f70c00e           > pshufd  $0x0e,%xmm0,%xmm0
0293 0f38cbca             > sha256rnds2 %xmm0,%xmm2,%xmm1
0297 66440f6fd3           > movdqa  %xmm3,%xmm10
029c 66440f3a0fd604       > palignr $4,%xmm6,%xmm10
02a3 0f38cce5             > sha256msg1 %xmm5,%xmm4
02a7 66410ffee2           > paddd   %xmm10,%xmm4
02ac 0f38cde3             > sha256msg2 %xmm3,%xmm4
02b0                      four_rounds 32, %xmm5, %xmm6, %xmm3, %xmm4
02b0 660f6f4020           > movdqa  32(%rax),%xmm0
02b5 660ffec5             > paddd   %xmm5,%xmm0
02b9 0f38cbd1             > sha256rnds2 %xmm0,%xmm1,%xmm2
02bd 660f70c00e           > pshufd  $0x0e,%xmm0,%xmm0
02c2 0f38cbca             > sha256rnds2 %xmm0,%xmm2,%xmm1
02c6 66440f6fd4           > movdqa  %xmm4,%xmm10
02cb 66440f3a0fd304       > palignr $4,%xmm3,%xmm10
02d2 0f38ccee             > sha256msg1 %xmm6,%xmm5
02d6 66410ffeea           > paddd   %xmm10,%xmm5
02db 0f38cdec             > sha256msg2 %xmm4,%xmm5
02df                      four_rounds 48, %xmm6, %xmm3, %xmm4, %xmm5
02df 660f6f4030           > movdqa  48(%rax),%xmm0
02e4 660ffec6             > paddd   %xmm6,%xmm0
02e8 0f38cbd1             > sha256rnds2 %xmm0,%xmm1,%xmm2
02ec 660f70c00e           > pshufd  $0x0e,%xmm0,%xmm0
02f1 0f38cbca             > sha256rnds2 %xmm0,%xmm2,%xmm1
02f5 66440f6fd5           > movdqa  %xmm5,%xmm10
02fa 66440f3a0fd404       > palignr $4,%xmm4,%xmm10
0301 0f38ccf3             > sha256msg1 %xmm3,%xmm6
0305 66410ffef2           > paddd   %xmm10,%xmm6
030a 0f38cdf5             > sha256msg2 %xmm5,%xmm6
030e 4883c040             add     $64, %rax
0312 ffca                 dec     %edx
0314 0f8539ffffff         jnz     sha_rounds
031a 660ffecf             paddd   %xmm7, %xmm1
031e 66410ffed0           paddd   %xmm8, %xmm2
0323 4883c640             add     $64, %rsi
0327 48ffc9               dec     %rcx
032a 0f85e3feffff         jnz     sha_block
0330 f30f7f4c2408         movdqu  %xmm1, 8+state(%rsp)
0336 f30f7f542418         movdqu  %xmm2, 8+state+16(%rsp)
033c 0f22e3               mov     %rbx, %cr4
033f c3                   ret
0340                  plain_block:
0340 48898c2430010000     mov     %rcx, 8+blocks_left(%rsp)
0348 31c9                 xor     %ecx, %ecx
034a                  plain_data:
034a 8b048e               mov     (%rsi,%rcx,4), %eax
034d 0fc8                 bswap   %eax
034f 89448c28             mov     %eax, 8+w(%rsp,%rcx,4)
0353 ffc1                 inc     %ecx
0355 83f910               cmp     $16, %ecx
0358 72f0                 jb      plain_data
035a 4883c640             add     $64, %rsi
035e 4889b42428010000     mov     %rsi, 8+data_left(%rsp)
0366                  plain_schedule:
0366 8b448cec             mov     8+w-15*4(%rsp,%rcx,4), %eax
036a 89c2                 mov     %eax, %edx
036c c1ca0b               ror     $11, %edx
036f 31c2                 xor     %eax, %edx
0371 c1ca07               ror     $7, %edx
0374 c1e803               shr     $3, %eax
0377 31d0                 xor     %edx, %eax
0379 8b5c8c20             mov     8+w-2*4(%rsp,%rcx,4), %ebx
037d 89da                 mov     %ebx, %edx
037f c1ca02               ror     $2, %edx
0382 31da                 xor     %ebx, %edx
0384 c1ca11               ror     $17, %edx
0387 c1eb0a               shr     $10, %ebx
038a 31d3                 xor     %edx, %ebx
038c 01d8                 add     %ebx, %eax
038e 03448c0c             add     8+w-7*4(%rsp,%rcx,4), %eax
0392 03448ce8             add     8+w-16*4(%rsp,%rcx,4), %eax
0396 89448c28             mov     %eax, 8+w(%rsp,%rcx,4)
039a ffc1                 inc     %ecx
039c 83f940               cmp     $64, %ecx
039f 72c5                 jb      plain_schedule
03a1 8b442414             mov     8+state+12(%rsp), %eax
03a5 8b5c2410             mov     8+state+8(%rsp), %ebx
03a9 8b4c2424             mov     8+state+28(%rsp), %ecx
03ad 8b542420             mov     8+state+24(%rsp), %edx
03b1 448b44240c           mov     8+state+4(%rsp), %r8d
03b6 448b4c2408           mov     8+state+0(%rsp), %r9d
03bb 448b54241c           mov     8+state+20(%rsp), %r10d
03c0 448b5c2418           mov     8+state+16(%rsp), %r11d
03c5 488d35a4030000       lea     constants(%rip), %rsi
03cc 31ff                 xor     %edi, %edi
03ce                  plain_rounds:
03ce                      round   0, %eax, %ebx, %ecx, %edx, %r8d, %r9d, %r10d, %r11d
03ce 44031c3e             > add     0*4(%rsi,%rdi),%r11d
03d2 44035c3c28           > add     8+w+0*4(%rsp,%rdi),%r11d
03d7 4589c6               > mov     %r8d,%r14d
03da 41c1ce0e             > ror     $14,%r14d
03de 4531c6               > xor     %r8d,%r14d
03e1 41c1ce05             > ror     $5,%r14d
03e5 4531c6               > xor     %r8d,%r14d
03e8 41c1ce06             > ror     $6,%r14d
03ec 4501f3               > add     %r14d,%r11d
03ef 4589cf               > mov     %r9d,%r15d
03f2 4531d7               > xor     %r10d,%r15d
03f5 4521c7               > and     %r8d,%r15d
03f8 4531d7               > xor     %r10d,%r15d
03fb 4501fb               > add     %r15d,%r11d
03fe 4401da               > add     %r11d,%edx
0401 4189c6               > mov     %eax,%r14d
0404 41c1ce09             > ror     $9,%r14d
0408 4131c6               > xor     %eax,%r14d
040b 41c1ce0b             > ror     $11,%r14d
040f 4131c6               > xor     %eax,%r14d
0412 41c1ce02             > ror     $2,%r14d
0416 4501f3               > add     %r14d,%r11d
0419 4189c6               > mov     %eax,%r14d
041c 4189c7               > mov     %eax,%r15d
041f 4109de               > or      %ebx,%r14d
0422 4121df               > and     %ebx,%r15d
0425 4121ce               > and     %ecx,%r14d
0428 4509fe               > or      %r15d,%r14d
042b 4501f3               > add     %r14d,%r11d
042e                      round   1, %r11d, %eax, %ebx, %ecx, %edx, %r8d, %r9d, %r10d
042e 4403543e04           > add     1*4(%rsi,%rdi),%r10d
0433 4403543c2c           > add     8+w+1*4(%rsp,%rdi),%r10d
0438 4189d6               > mov     %edx,%r14d
043b 41c1ce0e             > ror     $14,%r14d
043f 4131d6               > xor     %edx,%r14d
0442 41c1ce05             > ror     $5,%r14d
0446 4131d6               > xor     %edx,%r14d
0449 41c1ce06             > ror     $6,%r14d
044d 4501f2               > add     %r14d,%r10d
0450 4589c7               > mov     %r8d,%r15d
0453 4531cf               > xor     %r9d,%r15d
0456 4121d7               > and     %edx,%r15d
0459 4531cf               > xor     %r9d,%r15d
045c 4501fa               > add     %r15d,%r10d
045f 4401d1               > add     %r10d,%ecx
0462 4589de               > mov     %r11d,%r14d
0465 41c1ce09             > ror     $9,%r14d
0469 4531de               > xor     %r11d,%r14d
046c 41c1ce0b             > ror     $11,%r14d
0470 4531de               > xor     %r11d,%r14d
0473 41c1ce02             > ror     $2,%r14d
0477 4501f2               > add     %r14d,%r10d
047a 4589de               > mov     %r11d,%r14d
047d 4589df               > mov     %r11d,%r15d
0480 4109c6               > or      %eax,%r14d
0483 4121c7               > and     %eax,%r15d
0486 4121de               > and     %ebx,%r14d
0489 4509fe               > or      %r15d,%r14d
048c 4501f2               > add     %r14d,%r10d
048f                      round   2, %r10d, %r11d, %eax, %ebx, %ecx, %edx, %r8d, %r9d
048f 44034c3e08           > add     2*4(%rsi,%rdi),%r9d
0494 44034c3c30           > add     8+w+2*4(%rsp,%rdi),%r9d
0499 4189ce               > mov     %ecx,%r14d
049c 41c1ce0e             > ror     $14,%r14d
04a0 4131ce               > xor     %ecx,%r14d
04a3 41c1ce05             > ror     $5,%r14d
04a7 4131ce               > xor     %ecx,%r14d
04aa 41c1ce06             > ror     $6,%r14d
04ae 4501f1               > add     %r14d,%r9d
04b1 4189d7               > mov     %edx,%r15d
04b4 4531c7               > xor     %r8d,%r15d
04b7 4121cf               > and     %ecx,%r15d
04ba 4531c7               > xor     %r8d,%r15d
04bd 4501f9               > add     %r15d,%r9d
04c0 4401cb               > add     %r9d,%ebx
04c3 4589d6               > mov     %r10d,%r14d
04c6 41c1ce09             > ror     $9,%r14d
04ca 4531d6               > xor     %r10d,%r14d
04cd 41c1ce0b             > ror     $11,%r14d
04d1 4531d6               > xor     %r10d,%r14d
04d4 41c1ce02             > ror     $2,%r14d
04d8 4501f1               > add     %r14d,%r9d
04db 4589d6               > mov     %r10d,%r14d
04de 4589d7               > mov     %r10d,%r15d
04e1 4509de               > or      %r11d,%r14d
04e4 4521df               > and     %r11d,%r15d
04e7 4121c6               > and     %eax,%r14d
04ea 4509fe               > or      %r15d,%r14d
04ed 4501f1               > add     %r14d,%r9d
04f0                      round   3, %r9d, %r10d, %r11d, %eax, %ebx, %ecx, %edx, %r8d
04f0 4403443e0c           > add     3*4(%rsi,%rdi),%r8d
04f5 4403443c34           > add     8+w+3*4(%rsp,%rdi),%r8d
04fa 4189de               > mov     %ebx,%r14d
04fd 41c1ce0e             > ror     $14,%r14d
0501 4131de               > xor     %ebx,%r14d
0504 41c1ce05             > ror     $5,%r14d
0508 4131de               > xor     %ebx,%r14d
050b 41c1ce06             > ror     $6,%r14d
050f 4501f0               > add     %r14d,%r8d
0512 4189cf               > mov     %ecx,%r15d
0515 4131d7               > xor     %edx,%r15d
0518 4121df               > and     %ebx,%r15d
051b 4131d7               > xor     %edx,%r15d
051e 4501f8               > add     %r15d,%r8d
0521 4401c0               > add     %r8d,%eax
0524 4589ce               > mov     %r9d,%r14d
0527 41c1ce09             > ror     $9,%r14d
052b 4531ce               > xor     %r9d,%r14d
052e 41c1ce0b             > ror     $11,%r14d
0532 4531ce               > xor     %r9d,%r14d
0535 41c1ce02             > ror     $2,%r14d
0539 4501f0               > add     %r14d,%r8d
053c 4589ce               > mov     %r9d,%r14d
053f 4589cf               > mov     %r9d,%r15d
0542 4509d6               > or      %r10d,%r14d
0545 4521d7               > and     %r10d,%r15d
0548 4521de               > and     %r11d,%r14d
054b 4509fe               > or      %r15d,%r14d
054e 4501f0               > add     %r14d,%r8d
0551                      round   4, %r8d, %r9d, %r10d, %r11d, %eax, %ebx, %ecx, %edx
0551 03543e10             > add     4*4(%rsi,%rdi),%edx
0555 03543c38             > add     8+w+4*4(%rsp,%rdi),%edx
0559 4189c6               > mov     %eax,%r14d
055c 41c1ce0e             > ror     $14,%r14d
0560 4131c6               > xor     %eax,%r14d
0563 41c1ce05             > ror     $5,%r14d
0567 4131c6               > xor     %eax,%r14d
056a 41c1ce06             > ror     $6,%r14d
056e 4401f2               > add     %r14d,%edx
0571 4189df               > mov     %ebx,%r15d
0574 4131cf               > xor     %ecx,%r15d
0577 4121c7               > and     %eax,%r15d
057a 4131cf               > xor     %ecx,%r15d
057d 4401fa               > add     %r15d,%edx
0580 4101d3               > add     %edx,%r11d
0583 4589c6               > mov     %r8d,%r14d
0586 41c1ce09             > ror     $9,%r14d
058a 4531c6               > xor     %r8d,%r14d
058d 41c1ce0b             > ror     $11,%r14d
0591 4531c6               > xor     %r8d,%r14d
0594 41c1ce02             > ror     $2,%r14d
0598 4401f2               > add     %r14d,%edx
059b 4589c6               > mov     %r8d,%r14d
059e 4589c7               > mov     %r8d,%r15d
05a1 4509ce               > or      %r9d,%r14d
05a4 4521cf               > and     %r9d,%r15d
05a7 4521d6               > and     %r10d,%r14d
05aa 4509fe               > or      %r15d,%r14d
05ad 4401f2               > add     %r14d,%edx
05b0                      round   5, %edx, %r8d, %r9d, %r10d, %r11d, %eax, %ebx, %ecx
05b0 034c3e14             > add     5*4(%rsi,%rdi),%ecx
05b4 034c3c3c             > add     8+w+5*4(%rsp,%rdi),%ecx
05b8 4589de               > mov     %r11d,%r14d
05bb 41c1ce0e             > ror     $14,%r14d
05bf 4531de               > xor     %r11d,%r14d
05c2 41c1ce05             > ror     $5,%r14d
05c6 4531de               > xor     %r11d,%r14d
05c9 41c1ce06             > ror     $6,%r14d
05cd 4401f1               > add     %r14d,%ecx
05d0 4189c7               > mov     %eax,%r15d
05d3 4131df               > xor     %ebx,%r15d
05d6 4521df               > and     %r11d,%r15d
05d9 4131df               > xor     %ebx,%r15d
05dc 4401f9               > add     %r15d,%ecx
05df 4101ca               > add     %ecx,%r10d
05e2 4189d6               > mov     %edx,%r14d
05e5 41c1ce09             > ror     $9,%r14d
05e9 4131d6               > xor     %edx,%r14d
05ec 41c1ce0b             > ror     $11,%r14d
05f0 4131d6               > xor     %edx,%r14d
05f3 41c1ce02             > ror     $2,%r14d
05f7 4401f1               > add     %r14d,%ecx
05fa 4189d6               > mov     %edx,%r14d
05fd 4189d7               > mov     %edx,%r15d
0600 4509c6               > or      %r8d,%r14d
0603 4521c7               > and     %r8d,%r15d
0606 4521ce               > and     %r9d,%r14d
0609 4509fe               > or      %r15d,%r14d
060c 4401f1               > add     %r14d,%ecx
060f                      round   6, %ecx, %edx, %r8d, %r9d, %r10d, %r11d, %eax, %ebx
060f 035c3e18             > add     6*4(%rsi,%rdi),%ebx
0613 035c3c40             > add     8+w+6*4(%rsp,%rdi),%ebx
0617 4589d6               > mov     %r10d,%r14d
061a 41c1ce0e             > ror     $14,%r14d
061e 4531d6               > xor     %r10d,%r14d
0621 41c1ce05             > ror     $5,%r14d
0625 4531d6               > xor     %r10d,%r14d
0628 41c1ce06             > ror     $6,%r14d
062c 4401f3               > add     %r14d,%ebx
062f 4589df               > mov     %r11d,%r15d
0632 4131c7               > xor     %eax,%r15d
0635 4521d7               > and     %r10d,%r15d
0638 4131c7               > xor     %eax,%r15d
063b 4401fb               > add     %r15d,%ebx
063e 4101d9               > add     %ebx,%r9d
0641 4189ce               > mov     %ecx,%r14d
0644 41c1ce09             > ror     $9,%r14d
0648 4131ce               > xor     %ecx,%r14d
064b 41c1ce0b             > ror     $11,%r14d
064f 4131ce               > xor     %ecx,%r14d
0652 41c1ce02             > ror     $2,%r14d
0656 4401f3               > add     %r14d,%ebx
0659 4189ce               > mov     %ecx,%r14d
065c 4189cf               > mov     %ecx,%r15d
065f 4109d6               > or      %edx,%r14d
0662 4121d7               > and     %edx,%r15d
0665 4521c6               > and     %r8d,%r14d
0668 4509fe               > or      %r15d,%r14d
066b 4401f3               > add     %r14d,%ebx
066e                      round   7, %ebx, %ecx, %edx, %r8d, %r9d, %r10d, %r11d, %eax
066e 03443e1c             > add     7*4(%rsi,%rdi),%eax
0672 03443c44             > add     8+w+7*4(%rsp,%rdi),%eax
0676 4589ce               > mov     %r9d,%r14d
0679 41c1ce0e             > ror     $14,%r14d
067d 4531ce               > xor     %r9d,%r14d
0680 41c1ce05             > ror     $5,%r14d
0684 4531ce               > xor     %r9d,%r14d
0687 41c1ce06             > ror     $6,%r14d
068b 4401f0               > add     %r14d,%eax
068e 4589d7               > mov     %r10d,%r15d
0691 4531df               > xor     %r11d,%r15d
0694 4521cf               > and     %r9d,%r15d
0697 4531df               > xor     %r11d,%r15d
069a 4401f8               > add     %r15d,%eax
069d 4101c0               > add     %eax,%r8d
06a0 4189de               > mov     %ebx,%r14d
06a3 41c1ce09             > ror     $9,%r14d
06a7 4131de               > xor     %ebx,%r14d
06aa 41c1ce0b             > ror     $11,%r14d
06ae 4131de               > xor     %ebx,%r14d
06b1 41c1ce02             > ror     $2,%r14d
06b5 4401f0               > add     %r14d,%eax
06b8 4189de               > mov     %ebx,%r14d
06bb 4189df               > mov     %ebx,%r15d
06be 4109ce               > or      %ecx,%r14d
06c1 4121cf               > and     %ecx,%r15d
06c4 4121d6               > and     %edx,%r14d
06c7 4509fe               > or      %r15d,%r14d
06ca 4401f0               > add     %r14d,%eax
06cd 83c720               add     $32, %edi
06d0 81ff00010000         cmp     $256, %edi
06d6 0f82f2fcffff         jb      plain_rounds
06dc 01442414             add     %eax, 8+state+12(%rsp)
06e0 015c2410             add     %ebx, 8+state+8(%rsp)
06e4 014c2424             add     %ecx, 8+state+28(%rsp)
06e8 01542420             add     %edx, 8+state+24(%rsp)
06ec 440144240c           add     %r8d, 8+state+4(%rsp)
06f1 44014c2408           add     %r9d, 8+state+0(%rsp)
06f6 440154241c           add     %r10d, 8+state+20(%rsp)
06fb 44015c2418           add     %r11d, 8+state+16(%rsp)
0700 488bb42428010000     mov     8+data_left(%rsp), %rsi
0708 488b8c2430010000     mov     8+blocks_left(%rsp), %rcx
0710 48ffc9               dec     %rcx
0713 0f8527fcffff         jnz     plain_block
0719 c3                   ret
071a 000000000000         .balign 16, 0
0720                  gdt:
0720 00000000000000000000000000000000     .quad   0, 0
0730 ffff0000009baf00     .quad   0x00af9b000000ffff
0738 ffff00000093cf00     .quad   0x00cf93000000ffff
0740                  gdt_end:
0740                  big_endian:
0740 03020100070605040b0a09080f0e0d0c     .quad   0x0405060700010203, 0x0c0d0e0f08090a0b
0750                  initial_state:
0750 8c68059b7f520e5185ae67bb67e6096a     .long   0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667
0760 19cde05babd9831f3af54fa572f36e3c     .long   0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372
0770                  constants:
0770 982f8a4291443771cffbc0b5a5dbb5e9     .long   0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
0780 5bc25639f111f159a4823f92d55e1cab     .long   0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
0790 98aa07d8015b8312be853124c37d0c55     .long   0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
07a0 745dbe72feb1de80a706dc9b74f19bc1     .long   0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
07b0 c1699be48647beefc69dc10fcca10c24     .long   0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
07c0 6f2ce92daa84744adca9b05cda88f976     .long   0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
07d0 52513e986dc631a8c82703b0c77f59bf     .long   0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
07e0 f30be0c64791a7d55163ca0667292914     .long   0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
07f0 850ab72738211b2efc6d2c4d130d3853     .long   0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
0800 54730a65bb0a6a762ec9c281852c7292     .long   0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
0810 a1e8bfa24b661aa8708b4bc2a3516cc7     .long   0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
0820 19e892d1240699d685350ef470a06a10     .long   0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
0830 16c1a419086c371e4c774827b5bcb034     .long   0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
0840 b30c1c394aaad84e4fca9c5bf36f2e68     .long   0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
0850 ee828f746f63a5781478c8840802c78c     .long   0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
0860 faffbe90eb6c50a4f7a3f9bef27871c6     .long   0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
0870 00000000000000000000000000000000     .balign 64, 0
`;
