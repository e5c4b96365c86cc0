import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { listIrqs } from './irq.ts';

const common = `
  struct cpumask { unsigned long bits[1]; };
  struct irq_chip { char *name; void *irq_print_chip; };
  struct gic_chip_data { u64 base[4]; };
  struct irq_domain { char *name; };
  struct irqaction { void *handler; void *thread_fn; struct task_struct *thread; struct irqaction *next; char *name; };
  struct irq_data { unsigned long hwirq; struct irq_chip *chip; struct irq_domain *domain; void *chip_data; };
`;
const counters =
  'struct irq_cpustat_t { int softirq; unsigned int __nmi_count; unsigned int apic_timer_irqs; };';

const forms = {
  /** 6.1, with masks behind pointers: an xarray of pointers to unsigned int counts. */
  'until 6.4': `${common} ${counters}
    struct task_struct { int pid; };
    struct xarray { int lock; unsigned int flags; void *xa_head; };
    struct xa_node { unsigned char shift; unsigned char offset; struct xa_node *parent; void *slots[64]; };
    struct irq_common_data { struct cpumask *affinity; };
    struct irq_desc { struct irq_common_data irq_common_data; struct irq_data irq_data; unsigned int *kstat_irqs; void *handle_irq;
      struct irqaction *action; unsigned int depth; struct cpumask *percpu_enabled; char *name; };`,
  /** 7.2, few CPUs: a maple tree with one entry, counts in a structure, masks in place, x86's own counts by a table. */
  'since 7.2': `${common}
    struct task_struct { int pid; };
    struct maple_tree { int ma_lock; unsigned int ma_flags; void *ma_root; };
    struct maple_range_64 { void *parent; unsigned long pivot[15]; void *slot[16]; };
    struct maple_arange_64 { void *parent; unsigned long pivot[9]; void *slot[10]; };
    struct irqstat { unsigned int cnt; };
    struct irq_stat_info { unsigned int skip_vector; char *symbol; char *text; };
    struct irq_cpustat_t { int softirq; unsigned int counts[2]; };
    struct irq_common_data { struct cpumask affinity[1]; };
    struct irq_desc { struct irq_common_data irq_common_data; struct irq_data irq_data; struct irqstat *kstat_irqs; void *handle_irq;
      struct irqaction *action; unsigned int depth; struct cpumask *percpu_enabled; char *name; };`,
};
type Form = keyof typeof forms;

function machine(form: Form) {
  const isOld = form === 'until 6.4';
  const made = new CKernel(new CTypes(forms[form]));
  const step = 64n;
  const perCpu = made.space(256);
  const counts = isOld ? 'unsigned int' : 'irqstat';
  const setCount = (at: bigint, value: number): void =>
    made.set(counts, at, isOld ? { '': value } : { cnt: value });
  setCount(perCpu, 7);
  setCount(perCpu + step, 35);
  const stat = made.space(256);
  for (const [cpu, nmi, timer] of [
    [0n, 1, 100],
    [1n, 0, 90],
  ] as const)
    made.set(
      'irq_cpustat_t',
      stat + cpu * step,
      isOld ? { __nmi_count: nmi, apic_timer_irqs: timer } : { 'counts[0]': nmi, 'counts[1]': timer },
    );
  const mask = made.place('cpumask', { 'bits[0]': 2 });
  const second = made.place('irqaction', { name: made.text('usb1'), handler: 0x1000n });
  const first = made.place('irqaction', {
    name: made.text('eth0'),
    handler: 0x2000n,
    thread_fn: 0x3000n,
    thread: made.place('task_struct', { pid: 77 }),
    next: second,
  });
  const desc = made.place(
    'irq_desc',
    {
      ...(isOld ? { 'irq_common_data.affinity': mask } : { 'irq_common_data.affinity[0].bits[0]': 2 }),
      'irq_data.hwirq': 49152,
      'irq_data.chip': made.place('irq_chip', { name: made.text('PCI-MSI') }),
      kstat_irqs: perCpu,
      handle_irq: 0x4000n,
      action: first,
      depth: 1,
      name: made.text('edge'),
    },
    64,
  );
  const symbols: Record<string, bigint> = {
    __per_cpu_offset: made.longs(0, step),
    __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 3 }),
    irq_stat: stat,
  };
  if (isOld) {
    const unnamed = made.place('irq_desc', {
      'irq_data.domain': made.place('irq_domain', { name: made.text(':intc@8000000') }),
      percpu_enabled: mask,
      depth: 1,
    });
    const node = made.place('xa_node', { shift: 0, 'slots[5]': desc, 'slots[63]': unnamed }, 64);
    symbols.irq_desc_tree = made.place('xarray', { xa_head: node | 2n });
  } else {
    symbols.sparse_irqs = made.place('maple_tree', { ma_root: desc });
    const info = made.space(48);
    made.set('irq_stat_info', info, { symbol: made.text('NMI') });
    made.set('irq_stat_info', info + 24n, { symbol: made.text('LOC') });
    symbols.irq_stat_info = info;
  }
  return { made, symbols, desc, first, second };
}

