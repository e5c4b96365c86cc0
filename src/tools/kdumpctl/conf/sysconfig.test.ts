/** The sysconfig file, as the user meets it; what it assigns, as the shell says it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bootApicIdOf, captureCommandLine } from './capture-command-line.ts';
import { Problems, problemLine } from './problem.ts';
import { readAssignments } from './shell-assignments.ts';
import { defaultSysconfig, parseSysconfig, type Sysconfig } from './sysconfig.ts';

const file = '/etc/sysconfig/kdump';
const said = (text: string): string[] =>
  parseSysconfig(text, file).problems.map((problem) =>
    problemLine(problem)
      .replace(`${file}:`, '')
      .replace(/ \[E_USAGE\]$/, ''),
  );
function parse(text: string): Sysconfig {
  assert.deepEqual(said(text), []);
  return parseSysconfig(text, file).sysconfig;
}

/** What one variable is in the end, and what was wrong. */
function assigned(text: string): { readonly value: string | undefined; readonly problems: number } {
  const problems = new Problems(file);
  const value = readAssignments(text, problems).findLast(({ name }) => name === 'A')?.value;
  return { value, problems: problems.all.length };
}

describe('an assignment', () => {
  const texts = [
    'A=plain',
    'A=',
    "A='single $x `y` \\ \"'",
    'A="double \\"quoted\\" \\$x \\` \\\\ \\n end"',
    'A=a"b c"\'d e\'f',
    'A=a\\ b\\"c',
    'A=one # comment',
    'A=one#not',
    'A="x # y"',
    'export A="x"',
    'A=1; A=2',
    'A=1 B=2',
    'A="two\nlines"',
    'A="con\\\ntinued"',
    'A=con\\\ntinued',
    'A=1\nA+=" more"',
    'A="5$"',
    'A=5$',
    'A=*',
    '  A=indented  ',
    '# A=no\n\n',
  ];
  for (const text of texts) {
    it(`is what bash makes of ${JSON.stringify(text)}`, () => {
      const script = `unset A\n${text}\nprintf '%s' "\${A-unset}"`;
      const { stdout, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
      assert.equal(status, 0);
      assert.deepEqual(assigned(text), { value: stdout === 'unset' ? undefined : stdout, problems: 0 });
    });
  }

  it('that a program would have to work out is refused', () => {
    for (const text of [
      'A=$B',
      'A="$B"',
      'A="$' + '{B}"',
      'A=$(reboot)',
      'A="`reboot`"',
      'A=`reboot`',
      'A=~/x',
      'A=(1 2)',
      'A=1 & reboot',
      'A=1|reboot',
      'A=a>b',
      'A=$"x"',
      "A=$'x'",
    ]) {
      assert.deepEqual(assigned(text), { value: undefined, problems: 1 }, text);
    }
  });
});

const wrong: readonly (readonly [rule: string, text: string, lines: readonly string[]])[] = [
  [
    'a variable',
    '\nKEXEC_ARGS="$X"',
    [
      '2: "$" would have to be expanded; nothing is run or expanded here: write the value itself, in single quotes',
    ],
  ],
  [
    'a command substitution',
    'KEXEC_ARGS=`x`',
    [
      '1: "`" would have to be expanded; nothing is run or expanded here: write the value itself, in single quotes',
    ],
  ],
  [
    'a redirection',
    'KEXEC_ARGS=a>b',
    ['1: ">" outside of quotes; nothing is run or expanded here: write the value itself, in single quotes'],
  ],
  [
    'an array',
    'KEXEC_ARGS=(a b)',
    ["1: a value that begins with ~ or (; put the value in single quotes: '…'"],
  ],
  [
    'a value without quotes',
    'KDUMP_COMMANDLINE_APPEND=irqpoll nr_cpus',
    [
      '1: KDUMP_COMMANDLINE_APPEND is followed by "nr_cpus", which a shell would run as a command; put all of the value in quotes: KDUMP_COMMANDLINE_APPEND="…"',
    ],
  ],
  [
    'another, which looks like an assignment',
    'KDUMP_COMMANDLINE_APPEND=irqpoll nr_cpus=1',
    [
      '1: "nr_cpus=1" is not in the value of KDUMP_COMMANDLINE_APPEND; put all of the value in quotes: KDUMP_COMMANDLINE_APPEND="…"',
    ],
  ],
  [
    'blanks around =',
    'KEXEC_ARGS = "-s"',
    ['1: "KEXEC_ARGS = "-s"" has a blank before =; write NAME="VALUE", without blanks'],
  ],
  [
    'a command',
    '. /etc/other',
    ['1: ". /etc/other" assigns nothing; write NAME="VALUE"; nothing is run here'],
  ],
  ['a quote left open', 'KEXEC_ARGS="-s\nKDUMP_IMG=x\n', ['1: a quote " that is not closed; close it']],
  [
    'a mistyped name',
    'KDUMP_COMMANDLINE_APEND="x"',
    ['1: warning: KDUMP_COMMANDLINE_APEND has no effect; did you mean "KDUMP_COMMANDLINE_APPEND"?'],
  ],
  ['another name', 'MKDUMPRD_ARGS="x"', ['1: warning: MKDUMPRD_ARGS has no effect; remove the line']],
  [
    'another log level',
    'KDUMP_STDLOGLVL=7',
    [
      '1: "7" is not a value of KDUMP_STDLOGLVL; write 0 (nothing), 1 (errors), 2 (warnings), 3 (what is done) or 4 (details)',
    ],
  ],
  [
    'a folder that is not a full path',
    'KDUMP_BOOTDIR=boot',
    ['1: KDUMP_BOOTDIR "boot" is not a full path; write "/boot"'],
  ],
  [
    'a quote left open for the kernel',
    "KDUMP_COMMANDLINE_APPEND='dyndbg=\"x'",
    ['1: KDUMP_COMMANDLINE_APPEND has a double quote that is not closed; close it, or leave it out'],
  ],
  [
    'too long a command line',
    `KDUMP_COMMANDLINE=${'x'.repeat(2048)}`,
    ['1: KDUMP_COMMANDLINE is longer than a kernel takes; write 2047 bytes or fewer'],
  ],
  [
    'a second reservation',
    'KDUMP_COMMANDLINE_APPEND="quiet crashkernel=64M"',
    [
      '1: warning: crashkernel= in the capture kernel takes memory from the little that it has; leave it out of KDUMP_COMMANDLINE_APPEND',
    ],
  ],
  [
    'firmware-assisted dumps',
    'FADUMP_COMMANDLINE_APPEND="nr_cpus=16"',
    [
      '1: warning: FADUMP_COMMANDLINE_APPEND has no effect: firmware-assisted dumps are POWER only; write it into KDUMP_COMMANDLINE_APPEND if it is meant for the capture kernel',
    ],
  ],
];

describe('the sysconfig file', () => {
  for (const [rule, text, lines] of wrong) {
    it(`answers ${rule} with its line`, () => assert.deepEqual(said(text), lines));
  }

  it('says all that can be said', () => {
    assert.deepEqual(
      parse(`KDUMP_KERNELVER="6.1.0"
KDUMP_COMMANDLINE="ro  console=ttyS0"
KDUMP_COMMANDLINE_REMOVE="quiet hugepages=4"
KDUMP_COMMANDLINE_APPEND="irqpoll nr_cpus=1"
FADUMP_COMMANDLINE_APPEND=""
KEXEC_ARGS="-s --hotplug"
KDUMP_BOOTDIR=/boot
KDUMP_IMG="Image"
KDUMP_IMG_EXT=".gz"
VMCORE_CREATION_NOTIFICATION="Yes"
KDUMP_STDLOGLVL=4
KDUMP_SYSLOGLVL=1
KDUMP_KMSGLOGLVL=2
`),
      {
        kernelVersion: '6.1.0',
        commandLine: {
          base: 'ro console=ttyS0',
          remove: ['quiet', 'hugepages'],
          append: 'irqpoll nr_cpus=1',
        },
        kexecArgs: ['-s', '--hotplug'],
        bootFolder: '/boot',
        image: { name: 'Image', extension: '.gz' },
        notify: true,
        logLevels: { stderr: 4, syslog: 1, kernelLog: 2 },
      } satisfies Sysconfig,
    );
  });

  it('that assigns nothing leaves what kdumpctl takes then, and without a file there are defaults that boot', () => {
    assert.deepEqual(parse(''), {
      kernelVersion: undefined,
      commandLine: { base: undefined, remove: ['hugepages', 'hugepagesz', 'slub_debug'], append: '' },
      kexecArgs: [],
      bootFolder: undefined,
      image: { name: 'vmlinuz', extension: '' },
      notify: false,
      logLevels: { stderr: 3, syslog: 0, kernelLog: 0 },
    } satisfies Sysconfig);
    for (const arch of ['x86_64', 'aarch64']) {
      assert.match(defaultSysconfig(arch).commandLine.append, /\bnr_cpus=1 reset_devices\b/);
      assert.deepEqual(defaultSysconfig(arch).kexecArgs, []);
    }
    assert.equal(defaultSysconfig('constructor').commandLine.append, '');
  });

  it('never throws, whatever is in it', () => {
    const piece = fc.constantFrom(
      'A=',
      'KEXEC_ARGS=',
      '"',
      "'",
      '$',
      '`',
      '\\',
      '\n',
      ' ',
      '#',
      '(',
      '+=',
      'export ',
      '~',
      ';',
      '\r',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(piece, fc.string())).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (content) => {
        for (const problem of parseSysconfig(content, file).problems) {
          assert.match(problemLine(problem), /^\/etc\/sysconfig\/kdump:\d+: .+; .+ \[E_[A-Z_]+\]$/);
        }
      }),
    );
  });
});