describe('interrupts', () => {
  for (const form of Object.keys(forms) as Form[]) {
    it(`have a chip, handlers, counts and CPUs (${form})`, () => {
      const { made, symbols, desc } = machine(form);
      const { cpus, irqs, cpuInterrupts, missing } = listIrqs(made.crashed(symbols));
      assert.deepEqual(missing, []);
      assert.deepEqual(cpus, [0, 1]);
      assert.deepEqual(irqs[0], {
        irq: form === 'until 6.4' ? 5 : 0,
        chip: 'PCI-MSI',
        hwirq: 49152,
        name: 'edge',
        flow: '0x4000',
        actions: [
          { name: 'eth0', handler: '0x2000', thread: { handler: '0x3000', pid: 77 } },
          { name: 'usb1', handler: '0x1000', thread: null },
        ],
        counts: [7, 35],
        disabled: 1,
        affinity: [1],
        effectiveAffinity: null,
        address: `0x${desc.toString(16)}`,
      });
      assert.deepEqual(cpuInterrupts, [
        { name: 'NMI', counts: [1, 0] },
        { name: 'LOC', counts: [100, 90] },
      ]);
    });
  }

  it('are called after their domain when the chip has no name, and are nowhere disabled that each CPU enables', () => {
    const { made, symbols } = machine('until 6.4');
    const { irqs } = listIrqs(made.crashed(symbols));
    const { irq, chip, disabled, counts, actions } = irqs[1]!;
    assert.deepEqual(
      { irq, chip, disabled, counts, actions },
      {
        irq: 63,
        chip: ':intc@8000000',
        disabled: null,
        counts: [0, 0],
        actions: [],
      },
    );
  });

  it('are called as the GICv2 prints itself, which has no name', () => {
    const { made, symbols, desc } = machine('until 6.4');
    symbols.gic_irq_print_chip = 0x5000n;
    symbols.gic_data = made.space(64);
    made.set('irq_desc', desc, {
      'irq_data.chip': made.place('irq_chip', { irq_print_chip: 0x5000n }),
      'irq_data.chip_data': symbols.gic_data + 32n,
    });
    assert.equal(listIrqs(made.crashed(symbols)).irqs[0]!.chip, 'GIC-1');
  });

  it('end with handlers that go round, and with one that is nowhere', () => {
    const round = machine('until 6.4');
    round.made.set('irqaction', round.second, { next: round.first });
    const { irqs, missing } = listIrqs(round.made.crashed(round.symbols));
    assert.deepEqual(
      irqs[0]!.actions.map(({ name }) => name),
      ['eth0', 'usb1'],
    );
    assert.deepEqual(missing, ['interrupt 5: the handlers of an interrupt: their list goes round']);

    const nowhere = machine('until 6.4');
    nowhere.made.set('irqaction', nowhere.second, { name: 0x1234n });
    const found = listIrqs(nowhere.made.crashed(nowhere.symbols));
    assert.deepEqual(
      found.irqs[0]!.actions.map(({ name }) => name),
      ['eth0'],
    );
    assert.match(found.missing.join('\n'), /^interrupt 5: a handler: /);
  });

  it('are none, with the reason, when nothing tells where they are', () => {
    const { made, symbols } = machine('until 6.4');
    delete symbols.irq_desc_tree;
    const { irqs, missing } = listIrqs(made.crashed(symbols));
    assert.deepEqual(irqs, []);
    assert.match(missing[0]!, /^the interrupts: no symbol irq_desc_tree/);
  });
});