describe("the capture kernel's command line", () => {
  const machine = { commandLine: '', bootApicId: undefined, watchdogs: [] };
  const lineOf = (text: string, commandLine: string): string =>
    captureCommandLine(parse(text), { ...machine, commandLine });

  it('is the running one without what must not be carried over, as often as it is there', () => {
    assert.equal(
      lineOf(
        '',
        'BOOT_IMAGE=/vmlinuz root=UUID=1 ro crashkernel=256M,high crashkernel=72M,low panic_on_warn rd.lvm.lv=a/b rd.luks.uuid=1 ' +
          'noinitrd rdinit=/x nomodule rd.dm.uuid=1 rd.md.uuid=1 fcoe=x netroot=iscsi:x rd.iscsi.initiator=x iscsi_initiator=x rootflags=x hugepages=9 console=ttyS0',
      ),
      'BOOT_IMAGE=/vmlinuz ro rootflags=x console=ttyS0 rd.systemd.gpt_auto=no',
    );
  });

  it('is without what the file removes, and with what it adds', () => {
    const text =
      'KDUMP_COMMANDLINE_REMOVE="quiet slub_debug=x"\nKDUMP_COMMANDLINE_APPEND="root=/dev/x  nr_cpus=1"';
    assert.equal(
      lineOf(text, 'quiet=1 quiet slub_debug=FZ dyndbg="file a.c +p" "x=crashkernel=1 y" empty= quieter'),
      'dyndbg="file a.c +p" "x=crashkernel=1 y" quieter root=/dev/x nr_cpus=1 rd.systemd.gpt_auto=no',
    );
  });

  it('is what the file says in place of the running one', () => {
    assert.equal(lineOf('KDUMP_COMMANDLINE="ro root=/dev/x"', 'quiet'), 'ro rd.systemd.gpt_auto=no');
  });

  it('adds nothing behind --, where it would be for init', () => {
    assert.equal(
      lineOf('KDUMP_COMMANDLINE_APPEND=nr_cpus=1', 'ro -- single'),
      'ro nr_cpus=1 rd.systemd.gpt_auto=no',
    );
  });

  it('keeps the other processors and the watchdogs quiet', () => {
    assert.equal(
      captureCommandLine(parse(''), { commandLine: 'ro', bootApicId: 16, watchdogs: ['iTCO_wdt', 'hpwdt'] }),
      'ro disable_cpu_apicid=16 iTCO_wdt.pretimeout=0 hpwdt.pretimeout=0 hpwdt.kdumptimeout=0 rd.systemd.gpt_auto=no',
    );
  });

  it('knows the processor that booted from /proc/cpuinfo', () => {
    const cpuinfo =
      'processor\t: 1\napicid\t\t: 3\n\nprocessor\t: 0\ninitial apicid\t: 9\napicid\t\t: 16\n\n';
    assert.equal(bootApicIdOf(cpuinfo), 16);
    assert.equal(bootApicIdOf('processor\t: 0\nBogoMIPS\t: 48.00\n'), undefined);
  });
});
